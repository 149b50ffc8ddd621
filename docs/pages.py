"""Pages that are made from the code, or borrowed from elsewhere in the repository."""

import functools
import inspect
import pathlib

from nmmjax.cli.session import start_jax
from nmmjax.cli.show import prior_text
from nmmjax.constraints import library
from nmmjax.reproduce import definition
from nmmjax.runfile import plugins
from nmmjax.runfile.build import ModelSection, build_model, prior_table
from nmmjax.target.settings import settings

ROOT = pathlib.Path(__file__).resolve().parents[1]
_VERDICTS = {
    "yes": "It matches",
    "partly": "It matches in part",
    "no": "It does not match",
    "ours": "No paper has it",
}
BORROWED = {
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "run-files.md": "runs/README.md",
}


def write(folder: pathlib.Path) -> None:
    """Write every such page into `folder`."""
    start_jax()
    folder.mkdir(exist_ok=True)
    for name, source in BORROWED.items():
        (folder / name).write_text((ROOT / source).read_text())
    (folder / "constraint-library.md").write_text(constraint_library())
    for name, model in models().items():
        (folder / f"{name}.md").write_text(model_page(name, model))
    (folder / "models.md").write_text(models_index())
    (folder / "gallery.md").write_text(gallery())


def model_page(name: str, model) -> str:
    """Join the page of a model with tables of its parameters and settings."""
    rows = [
        f"| `{p.name}` | {prior_text(prior_table(p.prior))} | {p.unit} | {_cell(p.description)} |"
        for p in model.parameters
    ]
    lines = [
        f"- `{found.name}`{found.line.removeprefix(found.name)}" for found in settings(type(model))
    ]
    return "\n".join(
        [
            (ROOT / "docs" / "models" / f"{name}.md").read_text(),
            "\n## Parameters, from the code\n",
            "| name | prior | unit | meaning |\n|---|---|---|---|",
            *rows,
            "\n## Settings, from the code\n",
            *(lines or ["None."]),
            "",
        ]
    )


def models_index() -> str:
    """List the models with the first line of each class."""
    rows = (
        f"| [`{name}`]({name}.md) | {_cell(inspect.getdoc(type(model)).splitlines()[0])} |"
        for name, model in models().items()
    )
    tree = ["\n```{toctree}\n:hidden:\n", *models(), "```\n"]
    return "\n".join(["# Models\n", "| in a run file | what it is |\n|---|---|", *rows, *tree])


def constraint_library() -> str:
    """List every entry of the library: what it says, its source and year, where it is used."""
    groups: dict[str, list[str]] = {}
    for name, entry in library.listing(None).items():
        (constraint,) = library.load([name])
        cells = (constraint.describe(), f"{entry['reference']} ({entry['year']})", entry["use"])
        row = " | ".join([f"`{name}`", *map(_cell, cells)])
        groups.setdefault(entry["group"], []).append(f"| {row} |")
    head = "| name | says | source | use |\n|---|---|---|---|"
    parts = ("\n".join([f"## {group}\n", head, *rows, ""]) for group, rows in groups.items())
    return "\n".join(["# Library of constraints\n", *parts])


def gallery() -> str:
    """List every figure that `nmmjax reproduce` makes: what it shows, whether it matches, why."""
    parts = [(ROOT / "docs" / "gallery.md").read_text()]
    for name in definition.names():
        about = definition.read(name)
        where = about.item if about.matches == "ours" else f"{about.paper}, {about.item}"
        parts += [
            f"## {about.title}\n",
            f"`nmmjax reproduce {name}` ({where})\n",
            f"![{about.title}](../images/gallery/{name}.png)\n",
            f"- **Printed:** {about.prints}",
            f"- **{_VERDICTS[about.matches]}.** {' '.join(about.why.split())}\n",
        ]
    return "\n".join(parts)


@functools.cache
def models():
    """Every model of the package under its default settings, by name."""
    names = plugins.names("nmmjax.models")
    return {name: build_model(ModelSection(name=name), "docs") for name in names}


def _cell(text: str) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")
