"""docs/file-format.md against a real run directory, in both directions."""

import json
import re
import tomllib

import h5py
import numpy as np
import pytest

from helpers.places import ROOT
from nmmjax.cli import run_command

pytestmark = pytest.mark.slow  # a run with figures

PAGE = (ROOT / "docs" / "file-format.md").read_text()
RUN = f"""
[model]
name = "{ROOT / "tests" / "helpers" / "toy_model.py"}:Toy"
[priors]
lambda_hs = 0.1
[target]
constraints = ["m_nu_target", "theta_sq_triplet"]
prefer = {{ mu_nu = {{ above = 1e-12 }} }}
[engine]
options = {{ ensembles = 4, walkers = 16, thin = 2, block = 10 }}
[run]
draws = 20
burn_in = 10
until = {{ max_minutes = 5 }}
"""
OF_HDF5 = {"CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST"}
BY_OTHER_COMMANDS = {"ablation.json", "report.html"}  # not by `nmmjax run`
ONLY_SOMETIMES = {"/<group>/<name>_dim_<i>"}


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    folder = tmp_path_factory.mktemp("format")
    (folder / "small.toml").write_text(RUN)
    assert run_command(["run", str(folder / "small.toml")]) == 0
    return folder / "chains" / "small"


@pytest.fixture(scope="module")
def chains(directory):
    with h5py.File(directory / "chains.h5", locking=False) as file:
        yield file


def table(title):
    """Rows of the table whose first column is called `title`, cells without backticks."""
    lines = iter(PAGE.splitlines())
    for line in lines:
        if line.startswith(f"| {title} |"):
            next(lines)
            for row in lines:
                if not row.startswith("|"):
                    return
                yield [cell.strip() for cell in row.strip("|").split("|")]


def names(cell):
    return re.findall(r"`([^`]*)`", cell)


def pattern(path):
    """A regular expression from a path with <placeholders>."""
    return re.sub(r"<\w+>", r"[^/]+", re.escape(path).replace(r"\<", "<").replace(r"\>", ">"))


def matching(path, rows):
    """The row for a path whose last name is the most literal, as the page means it."""

    def placeholders(row):
        path = names(row[0])[0]
        return "<" in path.rpartition("/")[2], -len(re.sub(r"<\w+>", "", path))

    found = [row for row in rows if re.fullmatch(pattern(names(row[0])[0]), path)]
    return min(found, key=placeholders, default=None)


def objects(file):
    found = {}
    file.visititems(lambda path, item: found.__setitem__(f"/{path}", item))
    return found


def test_every_object_of_the_file_is_on_the_page_with_type_and_shape(chains):
    rows = list(table("path"))
    assert len(rows) > 10
    draws = int(chains.attrs["committed_draws"])
    sizes = {"chain": 64, "draw": draws}
    for path, item in objects(chains).items():
        row = matching(path, rows)
        assert row is not None, f"{path} is not on the page"
        _, kinds, shape, _ = row
        if isinstance(item, h5py.Group):
            assert kinds == "group"
            continue
        assert item.dtype.name in kinds.split(", "), path
        axes = [axis for axis in shape.strip("()").split(", ") if axis != "..."]
        assert list(item.shape[: len(axes)]) == [sizes.get(a, item.shape[-1]) for a in axes], path
        assert item.ndim == len(axes) or "..." in shape, path


def test_every_row_of_the_page_is_in_the_file(chains):
    rows = list(table("path"))
    found = {matching(path, rows)[0] for path in objects(chains)}
    missing = {row[0] for row in rows} - found - {f"`{name}`" for name in ONLY_SOMETIMES}
    assert not missing


def kind_of(value):
    if isinstance(value, str):
        return "string"
    if isinstance(value, np.ndarray):
        return "strings"
    return value.dtype.name


def test_attributes_in_both_directions(chains):
    rows = list(table("object"))
    used = set()
    for path, item in {"/": chains, **objects(chains)}.items():
        for name, value in item.attrs.items():
            if name in OF_HDF5:
                continue
            fits = [
                row for row in rows
                if re.fullmatch(pattern(names(row[0])[0]), path)
                and re.fullmatch(pattern(names(row[1])[0]), name)
            ]  # fmt: skip
            assert fits, f"attribute {name} of {path} is not on the page"
            assert kind_of(value) in {row[2] for row in fits}, (path, name)
            used |= {(row[0], row[1]) for row in fits}
    assert used == {(row[0], row[1]) for row in rows if not row[3].startswith("only if")}


def test_roles_are_those_of_the_page(chains):
    described = [row for row in table("object") if names(row[1]) == ["role"]]
    (row,) = (row for row in described if names(row[0]) == ["/posterior/<name>"])
    posterior = chains["posterior"].values()
    assert {item.attrs["role"] for item in posterior if "role" in item.attrs} == set(names(row[3]))


def test_storage_is_as_described(chains):
    data = chains["posterior/mu_nu"]
    assert data.chunks == (64, 10)
    assert data.fletcher32
    assert data.compression is None
    assert data.dtype == np.dtype("<f8")


def test_files_of_the_directory_in_both_directions(directory):
    listed = {name.rstrip("/") for row in table("file") for name in names(row[0])}
    assert {path.name for path in directory.iterdir()} == listed - BY_OTHER_COMMANDS
    assert listed > BY_OTHER_COMMANDS


def test_resolved_toml_in_both_directions(directory):
    tree = tomllib.loads((directory / "resolved.toml").read_text())
    listed = {names(row[0])[0] for row in table("table")}
    found = {f"physics.{key}" for key in tree["physics"]} | (tree.keys() - {"physics"})
    assert found == listed


def test_json_files_in_both_directions(directory):
    rows = [name for row in table("key") for name in names(row[0])]
    status = json.loads((directory / "status.json").read_text())
    assert set(status) == set(rows)
    part = PAGE.partition("## manifest.json")[2]
    listed = {names(line)[0] for line in part.splitlines() if line.startswith("| `")}
    manifest = json.loads((directory / "manifest.json").read_text())
    assert set(manifest) == listed
    (line,) = (x for x in part.splitlines() if x.startswith("| `generations`"))
    assert set(manifest["generations"][0]) == set(names(line)) - {"generations"}
    with np.load(directory / "state-0.npz", allow_pickle=False) as arrays:
        assert arrays.files[0] == "arr_0"


def example(language):
    return re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[1]


def test_the_python_example_runs(directory, capsys, chains):
    code = example("python").replace("runs/chains/quickstart", str(directory))
    exec(code, {})
    value, unit = capsys.readouterr().out.split()
    allowed = chains["target/allowed"][...] == 1
    assert float(value) == chains["posterior/mu_nu"][...][allowed].max()
    assert unit == "mu_B"
