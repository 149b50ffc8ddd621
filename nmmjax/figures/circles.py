"""Angles on a line: a circle is cut at its emptiest place, one place for all that is compared."""

from collections.abc import Mapping, Sequence

import numpy as np

from nmmjax.figures.axes import Scale, bounds_of
from nmmjax.results import angles
from nmmjax.results.rundir import Run

_MOST_LOOKED_AT = 2**18  # draws


def centres(runs: Sequence[Run], names: Sequence[str]) -> dict[str, float]:
    """Find for each angle what is opposite to its emptiest place, near the mean of all draws."""
    found = {}
    for name in names:
        if (period := runs[0].period(name)) is None:
            continue
        draws = [run.sample(name, run.few(_MOST_LOOKED_AT)).ravel() for run in runs]
        values = np.concatenate(draws)
        values = values[np.isfinite(values)]
        opposite = np.array(angles.seam(values, period) + 0.5 * period)
        mean = angles.resultant(values, period)[0]
        found[name] = float(angles.unrolled(opposite, mean, period))
    return found


def on_line(run: Run, name: str, values: np.ndarray, centre: float | None) -> np.ndarray:
    """Shift angles to within half a turn of the centre; other quantities are as they are."""
    period = run.period(name)
    return values if period is None or centre is None else angles.unrolled(values, centre, period)


def bounds_on_line(
    run: Run, name: str, scale: Scale, centre: Mapping[str, float]
) -> tuple[float | None, float | None]:
    """Coordinates between which a density is sought: a prior's bounds, or where a circle is cut."""
    period = run.period(name)
    if period is None or name not in centre:
        return bounds_of(run, name, scale)
    return centre[name] - 0.5 * period, centre[name] + 0.5 * period
