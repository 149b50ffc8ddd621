"""Toy models whose mass cancels, the unit by one or two handles, and charts held to the letter."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from nmmjax.target.model import Cancellation, Model, Parameter, Rescaling, SignedCancellation
from nmmjax.target.priors import LogUniform, SignedLog

SCALE, HIGH = 1e-6, 1e2  # of the signed handles


class _Cancelling(Model):
    """m = |unit + first + second| in eV with unit = s, the size that `mu_nu` tells."""

    @property
    def parameters(self):
        size = Parameter("s", LogUniform(1e-2, 1e12), "", "s", "Size of the unit")
        names = {"x": "First handle", "y": "Second handle"}
        priors = zip(names.items(), self.priors, strict=True)
        return (size, *(Parameter(p, prior, "", p, text) for (p, text), prior in priors))

    @property
    def reference(self):
        return {"s": 1.0, "x": 0.3, "y": 0.3}

    def predict(self, theta):
        s = theta["s"]
        first, second = (s * share for share in self.shares(theta["x"], theta["y"]))
        terms = {"unit": s, "first": first, "second": second}
        return terms | {"m_nu": jnp.abs(sum(terms.values())), "mu_nu": s}

    @property
    def mass_terms(self):
        return ("unit", "first", "second")

    @property
    def rescaling(self):
        return Rescaling("m_nu", (("s", 1.0),))


class Competing(_Cancelling):
    """m = s |1 - x - y|: one competing term where y is fixed and negligible, else two."""

    x_0: float = eqx.field(static=True, default=1e-1)
    y_0: float = eqx.field(static=True, default=1e-10)
    depth: float = eqx.field(static=True, default=1e-2)
    both: bool = eqx.field(static=True, default=True)
    bound: float = eqx.field(static=True, default=0.0)

    @property
    def priors(self):
        return LogUniform(self.x_0, 1e2), LogUniform(self.y_0, 1e2)

    def shares(self, x, y):
        return -x, -y

    @property
    def cancellation(self):
        terms = (("unit", ()), ("first", (("x", 1.0),)), ("second", (("y", 1.0),)))
        return Cancellation(terms, 0.0 if self.bound else self.depth, self.bound)


class Signed(_Cancelling):
    """m = s |1 - x (1 + bend x) + slope y|: two signed handles, the first not quite linear."""

    bend: float = eqx.field(static=True, default=1e-3)
    slope: float = eqx.field(static=True, default=0.03)
    depth: float = eqx.field(static=True, default=1e-4)

    @property
    def priors(self):
        return (SignedLog(HIGH, scale=SCALE),) * 2

    def shares(self, x, y):
        return -x * (1.0 + self.bend * x), self.slope * y

    @property
    def signed_cancellation(self):
        return SignedCancellation((("x", 1.0), ("y", 30.0)), self.depth)


def coordinates(made, u):
    """Coordinates of a chart's parameters from unit numbers, (n, dim) each."""

    def one(u):
        return jnp.concatenate([v.from_unit(u[made.slots[p]]) for p, v in made.priors])

    return jax.vmap(one)(u)


def hold(made, c, back, det):
    """Assert the round trip to `back`, both ln |determinant| to `det`, and those of autodiff."""

    @jax.jit
    @jax.vmap
    def there_and_back(c):
        z, log_det = made.forward(c)
        return z, log_det, *made.inverse(z)

    z, log_det, again, same = there_and_back(c)
    assert np.all(np.isfinite(z))
    np.testing.assert_allclose(again, c, atol=back)
    np.testing.assert_allclose(same, log_det, atol=det)
    jacobian = jax.jit(jax.vmap(jax.jacfwd(made.position)))(c[:60])
    _, expected = np.linalg.slogdet(np.asarray(jacobian))
    np.testing.assert_allclose(log_det[:60], expected, atol=1e-10)
