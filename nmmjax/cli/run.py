"""`nmmjax run`: from a run file to a run directory, where physics and samplers meet."""

import contextlib
import functools
import json
import pathlib
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import tomli_w

from nmmjax import signals
from nmmjax.cli import ahead, provenance, tasks
from nmmjax.cli.devices import sized, used_by
from nmmjax.cli.engines import (
    build_engine,
    burn_in_of,
    check_engine,
    kept_of,
    options_of,
    superchains_of,
)
from nmmjax.cli.finish import finish
from nmmjax.cli.limits import limit
from nmmjax.cli.progress import Reporter
from nmmjax.cli.session import refuse_plugins, start_jax
from nmmjax.cli.starts import starting_points
from nmmjax.cli.tasks import Task
from nmmjax.cli.terminal import say
from nmmjax.errors import InputError
from nmmjax.runfile.build import RunFile, build_posterior, read, resolved
from nmmjax.runfile.schema import UntilTable
from nmmjax.samplers import devices, driver, undefined
from nmmjax.samplers.base import AbstractEngine, EngineError
from nmmjax.samplers.plan import Hooks, Plan, Until
from nmmjax.samplers.store.store import Store, StoreError, is_run
from nmmjax.samplers.witness import OtherTarget, Problem
from nmmjax.signals import Stage
from nmmjax.target import causes
from nmmjax.target.posterior import Posterior


def run_file(
    path: pathlib.Path,
    out: pathlib.Path | None,
    overrides: list[str],
    extend: int | None = None,
    no_plugins: bool = False,
    task: Task | None = None,
    shared: str = "all",
) -> int:
    """Sample, summarise and draw; returns the exit code.

    `extend` adds draws to a finished run; `shared` is how many devices share the work, or "all".
    """
    start_jax()
    run, text = read(path, overrides)
    refuse_plugins(no_plugins, run.model.name, run.engine.name)
    posterior = build_posterior(run, str(path))
    directory = _directory(path, out, task, extend)
    stored = provenance.sampling(directory) if is_run(directory) else None
    run = run.model_copy(update={"engine": sized(run.engine, shared, stored)})
    engine = build_engine(run.engine, str(path))
    used = used_by(engine, shared)
    check_engine(engine, posterior, str(path))
    burn_in = burn_in_of(run, engine, str(path))
    superchains = superchains_of(run.engine, engine, str(path))
    tree = resolved(run, posterior, {"name": run.engine.name} | options_of(engine), burn_in)
    kept = kept_of(run.store, posterior, str(path))
    tree["sampling"] |= {"store": kept} if kept else {}
    about = {"run_file": text, "overrides": overrides, "resolved": tomli_w.dumps(tree)}
    about |= {key: kept[key] for key in ("dtype", "compression") if key in kept}
    about |= {} if task is None else {"task": task.index}
    with _refusals(directory), _opened(directory, tree, about, posterior, engine) as store:
        draws = run.run.draws if extend is None else store.committed + extend
        tree["stop"]["draws"] = draws
        store.write_text("run.toml", text)
        store.write_text("resolved.toml", tomli_w.dumps(tree))
        session = None if task is None else tasks.begin(store, task)
        if session is not None and session.stuck:
            session.ended(session.stuck)
            say(f"nmmjax: {session.stuck}")
            return tasks.STUCK
        with devices.using(used):
            outcome = _sample(run, posterior, engine, store, draws, burn_in, superchains, task)
        if session is not None:
            session.ended(f"{outcome.reason}: {outcome.detail}")
        left = 0 if extend is None else max(draws - store.committed, 0)
        again = shlex.join(["nmmjax", "run", *_given(path, out, overrides, task, left, shared)])
        return _ended(outcome, store, again)


def _directory(
    path: pathlib.Path, out: pathlib.Path | None, task: Task | None, extend: int | None
) -> pathlib.Path:
    """Return the directory of the run, or of the shard that is this task's; refuse others'."""
    whole = out if out is not None else path.parent / "chains" / path.stem
    directory = whole if task is None else tasks.shard(whole, task)
    if extend is not None and not is_run(directory):
        raise InputError(f"--extend: there is no run in '{directory}' to extend")
    if task is None:
        tasks.refuse_shards(directory)
    elif is_run(directory):
        tasks.refuse_other_task(directory, task)
    return directory


