"""A run directory read back: tables, best point, largest moment, and a verdict in words.

Only h5py is needed; `tree` alone imports arviz. Files are opened without locks, so reading a
run that is still being written disturbs nothing.
"""

import contextlib
import dataclasses
import hashlib
import math
import pathlib
import textwrap
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import h5py
import numpy as np

from nmmjax import constraints
from nmmjax.errors import InputError, suggest
from nmmjax.observables import CATALOGUE
from nmmjax.samplers import diagnostics

type Attributes = dict[str, str]

RHAT = 1.01  # largest rank-normalised split R-hat of converged draws, ensembles as chains
MIN_ESS = 400.0  # smallest bulk ESS unless the run file's until.ess asks for another
MIN_MEAN_ESS = 50.0  # effective draws of ensemble means below which R-hat and ESS mean nothing
_MOST_MORE = 50.0  # times as many draws, the most to ask for at once
_STUCK = 1.1  # R-hat above which more draws may not be the remedy
_MIN_ENSEMBLES = 4
_MASS_SCALE = 0.05  # eV, the scale of sqrt(Delta m^2_31)
_HEADLINES = ("m_nu", "mu_nu", "tuning_bg", "tuning_cancel")
_SAME = 1e-9  # relative spread below which an observable is listed as a constant
_FIGURES = ("rhat", "ess_bulk", "ess_tail", "mean_series_ess")
_WIDTH = 100


@dataclasses.dataclass(frozen=True)
class Run:
    """An opened run directory; arrays are read when asked for, committed draws only."""

    directory: pathlib.Path
    resolved: dict[str, Any]
    attributes: dict[str, Any]
    committed: int
    ensemble: np.ndarray  # (chain,), the ensemble each chain belongs to
    variables: dict[str, dict[str, Attributes]]  # group -> name -> attributes

    @property
    def sampled(self) -> tuple[str, ...]:
        """Names of the sampled parameters, in the order of the resolved priors."""
        return tuple(n for n, a in self.variables["posterior"].items() if a["role"] == "parameter")

    def has(self, name: str, group: str = "posterior") -> bool:
        return name in self.variables.get(group, {})

    def read(self, name: str, group: str = "posterior") -> np.ndarray:
        """One variable, (chain, draw[, ...]); InputError if the run did not store it."""
        if not self.has(name, group):
            known = self.variables.get(group, {})
            raise InputError(f"'{self.directory}' has no '{name}'{suggest(name, known)}")
        with _chains(self.directory) as file:
            return file[group][name][:, : self.committed]

    def columns(self, group: str = "posterior") -> Iterator[tuple[str, Attributes, np.ndarray]]:
        """(name, attributes, (chain, draw) array), arrays entry by entry as name[i,j]."""
        for name, about in self.variables.get(group, {}).items():
            values = self.read(name, group)
            for index in np.ndindex(values.shape[2:]):
                yield _label(name, index), about, values[(..., *index)]

    def point(self, chain: int, draw: int, group: str) -> dict[str, float]:
        """Every variable of a group at one draw."""
        with _chains(self.directory) as file:
            cells = {n: file[group][n][chain, draw] for n in self.variables.get(group, {})}
        return {
            _label(name, index): float(np.asarray(cell)[index])
            for name, cell in cells.items()
            for index in np.ndindex(np.shape(cell))
        }


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of a table; quantiles at 5, 50 and 95%."""

    name: str
    role: str
    unit: str
    mean: float
    sd: float
    q05: float
    q50: float
    q95: float
    mcse_mean: float
    rhat: float
    ess_bulk: float
    ess_tail: float


@dataclasses.dataclass(frozen=True)
class Point:
    """One stored draw: where it is, its log density (in chart coordinates), values and terms."""

    chain: int
    draw: int
    log_density: float
    values: dict[str, float]
    terms: dict[str, float]


@dataclasses.dataclass(frozen=True)
class Worst:
    """The worst figure of a kind and the parameter that has it."""

    name: str
    value: float


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a run says; `to_text` and `to_json` show it."""

    directory: str
    model: str
    engine: str
    seed: int
    chains: int
    ensembles: int
    draws: int
    draws_asked: int
    parameters: tuple[Row, ...]
    observables: tuple[Row, ...]
    constant: dict[str, float]  # fixed parameters, and observables with one value
    same: dict[str, str]  # observable -> the quantity it equals at every draw
    units: dict[str, str]
    best: Point
    allowed_fraction: float
    largest: Point | None
    worst: dict[str, Worst]  # of rhat, ess_bulk, ess_tail and mean_series_ess
    undefined: dict[str, int]  # draws at which an observable is not finite
    proposals: dict[str, int]  # proposals without a finite density, by cause
    notes: tuple[str, ...]
    converged: bool
    verdict: str


