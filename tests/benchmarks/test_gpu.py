"""The benchmark of a device in its smallest form, on whatever is here: every part has its rows."""

import json
import math

import pytest

from benchmarks import gpu
from helpers import tiny_model
from nmmjax.runfile import build, plugins


@pytest.mark.slow
def test_every_part_of_the_smallest_form_writes_its_rows(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(gpu.plugins, "names", lambda room: [])  # no bare models: they take minutes
    tiny_model.write(tmp_path).rename(tmp_path / "quickstart.toml")
    out = tmp_path / "gpu.json"
    gpu.main(["--smoke", "--runs", str(tmp_path), "--out", str(out), "--minutes", "60"])
    tree = json.loads(out.read_text(), parse_constant=pytest.fail)  # no NaN, no Infinity
    assert tree["smoke"] is True
    rows = {row["what"]: row["value"] for row in tree["rows"]}
    assert len(capsys.readouterr().out.splitlines()) == len(rows)
    assert not any(what.startswith("left out") for what in rows)
    assert rows["two_prod: products that are not exact"] == 0
    assert rows["det2: largest relative error"] < 2.0**-52
    assert rows["quickstart: numbers that a resumed run draws differently"] == 0
    name = "quickstart: R-hat < 1.01 and bulk ESS > 100, cpu, whole process"
    assert 0.0 < rows[name] < math.inf
    assert rows["quickstart: bulk ESS then, cpu"] > 100.0
    assert rows["quickstart: walker steps, 4 x 32"] > 0.0
    assert rows["quickstart: largest difference from the CPU over 1 + |value|"] <= 1e-12
    assert rows["quickstart: points finite on one of the two only"] == 0
    for size in ("1e+02", "1e+03"):
        assert rows[f"quickstart: log densities in batches of {size}"] > 0.0
        assert rows[f"quickstart: with gradients, batches of {size}"] > 0.0
    assert "peak memory of the device" in rows


def test_every_model_has_a_density(tmp_path):
    """Through its run file, or bare where there is none."""
    names = set(plugins.names("nmmjax.models"))
    files = (gpu._RUNS / f"{name}.toml" for name in gpu._targets(gpu._RUNS))
    assert {build.read(path)[0].model.name for path in files} == names
    assert gpu._targets(tmp_path).keys() == names