def _sample(
    run: RunFile,
    posterior: Posterior,
    engine: AbstractEngine,
    store: Store,
    draws: int,
    burn_in: int,
    superchains: np.ndarray | None,
    task: Task | None = None,
) -> driver.Outcome:
    root = jr.key(run.run.seed)
    key_starts, key_run = jr.split(root if task is None else jr.fold_in(root, task.index))
    stop = _stop(run.run.until, store, task)
    places = np.arange(engine.chains) if superchains is None else superchains
    with Reporter() as report:
        faults = _telling(posterior, report.note)
        wanted = run.store.observables
        record = functools.partial(
            posterior.record, observables=None if wanted is None else tuple(wanted)
        )
        problem = Problem(posterior, record, posterior.sampled, faults)

        def starts() -> jax.Array:
            count = int(places[-1]) + 1
            with ahead.compiling(engine, problem, posterior.dim):
                found = starting_points(run.engine.start, posterior, key_starts, count, report.note)
            return found[places]

        plan = Plan(starts, draws, burn_in, superchains, stop)
        hooks = Hooks(report, signals.caught, lambda: signals.enter(Stage.SAMPLING))
        return driver.run(engine, problem, key_run, store, plan, hooks)


def _telling(posterior: Posterior, note: Callable[[str], None]) -> undefined.Faults:
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


def _stop(until: UntilTable, store: Store, task: Task | None) -> Until:
    """The stop rule, which looks at the draws of all tasks if it is asked to."""
    together = until.shards and task is not None
    directory = store.path.parent.parent if together else store.path
    ess = until.ess / task.of if together and task and until.ess else until.ess
    return Until(_certified(until.rhat, directory), until.rhat, ess, until.max_minutes)


def _certified(rhat: float | None, directory: pathlib.Path) -> Callable[[Store], str]:
    """Make the function that says why the stored draws may be trusted; "" if they may not."""

    @functools.cache
    def judge() -> Callable[[Any], tuple[bool, str]]:
        from nmmjax.results import trust, until

        return until.Judge(rhat or trust.RHAT)

    def certified(store: Store) -> str:
        from nmmjax.results.shards import open_run

        del store  # its draws are in the directory, perhaps beside those of other tasks
        converged, words = judge()(open_run(directory))
        return words.rstrip(".") if converged else ""

    return certified


def _ended(outcome: driver.Outcome, store: Store, again: str) -> int:
    """Say how sampling ended, finish if it was not interrupted; the exit code."""
    for message in outcome.messages:
        say(message)
    signals.enter(Stage.FINISHING)
    if outcome.reason == "interrupted" or signals.caught():
        say(f"interrupted {outcome.detail}".rstrip() + f", all saved; to go on: {again}")
        return signals.code_when_saved()
    say(f"{store.path}: stopped, {outcome.detail}; all saved")
    return finish(store)


@contextlib.contextmanager
def _opened(
    directory: pathlib.Path,
    tree: dict[str, Any],
    about: dict[str, Any],
    posterior: Posterior,
    engine: AbstractEngine,
) -> Iterator[Store]:
    """The store of a new run, or that of the same run to be continued."""
    if is_run(directory):
        provenance.refuse_other_run(directory, tree, engine)
        say(f"continuing {directory}")
        opened = Store.open(directory)
    else:
        about = about | {"doubts": json.dumps([doubt._asdict() for doubt in engine.doubts])}
        attributes = provenance.attributes(about, posterior)
        opened = Store.create(directory, engine.groups, attributes)
    with opened as store:
        yield store


@contextlib.contextmanager
def _refusals(directory: pathlib.Path) -> Iterator[None]:
    """Turn refusals by the store or an engine into errors of the user."""
    try:
        yield
    except OtherTarget as error:
        raise InputError(f"{error}{provenance.changes(directory)}") from None
    except (StoreError, EngineError) as error:
        raise InputError(str(error)) from None
    except (MemoryError, RuntimeError) as error:
        if not (reason := limit(error)):
            raise
        raise InputError(
            f"'{directory}': {reason} while sampling; finished blocks are saved. Fewer chains or "
            "shorter blocks need less ([engine] options)"
        ) from None


def _given(
    path: pathlib.Path,
    out: pathlib.Path | None,
    overrides: list[str],
    task: Task | None,
    left: int,
    shared: str,
) -> list[str]:
    """Arguments that go on with the run: `left` draws are missing of those that extend it."""
    given = [str(path)] + ([] if out is None else ["--out", str(out)])
    given += [] if task is None else ["--task", str(task)]
    given += ["--extend", str(left)] if left else []
    given += [] if shared == "all" else ["--devices", shared]
    return given + [part for text in overrides for part in ("--set", text)]
