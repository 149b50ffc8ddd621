"""emcee itself: its moves and its random numbers on the host, the density vectorised and jitted.

The reference that everybody knows; `ensemble` is the same idea in one fused scan and far
faster. Foreman-Mackey et al., arXiv:1202.3665; Nelson et al., arXiv:1311.5229, for "de"; ter
Braak and Vrugt, Stat. Comput. 18 (2008) 435, for "snooker".
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import emcee
import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ..base import Block, EngineError, LogDensity, log_density, require_finite
from ._walkers import AbstractWalkers

_density: Any = eqx.filter_jit(log_density)


class _Snooker(emcee.moves.DESnookerMove):
    """Snooker updates with their projections and Jacobian put right.

    With z, z1, z2 from the other parts and u the unit vector of x - z,
    x' = x + gamma u (u . (z1 - z2)), accepted with the extra factor (|x' - z| / |x - z|)^(d-1).

    emcee 3.1.6 divides by sqrt(|x - z|) for |x - z| and halves the exponent: its variances of a
    unit Gaussian are 0.89 in 2, 0.69 in 5 and 0.61 in 10 dimensions (these: 1.00).
    """

    def get_proposal(
        self, s: np.ndarray, c: list[np.ndarray], random: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        z, z1, z2 = (part[random.randint(len(part), size=len(s))] for part in c)
        distance = np.linalg.norm(s - z, axis=1, keepdims=True)
        unit = (s - z) / distance
        q = s + self.gammas * unit * np.sum(unit * (z1 - z2), axis=1, keepdims=True)
        ratio = np.linalg.norm(q - z, axis=1) / distance[:, 0]
        return q, (s.shape[1] - 1.0) * np.log(ratio)


_MOVES: dict[str, Callable[[], list[tuple[emcee.moves.Move, float]]]] = {
    "stretch": lambda: [(emcee.moves.StretchMove(), 1.0)],
    "de": lambda: [(emcee.moves.DEMove(), 0.9), (emcee.moves.DEMove(gamma0=1.0), 0.1)],
    "de_snooker": lambda: [(emcee.moves.DEMove(), 0.8), (_Snooker(), 0.2)],
}


class State(NamedTuple):
    """The walkers, ensemble by ensemble, and the number of draws taken."""

    position: Float[Array, "chain dim"]
    log_density: Float[Array, " chain"]
    draw: Int[Array, ""]


class Emcee(AbstractWalkers):
    """Independent emcee ensembles, advanced in turn.

    ensembles   independent ensembles; 4 are needed for an honest R-hat
    walkers     per ensemble: even, at least 2 dim
    thin        steps (of all walkers) per stored draw
    block       stored draws per block
    moves       "stretch" (emcee's default), "de", or "de_snooker" (snooker moves corrected)

    The random numbers of a draw are seeded by (key, ensemble, number of the draw): draws do
    not depend on how they are cut into blocks, and the state holds no generator.

    Not for funnels, separate modes, cancellations that are not a coordinate, nor (with stretch
    moves) 50 dimensions: R-hat refuses them (test_proof.py, docs/samplers.md).

    Stored statistics per draw: lp, acceptance_rate, n_proposals, n_nonfinite and n_nan as in
    `ensemble`, the last two counted per ensemble and shared out evenly over its walkers.
    """

    block: int = eqx.field(static=True, default=5)
    moves: str = eqx.field(static=True, default="stretch")

    def __check_init__(self) -> None:
        if self.moves not in _MOVES:
            raise ValueError(f"emcee_ needs moves {' or '.join(_MOVES)}, got '{self.moves}'")

    def init(
        self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "chain dim"]
    ) -> State:
        """Begin at the starting points, (ensembles * walkers, dim), ensemble by ensemble."""
        del key
        self.require_walkers(starts)
        _require_independent(starts.reshape(self.ensembles, self.walkers, -1))
        value, _ = eqx.filter_jit(log_density)(target, starts.T)
        require_finite(value)
        return State(starts, value, jnp.array(0))

    def advance(self, key: PRNGKeyArray, target: LogDensity, state: State) -> tuple[State, Block]:
        """`block` draws, `thin` steps of every ensemble apart."""
        words = np.asarray(jr.key_data(key)).tolist()
        first, dim = int(state.draw), state.position.shape[1]
        coordinates = np.asarray(state.position).reshape(self.ensembles, self.walkers, dim)
        values = np.asarray(state.log_density).reshape(self.ensembles, self.walkers)
        found = []
        for draw in range(first, first + self.block):
            made = [
                self._draw(target, [*words, e, draw], coordinates[e], values[e])
                for e in range(self.ensembles)
            ]
            coordinates, values = ([x[name] for x in made] for name in ("position", "lp"))
            found.append({name: np.concatenate([x[name] for x in made]) for name in made[0]})
        stats = {n: jnp.asarray(np.stack([x[n] for x in found], axis=1)) for n in found[0]}
        draws, seen = stats.pop("position"), stats.pop("example")
        stats["nonfinite_fraction"] = jnp.mean(stats["n_nonfinite"]) / self.thin
        return State(draws[:, -1], stats["lp"][:, -1], state.draw + self.block), Block(
            draws, stats, undefined=jnp.reshape(seen, (-1, draws.shape[-1]))
        )

    def _draw(
        self, target: LogDensity, seed: list[int], coordinates: np.ndarray, values: np.ndarray
    ) -> dict[str, np.ndarray]:
        """One ensemble `thin` steps later: (walker, dim) positions and (walker,) statistics."""
        rejected, seen = np.zeros(2, dtype=int), np.full((1, coordinates.shape[1]), np.nan)
        sampler = emcee.EnsembleSampler(
            self.walkers,
            coordinates.shape[1],
            functools.partial(_evaluate, target, rejected, seen),
            moves=_MOVES[self.moves](),
            vectorize=True,
        )
        stream: Any = np.random.MT19937(np.random.SeedSequence(seed)).state
        begin = emcee.State(coordinates, log_prob=values, random_state=stream, copy=True)
        end: Any = sampler.run_mcmc(begin, self.thin, skip_initial_state_check=True)
        nonfinite, undefined = (_shared(count, self.walkers) for count in rejected.tolist())
        return {
            "position": end.coords,
            "lp": end.log_prob,
            "acceptance_rate": sampler.acceptance_fraction,
            "n_proposals": np.full(self.walkers, self.thin),
            "n_nonfinite": nonfinite,
            "n_nan": undefined,
            "example": seen,
        }


def _evaluate(
    target: LogDensity, rejected: np.ndarray, seen: np.ndarray, points: np.ndarray
) -> np.ndarray:
    """Log density at (n, dim) points; counts non-finite and undefined ones, notes one of these."""
    value, undefined = map(np.asarray, _density(target, points.T))
    seen[0] = points[np.argmax(undefined)] if undefined.any() else seen[0]
    rejected += (np.count_nonzero(np.isneginf(value)), np.count_nonzero(undefined))
    return value


def _shared(count: int, walkers: int) -> np.ndarray:
    """A count as integers over the walkers that add up to it."""
    return count // walkers + (np.arange(walkers) < count % walkers)


def _require_independent(starts: Float[Array, "ensemble walker dim"]) -> None:
    """Refuse ensembles that lie in a plane (nothing to check in a trace)."""
    if isinstance(starts, Tracer):
        return
    for number, walkers in enumerate(np.asarray(starts)):
        if not emcee.ensemble.walkers_independent(walkers):
            raise EngineError(
                "emcee_ needs spread-out starting points: the walkers of ensemble "
                f"{number} are linearly dependent"
            )
