"""Which measure of fine-tuning speaks for a run.

tuning_bg, the largest elasticity of m_nu, says nothing where the masses are what is sampled and the
couplings are solved for: the cancellation is solved as well. tuning_cancel, the largest mass term
over the sum, then tells what it costs.
"""

from collections.abc import Mapping

from nmmjax.results.rundir import Run
from nmmjax.results.variables import differ
from nmmjax.samplers import series

MEASURES = ("tuning_bg", "tuning_cancel")
_BLIND = 10.0  # times that tuning_cancel exceeds tuning_bg, where the latter has missed it


def of(run: Run) -> str:
    """Name tuning_bg, or tuning_cancel where its median is ten times larger; "" without either."""
    return chosen({n: series.median(run.series(n)) for n in MEASURES if _varies(run, n)})


def chosen(sizes: Mapping[str, float]) -> str:
    """Name the measure that speaks for them, by the typical sizes of those there are."""
    known = {name: size for name, size in sizes.items() if size > 0.0}
    if not known:
        return ""
    first, last = next(iter(known)), next(reversed(known))
    return last if known[last] > _BLIND * known[first] else first


def _varies(run: Run, name: str) -> bool:
    if not run.has(name):
        return False
    return differ(*series.extremes(run.series(name)))
