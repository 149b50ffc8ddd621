"""The devices of this host that a run uses, and sizes of an engine that follow from them."""

import math
from collections.abc import Mapping, Set
from typing import Any

import jax
from jax.sharding import Mesh

from nmmjax.cli.terminal import say
from nmmjax.errors import InputError
from nmmjax.runfile.schema import EngineSection
from nmmjax.samplers import devices
from nmmjax.samplers.base import AbstractEngine, name_of
from nmmjax.samplers.engines._walkers import AbstractWalkers

_WALKERS = 4096  # of an ensemble on an accelerator
_POINTS_PER_CORE = 512  # walkers: half of them move at once, and hide what a core waits for
_CHAINS = 4096  # of trajectories on an accelerator, at most
_CHAINS_PER_CORE = 32
_SUPERCHAINS = 64
_TRAJECTORIES = ("nuts", "chees", "meads", "mclmc")
_FEW_DRAWS = 5  # in a block of more walkers than this: the host stores a value in 34 ns
_MANY_WALKERS = 2**14
_SHARE = 0.05  # of the memory, for one block and its record
_STORED = 64  # numbers of a draw, at most: columns and position


def count_of(asked: str) -> int | None:
    """Read the number that --devices gives; None for all. Raises InputError."""
    there = len(jax.local_devices())
    if asked == "all":
        return None
    if not asked.isdecimal() or not 1 <= int(asked) <= there:
        raise InputError(
            f"--devices: this host has {there}: give a number up to that, or all; got '{asked}'"
        )
    return int(asked)


def used_by(engine: AbstractEngine, asked: str) -> Mesh:
    """Choose devices that share the parts of an engine equally; InputError where they cannot.

    Any number of devices shares `padded` parts.
    """
    given = count_of(asked)
    there = len(jax.local_devices()) if given is None else given
    if engine.parts == 1:
        if given is not None and given > 1:
            raise InputError(
                f"--devices: {name_of(engine)} has no parts for {given} devices: give 1"
            )
        if there > 1:
            say(f"{name_of(engine)} has no parts that devices could share: it runs on 1 of {there}")
        return devices.mesh(1)
    if engine.parts % there and not engine.padded:
        fits = max(n for n in range(1, there) if engine.parts % n == 0)
        more = math.ceil(engine.parts / there) * there
        raise InputError(
            f"--devices: {there} devices cannot share {engine.parts} equal parts of "
            f"{name_of(engine)}: give --devices {fits}, or {more} of them in [engine] options"
        )
    return devices.mesh(there)


def sized(
    section: EngineSection, asked: str, stored: Mapping[str, Any] | None = None
) -> EngineSection:
    """Fill in sizes as the device has room for, on an accelerator; a CPU keeps the defaults.

    `ensembles` and `walkers` of `ensemble`, and fewer draws in a `block` of many; `chains` of
    trajectories, and that so many chains need no starting points of their own: `superchains`.
    Only where the run file gives none of them.

    stored  the table `sampling` of the run that is continued: its sizes are taken, so that a run
            goes on on another device
    """
    device = jax.local_devices()[0]
    walks = section.name == "ensemble"
    open_ = {"ensembles", "walkers"} if walks else {"chains"}
    if not (walks or section.name in _TRAJECTORIES) or open_ & section.options.keys():
        return section
    if stored is not None:
        return _as_stored(section, stored, open_ | ({"block"} if walks else set()))
    if device.platform == "cpu":
        return section
    count = count_of(asked) or len(jax.local_devices())
    cores = getattr(device, "core_count", None) or 64
    memory = (device.memory_stats() or {}).get("bytes_limit", 8e9)
    block = section.options.get("block", 25)
    if walks:
        found = size_of(cores, memory, block, count)
        if found["ensembles"] * found["walkers"] > _MANY_WALKERS:
            found = {"block": _FEW_DRAWS} | found
        return section.model_copy(update={"options": found | section.options})
    superchains = section.superchains or _SUPERCHAINS
    chains = chains_of(cores, memory, block, count, superchains)
    options = section.options | {"chains": chains}
    return section.model_copy(update={"options": options, "superchains": superchains})


def _as_stored(section: EngineSection, stored: Mapping[str, Any], sizes: Set[str]) -> EngineSection:
    """Take the sizes of a stored run of the same engine."""
    engine = stored.get("engine", {})
    if engine.get("name") != section.name:
        return section
    taken = {name: engine[name] for name in sorted(sizes) if name in engine}
    options = taken | section.options
    superchains = section.superchains or stored.get("superchains")
    return section.model_copy(update={"options": options, "superchains": superchains})


def chains_of(cores: int, memory: float, block: int, count: int, superchains: int) -> int:
    """Choose the chains of `count` equal devices: as many for each superchain, two at least."""
    fit = _SHARE * memory / (8.0 * _STORED * block)
    most = min(cores * _CHAINS_PER_CORE, fit, _CHAINS)
    each = 2 ** max(int(math.log2(most)), 6) * count  # 64 of a device at least
    whole = math.lcm(superchains, count)
    return max(each // whole, math.ceil(2 * superchains / whole)) * whole


def size_of(cores: int, memory: float, block: int, count: int) -> dict[str, int]:
    """Choose `ensembles` and `walkers` for `count` equal devices: 4 ensembles at least."""
    fill = cores * _POINTS_PER_CORE
    fit = _SHARE * memory / (8.0 * _STORED * block)
    each = 2 ** max(int(math.log2(min(fill, fit) / _WALKERS) + 0.5), 0)
    return {"ensembles": max(each, math.ceil(4 / count)) * count, "walkers": _WALKERS}


def told(engine: AbstractEngine, used: Mesh, superchains: int | None = None) -> str:
    """Say of what sizes an engine is, and on how many devices."""
    device = used.devices.flat[0]
    kind = "CPU" if device.platform == "cpu" else device.device_kind
    parts = f"{engine.chains} chains" + (f" in {superchains} superchains" if superchains else "")
    if isinstance(engine, AbstractWalkers):
        parts = f"{engine.ensembles} x {engine.walkers} walkers"
    return f"{parts} on {used.size} device{'s' if used.size > 1 else ''} ({kind})"
