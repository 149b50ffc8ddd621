"""Print the largest errors of every kernel as JSON: `python -m helpers.accuracy.measure`."""

import json
import sys

import jax

from helpers.accuracy import flavour, integrals, linear, loops

CASES = loops.CASES | integrals.CASES | flavour.CASES | linear.CASES

if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    names = sys.argv[1:] or list(CASES)
    json.dump({name: CASES[name]() for name in names}, sys.stdout)
