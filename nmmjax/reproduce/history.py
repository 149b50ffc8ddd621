"""Limits on the moment through the years, and the table of what the models of nmmjax can reach.

Limits come from the constraint library; those it does not need, older ones and ranges, from
`data/history.csv`, read from the database of the Particle Data Group.
"""

import csv
from typing import Any

import numpy as np

from nmmjax.constraints import library
from nmmjax.reproduce.definition import DATA

type Row = dict[str, Any]

KINDS = ("reactor", "accelerator", "solar", "dark matter", "astrophysics", "cosmology")
# What the library holds, by kind.
_LIBRARY = {
    "reactor": ("gemma_2012", "conus_2026", "conus_2022", "texono_2007"),
    "accelerator": ("lsnd_numu", "donut_nutau"),
    "solar": ("borexino_2017", "superk_2004"),
    "dark matter": ("xenonnt_2022", "lz_2023", "pandax4t_2024"),
    "astrophysics": ("trgb_ngc4258", "trgb_omegaCen", "trgb_m5", "wd_lf", "sn1987a_dirac"),
    "cosmology": ("neff_dirac",),
}
_PROJECTED = {"dark matter": ("future_xlzd_200t",), "accelerator": ("future_dune_nd",)}
_FLAVOURS = {"mu_eff_reactor": "nu_e", "mu_eff_numu": "nu_mu", "mu_eff_nutau": "nu_tau"}


def limits(fixed: dict[str, float], varied: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every limit as a row: label, kind, flavour, year, mu_B, CL in per cent, reference."""
    del fixed, varied
    rows = sorted([*_known(), *_older()], key=lambda row: (row["year"], row["label"]))
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}


def _known() -> list[Row]:
    entries = library.catalogue()
    groups = [(_LIBRARY, ""), (_PROJECTED, " (projected)")]
    return [
        {
            "label": library.label(name) + words,
            "kind": kind,
            "flavour": _FLAVOURS.get(entries[name]["observable"], "all"),
            "year": int(entries[name]["year"]),
            "limit": float(entries[name]["value"]),
            "cl": 100.0 * float(entries[name]["cl"]),
            "projected": int(bool(words)),
            "reference": entries[name]["reference"],
        }
        for table, words in groups
        for kind, names in table.items()
        for name in names
    ]


def _older() -> list[Row]:
    with (DATA / "history.csv").open() as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return [
            {
                "label": row["label"],
                "kind": row["kind"],
                "flavour": row["flavour"],
                "year": int(row["year"]),
                "limit": float(row["limit"]),
                "cl": float(row["cl"] or "nan"),
                "projected": 0,
                "reference": row["reference"],
            }
            for row in rows
        ]
