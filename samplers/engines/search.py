"""Multistart search: thousands of starts climb to their maxima, which are told apart and measured.

Adam (optax) moves all starts at once. Those apart from one another are then polished by Newton
steps, and two of them are one mode if the log density hardly dips on the line between them.

The table of modes is no posterior: a narrow peak may be high and hold nothing. Laplace widths
say how wide each is; `starts` makes of them starting points for engines that sample.
"""

import math
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
from jax.core import Tracer
from jaxtyping import Array, Float, Int, PRNGKeyArray
from optax import ScaleByAdamState, ScaleByScheduleState

from .. import devices
from ..base import AbstractEngine, Block, LogDensity, differentiable
from ._climb import H, Slopes, newton
from ._evidence import undefined_share
from ._modes import Points, Scalars, dips, in_units, laplace, spread_out, told_apart
from ._trajectories import left_domain, noted

_RATE = 0.1  # Adam's first step, in units of the spread of the starts
_LAST = 1e-3  # its last step over its first
_POLISH = 60  # Newton steps
_DEPTH = 20.0  # optima further below the best are no starting points
_HALVINGS = 20  # of a jump, at most
_DRAWN = 16  # prior draws per start, the first of finite density counts


class Tried(NamedTuple):
    """Steps of each start so far; those without a finite density, those undefined, and where the
    last of these led.
    """

    proposals: Int[Array, " n"]
    nonfinite: Int[Array, " n"]
    undefined: Int[Array, " n"]
    example: Points


class State(NamedTuple):
    """The starts on their way up, in units of `scale`, with Adam's moments of their gradients."""

    position: Points
    value: Scalars
    gradient: Points
    first: Points
    second: Points
    tried: Tried
    scale: Float[Array, " dim"]
    step: Array


class Search(AbstractEngine):
    """Search for maxima from `starts` points; table `modes`, best first; no draws.

    starts   starting points; those of zero density do not move
    steps    steps of Adam, its rate falling along a cosine
    block    steps per block
    modes    rows of the table, at most

    The target's gradient is needed, not smooth edges: a step that leaves the support is taken
    back. A maximum on a hard edge has a gradient, and no Laplace widths.

    A target may name `planes`, the first of two coordinates (x, y) that hold an angle and a free
    radius r: the maximum over (r, angle) is looked for, that over (x, y) having no angle.

    Table: position, log_density, count (starts that ended in the mode), gradient_norm (in units
    of the spread of the starts), width (Laplace standard deviations) and log_z_laplace, both NaN
    unless the top was reached and the peak is narrower than that spread in every direction.
    """

    burn_in: ClassVar[int] = 0
    ends: ClassVar[bool] = True
    padded: ClassVar[bool] = True
    whole: ClassVar[tuple[str, ...]] = ("scale", "step")

    starts: int = eqx.field(static=True, default=4096)
    steps: int = eqx.field(static=True, default=500)
    block: int = eqx.field(static=True, default=50)
    modes: int = eqx.field(static=True, default=32)

    def __check_init__(self) -> None:
        self.require_least(dict.fromkeys(("starts", "steps", "block", "modes"), 1))

    @property
    def parts(self) -> int:
        return self.starts

    @property
    def chains(self) -> int:
        return self.starts

    def init(
        self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "chain dim"]
    ) -> State:
        """Begin at the starts, with values and gradients; at least one must have finite density."""
        del key
        if starts.shape[0] != self.starts:
            raise ValueError(f"search needs {self.starts} starting points, got {starts.shape[0]}")
        state = _begin(target, starts)
        if not isinstance(state.value, Tracer) and not np.isfinite(state.value).any():
            raise ValueError(
                f"none of the {self.starts} starting points has finite density; "
                "start inside the support of the target"
            )
        return state

    def advance(self, key: PRNGKeyArray, target: LogDensity, state: State) -> tuple[State, Block]:
        """`block` steps of Adam; once there are no more, the polishing and the table."""
        del key
        if int(state.step) < self.steps:
            state = _adam(target, state, self.steps, self.block)
            tables = {"progress": self._progress(state, 0)}
            return state, Block(None, self._figures(state), tables, undefined=state.tried.example)
        tables = {"modes": self._table(target, state), "progress": self._progress(state, 1)}
        return state, Block(None, self._figures(state), tables, True, state.tried.example)

    def _progress(self, state: State, finished: int) -> dict[str, Array]:
        steps = jnp.minimum(state.step, self.steps)
        return {
            "steps": steps,
            "steps_asked": jnp.array(self.steps),
            "finished": jnp.array(finished, jnp.int8),
        }

    def _figures(self, state: State) -> dict[str, Array]:
        finite = jnp.isfinite(state.value)
        best = jnp.max(state.value)
        return {
            "steps": jnp.minimum(state.step, self.steps),
            "steps_asked": jnp.array(self.steps),
            "best_log_density": best,
            "near_best_fraction": jnp.mean(state.value > best - _DEPTH),
            "nonfinite_fraction": jnp.mean(~finite),
        } | undefined_share(*state.tried[:3])

    def _table(self, target: LogDensity, state: State) -> dict[str, Array]:
        seeds, owner = spread_out(np.asarray(state.position), np.asarray(state.value))
        position, at = _polished(target, state.scale, state.position[seeds])
        depths = np.asarray(dips(target, state.scale, position, at.value))
        label = told_apart(np.asarray(position), np.asarray(at.value), depths)
        best = np.argsort(-np.asarray(at.value))
        found = [best[label[best] == k] for k in dict.fromkeys(label[best])][: self.modes]
        top = jnp.asarray([members[0] for members in found])
        count = [np.isin(owner, members).sum() for members in found]
        width, log_volume = laplace(at.gradient[top], at.hessian[top])
        return {
            "position": position[top] * state.scale[None],
            "log_density": at.value[top],
            "count": jnp.asarray(count),
            "gradient_norm": jnp.linalg.norm(at.gradient[top], axis=1),
            "width": width * state.scale[None],
            "log_z_laplace": at.value[top] + log_volume + jnp.sum(jnp.log(state.scale)),
            "n_proposals": jnp.sum(state.tried.proposals),
            "n_nonfinite": jnp.sum(state.tried.nonfinite),
            "n_nan": jnp.sum(state.tried.undefined),
        }


