"""Map of the largest value of a quantity over the plane of two others, subject to every constraint.

In each cell of a grid one quantity is maximised over all parameters, under the quoted limit of
every constraint, the bounds of the priors and the domain of the model. All cells and several
starts in each are climbed together by Newton steps on

    f(z) + t sum_k B(-g_k(z)),   B(s) = ln s,   g_k <= 0 where allowed

with t falling to 1e-4, from 0.3 for new starts and from 5e-3 for points of earlier rounds: a log
barrier, continued as a parabola for s < t/10 so that a start may lie outside. At the end the k
active constraints cost k t of f, and every maximum is strictly inside its limits. Rounds follow in
which each cell starts again from its own best point, those of its four neighbours, its own kicked
away, and new prior draws, until two of them improve no cell.

The map is a lower bound: a maximum that no start reaches is missing.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax.core import Tracer
from jaxtyping import Array, Float, PRNGKeyArray

from .. import devices
from ..base import (
    AbstractEngine,
    Block,
    Doubt,
    LogDensity,
    example,
    log_density,
)
from ._axes import Axis
from ._cells import (
    BARRIERS,
    Best,
    Cells,
    Measured,
    Points,
    around,
    best_of,
    judged,
    kicked,
    merit,
    prior_draws,
)
from ._climb import H, newton
from ._evidence import undefined_share
from ._map import State, table, updated
from ._question import Question

_STILL_CHANGING = "the map still improved when its rounds were over: give more rounds"
_NEIGHBOURS = 5  # a cell itself and the four around it
_QUIET = 2  # rounds without a change that end the search


def _numbers(given: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(x) for x in given)


class Frontier(AbstractEngine):
    """Map of the largest `objective` in each cell of a grid in `x`, `y`; a table, no draws.

    x, y         names of parameters or observables; `x_range` (low, high), `x_cells`, `x_scale`
                 ("log" or "linear"), and the same of y
    kind         "largest" or "smallest" of `objective`; "profile": the largest log likelihood,
                 where constraints weigh as in the posterior and only priors and domain bound
    scale        "log": f = ln objective; "linear": f = objective / (its spread over prior draws)
    starts       per cell: its own best point, its neighbours', and half of the rest prior draws,
                 half its own best point moved by up to the spread of the prior
    pool         prior draws to choose those from, per round
    rounds       at most
    tolerance    of f: what a round must gain in a cell to count as a change
    chains       starting points asked of the run; they join the first pool

    Table, arrays (y cell, x cell): value (NaN where nothing is allowed), feasible, position,
    n_feasible_starts (of the last round), slack_<name> = -excess of every constraint, bound and
    margin at the position (0 is its limit); x_edges, y_edges.
    """

    burn_in: ClassVar[int] = 0
    ends: ClassVar[bool] = True
    padded: ClassVar[bool] = True

    x: str = eqx.field(static=True, default="")
    x_range: Sequence[float] = eqx.field(static=True, default=(), converter=_numbers)
    x_cells: int = eqx.field(static=True, default=12)
    x_scale: str = eqx.field(static=True, default="log")
    y: str = eqx.field(static=True, default="")
    y_range: Sequence[float] = eqx.field(static=True, default=(), converter=_numbers)
    y_cells: int = eqx.field(static=True, default=12)
    y_scale: str = eqx.field(static=True, default="log")
    objective: str = eqx.field(static=True, default="mu_nu")
    kind: str = eqx.field(static=True, default="largest")
    scale: str = eqx.field(static=True, default="log")
    starts: int = eqx.field(static=True, default=10)
    pool: int = eqx.field(static=True, default=8192)
    rounds: int = eqx.field(static=True, default=20)
    tolerance: float = eqx.field(static=True, default=0.01)
    chains: int = eqx.field(static=True, default=16)

    def __check_init__(self) -> None:
        self.question.check()
        least = {"x_cells": 1, "y_cells": 1, "starts": _NEIGHBOURS + 1, "rounds": 1, "chains": 1}
        self.require_least(least)
        if self.pool < self.starts:
            raise ValueError(f"frontier needs pool >= starts = {self.starts}, got {self.pool}")
        if not self.tolerance > 0.0:
            raise ValueError(f"frontier needs tolerance > 0, got {self.tolerance:g}")

    @property
    def question(self) -> Question:
        """What is asked, without how it is searched for."""
        x = Axis("x", self.x, tuple(self.x_range), self.x_cells, self.x_scale)
        y = Axis("y", self.y, tuple(self.y_range), self.y_cells, self.y_scale)
        return Question(x, y, self.objective, self.kind, self.scale)

    @property
    def _kicks(self) -> int:
        return (self.starts - _NEIGHBOURS) // 2

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        return (Doubt("progress/still_changing", "flag", _STILL_CHANGING),)

    @property
    def parts(self) -> int:
        return self.x_cells * self.y_cells

    def init(
        self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "chain dim"]
    ) -> State:
        """Start from the best starting point of every cell; nothing has been climbed yet.

        Raises ValueError for a target that only has a density, a name that it does not know, a
        range outside its prior box, and an objective without a logarithm where one is needed.
        """
        self.question.check_target(target)
        state, positive = self._begin(key, target, starts)
        if not isinstance(state.unit, Tracer):
            self.question.check_signs(*(float(share) for share in positive))
        return state

    def advance(self, key: PRNGKeyArray, target: LogDensity, state: State) -> tuple[State, Block]:
        """Run one round: climb from all starts of all cells, and return the map so far."""
        state = self._round(key, target, state)
        rounds = {"rounds": state.round, "rounds_asked": jnp.array(self.rounds)}
        cells = {
            "improved_cells": state.improved,
            "feasible_cells": jnp.sum(jnp.isfinite(state.best.objective)),
            "feasible_cells_asked": jnp.array(self.x_cells * self.y_cells),
        } | undefined_share(state.proposals, state.nonfinite, state.undefined)
        quiet = state.quiet >= _QUIET
        over = state.round >= self.rounds
        progress = rounds | {
            "finished": (quiet | over).astype(jnp.int8),
            "still_changing": (over & ~quiet).astype(jnp.int8),
        }
        tables = {"frontier": table(self.question, target, state), "progress": progress}
        done = bool(quiet | over)
        return state, Block(None, rounds | cells, tables, done, state.example[None])

    def placed(self, state: State) -> State:
        """Leave the best points on every device: each looks at those of neighbouring cells."""
        return state

    def _many(self, target: Any, unit: Float[Array, ""], z: Points) -> Measured:
        def each(z: Points, target: Any, unit: Array) -> tuple[Measured, tuple[()]]:
            return jax.vmap(lambda z: self.question.measured(target, unit, z))(z), ()

        return devices.everywhere(devices.shared(each, z, target, unit)[0])

    @eqx.filter_jit
    def _begin(
        self, key: PRNGKeyArray, target: Any, starts: Points
    ) -> tuple[State, tuple[Array, ...]]:
        """The best prior draw of every cell, and the shares of draws where f, x, y are finite."""
        pool = devices.everywhere(jnp.concatenate([starts, prior_draws(target, key, self.pool)]))
        found = self._many(target, jnp.array(1.0), pool)
        linear = not self.question.is_profile and self.scale == "linear"
        unit = jnp.std(found.objective) if linear else jnp.array(1.0)
        found = found._replace(objective=found.objective / unit)
        cells = self.question.cells
        first = best_of(found, cells, 1)[:, 0]
        best = judged(pool[first], jax.tree.map(lambda v: v[first], found), cells)
        state = self._counted(target, State.of(best, jnp.std(pool, axis=0), unit), pool)
        return state, tuple(jnp.mean(jnp.isfinite(v)) for v in found[:3])

    @eqx.filter_jit
    def _round(self, key: PRNGKeyArray, target: Any, state: State) -> State:
        key = jr.fold_in(key, state.round)
        pool = devices.everywhere(prior_draws(target, key, self.pool))
        measured = self._many(target, state.unit, pool)
        best = state.best.position
        away = kicked(jr.fold_in(key, 1), best, state.scale, self._kicks)
        near = jnp.concatenate([best[around(self.y_cells, self.x_cells)], away], axis=1)
        near = devices.everywhere(near)

        def climb(
            rows: tuple[Cells, Array], target: Any, state: State, pool: Points, measured: Measured
        ) -> tuple[Best, tuple[()]]:
            cells, near = rows
            fresh = pool[best_of(measured, cells, self.starts - near.shape[1])]
            begun = jnp.concatenate([near, fresh], axis=1)
            owner = jnp.repeat(cells, self.starts, axis=0)
            known = jnp.arange(self.starts) < near.shape[1]
            most = jnp.tile(jnp.where(known, BARRIERS[len(BARRIERS) // 2], jnp.inf), len(cells))
            z = self._climbed(target, state, begun.reshape(len(owner), -1), owner, most)
            found = judged(z, self._many(target, state.unit, z), owner)
            shape = begun.shape[:2]
            return jax.tree.map(lambda v: v.reshape(*shape, *v.shape[1:]), found), ()

        found, _ = devices.shared(climb, (self.question.cells, near), target, state, pool, measured)
        found = devices.everywhere(found)
        ends = found.position.reshape(-1, target.dim)
        state = self._counted(target, state, jnp.concatenate([pool, ends]))
        return updated(state, found, self.tolerance)

    def _counted(self, target: Any, state: State, z: Points) -> State:
        """Count the (n, dim) points outside what is allowed, and those with an undefined value."""

        def looked_at(z: Points, target: Any) -> tuple[Any, tuple[()]]:
            value, undefined = log_density(target, z.T)
            lost = ~self.question.known(target, z)
            return (value, undefined | (jnp.isfinite(value) & lost)), ()

        value, undefined = devices.everywhere(devices.shared(looked_at, z, target)[0])
        return state._replace(
            proposals=state.proposals + len(z),
            undefined=state.undefined + jnp.sum(undefined),
            nonfinite=state.nonfinite + jnp.sum(undefined | jnp.isneginf(value)),
            example=example(state.example, z.T, undefined),
        )

    def _climbed(
        self, target: Any, state: State, z: Points, owner: Cells, most: Float[Array, " n"]
    ) -> Points:
        """Climb from (n, dim) points in cells of theirs, with barriers no wider than `most`.

        A wide barrier drives away from limits, where points of earlier rounds have their worth.
        """

        def penalised(
            x: Float[Array, " dim"], cell: Float[Array, "4"], t: Float[Array, ""]
        ) -> Float[Array, ""]:
            return merit(self.question.measured(target, state.unit, x * state.scale), cell, t)

        def step(at: tuple[Points, Array], t: Float[Array, ""]) -> tuple[Any, None]:
            x, h, _ = newton(penalised, *at, owner, jnp.minimum(t, most))
            return (x, h), None

        begun = z / state.scale[None], jnp.full(len(z), H)
        (x, _), _ = jax.lax.scan(step, begun, jnp.asarray(BARRIERS))
        return x * state.scale[None]
