"""Run directories read back: numbers against arviz and NumPy, verdicts, error texts."""

import json

import h5py
import numpy as np
import pytest
from arviz_stats.base import array_stats
from scipy.stats import circmean

from helpers import synthetic_run
from helpers.synthetic_run import RESOLVED, draw_groups, write_run
from nmmjax.errors import InputError
from nmmjax.results import summary as results
from nmmjax.results import text as report
from nmmjax.results import tree, trust
from nmmjax.results.rundir import open_run
from nmmjax.samplers.store.store import Store


@pytest.fixture(scope="module")
def groups():
    return draw_groups()


@pytest.fixture(scope="module")
def directory(groups, tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "good", groups)


@pytest.fixture(scope="module")
def summary(directory):
    return results.summarise(open_run(directory))


def summary_of(path, resolved=RESOLVED, **options):
    """Summary of a run directory written with these draws."""
    committed = options.pop("committed", None)
    ensembles = options.pop("ensembles", 4)
    groups = draw_groups(**options)
    write_run(path, groups, ensembles, committed, resolved)
    return results.summarise(open_run(path))


def rows_of(summary):
    return {row.name: row for row in (*summary.parameters, *summary.observables)}


def test_the_file_may_be_open_in_arviz(directory):
    chains = tree(directory)
    assert open_run(directory).committed == chains["posterior"].sizes["draw"]


def test_table_agrees_with_arviz_on_the_same_file(directory, summary):
    chains = tree(directory)
    for name, row in rows_of(summary).items():
        draws = chains["posterior"][name].to_numpy()
        axes = {"chain_axis": 0, "draw_axis": 1}
        if row.angle:
            mean = circmean(draws, high=np.pi, low=-np.pi)
            assert row.mean == pytest.approx(mean, rel=1e-12)
            continue
        assert row.mean == pytest.approx(draws.mean(), rel=1e-12)
        assert row.sd == pytest.approx(draws.std(ddof=1), rel=1e-12)
        expected = np.quantile(draws, [0.05, 0.5, 0.95])
        np.testing.assert_allclose([row.q05, row.q50, row.q95], expected, rtol=1e-12)
        bulk = array_stats.ess(draws, method="bulk", **axes)
        tail = array_stats.ess(draws, method="tail", prob=(0.05, 0.95), **axes)
        assert row.ess_bulk == pytest.approx(float(bulk), rel=1e-6)
        assert row.ess_tail == pytest.approx(float(tail), rel=1e-6)
        mcse = array_stats.mcse(draws, method="mean", **axes)
        assert row.mcse_mean == pytest.approx(float(mcse), rel=1e-6)


def test_rhat_takes_the_ensemble_as_chain(directory, summary):
    draws = tree(directory)["posterior"]["m_psi"].to_numpy()
    merged = draws.reshape(4, 8, -1).transpose(0, 2, 1).reshape(4, -1)  # time-major
    expected = float(array_stats.rhat(merged, method="rank", chain_axis=0, draw_axis=1))
    assert rows_of(summary)["m_psi"].rhat == pytest.approx(expected, rel=1e-6)


def test_each_quantity_is_listed_once(summary):
    assert [row.name for row in summary.parameters] == ["y_psi", "m_psi", "lambda_hs", "phase"]
    assert [row.name for row in summary.observables][:2] == ["m_nu", "mu_nu"]
    assert summary.same == {"mu_eff_solar": "mu_nu", "m_triplet": "m_psi"}
    assert summary.constant == {"lambda_s": 0.1, "rho0": 1.0}


def test_best_and_largest_are_the_extreme_draws(groups, summary):
    lp, mu_nu = groups["sample_stats"]["lp"], groups["posterior"]["mu_nu"]
    allowed = groups["target"]["allowed"] == 1
    at = np.unravel_index(np.argmax(lp), lp.shape)
    assert (summary.best.chain, summary.best.draw) == at
    assert summary.best.log_density == lp[at]
    assert summary.best.values["m_psi"] == groups["posterior"]["m_psi"][at]
    assert set(summary.best.terms) == {
        "log_prior", "xenonnt_2022", "m_nu_target", "prefer_mu_nu"
    }  # fmt: skip
    assert summary.largest.values["mu_nu"] == mu_nu[allowed].max() < mu_nu.max()
    assert summary.allowed_fraction == pytest.approx(allowed.mean())


