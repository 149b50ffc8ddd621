"""Entries of a data file in words, as published, without building a constraint."""

from collections.abc import Mapping
from typing import Any

_BELOW = ("upper_limit", "upper_limit_band", "upper_limit_plasmon", "smooth_bound")


def observables(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names that an entry is about."""
    given = entry["observable"]
    return (given,) if isinstance(given, str) else tuple(given)


def of(entry: Mapping[str, Any]) -> str:
    """One line: 'mu_eff_solar < 6.4e-12 mu_B (90% CL)'."""
    names, kind = observables(entry), entry["type"]
    power = "" if kind != "gaussian" or entry.get("power", 1) == 1 else f"^{entry['power']}"
    unit = "" if entry["units"] == "1" else f" {entry['units']}"
    level = "" if "cl" not in entry else f" ({100.0 * entry['cl']:.10g}% CL)"
    if kind in _BELOW or kind == "lower_limit":
        sign = ">" if kind == "lower_limit" else "<"
        return f"{names[0]} {sign} {_numbers(entry['value'], ' to ')}{unit}{level}"
    if kind == "gaussian":
        own = unit.removesuffix(power)
        limit = f"; {names[0]} < {entry['limit']:.10g}{own}{level}" if "limit" in entry else ""
        return f"{names[0]}{power} = {entry['value']:.10g} {_errors(entry)}{unit}{limit}"
    if kind == "gaussian_nd":
        values = ", ".join(
            f"{x:.10g} +- {e:.10g}" for x, e in zip(entry["value"], entry["sigma"], strict=True)
        )
        return f"({', '.join(names)}) = ({values}){unit}"
    if kind == "window":
        low, high = entry["value"]
        return f"{low:.10g} < {names[0]} < {high:.10g}{unit}"
    if kind == "excluded_region":
        return f"{names[0]} outside a region against {names[1]}"
    if kind == "recoil_spectrum":
        return f"{', '.join(names)}: spectrum of recoils{level}"
    return f"{names[0]} < curve against {names[1]}{level}"


def _numbers(given: Any, between: str) -> str:
    return between.join(f"{x:.10g}" for x in (given if isinstance(given, list) else [given]))


def _errors(entry: Mapping[str, Any]) -> str:
    plus = entry.get("sigma_plus", entry.get("sigma"))
    minus = entry.get("sigma_minus", entry.get("sigma"))
    theory = f" +- {entry['theory_sigma']:.10g} (theory)" if entry.get("theory_sigma") else ""
    one = f"+- {plus:.10g}" if plus == minus else f"+{plus:.10g} -{minus:.10g}"
    return f"{one}{theory}"
