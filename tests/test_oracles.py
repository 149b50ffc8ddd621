"""The makers of reference numbers: they cover every file, see a changed digit, know no nmmjax."""

import json
import shutil
import subprocess
import sys

import pytest

from helpers.places import REFERENCE

MAKE = REFERENCE / "make"
FILE = "constraints/trapping.json"


def make(*arguments):
    command = [sys.executable, str(MAKE), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path):
    (tmp_path / FILE).parent.mkdir(parents=True)
    shutil.copy(REFERENCE / FILE, tmp_path / FILE)
    return tmp_path


def edit(folder, change):
    data = json.loads((folder / FILE).read_text())
    change(data)
    (folder / FILE).write_text(json.dumps(data))


def test_rows_that_are_as_stored_pass(copy):
    done = make("trapping", "--check", "--all", "--out", copy)
    assert done.returncode == 0, done.stdout
    assert "nothing differs" in done.stdout


@pytest.mark.parametrize("place", [0, -3])
def test_a_changed_digit_is_found(copy, place):
    def change(data):
        text = data["rows"][7]["m_eff_eV"]
        at = place % len(text)
        data["rows"][7]["m_eff_eV"] = text[:at] + str((int(text[at]) + 5) % 10) + text[at + 1 :]

    edit(copy, change)
    done = make("trapping", "--check", "--all", "--out", copy)
    assert done.returncode == 1
    assert f"{FILE}.rows[7]: m_eff_eV is " in done.stdout


def test_a_row_of_inputs_is_completed_and_a_constant_moves_numbers(copy):
    stored = json.loads((copy / FILE).read_text())["rows"]
    edit(copy, lambda data: [data["rows"][0].pop(key) for key in ("omega_pl_eV", "forbidden")])
    assert make("trapping", "--out", copy).returncode == 0
    assert json.loads((copy / FILE).read_text())["rows"] == stored
    edit(copy, lambda data: data["constants"].update(alpha_inv_0="137"))
    assert make("trapping", "--check", "--out", copy).returncode == 1


def test_every_file_is_made_and_no_maker_imports_nmmjax():
    code = (
        "import importlib, json, sys, __main__ as m\n"
        f"sys.path.insert(0, {str(MAKE)!r})\n"
        "import pathlib\n"
        "names = {p.stem for p in pathlib.Path(sys.path[0]).glob('[a-z]*.py')} - {'oracle'}\n"
        "tables = [t for n in names for t in importlib.import_module(n).TABLES]\n"
        "assert not [x for x in sys.modules if x.startswith(('nmmjax', 'jax', 'numpy'))]\n"
        "print(json.dumps(sorted({t.file for t in tables})))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    files = sorted(str(path.relative_to(REFERENCE)) for path in REFERENCE.rglob("*.json"))
    assert json.loads(done.stdout) == files
    assert all("constants" in json.loads((REFERENCE / name).read_text()) for name in files)
