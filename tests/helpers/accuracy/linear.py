"""Largest errors of the linear algebra: determinants, light values, Takagi and SVD."""

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np

from helpers.accuracy.exact import columns, reference, worst
from nmmjax.physics import matrices, svd3, takagi


def tuned_entries(count=2000):
    """a d and b c of either sign, equal to between one part in 10 and the last bit."""
    rng = np.random.default_rng(1)
    a, b, d = rng.choice([-1, 1], (3, count)) * 10.0 ** rng.uniform(-15, 5, (3, count))
    off = rng.choice([-1.0, 0.0, 1.0], count) * 10.0 ** rng.uniform(-16, -1, count)
    return a, b, a * d / b * (1.0 + off), d


def mp_svd2(a, b, c, d):
    """(light, heavy, theta_l, theta_r) by the textbook formulas, in mpmath."""
    total, det = a * a + b * b + c * c + d * d, a * d - b * c
    heavy = mp.sqrt((total + mp.sqrt((total - 2 * det) * (total + 2 * det))) / 2)
    theta_l = mp.atan2(2 * (a * c + b * d), c * c + d * d - a * a - b * b) / 2
    theta_r = mp.atan2(2 * (a * b + c * d), b * b + d * d - a * a - c * c) / 2
    return det / heavy, heavy, theta_l, theta_r


def determinant():
    x = tuned_entries(600)
    with mp.workdps(80):
        values = [
            a * d - b * c for a, b, c, d in (map(mp.mpf, r) for r in np.transpose(x).tolist())
        ]
        return worst(jax.jit(matrices.det2)(*x), values), None


def svd_of_two():
    """Values and angles; slopes times the largest entry for the angles."""
    x = tuned_entries(600)
    got = jax.jit(matrices.svd2)(*x)
    with mp.workdps(80):
        rows = [mp_svd2(*map(mp.mpf, row)) for row in np.transpose(x).tolist()]
        light, heavy, theta_l, theta_r = zip(*rows, strict=True)
        # Where light and heavy come close, the angles themselves are ill-conditioned.
        far = [i for i in range(600) if abs(light[i]) < 0.1 * heavy[i]]
        errors = [worst(got.light, light), worst(got.heavy, heavy)]
        for angle, expected in ((got.theta_l, theta_l), (got.theta_r, theta_r)):
            sines = np.asarray(jnp.sin(angle))[far]
            errors.append(worst(sines, [mp.sin(expected[i]) for i in far]))
    return max(errors), svd_of_two_slopes()


def svd_of_two_slopes():
    x = columns(reference("weak_triplet/svd_2x2.json")["rows"], *"abcd")
    stacked = jax.jacrev(lambda *v: jnp.stack(matrices.svd2(*v)), (0, 1, 2, 3))
    got = jax.jit(jax.vmap(stacked))(*x)
    errors = []
    with mp.workdps(120):
        step = mp.mpf(10) ** -40
        for row, matrix in enumerate(np.transpose(x).tolist()):
            entries = [mp.mpf(v) for v in matrix]
            for k, slopes in enumerate(got):
                up = mp_svd2(*[v + step * (i == k) for i, v in enumerate(entries)])
                down = mp_svd2(*[v - step * (i == k) for i, v in enumerate(entries)])
                exact = [(p - q) / (2 * step) for p, q in zip(up, down, strict=True)]
                off = [abs(g - e) for g, e in zip(slopes[row].tolist(), exact, strict=True)]
                # light, heavy are of degree 1, angles of degree 0 in the entries
                errors += [*off[:2], *(v * max(matrix) for v in off[2:])]
    return float(max(errors))


def tuned_blocks(n, tuning, seed):
    """m_D equal to m_H m_Psi^-1 m_S up to `tuning`, entry by entry."""
    rng = np.random.default_rng([n, seed])
    normal = lambda *s: rng.normal(size=s) + 1j * rng.normal(size=s)  # noqa: E731
    m_h, m_s = 30.0 * normal(3, n), 1e-9 * normal(n, 3)
    m_psi = np.diag(10.0 ** rng.uniform(2.7, 4.0, n)) + 10.0 * normal(n, n)
    m_d = m_h @ np.linalg.solve(m_psi, m_s) * (1.0 + tuning * rng.normal(size=(3, 3)))
    return m_d, m_h, m_s, m_psi


def full_matrix(m_d, m_h, m_s, m_psi):
    return np.block([[m_d, m_h], [m_s, m_psi]])


def mp_light_values(blocks, digits=100):
    with mp.workdps(digits):
        matrix = mp.matrix(full_matrix(*blocks).tolist())
        values = mp.eighe(matrix.H * matrix, eigvals_only=True)
        return [mp.sqrt(abs(x)) for x in sorted(values)[:3]]


