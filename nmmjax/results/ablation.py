"""`ablation.json` of a run directory: what changed where constraints were left out."""

import dataclasses
import hashlib
import json
import math
import pathlib
from typing import Any

from nmmjax.errors import InputError
from nmmjax.results.plain import strict
from nmmjax.results.rundir import Run
from nmmjax.samplers.store import reading

NAME = "ablation.json"
DIRECT = "direct limits on mu_nu"
_MOST_TEXT = 2**22


@dataclasses.dataclass(frozen=True)
class Without:
    """The target without some constraints, sampled again.

    removed   names of the constraints left out; none: the target as it is
    mu_nu     5, 50 and 95% of |mu_nu|, and the largest that the rest allows
    excluded  share of the posterior without them that they take away, 1 - <L>/max L
    rhat      worst R-hat of mu_nu and ln density: how far to trust the row
    """

    name: str
    removed: tuple[str, ...]
    mu_nu: tuple[float, float, float]
    largest: float
    excluded: float
    rhat: float
    draws: int


def read(run: Run) -> tuple[Without, ...]:
    """Read the rows of ablation.json; none without the file, or if it is of other physics.

    Raises InputError if the file is damaged.
    """
    if not reading.exists(run.directory, NAME):
        return ()
    try:
        tree = json.loads(reading.read_text(run.directory, NAME, _MOST_TEXT))
        rows = tuple(_row(row) for row in tree["rows"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"'{run.directory / NAME}' is damaged: remove it") from None
    return rows if tree.get("physics") == digest(run) else ()


def written(run: Run, rows: tuple[Without, ...]) -> str:
    """Write the text of ablation.json."""
    tree = {"physics": digest(run), "rows": [dataclasses.asdict(row) for row in rows]}
    return json.dumps(strict(tree), indent=1, allow_nan=False) + "\n"


def digest(run: Run) -> str:
    """Compute a checksum of the resolved physics, by which rows are known to belong to it."""
    text = json.dumps(run.resolved["physics"], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def path(run: Run) -> pathlib.Path:
    return run.directory / NAME


def _row(row: dict[str, Any]) -> Without:
    low, middle, high = map(_number, row["mu_nu"])
    return Without(
        str(row["name"]),
        tuple(map(str, row["removed"])),
        (low, middle, high),
        _number(row["largest"]),
        _number(row["excluded"]),
        _number(row["rhat"]),
        int(row["draws"]),
    )


def _number(x: float | None) -> float:
    return math.nan if x is None else float(x)