def open_run(directory: pathlib.Path) -> Run:
    """Open a run directory for reading.

    Raises InputError if it is missing, is no run directory, has no chains yet, or its chains.h5
    is damaged or was not written by this program.
    """
    resolved = _resolved(directory)
    with _chains(directory) as file:
        path = directory / "chains.h5"
        if "committed_draws" not in file.attrs or "ensemble" not in file.get("posterior", ()):
            raise InputError(f"'{path}' was not written by nmmjax: it has no committed draws")
        ensemble = np.asarray(file["posterior"]["ensemble"])
        return Run(
            directory,
            resolved,
            dict(file.attrs),
            int(file.attrs["committed_draws"]),
            ensemble,
            {
                group: _variables(file[group], len(ensemble), list(resolved["physics"]["priors"]))
                for group in file
                if isinstance(file[group], h5py.Group)
            },
        )


def tree(directory: pathlib.Path) -> Any:
    """The chains as arviz holds them: an xarray DataTree."""
    open_run(directory)  # its error messages, not arviz's
    import arviz

    return arviz.from_netcdf(directory / "chains.h5")


def summarise(run: Run) -> Summary:
    """Tables, best and largest-moment points, convergence and verdict of a run.

    Diagnostics take the ensemble as chain for R-hat and walkers as chains for ESS. Raises
    InputError if no draw is stored yet.
    """
    if run.committed == 0:
        raise InputError(f"'{run.directory}' holds no draws yet: run the same command again")
    table = _table(run)
    parameters = tuple(row for row in table.rows if row.role == "parameter")
    lp = run.read("lp", "sample_stats")
    allowed = run.read("allowed", "target").astype(bool)
    convergence = _convergence(run, parameters)
    asked = int(run.resolved["stop"]["draws"])
    converged, verdict = _verdict(run, asked, convergence)
    return Summary(
        directory=str(run.directory),
        model=run.resolved["physics"]["model"]["name"],
        engine=run.resolved["sampling"]["engine"]["name"],
        seed=run.resolved["sampling"]["seed"],
        chains=len(run.ensemble),
        ensembles=len(np.unique(run.ensemble)),
        draws=run.committed,
        draws_asked=asked,
        parameters=parameters,
        observables=tuple(row for row in table.rows if row.role != "parameter"),
        constant=table.constant,
        same=table.same,
        units={name: about["units"] for name, about in run.variables["posterior"].items()},
        best=_point(run, lp, lp),
        allowed_fraction=float(allowed.mean()),
        largest=_largest(run, lp, allowed),
        worst={figure: Worst(*convergence.worst(figure)) for figure in _FIGURES},
        undefined=table.undefined,
        proposals=_proposals(run),
        notes=tuple(_notes(run, table, allowed)),
        converged=converged,
        verdict=verdict,
    )


def to_text(summary: Summary) -> str:
    """Plain-text report: aligned tables, at most 100 columns, the verdict last."""
    units = summary.units
    parts = [
        f"{summary.model}: {summary.chains} chains in {summary.ensembles} ensembles x "
        f"{summary.draws} draws, engine {summary.engine}, seed {summary.seed}\n{summary.directory}",
        "Sampled parameters\n" + _table_text(summary.parameters),
        "Observables\n" + _table_text(summary.observables),
    ]
    if summary.same:
        parts.append(
            _prose("Equal at every draw: ", (f"{a} = {b}" for a, b in summary.same.items()))
        )
    if summary.constant:
        values = (_quantity(n, x, units) for n, x in summary.constant.items())
        parts.append(_prose("The same at every draw: ", values))
    shown = {row.name for row in (*summary.parameters, *summary.observables)}
    best = f"Best draw: log density {summary.best.log_density:.6g}"
    parts.append(_point_text(best, summary.best, shown, units))
    if (found := summary.largest) is not None:
        head = ", ".join(_quantity(n, found.values[n], units) for n in _HEADLINES if n in shown)
        sampled = {row.name for row in summary.parameters}
        parts.append(_point_text(f"Largest allowed moment: {head}", found, sampled, units))
    parts.append(textwrap.fill(_allowed_text(summary), _WIDTH))
    parts += [
        textwrap.fill(f"Note: {note}", _WIDTH, subsequent_indent="  ") for note in summary.notes
    ]
    parts.append(textwrap.fill(f"Verdict: {summary.verdict}", _WIDTH, subsequent_indent="  "))
    return "\n\n".join(parts) + "\n"


