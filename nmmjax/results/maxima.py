"""Tables of engines that maximise, of several shards as one: optima told apart, cells compared."""

from collections.abc import Sequence

import numpy as np

type Table = dict[str, np.ndarray]

COUNTS = ("n_proposals", "n_nonfinite", "n_nan")
_APART = 0.05  # distance of two optima, in spreads of the starts: `search` polishes such apart
_DIP = 0.5  # difference in ln p of two tops of one optimum, at most, as in `search`


def progress(tables: Sequence[Table]) -> Table:
    """Add up what shards have done of what was asked of all; finished where all of them are."""
    found = {name: np.asarray(sum(table[name] for table in tables)) for name in tables[0]}
    return found | {"finished": np.asarray(min(table["finished"] for table in tables))}


def modes(tables: Sequence[Table], spread: np.ndarray) -> Table:
    """Join the optima of all shards, best first, each once, with all the starts that ended in it.

    spread  (dim,) of the starts

    Two tops of ln p alike to 0.5 are one optimum where they are as near to each other as `search`
    lets its own be, or nearer than the Laplace width of the higher one. The density between them
    is not looked at: a long ridge may count more than once.
    """
    rows = {name for name, x in tables[0].items() if x.ndim and len(x) == len(tables[0]["count"])}
    joined = {n: np.concatenate([table[n] for table in tables]) for n in rows}
    order = np.argsort(-joined["log_density"], kind="stable")
    joined = {name: x[order] for name, x in joined.items()}
    owner = _owners(joined["position"], joined["log_density"], joined["width"], spread)
    tops = np.unique(owner)
    count = np.bincount(owner, joined["count"], len(owner))[tops].astype(int)
    kept = {name: x[tops] for name, x in joined.items()}
    return _single(tables) | kept | {"count": count}


def _owners(
    position: np.ndarray, value: np.ndarray, width: np.ndarray, spread: np.ndarray
) -> np.ndarray:
    """The highest top that each one is the same optimum as; tops come best first."""
    owner = np.arange(len(value))
    for i in range(len(value)):
        tops = np.unique(owner[:i])
        away = position[i] - position[tops]
        with np.errstate(invalid="ignore"):  # without a width only the spread counts
            near = np.linalg.norm(away / spread, axis=1) < _APART
            near |= np.linalg.norm(away / width[tops], axis=1) < 1.0
        same = tops[near & (value[tops] - value[i] < _DIP)]
        owner[i] = same[0] if len(same) else i
    return owner


def frontier(tables: Sequence[Table], kind: str) -> Table:
    """Cell by cell the best of the shards, and what the others reached.

    kind  "smallest", else the largest value is the best
    adds  least, the worst value of the shards that hold an allowed point there (NaN without one),
          and n_shards, how many do
    """
    sign = -1.0 if kind == "smallest" else 1.0
    value = np.stack([table["value"] for table in tables])
    feasible = np.stack([table["feasible"] == 1 for table in tables])
    score = np.where(feasible, sign * value, -np.inf)
    best = np.argmax(score, axis=0)
    shape, found = value.shape[1:], _single(tables)
    for name, x in tables[0].items():
        if x.shape[:2] == shape and x.ndim >= 2:
            each = np.stack([table[name] for table in tables])
            index = best.reshape(1, *shape, *[1] * (x.ndim - 2))
            found[name] = np.take_along_axis(each, index, axis=0)[0]
    worst = np.min(np.where(feasible, sign * value, np.inf), axis=0)
    found["least"] = np.where(np.isfinite(worst), sign * worst, np.nan)
    found["n_shards"] = feasible.sum(axis=0)
    found["n_feasible_starts"] = np.sum([table["n_feasible_starts"] for table in tables], axis=0)
    return found


def _single(tables: Sequence[Table]) -> Table:
    """What is no row or cell: counts of all shards, and the rest of the first."""
    sums = {n: np.asarray(sum(t[n] for t in tables)) for n in COUNTS if n in tables[0]}
    return dict(tables[0]) | sums
