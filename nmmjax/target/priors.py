"""Priors: a density and an inverse CDF in the coordinate in which each prior is flat.

Every prior names its own coordinate c (a line for `Uniform` and `Normal`, log x for
`LogUniform`, asinh(x/scale) for `SignedLog`, two Gaussians on a plane for `Angle`) and gives
its density there, so that no Jacobian is added and subtracted again. All densities are
normalised. Bounds are hard (density 0 outside) unless `edge` is given: then Gaussian shoulders
of that width continue the density outside the bounds, for engines that need gradients.
"""

import abc
import dataclasses
import math
from typing import ClassVar

import jax.numpy as jnp
from jax.scipy.special import ndtri
from jaxtyping import Array, Float

_LN10 = math.log(10.0)
_SQRT_2PI = math.sqrt(2.0 * math.pi)

type Real = Float[Array, ""] | float
type Coordinate = Float[Array, " k"]


class Prior(abc.ABC):
    """Abstract prior; `dims` is the number of chart coordinates it occupies."""

    dims: int = 1

    @abc.abstractmethod
    def value(self, c: Coordinate) -> Float[Array, ""]:
        """Return the parameter at coordinate c."""

    @abc.abstractmethod
    def coordinate(self, x: Real) -> Coordinate:
        """Return the coordinate of parameter value x."""

    @abc.abstractmethod
    def log_density(self, c: Coordinate) -> Float[Array, ""]:
        """Log density in the coordinate; -inf outside hard bounds."""

    @abc.abstractmethod
    def log_prior(self, x: Real) -> Float[Array, ""]:
        """Log density in the parameter itself."""

    @abc.abstractmethod
    def from_unit(self, u: Coordinate) -> Coordinate:
        """Inverse CDF: uniform numbers in (0, 1) to a coordinate drawn from the prior."""

    @property
    @abc.abstractmethod
    def hard(self) -> bool:
        """Tell whether the density has an edge that gradient engines cannot cross."""

    @property
    def walls(self) -> tuple[float, float]:
        """(low, high) of the coordinate between which the density is flat, and 0 outside."""
        return -math.inf, math.inf


@dataclasses.dataclass(frozen=True)
class _Interval(Prior):
    """Flat on [low, high] of the coordinate, with optional Gaussian shoulders."""

    low: float
    high: float
    edge: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise ValueError(f"bounds must be finite numbers, got [{self.low:g}, {self.high:g}]")
        if not self.low < self.high:
            raise ValueError(f"low must be below high, got [{self.low:g}, {self.high:g}]")
        if not (math.isfinite(self.edge) and self.edge >= 0.0):
            raise ValueError(f"edge must be a number >= 0, got {self.edge:g}")

    @property
    def hard(self) -> bool:
        return self.edge == 0.0

    @property
    def walls(self) -> tuple[float, float]:
        low, high, _ = self._box
        return (low, high) if self.hard else super().walls

    @property
    @abc.abstractmethod
    def _box(self) -> tuple[float, float, float]:
        """(low, high, shoulder width) in the coordinate."""

    def log_density(self, c: Coordinate) -> Float[Array, ""]:
        low, high, width = self._box
        excess = jnp.maximum(jnp.maximum(low - c[0], c[0] - high), 0.0)
        level = -math.log(high - low + width * _SQRT_2PI)
        if self.hard:
            return jnp.where(excess == 0.0, level, -jnp.inf)  # a NaN coordinate gives -inf
        return level - 0.5 * (excess / width) ** 2

    def from_unit(self, u: Coordinate) -> Coordinate:
        low, high, width = self._box
        if self.hard:
            return low + u * (high - low)
        shoulder = 0.5 * width * _SQRT_2PI
        mass = u * (high - low + 2.0 * shoulder)
        left = mass < shoulder
        right = mass > high - low + shoulder
        tail_l = jnp.where(left, mass, shoulder) / (2.0 * shoulder)
        tail_r = jnp.where(right, high - low + 2.0 * shoulder - mass, shoulder) / (2.0 * shoulder)
        inside = low + jnp.clip(mass - shoulder, 0.0, high - low)
        return inside + width * (ndtri(tail_l) - ndtri(tail_r))


class Uniform(_Interval):
    """Flat in x on [low, high]; `edge` is the shoulder width in units of x."""

    @property
    def _box(self) -> tuple[float, float, float]:
        return self.low, self.high, self.edge

    def value(self, c: Coordinate) -> Float[Array, ""]:
        return c[0]

    def coordinate(self, x: Real) -> Coordinate:
        return jnp.asarray(x)[None]

    def log_prior(self, x: Real) -> Float[Array, ""]:
        return self.log_density(self.coordinate(x))