def test_draws_beyond_the_committed_ones_do_not_count(groups, tmp_path):
    path = write_run(tmp_path / "run", groups, committed=400)
    found = results.summarise(open_run(path))
    assert found.draws == 400
    assert rows_of(found)["m_nu"].mean == pytest.approx(
        groups["posterior"]["m_nu"][:, :400].mean(), rel=1e-12
    )


def test_notes_say_what_a_reader_must_know(summary):
    wish, rge, triplet = summary.notes
    assert wish == (
        "the target contains the wish mu_nu above 1e-12 mu_B: the posterior is "
        "not a pure likelihood posterior."
    )
    assert rge.startswith("the gauge-induced (RGE) mass of these points is ~23")
    assert rge.endswith("left out of m_nu with rge = false.")
    assert triplet.startswith("constraint theta_sq_triplet is indicative")


def test_a_note_says_what_the_cancellation_of_the_running_mass_costs(tmp_path):
    found = summary_of(tmp_path / "run", RESOLVED.replace("rge = false", "rge = true"))
    (note,) = (note for note in found.notes if "RGE" in note)
    assert "part of m_nu: other terms cancel it" in note
    median = rows_of(found)["tuning_cancel"].q50
    assert f"together are {median:.3g} times as large as their sum" in note


def test_a_short_running_is_told(tmp_path):
    groups = draw_groups(draws=50)
    groups["posterior"]["rge_log"] = np.full((32, 50), 1.5)
    groups["posterior"]["rge_log"][:8] = 0.2
    write_run(tmp_path / "run", groups)
    notes = results.summarise(open_run(tmp_path / "run")).notes
    assert any(note.startswith("25.00% of the draws have rge_log < 1") for note in notes)


def test_nothing_undefined_is_hidden(tmp_path):
    groups = draw_groups(draws=50)
    groups["posterior"]["tuning_cancel"][3, 7] = np.inf
    groups["posterior"]["theta_sq"][0, 0] = np.nan
    groups["sample_stats"]["n_nan"][0, 0] = 5
    groups["target"]["allowed"][:] = 0
    write_run(tmp_path / "run", groups)
    found = results.summarise(open_run(tmp_path / "run"))
    assert found.undefined == {"tuning_cancel": 1, "theta_sq": 1}
    assert found.proposals == {"n_nonfinite": 32 * 50 * 2, "n_nan": 5}
    assert found.largest is None
    notes = "\n".join(found.notes)
    assert "tuning_cancel is not a finite number at 1 of 1600 draws" in notes
    assert "undefined at 5 proposals" in notes
    assert "no stored draw is inside every limit" in notes
    text = json.dumps(report.to_json(found), allow_nan=False)
    rows = {row["name"]: row for row in json.loads(text)["observables"]}
    assert rows["theta_sq"]["mean"] is None
    assert "nan" in report.to_text(found)


def test_json_carries_the_numbers(summary):
    tree = json.loads(json.dumps(report.to_json(summary), allow_nan=False))
    rows = {row["name"]: row for row in tree["parameters"]}
    assert rows["m_psi"]["mean"] == rows_of(summary)["m_psi"].mean
    assert tree["largest"]["values"]["mu_nu"] == summary.largest.values["mu_nu"]
    assert tree["units"]["mu_nu"] == "mu_B"
    assert tree["converged"] is True


