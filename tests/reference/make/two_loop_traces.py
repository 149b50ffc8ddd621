"""Barr-Zee loops by brute force: traces of 4 x 4 gamma matrices, then a plain double integral.

An inner loop joins a W (index nu, momentum k inwards), a photon (mu, q inwards) and a charged
scalar (k + q outwards); the outer line is a massless lepton between W and scalar. Closed loops of
quarks are traced numerically with the chirality flip on either of them and the photon on either;
those of scalars have momenta for vertices. The part linear in k and in q has the form

    T = a (k^mu q^nu - g^{mu nu} k.q) + e eps^{mu nu k q},

all else is fixed by gauge invariance or stands with k^nu, which the massless line forbids. What
the line makes of T, as a multiple of k^2 (qslash gamma^mu - gamma^mu qslash) P_L, is integrated
over Feynman parameters. In units of the scalar loop it is x (1-x) weight(x): the weight of

    J = int_0^1 dx weight(x) int_0^inf K dK/((K + m_W^2) (K + m_S^2) (K + c(x))),
    c = (m_t^2 x + m_b^2 (1-x))/(x (1-x)).

Lines: neutrino (W makes t of b), muon (W makes b of t), whose weights and size over the scalars'
stand in arXiv:1502.04199, eqs. (22), (23).
"""

import functools
import itertools

import mpmath as mp
from oracle import Table

METRIC = (1, -1, -1, -1)
K, Q = (0, 1, 0, 0), (0, 0, 1, 0)  # orthogonal: T^{12} = a, T^{03} = e
STEP = mp.mpf("0.4")  # of ln K and of the logit of x: error exp(-2 pi^2/0.4) = 4e-22


@functools.cache
def gammas():
    """gamma^mu in the chiral representation, gamma_5 diagonal: (-1, -1, 1, 1)."""
    pauli = ([[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]])
    zero = mp.matrix(4)
    for i in range(2):
        zero[i, 2 + i] = zero[2 + i, i] = 1
    found = [zero]
    for sigma in pauli:
        space = mp.matrix(4)
        for i, j in itertools.product(range(2), range(2)):
            space[i, 2 + j], space[2 + i, j] = sigma[i][j], -mp.mpc(sigma[i][j])
        found.append(space)
    return found


def projector(sign):
    """(1 + sign gamma_5)/2."""
    return mp.diag([1 - sign, 1 - sign, 1 + sign, 1 + sign]) / 2


def slash(p):
    return sum((g * m * x for g, m, x in zip(gammas(), METRIC, p, strict=True)), mp.zeros(4))


def trace(m):
    return sum(m[i, i] for i in range(m.rows))


def along(weight, *momenta):
    """Sum of weights times momenta."""
    return tuple(sum(w * p[i] for w, p in zip(weight, momenta, strict=True)) for i in range(4))


def quarks(flip, photon, span, second, k, q):
    """{(mu, nu): trace} of the loop before integration; the loop momentum is shifted away.

    A quark `before` the W turns into the one `after` it. Two propagators of the quark with the
    photon have Feynman parameters span - second and second.
    """
    yukawa = projector(1 if flip == "after" else -1)
    rest = 1 - span
    if photon == "after":
        before = along((-span, -second), k, q)
        others = [along((1, 1), before, k), along((1, 1, 1), before, k, q)]
    else:
        before = along((-rest, -second - rest), k, q)
        others = [along((1, 1), before, q), along((1, 1, 1), before, k, q)]

    def propagator(p, where):
        return slash(p) + (mp.eye(4) if flip == where else mp.zeros(4))

    left, first = projector(-1), propagator(before, "before")
    found = {}
    for mu, nu in ((1, 2), (0, 3)):
        light, charged = gammas()[mu], gammas()[nu] * left
        middle, last = propagator(others[0], photon), propagator(others[1], "after")
        chain = light * middle * charged if photon == "after" else charged * middle * light
        found[mu, nu] = trace(yukawa * last * chain * first)
    return found


def scalars(span, second, k, q):
    """The same of a charged and a neutral scalar; the photon meets the charged one."""
    neutral = along((-span, -second), k, q)
    w = along((2, 1), neutral, k)
    light = along((2, 2, 1), neutral, k, q)
    return {(mu, nu): mp.mpc(light[mu] * w[nu]) for mu, nu in ((1, 2), (0, 3))}


def bilinear(loop, k, q):
    """The part of {(mu, nu): ...} that is linear in k and in q."""
    none = (0, 0, 0, 0)
    parts = [(loop(k, q), 1), (loop(k, none), -1), (loop(none, q), -1), (loop(none, none), 1)]
    return {key: sum(sign * part[key] for part, sign in parts) for key in parts[0][0]}


