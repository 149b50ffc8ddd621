"""`python -m benchmarks NAME [RUN ...] [--out FILE.json]`: print a benchmark's rows, write JSON.

Names of run files restrict a benchmark that looks at all of them; other options are the
benchmark's own. One that can lay its rows out as a table writes it in Markdown beside the JSON.
"""

import argparse
import importlib
import json
import pathlib
import platform
import sys

from nmmjax.runfile import plugins

_WIDTH = 72  # of the first column
_NO_BENCHMARKS = {"numpy_formulas", "numpy_peer"}
_OWN_OPTIONS = ("peers", "gpu")  # with a `main` of their own


def main() -> None:
    if sys.argv[1:2] and sys.argv[1] in _OWN_OPTIONS:
        importlib.import_module(f"benchmarks.{sys.argv[1]}").main(sys.argv[2:])
        return
    hidden = _NO_BENCHMARKS | set(_OWN_OPTIONS)
    names = [name for name in plugins.names("benchmarks") if name not in hidden]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=[*names, *_OWN_OPTIONS])
    parser.add_argument("runs", nargs="*", help="names of run files, for those that look at all")
    parser.add_argument("--out", type=pathlib.Path, help="default: benchmarks/NAME.json")
    given, options = parser.parse_known_args()

    import jax

    jax.config.update("jax_enable_x64", True)
    module = importlib.import_module(f"benchmarks.{given.name}")
    rows = []
    for row in module.run(*given.runs, *options):
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
    if hasattr(module, "table"):
        out.with_suffix(".md").write_text(module.table(rows))


if __name__ == "__main__":
    main()
