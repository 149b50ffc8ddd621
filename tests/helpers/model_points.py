"""Points of a model, its compiled predictions, and errors against rows of reference files."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np


def point(model, **changes):
    """The reference point of a model, as arrays, with some parameters changed."""
    return {p: jnp.asarray(x) for p, x in (model.reference | changes).items()}


def prior_draws(model, n, seed=0):
    """Draw n points from the default priors, columns first."""
    keys = jax.random.split(jax.random.key(seed), len(model.parameters))
    columns = {}
    for parameter, key in zip(model.parameters, keys, strict=True):
        units = jax.random.uniform(key, (n, parameter.prior.dims))
        value = jax.vmap(lambda u, prior=parameter.prior: prior.value(prior.from_unit(u)))
        columns[parameter.name] = value(units)
    return columns


@functools.cache
def compiled(model):
    """Predictions at one point: one compilation per model serves every test of a file."""
    return jax.jit(model.predict)


@functools.cache
def batched(model):
    """Predictions at many points, columns first: one compilation per model and number of points."""
    return jax.jit(jax.vmap(model.predict))


def column(rows, part, name):
    """One number of every row of a reference file."""
    return jnp.array([float(row[part][name]) for row in rows])


def relative(found, expected):
    """Relative deviations; where 0 is expected, 0 must be found."""
    found, expected = np.asarray(found), np.asarray(expected)
    nothing = expected == 0.0
    assert np.all(found[nothing] == 0.0)
    return np.abs(found[~nothing] / expected[~nothing] - 1.0)


def error(values, rows, name, unit=1.0):
    """Worst relative deviation from the column `name` of reference rows, times its unit."""
    return np.max(relative(values, [unit * float(row["outputs"][name]) for row in rows]))


def elasticity_error(model, rows, columns, parameters, outputs):
    """Worst error of d ln(output)/d ln(parameter), relative to the largest of its row or 1.

    parameters  public names by those of the rows; columns is {public name: values of all rows}
    outputs     names of observables by those of the rows
    """

    def logs(theta):
        found = model.predict(theta)
        return {name: jnp.log(found[p]) for name, p in outputs.items()}

    slopes = jax.vmap(jax.jacfwd(logs))(columns)  # compiling it takes longer
    worst = 0.0
    for name, (i, row) in itertools.product(outputs, enumerate(rows)):
        expected = {k: float(x) for k, x in row["elasticity"][name].items()}
        largest = max(1.0, *(abs(x) for x in expected.values()))
        for key, x in expected.items():
            p = parameters[key]
            worst = max(worst, abs(float(slopes[name][p][i] * columns[p][i]) - x) / largest)
    return worst
