"""What an installation shows of itself: its version, its types, its citation."""

import os
import re
import subprocess
import sys
import tomllib

import pytest

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


@pytest.mark.parametrize(("asked", "level"), [({}, "3"), ({"TF_CPP_MIN_LOG_LEVEL": "0"}, "0")])
def test_alarms_of_the_compiler_are_off_unless_asked_for(asked, level):
    """XLA reads its level of logging once, before the command line has imported JAX."""
    code = (
        "import os, sys\n"
        "from nmmjax.__main__ import main\n"
        "sys.argv = ['nmmjax', '--version']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "assert 'jax' not in sys.modules\n"
        "print(os.environ['TF_CPP_MIN_LOG_LEVEL'])\n"
    )
    bare = {key: x for key, x in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=bare | asked, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-1] == level


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
