"""Functions evaluated number by number: the values of JAX, and programs without small arrays."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export, lax

from benchmarks import _cases
from nmmjax.samplers import apart, base
from nmmjax.target import start

POINTS = np.random.default_rng(1).normal(size=(5, 2048))
TABLE = np.linspace(-1.0, 2.0, 200)
ARRAYS = re.compile(r"stablehlo\.(concatenate|dot_general|reduce|transpose|while|case|scatter)\b")


def formula(x):
    """A number from five, with every way of moving entries about and of adding them up."""
    m = jnp.stack([x[:3], x[1:4], x[2:5]]).at[0, 1].set(0.7).at[2].set(x[4])
    turned = jnp.flip(m, 0).T @ m + jnp.sum(m[:, :, None] * m[None], axis=1)
    z = lax.complex(turned, jnp.roll(turned, 1, axis=1))
    picked = x[jnp.array([3, 0])] + jnp.take(x, jnp.array([1, 4]))
    ordered = jnp.cumsum(jnp.concatenate([picked, x[:2]]))[::-1]
    a = lax.fori_loop(0, 3, lambda i, a: a * x[1] + i, ordered, unroll=True)
    a = lax.platform_dependent(a, cpu=lax.optimization_barrier, default=lambda a: a)
    pair = jnp.split(jnp.pad(a, 1, constant_values=2.0), 2)
    small = jnp.min(jnp.where(pair[0] > 0.0, pair[0], pair[1])) + jnp.prod(a.reshape(2, 2)[0])
    return jnp.hypot(jnp.abs(jnp.trace(z)), small) + jnp.max(jnp.real(z * jnp.conj(z)))


def with_arrays(x):
    """The same, with a table and with operations that have no rule of their own."""
    table = jnp.interp(x[0], TABLE, np.exp(TABLE)) + jnp.sum(x[1] * TABLE)
    return formula(jnp.sort(x)) + table * jnp.argmax(x)


def by_numbers(function):
    jaxpr = jax.make_jaxpr(function)(POINTS[:, 0])
    each = jax.vmap(lambda x: apart.evaluated(jaxpr, jaxpr.consts, *x), in_axes=-1)
    return jax.jit(each)(POINTS)


@pytest.mark.parametrize("function", [formula, with_arrays])
def test_numbers_give_what_arrays_give(function):
    usual = jax.jit(jax.vmap(function, in_axes=-1))(POINTS)
    np.testing.assert_allclose(by_numbers(function), usual, rtol=1e-13)


def test_a_program_for_an_accelerator_has_no_small_arrays():
    def density(x):
        return base.log_density(formula, x)[0]

    text = export.export(jax.jit(density), platforms=["cuda"])(POINTS).mlir_module()
    assert not set(ARRAYS.findall(text))
    assert set(ARRAYS.findall(jax.jit(density).lower(POINTS).as_text()))


def test_a_density_has_its_derivatives_and_arrays_that_are_traced():
    def total(scale, x):
        return jnp.sum(base.log_density(lambda x: scale * formula(x), x)[0])

    value, slope = jax.jit(jax.value_and_grad(total, argnums=1))(2.0, POINTS)
    each = jax.vmap(jax.value_and_grad(formula), in_axes=-1, out_axes=(0, -1))
    usual, steps = jax.jit(each)(POINTS)
    np.testing.assert_allclose(value, 2.0 * jnp.sum(usual), rtol=1e-12)
    np.testing.assert_allclose(slope, 2.0 * steps, rtol=1e-10, atol=1e-10)


SOON = ("quickstart", "weak_triplet3", "zee", "dark_dipole_light")


@pytest.mark.slow
@pytest.mark.parametrize(
    "stem", [pytest.param(s, marks=[] if s in SOON else pytest.mark.long) for s in _cases.stems()]
)
def test_every_density_by_numbers_is_the_density(stem):
    posterior = _cases.posterior_of(stem)
    z = start.prior_draws(posterior, jax.random.key(1), 256)
    jaxpr = jax.make_jaxpr(posterior.log_density)(z[:, 0])
    each = jax.vmap(lambda x: apart.evaluated(jaxpr, jaxpr.consts, *x), in_axes=-1)
    found = jax.jit(each, compiler_options={"xla_backend_optimization_level": 0})(z)
    usual = jax.jit(jax.vmap(posterior.log_density, in_axes=-1))(z)
    np.testing.assert_allclose(found, usual, rtol=1e-9, atol=1e-9)
