"""What somebody whose run is refused can do next."""

import math
from collections.abc import Mapping
from typing import Any

from nmmjax.results import trust


def onward(stored: int, asked: int, name: str, rhat: float, factor: float) -> str:
    """Advise to continue, to ask for more draws, or to look at ensembles that disagree.

    stored, asked  draws of every chain
    name, rhat     the worst R-hat, and whose it is
    factor         times as many draws as there are that would help
    """
    if stored < asked:
        return f"{stored} of {asked} draws are stored: run the same command again."
    more = f"run the same command with --set run.draws={_round_up(stored * factor)}"
    if rhat < trust.RHAT_STUCK:
        return f"To go on, {more}."
    return (
        f"The ensembles disagree on {name}: look at figures/trace.png. Where the lines still "
        f"approach each other, {more}; where they stay apart, the walkers sit in separate regions, "
        "and more draws will not join them: give a longer run.burn_in or narrower priors."
    )


def out_of_corners(engine: Mapping[str, Any], stray: float) -> str:
    """Name the options of `ensemble` for a walker that stays apart; "" where it has them.

    engine  its name and options; stray: of the walker farthest from all others
    """
    has_them = min(engine.get(option, 0.0) for option in ("short", "subset")) > 0.0
    if engine["name"] != "ensemble" or has_them or not stray > trust.STRAY:
        return ""
    return (
        " In a new folder, --set engine.options.short=0.3 --set engine.options.subset=0.5 let "
        "walkers out of narrow corners sooner."
    )


def _round_up(x: float) -> int:
    """The next of 1, 2, 5, 10, 20, 50, ..."""
    decade = 10.0 ** math.floor(math.log10(x))
    return round(next(step * decade for step in (1.0, 2.0, 5.0, 10.0) if step * decade >= x))
