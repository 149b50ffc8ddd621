"""`nmmjax ablate`: sample a finished run's target again without some of its constraints."""

import copy
import math
import pathlib
import time
import tomllib
from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import tomli_w

from nmmjax.cli.engines import build_engine, burn_in_of, options_of
from nmmjax.cli.session import refuse_plugins, start_jax
from nmmjax.cli.terminal import out, say
from nmmjax.constraints.switched import Switched, switched, turned
from nmmjax.errors import InputError, suggest
from nmmjax.results import ablation, open_run, tables, terms, text
from nmmjax.results.ablation import Without
from nmmjax.results.rundir import Run
from nmmjax.results.shards import Shards
from nmmjax.runfile.build import build_posterior, read, resolved
from nmmjax.samplers import diagnostics
from nmmjax.samplers.engines.ensemble import Ensemble
from nmmjax.samplers.store.files import Folder, StoreError
from nmmjax.target.posterior import Posterior
from nmmjax.textfile import differences

_WALKERS = 32  # of each of four ensembles, at least; twice the dimensions where that is more
_FEWEST = 4  # blocks, half of which are kept
_MOST_BLOCKS = 80
_KEPT = 0.5  # of the blocks, the last ones
_UNTOUCHED = -0.01  # ln L of a constraint that no draw feels
_DIRECT = "direct"
_AS_IT_IS = "as it is"


class Place(NamedTuple):
    """What is kept of each draw: |mu_nu|, whether it is allowed, ln L of every constraint."""

    moment: np.ndarray
    allowed: np.ndarray
    log_l: dict[str, np.ndarray]


def ablate_run(
    directory: pathlib.Path,
    without: Sequence[str],
    minutes: float,
    runfile: pathlib.Path | None,
    no_plugins: bool = False,
) -> None:
    """Print what changes without each constraint, and keep it in ablation.json."""
    run = open_run(directory)
    tables.refuse_without_draws(run, "to start from")
    chosen = _chosen(run, without)
    start_jax()
    posterior = _posterior(run, runfile, no_plugins)
    rows = {row.name: row for row in (*ablation.read(run), _as_it_is(run))}
    for i, (name, removed) in enumerate(chosen.items()):
        say(f"without {name} ({i + 1} of {len(chosen)})")
        off = _without(posterior, removed)
        rows[name] = _resampled(run, off, name, removed, 60.0 * minutes / len(chosen))
    found = (rows.pop(_AS_IT_IS), *sorted(rows.values(), key=lambda r: -r.excluded))
    try:
        with Folder(directory) as folder:
            (folder / ablation.NAME).replace(ablation.written(run, found).encode())
    except (OSError, StoreError) as error:
        raise InputError(f"cannot write '{ablation.path(run)}': {error}") from None
    out(text.ablation_text(found) + "\n")


