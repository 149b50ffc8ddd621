"""What the README shows, run as shown, and its two commands named where CI runs them."""

import re

import jax
import pytest

from helpers.places import ROOT


@pytest.mark.slow
def test_the_python_blocks_of_the_readme_run(capsys):
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(r"runs this block -->\n```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 2
    space = {}
    for block in blocks:
        exec(block, space)
    density, mean = (
        capsys.readouterr().out.split("]")[0],
        float(space["tree"]["posterior"]["mu_nu"].mean()),
    )
    assert "[" in density
    assert 0.0 < mean < 1e-6
    assert space["tree"]["posterior"].sizes == {"chain": 128, "draw": 25}
    assert jax.numpy.isfinite(space["target"].log_density(space["z"]))


def test_ci_calls_the_command_that_the_readme_names():
    readme = (ROOT / "README.md").read_text()
    assert "pip install uv && uv run nmmjax run runs/quickstart.toml" in readme
    assert "    uv run pytest\n" in readme
    assert "\nuv run pytest\n" in (ROOT / ".ci" / "run").read_text()
