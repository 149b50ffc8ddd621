"""What the chart gains: effective draws per density of `ensemble`, in every chart of a run file.

Every run file whose chart has more than one kind, or those named, with its own engine options, but
`subset` = 0; models that may count m_nu_rge as part of m_nu without it and with it. `ratios` is the
chart without depths of cancellations. All charts get the same number of densities, about a minute
of one core for the dearest: where one does not converge with them its figure is too kind to it,
and R-hat stands beside it.
"""

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence

import jax
import jax.random as jr
import numpy as np

from benchmarks.models import run_files
from nmmjax.runfile import build
from nmmjax.samplers import diagnostics
from nmmjax.samplers.engines.ensemble import Ensemble
from nmmjax.target import start
from nmmjax.target.posterior import Posterior

type Row = tuple[str, float, str]

_RUNS = pathlib.Path(__file__).parent.parent / "runs"
_KINDS = ("box", "shear", "ratios", "auto")
_EVALUATIONS = 1_500_000  # kept
_BURN_IN = 750_000
_DRAWS = 150  # stored per walker
_RHAT, _ESS, _GAIN = "worst R-hat", "bulk ESS per 1000 densities", "against the box"


def run(*stems: str) -> Iterator[Row]:
    """The rows of the table: (what, value, unit); of all run files, or of those named."""
    for path in [_RUNS / f"{stem}.toml" for stem in stems] or run_files():
        for name, changes in _variants(path):
            yield from _compared(path, name, changes, always=bool(stems))


def sampled(posterior: Posterior, engine: Ensemble) -> tuple[float, float]:
    """(worst R-hat with ensembles as chains, smallest bulk ESS per 1000 densities)."""
    thin = max(1, round(_EVALUATIONS / (engine.chains * _DRAWS)))
    blocks = (1 + round(_DRAWS * _BURN_IN / _EVALUATIONS / engine.block)), _DRAWS // engine.block
    engine = dataclasses.replace(engine, thin=thin)
    starts = start.screened(posterior, jr.key(1), engine.chains).positions
    state, draws = engine.init(jr.key(2), posterior, starts), []
    for i in range(sum(blocks)):
        state, block = engine.advance(jr.key(3), posterior, state)
        if i >= blocks[0]:
            draws.append(np.asarray(block.draws))
    joined = np.concatenate(draws, axis=1)
    flat = jax.vmap(posterior.chart.coordinates)(joined.reshape(-1, joined.shape[-1]))
    values = np.asarray(flat).reshape(joined.shape)
    columns = range(values.shape[-1])
    rhat = max(diagnostics.rhat(values[..., i], engine.groups) for i in columns)
    ess = min(diagnostics.ess_bulk(values[..., i]) for i in columns)
    return rhat, 1e3 * ess / (engine.chains * thin * joined.shape[1])


def engine_of(path: pathlib.Path) -> Ensemble:
    """The `ensemble` of a run file, or the default one where it asks for another engine."""
    given = build.read(path)[0].engine
    options = given.options if given.name == "ensemble" else {}
    return Ensemble(**(options | {"block": _DRAWS // 3, "subset": 0.0}))


def posterior_of(path: pathlib.Path, kind: str, changes: Sequence[str] = ()) -> Posterior:
    """The posterior of a run file in a chart of this kind."""
    given, _ = build.read(path, [f"chart.kind={kind}", *changes])
    return build.build_posterior(given, str(path))


def table(rows: list[Row]) -> str:
    """The rows as a table in Markdown: ESS per 1000 densities and, in brackets, R-hat."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for what, value, _ in rows:
        place, _, figure = what.partition(": ")
        name, _, kind = place.rpartition(", ")
        found.setdefault(name, {}).setdefault(kind, {})[figure] = value
    lines = [f"| run file | {' | '.join(_KINDS)} | gain |", "|---" * (len(_KINDS) + 2) + "|"]
    for name, kinds in found.items():
        cells = [_cell(kinds[k]) if k in kinds else "" for k in _KINDS]
        gain = [f"{kinds[k][_GAIN]:.2g}" for k in _KINDS if k in kinds and k != "box"]
        lines.append(f"| {name} | {' | '.join(cells)} | {gain[-1] if gain else ''} |")
    return "\n".join(lines) + "\n"


def _cell(figures: dict[str, float]) -> str:
    return f"{figures[_ESS]:.2g} ({figures[_RHAT]:.3f})"


def _variants(path: pathlib.Path) -> list[tuple[str, tuple[str, ...]]]:
    """(name, changes) of a run file: without m_nu_rge and with it, where the model has it."""
    if not hasattr(posterior_of(path, "box").model, "rge"):
        return [(path.stem, ())]
    both = ("false", "true")
    return [(f"{path.stem}, rge = {x}", (f"model.settings.rge={x}",)) for x in both]


def _compared(
    path: pathlib.Path, name: str, changes: Sequence[str], *, always: bool
) -> Iterator[Row]:
    """Charts that differ; nothing where there is one only, but `always`."""
    posteriors: dict[str, Posterior] = {}
    for kind in _KINDS:
        made = posterior_of(path, kind, changes)
        if all(made.chart.labels != other.chart.labels for other in posteriors.values()):
            posteriors[kind] = made
    if len(posteriors) == 1 and not always:
        return
    figures = {kind: sampled(p, engine_of(path)) for kind, p in posteriors.items()}
    for kind, (rhat, ess) in figures.items():
        yield f"{name}, {kind}: {_RHAT}", rhat, ""
        yield f"{name}, {kind}: {_ESS}", ess, ""
        if kind != "box":
            yield f"{name}, {kind}: {_GAIN}", ess / figures["box"][1], "x"