_block = jax.jit(lambda *blocks: matrices.light_block(*blocks).a)


def light_values(blocks):
    return np.sort(np.linalg.svd(np.asarray(_block(*blocks)), compute_uv=False))


def largest_error(got, exact):
    """Relative; a massless state relative to the heaviest light one."""
    return worst(got, exact, [x if x else exact[-1] for x in exact])


def light_block():
    """Entries that cancel to 1e-4 ... 1e-15, one to three heavy states."""
    errors = []
    for n in (1, 2, 3):
        for seed, tuning in enumerate([1e-4, 1e-8, 1e-12, 1e-15]):
            blocks = tuned_blocks(n, tuning, seed)
            errors.append(largest_error(light_values(blocks), mp_light_values(blocks)))
    return max(errors), max(light_block_slope(n) for n in (1, 2, 3))


def light_block_slope(n):
    """Of the sum of squared light values, along a random direction."""
    blocks = tuned_blocks(n, 0.3, 5)
    rng = np.random.default_rng(6)
    steps = tuple(m * (rng.normal(size=m.shape) + 1j * rng.normal(size=m.shape)) for m in blocks)

    def square(*m):
        return jnp.sum(jnp.abs(matrices.light_block(*m).a) ** 2)

    forward = jax.jit(lambda m, s: jax.jvp(square, m, s)[1])(blocks, steps)
    gradient = jax.jit(jax.grad(square, (0, 1, 2, 3)))(*blocks)  # conjugate of the real gradient
    reverse = sum(float(jnp.sum(g * s).real) for g, s in zip(gradient, steps, strict=True))
    with mp.workdps(100):
        h = mp.mpf(10) ** -30
        base, along = (mp.matrix(full_matrix(*m).tolist()) for m in (blocks, steps))

        def exact(x):
            whole = base + x * along
            return sum(sorted(mp.eighe(whole.H * whole, eigvals_only=True))[:3])

        expected = (exact(h) - exact(-h)) / (2 * h)
        return worst([float(forward), reverse], [expected, expected])


def random_symmetric(rng, n):
    m = rng.normal(size=(n, 3, 3)) + 1j * rng.normal(size=(n, 3, 3))
    return m + m.transpose(0, 2, 1)


def takagi_masses():
    """Light masses of graded matrices, over seven decades."""
    rng = np.random.default_rng(5)
    factorise, errors = jax.jit(takagi.factorise), []
    with mp.workdps(50):
        for m in random_symmetric(rng, 25):
            scale = 10.0 ** rng.uniform(-3.5, 0.0, 3)
            m = scale[:, None] * (m + 3.0 * np.diag(np.exp(1j * rng.uniform(0, 6, 3)))) * scale
            exact = sorted(mp.svd_c(mp.matrix(m.tolist()), compute_uv=False))
            errors.append(worst(factorise(jnp.asarray(m)).masses, exact))
    return max(errors), None


def _unitarity(u):
    return np.max(np.abs(u.conj().swapaxes(-1, -2) @ u - np.eye(3)))


def takagi_matrices():
    """u and what it gives back, absolute and of the largest entry."""
    m = random_symmetric(np.random.default_rng(8), 300)
    masses, u = map(np.asarray, jax.jit(jax.vmap(takagi.factorise))(jnp.asarray(m)))
    back = (u.conj() * masses[:, None, :]) @ u.conj().swapaxes(1, 2)
    largest = np.abs(m).max(axis=(1, 2))
    return float(max(_unitarity(u), np.max(np.abs(back - m).max(axis=(1, 2)) / largest))), None


def svd_of_three():
    """u, v and what they give back, absolute and of the largest entry; values of some."""
    rng = np.random.default_rng(9)
    m = rng.normal(size=(300, 3, 3)) + 1j * rng.normal(size=(300, 3, 3))
    values, u, v = map(np.asarray, jax.jit(jax.vmap(svd3.svd3))(jnp.asarray(m)))
    back = u * values[:, None, :] @ v.conj().swapaxes(1, 2)
    largest = np.abs(m).max(axis=(1, 2))
    errors = [_unitarity(u), _unitarity(v), np.max(np.abs(back - m).max(axis=(1, 2)) / largest)]
    with mp.workdps(40):
        for i in range(20):
            exact = sorted(mp.svd_c(mp.matrix(m[i].tolist()), compute_uv=False))
            errors.append(worst(values[i], exact, [exact[-1]] * 3))
    return float(max(errors)), None


CASES = {
    "det2": determinant,
    "svd2": svd_of_two,
    "light_block": light_block,
    "takagi_masses": takagi_masses,
    "takagi": takagi_matrices,
    "svd3": svd_of_three,
}
