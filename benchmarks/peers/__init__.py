"""The scoreboard: our engines against every peer, each from a cold process, on the same densities.

    python -m benchmarks peers                           # every cell that the file lacks
    python -m benchmarks peers --targets quickstart --samplers ensemble "numpyro NUTS" --seeds 1
    python -m benchmarks peers --table benchmarks/results/peers.jsonl

A cell is a sampler on a target in a chart (box, chart, or the unit cube of the prior) with a seed.
It runs on one core until R-hat < 1.01 and a bulk ESS of 10 000 in every parameter (evidences: an
error of ln Z below 0.1 and as many effective draws), or until its CPU seconds are over. `--table`
writes the scoreboard of a file in Markdown. The peers are in the extra `bench`.
"""

import argparse
import pathlib
import sys

RESULTS = pathlib.Path(__file__).parents[1] / "results" / "peers.jsonl"


def main(arguments: list[str]) -> None:
    from benchmarks.peers import grid, samplers, table, targets

    given = _parser().parse_args(arguments)
    if given.table is not None:
        sys.stdout.write(table.markdown(*grid.read(given.table)))
        return
    wanted = grid.cells(
        given.targets or list(targets.TARGETS),
        given.samplers or list(samplers.ALL),
        given.kinds or list(targets.KINDS),
        given.seeds,
    )
    for line in grid.run(list(wanted), given.budget, given.out):
        sys.stdout.write(table.short(line) + "\n")
        sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    from benchmarks.peers import samplers, targets

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--targets", nargs="+", choices=targets.TARGETS)
    parser.add_argument("--samplers", nargs="+", choices=list(samplers.ALL))
    parser.add_argument("--kinds", nargs="+", choices=targets.KINDS)
    parser.add_argument("--seeds", type=int, default=5, help="seeds 1 to N (default: 5)")
    parser.add_argument("--budget", type=float, default=60.0, help="CPU seconds of a cell")
    parser.add_argument("--out", type=pathlib.Path, default=RESULTS)
    parser.add_argument("--table", type=pathlib.Path, metavar="FILE")
    return parser
