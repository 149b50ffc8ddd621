"""Constraints by name: the library in data/, the user's own files, named sets, exclusions.

A constraint is data, a table of `data/measurements.toml` with its source; the same table in a
user's file works alike. Sets (`@default`, `@astro`, ...) stand for those of their members that
a model can answer.

What only reads the data needs no JAX: shapes are imported where constraints are built.
"""

import functools
import pathlib
import re
import statistics
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from nmmjax import textfile
from nmmjax.catalogue import known_or_bare
from nmmjax.constraints import words
from nmmjax.errors import InputError, located, suggest

if TYPE_CHECKING:
    from nmmjax.constraints.base import Constraint
    from nmmjax.constraints.wishes import Prefer

type Entry = Mapping[str, Any]
type Files = Sequence[str | pathlib.Path]

_DATA = pathlib.Path(__file__).parent / "data"
_WISH = ("above", "below", "width_dex")
# Why a model may lack an observable for good.
_ONLY = {
    "m_ee": "neutrinoless double beta decay needs Majorana neutrinos, and these are Dirac",
    "mu_eff_dirac": "only Dirac neutrinos flip to sterile ones, and these are Majorana",
    "m_nu_medium": "zee, bfz and su2_horizontal do with the setting medium = 'nucleons'",
}


class _Found(NamedTuple):
    entry: Entry
    folder: pathlib.Path  # where its curve lies
    file: str = ""  # of the user's own


def load(
    names: Sequence[str],
    *,
    observables: Collection[str] | None = None,
    files: Files = (),
    ordering: str = "NO",
    tail_sigma: float | None = None,
) -> "tuple[Constraint, ...]":
    """Load the named constraints in the order given, sets expanded.

    observables  what the model returns, parameters included; a set needs it
    files        the user's own TOML files; their curves lie beside them
    ordering     "NO" or "IO": whose oscillation data `@default` takes
    tail_sigma   pull beyond which every ln L falls as a power only (`likelihoods.power_tail`)

    Raises InputError for an unknown or repeated name, an entry that cannot be evaluated, two
    constraints that exclude each other, and an observable that is not there.
    """
    from nmmjax.constraints.entries import build

    known = _all(files)
    chosen = _chosen(names, known, observables, ordering)
    loaded = []
    for name in chosen:
        entry, folder, file = known[name]
        if tail_sigma is not None:
            entry = {"tail_sigma": tail_sigma} | dict(entry)
        with located(file):
            loaded.append(build(name, entry, folder, _scale(entry) if file else None))
        if observables is not None:
            _check_answered(loaded[-1], observables)
    return tuple(loaded)


def catalogue(files: Files = ()) -> dict[str, dict[str, Any]]:
    """Every entry as written in the data files, with `use` and `verified`."""
    return {name: dict(found.entry) for name, found in _all(files).items()}


def listing(group: str | None = None, files: Files = ()) -> dict[str, dict[str, Any]]:
    """`catalogue`, or the entries of one group; raises InputError for a group that is not."""
    entries = catalogue(files)
    groups = {entry.get("group", "") for entry in entries.values()} - {""}
    if group is not None and group not in groups:
        raise InputError(f"'{group}' is not a group of constraints{suggest(group, groups)}")
    return {n: entry for n, entry in entries.items() if group in (None, entry.get("group"))}


def sets() -> dict[str, str]:
    """Named sets and what each holds, in words."""
    return {f"@{name}": about["text"] for name, about in _sets().items()}


def answered(name: str, observables: Collection[str], ordering: str = "NO") -> tuple[str, ...]:
    """Members of a set, such as `@astro`, that these observables can answer; there may be none."""
    return tuple(_members(name, _library(), observables, ordering))


def card(name: str, files: Files = ()) -> dict[str, str]:
    """Describe one constraint: value, source, note, licence, alternatives."""
    known = _all(files)
    if name not in known:
        raise InputError(f"'{name}' is not a known constraint{suggest(name, known)}")
    if known[name].file:  # nobody has checked it yet
        load([name], files=files)
    entry = known[name].entry
    tag = entry.get("one_of")
    others = [n for n, found in known.items() if tag and found.entry.get("one_of") == tag]
    about = ("group", "use", "year", "reference", "verified", "note", "licence")
    return {
        "label": str(entry.get("label", "")),
        "value": words.of(entry),
        "observables": ", ".join(words.observables(entry)),
        **{key: str(entry.get(key, "default" if key == "use" else "")) for key in about},
        "alternatives": ", ".join(n for n in others if n != name),
    }


def drawn(name: str, files: Files = ()) -> bool:
    """Tell whether a known constraint is a curve, of which there is something to draw."""
    entry = _all(files)[name].entry
    return entry["type"] != "recoil_spectrum" and ("file" in entry or "mass" in entry)


def label(name: str) -> str:
    """Return the printed name of a constraint of the library; the name itself of another one."""
    found = _library().get(name)
    return name if found is None else found.entry.get("label", name)


def prefer(wishes: Mapping[str, Mapping[str, float | None]]) -> "tuple[Prefer, ...]":
    """`Prefer` terms from `{observable: {above, below, width_dex}}`, named prefer_<observable>."""
    return tuple(_wish(key, wish) for key, wish in wishes.items())


@functools.cache
def _library() -> dict[str, _Found]:
    tree = tomllib.loads((_DATA / "measurements.toml").read_text(encoding="utf-8"))
    return {name: _Found(entry, _DATA / "curves") for name, entry in tree.items()}


@functools.cache
def _sets() -> dict[str, dict[str, Any]]:
    return tomllib.loads((_DATA / "sets.toml").read_text(encoding="utf-8"))


