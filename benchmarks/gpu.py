"""One device measured in at most eight minutes: rates, sizes, exactness, time to an answer.

    python -m benchmarks gpu --out gpu.json
    python gpu.py [--smoke] [--minutes 8] [--runs FOLDER] [--out gpu.json]

The script needs nothing but an installed nmmjax. Run files are looked for in --runs, else beside
the script's folder; a model without one has its default priors and no constraints. What the time
does not suffice for is left out and named. `--smoke` takes small sizes, for any machine. The JSON
is written anew after every row: a session that is cut short leaves what it measured.
"""

import argparse
import fractions
import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from nmmjax.physics.matrices import det2, two_prod
from nmmjax.runfile import build, plugins
from nmmjax.runfile.schema import ModelSection
from nmmjax.samplers import diagnostics
from nmmjax.samplers.base import log_density
from nmmjax.samplers.engines.ensemble import Ensemble
from nmmjax.target import start
from nmmjax.target.posterior import Posterior

type Row = tuple[str, float, str]

_RUNS = pathlib.Path(__file__).resolve().parent.parent / "runs"
_LONG = ("quickstart", "dark_dipole")  # taken to the end, on the device and on the CPU
_RHAT, _ESS = 1.01, 1e5
_SIZES = {False: (1_000, 10_000, 100_000, 1_000_000), True: (100, 1_000)}
_SHAPES = {False: ((4, 4096), (16, 16384)), True: ((4, 32),)}