def _chosen(run: Run, without: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Name of each row -> constraints that it leaves out; by default every active one.

    Raises InputError for a constraint that the run does not have.
    """
    known = [*run.resolved["physics"].get("constraints", {})]
    if not known:
        raise InputError(f"'{run.directory}' has no constraint that could be left out")
    moments = tuple(t.name for t in terms.constraints(run) if terms.direct(t))
    if not without:
        active = [n for n in known if np.min(run.read(n, "log_likelihood")) < _UNTOUCHED]
        each = {n: (n,) for n in active}
        all_direct = {ablation.DIRECT: moments} if set(moments) & set(active) else {}
        return _once(all_direct | each)
    found = {}
    for words in without:
        names = moments if words == _DIRECT else tuple(w.strip() for w in words.split(","))
        for name in names:
            if name not in known:
                raise InputError(
                    f"--without: the run has no constraint '{name}'{suggest(name, known)}"
                )
        if not names:
            raise InputError("--without direct: no constraint of the run limits a moment")
        found[ablation.DIRECT if set(names) == set(moments) else ", ".join(names)] = names
    return found


def _once(rows: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The rows without those that leave out what an earlier one does."""
    seen: dict[frozenset[str], str] = {}
    return {n: r for n, r in rows.items() if seen.setdefault(frozenset(r), n) == n}


def _posterior(run: Run, runfile: pathlib.Path | None, no_plugins: bool) -> Posterior:
    """The target of the run, every constraint with a switch; InputError if it is another one."""
    first = run.parts[0] if isinstance(run, Shards) else run
    where = runfile or first.directory / "run.toml"
    overrides = [] if runfile else [str(x) for x in np.ravel(run.attributes.get("overrides", []))]
    try:
        given, _ = read(where, overrides)
        refuse_plugins(no_plugins, given.model.name)
        posterior = build_posterior(given, str(where))
    except InputError as error:
        if runfile or no_plugins:
            raise
        hint = "To look beside the run file itself, name it: --runfile FILE"
        raise InputError(f"{error}. {hint}") from None
    engine = build_engine(given.engine, str(where))
    options = {"name": given.engine.name} | options_of(engine)
    tree = resolved(given, posterior, options, burn_in_of(given, engine, str(where)))
    if found := differences(run.resolved["physics"], _as_toml(tree["physics"]), "physics"):
        raise InputError(
            f"'{where}' is no longer the target of '{run.directory}': {found[0]}. Give the run "
            "file that it was made with, --runfile"
        )
    return _with(posterior, tuple(switched(c) for c in posterior.constraints))


def _as_toml(tree: Any) -> Any:
    return tomllib.loads(tomli_w.dumps(tree))


def _with(posterior: Posterior, constraints: tuple[Switched, ...]) -> Posterior:
    made = copy.copy(posterior)
    object.__setattr__(made, "constraints", constraints)
    return made


def _without(posterior: Posterior, removed: tuple[str, ...]) -> Posterior:
    constraints = tuple(c for c in posterior.constraints if isinstance(c, Switched))
    return _with(posterior, turned(constraints, removed))


def _as_it_is(run: Run) -> Without:
    """The row of the stored draws themselves."""
    moment = np.abs(run.read("mu_nu")) if run.has("mu_nu") else None
    allowed = run.read("allowed", "target") == 1
    few = run.few(2**18)
    lp = run.read("lp", "sample_stats")
    rhat = diagnostics.rhat(lp[few], run.ensemble[few])
    return _row(_AS_IT_IS, (), moment, allowed, 0.0, rhat)


def _resampled(
    run: Run, target: Posterior, name: str, removed: tuple[str, ...], seconds: float
) -> Without:
    """Draws of the target without `removed`, the first half of them discarded."""
    began = time.monotonic()
    walkers = max(_WALKERS, 2 * target.dim)
    engine = Ensemble(walkers=walkers)
    key_start, key_init, key = jr.split(jr.key(run.resolved["sampling"]["seed"]), 3)
    state = engine.init(key_init, target, _starts(run, target, engine.chains, key_start))
    blocks = []
    while len(blocks) < _FEWEST or (
        time.monotonic() - began < seconds and len(blocks) < _MOST_BLOCKS
    ):
        state, block = engine.advance(key, target, state)
        blocks.append((np.asarray(block.draws), np.asarray(block.stats["lp"])))
    kept = blocks[round(_KEPT * len(blocks)) :]
    draws, lp = (np.concatenate(parts, axis=1) for parts in zip(*kept, strict=True))
    found = _places(target, draws)
    lost = np.sum([found.log_l[n] for n in removed], axis=0)
    lost -= np.max(lost)  # a common factor takes nothing away
    judged = [lp] + ([] if not run.has("mu_nu") else [found.moment])
    rhat = max(diagnostics.rhat(x, engine.groups) for x in judged)
    moment = found.moment if run.has("mu_nu") else None
    return _row(name, removed, moment, found.allowed, float(-np.mean(np.expm1(lost))), rhat)


def _starts(run: Run, target: Posterior, count: int, key: jax.Array) -> jax.Array:
    """Chart positions of stored draws, at random among those of finite density."""
    total = len(run.ensemble) * run.committed
    picked = np.asarray(jr.choice(key, total, (min(4 * count, total),), replace=False))
    theta = {n: jnp.asarray(run.read(n).ravel()[picked]) for n in run.sampled}
    fixed = {n: jnp.full(len(picked), x) for n, x in target.chart.fixed}
    positions, density = _at(target, theta | fixed)
    found = np.asarray(positions)[np.isfinite(np.asarray(density))][:count]
    if len(found) < count:
        raise InputError(
            f"'{run.directory}' holds too few draws to start from: {len(found)}, needed {count}"
        )
    return jnp.asarray(found)


@eqx.filter_jit
def _at(target: Posterior, theta: dict[str, jax.Array]) -> tuple[jax.Array, jax.Array]:
    positions = jax.vmap(target.z)(theta)
    return positions, jax.vmap(target.log_density)(positions)


def _places(target: Posterior, draws: np.ndarray) -> Place:
    """What is kept of draws (chain, draw, dim)."""
    chains, count, dim = draws.shape
    found = _look(target, jnp.asarray(draws.reshape(-1, dim)))
    shaped = jax.tree.map(lambda x: np.asarray(x).reshape(chains, count), found)
    return Place(*shaped)


@eqx.filter_jit
def _look(target: Posterior, positions: jax.Array) -> tuple[Any, Any, Any]:
    def at(z):
        theta = target.theta(z)
        observed = target.model.predict(theta) | theta
        log_l = {c.name: _inner(c).log_likelihood(observed) for c in target.constraints}
        moment = jnp.abs(observed.get("mu_nu", jnp.nan))
        return moment, target.allowed(theta), log_l

    return jax.vmap(at)(positions)


def _inner(constraint: Any) -> Any:
    return constraint.inner if isinstance(constraint, Switched) else constraint


def _row(
    name: str,
    removed: tuple[str, ...],
    moment: np.ndarray | None,
    allowed: np.ndarray,
    excluded: float,
    rhat: float,
) -> Without:
    nan = math.nan
    if moment is None:
        return Without(name, removed, (nan, nan, nan), nan, excluded, rhat, allowed.size)
    low, middle, high = (float(q) for q in np.quantile(moment, (0.05, 0.5, 0.95)))
    largest = float(np.max(moment[allowed])) if allowed.any() else nan
    return Without(name, removed, (low, middle, high), largest, excluded, rhat, allowed.size)
