"""A model small enough to check by hand: m = |a - b x (1 + x^2/M^2)| 1e9 eV, mu = b/M^2."""

import dataclasses

import jax.numpy as jnp

from nmmjax.target.model import Model, Parameter, Ratio, Rescaling
from nmmjax.target.priors import Angle, LogUniform, SignedLog


class Toy(Model):
    """Two couplings whose contributions to the mass cancel."""

    scale: float = dataclasses.field(default=1.0, metadata={"static": True})

    @property
    def parameters(self):
        return (
            Parameter("b", LogUniform(1e-6, 1.0), "", "b", "coupling of the moment"),
            Parameter("a", LogUniform(1e-12, 1e-2), "", "a", "tree-level coupling"),
            Parameter("x", LogUniform(1e-6, 1.0), "", "x", "mixing"),
            Parameter("m_psi", LogUniform(1e2, 1e4), "GeV", "M", "heavy mass"),
            Parameter("lambda_hs", SignedLog(1.0, scale=1e-3), "", r"\lambda", "quartic"),
            Parameter("phase", Angle(), "", r"\phi", "phase"),
        )

    @property
    def reference(self):
        return {"b": 0.1, "a": 1e-6, "x": 1e-3, "m_psi": 1e3, "lambda_hs": 0.1, "phase": 0.3}

    def predict(self, theta):
        tree = theta["a"] * 1e9
        mixing = -theta["b"] * theta["x"] * (1.0 + theta["x"] / theta["m_psi"]) * 1e9
        return {
            "m_nu": jnp.abs(tree + mixing),
            "m_nu_dirac": tree,
            "m_nu_seesaw": mixing,
            "mu_nu": self.scale * theta["b"] / theta["m_psi"] ** 2 * 1e-3,
            "theta_sq": theta["x"] ** 2 * jnp.cos(theta["phase"]) ** 2,
        }

    def domain(self, theta):
        return {"stability": 0.5 - theta["lambda_hs"]}

    @property
    def mass_terms(self):
        return ("m_nu_dirac", "m_nu_seesaw")

    @property
    def rescaling(self):
        return Rescaling("m_nu", (("b", 1.0), ("a", 1.0)))

    @property
    def ratios(self):
        return (Ratio("a", ("m_nu_dirac",), ("m_nu_seesaw",)),)
