"""`python -m benchmarks NAME [--out FILE.json]`: run a benchmark, print its rows, write JSON."""

import argparse
import importlib
import json
import pathlib
import platform
import sys

from nmmjax.runfile import plugins

_WIDTH = 72  # of the first column


def main() -> None:
    names = plugins.names("benchmarks", leave_out=("__main__", "numpy_formulas", "numpy_peer"))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=names)
    parser.add_argument("--out", type=pathlib.Path, help="default: benchmarks/NAME.json")
    given = parser.parse_args()

    import jax

    jax.config.update("jax_enable_x64", True)
    rows = []
    for row in importlib.import_module(f"benchmarks.{given.name}").run():
        rows.append(row)
        what, value, unit = row
        sys.stdout.write(f"{what:<{_WIDTH}}  {value:>10.4g}  {unit}\n")
        sys.stdout.flush()
    device = jax.devices()[0]
    tree = {
        "benchmark": given.name,
        "device": f"{device.platform}: {device.device_kind}",
        "machine": platform.machine(),
        "jax": jax.__version__,
        "rows": [{"what": what, "value": value, "unit": unit} for what, value, unit in rows],
    }
    out = given.out or pathlib.Path(__file__).parent / f"{given.name}.json"
    out.write_text(json.dumps(tree, indent=1) + "\n")


if __name__ == "__main__":
    main()
