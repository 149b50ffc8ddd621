"""Templates for clusters and containers: they parse, and name what there is."""

import re
import subprocess
import tomllib

import pytest

from helpers.places import ROOT

SLURM = ROOT / "runs" / "slurm"


@pytest.mark.parametrize("name", ["array.sbatch", "container.sbatch"])
def test_scripts_parse_and_ask_for_the_same(name):
    text = (SLURM / name).read_text()
    subprocess.run(["bash", "-n", SLURM / name], check=True)
    tasks = int(re.findall(r"--array=0-(\d+)", text)[0]) + 1
    assert f'--task "$SLURM_ARRAY_TASK_ID/{tasks}"' in text
    assert "--signal=B:USR1@" in text
    assert "--requeue" in text


@pytest.mark.parametrize(
    ("name", "copied"),
    [
        ("nmmjax.def", r"^    (\S+) /opt/nmmjax/\S+$"),
        ("Dockerfile", r"^COPY (.*) /opt/nmmjax/\S*$"),
    ],
)
def test_recipes_copy_and_install_what_there_is(name, copied):
    text = (SLURM / name).read_text()
    files = [file for line in re.findall(copied, text, re.M) for file in line.split()]
    assert {"pyproject.toml", "nmmjax", "samplers"} <= set(files)
    assert all((ROOT / file).exists() for file in files)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (extras,) = re.findall(r'"/opt/nmmjax\[([\w,]+)\]"', text)
    assert set(extras.split(",")) <= set(project["optional-dependencies"])
    assert project["requires-python"] <= ">=3.12"
    assert "python:3.12" in text


CONTAINER = """#!/bin/bash
echo started >> calls
trap 'exit 75' USR1
for _ in $(seq 600); do sleep 0.1; done
"""
SCONTROL = """#!/bin/bash
echo "$*" >> calls
[[ $1 == show ]] && echo "JobId=1 JobState={state} Reason=None"
exit 0
"""


@pytest.mark.parametrize("state", ["RUNNING", "CANCELLED"])
def test_the_shell_around_a_container_passes_a_warning_on(state, tmp_path):
    """With stand-ins for apptainer and scontrol: requeued, unless the job was cancelled."""
    for name, text in (("apptainer", CONTAINER), ("scontrol", SCONTROL.format(state=state))):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "SLURM_SUBMIT_DIR": str(tmp_path),
        "SLURM_ARRAY_JOB_ID": "1",
        "SLURM_ARRAY_TASK_ID": "2",
    }
    with subprocess.Popen(["bash", SLURM / "container.sbatch"], env=environment) as shell:
        calls = tmp_path / "calls"
        while not calls.exists():
            assert shell.poll() is None
        subprocess.run(["sleep", "0.3"], check=True)
        shell.send_signal(10)  # USR1
        code = shell.wait(timeout=60)
    assert code == (0 if state == "RUNNING" else 75)
    assert ("requeue 1_2" in calls.read_text()) == (state == "RUNNING")
