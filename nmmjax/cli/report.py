"""`nmmjax report`: one HTML file of a run that needs nothing else, made from a template."""

import base64
import importlib.resources
import io
import pathlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import jinja2
import matplotlib
import tomli_w
from markupsafe import Markup
from matplotlib.figure import Figure

from nmmjax.cli.cite import cited
from nmmjax.cli.session import start_jax
from nmmjax.cli.table import table
from nmmjax.cli.terminal import out
from nmmjax.errors import InputError, printable
from nmmjax.figures import draw, growth
from nmmjax.figures.axes import legible
from nmmjax.results import columns, open_run, screen, summary, tables
from nmmjax.results.plain import digits, number, share
from nmmjax.results.rundir import Run
from nmmjax.results.summary import Summary
from nmmjax.results.variables import HEADLINES
from nmmjax.samplers.store.files import Folder, StoreError

NAME = "report.html"
_LARGEST_DRAWING = 1_500_000  # bytes of SVG; a larger figure goes in as PNG
_PIXELS = 120  # of a screen, for an inch of a figure
_CAPTIONS = {
    "map": "Draws of the headline quantities, with 68% and 95% contours and limits.",
    "constraints": "Limits that are curves, over the draws.",
    "frontier": "Frontier of the objective.",
    "corner": "Marginals of every sampled parameter and pair.",
    "rank": "Ranks by ensemble: flat where the ensembles agree.",
    "trace": "Means of each ensemble.",
}
_FIGURES = ("map", "constraints", "frontier")
_DIAGNOSTICS = ("rank", "trace")


class Drawing(NamedTuple):
    """A figure as markup, its name, what it shows, and its largest width in pixels."""

    name: str
    caption: str
    markup: Markup
    width: int


