"""Engines by name: the one place, with `run`, where physics and samplers meet."""

import dataclasses
import inspect
import pathlib
from typing import Any

import equinox as eqx
import jax
import numpy as np

from nmmjax.errors import InputError, located, suggest
from nmmjax.results.plain import number
from nmmjax.runfile import plugins
from nmmjax.runfile.blame import place, user_code
from nmmjax.runfile.schema import EngineSection, RunFile, StoreSection, of_type
from nmmjax.samplers.base import AbstractEngine
from nmmjax.target.posterior import Posterior

_SCREENED = 64  # prior draws per start that are in memory at once
_MOST_BYTES = 16e9  # of positions, in one block or while starting points are screened


def engine_names() -> list[str]:
    """Return the engine files of `samplers/engines/`."""
    return plugins.names("nmmjax.samplers.engines")


def find_engine(name: str, folder: pathlib.Path = pathlib.Path()) -> type[AbstractEngine]:
    """Find the engine class that a run file in `folder` names."""
    return plugins.find(name, "nmmjax.samplers.engines", _lacks, "engine", folder)


def build_engine(section: EngineSection, where: str) -> AbstractEngine:
    """Build the engine that `[engine]` describes; raises InputError naming file and key."""
    with located(f"{where}: [engine] name"):
        kind = find_engine(section.name, pathlib.Path(where).parent)
    options = {f.name: f for f in dataclasses.fields(kind)}
    given: dict[str, Any] = {}
    for key, value in section.options.items():
        with located(f"{where}: [engine] options.{key}"):
            if key not in options:
                raise InputError(
                    f"not an option of {section.name}{suggest(key, options)}{_owner(key)}"
                )
            given[key] = of_type(value, options[key].type)
    try:
        engine = kind(**given)
    except ValueError as error:
        raise InputError(f"{where}: [engine] options: {error}") from None
    except Exception:
        if _ours(kind):
            raise
        with located(f"{where}: [engine] options"), user_code(kind.__name__):
            raise
    with located(f"{where}: [engine] name"):
        _check_members(engine)
    return engine


def check_engine(engine: AbstractEngine, posterior: Posterior, where: str) -> None:
    """Refuse what an engine cannot sample, found by tracing alone: nothing is compiled.

    An engine that follows gradients needs priors without hard edges, and the positions
    of one block must fit into memory.
    """
    if engine.gradients and posterior.hard_edges:
        hard = ", ".join(posterior.hard_edges)
        raise InputError(
            f"{where}: [engine] name: {type(engine).__name__.lower()} follows gradients, which "
            f"end at hard prior edges; give 'edge = 0.1' to the priors of: {hard}"
        )
    each = 8 * posterior.dim * max(engine.per_block, _SCREENED)
    if each * engine.chains > _MOST_BYTES:
        raise InputError(
            f"{where}: [engine] options: {engine.chains} chains need "
            f"{number(each * engine.chains / 1e9)} GB for the positions of one block, more than "
            f"{_MOST_BYTES / 1e9:.0f}: {_MOST_BYTES // each:.0f} chains fit"
        )
    starts = jax.ShapeDtypeStruct((engine.chains, posterior.dim), float)
    try:
        eqx.filter_eval_shape(engine.init, jax.random.key(0), posterior, starts)
    except ValueError as error:
        raise InputError(f"{where}: [engine] options: {error}") from None
    except Exception:
        if _ours(type(engine)):
            raise
        with located(f"{where}: [engine] name"), user_code(f"{type(engine).__name__}.init"):
            raise


def superchains_of(section: EngineSection, engine: AbstractEngine, where: str) -> np.ndarray | None:
    """(chain,) labels, chains of one label starting at the same place; None unless asked for.

    Raises InputError where chains need places of their own, or do not divide into equal parts.
    """
    count = section.superchains
    if count is None:
        return None
    key = f"{where}: [engine] superchains"
    if engine.ends or len(np.unique(engine.groups)) < engine.chains:
        raise InputError(
            f"{key}: {section.name} has no chains that could start at the same place; superchains "
            "are for independent chains, such as those of nuts, chees, meads and mclmc"
        )
    members, left = divmod(engine.chains, count)
    if left or members < 2:
        raise InputError(
            f"{key}: {engine.chains} chains do not make {count} superchains of equally many, two "
            f"at least; give [engine] options chains = {count * max(members, 2)}, say"
        )
    return np.repeat(np.arange(count), members)


def kept_of(section: StoreSection, posterior: Posterior, where: str) -> dict[str, Any]:
    """Say what differs from the default in what is stored; InputError for an unknown observable."""
    known = posterior.variables() if section.observables else {}
    for name in section.observables or ():
        if name not in known or known[name]["role"] in ("parameter", "fixed"):
            raise InputError(
                f"{where}: [store] observables: the model returns no '{name}'{suggest(name, known)}"
            )
    return section.model_dump(exclude_defaults=True)


def burn_in_of(run: RunFile, engine: AbstractEngine, where: str) -> int:
    """Draws discarded at the beginning: as asked, else as the engine has it.

    Raises InputError where draws are to be discarded of an engine that stores none until its end.
    """
    asked = run.run.burn_in
    if asked and engine.ends:
        raise InputError(
            f"{where}: [run] burn_in: {run.engine.name} is no Markov chain and discards nothing; "
            f"leave burn_in out, or give --set run.burn_in=0; got {asked}"
        )
    return engine.burn_in if asked is None else asked


def _owner(option: str) -> str:
    """Advise on an option that belongs to another engine; "" if none has it."""
    for name in engine_names():
        if option in {f.name for f in dataclasses.fields(find_engine(name))}:
            return (
                f" (it is one of {name}: with another engine, take the options of {name} out of "
                "the run file)"
            )
    return ""


def options_of(engine: AbstractEngine) -> dict[str, Any]:
    """Every option of an engine with its value, for `resolved.toml`."""
    return {f.name: getattr(engine, f.name) for f in dataclasses.fields(engine)}


def _lacks(kind: type) -> str:
    """Name what a class lacks to be an engine, "" if nothing."""
    if not issubclass(kind, AbstractEngine):
        return "it is no subclass of nmmjax.samplers.base.AbstractEngine"
    missing = sorted(getattr(kind, "__abstractmethods__", ()))
    missing += sorted(getattr(kind, "__abstractvars__", ()))
    if missing:
        return f"it does not define {', '.join(missing)}"
    return "it is abstract" if inspect.isabstract(kind) else ""


def _ours(kind: type) -> bool:
    """Tell whether an engine is part of the package: its bugs keep their traceback."""
    return kind.__module__.startswith("nmmjax.")


def _check_members(engine: Any) -> None:
    """Raise InputError unless a user's engine has chains and one group label for each."""
    kind = type(engine)
    if _ours(kind):
        return
    with user_code(f"{kind.__name__}.chains"):
        chains = engine.chains
    if isinstance(chains, bool) or not isinstance(chains, int) or chains < 1:
        raise InputError(f"{place(kind, 'chains')}: chains must be a whole number >= 1")
    with user_code(f"{kind.__name__}.groups"):
        groups = np.asarray(engine.groups)
    if groups.shape != (chains,) or groups.dtype.kind not in "iu":
        raise InputError(f"{place(kind, 'groups')}: groups must be {chains} whole numbers")
