"""Run as a script: draws and programs on some of the devices that XLA_FLAGS forces.

python on_devices.py ENGINE COUNT OUT.npz
"""

import sys

import jax

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp  # noqa: E402
import jax.random as jr  # noqa: E402
import numpy as np  # noqa: E402

from nmmjax.samplers import devices  # noqa: E402
from nmmjax.samplers.engines.ensemble import Ensemble  # noqa: E402


class Square:
    """Uniform inside a square, a normal in it, and undefined in a corner."""

    def __call__(self, z):
        inside = jnp.all(jnp.abs(z) < 3.0)
        value = jnp.where(inside, -0.5 * jnp.sum(jnp.exp(-z) + z), -jnp.inf)
        return jnp.where(jnp.all(z > 2.5), jnp.nan, value)


TARGET = Square()


def ensemble(count):
    engine = Ensemble(ensembles=4, walkers=16, thin=3, block=4)
    starts = jr.uniform(jr.key(0), (engine.chains, 3), minval=-1.0, maxval=2.0)
    with devices.using(devices.mesh(count)):
        state = engine.init(jr.key(1), TARGET, starts)
        text = jax.jit(lambda s: engine.advance(jr.key(2), TARGET, s)).lower(state)
        program = text.compile().as_text()
        found = []
        for _ in range(2):
            state, block = engine.advance(jr.key(2), TARGET, state)
            found.append(block)
    sharded = len(found[-1].draws.sharding.device_set)
    arrays = {f"{i}/{k}": np.asarray(x) for i, b in enumerate(found) for k, x in b.stats.items()}
    arrays |= {f"{i}/draws": np.asarray(b.draws) for i, b in enumerate(found)}
    arrays |= {f"{i}/undefined": np.asarray(b.undefined) for i, b in enumerate(found)}
    return arrays | {"program": np.array(program), "devices": np.array(sharded)}


if __name__ == "__main__":
    _, kind, number, out = sys.argv
    np.savez(out, **{"ensemble": ensemble}[kind](int(number)))