def starts(
    target: Any, key: PRNGKeyArray, count: int, *, searches: int = 4, steps: int = 500
) -> Points:
    """(count, dim) overdispersed starting points around the modes of a target with `from_unit`.

    searches * count independent prior draws of finite density climb as in `Search`. Those
    that end within 20 of the highest are the optima, weighted by their basins; `count` of them,
    none twice if there are enough, take one jump each: a draw from the Gaussian of twice the
    Laplace width (at most twice the spread of the prior), halved until the point is inside the
    support and its density not lower than that Gaussian leaves one of a thousand. No point
    sees another's.

    Raises ValueError if no prior draw has finite density.
    """
    drawn, picked, jump = jr.split(key, 3)
    state = _begin(target, _finite_prior_draws(target, drawn, searches * count))
    if not np.isfinite(state.value).any():
        raise ValueError(f"no finite density in {_DRAWN * searches * count} prior draws")
    state = _adam(target, state, steps, steps)
    top, at = _polished(target, state.scale, state.position)
    good = np.flatnonzero(np.asarray(at.value) > float(jnp.max(at.value)) - _DEPTH)
    chosen = jr.choice(picked, jnp.asarray(good), (count,), replace=len(good) < count)
    at = jax.tree.map(lambda v: v[chosen], at)
    return _jumped(target, jump, state.scale, top[chosen], at) * state.scale[None]


@eqx.filter_jit
def _begin(target: LogDensity, points: Points) -> State:
    spread = jnp.std(points, axis=0)
    scale = jnp.where(spread > 0.0, spread, 1.0)
    position = points / scale[None]
    value, _ = devices.shared(
        lambda x, target, scale: (jax.vmap(in_units(target, scale))(x), ()), position, target, scale
    )
    # Adam's first step goes nowhere and finds the gradient.
    flat, none = jnp.zeros_like(position), jnp.zeros(len(points), int)
    tried = Tried(none, none, none, jnp.full_like(points, jnp.nan))
    return State(position, value, flat, flat, flat, tried, scale, jnp.zeros((), int))


def _optimiser(steps: int) -> Any:
    return optax.adam(optax.cosine_decay_schedule(_RATE, steps, _LAST))


def _value_and_grad(density: LogDensity, x: Points) -> tuple[Scalars, Points]:
    return jax.vmap(jax.value_and_grad(differentiable(density)))(x)


