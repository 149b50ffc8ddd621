"""Proposals of undefined density that a run keeps as examples, to say what was undefined there."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

_MOST_EXAMPLES = 64  # per session


class Examples:
    """Proposals of undefined density, for the table `undefined`: written when there are twice as
    many as before, so that a long run rewrites its file but a few times.
    """

    def __init__(self, faults: Callable[[np.ndarray], Mapping[str, np.ndarray]] | None) -> None:
        self._faults = faults
        self._rows: dict[bytes, np.ndarray] = {}
        self._next = 1

    def new(self, positions: Any | None) -> dict[str, dict[str, np.ndarray]]:
        """The table, if it is time to write it, else nothing."""
        if positions is None or self._faults is None:
            return {}
        for row in np.asarray(positions):
            if np.all(np.isfinite(row)) and len(self._rows) < _MOST_EXAMPLES:
                self._rows[row.tobytes()] = row
        if len(self._rows) < self._next:
            return {}
        self._next = 2 * len(self._rows)
        found = np.stack(list(self._rows.values()))
        flags = {f"not_finite[{name}]": x for name, x in self._faults(found).items() if x.any()}
        return {"undefined": {"position": found, **flags}}