def test_text_is_a_report_of_at_most_100_columns(summary):
    text = report.to_text(summary)
    assert text.endswith("\n")
    assert max(map(len, text.splitlines())) <= 100
    assert text.startswith("toy: 32 chains in 4 ensembles x 500 draws, engine ensemble, seed 7\n")
    assert "Equal at every draw: mu_eff_solar = mu_nu, m_triplet = m_psi" in text
    assert "Largest allowed moment: m_nu = " in text
    assert text.split("\n\n")[-1].startswith("Verdict: converged: ")
    table = text.split("Sampled parameters\n")[1].split("\n\n")[0].splitlines()
    ends = {line.rindex("1.0") for line in table[1:]}  # R-hat
    assert len(ends) == 1


def test_array_valued_observables_are_listed_entry_by_entry(tmp_path):
    groups = draw_groups(draws=50)
    groups["posterior"]["rho0"] = np.random.default_rng(1).normal(size=(32, 50, 2))
    write_run(tmp_path / "run", groups)
    found = results.summarise(open_run(tmp_path / "run"))
    assert {"rho0[0]", "rho0[1]"} <= rows_of(found).keys()
    assert found.best.values["rho0[1]"] == pytest.approx(
        groups["posterior"]["rho0"][found.best.chain, found.best.draw, 1]
    )


def test_what_the_store_writes_is_read_alike(groups, summary, tmp_path):
    about = {
        f"/posterior/{name}": {"role": role, "units": units, "latex": latex, "long_name": name}
        for name, (role, units, latex) in synthetic_run.ABOUT.items()
    }
    with Store.create(tmp_path / "run", np.repeat(np.arange(4), 8), about) as store:
        store.write_text("resolved.toml", RESOLVED)
        with pytest.raises(InputError, match="holds no draws yet"):
            results.summarise(open_run(tmp_path / "run"))
        for start in (0, 250):
            block = {
                group: {name: x[:, start : start + 250] for name, x in variables.items()}
                for group, variables in groups.items()
            }
            store.append(block, start)
        found = results.summarise(open_run(tmp_path / "run"))
    expected = report.to_json(summary) | {"directory": str(tmp_path / "run")}
    assert report.to_json(found) == expected


def missing(path):
    return path / "nowhere"


def plain_file(path):
    (path / "chains.h5").write_text("")
    return path / "chains.h5"


def foreign_directory(path):
    return path


def no_chains(path):
    (path / "resolved.toml").write_text(RESOLVED)
    return path


def bad_toml(path):
    (path / "resolved.toml").write_text("physics = ")
    return path


def foreign_toml(path):
    (path / "resolved.toml").write_text("[physics]")
    return path


