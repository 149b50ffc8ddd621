"""Signed excess of a point over every limit, prior bound and margin of the domain.

An excess is <= 0 where the limit allows the point, of order one near the limit, and has a gradient
that leads back from decades away, so that an engine can maximise under all limits together.
"""

from collections.abc import Sequence

from jaxtyping import Array, Bool, Float

from nmmjax.constraints.base import Constraint, Observed, over
from nmmjax.target.chart import Chart, Position
from nmmjax.target.model import Model, Theta
from nmmjax.target.priors import LogUniform, SignedLog, Uniform

type Excess = dict[str, Float[Array, ""]]


def of_limits(constraints: Sequence[Constraint], observables: Observed) -> Excess:
    """Return the excess over every constraint's quoted limit, by name.

    `observables` includes parameters.
    """
    return {constraint.name: constraint.excess(observables) for constraint in constraints}


def all_allowed(
    constraints: Sequence[Constraint], observables: Observed, defined: Bool[Array, ""]
) -> Bool[Array, ""]:
    """Tell whether a point is defined and inside every constraint's quoted limit."""
    for constraint in constraints:
        defined = defined & constraint.allowed(observables)
    return defined


def of_bounds(chart: Chart, c: Position) -> Excess:
    """Return the excess over the bounds of every prior that has some: `prior_<parameter>`.

    over(((c - middle) / half the width)^2)   in the coordinate c in which the prior is flat

    The Gaussian shoulders that `edge` adds lie outside the bounds.
    """
    found = {}
    for name, prior in chart.priors:
        if name in box(chart):
            low, high = (prior.coordinate(x)[0] for x in box(chart)[name])
            at = c[chart.slots[name]][0]
            found[f"prior_{name}"] = over(((2.0 * at - low - high) / (high - low)) ** 2)
    return found


def of_domain(model: Model, theta: Theta) -> Excess:
    """Return the excess over the margins of the model's domain, -margin each: `domain_<margin>`."""
    return {f"domain_{name}": -margin for name, margin in model.domain(theta).items()}


def box(chart: Chart) -> dict[str, tuple[float, float]]:
    """(low, high) of every sampled parameter whose prior has bounds."""
    bounded = (Uniform, LogUniform, SignedLog)
    return {p: (prior.low, prior.high) for p, prior in chart.priors if isinstance(prior, bounded)}