@functools.cache
def line():
    """What the massless line, kslash gamma_nu P_L averaged over k, makes of a = 1 and of e = 1."""
    g, left = gammas(), projector(-1)
    unit = (slash(Q) * g[1] - g[1] * slash(Q)) * left
    found = []
    for symmetric in (True, False):
        total = mp.zeros(4)
        for alpha, nu in itertools.product(range(4), range(4)):
            k = [int(i == alpha) for i in range(4)]
            total += g[alpha] * g[nu] * METRIC[nu] * left * structure(symmetric, 1, nu, k) / 4
        found.append(trace(unit.H * total) / trace(unit.H * unit))
    return found


def structure(symmetric, mu, nu, k):
    """k^mu Q^nu - g^{mu nu} k.Q, or eps^{mu nu k Q}; eps^{0312} = 1 and indices lowered."""
    if symmetric:
        product = sum(m * a * b for m, a, b in zip(METRIC, k, Q, strict=True))
        return k[mu] * Q[nu] - (METRIC[mu] if mu == nu else 0) * product
    return sum(
        levi_civita(mu, nu, a, b) * METRIC[a] * k[a] * METRIC[b] * Q[b]
        for a, b in itertools.product(range(4), range(4))
    )


def levi_civita(*order):
    """Sign of a permutation of 0, 1, 2, 3, else 0."""
    pairs = itertools.combinations(order, 2)
    return 0 if len(set(order)) < 4 else (-1) ** sum(a > b for a, b in pairs)


def on_the_line(loop, span):
    """The line's multiple, integrated over `second`, exactly: the integrand is quadratic in it."""
    shift = span * mp.sqrt(mp.mpf(3) / 5) / 2
    total = mp.mpc(0)
    for weight, second in ((5, span / 2 - shift), (8, span / 2), (5, span / 2 + shift)):
        part = bilinear(functools.partial(loop, span, second), K, Q)
        # eps^{03 k q} = eps^{0312} k_1 q_2
        total += weight * sum(x * y for x, y in zip(part.values(), line(), strict=True))
    return mp.re(span * total / 18)


@functools.cache
def unit():
    """The scalar loop over x^2 (1-x)."""
    return 8 * on_the_line(scalars, mp.mpf(1) / 2)


@functools.cache
def numerator(lepton, flip, photon):
    """Coefficients of 1, x, ..., x^4 in x (1-x) weight(x); x is the share of m_t^2."""
    after, before = ("top", "bottom") if lepton == "neutrino" else ("bottom", "top")
    where = {after: "after", before: "before"}
    loop = functools.partial(quarks, where[flip], where[photon])
    points = [mp.mpf(i) / 5 for i in range(1, 6)]
    rows = mp.matrix([[x**n for n in range(5)] for x in points])
    values = [on_the_line(loop, x if photon == "top" else 1 - x) / unit() for x in points]
    return list(mp.lu_solve(rows, mp.matrix(values)))


def polynomials(given, constants):
    def rounded(x):
        return mp.nint(x) if abs(x - mp.nint(x)) < mp.mpf(10) ** (5 - mp.mp.dps) else x

    return {
        f"photon_on_{photon}": [
            rounded(x) for x in numerator(given["lepton"], given["flip"], photon)
        ]
        for photon in ("top", "bottom")
    }


def integrals(given, c):
    """J of a neutrino for a unit charge of top or of bottom."""
    m_s = mp.mpf(given["Mh"])
    loops = {
        (flip, photon): numerator("neutrino", flip, photon)
        for flip, photon in itertools.product(("top", "bottom"), repeat=2)
    }
    momenta = [mp.exp(STEP * i) for i in range(-90, 200)]
    outer = [(k, STEP * k * k / ((k + c.m_w**2) * (k + m_s**2))) for k in momenta]
    sums = dict.fromkeys(loops, mp.mpf(0))
    for i in range(-170, 130):
        e = mp.exp(-STEP * i)
        x, rest = 1 / (1 + e), e / (1 + e)
        mass = c.m_t**2 / rest + c.m_b**2 / x
        radial = STEP * sum(w / (k + mass) for k, w in outer)
        for key, coefficients in loops.items():
            sums[key] += mp.polyval(coefficients[::-1], x) * radial
    return {f"J_{flip}_photon_on_{photon}": sums[flip, photon] for flip, photon in loops}


FILE = "baselines/two_loop_traces.json"
TABLES = (
    Table(FILE, ("weights",), ("lepton", "flip"), polynomials, 40, 20, rows=1),
    Table(FILE, ("integrals",), ("Mh",), integrals, 40, 18, rows=1),
)
