"""Where a density is undefined, beyond observables that are not finite, and where that is moot."""

import jax.numpy as jnp
from jaxtyping import Array, Bool

from nmmjax.target.chart import Chart, Position
from nmmjax.target.model import Model, Theta

_UNDERFLOW = -745.0  # ln of the smallest double


def lost(c: Position) -> Bool[Array, ""]:
    """Whether the chart found no prior coordinates: the mass at its reference scale is NaN."""
    return jnp.any(jnp.isnan(c))


def vague(model: Model, theta: Theta) -> Bool[Array, ""]:
    """Whether a margin of the domain is NaN, and none says that theta is outside."""
    margins = [jnp.asarray(margin) for margin in model.domain(theta).values()]
    if not margins:
        return jnp.asarray(False)
    stacked = jnp.stack(margins)
    return jnp.any(jnp.isnan(stacked)) & ~jnp.any(stacked <= 0.0)


def negligible(chart: Chart, c: Position) -> Bool[Array, ""]:
    """Whether the prior at c, over that at its peak, is 0 in double precision.

    Beyond hard bounds, and far beyond the Gaussian shoulders of soft ones; coordinates that the
    chart did not find do not count.
    """
    below = jnp.zeros(())
    for p, prior in chart.priors:
        at = c[chart.slots[p]]
        peak = prior.log_density(prior.from_unit(jnp.full(prior.dims, 0.5)))
        below += jnp.where(jnp.any(jnp.isnan(at)), 0.0, prior.log_density(at) - peak)
    return below < _UNDERFLOW
