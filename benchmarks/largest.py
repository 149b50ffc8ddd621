"""Largest mu_nu that a run file's constraints allow, and what holds it back.

For every run file (or those named) the moment is maximised under the quoted limit of every
constraint and inside priors and domain, without the wishes, by differential evolution in the
chart: once with the constraints of the file, and once "before", without those on the weak currents
of mixed leptons, universality, flavour (of `bridge_majorana`), W_R and S, T of two doublets, but
with the limit on mixing from memory that stood in their place; both also with the direct limits on
the moment left aside. A lower bound on the maximum, good to some per cent.
"""

import json
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from nmmjax.reproduce.evolution import evolve
from nmmjax.runfile.build import build_posterior, read
from nmmjax.target.posterior import Posterior

from ._cases import RUNS

_FLAVOUR = ("mu_e_conv_Au", "mu_3e_sindrum", "tau_3mu", "tau_3e", "mu_e_gamma_meg2_2025")
_CURRENTS = ("gamma_z_ee", "gamma_z_mumu", "gamma_z_tautau", "m_W", "ckm_unitarity")
_OTHERS = ("tau_universality", "pion_universality", "oblique_ST_U0", "w_r_mixing", "w_r_mass")
_LATER = {name: {*_CURRENTS, *_OTHERS} for name in ("weak_triplet3", "zee", "dark_dipole")}
_LATER |= {name: {*_CURRENTS} for name in ("inert_doublet", "colored_triplet")}
_MIXED: tuple[str, ...] = (
    "quickstart",
    "weak_triplet3",
    "inert_doublet",
    "colored_triplet",
    "bridge",
)
_BEFORE: dict[str, tuple[str, ...]] = dict.fromkeys(_MIXED, ("theta_sq_triplet",))
_BEFORE |= {"bridge_majorana": ("nonunitarity_eta_emu",)}
_DIRECT = {"xenonnt_2022", "gemma_2012", "borexino_2017", "sn1987a_dirac", "neff_dirac"}
_POINTS, _STEPS, _STARTS = 512, 400, 16
_ACTIVE = -0.05  # excess over a limit above which it counts as holding the maximum back


def run(*names: str) -> Iterator[tuple[str, float, str]]:
    """Yield (run file: what holds the maximum back, largest mu_nu, "mu_B")."""
    for path in sorted(RUNS.glob("*.toml")):
        if (names and path.stem not in names) or path.stem == "frontier":
            continue
        file, _ = read(path)
        theirs = list(file.target.constraints)
        extra = [n for n in _BEFORE.get(path.stem, ()) if n not in theirs]
        later = _LATER.get(path.stem, {*_CURRENTS, *_OTHERS, *_FLAVOUR})
        old = [*(n for n in theirs if n not in later), *extra]
        for words, chosen in (("before", old), ("now", theirs)):
            asked = [f"target.constraints={json.dumps(chosen)}", "target.prefer={}"]
            merit = _compiled(build_posterior(read(path, asked)[0], str(path)))
            for aside in (set(), _DIRECT):
                best, held = _largest(*merit, {*chosen} - aside)
                note = " (direct limits aside)" if aside else ""
                yield f"{path.stem}, {words}{note}: {', '.join(held)}", best, "mu_B"


def _compiled(posterior: Posterior):
    """(draws, merit at many positions as ln mu_nu and excesses, names of the excesses)."""

    def at(z):
        mu = posterior.observables(posterior.theta(z))["mu_nu"]
        return jnp.log(mu), posterior.excess_at(z)

    everywhere = jax.jit(jax.vmap(at))
    draws = jax.jit(jax.vmap(posterior.from_unit))
    return (lambda n, rng: np.asarray(draws(rng.uniform(size=(n, posterior.dim))))), everywhere


def _largest(draws, everywhere, active):
    """(largest mu_nu, what is active there) by differential evolution, best of several batches."""
    rng = np.random.default_rng(1)

    def judged(z):
        log_mu, excess = everywhere(z)
        names = [n for n in excess if n in active or n.startswith(("prior_", "domain_"))]
        over = np.nan_to_num(np.stack([np.asarray(excess[n]) for n in names]), nan=1e3, posinf=1e3)
        broken = np.sum(np.maximum(over, 0.0), axis=0)
        value = np.nan_to_num(np.asarray(log_mu), nan=-1e3, neginf=-1e3)
        return np.where(broken > 0.0, -1e4 - broken, value), names, over

    z = np.concatenate([draws(_POINTS, rng) for _ in range(_STARTS)])
    merit = np.concatenate([judged(part)[0] for part in np.split(z, _STARTS)])
    kept = z[np.argsort(merit)[-_POINTS:]]
    z, merit = evolve(lambda points: judged(points)[0], kept, _STEPS, rng)
    best = int(np.argmax(merit))
    _, names, over = judged(z)
    held = [n for n, x in zip(names, over[:, best], strict=True) if x > _ACTIVE]
    return float(np.exp(merit[best])) if merit[best] > -1e3 else float("nan"), held
