"""What an installation shows of itself: its version, its types, its citation."""

import re
import subprocess
import sys
import tomllib

import nmmjax
from helpers.places import ROOT
from nmmjax.cli import run_command

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_one_version_everywhere(capsys):
    version = PROJECT["project"]["version"]
    assert nmmjax.__version__ == version
    assert run_command(["--version"]) == 0
    assert capsys.readouterr().out == f"nmmjax {version}\n"
    citation = (ROOT / "CITATION.cff").read_text()
    assert re.findall(r"^version: (.*)$", citation, re.MULTILINE) == [version]


def test_version_imports_no_jax():
    code = (
        "import sys\n"
        "from nmmjax.cli import run_command\n"
        "run_command(['--version'])\n"
        "assert not {'jax', 'numpy', 'scipy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_the_wheel_is_typed():
    declared = PROJECT["tool"]["setuptools"]["package-data"]["nmmjax"]
    assert "py.typed" in declared
    assert (ROOT / "nmmjax" / "py.typed").exists()
