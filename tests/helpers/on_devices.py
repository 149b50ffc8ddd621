"""Run as a script: draws and programs on some of the devices that XLA_FLAGS forces.

python on_devices.py KIND ... COUNTS FOLDER
"""

import sys

import jax

jax.config.update("jax_enable_x64", True)
import equinox as eqx  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import jax.random as jr  # noqa: E402
import numpy as np  # noqa: E402

from nmmjax.samplers import devices, starting  # noqa: E402
from nmmjax.samplers.engines import _ascent  # noqa: E402
from nmmjax.samplers.engines._cross_check import by_importance  # noqa: E402
from nmmjax.samplers.engines.chees import Chees  # noqa: E402
from nmmjax.samplers.engines.ensemble import Ensemble  # noqa: E402
from nmmjax.samplers.engines.frontier import Frontier  # noqa: E402
from nmmjax.samplers.engines.importance import Importance  # noqa: E402
from nmmjax.samplers.engines.mclmc import Mclmc  # noqa: E402
from nmmjax.samplers.engines.meads import Meads  # noqa: E402
from nmmjax.samplers.engines.nested import Nested  # noqa: E402
from nmmjax.samplers.engines.nuts import Nuts  # noqa: E402
from nmmjax.samplers.engines.search import Search  # noqa: E402
from nmmjax.samplers.engines.smc import Smc  # noqa: E402


class Square(eqx.Module):
    """A skewed density inside a square, undefined in a corner; prior uniform in the square.

    Half its side is looked up, as models do with curves.
    """

    table: jax.Array

    dim = 3
    names = ("x", "y", "f")

    def log_prior_at(self, z):
        half = self.table[(z[0] < 100.0).astype(int)]
        return jnp.where(jnp.all(jnp.abs(z) < half), -3.0 * jnp.log(2.0 * half), -jnp.inf)

    def log_likelihood_at(self, z):
        inside = jnp.all(jnp.abs(z) < self.table[1])
        value = jnp.where(inside, -0.5 * jnp.sum(jnp.exp(-z) + z), -jnp.inf)
        return jnp.where(jnp.all(z > 2.5), jnp.nan, value)

    def from_unit(self, u):
        return self.table[1] * (2.0 * u - 1.0)

    def __call__(self, z):
        return self.log_prior_at(z) + self.log_likelihood_at(z)

    @property
    def box(self):
        return {"x": (-3.0, 3.0), "y": (-3.0, 3.0)}

    def quantities_at(self, z):
        return {"x": z[0], "y": z[1], "f": jnp.exp(z[2] - 0.1 * z[0] ** 2)}

    def terms_at(self, z):
        return {"likelihood": self.log_likelihood_at(z)}

    def excess_at(self, z):
        return {"cap": z[2] + 0.2 * z[1] - 1.0}


TARGET = Square(jnp.array([0.0, 3.0]))
MAP = {"x": "x", "y": "y", "x_range": (-2.0, 2.0), "y_range": (-2.0, 2.0), "objective": "f"}
SCALES = {"x_scale": "linear", "y_scale": "linear"}
ENGINES = {
    "ensemble": Ensemble(ensembles=4, walkers=16, thin=3, block=4),
    "subsets": Ensemble(ensembles=4, walkers=16, thin=3, block=4, subset=0.5),
    "nuts": Nuts(chains=32, warmup=40, max_doublings=4, block=4),
    "chees": Chees(chains=32, warmup=40, block=4),
    "meads": Meads(chains=32, warmup=40, thin=3, block=4),
    "mclmc": Mclmc(chains=32, warmup=100, block=4),
    "few": Mclmc(chains=8, warmup=100, block=4),
    "smc": Smc(repeats=8, particles=64),
    "nested": Nested(repeats=4, live=40, delete=4, block=4),
    "importance": Importance(
        repeats=4, walkers=8, warmup=128, components=4, rounds=2, adapt=200, samples=400, block=200
    ),
    "search": Search(starts=32, steps=40, block=20),
    "padded": Search(starts=30, steps=40, block=20),
    "frontier": Frontier(**MAP, **SCALES, x_cells=3, y_cells=2, starts=8, pool=64),
}
STEPS = {
    "smc": Smc._temper,
    "nested": Nested._shrink,
    "importance": Importance._more,
    "search": lambda e, key, target, s: (_ascent.adam(target, s, e.steps, e.block), {}),
    "padded": lambda e, key, target, s: (_ascent.adam(target, s, e.steps, e.block), {}),
    "frontier": lambda e, key, target, s: (e._round(key, target, s), {}),
}


