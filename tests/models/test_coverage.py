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

# predicted with other settings than the default ones
ON_DEMAND = {"weak_triplet": {"d_nu"}}


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


@functools.cache
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


def excused_for(page):
    """Those of the names that stand before the reason of each point."""
    section = page.split("\n## Not constrained\n")[1].split("\n## ")[0]
    heads = (re.split("because|outside", x)[0] for x in section.split("\n* ")[1:])
    return {name for head in heads for name in re.findall(r"`(\w+)`", head)}


def covered(offered):
    return {o for c in library.load(["@default"], observables=offered) for o in c.requires}


def missing(offered, excuses):
    """Bounded observables that neither @default nor the page knows."""
    left = (bounded() & offered) - covered(offered) - excuses
    return {o for o in left if not (o.startswith("eta_") and "eta_ab" in excuses)}


@pytest.mark.parametrize("name", MODELS)
def test_every_bounded_quantity_is_constrained_or_excused(name):
    excuses = excused((ROOT / "docs" / "models" / f"{name}.md").read_text())
    assert missing(predicted(name), excuses) == set()


@pytest.mark.parametrize("name", MODELS)
def test_no_excuse_is_idle(name):
    """Each excuse is for a quantity that this model predicts and data bound; some are covered."""
    offered = predicted(name) | ON_DEMAND.get(name, set())
    assert bounded() & offered & covered(offered)
    for excuse in excused_for((ROOT / "docs" / "models" / f"{name}.md").read_text()):
        named = {o for o in bounded() if o.startswith("eta_")} if excuse == "eta_ab" else {excuse}
        assert named & bounded() & offered, excuse
        assert excuse == "eps" or not named & covered(offered), excuse  # eps: parts of its range


def test_a_quantity_that_nobody_covers_is_found():
    offered = {"gamma_z_ee", "sin2_eff", "mu_eff_plasmon", "m_nu"}
    assert missing(offered, {"mu_eff_plasmon"}) == {"sin2_eff"}


def test_what_has_no_default_entry_is_known():
    """Alternatives of a default count: m_W is replaced by S and T, and named on the page."""
    assert {"sin2_eff", "mu_eff_plasmon", "eta_ee"} <= bounded()
    assert not {"m_nu", "theta_sq"} & bounded()  # a benchmark and an order of magnitude
