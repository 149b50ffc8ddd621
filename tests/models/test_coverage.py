"""What a model predicts and an experiment bounds is in its @default, or its page says why not."""

import functools
import re

import jax
import jax.numpy as jnp
import pytest

from helpers.places import ROOT
from nmmjax.constraints import library
from nmmjax.runfile import plugins
from nmmjax.target.model import Model

MODELS = plugins.names("nmmjax.models")
# measured, though under other names or by their effect on other quantities
OTHERS = {"eps_tau", "eps_emu", "eps_etau", "eps_mutau", "delta_g_mu", "d_nu"}
# those that an entry needs beside the quantity that it bounds
BESIDE = {"m_aprime", "br_inv_aprime", "m_nu_medium", "m_n"}


def named(entry):
    given = entry["observable"]
    return {given} if isinstance(given, str) else {*given}


@functools.cache
def bounded():
    """Observables that any entry bounds, but for projections, flags and mere conventions."""
    entries = library.catalogue().values()
    measured = [e for e in entries if e["use"] in ("default", "optional")]
    found = set().union(*(named(e) for e in measured if e["verified"] != "convention"))
    return (found | OTHERS) - BESIDE


def predicted(name):
    model = plugins.find(
        name, "nmmjax.models", lambda c: "" if issubclass(c, Model) else "no", "model"
    )()
    theta = {p: jnp.asarray(x) for p, x in model.reference.items()}
    return {*jax.eval_shape(model.predict, theta), *theta}


def excused(page):
    """Names in backquotes of the section "Not constrained"; `eta_ab` stands for all of them."""
    (section,) = re.findall(r"\n## Not constrained\n(.*?)(?=\n## |\Z)", page, re.DOTALL)
    assert section.count("\n* ") > 0
    points = section.split("\n* ")[1:]
    for point in points:
        assert "because" in point or "no curve" in point, point
    return {*re.findall(r"`(\w+)`", section)}


def missing(offered, excuses):
    """Bounded observables that neither @default nor the page knows."""
    covered = {o for c in library.load(["@default"], observables=offered) for o in c.requires}
    left = (bounded() & offered) - covered - excuses
    return {o for o in left if not (o.startswith("eta_") and "eta_ab" in excuses)}


@pytest.mark.parametrize("name", MODELS)
def test_every_bounded_quantity_is_constrained_or_excused(name):
    excuses = excused((ROOT / "docs" / "models" / f"{name}.md").read_text())
    assert missing(predicted(name), excuses) == set()


def test_a_quantity_that_nobody_covers_is_found():
    offered = {"gamma_z_ee", "sin2_eff", "mu_eff_plasmon", "m_nu"}
    assert missing(offered, {"mu_eff_plasmon"}) == {"sin2_eff"}


def test_what_has_no_default_entry_is_known():
    """Alternatives of a default count: m_W is replaced by S and T, and named on the page."""
    assert {"sin2_eff", "mu_eff_plasmon", "eta_ee"} <= bounded()
    assert not {"m_nu", "theta_sq"} & bounded()  # a benchmark and an order of magnitude