def of_block(engine, key, target, state):
    """A step of an engine whose blocks are compiled as they are."""
    state, block = engine.advance(key, target, state)
    return state, {"draws": block.draws, "undefined": block.undefined, **block.stats}


def begun(kind):
    """The first state of an engine."""
    engine = ENGINES[kind]
    starts = jr.uniform(jr.key(0), (engine.chains, 3), minval=-1.0, maxval=2.0)
    return engine.init(jr.key(1), TARGET, starts)


def engine_on(kind, state):
    """The state of an engine after two compiled steps, and what is known of the program."""
    engine, step = ENGINES[kind], STEPS.get(kind, of_block)
    state = engine.placed(state)
    found = {"init": state._asdict()}
    lowered = jax.jit(lambda t, s: step(engine, jr.key(2), t, s)).lower(TARGET, state)
    program = lowered.compile()
    for i in range(2):
        state, found[f"{i}"] = program(TARGET, state)
    found["state"] = state._asdict()
    return found | {
        "program": program.as_text(),
        "flops": program.cost_analysis()["flops"],
        "shards": {name: shards(x) for name, x in engine.rows_of(state).items()}
        if kind != "frontier"  # every device has all of its state
        else {},
    }


def shards(tree):
    """(devices, rows of each) of the first array."""
    held = jax.tree.leaves(tree)[0].addressable_shards
    return [len({shard.device for shard in held}), held[0].data.shape[0]]


def posterior():
    """Starting points and the record of the toy posterior, for 8 and for 6 chains."""
    from helpers.toy_model import Toy
    from nmmjax.target import recording, start
    from nmmjax.target.posterior import Posterior

    target, found = Posterior(Toy()), {}
    for chains in (8, 6):
        points = start.screened(target, jr.key(0), chains).positions
        draws = jnp.stack([points, 0.5 * points], axis=1)
        record = target.record(draws)
        found[f"{chains}"] = {"starts": points, "record": record}
        found["shards"] = found.get("shards", {"record": shards(record["posterior"]["m_nu"])})
    mesh = jax.sharding.get_mesh()
    stored = eqx.Partial(target._stored, only=None)
    lowered = recording._recorded.lower(stored, draws, 12, None if mesh.empty else mesh)
    return found | {"flops": lowered.compile().compiled.cost_analysis()["flops"]}


def starts():
    """Starting points of search and importance, and the evidence check of two repeats."""
    draws = jr.uniform(jr.key(3), (2, 400, 3), minval=-1.0, maxval=2.0)
    rows = {"log_z": jnp.zeros(2), "log_z_error": jnp.ones(2)}
    three = Importance(
        repeats=3, walkers=8, warmup=128, components=4, rounds=2, adapt=200, samples=400, block=200
    )
    points = jr.uniform(jr.key(6), (three.chains, 3), minval=-1.0, maxval=2.0)
    return {
        "importance": starting.from_mixtures(three, jr.key(7), TARGET, points, 6),
        "search": starting.from_search(TARGET, jr.key(4), 6, searches=3, steps=30),
        "check": by_importance(jr.key(5), TARGET, draws, rows),
    }


def flat(tree):
    """Arrays by the path that leads to them."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {"".join(map(str, path)): np.asarray(x) for path, x in leaves}


if __name__ == "__main__":
    *kinds, numbers, folder = sys.argv[1:]
    for kind in kinds:
        for number in numbers.split(","):
            warmed = begun(kind) if kind == "few" else None  # by one device
            with devices.using(devices.mesh(int(number))):
                own = {"posterior": posterior, "starts": starts}.get(kind)
                found = own() if own else engine_on(kind, warmed or begun(kind))
            np.savez(f"{folder}/{kind}-{number}.npz", **flat(found))
