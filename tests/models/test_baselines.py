"""What every baseline model must do: stay finite, declare what it returns, refuse bad settings."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from helpers.cases import one_quick
from nmmjax import catalogue
from nmmjax.errors import InputError
from nmmjax.models.left_right import LeftRight
from nmmjax.models.rpv_susy import RpvSusy
from nmmjax.models.sm_dirac import SmDirac
from nmmjax.models.sm_majorana import SmMajorana
from nmmjax.models.su2_horizontal import SU2Horizontal
from nmmjax.models.zee import Zee
from nmmjax.target import chart

MODELS = {
    "sm_dirac": SmDirac(),
    "sm_dirac_io_printed": SmDirac(ordering="IO", convention="as_printed"),
    "sm_majorana": SmMajorana(),
    "sm_majorana_io_printed": SmMajorana(ordering="IO", convention="as_printed"),
    "left_right": LeftRight(),
    "left_right_tau_printed": LeftRight(lepton="tau", convention="as_printed"),
    "rpv_susy": RpvSusy(relative_sign=-1),
    "rpv_susy_prime": RpvSusy(coupling="lambda_prime", j="s", k="b"),
    "su2_horizontal": SU2Horizontal(),
    "zee": Zee(),
}
N_POINTS = 20_000


def prior_points(model, n, seed):
    """Columns of n prior draws inside the domain."""
    keys = jax.random.split(jax.random.key(seed), len(model.parameters))
    theta = {}
    for key, p in zip(keys, model.parameters, strict=True):
        unit = jax.random.uniform(key, (n, p.prior.dims), minval=1e-12, maxval=1.0)
        theta[p.name] = jax.vmap(lambda u, prior=p.prior: prior.value(prior.from_unit(u)))(unit)
    inside = np.ones(n, bool)
    for margin in jax.vmap(model.domain)(theta).values():
        inside &= np.asarray(margin > 0.0)
    return {name: x[inside] for name, x in theta.items()}


@pytest.mark.parametrize("name", one_quick(MODELS, list(MODELS).index("left_right")))
def test_value_and_gradient_are_finite_on_the_prior(name):
    """A NaN or inf in any output, or in the gradient of any, survives the sum."""
    model = MODELS[name]
    theta = prior_points(model, N_POINTS, seed=3)
    assert len(next(iter(theta.values()))) > 0.3 * N_POINTS

    def total(point):
        return sum(jnp.sum(x) for x in model.predict(point).values())

    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(total)))(theta)
    assert np.isfinite(values).all()
    for p, slope in slopes.items():
        assert np.isfinite(slope).all(), p


@pytest.mark.parametrize("name", MODELS)
def test_reference_is_inside_and_every_output_is_in_the_catalogue(name):
    model = MODELS[name]
    point = {p: jnp.asarray(x) for p, x in model.reference.items()}
    assert set(point) == {p.name for p in model.parameters}
    assert all(margin > 0.0 for margin in model.domain(point).values())
    for output, value in jax.eval_shape(model.predict, point).items():
        assert value.shape == ()
        assert value.dtype == jnp.float64
        assert catalogue.quantity(output).text


@pytest.mark.parametrize("name", ["rpv_susy", "su2_horizontal", "zee"])
def test_declared_homogeneity_is_exact(name):
    """The shear's premise: the observable scales with the declared degree."""
    model = MODELS[name]
    rescaling = model.rescaling
    point = {p: jnp.asarray(x) for p, x in model.reference.items()}
    scaled = point | {p: point[p] * 1.7**w for p, w in rescaling.weights}
    value = jax.jit(lambda theta: model.predict(theta)[rescaling.observable])
    ratio = float(value(scaled) / value(point))
    assert ratio == pytest.approx(1.7**rescaling.degree, rel=1e-9)


@pytest.mark.parametrize("name", one_quick(["rpv_susy", "su2_horizontal", "zee"]))
def test_chart_goes_there_and_back(name):
    model = MODELS[name]
    built = chart.build(model, {p.name: p.prior for p in model.parameters}, {})
    assert built.rescaling is not None or built.cancels
    theta = prior_points(model, 200, seed=4)
    there = jax.jit(jax.vmap(built.z))(theta)
    back = jax.jit(jax.vmap(built.theta))(there)
    for p, x in theta.items():
        np.testing.assert_allclose(back[p], x, rtol=1e-9, atol=1e-18)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (SmDirac, {"ordering": "no"}, "ordering = 'no' given; it is 'NO' or 'IO'"),
        (SmMajorana, {"convention": "printed"}, "it is 'derived' or 'as_printed'"),
        (LeftRight, {"lepton": "muon"}, "lepton = 'muon' given; it is 'e', 'mu' or 'tau'"),
        (RpvSusy, {"coupling": "lambda", "j": "b"}, "coupling = 'lambda' it is e, mu or tau"),
        (RpvSusy, {"j": "mu", "k": "mu"}, "two different fermions"),
        (RpvSusy, {"flavours": "mue"}, "it is 'emu', 'etau' or 'mutau'"),
        (RpvSusy, {"relative_sign": 2}, "it is 1 or -1"),
        (SU2Horizontal, {"convention": "as printed"}, "it is 'derived' or 'as_printed'"),
        (Zee, {"ordering": "XO"}, "ordering = 'XO' given"),
    ],
)
def test_bad_settings_are_refused(kind, settings, message):
    with pytest.raises(InputError, match=message):
        kind(**settings)