def to_json(summary: Summary) -> dict[str, Any]:
    """The summary as strict JSON: plain lists and numbers, null where a number is undefined."""
    return _strict(dataclasses.asdict(summary))


def _strict(value: Any) -> Any:
    match value:
        case dict():
            return {key: _strict(item) for key, item in value.items()}
        case list() | tuple():
            return [_strict(item) for item in value]
        case float():
            return value if math.isfinite(value) else None
        case _:
            return value


def _resolved(directory: pathlib.Path) -> dict[str, Any]:
    if directory.is_file():
        raise InputError(f"'{directory}' is a file; give the run directory that holds it")
    if not directory.is_dir():
        raise InputError(f"there is no run directory '{directory}'")
    path = directory / "resolved.toml"
    if not path.is_file():
        raise InputError(
            f"'{directory}' is not a run directory (it has no resolved.toml); give the directory "
            "that `nmmjax run` names when it starts"
        )
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"cannot read '{path}': {error}") from None
    missing = {"physics", "sampling", "stop"} - found.keys()
    if missing:
        raise InputError(f"'{path}' has no section '{min(missing)}': nmmjax did not write it")
    return found


@contextlib.contextmanager
def _chains(directory: pathlib.Path) -> Iterator[Any]:
    """chains.h5 opened without a lock; what HDF5 cannot read becomes an InputError."""
    path = directory / "chains.h5"
    if not path.is_file():
        raise InputError(
            f"'{directory}' holds no chains.h5: the run stopped before its first draws; run the "
            "same command again"
        )
    try:
        with _open(path) as file:
            yield file
    except OSError as error:
        raise InputError(f"'{path}' cannot be read, it is damaged or not HDF5: {error}") from None


def _open(path: pathlib.Path) -> Any:
    """The file without a lock, or with one where this process already holds it that way."""
    try:
        return h5py.File(path, "r", locking=False)
    except OSError:
        return h5py.File(path, "r")


def _variables(group: Any, chains: int, parameters: list[str]) -> dict[str, Attributes]:
    """Attributes of every (chain, draw, ...) variable, parameters and headlines first."""
    first = dict.fromkeys([*parameters, *_HEADLINES, *CATALOGUE])
    rank = {name: i for i, name in enumerate(first)}
    found = {
        name: {"role": "", "units": "", "latex": name} | {k: str(v) for k, v in item.attrs.items()}
        for name, item in group.items()
        if isinstance(item, h5py.Dataset) and item.ndim >= 2 and item.shape[0] == chains
    }
    return {name: found[name] for name in sorted(found, key=lambda n: (rank.get(n, len(rank)), n))}


def _label(name: str, index: tuple[int, ...]) -> str:
    return f"{name}[{','.join(map(str, index))}]" if index else name


class _Table(NamedTuple):
    rows: list[Row]
    constant: dict[str, float]
    same: dict[str, str]
    undefined: dict[str, int]  # how many draws are not finite


def _table(run: Run) -> _Table:
    """Every quantity once: a row, a constant, or the name of the one it equals."""
    rows, constant, same, undefined = found = _Table([], {}, {}, {})
    seen: dict[bytes, str] = {}
    for name, about, values in run.columns():
        sampled = about["role"] == "parameter"
        twin = seen.setdefault(hashlib.blake2b(values.tobytes()).digest(), name)
        if not sampled and np.allclose(values, values.flat[0], rtol=_SAME, atol=0.0):
            constant[name] = float(values.flat[0])
        elif not sampled and twin != name:
            same[name] = twin
        else:
            rows.append(_row(name, about, values, run.ensemble))
            if bad := int(np.sum(~np.isfinite(values))):
                undefined[name] = bad
    return found


