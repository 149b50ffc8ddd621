"""Tables of engines that maximise, in words: the modes of a search, the map of a frontier."""

import dataclasses
import math
import textwrap
from typing import Any

import numpy as np

from nmmjax.errors import InputError
from nmmjax.report import strict
from nmmjax.rundir import HEADLINES, Run

_WIDTH = 100
_MOST = 12  # modes in the text


@dataclasses.dataclass(frozen=True)
class Mode:
    """One maximum of the density: chart-coordinate log density, share of the starts, values."""

    log_density: float
    share: float
    log_z_laplace: float  # NaN where the peak is no narrow quadratic
    values: dict[str, float]


def modes(run: Run) -> tuple[Mode, ...]:
    """The modes that a search found, best first; none for other runs."""
    table = run.table("modes")
    if not table:
        return ()
    total = float(np.sum(table["count"]))
    names = [n for n, x in table.items() if n not in _OF_SEARCH and x.ndim == 1]
    return tuple(
        Mode(
            float(table["log_density"][i]),
            float(table["count"][i]) / total,
            float(table["log_z_laplace"][i]),
            {name: float(table[name][i]) for name in names},
        )
        for i in range(len(table["log_density"]))
    )


_OF_SEARCH = ("log_density", "count", "gradient_norm", "log_z_laplace")


def to_json(run: Run) -> dict[str, Any]:
    """The tables as plain numbers."""
    return strict({"modes": [dataclasses.asdict(mode) for mode in modes(run)]})


def to_text(run: Run) -> str:
    """The tables as text, at most 100 columns wide; InputError if the run has none."""
    found = modes(run)
    if not found:
        raise InputError(f"'{run.directory}' holds no draws yet: run the same command again")
    physics, sampling = run.resolved["physics"], run.resolved["sampling"]
    head = f"{physics['model']['name']}: engine {sampling['engine']['name']}, seed"
    return f"{head} {sampling['seed']}\n{run.directory}\n\n{_modes_text(run, found)}\n"


def _modes_text(run: Run, found: tuple[Mode, ...]) -> str:
    lines = [
        f"{len(found)} modes of the density in chart coordinates. Not a posterior: a narrow peak "
        "may be high and hold nothing."
    ]
    parameters = list(physics_parameters(run))
    for number, mode in enumerate(found[:_MOST], 1):
        laplace = (
            "" if math.isnan(mode.log_z_laplace) else f", ln Z (Laplace) {mode.log_z_laplace:.4g}"
        )
        share = f"{mode.share:.1%} of the starts"
        lines.append(f"\n{number}. log density {mode.log_density:.6g}, {share}{laplace}")
        shown = [n for n in (*HEADLINES, *parameters) if n in mode.values]
        values = ", ".join(f"{n} = {mode.values[n]:.4g}" for n in shown)
        lines.append(textwrap.fill(values, _WIDTH, initial_indent="   ", subsequent_indent="   "))
    if len(found) > _MOST:
        lines.append(
            f"\n... and {len(found) - _MOST} more in {run.directory / 'chains.h5'}: /modes"
        )
    return "\n".join([textwrap.fill(lines[0], _WIDTH), *lines[1:]])


def physics_parameters(run: Run) -> list[str]:
    """Names of the sampled parameters, as resolved."""
    return [n for n, prior in run.resolved["physics"]["priors"].items() if isinstance(prior, dict)]
