"""`nmmjax run`: from a run file to a run directory, where physics and samplers meet."""

import contextlib
import pathlib
import shlex
import signal
import sys
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import tomli_w

from nmmjax.cli.engines import build_engine, burn_in_of, check_engine, options_of, superchains_of
from nmmjax.cli.progress import Reporter
from nmmjax.cli.session import start_jax
from nmmjax.cli.starts import starting_points
from nmmjax.cli.versions import commit, version
from nmmjax.errors import InputError
from nmmjax.runfile.build import RunFile, build_posterior, differences, read, resolved
from nmmjax.samplers import driver
from nmmjax.samplers.base import EngineError
from nmmjax.samplers.store.store import Store, StoreError, is_run
from nmmjax.target import causes
from nmmjax.target.posterior import Posterior

_PACKAGES = ("nmmjax", "jax", "jaxlib", "numpy", "scipy", "equinox", "h5py", "blackjax", "emcee")
_MOST_DIFFERENCES = 4
_NOT_FOR_LOO = (
    "log likelihood of each constraint at each draw: terms of one sum, not exchangeable "
    "observations; not for LOO or WAIC"
)


def run_file(
    path: pathlib.Path, out: pathlib.Path | None, overrides: list[str], extend: int | None = None
) -> int:
    """Sample, summarise and draw; returns the exit code. `extend` adds draws to a finished run."""
    start_jax()
    run, text = read(path, overrides)
    posterior = build_posterior(run, str(path))
    engine = build_engine(run.engine, str(path))
    check_engine(engine, posterior, str(path))
    directory = out if out is not None else path.parent / "chains" / path.stem
    burn_in = burn_in_of(run, engine, str(path))
    superchains = superchains_of(run.engine, engine, str(path))
    tree = resolved(run, posterior, {"name": run.engine.name} | options_of(engine), burn_in)
    if extend is not None and not is_run(directory):
        raise InputError(f"--extend: there is no run in '{directory}' to extend")
    with _refusals(), _opened(directory, tree, text, overrides, posterior, engine) as store:
        draws = run.run.draws if extend is None else store.committed + extend
        tree["stop"]["draws"] = draws
        store.write_text("run.toml", text)
        store.write_text("resolved.toml", tomli_w.dumps(tree))
        with _signals() as caught:
            outcome = _sample(run, posterior, engine, superchains, store, caught, draws, burn_in)
        for message in outcome.messages:
            _say(message)
        if outcome.reason == "interrupted":
            again = f"nmmjax run {shlex.join(_arguments(path, out, overrides))}"
            _say(f"interrupted {outcome.detail}, all saved; to go on: {again}")
            return 128 + caught[0]
        _say(f"{directory}: stopped, {outcome.detail}")
        _finish(store, directory)
    return 0


def _sample(
    run: RunFile,
    posterior: Posterior,
    engine: Any,
    superchains: np.ndarray | None,
    store: Store,
    caught: list[int],
    draws: int,
    burn_in: int,
) -> driver.Outcome:
    key_starts, key_run = jr.split(jr.key(run.run.seed))
    until = run.run.until
    places = np.arange(engine.chains) if superchains is None else superchains
    with Reporter() as report:

        def starts() -> jax.Array:
            count = int(places[-1]) + 1
            found = starting_points(run.engine.start, posterior, key_starts, count, report.note)
            return found[places]

        return driver.run(
            engine,
            posterior,
            key_run,
            starts,
            store,
            posterior.record,
            faults=_telling(posterior, report.note),
            draws=draws,
            burn_in=burn_in,
            superchains=superchains,
            stop=driver.Until(
                posterior.sampled,
                until.rhat,
                until.ess,
                until.max_minutes,
                superchains,
                posterior.periods,
            ),
            report=report,
            interrupted=lambda: bool(caught),
        )


def _telling(posterior: Posterior, note: Callable[[str], None]) -> Any:
    """`causes.faults` of the posterior, that tells the first time what is undefined and where."""
    told: list[str] = []

    def faults(positions: np.ndarray) -> dict[str, np.ndarray]:
        found = causes.faults(posterior, positions)
        for name, flags in found.items():
            if flags.any() and name not in told:
                told.append(name)
                theta = posterior.theta(jnp.asarray(positions[np.argmax(flags)]))
                where = ", ".join(f"{p} = {float(x):.4g}" for p, x in theta.items())
                note(f"UNDEFINED density, a fault of the model: {name} at {where}")
        return found

    return faults