def _row(name: str, about: Attributes, values: np.ndarray, ensemble: np.ndarray) -> Row:
    with np.errstate(over="ignore", invalid="ignore"):  # inf and NaN show as such
        q05, q50, q95 = (float(q) for q in np.quantile(values, (0.05, 0.5, 0.95)))
        return Row(
            name=name,
            role=about["role"],
            unit=about["units"],
            mean=float(values.mean()),
            sd=float(values.std(ddof=1)),
            q05=q05,
            q50=q50,
            q95=q95,
            mcse_mean=diagnostics.mcse_mean(values),
            rhat=diagnostics.rhat(values, ensemble),
            ess_bulk=diagnostics.ess_bulk(values),
            ess_tail=diagnostics.ess_tail(values),
        )


def _convergence(run: Run, rows: Sequence[Row]) -> diagnostics.Convergence:
    """Diagnostics of the sampled parameters, from their rows and their ensemble means."""
    means = [diagnostics.ensemble_mean_ess(run.read(row.name), run.ensemble) for row in rows]
    return diagnostics.Convergence(
        tuple(row.name for row in rows),
        np.array([row.rhat for row in rows]),
        np.array([row.ess_bulk for row in rows]),
        np.array([row.ess_tail for row in rows]),
        np.array(means),
    )


def _verdict(run: Run, asked: int, found: diagnostics.Convergence) -> tuple[bool, str]:
    """(converged, words). Draws being allowed plays no part in it."""
    wanted = float(run.resolved["stop"].get("until", {}).get("ess", MIN_ESS))
    (p, rhat), (q, bulk), (r, means) = (
        found.worst(figure) for figure in ("rhat", "ess_bulk", "mean_series_ess")
    )
    checks = (
        (rhat < RHAT, f"worst R-hat {rhat:.4f} ({p})", f"below {RHAT}"),
        (bulk > wanted, f"smallest bulk ESS {bulk:.0f} ({q})", f"above {wanted:g}"),
        (means >= MIN_MEAN_ESS, f"ensemble means worth {means:.0f} draws ({r})",
         f"at least {MIN_MEAN_ESS:g}"),
    )  # fmt: skip
    if found.converged(RHAT, wanted):
        return True, f"converged: {'; '.join(figure for _, figure, _ in checks)}."
    missing = "; ".join(f"{figure}, needed {need}" for passed, figure, need in checks if not passed)
    ratios = ((rhat - 1.0) / (RHAT - 1.0), wanted / max(bulk, 1.0), MIN_MEAN_ESS / max(means, 1.0))
    factor = np.clip(np.nan_to_num(ratios, nan=np.inf), 2.0, _MOST_MORE).max()
    return False, f"not converged: {missing}. {_advice(run.committed, asked, p, rhat, factor)}"


def _advice(stored: int, asked: int, name: str, rhat: float, factor: float) -> str:
    """What to do: continue, ask for more draws, or look at ensembles that disagree."""
    if stored < asked:
        return f"{stored} of {asked} draws are stored: run the same command again."
    more = f"run the same command with --set run.draws={_round_up(stored * factor)}"
    if rhat < _STUCK:
        return f"To go on, {more}."
    return (
        f"The ensembles disagree on {name}: look at figures/trace.png. Where the lines still "
        f"approach each other, {more}; where they stay apart, the walkers sit in separate regions, "
        "and more draws will not join them: give a longer run.burn_in or narrower priors."
    )


def _round_up(x: float) -> int:
    """The next of 1, 2, 5, 10, 20, 50, ..."""
    decade = 10.0 ** math.floor(math.log10(x))
    return round(next(step * decade for step in (1.0, 2.0, 5.0, 10.0) if step * decade >= x))


def _point(run: Run, lp: np.ndarray, score: np.ndarray) -> Point:
    """The stored draw of highest score."""
    chain, draw = (int(i) for i in np.unravel_index(np.argmax(score), score.shape))
    target = run.point(chain, draw, "target")
    terms = {"log_prior": target.pop("log_prior")} | run.point(chain, draw, "log_likelihood")
    terms |= {name: x for name, x in target.items() if name.startswith("prefer_")}
    values = run.point(chain, draw, "posterior")
    return Point(chain, draw, float(lp[chain, draw]), values, terms)


def _largest(run: Run, lp: np.ndarray, allowed: np.ndarray) -> Point | None:
    """The allowed draw of largest mu_nu; None without a moment or without allowed draws."""
    if not (run.has("mu_nu") and allowed.any()):
        return None
    return _point(run, lp, np.where(allowed, run.read("mu_nu"), -np.inf))


