"""Undefined densities other than from non-finite observables, and where they do not matter."""

import jax.numpy as jnp
from jaxtyping import Array, Bool

from nmmjax.target.chart import Chart, Position
from nmmjax.target.model import Model, Theta

_UNDERFLOW = -745.0  # ln of the smallest double


def lost(c: Position) -> Bool[Array, ""]:
    """Tell whether the chart found no prior coordinates: the mass at its reference scale is NaN."""
    return jnp.any(jnp.isnan(c))


def vague(model: Model, theta: Theta) -> Bool[Array, ""]:
    """Tell whether a margin of the domain is NaN, and none says that theta is outside."""
    margins = [jnp.asarray(margin) for margin in model.domain(theta).values()]
    if not margins:
        return jnp.asarray(False)
    stacked = jnp.stack(margins)
    return jnp.any(jnp.isnan(stacked)) & ~jnp.any(stacked <= 0.0)


def negligible(chart: Chart, c: Position) -> Bool[Array, ""]:
    """Tell whether the prior at c, divided by its peak value, is 0 in double precision.

    This is so beyond hard bounds, and far beyond the Gaussian shoulders of soft ones. Coordinates
    that the chart did not find do not count.
    """
    below = jnp.zeros(())
    for p, prior in chart.priors:
        at = c[chart.slots[p]]
        peak = prior.log_density(prior.from_unit(jnp.full(prior.dims, 0.5)))
        below += jnp.where(jnp.any(jnp.isnan(at)), 0.0, prior.log_density(at) - peak)
    return below < _UNDERFLOW