def _all(files: Files) -> dict[str, _Found]:
    known = dict(_library())
    for file in files:
        path = pathlib.Path(file)
        with located(str(path)):
            for name, entry in _read(path).items():
                if name in known:
                    raise InputError(f"there is a constraint '{name}' already: give another name")
                if not re.fullmatch(r"[A-Za-z]\w*", name):
                    raise InputError(f"'{name}' is not a name of letters, digits and _")
                if not isinstance(entry, dict):
                    raise InputError(f"'{name}' must be a table, '[{name}]' and its keys")
                if not isinstance(entry.get("one_of", ""), str):
                    raise InputError(f"constraint '{name}': one_of must be a text")
                known[name] = _Found(entry, path.parent, str(path))
    return known


def _read(path: pathlib.Path) -> dict[str, Any]:
    if path.suffix == ".csv":
        raise InputError("a curve needs a TOML table that names its source, with file = '...csv'")
    return textfile.parse_toml(textfile.read(path, "file of constraints"))


def _scale(entry: Entry) -> float | None:
    """Find the mass about which the library's curves against this observable lie, if there are."""
    names = entry.get("observable")
    return _scales().get(str(names[1])) if isinstance(names, list) and len(names) > 1 else None


@functools.cache
def _scales() -> dict[str, float]:
    """Average, geometrically, the masses that the library's curves begin and end at, by mass."""
    from nmmjax.constraints.entries import build

    ends: dict[str, list[float]] = {}
    for name, found in _library().items():
        if "file" in found.entry:
            constraint = build(name, found.entry, found.folder)
            masses = [x for x in getattr(constraint, "mass", ()) if x > 0.0]
            if masses:
                ends.setdefault(constraint.requires[1], []).extend((min(masses), max(masses)))
    return {mass: statistics.geometric_mean(values) for mass, values in ends.items()}


def _chosen(
    names: Sequence[str],
    known: Mapping[str, _Found],
    observables: Collection[str] | None,
    ordering: str,
) -> list[str]:
    """Names in order, sets expanded and exclusions settled.

    Two names written out that exclude each other are refused. A name written out replaces its
    alternatives in a set, a later set those in an earlier one, the first of a set the others.
    """
    explicit = [name for name in names if not name.startswith("@")]
    for i, name in enumerate(explicit):
        if name not in known:
            raise InputError(f"'{name}' is not a known constraint{suggest(name, known)}")
        if name in explicit[:i]:
            raise InputError(f"constraint '{name}' is given twice")
    expanded = {s: list(_members(s, known, observables, ordering)) for s in names if s[:1] == "@"}
    for request, members in expanded.items():
        if not members:
            raise InputError(f"the set '{request}' holds nothing that this model can answer")
    taken: dict[str, str] = {}
    kept = []
    for name in explicit:
        _refuse_alternatives(name, taken, known)
        kept.append(name)
    for name in (n for s in reversed(expanded) for n in expanded[s]):
        tag = known[name].entry.get("one_of")
        if tag is None or taken.setdefault(tag, name) == name:
            kept.append(name)
    ordered = [n for request in names for n in expanded.get(request, [request]) if n in kept]
    return list(dict.fromkeys(ordered))


def _refuse_alternatives(name: str, taken: dict[str, str], known: Mapping[str, _Found]) -> None:
    tag = known[name].entry.get("one_of")
    if tag is not None and (first := taken.setdefault(tag, name)) != name:
        all_of_them = [n for n, found in known.items() if found.entry.get("one_of") == tag]
        raise InputError(
            f"'{first}' and '{name}' exclude each other ({tag}): "
            f"keep one of {', '.join(all_of_them)}"
        )


def _members(
    request: str,
    known: Mapping[str, _Found],
    observables: Collection[str] | None,
    ordering: str,
) -> Iterator[str]:
    """Members of a set that can be answered, in the order of the library."""
    name = request.removeprefix("@")
    if name not in _sets():
        raise InputError(f"'{request}' is not a known set{suggest(request, sets())}")
    if observables is None:
        raise InputError(
            f"the set '{request}' can be resolved for a model, not on its own: which constraints "
            "it holds depends on what the model predicts; name a single constraint"
        )
    about = _sets()[name]
    other = {"NO": "oscillation_IO", "IO": "oscillation_NO"}.get(ordering)
    if other is None:
        raise InputError(f"ordering must be 'NO' or 'IO', got '{ordering}'")
    for member in _library() if "use" in about else about["names"]:
        entry = known[member].entry
        if "use" in about and (entry["use"] != about["use"] or entry["group"] == other):
            continue
        needed = entry["observable"]
        needed = {needed} if isinstance(needed, str) else {*needed}
        if needed <= {*observables} and entry.get("not_with") not in observables:
            yield member


def _check_answered(constraint: "Constraint", observables: Collection[str]) -> None:
    for key in constraint.requires:
        if key in observables:
            continue
        why = f": {_ONLY[key]}" if key in _ONLY else suggest(key, observables)
        raise InputError(
            f"constraint '{constraint.name}' needs observable '{key}', "
            f"which the model does not return{why}"
        )


def _wish(observable: str, wish: Mapping[str, float | None]) -> "Prefer":
    from nmmjax.constraints.base import Source
    from nmmjax.constraints.entries import real
    from nmmjax.constraints.wishes import Prefer

    with located(f"prefer '{observable}'"):
        for key in wish:
            if key not in _WISH:
                raise InputError(f"unknown key '{key}'{suggest(key, _WISH)}")
        ends = {key: None if (x := wish.get(key)) is None else real(key, x) for key in _WISH[:2]}
        width = real("width_dex", wish.get("width_dex"))
        unit = known_or_bare(observable).unit
        source = Source("run file", None, "a wish", units=unit, group="target")
        name = f"prefer_{observable}"
        return Prefer(name, (observable,), source, ends["above"], ends["below"], width)
