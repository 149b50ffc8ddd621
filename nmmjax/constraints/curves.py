"""Likelihood shapes whose limit is a curve: a coupling against the mass of a boson.

`requires` is (coupling, mass) or (coupling, mass, branching ratio); the signal is

    x = coupling^power * BR,  BR -> 1 - BR with `visible`

so that a search switches off smoothly where its decay does. Tables are interpolated by monotone
cubics (PCHIP), C1 and without overshoot. At either end of its table a curve ends in a smooth
gate, unless its entry says that it goes on: extend = "below" holds it constant below the first
mass, beyond = "slope" continues its last slope. A table that starts at mass 0 has no lower end.
ln L is C1, but for the first mass, below which the limit is held also inside the gate, and the
last of `OneSidedGaussianCurve`.
"""

import itertools
import math
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm
from jaxtyping import Array, Bool, Float

from nmmjax.constraints.base import (
    Observed,
    check_cl,
    check_positive,
    over,
    percent,
    raised,
)
from nmmjax.constraints.ends import (
    GATE_WIDTH,
    Curve,
    Outline,
    against,
    check_extend,
    check_lengths,
    fraction,
    gate,
    mass_of,
    or_outside,
    outside,
)
from nmmjax.constraints.interpolation import log_log, pchip
from nmmjax.constraints.limits import check_limit, pull_at_limit
from nmmjax.errors import InputError

_LOWEST_MASS = 1.25e-4  # of the last mass, where a line begins whose table starts at zero
_POINTS = 400  # of a line


class LimitCurve(Curve):
    r"""`UpperLimit` whose value depends on a mass.

        ln L = -g(m) (z x / limit(m)^p)^2 / 2

    ln limit is PCHIP in ln m. g rises from 0 to 1 in ln m around the first mass, or is 1 there
    with extend = "below". beyond = "gate": g falls from 1 to 0 around the last mass,
    where the last slope levels off; "slope":
    g = 1 and the last slope in ln-ln goes on (a propagator's power law).
    """

    word: ClassVar[str] = "limit_curve"
    columns: ClassVar[tuple[str, ...]] = ("mass", "limit")

    mass: tuple[float, ...] = eqx.field(static=True)
    limit: tuple[float, ...] = eqx.field(static=True)
    cl: float = eqx.field(static=True)
    power: int = eqx.field(static=True, default=1)
    convention: str = eqx.field(static=True, default="credible")
    visible: bool = eqx.field(static=True, default=False)
    beyond: str = eqx.field(static=True, default="gate")
    extend: str = eqx.field(static=True, default="")

    def __check_init__(self):
        check_extend(self.extend)
        _check_table(self.mass, limit=self.limit)
        check_limit(self.cl, self.power, self.convention)
        if self.beyond not in ("gate", "slope"):
            raise InputError(f"beyond must be 'gate' or 'slope', got '{self.beyond}'")

    def _log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        pull = pull_at_limit(self.cl, self.convention) * self._ratio(observables)
        return -0.5 * gate(self, observables) * pull**2

    def _allowed(self, observables: Observed) -> Bool[Array, ""]:
        return (jnp.abs(self._ratio(observables)) <= 1.0) | outside(self, observables)

    def excess(self, observables: Observed) -> Float[Array, ""]:
        return or_outside(self, observables, over(self._ratio(observables) ** 2))

    def describe(self) -> str:
        limit = f"{self.requires[0]} < curve {against(self)} ({percent(self.cl)})"
        return limit if self.power == 1 else f"{limit}, in {raised(self.requires[0], self.power)}"

    def outline(self) -> Outline:
        return _line(self)

    def limit_at(self, mass: Float[Array, "*b"]) -> Float[Array, "*b"]:
        """Return the quoted limit on the coupling for BR = 1, at any shape of masses."""
        reach = math.inf if self.beyond == "slope" else GATE_WIDTH
        return log_log(mass, self.mass, self.limit, reach)

    def _ratio(self, observables: Observed) -> Float[Array, ""]:
        limit = self.limit_at(mass_of(self, observables))
        ratio = self._observed(observables) / limit
        return fraction(self, observables) * ratio**self.power


