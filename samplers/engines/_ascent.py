"""Many starts on their way up at once: steps of Adam (optax), then Newton steps to the tops."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int
from optax import ScaleByAdamState, ScaleByScheduleState

from .. import devices
from ..base import LogDensity, differentiable
from ._climb import H, Slopes, newton
from ._modes import Points, Scalars, in_units
from ._trajectories import left_domain, noted

_RATE = 0.1  # Adam's first step, in units of the spread of the starts
_LAST = 1e-3  # its last step over its first
_POLISH = 60  # Newton steps
WHOLE = ("scale", "step")  # fields of `State` that all starts have in common


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


@eqx.filter_jit
def begin(target: LogDensity, points: Points) -> State:
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
def adam(target: LogDensity, state: State, steps: int, block: int) -> State:
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
        return {name: getattr(last, name) for name in rows}, last.step

    fields = state._asdict()
    whole = {name: fields.pop(name) for name in WHOLE}
    rows, number = devices.shared(climb, fields, whole, target)
    return state._replace(**rows, step=number)


@eqx.filter_jit
def polished(target: LogDensity, scale: Float[Array, " dim"], x: Points) -> tuple[Points, Slopes]:
    """Climb by Newton steps; the tops, and the slopes of ln p there."""

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
