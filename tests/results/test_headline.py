"""The answers of a run: against draws whose answers are known beforehand."""

import dataclasses
import json
import math

import numpy as np
import pytest

from helpers.places import ROOT
from helpers.synthetic_run import RESOLVED, draw_groups, write_run
from nmmjax.constraints import library
from nmmjax.errors import InputError
from nmmjax.results import ablation, columns, headline, screen, tuning
from nmmjax.results import summary as results
from nmmjax.results import text as report
from nmmjax.results.holding import Held
from nmmjax.results.plain import between, number, share
from nmmjax.results.rundir import open_run
from nmmjax.runfile.build import read

LONG = (1.234e-13, 5.678e-12, 9.876e-11)


@pytest.fixture(scope="module")
def groups():
    return draw_groups()


@pytest.fixture(scope="module")
def run(groups, tmp_path_factory):
    return open_run(write_run(tmp_path_factory.mktemp("runs") / "good", groups))


@pytest.fixture(scope="module")
def summary(run):
    return results.summarise(run)


def test_the_first_screen_fits_a_terminal(summary):
    for width in (80, 60, 200):
        lines = screen.to_text(summary, width).splitlines()
        assert len(lines) <= max(25, 2000 // width)
        assert max(map(len, lines)) <= min(width, 80) or lines[-1].endswith("--full")
    text = screen.to_text(summary)
    assert text.startswith("toy: 16000 draws")
    assert "Verdict: converged: worst R-hat" in text
    assert "a wish" in text or "the wish" in text


def longest(names):
    """A headline in which every answer takes as much room as it can with these constraints."""
    entries = library.catalogue()
    first = sorted(names, key=lambda name: -len(library.label(name)))[:3]
    later = [
        name
        for name, entry in entries.items()
        if entry.get("use") == "projection" and not entry["type"].endswith("curve")
    ]  # a curve is of a dark photon, whose models have no rare decays of charged leptons
    held = tuple(Held(name, "limit", 0.1) for name in first)
    return headline.Headline(
        headline.Moment(LONG, LONG[1], held, LONG[2], False),
        headline.Mass(LONG, LONG[0], True, LONG),
        headline.Tuning("tuning_cancel", LONG, LONG[0]),
        tuple(headline.Test(name, library.label(name), 0.012) for name in later),
        tuple(headline.Matter(name, 0.01, "reweighted", False) for name in first),
        (), (), (), (), {},
    )  # fmt: skip


def shown(summary, name, width):
    """(lines of the first screen, lines of all answers) of a run with the longest of words."""
    run, _ = read(ROOT / "runs" / f"{name}.toml")
    names = [x for x in run.target.constraints if not x.startswith("@")]
    made = dataclasses.replace(
        summary, model=run.model.name, headline=longest(names), directory=f"runs/chains/{name}"
    )
    lines, answers = screen.to_text(made, width), screen.answers(made, width)
    return lines.splitlines(), answers.splitlines()


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "runs").glob("*.toml")))
def test_all_answers_of_every_run_file_are_on_the_first_screen(name, summary):
    lines, answers = shown(summary, name, 80)
    assert len(lines) <= 25
    assert max(map(len, lines)) <= 80
    start = lines.index(answers[0])
    assert lines[start : start + len(answers)] == answers


def test_an_answer_without_room_is_left_out_whole(summary, monkeypatch):
    monkeypatch.setattr(screen, "LINES", 15)
    lines, answers = shown(summary, "quickstart", 80)
    assert len(lines) <= 15
    start = lines.index(answers[0])
    kept = lines[start : lines.index("", start)]
    assert kept == answers[: len(kept)]  # and no note
    assert answers[len(kept)][:16].strip()  # the first line of the next answer


def test_a_narrow_terminal_has_more_lines(summary):
    lines, _ = shown(summary, "quickstart", 40)
    assert 25 < len(lines) <= 50
    assert max(map(len, lines[:-1])) <= 40
    assert {"m_nu", "m_nu_rge", "Tuning", "Would be tested"} <= {
        line[:16].strip() for line in lines
    }


@pytest.mark.parametrize("width", [80, 100, 140])
def test_the_whole_report_keeps_to_its_width(summary, width):
    assert max(map(len, report.to_text(summary, width).splitlines())) <= width


def test_the_largest_moment_is_held_back_by_its_limit(summary):
    moment = summary.headline.moment
    assert moment.largest == summary.largest.values["mu_nu"]
    assert (moment.held[0].name, moment.held[0].kind) == ("xenonnt_2022", "moment")
    assert moment.held[0].slack == pytest.approx(1.0 - (moment.largest / 6.4e-12) ** 2, rel=1e-9)
    assert "held back by XENONnT 2022 itself" in screen.held_words(moment, {})


def test_without_limits_on_moments_the_rest_decides(groups, summary):
    posterior = groups["posterior"]
    inside = (np.abs(posterior["m_nu"] - 0.05) <= 0.01) & (posterior["m_psi"] >= 910.0)
    moment = summary.headline.moment
    assert moment.without == posterior["mu_nu"][inside].max() > moment.largest
    assert not moment.exact


