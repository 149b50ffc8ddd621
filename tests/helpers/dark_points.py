"""Reference points of `dark_dipole` as parameters of the model."""

import math

import jax.numpy as jnp
import mpmath as mp
import numpy as np

from helpers.model_points import compiled
from helpers.oracles import made_with
from nmmjax.models.dark_dipole.model import DarkDipole
from nmmjax.physics import neutrinos

SM = made_with("dark_dipole/points.json")
EPS = 2.0**-53
TO_MU_B = 2.0 * SM.m_e / SM.e
LEPTONS = ("e", "mu", "tau")
MASSES = ("MH1", "MH2", "MA1", "MA2")


def complex_matrix(entries):
    return np.array([[complex(float(x[0]), float(x[1])) for x in row] for row in entries])


def pmns(point):
    a = {k: float(v) for k, v in point["pmns"].items()}
    sines = (math.sin(a[k]) ** 2 for k in ("t12", "t23", "t13"))
    return neutrinos.pmns(*(jnp.asarray(x) for x in (*sines, a["delta"], a["a21"], a["a31"])))


def common_parameters(point):
    names = {"m_lnv": "m", "m_dirac": "mD", "m_e_vll": "ME", "g_d": "gD", "eps": "eps"}
    names |= {"m_aprime": "mAp"}
    return {p: float(point["inputs"][key]) for p, key in names.items()}


def yukawa_parameters(y):
    parts = {"re": y.real, "im": y.imag}
    return {
        f"{part}_y_{x}{a + 1}": parts[part][i, a]
        for i, x in enumerate(LEPTONS)
        for a in (0, 1)
        for part in parts
    }


def eigenstate_theta(point):
    names = ("m_h1", "m_h2", "m_a1", "m_a2", "theta_r", "theta_i")
    found = {
        p: float(point["inputs"][k]) for p, k in zip(names, (*MASSES, "thR", "thI"), strict=True)
    }
    y = complex_matrix(point["y_real_imag"])
    return found | common_parameters(point) | yukawa_parameters(y)


def matrix_theta(point):
    """The same point as N = diag(n1, n2), A and rotated Yukawas, by 40-digit arithmetic."""
    with mp.workdps(40):
        given = {k: mp.mpf(v) for k, v in point["inputs"].items()}
        rotation = {
            k: mp.matrix([[mp.cos(t), mp.sin(t)], [-mp.sin(t), mp.cos(t)]])
            for k, t in (("R", given["thR"]), ("I", given["thI"]))
        }
        real, imag = (
            rotation[k] * mp.diag([given[f"M{s}1"] ** 2, given[f"M{s}2"] ** 2]) * rotation[k].T
            for k, s in (("R", "H"), ("I", "A"))
        )
        conserving, breaking = (real + imag) / 2, (real - imag) / 2
        n, o = mp.eigsy(conserving)
        a = o.T * breaking * o
        y = mp.matrix([[mp.mpc(*x) for x in row] for row in point["y_real_imag"]]) * o
        names = {"n1": n[0], "n2": n[1], "a11": a[0, 0], "a12": a[0, 1], "a22": a[1, 1]}
        scalars = {p: float(x) for p, x in names.items()}
        y = np.array([[complex(y[i, k]) for k in range(2)] for i in range(3)])
    return scalars | common_parameters(point) | yukawa_parameters(y)


def conditioning(point, scalars):
    """Relative change of splittings and of m - m_D by rounding the inputs to doubles."""
    given = {k: float(v) for k, v in point["inputs"].items()}
    signed = abs(float(point["outputs"]["M_heavy_signed"][0]))
    gaps = [abs(float(x)) for x in point["outputs"]["splittings_GeV2"].values()]
    size, smallest = max(given[k] ** 2 for k in MASSES), min(x for x in gaps if x > 0)
    if scalars == "mass_matrix":
        theta = matrix_theta(point)
        size, smallest = max(theta["n1"], theta["n2"]), abs(theta["n1"] - theta["n2"])
    return 2 * EPS * max(given["m"], given["mD"]) / signed + 4 * EPS * size / smallest


def predictor(**settings):
    return compiled(DarkDipole(sm=SM, **settings))


def arrays(theta):
    return {k: jnp.asarray(v) for k, v in theta.items()}
