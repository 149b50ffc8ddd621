"""The architecture as data: which room may import which. A new or a stale edge fails here."""

import ast
import graphlib
import subprocess
import sys
import tomllib

from helpers.places import ROOT

# Each room and the rooms that it imports: all of them stand above it, and none is missing here.
ROOMS = {
    "errors": set(),
    "textfile": {"errors"},
    "signals": set(),
    "catalogue": {"errors"},
    "physics": {"errors"},
    "constraints": {"errors", "textfile", "catalogue", "physics"},
    "target": {"errors", "catalogue", "physics", "constraints", "samplers.devices"},
    "models": {"errors", "physics", "constraints", "target"},
    "runfile": {"errors", "textfile", "physics", "constraints", "target"},
    "results": {"errors", "textfile", "catalogue", "constraints", "samplers.convergence",
                "samplers.diagnostics", "samplers.series", "samplers.store"},
    "figures": {"errors", "catalogue", "constraints", "results", "samplers.diagnostics",
                "samplers.series", "samplers.store"},
    "reproduce": {"errors", "textfile", "constraints", "physics", "models", "target", "runfile",
                  "figures"},
    "cli": {"errors", "textfile", "signals", "catalogue", "constraints", "target", "runfile",
            "results", "figures", "reproduce", "samplers.base", "samplers.devices",
            "samplers.diagnostics", "samplers.driver", "samplers.plan",
            "samplers.engines", "samplers.progress", "samplers.starting", "samplers.store",
            "samplers.undefined",
            "samplers.witness"},
    "samplers.devices": set(),
    "samplers.apart": {"samplers.devices"},
    "samplers.columns": {"samplers.apart"},
    "samplers.base": {"samplers.columns", "samplers.devices"},
    "samplers.diagnostics": set(),
    "samplers.series": set(),
    "samplers.convergence": {"samplers.diagnostics", "samplers.series"},
    "samplers.warming": {"samplers.base"},
    "samplers.engines": {"samplers.base", "samplers.devices", "samplers.warming"},
    "samplers.starting": {"samplers.base", "samplers.devices", "samplers.engines"},
    "samplers.store": set(),
    "samplers.running": {"samplers.diagnostics"},
    "samplers.progress": {"samplers.base", "samplers.running"},
    "samplers.undefined": set(),
    "samplers.witness": {"samplers.base", "samplers.store", "samplers.undefined"},
    "samplers.plan": {"samplers.progress", "samplers.store"},
    "samplers.driver": {"samplers.base", "samplers.plan", "samplers.progress", "samplers.store",
                        "samplers.undefined", "samplers.warming", "samplers.witness"},
}  # fmt: skip


def modules():
    for folder, package in (("nmmjax", "nmmjax"), ("samplers", "nmmjax.samplers")):
        for path in sorted((ROOT / folder).rglob("*.py")):
            dotted = ".".join(path.relative_to(ROOT / folder).with_suffix("").parts)
            dotted = dotted.removesuffix("__init__").removesuffix(".")
            yield (f"{package}.{dotted}" if dotted else package), path


NAMES = {name for name, _ in modules()}


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
            if base.startswith("nmmjax"):
                inner = {f"{base}.{alias.name}" for alias in node.names}
                found |= (inner & NAMES) or {base}
    return {module.removeprefix("nmmjax.") for module in found}


def room(module):
    """The room of a module, 'nmmjax.' left out; of the samplers, the one inside."""
    first, _, rest = module.partition(".")
    return ".".join([first, rest.partition(".")[0]] if first == "samplers" and rest else [first])


def test_rooms_import_those_above_them_and_no_others():
    found = {name: set() for name in ROOMS}
    for name, path in modules():
        here = room(name.removeprefix("nmmjax").removeprefix("."))
        if path.stem.startswith("__") and here in ("", "__main__", "samplers"):
            continue
        found[here] |= {room(edge) for edge in imports(name, path)} - {here}
    assert found == ROOMS
    order = [*ROOMS]
    inside = {r for r in ROOMS if not r.startswith("samplers")}
    for name, used in ROOMS.items():
        assert all(order.index(other) < order.index(name) for other in used & inside), name


def test_models_share_private_files_and_never_import_each_other():
    for name, path in modules():
        if name.startswith("nmmjax.models."):
            own = name.split(".")[2]
            others = {e.split(".")[1] for e in imports(name, path) if e.startswith("models.")}
            assert all(other == own or other.startswith("_") for other in others), (name, others)


def test_the_files_of_a_room_have_no_cycle():
    edges = {name.removeprefix("nmmjax."): imports(name, path) for name, path in modules()}
    tuple(graphlib.TopologicalSorter({n: e & set(edges) for n, e in edges.items()}).static_order())


def test_declared_packages_are_the_folders():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {name for name, path in modules() if path.stem == "__init__"}
    assert set(declared["packages"]) == folders


def test_small_commands_import_nothing_heavy():
    """Help, lists, what is known of a constraint, and refusals."""
    code = (
        "import sys\n"
        "from nmmjax.cli import run_command\n"
        "assert run_command(['--help']) == 0\n"
        "assert 'pydantic' not in sys.modules\n"
        "for what in ('models', 'engines', 'constraints', 'observables'):\n"
        "    assert run_command(['list', what]) == 0\n"
        "assert run_command(['list', 'constraints', 'xenonnt_2022', '--json']) == 0\n"
        "assert run_command(['constraint', 'xenonnt_2022']) == 0\n"
        "assert run_command(['reproduce', 'LIST']) == 0\n"
        "for command in ('summary', 'status', 'plot', 'ablate', 'run', 'check'):\n"
        "    assert run_command([command, '/nowhere']) == 2\n"
        "heavy = {'jax', 'arviz', 'matplotlib', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_samplers_is_importable_only_under_its_own_name():
    code = "import samplers"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert "nmmjax.samplers" in done.stderr
