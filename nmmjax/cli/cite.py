"""`nmmjax cite`: the papers, experiments, samplers and libraries that entered a run."""

import pathlib

from nmmjax.cli.terminal import out
from nmmjax.results import citations, open_run
from nmmjax.results.citations import Citation
from nmmjax.results.rundir import Run
from nmmjax.runfile import plugins


def show_citations(directory: pathlib.Path, bibtex: bool, allow_changes: bool = False) -> None:
    """Print a line per citation, or all of them as BibTeX."""
    found = cited(open_run(directory, allow_changes))
    if bibtex:
        out("\n\n".join(f"% {one.why}\n{one.bibtex()}" for one in found) + "\n")
        return
    for why in dict.fromkeys(one.why for one in found):
        out(f"{why}\n")
        for one in found:
            if one.why == why:
                out(f"  {one.line()}\n")


def cited(run: Run) -> tuple[Citation, ...]:
    """Collect the citations of a run; a model or engine of one's own is not looked into."""
    return citations.of(run, {"model": _said(run, "model"), "engine": _said(run, "engine")})


def _said(run: Run, kind: str) -> str:
    package = {"model": "nmmjax.models", "engine": "nmmjax.samplers.engines"}[kind]
    section = {"model": "physics", "engine": "sampling"}[kind]
    name = run.resolved[section][kind]["name"]
    return "" if plugins.foreign(name) else plugins.documentation(name, package)
