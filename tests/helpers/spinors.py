"""Decay of a lepton of mass 1 to three massless ones of one kind: spinors and Dalitz integral."""

import itertools
import math

import numpy as np

PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], complex)
ZERO, ONE = np.zeros((2, 2)), np.eye(2)
GAMMA = np.array(
    [np.block([[ZERO, ONE], [ONE, ZERO]])] + [np.block([[ZERO, s], [-s, ZERO]]) for s in PAULI],
    complex,
)
GAMMA_5 = np.diag([-1, -1, 1, 1]).astype(complex)
LEFT, RIGHT = (np.eye(4) - GAMMA_5) / 2, (np.eye(4) + GAMMA_5) / 2
METRIC = np.diag([1.0, -1.0, -1.0, -1.0])


def massless(p):
    """Columns u(p) = v(p) of helicities -1/2 and 1/2: u ubar sums to pslash."""
    slash = np.einsum("m,mn,nab->ab", p, METRIC, GAMMA) @ GAMMA[0]
    values, vectors = np.linalg.eigh(slash)
    return vectors[:, 2:] * np.sqrt(values[2:])


def contracted(first, second):
    return np.einsum("m,mn,n->", first, METRIC, second)


def line(out, matrices, into):
    return np.array([out.conj() @ GAMMA[0] @ m @ into for m in matrices])


def vector(chirality):
    """M of (lbar' gamma P_L l)(lbar' gamma P l'), P = `chirality`."""

    def amplitude(q, mother, one, two, anti):
        current = line(one, [g @ LEFT for g in GAMMA], mother)
        return contracted(current, line(two, [g @ chirality for g in GAMMA], anti))

    return amplitude


def scalar(first, second):
    """M of (lbar' P l)(lbar' P' l') with the chiralities P and P'."""

    def amplitude(q, mother, one, two, anti):
        return line(one, [first], mother)[0] * line(two, [second], anti)[0]

    return amplitude


def dipole(q, mother, one, two, anti):
    """M of a photon from -i sigma q P_R/q^2; A_2 = -A of hep-ph/9510309."""
    q_low = METRIC @ q
    sigma = [
        0.5j * sum((GAMMA[m] @ GAMMA[n] - GAMMA[n] @ GAMMA[m]) * q_low[n] for n in range(4))
        for m in range(4)
    ]
    current = line(one, [-1j * s @ RIGHT for s in sigma], mother) / contracted(q, q)
    return contracted(current, line(two, GAMMA, anti))


def _both_exchanges(amplitudes, p, momenta, mother, spins):
    total = np.zeros(len(amplitudes), complex)
    for sign, k, one, two in ((1, momenta[0], *spins[:2]), (-1, momenta[1], spins[1], spins[0])):
        total += sign * np.array([m(p - k, mother, one, two, spins[2]) for m in amplitudes])
    return total


def dalitz(amplitudes):
    """sum_spins M_i M_j* over the Dalitz plane, such that `vector(LEFT)` has 2."""
    amplitudes = (vector(LEFT), *amplitudes)
    nodes, weights = np.polynomial.legendre.leggauss(10)
    x, w = (nodes + 1) / 2, weights / 2
    total = np.zeros((len(amplitudes),) * 2, complex)
    p = np.array([1.0, 0, 0, 0])
    mothers = np.array([[1, 0, 1, 0], [0, 1, 0, 1]], complex)
    for (a, w_a), (b, w_b) in itertools.product(zip(x, w, strict=True), repeat=2):
        e_1, e_2 = a / 2, (1 - a + a * b) / 2  # 0 < E_1 < 1/2, 1/2 - E_1 < E_2 < 1/2
        e_3 = 1 - e_1 - e_2
        cos = ((e_3**2 - e_1**2 - e_2**2) / (2 * e_1 * e_2)) if e_1 * e_2 else 1.0
        one = e_1 * np.array([1, 0, 0, 1])
        two = e_2 * np.array([1, math.sqrt(max(0.0, 1 - cos**2)), 0, cos])
        spinors = [massless(k) for k in (one, two, p - one - two)]
        for mother, *index in itertools.product(mothers, (0, 1), (0, 1), (0, 1)):
            spins = [s[:, i] for s, i in zip(spinors, index, strict=True)]
            m = _both_exchanges(amplitudes, p, (one, two), mother, spins)
            total += w_a * w_b * a / 4 * np.outer(m, m.conj())
    return (total.real / total[0, 0].real * 2.0)[1:, 1:]
