"""Likelihood shape of a spectrum of electron recoils in xenon, of solar neutrinos."""

import functools
import math
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float
from scipy.optimize import root_scalar
from scipy.special import chdtri

from nmmjax.constraints.base import (
    Constraint,
    Interval,
    Observed,
    check_cl,
    check_positive,
    over,
    percent,
)
from nmmjax.errors import InputError, suggest
from nmmjax.physics import recoil, staging
from nmmjax.physics.constants import SM

_ROLES = ("moment", "vector", "neutral", "charged", "mass")
_SOURCES = ("pp", "7Be")
_SCALES = (0.5, 1.5)  # of the background, far outside its uncertainty
_LINES = (0.0, 100.0)  # of the line, in units of what the data have above the background
_STEPS = 6, 20  # of Newton's method without and with a line; the logarithm is concave


class RecoilSpectrum(Constraint):
    r"""Events in bins of the recoil over a background known but for its size b.

        ln L = max_b sum [n ln(b B + S) - b B - S] - (b - 1)^2/(2 background_error^2) - (S = 0)
        S = mu^2 D^2 S_mu + g^2 D^2 S_V + D (x_Z S_Z + x_W S_W),  D = 2 m_e T/(2 m_e T + M^2)

    signals  what each observable is: "moment" (mu in mu_B), "vector" (g = |g_nu g_e| of a vector
             boson), "neutral" and "charged" (its interference with Z, the sum over flavours, and
             with W, nu_e), "mass" (M of the boson, GeV; left out: 0)

    Templates: `physics.recoil.templates`. The sign of g_e is free: of both signs of the
    interference the better one counts, so that ln L may exceed 0 (XENONnT: by 0.4 at most).
    `allowed`: -2 ln L below the quantile of chi^2 with one degree of freedom. B holds the
    neutrinos of the Standard Model. Bins in keV, background in events/(tonne year keV), efficiency
    included, exposure in tonne years, resolution as in `recoil.Detector`.

    line    energy in keV of a monoenergetic background whose size is free, not part of B; 0: none
    """

    word: ClassVar[str] = "recoil_spectrum"
    counts: ClassVar[range] = range(1, len(_ROLES) + 1)
    wanted: ClassVar[str] = "a name, or a list of names with their roles in signals"
    columns: ClassVar[tuple[str, ...]] = ("low", "high", "events", "background", "efficiency")

    low: tuple[float, ...] = eqx.field(static=True)
    high: tuple[float, ...] = eqx.field(static=True)
    events: tuple[float, ...] = eqx.field(static=True)
    background: tuple[float, ...] = eqx.field(static=True)
    efficiency: tuple[float, ...] = eqx.field(static=True)
    signals: str = eqx.field(static=True)
    sources: str = eqx.field(static=True)
    exposure: float = eqx.field(static=True)
    background_error: float = eqx.field(static=True)
    resolution: tuple[float, ...] = eqx.field(static=True)
    cl: float = eqx.field(static=True)
    line: float = eqx.field(default=0.0, static=True)

    def __check_init__(self):
        check_cl(self.cl)
        if self.line and not self.low[0] < self.line < self.high[-1]:
            raise InputError(f"line must lie inside the bins or be 0, got {self.line:g} keV")
        check_positive(exposure=self.exposure, background_error=self.background_error)
        roles = self.signals.split()
        for words, known in ((roles, _ROLES), (self.sources.split(), _SOURCES)):
            for word in words:
                if word not in known:
                    raise InputError(
                        f"'{word}' is none of {', '.join(known)}{suggest(word, known)}"
                    )
        if len(roles) != len(self.requires) or len({*roles}) < len(roles):
            raise InputError(
                f"signals must give each of the {len(self.requires)} observables a role of its "
                f"own, got '{self.signals}'"
            )
        if len(self.resolution) != 2:
            raise InputError("resolution must be two numbers, those of sqrt(T) and of T in keV")
        for a, b, background in zip(self.low, self.high, self.background, strict=True):
            check_positive(low=a, background=background)
            if not a < b:
                raise InputError(f"a bin must end above its beginning, got {a:g} to {b:g} keV")

    def _log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        even, odd = self._signal(observables)
        if odd is None:
            return self._profiled(even)
        return jnp.maximum(self._profiled(even + odd), self._profiled(even - odd))

    def _allowed(self, observables: Observed):
        return -2.0 * self._log_likelihood(observables) <= self._quantile

    def excess(self, observables: Observed) -> Float[Array, ""]:
        return over(jnp.maximum(-2.0 * self._log_likelihood(observables) / self._quantile, 0.0))

    def describe(self) -> str:
        events, background = sum(self.events), float(np.sum(self._expected))
        seen = f"{events:.4g} recoils of {self.low[0]:g} to {self.high[-1]:g} keV"
        names = ", ".join(self.requires)
        line = f" beside a line of any size at {self.line:g} keV" if self.line else ""
        return f"{names}: {seen}, {background:.4g} expected{line} ({percent(self.cl)})"

    def interval(self) -> Interval | None:
        """Return the interval of the observable at the confidence level, where there is one."""
        if len(self.requires) > 1:
            return None
        one = dict.fromkeys(self.requires, jnp.asarray(1.0))
        unit = self._signal(one)[0]
        size = 1.0 / float(jnp.sum(unit))

        def far(x: float) -> float:
            return -2.0 * float(self._profiled(x**2 * size * unit)) - self._quantile

        end = math.sqrt(size) * float(root_scalar(far, bracket=(0.0, 1e3), xtol=1e-13).root)
        return Interval(-end, end, self._labelled(percent(self.cl)))

    def _signal(self, observables: Observed):
        """Return events by bin: what is even in the sign of g_e, and what is odd, or None."""
        found = dict(zip(self.signals.split(), self.requires, strict=True))
        given = {role: observables[name] for role, name in found.items()}
        t = self._templates
        mass_squared = given.get("mass", jnp.zeros(())) ** 2
        propagator = 2.0 * SM.m_e * t.recoil
        propagator = propagator / (propagator + mass_squared)
        even = jnp.zeros(len(self.low))
        for role, template in (("moment", t.moment), ("vector", t.vector)):
            if role in given:
                even = even + template @ (given[role] * propagator) ** 2
        odd = [
            template @ (given[role] * propagator)
            for role, template in (("neutral", t.neutral), ("charged", t.charged))
            if role in given
        ]
        return even, sum(odd) if odd else None

    def _profiled(self, signal: Float[Array, " bin"]) -> Float[Array, ""]:
        with staging.at_once():
            none = _profile(jnp.zeros(len(self.low)), self._fit)
        return _profile(signal, self._fit) - none

    @property
    def _expected(self) -> np.ndarray:
        width = np.subtract(self.high, self.low)
        return np.multiply(self.background, width) * self.exposure

    @property
    def _fit(self) -> "_Fit":
        events, parts = np.asarray(self.events), [self._expected]
        if self.line:
            one = recoil.line(self.line, self._detector)
            above = max(float(np.sum((events - self._expected)[one > 0.05 * np.max(one)])), 1.0)
            parts.append(one / np.sum(one) * above)
        return _Fit(events, tuple(parts), (self.background_error**-2, 0.0)[: len(parts)])

    @property
    def _detector(self) -> recoil.Detector:
        bins = np.asarray(self.low), np.asarray(self.high), np.asarray(self.efficiency)
        return recoil.Detector(*bins, self.exposure, (self.resolution[0], self.resolution[1]))

    @property
    def _quantile(self) -> float:
        return float(chdtri(1, 1.0 - self.cl))

    @property
    def _templates(self) -> recoil.Templates:
        names = tuple(self.sources.split())
        return _templates(
            self.low, self.high, self.efficiency, self.exposure, self.resolution, names
        )


