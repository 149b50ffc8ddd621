"""Witness points: a run is continued only with the target that it began with.

Every checkpoint keeps, for one position per chain, everything that was recorded there: the last
stored draws, or the starting points of an engine that has stored none. A resumed session computes
the same again, in arrays of the same shape, and compares: an edited model or data file, other
versions and another device show at once.

    equal bit for bit    the same machine and code: the run goes on as if it had never stopped
    |new - old| <= (1e-9 + 100 r) |new|    another device or library: the same target, but not the
                         same draws bit for bit; one line says so
    anything else        another target: refused

r is what rounding does to a quantity, relatively, the larger of here and of the mean over the
points: it is computed again at positions moved by a few units in the last place, since a finely
tuned quantity loses digits. Log densities are sums and may cross zero: 1 + |new| stands for |new|.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .base import LogDensity
from .store.store import StoreError
from .undefined import Faults

type Groups = Mapping[str, Mapping[str, Array | np.ndarray]]

_CLOSE = 1e-9
_ROUNDINGS = 100.0
_ULPS = 8
_MOVES = 8
_DENSITY = "sample_stats/lp"
_LOGS = (_DENSITY, "log_likelihood/", "target/")  # quantities, or groups, that are log densities
_SHOWN = 4


class Problem(NamedTuple):
    """Target and record of a run.

    target      log density at a chart position
    record      (chain, draw, dim) positions -> group -> variable -> (chain, draw, ...)
    parameters  variables of the group `posterior` that follow from the position by the chart alone
    faults      positions of undefined density -> what makes it so (`undefined.Examples`)
    """

    target: LogDensity
    record: Callable[[Array], Groups]
    parameters: tuple[str, ...] = ()
    faults: Faults | None = None


class Witness(NamedTuple):
    """Quantities recorded at `positions`.

    positions  (n, dim)
    length     draws of the block whose last they are; for points that are of none it is 0, or
               minus the draws of the blocks in whose shape they are recorded
    values     "group/variable" -> (n, ...)
    """

    positions: np.ndarray
    length: int
    values: dict[str, np.ndarray]

    def group(self, name: str) -> dict[str, np.ndarray]:
        """Collect the values of one group, by variable."""
        head = f"{name}/"
        return {k.removeprefix(head): x for k, x in self.values.items() if k.startswith(head)}


class OtherTarget(StoreError):
    """A run directory that was sampled with another target."""


def of_points(problem: Problem, positions: Float[Array, "n dim"], length: int = 0) -> Witness:
    """Record what is at some points, by the program that records blocks of so many draws."""
    points = np.asarray(positions)
    return Witness(points, -length, _recorded(problem, points, length))


def of_block(draws: Float[Array | np.ndarray, "chain draw dim"], groups: Groups) -> Witness:
    """Keep the last draw of each chain of a block, of which `groups` are stored."""
    last = {k: x[:, -1] for k, x in _flat(groups) if _is_function(k)}
    return Witness(np.asarray(draws[:, -1]), draws.shape[1], last)


def packed(seen: Witness) -> tuple[np.ndarray, ...]:
    """Lay a witness out as plain arrays, as a checkpoint holds them."""
    names = np.array(list(seen.values), dtype=np.str_)
    return (seen.positions, np.array(seen.length), names, *seen.values.values())


def unpacked(arrays: Sequence[np.ndarray]) -> Witness | None:
    """Undo `packed`; None for arrays that `packed` did not make."""
    if len(arrays) < 3 or len(arrays) != 3 + arrays[2].size or arrays[2].dtype.kind != "U":
        return None
    positions, length, names, *values = arrays
    return Witness(positions, int(length), dict(zip(names.tolist(), values, strict=True)))


def compare(problem: Problem, seen: Witness, where: str) -> tuple[str, ...]:
    """Compute a witness again: () if nothing differs, one line if its last digits do.

    Raises OtherTarget naming the first quantity that differs, in the order chart, prior,
    constraints, wishes, observables, log density.
    """
    again = _again(problem, seen, seen.positions)
    if again.keys() != seen.values.keys():
        changed = sorted(again.keys() ^ seen.values.keys())
        raise OtherTarget(f"'{where}' {_REFUSED}: it {_stored(changed[0], again)}. {_REMEDY}")
    names = sorted(again, key=lambda name: _rank(problem, name))
    off = [name for name in names if not _same(seen.values[name], again[name])]
    if not off:
        return ()
    moved = [_again(problem, seen, near) for near in _moved(seen.positions)]
    bounds = {name: _bound(name, again[name], [m[name] for m in moved]) for name in off}
    far = [name for name in off if _beyond(seen.values[name], again[name], bounds[name]).any()]
    if far:
        raise OtherTarget(_difference(problem, seen, again, far, bounds[far[0]], where))
    digits = [name for name in off if name != _DENSITY]  # compiled apart from the engine
    return (f"{_words(problem, digits[0])} {_DIGITS}",) if digits else ()


_REFUSED = "was sampled with another target"
_REMEDY = (
    "Restore the model, the constraints and the versions that it began with, or give another "
    "--out. No draw was added"
)
_DIGITS = (
    "and what follows from it differ in the last digits from what is stored, as on another device "
    "or with other library versions: the run goes on with the same target, but not bit for bit as "
    "it would have there"
)


def _is_function(name: str) -> bool:
    """Tell whether a stored variable follows from the position alone."""
    return not name.startswith("sample_stats/") or name == _DENSITY


def _flat(groups: Groups) -> Iterator[tuple[str, np.ndarray]]:
    for group, variables in groups.items():
        for name, values in variables.items():
            yield f"{group}/{name}", np.asarray(values)


def _recorded(problem: Problem, positions: np.ndarray, length: int) -> dict[str, np.ndarray]:
    """Compute all that is recorded at (n, dim) positions, in blocks of the shape given."""
    if length == 0:
        return {k: x[0] for k, x in _flat(problem.record(jnp.asarray(positions[None])))}
    block = np.repeat(positions[:, None], length, axis=1)
    return {k: x[:, -1] for k, x in _flat(problem.record(jnp.asarray(block)))}


def _again(problem: Problem, seen: Witness, positions: np.ndarray) -> dict[str, np.ndarray]:
    found = _recorded(problem, positions, abs(seen.length))
    if _DENSITY in seen.values:
        found[_DENSITY] = np.asarray(_densities(problem.target, jnp.asarray(positions)))
    return found


def _moved(positions: np.ndarray) -> Iterator[np.ndarray]:
    """Positions moved by up to `_ULPS` units in the last place, each coordinate by chance."""
    rng = np.random.default_rng(0)
    for _ in range(_MOVES):
        ulps = rng.integers(-_ULPS, _ULPS, positions.shape, endpoint=True)
        yield positions * (1.0 + np.finfo(float).eps * ulps)


@eqx.filter_jit
def _densities(target: LogDensity, positions: Float[Array, "n dim"]) -> Float[Array, " n"]:
    return jax.vmap(target)(positions)


def _same(old: np.ndarray, new: np.ndarray) -> bool:
    return old.shape == new.shape and np.array_equal(old, new, equal_nan=new.dtype.kind in "fc")


def _bound(name: str, value: np.ndarray, moved: Sequence[np.ndarray]) -> np.ndarray:
    """Return how far a quantity may differ between two devices: see the module's docstring."""
    if value.dtype.kind not in "fc":  # a flag may change where what it is made of does
        return np.where([m != value for m in moved], np.inf, 0.0).max(axis=0)
    scale = np.abs(value) + (1.0 if name.startswith(_LOGS) else 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        noise = np.max([np.abs(m - value) for m in moved], axis=0) / scale
        noise = np.where(np.isfinite(noise), noise, 0.0)
        # Roundings may cancel by chance at one point: what they do at the others counts, too.
        noise = np.maximum(noise, np.mean(noise, axis=0))
        return np.where(np.isfinite(value), scale * (_CLOSE + _ROUNDINGS * noise), 0.0)


def _beyond(old: np.ndarray, new: np.ndarray, bound: np.ndarray) -> np.ndarray:
    """Flag (n, ...) where two values lie further apart than allowed; NaN is near NaN only."""
    if old.shape != new.shape:
        return np.ones(new.shape, dtype=bool)
    with np.errstate(invalid="ignore"):
        apart = ~(np.abs(np.subtract(new, old, dtype=np.result_type(old, new, float))) <= bound)
    return apart & (old != new) & ~((old != old) & (new != new))


def _rank(problem: Problem, name: str) -> tuple[int, str]:
    group, _, variable = name.partition("/")
    if group == "posterior":
        return (0 if variable in problem.parameters else 4), name
    if name == "target/log_prior":
        return 1, name
    return {"log_likelihood": 2, "target": 3}.get(group, 5), name


def _words(problem: Problem, name: str) -> str:
    group, _, variable = name.partition("/")
    if group == "posterior":
        return f"{variable} (chart)" if variable in problem.parameters else variable
    if name == "target/log_prior":
        return "the log prior density"
    if name == _DENSITY:
        return "the log density"
    return f"ln L of {variable}" if group == "log_likelihood" else variable


def _stored(name: str, again: Mapping[str, np.ndarray]) -> str:
    variable = name.partition("/")[2]
    return f"did not store {variable}" if name in again else f"stored {variable}, which is gone"


def _difference(
    problem: Problem,
    seen: Witness,
    again: Mapping[str, np.ndarray],
    far: Sequence[str],
    bound: np.ndarray,
    where: str,
) -> str:
    old, new = seen.values[far[0]], again[far[0]]
    place = tuple(np.argwhere(_beyond(old, new, bound))[0])
    point = "the last stored draw" if seen.length > 0 else "the starting point"
    shown = (
        f"{old[place]:.10g} then, {new[place]:.10g} now" if old.shape == new.shape else "resized"
    )
    others = ", ".join(_words(problem, name) for name in far[1 : 1 + _SHOWN])
    more = f"; so do {others}" + (" and more" if len(far) > 1 + _SHOWN else "") if others else ""
    return (
        f"'{where}' {_REFUSED}: {_words(problem, far[0])} at {point} of chain {place[0]} differs, "
        f"{shown}{more}. {_REMEDY}"
    )
