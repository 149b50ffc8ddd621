"""`weak_triplet3` against full mass matrices of 60 digits, nothing expanded or integrated out."""

import jax.numpy as jnp
import numpy as np
import pytest

from helpers.cases import one_quick
from helpers.model_points import batched
from helpers.oracles import made_with
from nmmjax.models.weak_triplet3.model import WeakTriplet3

FILE = "weak_triplet/three_generations.json"


@pytest.mark.parametrize("n_psi", one_quick([1, 2]))
def test_masses_and_moments_of_the_full_mass_matrices(reference, n_psi):
    rows = [row for row in reference(FILE)["rows"] if row["n_psi"] == n_psi]
    assert len(rows) == 5
    model = WeakTriplet3(n_psi=n_psi, rge=False, sm=made_with(FILE))
    theta = {p: jnp.array([float(row["theta"][p]) for row in rows]) for p in model.reference}
    found = batched(model)(theta)
    allowed = _left_out(model, n_psi, found)
    exact = np.array([[float(x) for x in row["m_nu_eV"]] for row in rows])
    masses = np.stack([found[f"m_nu_{i + 1}"] for i in range(3)], axis=1)
    # Weyl: no singular value moves by more than the matrix does.
    size = np.asarray(found["tuning_cancel"]) * np.linalg.norm(masses, axis=1)
    assert np.all(np.abs(masses - exact) < (allowed * size)[:, None])
    exact = np.array([[[float(x) for x in line] for line in row["mu_muB"]] for row in rows])
    names = [[f"mu_nu_{i + 1}{j + 1}" for j in range(3)] for i in range(3)]
    moments = np.moveaxis([[np.asarray(found[name]) for name in line] for line in names], 2, 0)
    # Wedin: singular vectors, left and right, turn by at most that motion over the gap.
    turned = allowed * (1.0 + 2.0 * size / np.min(np.diff(masses, axis=1), axis=1))
    largest = np.linalg.norm(exact, axis=(1, 2))
    assert np.all(np.abs(moments - exact).max(axis=(1, 2)) < turned * largest)


def _left_out(model, n_psi, found):
    """Parts of the mass terms and the moment that rounding and the model's expansions take.

    The neutral loop ends on the flavour basis, Theta^2/2 away from light states (E18): counted by
    its share of the split term, which has the same Yukawas. The loops meet the light right-handed
    states to first order in m_nu/(Theta m_psi). With two triplets charged leptons enter to first
    order in their share 2 Theta^2 (m_tau/m_psi)^2, and the sum over loop momenta has an error of
    2e-13.
    """
    found = {name: np.asarray(x) for name, x in found.items()}
    theta_sq, m_psi = found["theta_sq"], found["m_triplet"]
    flavour = 0.5 * theta_sq * np.abs(found["m_nu_neutral"] / found["m_nu_split"])
    right = 0.5 * (1e-9 * found["m_nu_3"] / m_psi) ** 2 / theta_sq
    if n_psi == 1:
        return 1e-15 + flavour + right
    return 1e-15 + flavour + right + 2.0 * theta_sq * (model.sm.m_tau / m_psi) ** 2 + 2e-13