def truncated(path):
    write_run(path, draw_groups(draws=50))
    content = (path / "chains.h5").read_bytes()
    (path / "chains.h5").write_bytes(content[: len(content) // 2])
    return path


def foreign_hdf5(path):
    (path / "resolved.toml").write_text(RESOLVED)
    with h5py.File(path / "chains.h5", "w") as file:
        file["posterior/x"] = np.zeros((4, 10))
    return path


def no_draws(path):
    return write_run(path, draw_groups(draws=50), committed=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (missing, "there is no run directory"),
        (plain_file, "is a file; give the run directory that holds it"),
        (foreign_directory, "is not a run directory"),
        (no_chains, "holds no chains.h5: .*run the same command again"),
        (bad_toml, "cannot read .*resolved.toml"),
        (foreign_toml, "has no section 'sampling'|has no section 'stop'"),
        (truncated, "chains.h5' cannot be read, it is damaged or not HDF5"),
        (foreign_hdf5, "was not written by nmmjax"),
        (no_draws, "holds no draws yet"),
    ],
)
def test_errors_say_what_is_wrong_in_one_line(make, message, tmp_path):
    with pytest.raises(InputError, match=message) as caught:
        results.summarise(open_run(make(tmp_path)))
    assert "\n" not in str(caught.value)


def test_a_variable_that_is_not_there(directory):
    with pytest.raises(InputError, match="has no 'm_nuu'; did you mean 'm_nu'"):
        open_run(directory).read("m_nuu")


def thin(monkeypatch, draws):
    monkeypatch.setattr(results, "_MOST_OF_PARAMETER", draws)
    monkeypatch.setattr(results, "_MOST_OF_OBSERVABLE", draws)
    monkeypatch.setattr(results, "_MOST_RANKED", draws)
    monkeypatch.setattr(trust, "MOST", draws)


def test_few_takes_equally_many_chains_of_each_ensemble(tmp_path):
    run = open_run(write_run(tmp_path / "run", draw_groups(512, 50)))
    few = run.few(100 * 50)
    assert few.tolist() == [e * 128 + i for e in range(4) for i in range(25)]
    np.testing.assert_array_equal(run.read("m_psi", chains=few), run.read("m_psi")[few])
    assert len(run.few(1)) == 64  # never fewer
    assert len(run.few(10**9)) == 512
    many = open_run(write_run(tmp_path / "many", draw_groups(512, 50), ensembles=512))
    assert many.few(1).tolist() == list(range(0, 512, 8))


@pytest.mark.slow
def test_diagnostics_of_some_chains_are_those_of_all(tmp_path, monkeypatch):
    run = open_run(write_run(tmp_path / "run", draw_groups(1024, 200, memory=0.6)))
    full = results.summarise(run)
    thin(monkeypatch, 128 * 200)
    few = results.summarise(run)
    tables = ((*s.parameters, *s.observables) for s in (full, few))
    for a, b in zip(*tables, strict=True):
        assert (a.name, a.mean, a.sd, a.q05, a.q50, a.q95) == (
            b.name, b.mean, b.sd, b.q05, b.q50, b.q95
        )  # fmt: skip
        assert b.rhat == pytest.approx(a.rhat, abs=5e-3)
        for figure in ("ess_bulk", "ess_tail", "mcse_mean"):
            assert getattr(b, figure) == pytest.approx(getattr(a, figure), rel=0.15), figure
    assert few.worst["mean_series_ess"].value == pytest.approx(
        full.worst["mean_series_ess"].value, rel=0.15
    )
    assert few.converged == full.converged
    assert few.same == full.same
    assert few.best == full.best


def test_constraints_are_ranked_by_what_they_exclude(tmp_path):
    groups = draw_groups()
    x = np.random.default_rng(3).normal(size=(32, 500)) / np.sqrt(1.25)
    groups["log_likelihood"] = {
        "wide": -0.5 * (x / 2.0) ** 2,  # of a prior N(0, 1): excludes 1 - 2/sqrt(5)
        "idle": np.full((32, 500), -1e-9),
        "narrow": groups["log_likelihood"]["m_nu_target"],  # of a flat prior: nobody can tell
    }
    found = results.summarise(open_run(write_run(tmp_path / "run", groups)))
    narrow, wide, idle = found.ranking
    assert wide.excluded == pytest.approx(1.0 - 2.0 / np.sqrt(5.0), abs=0.01)
    assert wide.reliable
    assert (narrow.name, narrow.reliable) == ("narrow", False)
    assert (idle.name, idle.active) == ("idle", False)
    lines = report.to_text(found).splitlines()
    (line,) = (line for line in lines if line.startswith("  wide"))
    assert line.split()[1] == f"{wide.excluded:.1%}"
    (line,) = (line for line in lines if line.startswith("  narrow"))
    assert "unreliable: nmmjax ablate" in line
    assert "  Never active: idle" in lines


def test_what_cannot_be_ranked_is_said(tmp_path):
    groups = draw_groups()
    groups["log_likelihood"]["m_nu_target"][0, 0] = np.nan
    found = results.summarise(open_run(write_run(tmp_path / "run", groups)))
    assert [row.name for row in found.ranking] == ["xenonnt_2022"]
    assert "ln L of constraint m_nu_target is not finite at some draw: not ranked." in found.notes
    assert summary_of(tmp_path / "short", chains=8, draws=10).ranking == ()


def test_no_evidence_no_words(summary):
    assert summary.evidence is None
    assert "ln Z" not in report.to_text(summary)