def run(*arguments: str) -> Iterator[Row]:
    """The rows, each as soon as it is measured: (what, value, unit)."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # other processes need some
    given = _parser().parse_args(arguments)
    ends = time.monotonic() + 60.0 * given.minutes
    targets = _targets(given.runs)
    names = list(targets)[:2] if given.smoke else list(targets)
    yield from _exactness(10_000)
    for part, share in (
        (lambda: _resume(targets), 0.1),
        (lambda: _answers(given, targets), 0.5),
        (lambda: _steps(targets, _SHAPES[given.smoke]), 0.65),
        (lambda: _against_cpu(targets, names, 1_000 if given.smoke else 1_000_000), 0.8),
        (lambda: _rates(targets, names, _SIZES[given.smoke]), 1.0),
    ):
        begun = time.monotonic()
        for row in part():
            yield row
            if time.monotonic() > ends - (1.0 - share) * 60.0 * given.minutes:
                yield f"left out after: {row[0]}", time.monotonic() - begun, "s"
                break
    peak = (jax.local_devices()[0].memory_stats() or {}).get("peak_bytes_in_use", np.nan)
    yield "peak memory of the device", peak / 1e9, "GB"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--smoke", action="store_true", help="small sizes")
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--runs", type=pathlib.Path, default=_RUNS)
    parser.add_argument("--answer", help=argparse.SUPPRESS)  # one answer, in a process of its own
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("gpu.json"))
    return parser


def _targets(runs: pathlib.Path) -> dict[str, Callable[[], Posterior]]:
    """The densities by name: of run files, those for `ensemble` first; of models without one."""
    files = {p: build.read(p)[0] for p in sorted(runs.glob("*.toml"))}
    walked = {p: run for p, run in files.items() if run.engine.name == "ensemble"}
    known = {run.model.name for run in walked.values()}
    others = {run.model.name: p for p, run in files.items() if run.model.name not in known}
    paths = [*walked, *others.values()]
    bare = sorted(set(plugins.names("nmmjax.models")) - known - others.keys())
    return {p.stem: lambda p=p: _of_file(p) for p in paths} | {
        m: lambda m=m: _bare(m) for m in bare
    }


def _bare(model: str) -> Posterior:
    return Posterior(build.build_model(ModelSection(name=model), model))


def _of_file(path: pathlib.Path) -> Posterior:
    return build.build_posterior(build.read(path)[0], str(path))


def _exactness(count: int) -> Iterator[Row]:
    """Products and determinants whose rounding a compiler could spoil, against exact numbers."""
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=count) * 10.0 ** rng.integers(-20, 20, count) for _ in range(2))
    p, e = (np.asarray(x) for x in jax.jit(two_prod)(a, b))
    exact = [fractions.Fraction(x) * fractions.Fraction(y) for x, y in zip(a, b, strict=True)]
    found = [fractions.Fraction(x) + fractions.Fraction(y) for x, y in zip(p, e, strict=True)]
    yield "two_prod: products that are not exact", sum(map(_differ, exact, found)), f"of {count}"
    c = a * b / (d := rng.normal(size=count))  # a determinant that cancels to the last bits
    value = np.asarray(jax.jit(det2)(a, c, d, b))
    errors = [
        abs(float(fractions.Fraction(v) / true - 1))
        for v, *x in zip(value, a, c, d, b, strict=True)
        if (true := _determinant(*map(fractions.Fraction, x)))
    ]
    yield "det2: largest relative error", max(errors), ""


def _differ(x: fractions.Fraction, y: fractions.Fraction) -> bool:
    return x != y


def _determinant(a: Any, b: Any, c: Any, d: Any) -> fractions.Fraction:
    return a * d - b * c


def _resume(targets: dict[str, Callable[[], Posterior]]) -> Iterator[Row]:
    """Two blocks at once, and with the state taken to the host and back in between."""
    name = _LONG[0] if _LONG[0] in targets else next(iter(targets))
    target, engine = targets[name](), Ensemble(thin=5, block=4)
    starts = start.screened(target, jr.key(0), engine.chains).positions
    state = engine.init(jr.key(1), target, starts)
    middle, _ = engine.advance(jr.key(2), target, state)
    _, whole = engine.advance(jr.key(2), target, middle)
    again = jax.tree.map(jnp.asarray, jax.tree.map(np.asarray, middle))
    _, parts = engine.advance(jr.key(2), target, again)
    differ = np.sum(np.asarray(whole.draws) != np.asarray(parts.draws))
    yield f"{name}: numbers that a resumed run draws differently", float(differ), ""


def _rates(targets: Any, names: list[str], sizes: tuple[int, ...]) -> Iterator[Row]:
    """Densities, and values with gradients, per second."""
    for name in names:
        target = targets[name]()
        value = jax.jit(lambda z, target=target: log_density(target, z)[0])
        slope = jax.value_and_grad(target.log_density)
        both = eqx.filter_jit(jax.vmap(slope, in_axes=-1, out_axes=(0, -1)))
        for size in sizes:
            z = start.prior_draws(target, jr.key(0), size)
            yield f"{name}: log densities in batches of {size:.0e}", size / _best(value, z), "1/s"
            yield f"{name}: with gradients, batches of {size:.0e}", size / _best(both, z), "1/s"


def _best(function: Callable, z: jax.Array) -> float:
    """Seconds of the fastest of five calls, compiled before."""
    jax.block_until_ready(function(z))
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        jax.block_until_ready(function(z))
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def _steps(targets: Any, shapes: tuple[tuple[int, int], ...]) -> Iterator[Row]:
    """Walker steps per second inside a block of the default engine."""
    for name in [n for n in _LONG if n in targets]:
        target = targets[name]()
        for ensembles, walkers in shapes:
            engine = Ensemble(ensembles, walkers, thin=20, block=2)
            starts = start.screened(target, jr.key(0), engine.chains, rounds=1).positions
            state = engine.init(jr.key(1), target, starts)
            seconds = _best(lambda s, e=engine, t=target: e.advance(jr.key(2), t, s), state)
            rate = engine.chains * engine.thin * engine.block / seconds
            yield f"{name}: walker steps, {ensembles} x {walkers}", rate, "1/s"


def _against_cpu(targets: Any, names: list[str], size: int) -> Iterator[Row]:
    """Values of the device against those of the host's CPU at the same points."""
    cpu, device = jax.devices("cpu")[0], jax.local_devices()[0]
    for name in names:
        target = targets[name]()
        value = jax.jit(lambda z, target=target: log_density(target, z)[0])
        z = np.asarray(start.prior_draws(target, jr.key(3), size))
        here, there = (np.asarray(value(jax.device_put(z, d))) for d in (device, cpu))
        finite = np.isfinite(here) & np.isfinite(there)
        other = np.sum((np.isnan(here) != np.isnan(there)) | (np.isinf(here) != np.isinf(there)))
        scale = 1.0 + np.abs(there[finite])
        worst = np.max(np.abs(here[finite] - there[finite]) / scale, initial=0.0)
        yield f"{name}: largest difference from the CPU over 1 + |value|", float(worst), ""
        yield f"{name}: points finite on one of the two only", float(other), f"of {size}"


