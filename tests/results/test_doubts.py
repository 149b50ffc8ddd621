"""Whatever an engine doubts, its run is not certified: every doubt of every engine, raised."""

import h5py
import numpy as np
import pytest

from helpers.synthetic_run import RESOLVED, draw_groups, write_run
from nmmjax.cli.engines import engine_names, find_engine
from nmmjax.results import tables, trust, verdict
from nmmjax.results.rundir import open_run

OPTIONS = {"frontier": {"x": "a", "x_range": (1.0, 2.0), "y": "b", "y_range": (1.0, 2.0)}}
ENGINES = {name: find_engine(name)(**OPTIONS.get(name, {})) for name in engine_names()}
DOUBTS = [(name, doubt) for name, engine in ENGINES.items() for doubt in engine.doubts]
SOUND = {"p_value": 0.5, "pareto_k": 0.3, "flag": 0.0, "share": 0.0}
RAISED = {"p_value": 1e-9, "pareto_k": 0.9, "flag": 1.0, "share": 7.0}
BESIDE = {"log_z": [-9.5, -9.6, -9.4, -9.5], "log_z_error": [0.1] * 4, "ess": [900.0] * 4}


@pytest.fixture(scope="module")
def groups():
    return draw_groups(chains=4, draws=1500, memory=0.0)


def figures(engine, raised):
    """Sound values of every figure that an engine declares, that of `raised` beyond its limit."""
    found = {}
    for doubt in engine.doubts:
        if isinstance(doubt.of, str):
            found.setdefault(doubt.of, 1000.0)
        for other in (doubt.less, doubt.unless):
            if other:
                found.setdefault(other, 0.0)
        value = RAISED if doubt == raised else SOUND
        if doubt.kind != "energy":
            found[doubt.figure] = value[doubt.kind]
    return found


def written(path, groups, engine, raised):
    """A run directory whose draws are sound, with what the engine's doubts stand on."""
    found = figures(engine, raised)
    shape = groups["sample_stats"]["lp"].shape
    stats = dict(groups["sample_stats"])
    for name, value in found.items():
        if name.startswith("sample_stats/"):
            stats[name.partition("/")[2]] = np.full(shape, value)
    if raised is not None and raised.kind == "energy":
        stats["energy"] = np.cumsum(np.random.default_rng(3).normal(size=shape), axis=1)
    elif any(doubt.kind == "energy" for doubt in engine.doubts):
        stats["energy"] = np.random.default_rng(3).normal(size=shape)
    resolved = RESOLVED.replace("draws = 500", "draws = 1500")
    write_run(path, {**groups, "sample_stats": stats}, 4, None, resolved, engine.doubts)
    with h5py.File(path / "chains.h5", "r+") as file:
        if any(name.startswith("evidence/") for name in found):
            for name, values in BESIDE.items():
                file[f"evidence/{name}"] = np.array(values)
        for name, value in found.items():
            if not name.startswith(("sample_stats/", "progress/")):
                file[name] = np.full(4, value)
    return open_run(path)


@pytest.mark.parametrize("name", [n for n in ENGINES if n not in ("search", "frontier")])
def test_sound_figures_are_certified(name, groups, tmp_path):
    converged, words = verdict.of(written(tmp_path / "run", groups, ENGINES[name], None))
    assert converged, words


@pytest.mark.parametrize(
    ("name", "doubt"),
    [pytest.param(n, d, id=f"{n} {d.figure}") for n, d in DOUBTS if n != "frontier"],
)
def test_every_doubt_refuses_the_verdict_in_its_words(name, doubt, groups, tmp_path):
    run = written(tmp_path / "run", groups, ENGINES[name], doubt)
    converged, words = verdict.of(run)
    assert not converged
    assert words.startswith(f"not converged: {doubt.words} (")
    assert trust.doubts(run)[1:] == ()


def test_engines_that_can_fail_say_how():
    """Walkers have only what is judged of all: undefined densities, and their draws themselves."""
    without = {name for name, engine in ENGINES.items() if not engine.doubts}
    assert without == {"search", "ensemble", "emcee_"}


def test_another_ln_z_from_useless_weights_is_no_doubt(groups, tmp_path):
    nested = ENGINES["nested"]
    (check,) = (doubt for doubt in nested.doubts if doubt.unless)
    run = written(tmp_path / "run", groups, nested, check)
    with h5py.File(run.directory / "chains.h5", "r+") as file:
        file[check.unless][...] = 0.9
    assert verdict.of(open_run(run.directory))[0]


def mapped(path, rounds, finished, still_changing=0):
    """The directory of a frontier of two cells, one without an allowed point."""
    groups = draw_groups(chains=4, draws=20)
    engine = ENGINES["frontier"]
    asked = """[sampling.engine]
name = "frontier"
x = "m_psi"
x_scale = "log"
y = "y_psi"
y_scale = "log"
kind = "largest"
scale = "log"
objective = "mu_nu"
"""
    resolved = RESOLVED.replace('[sampling.engine]\nname = "ensemble"\n', asked)
    write_run(path, groups, 4, 0, resolved, engine.doubts)
    table = {
        "value": [[1e-12, np.nan]], "feasible": [[1, 0]], "tuning_bg": [[3.0, 4.0]],
        "x_edges": [1.0, 2.0, 3.0], "y_edges": [1.0, 2.0],
    }  # fmt: skip
    state = {"rounds": rounds, "rounds_asked": 20, "finished": finished}
    state["still_changing"] = still_changing
    with h5py.File(path / "chains.h5", "r+") as file:
        for group, columns in {"frontier": table, "progress": state}.items():
            for name, values in columns.items():
                file[f"{group}/{name}"] = np.array(values)
    return open_run(path)


@pytest.mark.parametrize(
    ("state", "sound", "words"),
    [
        ((3, 0), False, "not finished: 3 of 20 rounds are done"),
        ((20, 1, 1), False, "finished, with doubts: the map still improved"),
        ((7, 1), True, "finished after 7 of 20 rounds"),
    ],
)
def test_a_map_says_how_far_it_has_got(state, sound, words, tmp_path):
    from nmmjax.figures.frontier import frontier_figure

    run = mapped(tmp_path / "run", *state)
    finished, said = tables.verdict(run)
    assert finished is sound
    assert words in said
    assert words in " ".join(tables.to_text(run).split())
    assert tables.to_json(run)["finished"] is sound
    figure = frontier_figure(run)
    title = figure.get_suptitle()
    (label,) = (text.get_text() for text in figure.legends[0].get_texts())
    if state[1] == 0:
        assert "3 of 20 rounds: not finished" in title
        assert label == "no allowed point found so far"
    else:
        assert (title, label) == ("", "no allowed point found")
