"""Leaving constraints out and sampling again, where the answer is known."""

import json

import pytest

from helpers.places import TOY
from nmmjax.cli import run_command

pytestmark = pytest.mark.usefixtures("without_figures")

RUN = f"""
[model]
name = "{TOY}:Toy"

[target]
constraints = ["m_nu_target", "heavy"]
constraint_files = ["own.toml"]

[engine]
options = {{ ensembles = 4, walkers = 16, thin = 10, block = 10 }}

[run]
draws = 20
burn_in = 10
"""
OWN = """
[heavy]
observable = "m_psi"
type = "lower_limit"
value = 1000.0
cl = 0.95
units = "GeV"
year = 2026
reference = "none"
verified = "convention"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ablate")
    (folder / "own.toml").write_text(OWN)
    (folder / "toy.toml").write_text(RUN)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("nmmjax.figures.draw.save_all", lambda *_: [])
        assert run_command(["run", str(folder / "toy.toml")]) == 0
    return folder


@pytest.mark.slow
def test_a_bound_in_the_middle_of_a_prior_takes_half(folder, capsys):
    """Nothing else in the target depends on m_psi, log uniform in [100, 1e4] GeV."""
    made, runfile = folder / "chains" / "toy", str(folder / "toy.toml")
    command = ["ablate", str(made), "--runfile", runfile, "--minutes", "0", "--without", "heavy"]
    assert run_command(command) == 0
    assert "heavy" in capsys.readouterr().out
    base, row = json.loads((made / "ablation.json").read_text())["rows"]
    assert (base["name"], row["removed"]) == ("as it is", ["heavy"])
    assert row["rhat"] < 1.1
    assert row["excluded"] == pytest.approx(0.5, abs=0.05)  # 2 blocks of 128 walkers
    assert row["largest"] > base["largest"]
    assert run_command(["summary", str(made)]) == 0
    assert "heavy takes" in capsys.readouterr().out


@pytest.mark.slow
def test_shards_are_ablated_as_one_run(folder, tmp_path, capsys):
    made, runfile = tmp_path / "made", str(folder / "toy.toml")
    for task in ("0/2", "1/2"):
        assert run_command(["run", runfile, "--task", task, "--out", str(made)]) == 0
    command = ["ablate", str(made), "--runfile", runfile, "--minutes", "0", "--without", "heavy"]
    assert run_command(command) == 0
    _, row = json.loads((made / "ablation.json").read_text())["rows"]
    assert row["excluded"] == pytest.approx(0.5, abs=0.05)
    capsys.readouterr()
    assert run_command(["summary", str(made)]) == 0
    assert "heavy takes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--without", "heavi"], "has no constraint 'heavi'; did you mean 'heavy'"),
        (["--without", "direct"], "no constraint of the run limits a moment"),
        ([], "To look beside the run file itself"),  # the constraints lie beside the run file
    ],
)
def test_what_cannot_be_left_out_is_refused(folder, options, words, capsys):
    assert run_command(["ablate", str(folder / "chains" / "toy"), *options]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1


def test_another_target_is_refused(folder, capsys):
    (folder / "other.toml").write_text(RUN.replace('"m_nu_target", ', ""))
    made, other = folder / "chains" / "toy", str(folder / "other.toml")
    assert run_command(["ablate", str(made), "--runfile", other]) == 2
    assert "is no longer the target of" in capsys.readouterr().err
