"""Ensembles of walkers with differential-evolution and stretch moves, in one fused scan.

Each ensemble is cut in two halves; each half moves in turn, guided by differences within the
other (red-black). Walkers of one ensemble are coupled, the ensembles are independent. See
ter Braak, Stat. Comput. 16 (2006) 239, for the move along differences; Goodman and Weare,
Comm. App. Math. Comp. Sci. 5 (2010) 65, for the stretch; Foreman-Mackey et al.,
arXiv:1202.3665, for halves.

Picking two partners per walker costs a textbook step five random numbers and two gathers each.
Here all walkers of a half-step share the two offsets at which their partners stand in the
other half, and a walker draws one 64-bit word: its sign, its step-length jitter and its
acceptance. Given the offsets every walker still proposes +v or -v with equal probability,
independently of the others, so each half-step is reversible. Measured at 4 x 64 walkers in 9
dimensions on one CPU core: 30 ns per walker and step beside the density, 134 ns for the
textbook step, and the same effective draws per step.
"""

import math
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt

from ..base import Block, EngineError, LogDensity, log_density, require_finite, scan
from ..devices import count, once, spread
from ._subset import scales
from ._walkers import AbstractWalkers
from ._walls import through

_JITTER = 0.05  # relative half-width of the step length: breaks lattices of differences
_SHORT = 3.0 * math.log(10.0)  # shortest of the short moves, against gamma
_ACCEPT_BITS, _LENGTH_BITS = 40, 23  # with one sign bit: the 64 bits of a walker's word


_densities = once(log_density)  # of the starting points


class Half(NamedTuple):
    """Half of every ensemble. Inside `advance`, on one device, walker h of e is h E + e.

    example  the last proposal of each walker that was undefined; NaN before there is one
    """

    position: Float[Array, "*dim walker ensemble"]
    log_density: Float[Array, "*walker ensemble"]
    accepted: Int[Array, "*walker ensemble"]
    nonfinite: Int[Array, "*walker ensemble"]
    undefined: Int[Array, "*walker ensemble"]
    example: Float[Array, "*dim walker ensemble"]


class State(NamedTuple):
    """The half that moves next, the half that guides it, and the number of half-steps taken."""

    moving: Half
    resting: Half
    step: Int[Array, ""]


