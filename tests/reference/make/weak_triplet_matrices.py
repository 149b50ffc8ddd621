"""Light states of neutral mass matrices: 2 x 2 in closed form, 3 x (3+n) by eigenvalues.

Inputs are doubles. Light masses lie up to 1e-20 below heavy ones, hence 110 digits and more.
"""

import mpmath as mp
from oracle import Table


def light_and_heavy(a, b, c, d):
    """Singular values of [[a, b], [c, d]]: det/heavy with its sign, heavy; sin of both angles.

    M = N_L diag(light, heavy) N_R^T with N = [[cos, sin], [-sin, cos]].
    """
    with mp.workdps(mp.mp.dps + 80):
        left = mp.atan2(2 * (a * c + b * d), c * c + d * d - a * a - b * b) / 2
        right = mp.atan2(2 * (a * b + c * d), b * b + d * d - a * a - c * c) / 2
        trace, det = a * a + b * b + c * c + d * d, a * d - b * c
        heavy = mp.sqrt((trace + mp.sqrt((trace - 2 * det) * (trace + 2 * det))) / 2)
        values = det / heavy, heavy, mp.sin(left), mp.sin(right)
    return tuple(+x for x in values)


def two_by_two(given, constants):
    """`cond` is the cancellation in the determinant, (ad + bc)/|ad - bc|, to 6 digits."""
    a, b, c, d = (mp.mpf(float(given[key])) for key in "abcd")
    light, heavy, left, right = light_and_heavy(a, b, c, d)
    cond = mp.nstr((a * d + b * c) / abs(a * d - b * c) if light != 0 else mp.inf, 6)
    made = {"light_signed": light, "heavy": heavy, "sinL": left, "sinR": right, "cond": cond}
    return made


def three_plus_n(given, constants):
    """Singular values of [[mD, mH], [mS, mPsi]], ascending; below 1e-40 of GeV they are 0."""
    top = [a + b for a, b in zip(given["mD"], given["mH"], strict=True)]
    bottom = [a + b for a, b in zip(given["mS"], given["mPsi"], strict=True)]
    m = mp.matrix([[mp.mpc(float(x), float(y)) for x, y in row] for row in top + bottom])
    squares = sorted(mp.eighe(m.H * m, eigvals_only=True))
    values = [mp.sqrt(abs(x)) for x in squares]
    return {"singular_values": [x if x > mp.mpf(10) ** -40 else mp.mpf(0) for x in values]}


TABLES = (
    Table("weak_triplet/svd_2x2.json", ("rows",), ("a", "b", "c", "d"), two_by_two),
    Table(
        "weak_triplet/svd_3plusn.json",
        ("rows",),
        ("n", "mD", "mH", "mS", "mPsi"),
        three_plus_n,
        dps=110,
    ),
)
