"""Fine-tuning measures: power laws, cancellations, and 15-digit elasticities of Model-I."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from helpers.oracles import made_with
from nmmjax.cli.evaluate import rows_at
from nmmjax.models.weak_triplet.model import WeakTriplet
from nmmjax.target.model import Model, Observables, Parameter, Theta
from nmmjax.target.naturalness import cancellation, elasticities, tuning_bg, tuning_cancel
from nmmjax.target.posterior import Posterior
from nmmjax.target.priors import Angle, LogUniform

PARAMETERS = {
    "yD": "y_d",
    "yPsi": "y_psi",
    "yT": "y_t",
    "yd": "y_delta",
    "mPsi": "m_psi",
    "Mphi": "m_phi",
    "vS": "v_s",
    "lHS": "lambda_hs",
    "lS": "lambda_s",
}


class Toy(Model):
    """m_nu = a^3/b^2 cos(phi) - c."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        couplings = (Parameter(p, LogUniform(0.1, 10.0), "", p, "") for p in "abc")
        return (*couplings, Parameter("phi", Angle(), "rad", r"\phi", ""))

    @property
    def reference(self) -> dict[str, float]:
        return {"a": 1.0, "b": 1.0, "c": 0.5, "phi": 0.0}

    def predict(self, theta: Theta) -> Observables:
        power = theta["a"] ** 3 / theta["b"] ** 2
        loop, tree = power * jnp.cos(theta["phi"]), -theta["c"]
        return {"power": power, "m_nu": jnp.abs(loop + tree), "loop": loop, "tree": tree}


def point(**values):
    return {p: jnp.asarray(x) for p, x in values.items()}


def test_power_law_gives_its_powers():
    theta = point(a=1.7, b=0.3, c=0.2, phi=0.4)
    found = elasticities(Toy(), theta, "power")
    assert {p: float(e) for p, e in found.items()} == pytest.approx(
        {"a": 3.0, "b": -2.0, "c": 0.0, "phi": 0.0}, abs=1e-14
    )
    assert float(tuning_bg(Toy(), theta, "power")) == pytest.approx(3.0, abs=1e-14)


def test_cancellation_is_seen_by_both_measures():
    """Near a^3/b^2 = c: e_c = -c/m and 3 (m + c)/m for a; both grow as the sum vanishes."""
    for m in (1e-1, 1e-4, 1e-8):
        theta = point(a=1.0, b=1.0, c=1.0 - m, phi=0.0)
        observed = Toy().predict(theta)
        left = float(observed["m_nu"])
        assert float(tuning_bg(Toy(), theta)) == pytest.approx(3.0 / left, rel=1e-12)
        terms = float(tuning_cancel(observed, ("loop", "tree")))
        assert terms == pytest.approx((2.0 - m) / left, rel=1e-12)
    same_sign = Toy().predict(point(a=1.0, b=1.0, c=-1.0, phi=0.0))
    assert float(tuning_cancel(same_sign, ("loop", "tree"))) == 1.0


def test_angles_are_measured_in_radians():
    """An angle near 0 is not less tuned for being small: |dm/dphi|/m, without the factor phi."""
    theta = point(a=1.0, b=1.0, c=0.0, phi=1e-3)
    found = elasticities(Toy(), theta, names=("phi",))
    assert list(found) == ["phi"]
    assert float(found["phi"]) == pytest.approx(-np.tan(1e-3), rel=1e-13)


