"""What a resumed run notices of another target, another device, and nothing."""

import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nmmjax.samplers import witness
from nmmjax.samplers.witness import OtherTarget, Problem

DRAWS = np.random.default_rng(5).normal(size=(4, 3, 2)) + np.array([0.0, 2.0])


def density(z):
    return -0.5 * z @ z


def problem(target=density, x=1.0, prior=1.0, limit=1.0, mass=1.0):
    """Factors that change one recorded quantity each."""

    def record(draws):
        z = np.asarray(draws)
        return {
            "posterior": {"x": x * z[..., 0], "m": mass * z[..., 1]},
            "log_likelihood": {"limit": -limit * z[..., 0] ** 2},
            "target": {"log_prior": -prior * np.abs(z[..., 1]), "allowed": z[..., 0] > 0.0},
        }

    return Problem(target, record, ("x",))


def seen_by(problem, draws=DRAWS):
    """What a checkpoint keeps, after a way through a file."""
    groups = dict(problem.record(draws))
    groups["sample_stats"] = {"lp": np.asarray(jax.vmap(jax.vmap(density))(draws))}
    groups["sample_stats"]["acceptance_rate"] = np.ones(draws.shape[:2])
    file = io.BytesIO()
    np.savez(file, *witness.packed(witness.of_block(jnp.asarray(draws), groups)))
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        return witness.unpacked([arrays[name] for name in arrays.files])


def test_the_same_target_is_equal_bit_for_bit():
    assert witness.compare(problem(), seen_by(problem()), "run") == ()
    starts = witness.of_points(problem(), jnp.asarray(DRAWS[0]))
    assert witness.compare(problem(), starts, "run") == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"x": 1.1, "prior": 2.0, "limit": 2.0}, r"x \(chart\) at the last stored draw of chain 0"),
        ({"prior": 2.0, "limit": 2.0}, "the log prior density at"),
        ({"limit": 2.0, "mass": 10.0}, "ln L of limit at .*; so do m"),
        ({"mass": 10.0}, "m at the last"),
        ({"mass": np.nan}, "m at the last stored draw of chain 0 differs, .* then, nan now"),
        ({"target": lambda z: -0.6 * z @ z}, "the log density at"),
        ({"mass": 1.0 + 1e-7}, "m at the last"),
    ],
)
def test_another_target_is_refused_by_its_first_term(change, words):
    with pytest.raises(OtherTarget, match=f"^'run' was sampled with another target: {words}"):
        witness.compare(problem(**change), seen_by(problem()), "run")


def test_variables_that_come_or_go_are_refused():
    def fewer(draws):
        found = problem().record(draws)
        return found | {"log_likelihood": {}}

    with pytest.raises(OtherTarget, match="stored limit, which is gone"):
        witness.compare(Problem(density, fewer), seen_by(problem()), "run")
    with pytest.raises(OtherTarget, match="did not store limit"):
        witness.compare(problem(), seen_by(Problem(density, fewer)), "run")


def test_last_digits_of_another_device_are_told_and_go_on():
    (line,) = witness.compare(problem(mass=1.0 + 1e-12), seen_by(problem()), "run")
    assert line.startswith("m and what follows from it differ in the last digits")


def test_a_finely_tuned_quantity_may_lose_more_digits():
    """A difference that is 1e-8 of its terms: one more rounding moves it by 1e-8 of itself."""

    def cancelling(rounded):
        def record(draws):
            z = np.asarray(draws)
            terms = np.sin(z[..., 1]), np.sin(z[..., 1] + 1e-8)
            once_more = 1.0 + rounded * np.finfo(float).eps
            return {"posterior": {"left": terms[1] - terms[0] * once_more}}

        return Problem(density, record)

    stored, again = (cancelling(rounded).record(DRAWS)["posterior"]["left"] for rounded in (0, 1))
    assert np.max(np.abs(stored / again - 1.0)[:, -1]) > 1e-9
    (line,) = witness.compare(cancelling(1), seen_by(cancelling(0)), "run")
    assert "last digits" in line


def test_undefined_values_that_stay_undefined_are_equal():
    undefined = problem(mass=np.nan)
    assert witness.compare(undefined, seen_by(undefined), "run") == ()


def test_other_arrays_are_no_witness():
    assert witness.unpacked([np.zeros((4, 2)), np.array(3)]) is None
    assert witness.unpacked([np.zeros((4, 2)), np.array(3), np.array([1.0])]) is None
