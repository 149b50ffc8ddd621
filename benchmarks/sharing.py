"""What four H200 tell each other during a block of `ensemble`; no device is needed.

    uv sync --extra programs
    python -m benchmarks sharing [RUN...]

XLA compiles a block for four devices, each with a quarter of the ensembles. Counted are the
launches of each device and its operations between devices, as often as they run.
"""

from collections.abc import Iterator
from typing import Any

from benchmarks import _h200

type Row = tuple[str, float, str]

_DEVICES, _ENSEMBLES, _WALKERS, _STEPS = 4, 16, 4096, 100
_RUNS = ("quickstart",)


def run(*runs: str) -> Iterator[Row]:
    """The rows of the table: (what, value, unit)."""
    there = _h200.devices(_DEVICES)
    from benchmarks import _cases, _hlo

    for stem in runs or _RUNS:
        launches = _hlo.Program(_block(_cases.posterior_of(stem), there)).launches
        what = f"{stem}, {_STEPS} steps on {_DEVICES} devices"
        yield f"{what}: launches", sum(launches.values()), "per block"
        for kind in _hlo.COLLECTIVE:
            yield f"{what}: {kind}", launches[kind] + launches[f"{kind}-start"], "per block"


def _block(posterior: Any, there: list[Any]) -> str:
    """The program of a block, the walkers of every ensemble cut over the devices."""
    import jax
    import jax.random as jr
    import numpy as np
    from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

    from nmmjax.samplers.engines.ensemble import Ensemble

    engine = Ensemble(_ENSEMBLES, _WALKERS, thin=_STEPS, block=1)
    mesh = Mesh(np.array(there), ("part",), axis_types=(AxisType.Auto,))

    def placed(x: Any) -> Any:  # as Ensemble.placed cuts a state
        cut = [*[None] * (x.ndim - 1), "part"] if x.ndim > 1 else []
        here = NamedSharding(mesh, PartitionSpec(*cut))
        return jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=here)

    with jax.sharding.use_abstract_mesh(mesh.abstract_mesh):
        starts = jax.ShapeDtypeStruct((engine.chains, posterior.dim), float)
        state = jax.eval_shape(lambda x: engine.init(jr.key(0), posterior, x), starts)
        return _h200.compiled(
            lambda state: engine.advance(jr.key(1), posterior, state), jax.tree.map(placed, state)
        )