def _finish(store: Store, directory: pathlib.Path) -> None:
    from nmmjax.figures import draw
    from nmmjax.results import summary, tables
    from nmmjax.results import text as report
    from nmmjax.results.rundir import open_run

    opened = open_run(directory)
    if opened.committed == 0 and opened.tables:
        words = tables.to_text(opened)
    else:
        words = report.to_text(summary.summarise(opened))
    store.write_text("summary.txt", words)
    sys.stdout.write("\n" + words)
    sys.stdout.flush()
    if paths := draw.save_all(opened, directory / "figures"):
        _say(f"figures: {', '.join(sorted({p.stem for p in paths}))} in {directory / 'figures'}")


@contextlib.contextmanager
def _opened(
    directory: pathlib.Path,
    tree: dict[str, Any],
    text: str,
    overrides: list[str],
    posterior: Posterior,
    engine: Any,
) -> Iterator[Store]:
    """The store of a new run, or that of the same run to be continued."""
    if is_run(directory):
        _refuse_other_run(directory, tree)
        _say(f"continuing {directory}")
        opened = Store.open(directory)
    else:
        about = {"run_file": text, "overrides": overrides, "resolved": tomli_w.dumps(tree)}
        opened = Store.create(directory, engine.groups, _attributes(about, posterior))
    with opened as store:
        yield store


def _refuse_other_run(directory: pathlib.Path, tree: dict[str, Any]) -> None:
    try:
        old = tomllib.loads((directory / "resolved.toml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return  # killed before it was written: no draw depends on it
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"cannot continue '{directory}': resolved.toml: {error}") from None
    new = tomllib.loads(tomli_w.dumps(tree))
    found = [
        line
        for part in ("physics", "sampling")
        for line in differences(old.get(part, {}), new[part], part)
    ]
    if found:
        more = len(found) - _MOST_DIFFERENCES
        shown = "; ".join(found[:_MOST_DIFFERENCES]) + (f"; and {more} more" if more > 0 else "")
        raise InputError(
            f"'{directory}' was made by another run: {shown}. Give another --out, or restore the "
            "run file. Nothing was written"
        )


def _attributes(about: dict[str, Any], posterior: Posterior) -> dict[str, dict[str, Any]]:
    """HDF5 attributes by path: provenance at the root, meaning at every variable."""
    device = jax.devices()[0]
    root = about | {f"version_{name}": version(name) for name in _PACKAGES}
    root |= {
        "inference_library": "nmmjax",
        "inference_library_version": version("nmmjax"),
        "commit": commit(),
        "device": f"{device.platform}: {device.device_kind}",
        "double_precision": 1,
    }
    variables = {f"/posterior/{k}": dict(v) for k, v in posterior.variables().items()}
    terms = {
        f"/log_likelihood/{c.name}": {"long_name": c.describe(), "source": c.source.reference}
        for c in posterior.constraints
    }
    wishes = {f"/target/{w.name}": {"long_name": w.describe()} for w in posterior.prefer}
    return (
        {"/": root, "/log_likelihood": {"note": _NOT_FOR_LOO}}
        | {"/target/allowed": {"long_name": "inside every constraint's quoted limit (0 or 1)"}}
        | {"/target/log_prior": {"long_name": "log prior density in the sampled parameters"}}
        | {"/sample_stats/lp": {"long_name": "log target density in chart coordinates"}}
        | variables
        | terms
        | wishes
    )


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Ctrl-C, SIGTERM and SIGUSR1 are noted for the driver; a second Ctrl-C stops at once."""
    caught: list[int] = []

    def note(number: int, _frame: Any) -> None:
        if caught and number == signal.SIGINT:
            raise KeyboardInterrupt
        caught.append(number)
        sys.stderr.write("\nfinishing the block, then saving; Ctrl-C again stops at once\n")

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """What the store or an engine refuses is the user's to mend."""
    try:
        yield
    except (StoreError, EngineError) as error:
        raise InputError(str(error)) from None


def _arguments(path: pathlib.Path, out: pathlib.Path | None, overrides: list[str]) -> list[str]:
    given = [str(path)] + ([] if out is None else ["--out", str(out)])
    return given + [part for text in overrides for part in ("--set", text)]


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
