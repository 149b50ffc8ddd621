"""The verdict on a growing run: the same as on the whole of it, at less cost."""

import numpy as np
import pytest

from helpers import synthetic_run
from helpers.synthetic_run import RESOLVED, draw_groups, write_run
from nmmjax.results import until, verdict
from nmmjax.results.rundir import open_run

DRAWS = 400
CUTS = (60, 100, 400)


def grown(tmp_path, spoil):
    """Yield the run after more and more draws; `spoil` changes all of them first."""
    groups = draw_groups(128, DRAWS)
    spoil(groups, np.random.default_rng(5))
    for n in CUTS:
        part = {g: {k: x[:, :n] for k, x in found.items()} for g, found in groups.items()}
        resolved = RESOLVED.replace("draws = 500", f"draws = {DRAWS}")
        yield open_run(write_run(tmp_path / f"run{n}", part, resolved=resolved))


def nothing(groups, rng):
    del groups, rng


def slow_in_common(groups, rng):
    """Walkers of an ensemble have a slow series in common, in one parameter."""
    slow = np.repeat(synthetic_run.ar1(rng, 4, DRAWS, 0.8), 32, axis=0)
    own = rng.normal(size=(128, DRAWS))
    groups["posterior"]["y_psi"] = np.exp(np.sqrt(0.95) * own + np.sqrt(0.05) * slow)


def drifting(groups, rng):
    groups["posterior"]["lambda_hs"] = rng.normal(size=(128, DRAWS)) + np.linspace(0, 2, DRAWS)


@pytest.mark.slow
@pytest.mark.parametrize("spoil", [nothing, slow_in_common, drifting])
def test_a_judge_says_what_the_verdict_says(tmp_path, spoil):
    judge = until.Judge()
    answers = []
    for run in grown(tmp_path, spoil):
        whole, words = verdict.of(run)
        converged, said = judge(run)
        assert converged == whole
        assert said in ("", words)
        assert said or not converged
        answers.append((converged, said))
    assert answers[-1][0] == (spoil is not drifting)
    quick = [said == "" for _, said in answers]  # one quantity alone spoke against the draws
    assert any(quick) == (spoil is not nothing)