class LogUniform(_Interval):
    """Flat in ln x on [low, high], both > 0; `edge` is the shoulder width in decades."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low <= 0.0:
            raise ValueError(
                f"log_uniform bounds must be > 0, got [{self.low:g}, {self.high:g}]; "
                "use signed_log for a quantity that crosses zero"
            )

    @property
    def _box(self) -> tuple[float, float, float]:
        return math.log(self.low), math.log(self.high), self.edge * _LN10

    def value(self, c: Coordinate) -> Float[Array, ""]:
        return jnp.exp(c[0])

    def coordinate(self, x: Real) -> Coordinate:
        return jnp.log(jnp.asarray(x))[None]

    def log_prior(self, x: Real) -> Float[Array, ""]:
        c = self.coordinate(x)
        return self.log_density(c) - c[0]


@dataclasses.dataclass(frozen=True)
class SignedLog(_Interval):
    """Flat in asinh(x/scale) on [-high, high]: log-uniform at |x| >> scale, smooth through 0.

    The density in x is proportional to 1/sqrt(x^2 + scale^2). Declared by `scale` (where the
    logarithm turns linear) and `high`; `edge` is the shoulder width in decades.
    """

    low: float = dataclasses.field(init=False)
    high: float
    scale: float = dataclasses.field(kw_only=True)
    edge: float = dataclasses.field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "low", -self.high)
        super().__post_init__()
        if not 0.0 < self.scale < self.high:
            raise ValueError(
                f"signed_log needs 0 < scale < high, got scale {self.scale:g}, high {self.high:g}"
            )

    @property
    def _box(self) -> tuple[float, float, float]:
        end = math.asinh(self.high / self.scale)
        return -end, end, self.edge * _LN10

    def value(self, c: Coordinate) -> Float[Array, ""]:
        return self.scale * jnp.sinh(c[0])

    def coordinate(self, x: Real) -> Coordinate:
        return jnp.arcsinh(jnp.asarray(x) / self.scale)[None]

    def log_prior(self, x: Real) -> Float[Array, ""]:
        return self.log_density(self.coordinate(x)) - jnp.log(jnp.hypot(x, self.scale))


@dataclasses.dataclass(frozen=True)
class Normal(Prior):
    """Gaussian with the given mean and standard deviation."""

    mean: float
    sd: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and math.isfinite(self.sd) and self.sd > 0.0):
            raise ValueError(f"normal needs a finite mean and sd > 0, got {self.mean}, {self.sd}")

    @property
    def hard(self) -> bool:
        return False

    def value(self, c: Coordinate) -> Float[Array, ""]:
        return c[0]

    def coordinate(self, x: Real) -> Coordinate:
        return jnp.asarray(x)[None]

    def log_density(self, c: Coordinate) -> Float[Array, ""]:
        return -0.5 * ((c[0] - self.mean) / self.sd) ** 2 - math.log(self.sd * _SQRT_2PI)

    def log_prior(self, x: Real) -> Float[Array, ""]:
        return self.log_density(self.coordinate(x))

    def from_unit(self, u: Coordinate) -> Coordinate:
        return self.mean + self.sd * ndtri(u)


@dataclasses.dataclass(frozen=True)
class Angle(Prior):
    """Flat on the circle (-pi, pi] of that period; the coordinate is a plane with a unit Gaussian.

    The angle of (g_x, g_y) ~ N(0, 1)^2 is uniform, and no sampler ever meets a seam.
    """

    dims: int = dataclasses.field(default=2, init=False)
    period: ClassVar[float] = 2.0 * math.pi

    @property
    def hard(self) -> bool:
        return False

    def value(self, c: Coordinate) -> Float[Array, ""]:
        return jnp.arctan2(c[1], c[0])

    def coordinate(self, x: Real) -> Coordinate:
        return jnp.stack([jnp.cos(x), jnp.sin(x)])

    def log_density(self, c: Coordinate) -> Float[Array, ""]:
        return -0.5 * (c[0] ** 2 + c[1] ** 2) - math.log(2.0 * math.pi)

    def log_prior(self, x: Real) -> Float[Array, ""]:
        inside = jnp.abs(jnp.asarray(x)) <= math.pi
        return jnp.where(inside, -math.log(2.0 * math.pi), -jnp.inf)

    def from_unit(self, u: Coordinate) -> Coordinate:
        return ndtri(u)