class ToyOfARatio(Toy):
    """`Toy` with tilt = ln(c b^2/a^3) in place of c."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        tilt = Parameter("tilt", LogUniform(1e-9, 1.0), "", "t", "", logarithm=True)
        return tuple(tilt if p.name == "c" else p for p in super().parameters)

    def predict(self, theta: Theta) -> Observables:
        power = theta["a"] ** 3 / theta["b"] ** 2
        return super().predict({**theta, "c": power * jnp.exp(theta["tilt"])})


def test_a_logarithm_does_not_hide_what_is_tuned():
    """c = (1 + 1e-6) a^3/b^2 is tuned to 1e-6 whether c or ln(c b^2/a^3) is the parameter."""
    tilt = 1e-6
    theta = {p: point(a=1.3, b=0.9, phi=0.0)[p] for p in ("a", "b", "phi")}
    ratio = theta["a"] ** 3 / theta["b"] ** 2 * np.exp(tilt)
    plain = float(tuning_bg(Toy(), theta | {"c": ratio}))
    assert plain == pytest.approx(3.0 / tilt, rel=1e-5)
    hidden = float(tuning_bg(ToyOfARatio(), theta | point(tilt=tilt)))
    assert hidden == pytest.approx(1.0 / tilt, rel=1e-5)


def test_batched_equals_point_by_point():
    scales = jnp.array([0.5, 1.0, 3.0])
    columns = {p: x * scales for p, x in point(a=0.7, b=1.1, c=0.2, phi=0.3).items()}
    batch = jax.jit(jax.vmap(lambda theta: tuning_bg(Toy(), theta)))(columns)
    for i, tuning in enumerate(batch):
        alone = tuning_bg(Toy(), {p: x[i] for p, x in columns.items()})
        assert float(alone) == pytest.approx(float(tuning), rel=1e-12)


def test_tuning_is_a_property_of_the_point():
    """Which parameters a run fixes does not matter: the power 3 of `a` stays."""
    theta = point(a=1.7, b=0.3, c=0.0, phi=0.0)
    for fixed in ({}, {"a": 1.7, "phi": 0.0}, {"a": 1.7, "b": 0.3, "phi": 0.0}):
        target = Posterior(Toy(), fixed, chart="box")
        assert float(target.observables(theta)["tuning_bg"]) == pytest.approx(3.0, abs=1e-14)
    (row,) = rows_at(Toy(), [{p: float(x) for p, x in theta.items()}])
    assert row["tuning_bg"] == pytest.approx(3.0, abs=1e-14)


def test_cancellation_of_matrices_is_that_of_their_norms():
    """diag(3, 4) - diag(3, 0) = diag(0, 4): (5 + 3)/4; a number is the 1 x 1 case."""
    terms = [jnp.diag(jnp.array([3.0, 4.0])), -jnp.diag(jnp.array([3.0, 0.0]))]
    assert float(cancellation(terms, jnp.asarray(4.0))) == pytest.approx(2.0, rel=1e-15)
    numbers = [jnp.asarray(5.0), jnp.asarray(-3.0)]
    single = [jnp.full((1, 1), float(x)) for x in numbers]
    both = [float(cancellation(x, jnp.asarray(2.0))) for x in (numbers, single)]
    assert both == pytest.approx([4.0, 4.0], rel=1e-15)


@pytest.mark.slow
def test_elasticities_of_model_one_match_the_reference(reference):
    """<= 1e-13 * max(1, tuning), without m_nu_rge; the charged Yukawa is no parameter."""
    rows, sm = reference("weak_triplet/model1.json")["rows"], made_with("weak_triplet/model1.json")
    columns = {
        public: jnp.array([float(row["inputs"][name]) for row in rows])
        for name, public in PARAMETERS.items()
    }
    given = np.array([float(row["inputs"]["ye"]) for row in rows])
    for y_lepton in sorted(set(given)):
        model = WeakTriplet(y_lepton=float(y_lepton), rge=False, sm=sm)
        for column, observable in (("m_nu_total", "m_nu"), ("mu_derived", "mu_nu")):
            found = jax.vmap(lambda theta, m=model, x=observable: elasticities(m, theta, x))(
                columns
            )
            for i in np.flatnonzero(given == y_lepton):
                expected = {k: float(x) for k, x in rows[i]["elasticity"][column].items()}
                tuning = max(1.0, *map(abs, expected.values()))
                for name, public in PARAMETERS.items():
                    miss = abs(float(found[public][i]) - expected[name])
                    assert miss < 1e-13 * tuning, (column, public, i)
