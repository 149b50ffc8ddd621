"""Which shards may be read as one run: those of the same run, with draws, cut to one length."""

import dataclasses
import pathlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from nmmjax.errors import InputError
from nmmjax.results.rundir import Run
from nmmjax.results.variables import Attributes
from nmmjax.textfile import differences


def comparable(found: dict[int, Run]) -> tuple[tuple[Run, ...], list[str]]:
    """Return the shards, cut to the same number of draws, and what is said of the others."""
    warnings = []
    empty = [n for n, run in found.items() if run.committed == 0]
    if len(empty) == len(found):
        return _with_tables(found)
    if empty:
        warnings.append(f"no draws yet: {ranges(empty)}.")
    cut = longest_cut([run.committed for run in found.values()])
    short = [n for n, run in found.items() if 0 < run.committed < cut]
    if short:
        warnings.append(f"left out, with fewer than {cut} draws: {ranges(short)}.")
    parts = tuple(
        dataclasses.replace(run, committed=cut) for run in found.values() if run.committed >= cut
    )
    beyond = sum(run.committed - cut for run in found.values() if run.committed > cut)
    if beyond:
        warnings.append(
            f"the first {cut} draws of each shard count: {beyond} more of some are left out."
        )
    return parts, warnings


def _with_tables(found: dict[int, Run]) -> tuple[tuple[Run, ...], list[str]]:
    """Return the shards of an engine that stores no draws: those with an account of it."""
    lacking = [n for n, run in found.items() if not {"modes", "frontier"} & set(run.tables)]
    told = [f"nothing found yet: {ranges(lacking)}."] if lacking else []
    if any("modes" in run.tables for run in found.values()):
        told.append(
            "optima of different shards are told apart by their distance, not by the density "
            "between them: a ridge may count more than once."
        )
    return tuple(run for run in found.values() if run.tables), told


def longest_cut(draws: Sequence[int]) -> int:
    """Return the number of draws per chain at which cutting all shards keeps the most of them."""
    longest = sorted(draws, reverse=True)
    return max((n * (i + 1), n) for i, n in enumerate(longest))[1]


def common(each: list[dict[str, dict[str, Attributes]]]) -> dict[str, dict[str, Attributes]]:
    """Return the variables that all shards have."""
    return {
        group: {
            name: about
            for name, about in names.items()
            if all(name in other.get(group, {}) for other in each)
        }
        for group, names in each[0].items()
    }


def changes(found: dict[int, Run]) -> Iterator[str]:
    """Say in which keys shards differ from the first: each difference once, with the shards."""
    (first, about), *others = found.items()
    ours = _identity(about)
    seen: dict[str, list[int]] = {}
    for number, run in others:
        theirs = _identity(run)
        for line in [] if theirs == ours else differences(ours, theirs):
            seen.setdefault(line, []).append(number)
    for line, numbers in seen.items():
        yield f"{line} (shard {first} -> {ranges(numbers)})"


def _identity(run: Run) -> dict[str, Any]:
    """What must be the same: physics with its data, sampling but the seed, versions."""
    sampling = {k: x for k, x in run.resolved["sampling"].items() if k != "seed"}
    versions = {
        k.removeprefix("version_"): str(x)
        for k, x in run.attributes.items()
        if k.startswith("version_") or k == "commit"
    }
    return {"physics": run.resolved["physics"], "sampling": sampling, "versions": versions}


def refuse_twins(directory: pathlib.Path, found: dict[int, Run]) -> None:
    """Raise InputError for two shards with the same keys: their draws would count twice."""
    keys = [
        (run.resolved["sampling"]["seed"], run.attributes.get("task")) for run in found.values()
    ]
    most, count = Counter(keys).most_common(1)[0]
    if count > 1:
        twins = [n for n, key in zip(found, keys, strict=True) if key == most]
        raise InputError(
            f"'{directory}': {ranges(twins)} were made with the same random numbers: one is a "
            "copy of the other, or `--task` was left out; remove all but one"
        )


def ranges(numbers: Sequence[int]) -> str:
    """Write "shards 0, 3-5 and 9" of ascending numbers."""
    runs: list[list[int]] = []
    for n in numbers:
        if runs and n == runs[-1][-1] + 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    text = ", ".join(str(r[0]) if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in runs)
    return f"shard{'s' if len(numbers) > 1 else ''} {text}"


def refuse_without_draws(directory: pathlib.Path, found: dict[int, Run]) -> None:
    """Raise InputError where no shard holds draws, nor the table of an engine without draws."""
    if not any(run.committed or run.tables for run in found.values()):
        raise InputError(f"'{directory}' holds no draws yet: none of its {len(found)} shards does")