def _proposals(run: Run) -> dict[str, int]:
    """Proposals outside the prior or the domain (n_nonfinite) and with a NaN density (n_nan)."""
    return {
        name: int(run.read(name, "sample_stats").sum())
        for name in ("n_nonfinite", "n_nan")
        if run.has(name, "sample_stats")
    }


def _notes(run: Run, table: _Table, allowed: np.ndarray) -> Iterator[str]:
    """What a reader must know beside the numbers, one sentence or two each."""
    physics = run.resolved["physics"]
    for wish in physics.get("prefer", {}).values():
        yield (
            f"the target contains the wish {_wish_text(run, wish)}: the posterior is not a pure "
            "likelihood posterior."
        )
    if run.has("m_nu_rge") and physics["model"].get("settings", {}).get("rge") is False:
        mass = float(np.median(np.abs(run.read("m_nu_rge"))))
        yield (
            f"the gauge-induced (RGE) mass of these points is ~{mass:.3g} eV, "
            f"{mass / _MASS_SCALE:.3g} times {_MASS_SCALE} eV, left out of m_nu with rge = false."
        )
    entries = constraints.catalogue()
    for name in physics.get("constraints", {}):
        entry = entries.get(name, {})
        if "memory" in entry.get("verified", ""):
            yield f"constraint {name} rests on numbers not confirmed yet: {entry['verified']}."
        elif entry.get("note", "").startswith("indicative"):
            yield f"constraint {name} is {entry['note']}."
    if not allowed.any():
        yield "no stored draw is inside every limit."
    for name, count in table.undefined.items():
        yield f"{name} is not a finite number at {count} of {allowed.size} draws."
    if count := _proposals(run).get("n_nan", 0):
        yield f"the density was NaN at {count} proposals, all rejected: a fault of the model."
    if len(np.unique(run.ensemble)) < _MIN_ENSEMBLES:
        yield f"R-hat compares fewer than {_MIN_ENSEMBLES} ensembles: it may miss separate regions."


def _wish_text(run: Run, wish: dict[str, Any]) -> str:
    (name,) = wish["requires"]
    unit = run.variables["posterior"].get(name, {}).get("units", "")
    ends = (f"{word} {wish[word]:g} {unit}".rstrip() for word in ("above", "below") if word in wish)
    return f"{name} {' and '.join(ends)}"


def _table_text(rows: Sequence[Row]) -> str:
    """Aligned columns; names and units to the left, numbers to the right."""
    cells = [["", "unit", "mean", "sd", "5%", "median", "95%", "MCSE", "R-hat", "bulk", "tail ESS"]]
    for row in rows:
        numbers = [f"{x:.3g}" for x in (row.mean, row.sd, row.q05, row.q50, row.q95)]
        figures = [f"{row.mcse_mean:.1g}", f"{row.rhat:.3f}"]
        sizes = [f"{row.ess_bulk:.0f}", f"{row.ess_tail:.0f}"]
        cells.append([row.name, row.unit or "-", *numbers, *figures, *sizes])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        " ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    )


def _point_text(title: str, point: Point, shown: set[str], units: Attributes) -> str:
    where = textwrap.fill(f"{title} (chain {point.chain}, draw {point.draw})", _WIDTH)
    values = [_quantity(n, x, units) for n, x in point.values.items() if n in shown]
    terms = [_quantity(n, x, {}) for n, x in point.terms.items()]
    return "\n".join([where, _prose("  ", values), _prose("  terms: ", terms)])


def _allowed_text(summary: Summary) -> str:
    text = (
        f"{summary.allowed_fraction:.1%} of the draws are inside every limit (limits: value within "
        "the limit; measurements: within 2 sigma). This says nothing about convergence."
    )
    if "n_nonfinite" in summary.proposals:
        text += f" Proposals of zero density: {summary.proposals['n_nonfinite']}."
    return text


def _quantity(name: str, x: float, units: Attributes) -> str:
    return f"{name} = {x + 0.0:.5g} {units.get(name, '')}".rstrip()


def _prose(head: str, items: Iterable[str]) -> str:
    """Items after a head, wrapped between items only."""
    glued = ", ".join(item.replace(" ", "\0") for item in items)
    filled = textwrap.fill(glued, _WIDTH, initial_indent=head, subsequent_indent="  ")
    return filled.replace("\0", " ")