def _answers(given: argparse.Namespace, targets: Any) -> Iterator[Row]:
    """Seconds to the answer on the device, and by the CPU cores of the same machine."""
    for name in [n for n in _LONG if n in targets]:
        for platform in dict.fromkeys((jax.default_backend(), "cpu")):
            command = [sys.executable, __file__, "--answer", name, "--runs", str(given.runs)]
            command += ["--smoke"] if given.smoke else []
            most = 60.0 * given.minutes / 8.0
            environment = os.environ | ({"JAX_PLATFORMS": "cpu"} if platform == "cpu" else {})
            try:
                done = subprocess.run(
                    command, check=True, capture_output=True, timeout=most, env=environment
                )
                seconds, ess = json.loads(done.stdout.splitlines()[-1])
            except subprocess.TimeoutExpired:
                seconds, ess = np.inf, 0.0
            what = f"{name}: R-hat < {_RHAT} and bulk ESS > {_ESS if not given.smoke else 100:g}"
            yield f"{what}, {platform}, whole process", seconds, "s"
            yield f"{name}: bulk ESS then, {platform}", ess, ""


def _answer(given: argparse.Namespace) -> tuple[float, float]:
    """(seconds from the first line on, bulk ESS) of one run until it has converged."""
    began = time.monotonic()
    target = _targets(given.runs)[given.answer]()
    large = jax.default_backend() != "cpu" and not given.smoke
    engine = Ensemble(16, 4096, thin=20, block=5) if large else Ensemble(block=10)
    wanted = 100.0 if given.smoke else _ESS
    state = engine.init(
        jr.key(1), target, start.screened(target, jr.key(0), engine.chains).positions
    )
    draws: list[np.ndarray] = []
    while True:
        state, block = engine.advance(jr.key(2), target, state)
        draws.append(np.asarray(block.draws)[:: max(engine.chains // 4096, 1)])
        kept = np.concatenate(draws[len(draws) // 4 :], axis=1)
        if kept.shape[1] < 20:
            continue
        groups = engine.groups[:: max(engine.chains // 4096, 1)]
        share = engine.chains / len(kept)
        columns = [kept[..., i] for i in range(kept.shape[2])]
        ess = share * min(diagnostics.ess_bulk(x) for x in columns)
        if ess > wanted and max(diagnostics.rhat(x, groups) for x in columns) < _RHAT:
            return time.monotonic() - began, float(ess)


def main(arguments: list[str]) -> None:
    """Print the rows and keep them as JSON, where what is not finite is null."""
    jax.config.update("jax_enable_x64", True)
    given = _parser().parse_args(arguments)
    if given.answer:
        sys.stdout.write(json.dumps(_answer(given)) + "\n")
        return
    device = jax.local_devices()[0]
    rows: list[dict[str, Any]] = []
    tree = {
        "benchmark": "gpu",
        "smoke": given.smoke,
        "device": f"{device.platform}: {device.device_kind}",
        "jax": jax.__version__,
        "rows": rows,
    }
    for what, value, unit in run(*arguments):
        known = float(value) if np.isfinite(value) else None
        rows.append({"what": what, "value": known, "unit": unit})
        sys.stdout.write(f"{what:<72}  {value:>10.4g}  {unit}\n")
        sys.stdout.flush()
        given.out.write_text(json.dumps(tree, indent=1, allow_nan=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
