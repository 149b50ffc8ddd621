"""A model and a run file of a few numbers, written out: plug-ins that tests edit or kill."""

import re

MODEL = """\
from nmmjax.target.model import Model, Parameter
from nmmjax.target.priors import LogUniform


class Tiny(Model):
    @property
    def parameters(self):
        return (
            Parameter("a", LogUniform(1e-12, 1e-8), "", "a", "coupling of the mass"),
            Parameter("b", LogUniform(1e-6, 1.0), "", "b", "coupling of the moment"),
        )

    @property
    def reference(self):
        return {"a": 1e-10, "b": 0.1}

    def predict(self, theta):
        return {"m_nu": theta["a"] * 1e9, "mu_nu": theta["b"] * 1e-10}
"""
RUN = """\
[model]
name = "tiny.py:Tiny"
[target]
constraints = ["m_nu_target"]
[engine]
name = "ensemble"
options = { ensembles = 4, walkers = 8, thin = 2, block = 5 }
[run]
draws = 10
burn_in = 5
"""


def write(folder, model=MODEL, **changes):
    """Write tiny.py and tiny.toml; `changes` are values of keys (`engine`: its name)."""
    (folder / "tiny.py").write_text(model)
    text = RUN.replace("tiny.py:", f"{folder / 'tiny.py'}:")
    text = text.replace('"ensemble"', f'"{changes.pop("engine", "ensemble")}"')
    for key, value in changes.items():
        text = re.sub(
            f"^{key} = .*", lambda _, key=key, value=value: f"{key} = {value}", text, flags=re.M
        )
    path = folder / "tiny.toml"
    path.write_text(text)
    return path
