"""Likelihood shape of a spectrum of electron recoils in xenon, of solar neutrinos."""

import functools
import math
from typing import ClassVar

import equinox as eqx
import jax
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
from nmmjax.physics import recoil
from nmmjax.physics.constants import SM

_ROLES = ("moment", "vector", "neutral", "charged", "mass")
_SOURCES = ("pp", "7Be")
_SCALES = (0.5, 1.5)  # of the background, far outside its uncertainty
_STEPS = 6  # of Newton's method; the logarithm is concave


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

    def __check_init__(self):
        check_cl(self.cl)
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
        return f"{names}: {seen}, {background:.4g} expected ({percent(self.cl)})"

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
        with jax.ensure_compile_time_eval():
            none = _profile(jnp.zeros(len(self.low)), self._key)
        return _profile(signal, self._key) - none

    @property
    def _expected(self) -> np.ndarray:
        width = np.subtract(self.high, self.low)
        return np.multiply(self.background, width) * self.exposure

    @property
    def _key(self):
        return np.asarray(self.events), self._expected, self.background_error

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
    with jax.ensure_compile_time_eval():
        return recoil.templates(detector, recoil.solar(*sources))


def _profile(signal, key):
    """Return the logarithm at the best size of the background, relative to events as expected."""
    events, expected, error = key

    def step(b):
        rate = b * expected + signal
        slope = jnp.sum((events / rate - 1.0) * expected) - (b - 1.0) / error**2
        bend = jnp.sum(events * (expected / rate) ** 2) + 1.0 / error**2
        return jnp.clip(b + slope / bend, *_SCALES)

    b = jnp.ones(())
    for _ in range(_STEPS):
        b = step(b)
    b = step(lax.stop_gradient(b))  # one step carries the derivatives
    rate = b * expected + signal
    gained = events * jnp.log(rate / expected) - (rate - expected)
    return jnp.sum(gained) - 0.5 * ((b - 1.0) / error) ** 2