def test_the_end_of_a_prior_is_named(groups, tmp_path):
    posterior = dict(groups["posterior"])
    top = posterior["mu_nu"] > np.quantile(posterior["mu_nu"], 0.9)
    posterior["lambda_hs"] = np.where(top, 9.9, posterior["lambda_hs"])
    made = write_run(tmp_path / "run", groups | {"posterior": posterior})
    held = results.summarise(open_run(made)).headline.moment.held
    assert "upper end of the prior of lambda_hs" in [one.name for one in held]


def test_future_experiments_test_the_share_beyond_their_limits(groups, tmp_path):
    posterior = groups["posterior"] | {"mu_eff_pp": groups["posterior"]["mu_nu"]}
    made = write_run(tmp_path / "run", groups | {"posterior": posterior})
    found = {t.name: t.share for t in results.summarise(open_run(made)).headline.tests}
    expected = float(np.mean(posterior["mu_eff_pp"] > 1e-12))
    assert found == {"future_xlzd_200t": pytest.approx(expected, abs=1e-12)}


def tilted(groups, by, deepest):
    """Draws of a Gaussian measurement that a linear term of the target has moved by `by` sigma."""
    posterior = dict(groups["posterior"])
    e = (posterior["m_nu"] - 0.05) / 0.005 + by
    posterior["m_nu"] = 0.05 + 0.005 * e
    likelihood = groups["log_likelihood"] | {"m_nu_target": -0.5 * e**2}
    prefer = by * e - np.max(by * e) + deepest
    target = groups["target"] | {"prefer_mu_nu": prefer}
    return groups | {"posterior": posterior, "log_likelihood": likelihood, "target": target}


def test_a_wish_out_of_reach_that_pulls_a_measurement_is_named_first(groups, tmp_path):
    made = write_run(tmp_path / "run", tilted(groups, -2.5, -158.0))
    found = results.summarise(open_run(made))
    (move,) = found.headline.moves
    error = 2.5 / math.sqrt(found.parameters[0].ess_bulk / 2.0)  # of a variance
    assert (move.by, move.of) == ("prefer_mu_nu", "m_nu_target")
    assert move.sigma == pytest.approx(-2.5, abs=5.0 * error)
    (wish,) = found.headline.unreachable
    assert wish.log_p == pytest.approx(-158.0)
    pull = {p.name: p for p in found.headline.pulls}["m_nu_target"]
    assert pull.mean == pytest.approx(-2.5, abs=0.1)
    first = " ".join(screen.to_text(found).split())
    reach = first.index("Beware the wish for mu_nu is out of reach")
    moved = first.index(
        "Beware the wish for mu_nu moves m_nu near 0.05 eV (benchmark) by -2.5 sigma"
    )
    assert reach < moved < first.index("Largest mu_nu")


def test_a_wish_within_reach_that_moves_little_is_not(groups, tmp_path):
    found = results.summarise(open_run(write_run(tmp_path / "run", tilted(groups, -0.5, 0.0))))
    assert found.headline.moves == ()
    assert found.headline.unreachable == ()


def test_pulls_are_those_of_the_draws(groups, summary):
    pull = {p.name: p for p in summary.headline.pulls}["m_nu_target"]
    e = (groups["posterior"]["m_nu"] - 0.05) / 0.005
    assert pull.mean == pytest.approx(e.mean(), rel=1e-6)
    at = np.unravel_index(np.argmax(groups["sample_stats"]["lp"]), e.shape)
    assert pull.best == pytest.approx(abs(e[at]), rel=1e-9)


@pytest.mark.parametrize("included", [True, False])
def test_the_mass_is_given_with_and_without_the_gauge_induced_one(groups, tmp_path, included):
    posterior = groups["posterior"] | {"m_nu_total": -groups["posterior"]["m_nu"]}
    resolved = RESOLVED.replace("rge = false", f"rge = {str(included).lower()}")
    made = write_run(tmp_path / "run", groups | {"posterior": posterior}, resolved=resolved)
    mass = results.summarise(open_run(made)).headline.mass
    sign = -1.0 if included else 1.0
    other = np.abs(posterior["m_nu_total"] + sign * posterior["m_nu_rge"])
    assert mass.included is included
    assert mass.other == pytest.approx(tuple(np.quantile(other, (0.05, 0.5, 0.95))))


def test_least_tuning_is_taken_where_the_moment_is_large(groups, summary):
    allowed = groups["target"]["allowed"] == 1
    mu, tuning = groups["posterior"]["mu_nu"], groups["posterior"]["tuning_bg"]
    large = allowed & (mu >= 0.5 * mu[allowed].max())
    assert summary.headline.tuning.least == tuning[large].min()


