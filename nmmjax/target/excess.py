"""How far a point is outside what is allowed: one signed number per limit, bound and margin.

Each is <= 0 where it allows the point, of order one near its limit, and has a gradient that leads
back from decades away, so that an engine can maximise under all of them.
"""

from collections.abc import Sequence

from jaxtyping import Array, Float

from nmmjax.constraints.base import Constraint, Observed, over
from nmmjax.target.chart import Chart, Position
from nmmjax.target.model import Model, Theta
from nmmjax.target.priors import LogUniform, SignedLog, Uniform

type Excess = dict[str, Float[Array, ""]]


def of_limits(constraints: Sequence[Constraint], observables: Observed) -> Excess:
    """Of every constraint at its quoted limit, by name; `observables` includes parameters."""
    return {constraint.name: constraint.excess(observables) for constraint in constraints}


def of_bounds(chart: Chart, c: Position) -> Excess:
    """Of every prior that has bounds, shoulders not counted: `prior_<parameter>`.

    over(((c - middle) / half the width)^2)   in the coordinate c in which the prior is flat
    """
    found = {}
    for name, prior in chart.priors:
        if name in box(chart):
            low, high = (prior.coordinate(x)[0] for x in box(chart)[name])
            at = c[chart.slots[name]][0]
            found[f"prior_{name}"] = over(((2.0 * at - low - high) / (high - low)) ** 2)
    return found


def of_domain(model: Model, theta: Theta) -> Excess:
    """Of the margins of the model's domain, -margin each: `domain_<margin>`."""
    return {f"domain_{name}": -margin for name, margin in model.domain(theta).items()}


def box(chart: Chart) -> dict[str, tuple[float, float]]:
    """(low, high) of every sampled parameter whose prior has bounds."""
    bounded = (Uniform, LogUniform, SignedLog)
    return {p: (prior.low, prior.high) for p, prior in chart.priors if isinstance(prior, bounded)}
