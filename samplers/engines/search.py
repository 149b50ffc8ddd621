"""Multistart search: thousands of starts climb to their maxima, which are told apart and measured.

Adam (optax) moves all starts at once. Those apart from one another are then polished by Newton
steps, and two of them are one mode if the log density hardly dips on the line between them.

The table of modes is no posterior: a narrow peak may be high and hold nothing. Laplace widths
say how wide each is; `starting.from_search` makes of them starting points for engines that sample.
"""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, PRNGKeyArray

from ..base import AbstractEngine, Block, LogDensity
from ._ascent import WHOLE, State, adam, begin, polished
from ._evidence import undefined_share
from ._modes import dips, laplace, spread_out, told_apart

_NEAR = 20.0  # below the best, in ln p: what the share of starts near it counts


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
    whole: ClassVar[tuple[str, ...]] = WHOLE

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
        state = begin(target, starts)
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
            state = adam(target, state, self.steps, self.block)
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
            "near_best_fraction": jnp.mean(state.value > best - _NEAR),
            "nonfinite_fraction": jnp.mean(~finite),
        } | undefined_share(*state.tried[:3])

    def _table(self, target: LogDensity, state: State) -> dict[str, Array]:
        seeds, owner = spread_out(np.asarray(state.position), np.asarray(state.value))
        position, at = polished(target, state.scale, state.position[seeds])
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
