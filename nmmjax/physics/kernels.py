"""Building blocks of loop functions: series, derivatives by forward mode, the kernels K_n.

Elementwise. The slope of every kernel is the next one of its family, so that one short series
serves value and slopes of any order.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float

from nmmjax.physics.staging import kept

type Real = Float[Array, "..."] | float

_RADIUS = 0.4  # in z^2, 0.23 < t < 4.4; outside it the closed form of K_1 loses 3/z^2 < 8 ulps
_DEGREE = 19  # of the economised series: truncation 7.9^-20


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def forward(f: Callable[..., Array], *x: Array) -> Array:
    """Return f(*x) of an elementwise f, differentiated by forward mode even inside `jax.grad`.

    The backward pass then needs one number per argument in place of every intermediate result,
    among them all partial sums of a series.
    """
    return f(*x)


def _forward_jvp(f, x, dx):
    active = [i for i, tangent in enumerate(dx) if not isinstance(tangent, SymbolicZero)]
    slopes = []
    for i in active:
        along = functools.partial(_along, f, x, i)
        value, slope = jax.jvp(along, (x[i],), (jnp.ones_like(x[i]),))
        slopes.append(slope)
    # Computed once: a compiler would put every series again into each operation that uses it.
    value, slopes = kept((value if active else f(*x), slopes))
    return value, sum(slope * dx[i] for slope, i in zip(slopes, active, strict=True))


def _along(f, x, i, moved):
    return f(*x[:i], moved, *x[i + 1 :])


forward.defjvp(_forward_jvp, symbolic_zeros=True)


def horner(series: np.ndarray, x: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """sum_k series[k] x^k."""
    total = jnp.full_like(x, series[-1])
    for c in series[-2::-1]:
        total = total * x + c
    return total


def divided(series, a, b):
    """f(b) and (f(a) - f(b))/(a - b) of the polynomial f with these coefficients."""
    value, slope = jnp.full_like(b, series[-1]), jnp.zeros_like(b)
    for c in series[-2::-1]:
        slope = slope * a + value
        value = value * b + c
    return value, slope


@functools.cache
def _economised(n):
    """Coefficients of K_n in powers of w = 2 z^2/_RADIUS - 1, |w| < 1, by interpolation."""
    k = np.arange(80)

    def series(w):
        return np.polyval(1.0 / (2.0 * k[::-1] + 2.0 * n + 1.0), 0.5 * _RADIUS * (1.0 + w))

    return np.polynomial.chebyshev.cheb2poly(
        np.polynomial.chebyshev.chebinterpolate(series, _DEGREE)
    )


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def kernel(n: int, t: Real) -> Float[Array, "..."]:
    """K_n = sum_k z^(2k)/(2k+2n+1) = (artanh z - z - ... - z^(2n-1)/(2n-1))/z^(2n+1), t > 0.

    B = K_1, K_n = 1/(2n+1) + z^2 K_(n+1), dK_n/dt = z [1/(2t) - (4n+2) q^2 K_(n+1)].
    """
    z = (t - 1.0) / (1.0 + t)
    near = z * z < _RADIUS
    # Both branches of `where` are differentiated, so each gets a harmless argument.
    w = jnp.where(near, (2.0 / _RADIUS) * z * z - 1.0, 0.0)
    z_far = jnp.where(near, 0.7, z)
    rest = 0.5 * jnp.log(jnp.where(near, 6.0, t))
    for k in range(n):
        rest = rest - z_far ** (2 * k + 1) / (2 * k + 1)
    return jnp.where(near, horner(_economised(n), w), rest / z_far ** (2 * n + 1))


@kernel.defjvp
def _kernel_jvp(n, primals, tangents):
    (t,), (dt,) = primals, tangents
    q = 1.0 / (1.0 + t)
    z = (t - 1.0) * q
    following = kept(kernel(n + 1, t))
    slope = z * (0.5 / t - (4 * n + 2) * q * q * following)
    return 1.0 / (2 * n + 1) + z * z * following, slope * dt
