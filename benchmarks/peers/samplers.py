"""Which samplers there are, where their adapters stand and what charts they take.

An adapter is `(problem, seed, clock) -> Iterator[Found]`: it yields what it has found so far, again
and again, and is left alone when that is enough or the budget is over.
"""

import importlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from benchmarks.peers.figures import Found
from benchmarks.peers.targets import Problem

type Adapter = Callable[[Problem, int, Any], Iterator[Found]]


class Sampler(NamedTuple):
    """module:function of an adapter; `package` whose version counts; the charts it takes."""

    adapter: str
    package: str
    kinds: tuple[str, ...] = ("chart", "box")


_CUBE = ("cube",)
OURS = {
    "ensemble": Sampler("own:ensemble", "nmmjax"),
    "importance": Sampler("own:importance", "nmmjax", ("chart",)),
    "smc": Sampler("own:smc", "nmmjax", ("chart",)),
    "nested": Sampler("own:nested", "nmmjax", ("chart",)),
}
PEERS = {
    "emcee stretch": Sampler("walkers:emcee_stretch", "emcee"),
    "emcee DE": Sampler("walkers:emcee_de", "emcee"),
    "emcee DE + snooker": Sampler("walkers:emcee_de_snooker", "emcee"),
    "zeus": Sampler("walkers:zeus_slices", "zeus-mcmc"),
    "numpyro NUTS": Sampler("gradients:nuts", "numpyro"),
    "numpyro AIES": Sampler("gradients:aies", "numpyro"),
    "numpyro ESS": Sampler("gradients:ess", "numpyro"),
    "flowMC": Sampler("gradients:flowmc", "flowmc"),
    "dynesty": Sampler("evidences:dynesty", "dynesty", _CUBE),
    "nautilus": Sampler("evidences:nautilus", "nautilus-sampler", _CUBE),
    "nautilus, 1 network": Sampler("evidences:nautilus_one_network", "nautilus-sampler", _CUBE),
    "pocoMC": Sampler("evidences:pocomc", "pocomc", _CUBE),
    "UltraNest": Sampler("evidences:ultranest", "ultranest", _CUBE),
    "jaxns": Sampler("evidences:jaxns", "jaxns", _CUBE),
}
ORACLES = {
    "brute force": Sampler("exact:brute_force", "nmmjax", _CUBE),
    "closed form": Sampler("exact:closed_form", "nmmjax", ("box",)),
}
ALL = OURS | PEERS | ORACLES


def start(name: str) -> Adapter:
    """Import the adapter of a sampler, and with it the sampler."""
    module, _, function = ALL[name].adapter.partition(":")
    return getattr(importlib.import_module(f"benchmarks.peers.{module}"), function)
