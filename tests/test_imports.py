"""The import graph of the design as data: a new edge fails here and is a decision."""

import ast
import pathlib
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).parent.parent

# module -> project modules it may import
ALLOWED = {
    "nmmjax": set(),
    "nmmjax.errors": set(),
    "nmmjax.constants": set(),
    "nmmjax.kernels": set(),
    "nmmjax.loops": {"kernels"},
    "nmmjax.electroweak": {"errors", "kernels"},
    "nmmjax.bridge_loops": {"constants", "loops"},
    "nmmjax.moment_loops": {"kernels", "loops"},
    "nmmjax.twoloop": {"kernels", "loops"},
    "nmmjax.dark_loops": set(),
    "nmmjax.casas_ibarra": {"flavour", "matrices"},
    "nmmjax.dark_sector": {"casas_ibarra", "dark_loops", "matrices"},
    "nmmjax.matrices": set(),
    "nmmjax.takagi": {"matrices"},
    "nmmjax.priors": set(),
    "nmmjax.model": {"constants", "priors"},
    "nmmjax.flavour": {"constants", "errors", "matrices", "model", "priors", "takagi"},
    "nmmjax.decays": {"constants", "errors"},
    "nmmjax.observables": {"errors"},
    "nmmjax.plugins": {"errors"},
    "nmmjax.naturalness": {"model", "priors"},
    "nmmjax.likelihoods": {"errors"},
    "nmmjax.trapping": {"constants"},
    "nmmjax.limits": {"errors", "likelihoods", "trapping"},
    "nmmjax.curves": {"errors", "likelihoods", "limits"},
    "nmmjax.wishes": {"errors", "likelihoods"},
    "nmmjax.entries": {"curves", "errors", "likelihoods", "limits", "observables", "wishes"},
    "nmmjax.constraints": {"entries", "errors", "likelihoods", "observables", "wishes"},
    "nmmjax.curve_figures": {"curves", "errors", "likelihoods", "observables"},
    "nmmjax.ranking": {"errors"},
    "nmmjax.chart": {"model", "priors"},
    "nmmjax.excess": {"chart", "likelihoods", "model", "priors"},
    "nmmjax.posterior": {
        "chart",
        "constraints",
        "errors",
        "excess",
        "model",
        "naturalness",
        "observables",
        "priors",
    },
    "nmmjax.start": {"errors", "posterior"},
    "nmmjax.schema": {"errors"},
    "nmmjax.runfile": {
        "constants",
        "constraints",
        "errors",
        "model",
        "plugins",
        "posterior",
        "priors",
        "schema",
    },
    "nmmjax.rundir": {"errors", "observables"},
    "nmmjax.evidence": {"rundir"},
    "nmmjax.health": {"rundir", "samplers.diagnostics"},
    "nmmjax.regions": {"samplers.diagnostics"},
    "nmmjax.notes": {"constraints", "health", "rundir"},
    "nmmjax.verdict": {"evidence", "rundir", "samplers.diagnostics"},
    "nmmjax.results": {
        "errors",
        "evidence",
        "health",
        "notes",
        "ranking",
        "regions",
        "rundir",
        "samplers.diagnostics",
        "verdict",
    },
    "nmmjax.tables": {"errors", "report", "rundir"},
    "nmmjax.report": {"evidence", "ranking", "regions", "results", "rundir"},
    "nmmjax.axes": {"rundir"},
    "nmmjax.limit_lines": {"constraints", "curve_figures", "likelihoods", "rundir"},
    "nmmjax.maps": {"axes", "curve_figures", "likelihoods", "limit_lines", "rundir"},
    "nmmjax.corner": {"axes", "maps", "rundir"},
    "nmmjax.frontier_figures": {"axes", "errors", "observables", "rundir"},
    "nmmjax.figures": {
        "axes",
        "corner",
        "curve_figures",
        "errors",
        "frontier_figures",
        "limit_lines",
        "maps",
        "rundir",
        "samplers.diagnostics",
        "verdict",
    },
}
ANY_MODEL = {
    "bridge_loops",
    "casas_ibarra",
    "constants",
    "dark_loops",
    "dark_sector",
    "decays",
    "electroweak",
    "errors",
    "flavour",
    "kernels",
    "loops",
    "matrices",
    "model",
    "moment_loops",
    "priors",
    "takagi",
    "twoloop",
}


def modules():
    for folder, package in (("nmmjax", "nmmjax"), ("samplers", "nmmjax.samplers")):
        for path in sorted((ROOT / folder).rglob("*.py")):
            dotted = ".".join(path.relative_to(ROOT / folder).with_suffix("").parts)
            dotted = dotted.removesuffix("__init__").removesuffix(".")
            yield (f"{package}.{dotted}" if dotted else package), path


def imports(name, path):
    """Project modules that the file imports, without the 'nmmjax.' in front."""
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("nmmjax")}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            if base in ("nmmjax", "nmmjax.cli", "nmmjax.samplers", "nmmjax.models"):
                found |= {f"{base}.{alias.name}" for alias in node.names}
            elif base.startswith("nmmjax"):
                found.add(base)
    return {module.removeprefix("nmmjax.") for module in found}


def test_every_edge_of_the_import_graph_is_allowed():
    for name, path in modules():
        used = imports(name, path)
        if name.startswith(("nmmjax.cli", "nmmjax.__main__")):
            continue  # the command line may join everything
        if name.startswith("nmmjax.samplers"):
            assert all(edge.startswith("samplers") for edge in used), (name, used)
        elif name.startswith("nmmjax.models"):
            used = {edge for edge in used if not edge.startswith("models._")}  # private siblings
            strange = {edge for edge in used if not edge.startswith("models._")} - ANY_MODEL
            assert not strange, (name, strange)  # models share private files, never each other
        elif name != "nmmjax.data":
            assert used <= ALLOWED[name], (name, used - ALLOWED[name])


def test_declared_packages_are_the_folders():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {name for name, path in modules() if path.stem == "__init__"}
    assert set(declared["packages"]) == folders


def test_help_imports_neither_jax_nor_arviz():
    code = (
        "import sys\n"
        "from nmmjax.cli import run_command\n"
        "assert run_command(['--help']) == 0\n"
        "heavy = {'jax', 'arviz', 'matplotlib', 'scipy', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_samplers_is_importable_only_under_its_own_name():
    code = "import samplers"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert "nmmjax.samplers" in done.stderr