@eqx.filter_jit
def _adam(target: LogDensity, state: State, steps: int, block: int) -> State:
    """`block` steps of `steps`; one that leaves the support is taken back, momentum and all."""
    optimiser = _optimiser(steps)

    def step(state: State, target: LogDensity) -> State:
        density = in_units(target, state.scale)
        count = state.step.astype(jnp.int32)
        adam, fall = ScaleByAdamState(count, state.first, state.second), ScaleByScheduleState(count)
        move, ((_, first, second), _) = optimiser.update(-state.gradient, (adam, fall))
        trial = state.position + move
        value, gradient = _value_and_grad(density, trial)
        inside = jnp.isfinite(value)[:, None]
        moved = State(
            jnp.where(inside, trial, state.position),
            jnp.where(inside[:, 0], value, state.value),
            jnp.where(inside, gradient, state.gradient),
            jnp.where(inside, first, 0.0),
            jnp.where(inside, second, 0.0),
            counted(target, state.tried, trial * state.scale[None], value),
            state.scale,
            state.step + 1,
        )
        return moved

    def counted(target: LogDensity, tried: Tried, z: Points, value: Scalars) -> Tried:
        gone = left_domain(target, z, value)
        return Tried(
            tried.proposals + 1,
            tried.nonfinite + gone["n_nonfinite"],
            tried.undefined + gone["n_nan"],
            noted(tried.example, z, gone["n_nan"] > 0),
        )

    def climb(rows: Any, whole: Any, target: Any) -> tuple[dict[str, Any], Array]:
        begun = State(**rows, **whole)
        last, _ = jax.lax.scan(lambda s, _: (step(s, target), None), begun, length=block)
        return engine.rows_of(last), last.step

    engine = Search()
    rows, number = devices.shared(climb, engine.rows_of(state), engine.whole_of(state), target)
    return state._replace(**rows, step=number)


@eqx.filter_jit
def _polished(target: LogDensity, scale: Float[Array, " dim"], x: Points) -> tuple[Points, Slopes]:
    """The tops, and the slopes of ln p there."""

    def climb(x: Points, target: Any, scale: Array) -> tuple[tuple[Points, Slopes], tuple[()]]:
        density = in_units(target, scale)

        def step(at: tuple[Points, Scalars, Points, Slopes], _: None) -> tuple[Any, None]:
            x, h = at[:2]
            new, h, here = newton(density, x, h)
            return (new, h, x, here), None

        dim = x.shape[1]
        none = Slopes(jnp.zeros(len(x)), jnp.zeros_like(x), jnp.zeros((len(x), dim, dim)))
        begun = x, jnp.full(len(x), H), x, none
        (_, _, top, here), _ = jax.lax.scan(step, begun, length=_POLISH)
        return (top, here), ()

    return devices.shared(climb, x, target, scale)[0]


@eqx.filter_jit
def _finite_prior_draws(target: Any, key: PRNGKeyArray, count: int) -> Points:
    """The first prior draw of finite density of 16 per point."""
    u = jr.uniform(key, (count, _DRAWN, target.dim), minval=jnp.finfo(float).tiny)

    def first_finite(u: Float[Array, "own drawn dim"], target: Any) -> tuple[Points, tuple[()]]:
        z = jax.vmap(jax.vmap(target.from_unit))(u)
        first = jnp.argmax(jnp.isfinite(jax.vmap(jax.vmap(target))(z)), axis=1)
        return jnp.take_along_axis(z, first[:, None, None], axis=1)[:, 0], ()

    return devices.shared(first_finite, u, target)[0]


@eqx.filter_jit
def _jumped(
    target: Any, key: PRNGKeyArray, scale: Float[Array, " dim"], x: Points, at: Slopes
) -> Points:
    """A jump of twice the Laplace width from each optimum, halved until it is not too far down."""
    dim = x.shape[1]
    deepest = 4.0 * (0.5 * dim + 3.1 * math.sqrt(0.5 * dim) + 5.0)

    curvature, axes = jnp.linalg.eigh(at.hessian)
    widths = 1.0 / jnp.sqrt(jnp.maximum(jnp.abs(curvature), 1.0))
    # The symmetric root: it does not depend on the signs of the axes, which rounding decides.
    root = jnp.einsum("nij,nj,nkj->nik", axes, widths, axes)
    jump = jnp.einsum("nij,nj->ni", root, jr.normal(key, x.shape))
    lengths = jnp.asarray(2.0 * 0.5 ** np.arange(_HALVINGS))[None, :, None]

    def halved(
        rows: tuple[Points, Points, Scalars], target: Any, scale: Array
    ) -> tuple[Points, tuple[()]]:
        x, jump, value = rows
        density = in_units(target, scale)
        tried = x[:, None] + lengths * jump[:, None]
        fine = jax.vmap(jax.vmap(density))(tried) > value[:, None] - deepest
        first = jnp.take_along_axis(tried, jnp.argmax(fine, axis=1)[:, None, None], axis=1)[:, 0]
        return jnp.where(jnp.any(fine, axis=1)[:, None], first, x), ()

    return devices.shared(halved, (x, jump, at.value), target, scale)[0]
