"""Run as a script: draws and programs on some of the devices that XLA_FLAGS forces.

python on_devices.py ENGINE COUNT OUT.npz
"""

import functools
import sys

import jax

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp  # noqa: E402
import jax.random as jr  # noqa: E402
import numpy as np  # noqa: E402

from nmmjax.samplers import devices  # noqa: E402
from nmmjax.samplers.engines.ensemble import Ensemble  # noqa: E402
from nmmjax.samplers.engines.mclmc import Mclmc  # noqa: E402
from nmmjax.samplers.engines.smc import Smc  # noqa: E402


class Square:
    """A skewed density inside a square, undefined in a corner; prior uniform in the square."""

    dim = 3

    def log_prior_at(self, z):
        return jnp.where(jnp.all(jnp.abs(z) < 3.0), -3.0 * jnp.log(6.0), -jnp.inf)

    def log_likelihood_at(self, z):
        value = jnp.where(jnp.all(jnp.abs(z) < 3.0), -0.5 * jnp.sum(jnp.exp(-z) + z), -jnp.inf)
        return jnp.where(jnp.all(z > 2.5), jnp.nan, value)

    def from_unit(self, u):
        return 6.0 * u - 3.0

    def __call__(self, z):
        return self.log_prior_at(z) + self.log_likelihood_at(z)


TARGET = Square()
ENGINES = {
    "ensemble": lambda: Ensemble(ensembles=4, walkers=16, thin=3, block=4),
    "mclmc": lambda: Mclmc(chains=8, warmup=100, block=4),
    "smc": lambda: Smc(repeats=4, particles=64),
}


def engine_on(kind, count):
    """Two blocks of an engine, and the program of a block."""
    engine = ENGINES[kind]()
    starts = jr.uniform(jr.key(0), (engine.chains, 3), minval=-1.0, maxval=2.0)
    with devices.using(devices.mesh(count)):
        state = engine.placed(engine.init(jr.key(1), TARGET, starts))
        arrays, shared = {}, {}
        if kind != "smc":
            lowered = jax.jit(lambda s: engine.advance(jr.key(2), TARGET, s)).lower(state)
            arrays["program"] = np.array(lowered.compile().as_text())
        for i in range(2):
            state, block = engine.advance(jr.key(2), TARGET, state)
            shared = len(jax.tree.leaves(state)[0].sharding.device_set)
            found = block.stats | ({} if block.draws is None else {"draws": block.draws})
            arrays |= {f"{i}/{name}": np.asarray(x) for name, x in found.items()}
    return arrays | {"devices": np.array(shared)}


def posterior_on(count):
    """Starting points and the record of the toy posterior."""
    from helpers.toy_model import Toy
    from nmmjax.target import start
    from nmmjax.target.posterior import Posterior

    target = Posterior(Toy())
    with devices.using(devices.mesh(count)):
        points = start.screened(target, jr.key(0), 8).positions
        found = target.record(jnp.stack([points, 0.5 * points], axis=1))
    arrays = {f"{g}/{k}": np.asarray(x) for g, xs in found.items() for k, x in xs.items()}
    shared = len(found["posterior"]["m_nu"].sharding.device_set)
    return arrays | {"starts": np.asarray(points), "devices": np.array(shared)}


if __name__ == "__main__":
    *kinds, numbers, folder = sys.argv[1:]
    for kind in kinds:
        found = posterior_on if kind == "posterior" else functools.partial(engine_on, kind)
        for number in numbers.split(","):
            np.savez(f"{folder}/{kind}-{number}.npz", **found(int(number)))
