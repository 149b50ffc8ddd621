"""`weak_triplet3` against full mass matrices of 60 digits, nothing expanded or integrated out."""

import jax.numpy as jnp
import numpy as np
import pytest

from helpers.cases import one_quick
from helpers.model_points import batched
from helpers.oracles import made_with
from nmmjax.models.weak_triplet3.model import WeakTriplet3

FILE = "weak_triplet/three_generations.json"


@pytest.mark.parametrize("n_psi", one_quick([1, 2], 1))
def test_masses_and_moments_of_the_full_mass_matrices(reference, n_psi):
    rows = [row for row in reference(FILE)["rows"] if row["n_psi"] == n_psi]
    assert len(rows) == 5
    model = WeakTriplet3(n_psi=n_psi, rge=False, sm=made_with(FILE))
    theta = {p: jnp.array([float(row["theta"][p]) for row in rows]) for p in model.reference}
    found = batched(model)(theta)
    # The model leaves (m_tau/m_psi)^2 Theta^2 out, with the logarithm of a light lepton's loop;
    # rounding takes 1e-12 of the largest term.
    square = np.asarray(model.sm.m_tau / found["m_triplet"]) ** 2
    left_out = -2.0 * np.log(square) * square * found["theta_sq"]
    allowed = np.asarray(left_out + 1e-12 * found["tuning_cancel"])
    exact = np.array([[float(x) for x in row["m_nu_eV"]] for row in rows])
    masses = np.stack([found[f"m_nu_{i + 1}"] for i in range(3)], axis=1)
    assert np.all(np.abs(masses / exact - 1.0) < allowed[:, None])
    exact = np.array([[[float(x) for x in line] for line in row["mu_muB"]] for row in rows])
    names = [[f"mu_nu_{i + 1}{j + 1}" for j in range(3)] for i in range(3)]
    moments = np.moveaxis([[np.asarray(found[name]) for name in line] for line in names], 2, 0)
    largest = exact.max(axis=(1, 2), keepdims=True)
    # Mass states turn into each other by the error of a mass over the gap to the next one.
    turned = allowed * masses[:, 2] / np.min(np.diff(masses, axis=1), axis=1)
    assert np.all(np.abs(moments - exact) < turned[:, None, None] * largest)
    assert np.all(allowed < 1e-6)
