"""The stored table of what every model can reach, and the run files that it comes from."""

import csv
import datetime
import importlib.metadata
import pathlib
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nmmjax.errors import InputError, suggest
from nmmjax.reproduce.definition import DATA

type Columns = dict[str, np.ndarray]

PATH = DATA / "reach.csv"
# Run files and how the chart names them; the moments of `dipole_portal` are its inputs, those to N.
TITLES = {
    "quickstart": "weak_triplet",
    "weak_triplet3": "weak_triplet3",
    "inert_doublet": "inert_doublet",
    "colored_triplet": "colored_triplet",
    "bridge": "bridge (n = 5)",
    "bridge_majorana": "bridge_majorana",
    "bridge_fourplet": "bridge_fourplet",
    "su2_horizontal": "su2_horizontal",
    "zee": "zee",
    "bfz": "bfz",
    "left_right": "left_right (e)",
    "rpv_susy": "rpv_susy",
    "dark_dipole_frontier": r"dark_dipole (light), $\epsilon\mu$",
    "dark_dipole": r"dark_dipole (TeV), $\epsilon\mu$",
    "dipole_portal": r"dipole_portal (to $N$)",
    "sm_dirac": "sm_dirac",
    "sm_majorana": "sm_majorana",
}
_NUMBERS = ("largest", "least_tuning", "natural")
_KEYS = ("runfile", "moment", "rge", "kind", *_NUMBERS, "version", "commit", "date")


def models(fixed: dict[str, float], varied: Columns) -> Columns:
    """Return the stored table, see `stored`."""
    del fixed, varied
    return stored()


def stored(path: pathlib.Path = PATH) -> Columns:
    """Read the table: one row per run file and way of counting the running mass."""
    with path.open() as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    order = list(TITLES)
    rows.sort(key=lambda row: (order.index(row["runfile"]), row["rge"] != "left out"))
    text = {key: np.array([row[key] for row in rows]) for key in _KEYS if key not in _NUMBERS}
    numbers = {key: np.array([float(row[key]) for row in rows]) for key in _NUMBERS}
    found = {key: numbers[key] if key in numbers else text[key] for key in _KEYS}
    return _titled(found)


def recomputed(names: Sequence[str], runs: pathlib.Path) -> Columns:
    """Search the named run files anew ("all": every one), other rows as stored.

    Raises InputError for an unknown name and where the run files are not found.
    """
    from nmmjax.reproduce.reach import search

    wanted = list(TITLES) if list(names) == ["all"] else list(names)
    for name in wanted:
        if name not in TITLES:
            raise InputError(f"--recompute: '{name}' is not in the chart{suggest(name, TITLES)}")
        if not (runs / f"{name}.toml").is_file():
            raise InputError(
                f"--recompute needs the project's run files: '{runs / name}.toml' is not there; "
                "say where they are, --runs DIR"
            )
    old = stored() if PATH.is_file() else {key: np.array([]) for key in _KEYS}
    kept = [i for i, name in enumerate(old["runfile"]) if name not in wanted]
    rows = [{key: old[key][i] for key in _KEYS} for i in kept]
    for name in wanted:
        rows += (_row(found) for found in search(runs / f"{name}.toml"))
    order = list(TITLES)
    rows.sort(key=lambda row: (order.index(row["runfile"]), row["rge"] != "left out"))
    return _titled({key: np.array([row[key] for row in rows]) for key in _KEYS})


def _titled(columns: Columns) -> Columns:
    return {"title": np.array([TITLES[name] for name in columns["runfile"]])} | columns


def _row(found: Any) -> dict[str, Any]:
    counted = "left out" if found.rge == "left out" else "counted"
    kind = {"left out": "", "in m_nu": "a term of m_nu", "beside": "an estimate beside m_nu"}
    numbers = {key: getattr(found, key) for key in _NUMBERS}
    about = {"runfile": found.runfile, "moment": found.moment}
    made = {
        "version": importlib.metadata.version("nmmjax"),
        "commit": _commit(),
        "date": f"{datetime.date.today()}",
    }
    return about | {"rge": counted, "kind": kind[found.rge]} | numbers | made


def _commit() -> str:
    """Return the commit of the checkout that holds this file; "" outside one."""
    command = ["git", "-C", str(pathlib.Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def lines(columns: Columns) -> Iterator[str]:
    """Yield the table as the package keeps it."""
    yield "# Largest moment, m_nu viable, limits on the moment itself aside: reach.py says how.\n"
    yield "# Made by: nmmjax reproduce models --recompute all; commit and date in each row.\n"
    yield ",".join(_KEYS) + "\n"
    for row in zip(*(columns[key] for key in _KEYS), strict=True):
        yield ",".join(f"{x:.6g}" if isinstance(x, float) else str(x) for x in row) + "\n"