@functools.cache
def _templates(low, high, efficiency, exposure, resolution, sources) -> recoil.Templates:
    bins = np.asarray(low), np.asarray(high), np.asarray(efficiency)
    detector = recoil.Detector(*bins, exposure, resolution)
    with staging.at_once():
        return recoil.templates(detector, recoil.solar(*sources))


class _Fit(NamedTuple):
    """Events, and the parts of the background by bin whose sizes, 1 +- precision^(-1/2), vary."""

    events: np.ndarray
    parts: tuple[np.ndarray, ...]
    precision: tuple[float, ...]


def _profile(signal, fit):
    """Return the logarithm at the best sizes of the background, relative to events as expected."""
    n, expected = fit.events, fit.parts[0]

    def total(sizes):
        return sum((x * part for x, part in zip(sizes, fit.parts, strict=True)), start=signal)

    def step(sizes):
        """One step of Newton's method in each size after the other."""
        for i, (part, precision) in enumerate(zip(fit.parts, fit.precision, strict=True)):
            rate = total(sizes)
            slope = jnp.sum((n / rate - 1.0) * part) - (sizes[i] - 1.0) * precision
            bend = jnp.sum(n * (part / rate) ** 2) + precision
            low, high = (_SCALES, _LINES)[i]
            free = lax.stop_gradient(sizes[i] + slope / bend)
            inside = (low < free) & (free < high)  # at an end a size does not move, however flat
            moved = jnp.where(
                inside,
                sizes[i] + slope / jnp.where(inside, bend, 1.0),
                jnp.clip(free, low, high),
            )
            sizes = (*sizes[:i], moved, *sizes[i + 1 :])
        return sizes

    sizes = (jnp.ones(()),) * len(fit.parts)
    for _ in range(_STEPS[len(sizes) - 1]):
        sizes = step(sizes)
    sizes = step(lax.stop_gradient(sizes))  # one step carries the derivatives
    rate = total(sizes)
    gained = n * jnp.log(rate / expected) - (rate - expected)
    return jnp.sum(gained) - 0.5 * fit.precision[0] * (sizes[0] - 1.0) ** 2
