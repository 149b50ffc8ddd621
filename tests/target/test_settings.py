"""Settings of models: one rule, one sentence, every model of the folder."""

import math
from typing import Annotated, Literal

import jax.numpy as jnp
import pytest
from pydantic import Field

from nmmjax.cli.show import show_list
from nmmjax.errors import InputError
from nmmjax.models.inert_doublet import InertDoublet
from nmmjax.runfile import plugins
from nmmjax.target.model import Model, merged
from nmmjax.target.settings import NonNegative, Positive, Setting, setting, settings

MODELS = [
    plugins.find(name, "nmmjax.models", lambda c: "" if issubclass(c, Model) else "no", "model")
    for name in plugins.names("nmmjax.models")
]
EVERY = [
    pytest.param(kind, s, id=f"{kind.__name__}-{s.name}") for kind in MODELS for s in settings(kind)
]
REFUSED = [
    (Literal["a", "b", "c"], "x", "n = 'x' given; it is 'a', 'b' or 'c' (text)"),
    (Literal[1], 3, "n = 3 given; it is 1 (text)"),
    (Literal[1, 2], True, "n = true given; it is 1 or 2 (text)"),
    (bool, 1, "n = 1 given; it is true or false (text)"),
    (Annotated[int, Field(ge=32)], 3, "n = 3 given; it is a whole number >= 32 (text)"),
    (Annotated[int, Field(ge=32)], 40.5, "n = 40.5 given; it is a whole number >= 32 (text)"),
    (Positive | None, 0.0, "n = 0.0 given; it is a finite number > 0, or left out (text)"),
    (NonNegative, math.nan, "n = nan given; it is a finite number >= 0 (text)"),
    (float, math.inf, "n = inf given; it is a finite number (text)"),
    (float, True, "n = true given; it is a finite number (text)"),
    (float, [1.0], "n = [1.0] given; it is a finite number (text)"),
]


class Plain(Model):
    """A user's model: settings without a line of meaning."""

    size: int = setting(2, "")
    scale: float = 1.0

    @property
    def parameters(self):
        return ()

    @property
    def reference(self):
        return {}

    def predict(self, theta):
        return {}

    def check(self):
        if self.size > 3 and self.scale > 1.0:
            raise InputError("size above 3 goes with scale <= 1")


@pytest.mark.parametrize(("kind", "given", "sentence"), REFUSED)
def test_a_wrong_setting_says_what_would_be_right(kind, given, sentence):
    with pytest.raises(InputError) as caught:
        Setting("n", kind, None, "text").value(given)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("kind", "given"), [(Literal["a"], "a"), (float, 1), (Positive | None, None), (bool, False)]
)
def test_a_right_setting_gets_its_type(kind, given):
    value = Setting("n", kind, None, "").value(given)
    assert value == given
    assert kind is not float or isinstance(value, float)


@pytest.mark.parametrize(("kind", "declared"), EVERY)
def test_every_setting_of_every_model_is_typed_and_explained(kind, declared):
    assert declared.text
    assert "\n" not in declared.line
    assert declared.expected != "of another type"
    for wrong in ("no such choice", math.nan, [1]):
        with pytest.raises(InputError, match=rf"^{declared.name} = .* given; it is "):
            kind(**{declared.name: wrong})


def test_settings_that_do_not_go_together_are_refused_after_their_types():
    assert Plain(size=4).size == 4
    with pytest.raises(InputError, match="size above 3 goes with"):
        Plain(size=4, scale=2)
    with pytest.raises(InputError, match=r"scale = 'x' given; it is a finite number$"):
        Plain(size=4, scale="x")


def test_merged_refuses_a_repeated_name():
    one, two = {"a": jnp.asarray(1.0)}, {"b": jnp.asarray(2.0)}
    assert list(merged(one, two)) == ["a", "b"]
    with pytest.raises(ValueError, match="two parts of a model give a"):
        merged(one, two, one)


def test_list_prints_choices_default_and_meaning(capsys):
    show_list("models", "inert_doublet", None, False)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    found = [line for line in lines if line.startswith("ew_splitting = ")]
    assert found == [s.line for s in settings(InertDoublet) if s.name == "ew_splitting"]
    assert "= 'none' ('none' or 'on_shell'): no m_nu_ew, or" in found[0]
