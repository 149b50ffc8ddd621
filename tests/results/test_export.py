"""Exported draws, read back by the tools that they are for, against what was written."""

import warnings

import numpy as np
import pytest
from scipy.special import logsumexp

from helpers import sharded
from helpers.synthetic_run import draw_groups, write_run
from nmmjax import results
from nmmjax.cli import run_command
from nmmjax.errors import InputError
from nmmjax.results.export import FORMATS, export, weighted
from nmmjax.results.shards import open_run

CHAINS, DRAWS, ENSEMBLES = 8, 20, 2
GROUPS = draw_groups(CHAINS, DRAWS, seed=3)
SAMPLED = ["y_psi", "m_psi", "lambda_hs", "phase"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return open_run(write_run(tmp_path_factory.mktemp("one") / "toy", GROUPS, ENSEMBLES))


def told(name, by):
    """The draws of a quantity in the order of rows."""
    values = GROUPS["posterior"][name]
    if by == "chain":
        return values.reshape(-1)
    return values.reshape(ENSEMBLES, CHAINS // ENSEMBLES, DRAWS).swapaxes(1, 2).reshape(-1)


@pytest.mark.parametrize("by", ["chain", "ensemble"])
def test_arviz(by, run, tmp_path):
    import arviz

    (path,) = export(run, "netcdf", tmp_path / "a", by)
    found = arviz.from_netcdf(path)["posterior"]
    assert found.sizes["chain"] == {"chain": CHAINS, "ensemble": ENSEMBLES}[by]
    for name in ("m_psi", "mu_nu"):
        np.testing.assert_array_equal(found[name].values.reshape(-1), told(name, by))
    assert found["m_psi"].attrs["units"] == "GeV"
    direct = results.tree(run.directory, by=by)["posterior"]
    np.testing.assert_array_equal(direct["m_psi"].values, found["m_psi"].values)


def test_one_chain_per_ensemble_has_the_r_hat_of_ensembles(run):
    """arviz's R-hat of the tree is that which the summary prints for ensembles."""
    import arviz

    from nmmjax.results import verdict

    tree = results.tree(run.directory, by="ensemble")
    found = float(arviz.rhat(tree, var_names=["m_psi"])["m_psi"])
    assert found == pytest.approx(verdict.rhat_of(run.read("m_psi"), run, np.arange(CHAINS)), 0.05)


def test_getdist(run, tmp_path):
    from getdist import loadMCSamples

    export(run, "getdist", tmp_path / "a")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = loadMCSamples(str(tmp_path / "a"), settings={"ignore_rows": 0})
    names = found.getParamNames()
    assert [p.name for p in names.names if not p.isDerived] == SAMPLED
    assert names.parWithName("m_psi").label == r"m_\Psi"
    column = found.samples[:, names.numberOfName("mu_nu")]
    np.testing.assert_allclose(column, told("mu_nu", "ensemble"), rtol=1e-12)
    np.testing.assert_allclose(found.mean("m_psi"), GROUPS["posterior"]["m_psi"].mean(), rtol=1e-12)
    assert found.chain_offsets.tolist() == [0, 80, 160]  # an ensemble is a chain


@pytest.mark.parametrize("by", ["chain", "ensemble"])
def test_emcee(by, run, tmp_path):
    from emcee.backends import HDFBackend

    (path,) = export(run, "emcee", tmp_path / "a", by)
    chains = slice(0, CHAINS) if by == "chain" else slice(4, 8)
    name = "mcmc" if by == "chain" else "ensemble_1"
    backend = HDFBackend(str(path), name=name, read_only=True)
    wanted = np.stack([GROUPS["posterior"][n][chains].T for n in SAMPLED], axis=-1)
    np.testing.assert_array_equal(backend.get_chain(), wanted)
    np.testing.assert_array_equal(backend.get_log_prob(), GROUPS["sample_stats"]["lp"][chains].T)
    np.testing.assert_array_equal(
        backend.get_blobs()["mu_nu"], GROUPS["posterior"]["mu_nu"][chains].T
    )
    assert backend.iteration == DRAWS
    assert backend.get_autocorr_time(quiet=True).shape == (4,)


@pytest.mark.parametrize("by", ["chain", "ensemble"])
@pytest.mark.parametrize("to", ["parquet", "csv"])
def test_pandas(to, by, run, tmp_path):
    import pandas

    (path,) = export(run, to, tmp_path / "a", by)
    frame = (pandas.read_parquet if to == "parquet" else pandas.read_csv)(path)
    assert list(frame.columns[:4]) == ["chain", "ensemble", "draw", "lp"]
    np.testing.assert_allclose(frame["mu_nu"], told("mu_nu", by), rtol=1e-15)
    assert frame.groupby("ensemble").size().tolist() == [80, 80]
    if by == "ensemble":
        assert frame["draw"].tolist()[:5] == [0, 0, 0, 0, 1]


def test_anesthetic(run, tmp_path):
    import anesthetic

    (path,) = export(run, "anesthetic", tmp_path / "a")
    found = anesthetic.read_chains(str(path))
    assert isinstance(found, anesthetic.MCMCSamples)
    np.testing.assert_allclose(found["mu_nu"].to_numpy(), told("mu_nu", "chain"), rtol=1e-12)
    np.testing.assert_allclose(found["m_psi"].mean(), GROUPS["posterior"]["m_psi"].mean())


def perfect(rng, live, offset):
    """A perfect nested run on ln L = -r^2/2/0.01 in 2 dimensions, prior the unit disc: one shard.

    The volume inside r is r^2, so that births and deaths can be drawn exactly.
    """
    volume = rng.uniform(size=live)
    birth = np.full(live, -np.inf)
    rows = []
    for _ in range(12 * live):
        worst = int(np.argmax(volume))
        rows.append((volume[worst], birth[worst]))
        birth[worst] = -volume[worst] / 0.02
        volume[worst] *= rng.uniform()
    order = np.argsort(-volume)
    rows += list(zip(volume[order], birth[order], strict=True))
    volume, birth = np.array(rows).T
    log_l = -volume / 0.02
    alive = np.concatenate([np.full(12 * live, live), np.arange(live, 0, -1)])
    log_x = np.cumsum(-1.0 / alive)
    before = np.concatenate([[0.0], log_x[:-1]])
    log_w = log_l + before + np.log(-np.expm1(log_x - before))
    points = {
        "repeat": np.full(len(rows), offset),
        "m_psi": volume,
        "log_likelihood": log_l,
        "log_likelihood_birth": birth,
        "log_weight": log_w - logsumexp(log_w),
    }
    return points, float(logsumexp(log_w))


@pytest.fixture(scope="module")
def nested(tmp_path_factory):
    """Two shards of two repeats with known points, as the engine `nested` writes them."""
    directory, rng = tmp_path_factory.mktemp("nested") / "toy", np.random.default_rng(5)
    for number in range(2):
        runs = [perfect(rng, 100, e) for e in range(2)]
        points = {k: np.concatenate([r[0][k] for r in runs]) for k in runs[0][0]}
        rows = {"log_z": np.array([r[1] for r in runs]), "log_z_within": np.full(2, 0.15)}
        tables = {"evidence": rows | {"log_share": np.zeros(2)}, "points": points}
        sharded.write_shard(directory, number, of=2, tables=tables)
    return open_run(directory)


def test_weights_of_points(nested):
    """ln Z = ln 0.02 (1 - e^-50) and <V> = 0.02: the means of the weighted points."""
    found = weighted(nested)
    assert found["weight"].sum() == pytest.approx(1.0)
    assert set(found["repeat"]) == {0, 1, 2, 3}
    mean = np.sum(found["weight"] * found["m_psi"])
    error = 0.02 / np.sqrt(1.0 / np.sum(found["weight"] ** 2))
    assert abs(mean - 0.02) < 4.0 * error
    assert abs(mean - found["m_psi"].mean()) > 4.0 * error  # equal weights would be noticed


def test_anesthetic_takes_dead_and_birth_points(nested, tmp_path):
    """Its own number of live points, volumes and ln Z, against the integral."""
    import anesthetic

    (path,) = export(nested, "anesthetic", tmp_path / "a")
    found = anesthetic.read_chains(str(path))
    assert isinstance(found, anesthetic.NestedSamples)
    assert found.nlive.iloc[0] == 400  # four repeats of 100
    np.random.seed(0)  # noqa: NPY002  anesthetic draws from the global state
    log_z = found.logZ(200)
    assert abs(float(log_z.mean()) - np.log(0.02)) < 4.0 * float(log_z.std())
    assert 0.03 < float(log_z.std()) < 0.2  # sqrt(H / n) = sqrt(2.9 / 400) = 0.085


@pytest.mark.parametrize("to", ["getdist", "parquet", "csv"])
def test_weights_are_kept(to, nested, tmp_path):
    import pandas
    from getdist import loadMCSamples

    export(nested, to, tmp_path / "a")
    wanted = np.sum(weighted(nested)["weight"] * weighted(nested)["m_psi"])
    if to == "getdist":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = loadMCSamples(str(tmp_path / "a"), settings={"ignore_rows": 0})
        assert found.mean("m_psi") == pytest.approx(wanted)
        return
    read = pandas.read_parquet if to == "parquet" else pandas.read_csv
    frame = read(tmp_path / f"a.{to}")
    assert np.sum(frame["weight"] * frame["m_psi"]) == pytest.approx(wanted)


def test_refusals(run, tmp_path, capsys, monkeypatch):
    for to in FORMATS:
        export(run, to, tmp_path / to / "a")
        with pytest.raises(InputError, match="exists already"):
            export(run, to, tmp_path / to / "a")
    assert run_command(["export", str(run.directory), "--to", "csvv"]) == 2
    assert "did you mean 'csv'" in capsys.readouterr().err
    assert run_command(["export", str(run.directory), "--to", "csv", "--by", "walker"]) == 2
    monkeypatch.setitem(__import__("sys").modules, "anesthetic", None)
    with pytest.raises(InputError, match=r"pip install 'nmmjax\[export\]'"):
        export(run, "anesthetic", tmp_path / "b")
    with pytest.raises(InputError, match="unknown"):
        results.tree(run.directory, by="walker")