class Sheet(NamedTuple):
    """A sortable table: header, rows of (shown, sort key), and the same as LaTeX and CSV."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[tuple[str, str], ...], ...]
    latex: str = ""
    csv: str = ""


def write_report(
    directory: pathlib.Path, path: pathlib.Path | None, allow_changes: bool = False
) -> None:
    """Write the report of a run and print where it is."""
    run = open_run(directory, allow_changes)
    where = directory / NAME if path is None else path
    if not where.parent.is_dir():
        raise InputError(f"cannot write '{where}': there is no folder '{where.parent}'")
    start_jax(reads=True)
    page = html(run)
    try:
        with Folder(where.parent) as folder:
            (folder / where.name).replace(page.encode())
    except (OSError, StoreError) as error:
        raise InputError(f"cannot write '{where}': {error}") from None
    out(f"{where}\n")


def html(run: Run) -> str:
    """Return the page as text."""
    template = importlib.resources.files("nmmjax.cli") / "report.html.j2"
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    page = environment.from_string(template.read_text(encoding="utf-8"))
    shown = _sampled(run) if run.committed else _maximised(run)
    return page.render(**shown, **_about(run))


def _sampled(run: Run) -> dict[str, Any]:
    found = summary.summarise(run)
    return {
        "verdict": printable(found.verdict),
        "good": found.converged,
        "rows": [(label, printable(words)) for label, words in screen.rows(found)],
        "notes": [printable(note) for note in found.notes],
        "figures": list(_drawings(run, _FIGURES)),
        "corner": list(_drawings(run, ("corner",))),
        "diagnostics": [_growth(run), *_drawings(run, _DIAGNOSTICS)],
        "sheets": [_points(run, found), *_quantities(found)],
        "constraints": list(_constraints(found)),
        "words": "",
    }


def _maximised(run: Run) -> dict[str, Any]:
    """What there is of an engine without draws: its tables as text, its map."""
    good, words = tables.verdict(run)
    empty: dict[str, Any] = {
        name: [] for name in ("rows", "notes", "corner", "diagnostics", "sheets", "constraints")
    }
    return empty | {
        "verdict": printable(words),
        "good": good,
        "figures": list(_drawings(run, ("frontier",))),
        "words": printable(tables.to_text(run)),
    }


def _about(run: Run) -> dict[str, Any]:
    physics, sampling = run.resolved["physics"], run.resolved["sampling"]
    attributes = {k: str(v) for k, v in run.attributes.items()}
    known = ("commit", "device", "double_precision")
    versions = [key for key in attributes if key.startswith("version_")]
    provenance = {key.removeprefix("version_"): attributes[key] for key in (*known, *versions)
                  if key in attributes}  # fmt: skip
    return {
        "model": printable(physics["model"]["name"]),
        "engine": sampling["engine"]["name"],
        "draws": run.committed,
        "chains": len(run.ensemble),
        "directory": printable(str(run.directory)),
        "runfile": printable(attributes.get("run_file", "")),
        "resolved": printable(tomli_w.dumps(run.resolved)),
        "provenance": {k: printable(x) for k, x in provenance.items()},
        "citations": [(c.why, printable(c.line())) for c in cited(run)],
        "bibtex": "\n\n".join(c.bibtex() for c in cited(run)),
    }


def _drawings(run: Run, kinds: tuple[str, ...]) -> Iterator[Drawing]:
    """The figures of these kinds that the run can show."""
    for kind in kinds:
        try:
            found = draw.draw(run, [kind])
        except InputError:
            continue
        for name, figure in found.items():
            yield _drawing(name, _CAPTIONS[kind], figure)


def _growth(run: Run) -> Drawing:
    caption = "Worst R-hat and smallest bulk ESS as the run grew; dashed: what the verdict asks."
    return _drawing("growth", caption, legible(growth.growth(run)))


def _drawing(name: str, caption: str, figure: Figure) -> Drawing:
    memory, width = io.BytesIO(), round(_PIXELS * figure.get_figwidth())
    with matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        figure.savefig(memory, format="svg", metadata={"Date": None})
    drawn = memory.getvalue().decode()
    if len(drawn) > _LARGEST_DRAWING:
        memory = io.BytesIO()
        figure.savefig(memory, format="png", dpi=130)
        data = base64.b64encode(memory.getvalue()).decode()
        image = Markup('<img alt="{}" src="data:image/png;base64,{}">').format(caption, data)
        return Drawing(name, caption, image, width)
    return Drawing(name, caption, Markup(drawn[drawn.index("<svg") :]), width)


def _points(run: Run, found: Summary) -> Sheet:
    """Medians, the best draw and the draw of the largest moment, for all that varies."""
    names = [*(n for n in HEADLINES if run.has(n)), *run.sampled]
    rows = {row.name: row for row in (*found.parameters, *found.observables)}
    lines = []
    for name in dict.fromkeys(names):
        if name not in rows:
            continue
        row = rows[name]
        ends = [row.q50, row.q05, row.q95, found.best.values[name]]
        ends += [] if found.largest is None else [found.largest.values[name]]
        cells = (_cell(x, digits(row.q05, row.q95)) for x in ends)
        lines.append(((name, name), (row.unit or "-", row.unit), *cells))
    head = ("quantity", "unit", "median", "5%", "95%", "best draw")
    head += () if found.largest is None else ("largest moment",)
    made = {form: table(run, names, form, 0.9, True) for form in ("latex", "csv")}
    return Sheet("Best draw and largest moment", head, tuple(lines), made["latex"], made["csv"])


def _quantities(found: Summary) -> Iterator[Sheet]:
    head = ("quantity", "unit", "median", "5%", "95%", "R-hat", "bulk ESS")
    groups = [("Sampled parameters", list(found.parameters)), *columns.grouped(found.observables)]
    for title, rows in groups:
        lines = tuple(
            ((row.name, row.name), (row.unit or "-", row.unit),
             *(_cell(x, digits(row.q05, row.q95)) for x in (row.q50, row.q05, row.q95)),
             (f"{row.rhat:.3f}", str(row.rhat)), (f"{row.ess_bulk:.0f}", str(row.ess_bulk)))
            for row in rows
        )  # fmt: skip
        yield Sheet(title, head, lines)


def _constraints(found: Summary) -> Iterator[Sheet]:
    """What each constraint takes away: by reweighting, and sampled again where that was done."""
    if found.ranking:
        lines = tuple(
            ((row.name, row.name), (share(row.excluded), str(row.excluded)),
             ("-" if row.khat != row.khat else f"{row.khat:.2f}", str(row.khat)),
             ("yes" if row.reliable else "no", str(row.reliable)))
            for row in found.ranking
        )  # fmt: skip
        head = ("constraint", "takes", "k-hat", "reliable")
        yield Sheet("By reweighting", head, lines)
    if again := found.headline.ablation:
        lines = tuple(
            ((row.name, row.name), (share(row.excluded), str(row.excluded)),
             *map(_cell, (*row.mu_nu, row.largest)), (f"{row.rhat:.2f}", str(row.rhat)))
            for row in again
        )  # fmt: skip
        head = ("left out", "takes", "mu_nu 5%", "median", "95%", "largest", "R-hat")
        yield Sheet("Sampled again without it", head, lines)
    pulls = tuple(
        ((p.name, p.name), (f"{p.best:.2f}", str(p.best)), (f"{p.mean:.2f}", str(p.mean)))
        for p in found.headline.pulls
    )
    if pulls:
        yield Sheet("Pulls in sigma", ("term", "best draw", "in the mean"), pulls)


def _cell(x: float, enough: int = 3) -> tuple[str, str]:
    return number(x, enough), repr(float(x))
