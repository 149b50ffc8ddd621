"""What the chart gains: effective draws per density evaluation of `ensemble`, against the box.

Every run file whose model declares a rescaling, with its own engine options and twice its
burn-in; models that may count m_nu_rge as part of m_nu without it and with it. `ratios` is the
chart without depths of cancellations. Where a chart does not converge within these draws the figure
is too kind to it: R-hat stands beside it.
"""

import pathlib
from collections.abc import Iterator, Sequence

import jax
import jax.random as jr
import numpy as np

from benchmarks.models import run_files
from nmmjax.cli.engines import burn_in_of
from nmmjax.runfile import build
from nmmjax.samplers import diagnostics
from nmmjax.samplers.engines.ensemble import Ensemble
from nmmjax.target import start
from nmmjax.target.posterior import Posterior

type Row = tuple[str, float, str]

_DRAWS = 200  # stored draws per walker


def run() -> Iterator[Row]:
    """The rows of the table: (what, value, unit)."""
    for path in run_files():
        yield from compared(path)


def compared(path: pathlib.Path) -> Iterator[Row]:
    """Charts of one run file; nothing where its model declares none."""
    if not hasattr(_posterior(path, "box").model, "rge"):
        yield from _compared(path, path.stem, ())
        return
    for rge in ("false", "true"):
        yield from _compared(path, f"{path.stem}, rge {rge}", (f"model.settings.rge={rge}",))


def _compared(path: pathlib.Path, name: str, changes: Sequence[str]) -> Iterator[Row]:
    posteriors: dict[str, Posterior] = {}
    for kind in ("box", "shear", "ratios", "auto"):
        made = _posterior(path, kind, changes)
        if all(made.chart.labels != other.chart.labels for other in posteriors.values()):
            posteriors[kind] = made
    if len(posteriors) == 1:
        return
    given = build.read(path)[0]
    engine = Ensemble(**given.engine.options)
    burn_in = 2 * burn_in_of(given, engine, str(path))
    figures = {kind: _sampled(p, engine, burn_in) for kind, p in posteriors.items()}
    for kind, (rhat, ess, evaluations) in figures.items():
        yield f"{name}, {kind}: worst R-hat", rhat, ""
        yield f"{name}, {kind}: bulk ESS per 1e6 evaluations", 1e6 * ess / evaluations, ""
        if kind != "box":
            gain = ess / evaluations / (figures["box"][1] / figures["box"][2])
            yield f"{name}, {kind}: against the box", gain, "x"


def _posterior(path: pathlib.Path, kind: str, changes: Sequence[str] = ()) -> Posterior:
    given, _ = build.read(path, [f"chart.kind={kind}", *changes])
    return build.build_posterior(given, str(path))


def _sampled(posterior: Posterior, engine: Ensemble, burn_in: int) -> tuple[float, float, float]:
    """(worst R-hat with ensembles as chains, smallest bulk ESS, evaluations after burn-in)."""
    starts = start.screened(posterior, jr.key(1), engine.chains).positions
    state = engine.init(jr.key(2), posterior.log_density, starts)
    draws, blocks = [], -(-(burn_in + _DRAWS) // engine.block)
    for i in range(blocks):
        state, block = engine.advance(jr.key(3), posterior.log_density, state)
        if i * engine.block >= burn_in:
            draws.append(np.asarray(block.draws))
    joined = np.concatenate(draws, axis=1)
    flat = jax.vmap(posterior.chart.coordinates)(joined.reshape(-1, joined.shape[-1]))
    values = np.asarray(flat).reshape(joined.shape)
    columns = range(values.shape[-1])
    rhat = max(diagnostics.rhat(values[..., i], engine.groups) for i in columns)
    ess = min(diagnostics.ess_bulk(values[..., i]) for i in columns)
    return rhat, ess, float(engine.chains * engine.thin * joined.shape[1])
