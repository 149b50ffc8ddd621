"""The dark sector of arXiv:2603.25704 without angles: loops, light masses and mixing.

Two complex scalars S_a of one dark charge and a Majorana pair of signed masses
M_1 = m - m_D, M_2 = m + m_D. All loops depend on the scalar matrices M_R^2 = N + A and
M_I^2 = N - A alone, which is how they are computed: no eigenvectors, no differences.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from nmmjax.physics import neutrinos
from nmmjax.physics.casas_ibarra import casas_ibarra, inverse_root, rank_two_masses
from nmmjax.physics.constants import Constants
from nmmjax.physics.dark_loops import TAIL, Yukawas, grid_sums, wedge
from nmmjax.physics.dark_scalars import Scalars
from nmmjax.physics.matrices import dagger, product
from nmmjax.physics.numbers import EV, SIXTEEN_PI2, gap, square_root, squared
from nmmjax.physics.staging import kept

_RESOLVED = 1e-12  # relative distance of two masses, below which rounding alone tells them apart

type Scalar = Float[Array, ""] | float
type Symmetric = tuple[Scalar, Scalar, Scalar]  # (11, 12, 22)
type Square = Float[Array, "2 2"]


class DarkLoops(NamedTuple):
    """moment: C, GeV^-1; mass_r + mass_l: K, GeV; vector: T. See `dark_loops`."""

    moment: Float[Array, ""]
    mass_r: Square
    mass_l: Square
    vector: Square

    @property
    def mass(self) -> Square:
        return self.mass_r + self.mass_l


def dark_loops(
    s: Scalars, m: Scalar, m_dirac: Scalar, count: int, printed: bool = False
) -> DarkLoops:
    r"""Moment, mass and vector coupling of the light neutrinos, per Yukawa couplings and g_D.

        D = (t+N+A)^-1 A (t+N-A)^-1,   d = (t+M_1^2)(t+M_2^2),   q = M_1 M_2 = m^2 - m_D^2
        C = twist m \int t^2 [t^2 + 2qt + q(m^2 + 3 m_D^2)]/(d^2 det(t+M_R^2) det(t+M_I^2)) dt
        K = m/(16 pi^2) \int t (t + m^2 - m_D^2)/d D dt
        T = -m^2 \int t (t^2 + 2 m^2 t + q^2)/d^2 [(t+N+A)^-1 + (t+N-A)^-1] dt
            + \int t^2 (t + m^2 + m_D^2)/d D^2 dt
        mu_ij = g_D C Lambda_ij/(128 pi^2),   Lambda_ij = y*_i1 y*_j2 - y*_i2 y*_j1
        M_nu = y* K y^dag,   V = g_D/(16 pi^2) y* T y^T

    m, m_dirac > 0 in GeV; `count` nodes in ln t. K is returned in two parts, the lepton-number
    violating mass of N_R (t + m^2) and of N_L (-m_D^2), which cancel on mass-zero surfaces.
    With `printed` C is that of the paper's J. C, T and each part of K have no cancellation
    beyond that of A and of m - m_dirac.
    Source: derived; arXiv:2603.25704 has Eqs. (21)-(23) for C, nothing finite for K and T.
    """
    m1, m2, q = (m - m_dirac) ** 2, (m + m_dirac) ** 2, gap(m, m_dirac)
    real, imag = _adjugate(s.real), _adjugate(s.imag)
    between = list(zip(*_between(real, s.breaking, imag), strict=True))

    def node(t):
        over_r, over_i = _over_det(s.real, s.det_real, t), _over_det(s.imag, s.det_imag, t)
        over_d, over_dets = 1.0 / ((t + m1) * (t + m2)), over_r * over_i
        change = [(t * (t * a + b) + c) * over_dets for a, b, c in between]
        pairs = zip(_plus(t, real), _plus(t, imag), strict=True)
        both = [x * over_r + y * over_i for x, y in pairs]
        change, both = kept((change, both))  # not again in each sum
        if printed:
            flip = (t + q) * (both[0] + both[2]) * over_d
        else:
            flip = (t * (t + 2.0 * q) + q * (m**2 + 3.0 * m_dirac**2)) * over_d**2
        mass = t**2 * over_d
        axial = -(m**2) * t**2 * (t * (t + 2.0 * m**2) + q**2) * over_d**2
        square = t**3 * (t + m**2 + m_dirac**2) * over_d
        squared = zip(both, _square(change), strict=True)
        return (
            t**3 * flip * over_dets,
            *(mass * (t + m**2) * x for x in change),
            *(mass * x for x in change),
            *(axial * x + square * y for x, y in squared),
        )

    low, high = _limits(s, m1, m2)
    moment, *rest = grid_sums(node, low, high, count)
    return DarkLoops(
        moment=s.twist * m * moment,
        mass_r=m / SIXTEEN_PI2 * _matrix(*rest[:3]),
        mass_l=-m * m_dirac**2 / SIXTEEN_PI2 * _matrix(*rest[3:6]),
        vector=_matrix(*rest[6:]),
    )


def _limits(s, m1, m2):
    """Return the limits of integration in ln t.

    The integrands fall as t^2 below the smallest scale, and at least as t between the smallest and
    the next: a single scale may be arbitrarily small.
    """
    first, second, last = _extremes(m1, m2, *s.h, *s.a)
    lowest = jnp.maximum(jnp.log(first) - TAIL / 2.0, jnp.log(second) - TAIL)
    return lowest, jnp.log(last) + TAIL


def _extremes(*scales):
    """Return the smallest, the next and the largest: no sort, which does not fuse."""
    first = last = scales[0]
    second = jnp.inf
    for x in scales[1:]:
        second = jnp.minimum(second, jnp.maximum(first, x))
        first, last = jnp.minimum(first, x), jnp.maximum(last, x)
    return first, second, last


def _adjugate(m):
    return m[2], -m[1], m[0]


def _plus(t, m):
    return t + m[0], m[1], t + m[2]


def _over_det(m, det, t):
    """1/det(t + m) of a symmetric 2 x 2 matrix."""
    return 1.0 / (t * (t + m[0] + m[2]) + det)


def _between(p, a, q):
    """(t + p) a (t + q) as the matrices of t^2, t and 1; a and both products symmetric."""
    x11, x12 = a[0] * q[0] + a[1] * q[1], a[0] * q[1] + a[1] * q[2]
    x21, x22 = a[1] * q[0] + a[2] * q[1], a[1] * q[1] + a[2] * q[2]
    linear = (
        p[0] * a[0] + p[1] * a[1] + x11,
        p[0] * a[1] + p[1] * a[2] + x12,
        p[1] * a[1] + p[2] * a[2] + x22,
    )
    return a, linear, (p[0] * x11 + p[1] * x21, p[0] * x12 + p[1] * x22, p[1] * x12 + p[2] * x22)


def _square(m):
    return m[0] ** 2 + m[1] ** 2, m[1] * (m[0] + m[2]), m[1] ** 2 + m[2] ** 2


def _matrix(m11, m12, m22):
    return jnp.stack([jnp.stack([m11, m12]), jnp.stack([m12, m22])])


def lepton_loop(s: Scalars, m_e: Scalar, count: int, printed: bool = False) -> Square:
    r"""X of the charged-lepton dipole A_R(l -> l') = y_l'a X_ab y*_lb/(64 pi^2), GeV^-2.

        X = (1/3) \int t^3/(t+m_E^2)^3 [(t+M_R^2)^-2 + (t+M_I^2)^-2] dt

    `printed`: powers 2 and 3 exchanged (Eqs. 25, 26) and twice as large (1/(32 pi^2)).
    Source: derived; arXiv:2603.25704, Eqs. (25)-(28).
    """
    first, second, last = _extremes(m_e**2, *s.h, *s.a)
    low = jnp.maximum(jnp.log(first) - TAIL / 4.0, jnp.log(second) - TAIL / 1.0)

    def node(t):
        total = [0.0, 0.0, 0.0]
        for matrix, det in ((s.real, s.det_real), (s.imag, s.det_imag)):
            over_det = _over_det(matrix, det, t)
            inverse = [x * over_det for x in _plus(t, _adjugate(matrix))]
            power = _square(inverse)
            if printed:
                power = _cubed(inverse, power)
            total = [x + y for x, y in zip(total, power, strict=True)]
        fermion = 2.0 / (t + m_e**2) ** 2 if printed else 1.0 / (t + m_e**2) ** 3
        return tuple(t**4 * fermion / 3.0 * x for x in total)

    return _matrix(*grid_sums(node, low, jnp.log(last) + TAIL, count))


def _cubed(m, square):
    return (
        m[0] * square[0] + m[1] * square[1],
        m[0] * square[1] + m[1] * square[2],
        m[1] * square[1] + m[2] * square[2],
    )


class Light(NamedTuple):
    """Light neutrinos: y_la; masses m_1..m_3 and the two parts of the largest, GeV; |U_li|^2;
    and `wedge` = (sum_{i<j} |Lambda_ij|^2)^(1/2).
    """

    y: Yukawas
    masses: Float[Array, "3"]
    parts: tuple[Array, Array]
    u_squared: Float[Array, "3 3"]
    wedge: Array


def light_from_yukawas(y: Yukawas, loops: DarkLoops, ordering: str) -> Light:
    """Masses and mixing of M_nu = y* K y^dag, which has rank 2, without an eigensolver.

    The massless state is Lambda itself, |U_e0|^2 = |Lambda_mutau|^2/sum |Lambda|^2; with it
    sum_b |M_ab|^2 = sum_i m_i^2 |U_ai|^2 fixes the others. No derivative at equal masses; where
    K is 0 to the last bit (on a mass-zero surface) the mixing is that of K = 1. NaN stands for
    what has no value: the columns of two massive states of equal mass (to 1e-12), and those of
    the two massless states where the columns of y are parallel.
    """
    squares = _lambda_squared(y)
    total = jnp.sum(squares)
    massless = jnp.all(loops.mass == 0.0)
    k = jnp.where(massless, jnp.eye(2), loops.mass)
    pair = functools.partial(rank_two_masses, y)
    (low, high), (_, part) = jax.jvp(pair, (k,), (loops.mass_r,))
    m_nu = product(jnp.conj(y), k, dagger(y))
    rows = jnp.sum(squared(m_nu), axis=1)
    parallel = total == 0.0
    zero = squares / jnp.where(parallel, 1.0, total)
    apart = jnp.where(high - low > _RESOLVED * high, high - low, jnp.nan)
    heavy = (rows - low**2 * (1.0 - zero)) / (apart * (high + low))
    zero = jnp.where(parallel, jnp.nan, zero)
    none = jnp.zeros_like(high)
    low, high = (jnp.where(massless, 0.0, m) for m in (low, high))
    masses, columns = (none, low, high), (zero, 1.0 - zero - heavy, heavy)
    if ordering == "IO":
        masses, columns = (low, high, none), (1.0 - zero - heavy, heavy, zero)
    u_squared = jnp.maximum(jnp.stack(columns, axis=1), 0.0)  # >= 0 but for rounding
    return Light(y, jnp.stack(masses), (part, high - part), u_squared, square_root(total))


def light_from_oscillations(
    u: Complex[Array, "3 3"],
    masses: Float[Array, "3"],
    rotation: Complex[Array, "3 2"],
    loops: DarkLoops,
    ordering: str,
) -> Light:
    """Yukawas that give the PMNS matrix u and the masses (GeV, one of them 0) exactly."""
    y = casas_ibarra(u, masses, rotation, inverse_root(loops.mass))
    low, high = (1, 2) if ordering == "NO" else (0, 1)
    state = product(dagger(y), u[:, high : high + 1])
    part = product(state.T, loops.mass_r, state)[0, 0].real
    size = jnp.sqrt(masses[low] * masses[high] / jnp.abs(_determinant(loops.mass)))
    return Light(y, masses, (part, masses[high] - part), squared(u), size)


def solar_share(light: Light, ordering: str, source: str, sm: Constants) -> Array:
    """(1 - P_e of the massless state)^(1/2) of solar neutrinos: the moment connects the others.

    Where these two have one mass, nu_e is a mixture of the massless state and of one of them;
    where all three are massless it stays what it was; where all moments vanish the share does not
    matter and is 1.
    """
    none = light.wedge == 0.0
    massless = 0 if ordering == "NO" else 2
    p = jnp.where(none, jnp.array([0.0, 1.0, 0.0]), light.u_squared[0])
    rest = 1.0 - p[massless]
    if ordering == "IO":
        return jnp.sqrt(rest)  # P_e3 = |U_e3|^2
    p = jnp.where(jnp.isnan(p[1]), jnp.stack([p[0], rest, jnp.zeros_like(rest)]), p)
    dm2 = jnp.where(none, 1.0, (EV * light.masses[1]) ** 2)
    u = jnp.broadcast_to(square_root(p), (3, 3)) + 0j
    seen = 1.0 - neutrinos.solar_fractions(u, dm2, source, sm)[0]
    return jnp.sqrt(jnp.where(dm2 == 0.0, rest, seen))


def vector_coupling(light: Light, loops: DarkLoops, g_d: Scalar) -> tuple[Array, Array]:
    """Largest |eigenvalue| of V = g_D/(16 pi^2) y* T y^T, and tr V^2."""
    gram = product(light.y.T, jnp.conj(light.y)).real
    trace = jnp.sum(loops.vector * gram)
    det = _determinant(loops.vector) * light.wedge**2
    gap = jnp.maximum(trace**2 - 4.0 * det, 0.0)  # >= 0 but for rounding
    scale = g_d / SIXTEEN_PI2
    largest = 0.5 * (jnp.abs(trace) + square_root(gap))
    return scale * largest, scale**2 * (trace**2 - 2.0 * det)


def seen_vector(
    light: Light, loops: DarkLoops, g_d: Scalar, shares: Float[Array, "3"]
) -> tuple[Array, Array, Array]:
    """Return (sum_ab P_a |V_ab|^2)^(1/2), sum_a P_a V_aa and P_e V_ee for shares P of flavours.

    V_ab = g_D/(16 pi^2) (y* T y^T)_ab of nubar_b gamma P_L nu_a A'. The last two interfere with
    Z and W. Interference of flavours is left out: it needs their phases.
    """
    v = g_d / SIXTEEN_PI2 * product(jnp.conj(light.y), loops.vector, light.y.T)
    diagonal = shares * jnp.diagonal(v).real
    size = square_root(jnp.sum(shares[:, None] * squared(v)))
    return size, jnp.sum(diagonal), diagonal[0]


def _lambda_squared(y):
    """|Lambda_mutau|^2, |Lambda_taue|^2, |Lambda_emu|^2."""
    entries = wedge(y)
    return squared(jnp.stack([entries[1, 2], entries[2, 0], entries[0, 1]]))


def _determinant(k):
    return k[0, 0] * k[1, 1] - k[0, 1] ** 2
