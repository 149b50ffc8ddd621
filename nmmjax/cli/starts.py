"""Starting points of every kind that a run file can ask for: physics and samplers meet here too."""

from collections.abc import Callable

import jax
import jax.random as jr
from jaxtyping import Array

from nmmjax.samplers import devices
from nmmjax.target import start
from nmmjax.target.posterior import Posterior


def starting_points(
    kind: str, posterior: Posterior, key: Array, count: int, note: Callable[[str], None]
) -> jax.Array:
    """(count, dim) chart positions of finite density; what is done is told by `note`."""
    if kind == "search":
        from nmmjax.samplers import starting

        note(f"climbing to the modes for {count} starting points")
        return starting.from_search(posterior, key, count)
    if kind == "importance":
        from nmmjax.samplers import starting
        from nmmjax.samplers.engines.importance import Importance

        engine, (own, key) = Importance(), jr.split(key)
        used = devices.fewer(engine.repeats).size
        share = f" on {used} of {devices.count()} devices" if used < devices.count() else ""
        note(f"fitting a mixture to draw {count} starting points from{share}")
        points = start.screened(posterior, own, engine.chains).positions
        return starting.from_mixtures(engine, key, posterior, points, count)
    note(f"looking for {count} starting points among prior draws")
    find = start.prior if kind == "prior" else start.screened
    found = find(posterior, key, count)
    share = f"{found.finite_fraction:.1%} of {found.screened} prior draws"
    note(f"{share} have finite density; compiling")
    if found.undefined_fraction > 0.0:
        why = f": {found.undefined}, for example" if found.undefined else ""
        lost = f"{found.undefined_fraction:.2%} of them have an UNDEFINED one"
        note(f"{lost}, a fault of the model{why}")
    return found.positions