class Ensemble(AbstractWalkers):
    """Differential evolution: x' = x +- gamma (x_j - x_k), gamma = 2.38 / sqrt(2 dim).

    ensembles   independent ensembles; 4 are needed for an honest R-hat
    walkers     per ensemble: even, at least 2 dim
    thin        steps (of all walkers) per stored draw
    block       stored draws per block
    jump        share of half-steps with gamma = 1, which connect separate modes
    stretch     share of half-steps that are stretch moves with scale a = 2
    short       share of half-steps with gamma times 10^-3 to 1, flat in its logarithm, which free
                walkers from narrow corners
    subset      share of moves along differences, jumps apart, of a random subset of coordinates
                (`_subset`), for thin curved sheets in some of them

    A move along a difference that leaves through one of the target's `walls` comes back through
    the opposite one (`_walls`); a stretch is no shift, and may end outside.

    Not for funnels, nor for cancellations that are not a coordinate of the chart: R-hat refuses
    both (test_proof.py, docs/samplers.md). Proven up to 50 dimensions and 18 modes.

    Stored statistics per draw: lp, acceptance_rate, n_proposals, n_nonfinite (those without a
    finite density) and n_nan (those among them where the target was NaN or +inf).
    """

    ahead: ClassVar[bool] = True

    jump: float = eqx.field(static=True, default=0.1)
    stretch: float = eqx.field(static=True, default=0.1)
    short: float = eqx.field(static=True, default=0.0)
    subset: float = eqx.field(static=True, default=0.0)

    def __check_init__(self) -> None:
        shares = (self.jump, self.stretch, self.short)
        if not (min(shares) >= 0.0 and sum(shares) <= 1.0):
            raise ValueError(
                "ensemble needs jump, stretch and short >= 0 with a sum <= 1, "
                f"got {self.jump:g}, {self.stretch:g} and {self.short:g}"
            )
        if not 0.0 <= self.subset <= 1.0:
            raise ValueError(f"ensemble needs 0 <= subset <= 1, got {self.subset:g}")

    @property
    def parts(self) -> int:
        return self.ensembles

    def placed(self, state: State) -> State:
        return jax.tree.map(lambda x: spread(x) if x.ndim > 1 else x, state)

    def init(
        self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "chain dim"]
    ) -> State:
        """Begin at the starting points, (ensembles * walkers, dim), ensemble by ensemble."""
        del key
        self.require_walkers(starts)
        _require_spread(starts.reshape(2 * self.ensembles, self.walkers // 2, -1))
        value, _ = _densities(target, starts.T)
        require_finite(value)
        position = self._by_half(starts)
        zero = jnp.zeros(position.shape[:1] + position.shape[2:], int)
        none = jnp.full(position.shape, jnp.nan, float)
        halves = Half(position, self._by_half(value), zero, zero, zero, none)
        first, second = (jax.tree.map(lambda x, i=i: spread(x[i]), halves) for i in (0, 1))
        return State(first, second, jnp.array(0))

    def _by_half(
        self, values: Float[Array, "chain *dim"]
    ) -> Float[Array, "2 *dim walker ensemble"]:
        """Reorder (chain, ...), ensemble by ensemble."""
        split = values.reshape(self.ensembles, 2, self.walkers // 2, *values.shape[1:])
        return jnp.moveaxis(split, (1, 2, 0), (0, -2, -1))

    def _by_chain(self, moving: Array, resting: Array) -> Array:
        """The inverse: (..., walker, ensemble), or (..., n), of both halves -> (chain, ...)."""
        both = jnp.stack([moving, resting])
        kept = both.shape[1 : both.ndim - (1 if count() == 1 else 2)]
        both = both.reshape(2, *kept, self.walkers // 2, self.ensembles)
        chain_major = jnp.moveaxis(both, (-1, 0, -2), (0, 1, 2))
        return spread(chain_major.reshape(self.chains, *kept), 0)

    @eqx.filter_jit
    def advance(self, key: PRNGKeyArray, target: LogDensity, state: State) -> tuple[State, Block]:
        """`block` draws, `thin` steps of both halves apart."""
        began = jax.tree.map(_laid_out, state)
        last, states, _ = scan(self._half_step, key, target, began, self.block, 2 * self.thin)
        # An even number of half-steps: each half is back in its place.
        draws = self._by_chain(states.moving.position, states.resting.position)
        lp = self._by_chain(states.moving.log_density, states.resting.log_density)

        def counted(name: str) -> Int[Array, "chain draw"]:
            before = self._by_chain(getattr(began.moving, name), getattr(began.resting, name))
            after = self._by_chain(getattr(states.moving, name), getattr(states.resting, name))
            return jnp.diff(after, axis=1, prepend=before[:, None])

        nonfinite = counted("nonfinite")
        stats = {
            "lp": lp,
            "acceptance_rate": counted("accepted") / self.thin,
            "n_proposals": jnp.full(nonfinite.shape, self.thin),
            "n_nonfinite": nonfinite,
            "n_nan": counted("undefined"),
            "nonfinite_fraction": jnp.mean(nonfinite) / self.thin,
        }
        seen = self._by_chain(last.moving.example, last.resting.example)
        last = jax.tree.map(lambda x, old: x.reshape(old.shape), last, state)
        return last, Block(draws, stats, undefined=seen)

    def _half_step(
        self, key: PRNGKeyArray, target: LogDensity, state: State
    ) -> tuple[State, tuple[()]]:
        half, guide = state.moving, state.resting
        shared, words = self._words(key)
        if self.subset:
            some = jr.bits(jr.fold_in(key, 1), (1 + half.position.shape[0],), jnp.uint64)
            shared = jnp.concatenate([shared, some])
        proposal, log_factor = self._propose(shared, words, half.position, guide.position, target)
        value, undefined = log_density(target, proposal)
        accept = _log_uniform(words) < value - half.log_density + log_factor
        moved = Half(
            jnp.where(accept[None], proposal, half.position),
            jnp.where(accept, value, half.log_density),
            half.accepted + accept,
            half.nonfinite + jnp.isneginf(value),
            half.undefined + undefined,
            jnp.where(undefined[None], proposal, half.example),
        )
        return State(guide, moved, state.step), ()

    def _words(self, key: PRNGKeyArray) -> tuple[UInt[Array, "2"], UInt[Array, " *n"]]:
        """Two words for all walkers of the moving half, and one for each of them."""
        rows = self.walkers // 2 + 2
        if count() == 1:
            words = jr.bits(key, (rows * self.ensembles,), jnp.uint64)
            return words[:2], words[2 * self.ensembles :]
        # The same numbers, drawn where they are used; no device waits for another's.
        words = jr.bits(key, (rows, self.ensembles), jnp.uint64)
        return jr.bits(key, (2,), jnp.uint64), spread(words)[2:]

    def _propose(
        self,
        shared: UInt[Array, " word"],
        words: UInt[Array, " *n"],
        x: Float[Array, "dim *n"],
        guide: Float[Array, "dim *n"],
        target: LogDensity,
    ) -> tuple[Float[Array, "dim *n"], Float[Array, " *n"]]:
        """Proposals and the log of their Hastings factors."""
        dim, rows = x.shape[:2]
        size = self.walkers // 2
        first = shared[0] % size
        second = (first + 1 + (shared[0] >> 32) % (size - 1)) % size
        twice = jnp.concatenate([guide, guide], axis=1)

        def partner(offset: UInt[Array, ""]) -> Float[Array, "dim *n"]:
            begin = offset.astype(int) * (rows // size)
            return jax.lax.dynamic_slice_in_dim(twice, begin, rows, axis=1)

        near, far = partner(first), partner(second)
        kind = (shared[1] >> 11).astype(float) * 2.0**-53
        sign = 1.0 - 2.0 * (words & 1).astype(float)
        v = ((words >> 1) % 2**_LENGTH_BITS).astype(float) * 2.0**-_LENGTH_BITS

        gamma = 2.38 / math.sqrt(2.0 * dim) * (1.0 + _JITTER * (2.0 * v - 1.0))
        if self.short:
            shorter = gamma * jnp.exp(-_SHORT * v)
            gamma = jnp.where(kind < self.jump + self.short, shorter, gamma)
        gamma = sign * jnp.where(kind < self.jump, 1.0, gamma)
        z = 0.5 * (1.0 + v) ** 2  # density ~ 1/sqrt(z) on [1/2, 2]
        stretched = kind >= 1.0 - self.stretch
        step = gamma[None] * (near - far)
        if self.subset:
            some = scales(shared[2:], self.subset).reshape(-1, *[1] * (x.ndim - 1))
            step = jnp.where(kind < self.jump, 1.0, some) * step
        along = through(target, x + step)
        proposal = jnp.where(stretched, near + z[None] * (x - near), along)
        return proposal, jnp.where(stretched, (dim - 1.0) * jnp.log(z), 0.0)


def _laid_out(x: Array) -> Array:
    """Join walkers and ensembles, walker-major, into one long loop; or spread the ensembles."""
    if x.ndim < 2:
        return x
    return x.reshape(*x.shape[:-2], -1) if count() == 1 else spread(x)


def _log_uniform(words: UInt[Array, " *n"]) -> Float[Array, " *n"]:
    """Log of uniform numbers on (0, 1) made of the top bits of each word."""
    top = (words >> (64 - _ACCEPT_BITS)).astype(float)
    return jnp.log((top + 0.5) * 2.0**-_ACCEPT_BITS)


def _require_spread(halves: Float[Array, "half walker dim"]) -> None:
    """Refuse an ensemble that cannot move along some coordinate (nothing to check in a trace)."""
    if isinstance(halves, Tracer):
        return
    flat = np.flatnonzero(np.any(np.ptp(np.asarray(halves), axis=1) == 0.0, axis=0))
    if flat.size:
        raise EngineError(
            "ensemble needs spread-out starting points: all walkers of a half have the same "
            f"coordinate {flat[0]}"
        )