def test_tuning_that_the_elasticities_miss_is_that_of_the_terms(groups, tmp_path):
    """Where masses are sampled and couplings solved for, tuning_bg is 1/2 whatever cancels."""
    posterior = groups["posterior"] | {"tuning_cancel": 1e4 * groups["posterior"]["tuning_cancel"]}
    found = results.summarise(
        open_run(write_run(tmp_path / "run", groups | {"posterior": posterior}))
    )
    low, middle, high = np.quantile(posterior["tuning_cancel"], (0.05, 0.5, 0.95))
    assert found.headline.tuning.name == "tuning_cancel"
    assert found.headline.tuning.interval == pytest.approx((low, middle, high))
    assert tuning.chosen({"tuning_bg": 1.2e4, "tuning_cancel": 1.4e4}) == "tuning_bg"
    assert tuning.chosen({"tuning_bg": 0.0, "tuning_cancel": 5.0}) == "tuning_cancel"
    assert tuning.chosen({"tuning_bg": 0.0}) == tuning.chosen({}) == ""


@pytest.mark.parametrize(("end", "best"), [("above = 1e-4", np.max), ("below = 1e-6", np.min)])
def test_what_a_wish_asks_for_is_answered(groups, tmp_path, end, best):
    wish = 'requires = ["mu_nu"]\nabove = 1e-12'
    resolved = RESOLVED.replace(wish, f'requires = ["theta_sq"]\n{end}')
    found = results.summarise(open_run(write_run(tmp_path / "run", groups, resolved=resolved)))
    values = groups["posterior"]["theta_sq"]
    (wished,) = found.headline.wished
    assert wished.interval == pytest.approx(tuple(np.quantile(values, (0.05, 0.5, 0.95))))
    assert wished.extreme == best(values[groups["target"]["allowed"] == 1])
    assert "\ntheta_sq        " in screen.to_text(found)


def test_an_ablation_is_quoted_and_that_of_other_physics_is_not(groups, tmp_path):
    made = write_run(tmp_path / "run", groups)
    run = open_run(made)
    row = ablation.Without(
        ablation.DIRECT, ("xenonnt_2022",), (1e-13, 1e-12, 3e-12), 3.1e-11, 0.25, 1.01, 800
    )
    ablation.path(run).write_text(ablation.written(run, (row,)))
    found = results.summarise(run)
    assert found.headline.ablation == (row,)
    assert found.headline.moment.without == 3.1e-11
    assert found.headline.moment.exact
    assert "3.10e-11 mu_B without direct limits on mu_nu" in screen.to_text(found)
    tree = json.loads(ablation.path(run).read_text())
    ablation.path(run).write_text(json.dumps(tree | {"physics": "other"}))
    assert results.summarise(run).headline.ablation == ()
    ablation.path(run).write_text("{")
    with pytest.raises(InputError, match="is damaged: remove it"):
        results.summarise(run)


def test_a_run_of_the_prior_alone_has_answers_too(groups, tmp_path):
    ends = (RESOLVED.index(x) for x in ("[physics.constraints.", "[physics.chart]"))
    resolved = RESOLVED[: next(ends)] + RESOLVED[next(ends) :]
    target = {k: x for k, x in groups["target"].items() if k != "prefer_mu_nu"}
    left = {k: x for k, x in groups.items() if k != "log_likelihood"} | {"target": target}
    found = results.summarise(open_run(write_run(tmp_path / "run", left, resolved=resolved)))
    assert found.headline.matter == found.headline.pulls == found.headline.moment.held == ()
    text = " ".join(screen.to_text(found).split())
    assert "no limit or prior bound is near" in text
    assert "prior only" in text


def test_numbers_read_as_one_writes_them():
    assert [number(x) for x in (0.0, -0.0, 0.0497, 1505.2, 31234.0, 6.2893e-12, -2e-5)] == [
        "0", "0", "0.0497", "1510", "3.12e4", "6.29e-12", "-2.00e-5"
    ]  # fmt: skip
    assert number(math.nan) == "nan"
    # A W mass, a rho parameter, and what is one number to seven digits.
    assert between((80.3521, 80.3562, 80.3613)) == "80.3562 (80.3521 to 80.3613)"
    assert between((0.999982, 1.0, 1.000214)) == "1 (0.999982 to 1.00021)"
    assert between((125.13, 125.13, 125.13 + 1e-9)) == "125.13 (125.13 to 125.13)"
    assert between((0.0418, 0.05, 0.0583)) == "0.05 (0.0418 to 0.0583)"
    assert [share(x) for x in (0.0, 4e-4, 0.012, 0.32, 1.0)] == [
        "0%", "<0.1%", "1.2%", "32%", "100%"
    ]  # fmt: skip


def test_means_are_left_out_where_a_quantity_spans_decades(summary):
    lines = columns.table([r for r in summary.observables if r.name in ("mu_nu", "m_nu")], 200)
    header, m_nu, mu_nu = (line.split() for line in lines.splitlines())
    assert "mean" in header
    assert len(m_nu) == len(header) - 1  # "tail ESS" is two words
    assert len(mu_nu) < len(m_nu)
