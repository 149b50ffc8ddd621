"""Shards of known content, written through Store as tasks write them, without any sampling."""

import json

import numpy as np

from helpers.synthetic_run import ABOUT, RESOLVED, draw_groups
from nmmjax.samplers.store.store import Checkpoint, Store

VERSIONS = {"version_nmmjax": "0.1.0", "version_jax": "0.12.0", "commit": ""}
CHAINS, ENSEMBLES, DRAWS = 8, 2, 50


def write_shard(
    directory,
    number,
    of=4,
    draws=DRAWS,
    resolved=RESOLVED,
    about=None,
    tables=None,
    ended="draws: 50 draws",
    groups=None,
):
    """Write `directory/shards/number`: `draws` draws of a known distribution, in one block."""
    path = directory / "shards" / str(number)
    attributes = {"/": VERSIONS | {"resolved": resolved, "task": number} | (about or {})}
    for name, (role, units, latex) in ABOUT.items():
        attributes[f"/posterior/{name}"] = {"role": role, "units": units, "latex": latex}
    ensemble = np.repeat(np.arange(ENSEMBLES), CHAINS // ENSEMBLES)
    with Store.create(path, ensemble, attributes) as store:
        store.write_text("resolved.toml", resolved)
        if draws:
            found = groups or draw_groups(CHAINS, draws, seed=1000 + number)
            store.append(found, 0)
            store.save(Checkpoint(draws, (np.zeros(3),), (CHAINS, 3)))
        if tables:
            store.replace(tables)
        store.write_status({"phase": "sampling", "draws": draws, "target": DRAWS, "rate": 10.0})
        about = {"task": number, "of": of, "job": "", "mark": "", "sessions": 1, "idle": 0}
        store.write_text("task.json", json.dumps(about | {"ended": ended}))
    return path


def write_shards(directory, count=4, **more):
    for number in range(count):
        write_shard(directory, number, count, **more)
    return directory
