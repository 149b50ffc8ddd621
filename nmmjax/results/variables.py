"""Variables of a group of chains.h5, with attributes, in the order in which they are listed."""

from typing import Any

import h5py

from nmmjax.catalogue import CATALOGUE

type Attributes = dict[str, str]

HEADLINES = ("m_nu", "mu_nu", "m_nu_rge", "tuning_bg", "tuning_cancel")  # listed first
SAME = 1e-9  # relative spread below which values differ by rounding
_OF_FORMAT = {"DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME"}  # attributes of HDF5's own


def variables_of(group: Any, chains: int, parameters: list[str]) -> dict[str, Attributes]:
    """Find the attributes of all (chain, draw, ...) variables, parameters and headlines first."""
    first = dict.fromkeys([*parameters, *HEADLINES, *CATALOGUE])
    rank = {name: i for i, name in enumerate(first)}
    found = {
        name: {"role": "", "units": "", "latex": name}
        | {k: str(item.attrs[k]) for k in item.attrs if k not in _OF_FORMAT}
        for name, item in group.items()
        if isinstance(item, h5py.Dataset) and item.ndim >= 2 and item.shape[0] == chains
    }
    return {name: found[name] for name in sorted(found, key=lambda n: (rank.get(n, len(rank)), n))}


def label_of(name: str, index: tuple[int, ...]) -> str:
    """Name an entry of a variable."""
    return f"{name}[{','.join(map(str, index))}]" if index else name


def differ(low: float, high: float) -> bool:
    """Tell whether the ends of some values are apart by more than rounding; not if one is NaN."""
    return high - low > SAME * max(abs(low), abs(high))