class PoissonZeroCurve(Curve):
    r"""Poisson limit, 0 events: ln L = g(m) ln(1 - cl) x / limit(m)^2, x = coupling^2 BR.

    No event is seen and none expected. The signal is ln(1/(1 - cl)) events at the limit (2.30 at
    90%). Interpolation and gate are those of `LimitCurve`.
    """

    word: ClassVar[str] = "poisson_zero_curve"
    columns: ClassVar[tuple[str, ...]] = ("mass", "limit")

    mass: tuple[float, ...] = eqx.field(static=True)
    limit: tuple[float, ...] = eqx.field(static=True)
    cl: float = eqx.field(static=True)
    visible: bool = eqx.field(static=True, default=False)
    extend: str = eqx.field(static=True, default="")

    def __check_init__(self):
        check_extend(self.extend)
        _check_table(self.mass, limit=self.limit)
        check_cl(self.cl)

    def _log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        return gate(self, observables) * np.log1p(-self.cl) * self._ratio(observables)

    def _allowed(self, observables: Observed) -> Bool[Array, ""]:
        return (self._ratio(observables) <= 1.0) | outside(self, observables)

    def excess(self, observables: Observed) -> Float[Array, ""]:
        return or_outside(self, observables, over(self._ratio(observables)))

    def describe(self) -> str:
        return f"{self.requires[0]} < curve {against(self)} ({percent(self.cl)}), no event seen"

    def outline(self) -> Outline:
        return _line(self)

    def limit_at(self, mass: Float[Array, "*b"]) -> Float[Array, "*b"]:
        """Return the quoted limit on the coupling for BR = 1, at any shape of masses."""
        return log_log(mass, self.mass, self.limit, GATE_WIDTH)

    def _ratio(self, observables: Observed) -> Float[Array, ""]:
        limit = self.limit_at(mass_of(self, observables))
        return fraction(self, observables) * (self._observed(observables) / limit) ** 2


class OneSidedGaussianCurve(Curve):
    r"""Fitted signal strength c(m) +- s(m) of x = coupling^2 BR, used as a limit.

        ln L = -g(m) [max(x - c, 0)^2 - min(c, 0)^2] / (2 s^2)

    An upward fluctuation (c > 0) is not rewarded; ln L = 0 at x = 0. c and s are PCHIP in m.
    `limit_at` and `allowed` use the flat-prior limit of the Gaussian cut at x = 0,
    x_lim = c - s Phi^-1((1 - cl) Phi(c/s)), the published one. That of the one-sided density is
    the same for c <= 0 and smaller in the coupling by 1.3% at c = 1.3 s, 2.6% at c = 2 s.
    """

    word: ClassVar[str] = "one_sided_gaussian_curve"
    columns: ClassVar[tuple[str, ...]] = ("mass", "centre", "sigma")

    mass: tuple[float, ...] = eqx.field(static=True)
    centre: tuple[float, ...] = eqx.field(static=True)
    sigma: tuple[float, ...] = eqx.field(static=True)
    cl: float = eqx.field(static=True)
    visible: bool = eqx.field(static=True, default=False)
    extend: str = eqx.field(static=True, default="")

    def __check_init__(self):
        check_extend(self.extend)
        _check_table(self.mass, sigma=self.sigma)
        check_lengths(self.mass, centre=self.centre)
        check_cl(self.cl)

    def _log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        centre, sigma = self._fit(mass_of(self, observables))
        above = jnp.maximum(self._signal(observables) - centre, 0.0)
        chi2 = (above / sigma) ** 2 - (jnp.minimum(centre, 0.0) / sigma) ** 2
        return -0.5 * gate(self, observables) * chi2

    def _allowed(self, observables: Observed) -> Bool[Array, ""]:
        limit = self.limit_at(mass_of(self, observables)) ** 2
        return (self._signal(observables) <= limit) | outside(self, observables)

    def excess(self, observables: Observed) -> Float[Array, ""]:
        limit = self.limit_at(mass_of(self, observables)) ** 2
        return or_outside(self, observables, over(self._signal(observables) / limit))

    def describe(self) -> str:
        return f"{self.requires[0]} < curve {against(self)} ({percent(self.cl)}), one-sided fit"

    def outline(self) -> Outline:
        return _line(self)

    def limit_at(self, mass: Float[Array, "*b"]) -> Float[Array, "*b"]:
        """Return the quoted limit on the coupling for BR = 1, at any shape of masses."""
        centre, sigma = self._fit(mass)
        return jnp.sqrt(centre - sigma * norm.ppf((1.0 - self.cl) * norm.cdf(centre / sigma)))

    def _fit(self, mass: Float[Array, "*b"]) -> tuple[Float[Array, "*b"], Float[Array, "*b"]]:
        return pchip(mass, self.mass, self.centre), pchip(mass, self.mass, self.sigma)

    def _signal(self, observables: Observed) -> Float[Array, ""]:
        return fraction(self, observables) * self._observed(observables) ** 2


def _line(curve: LimitCurve | PoissonZeroCurve | OneSidedGaussianCurve) -> Outline:
    low = curve.mass[0] or _LOWEST_MASS * curve.mass[-1]
    masses = np.geomspace(low, curve.mass[-1], _POINTS)
    limit = np.asarray(curve.limit_at(jnp.asarray(masses)))
    return Outline(masses, limit, percent(curve.cl))


def _check_table(mass: tuple[float, ...], **columns: tuple[float, ...]) -> None:
    """Masses increase from >= 0 (0 only where no logarithm is taken); the columns are positive."""
    check_lengths(mass, **columns)
    lowest_open = "limit" in columns
    if mass[0] < 0.0 or (lowest_open and mass[0] == 0.0):
        raise InputError(f"mass must be {'> 0' if lowest_open else '>= 0'}, got {mass[0]:g}")
    for before, after in itertools.pairwise(mass):
        if not before < after:
            raise InputError(f"masses must increase: {after:g} follows {before:g}")
    for key, values in columns.items():
        for x in values:
            check_positive(**{key: x})
