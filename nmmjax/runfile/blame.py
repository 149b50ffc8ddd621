"""Errors in a user's own code: one line with file, line, and what would be right."""

import contextlib
import importlib.util
import inspect
import pathlib
import re
import sysconfig
import traceback
from collections.abc import Iterator

from nmmjax.errors import InputError, suggest

_LONGEST = 300  # characters of a message of somebody else's
_LIBRARIES = tuple(sysconfig.get_paths()[key] for key in ("stdlib", "purelib", "platlib"))
# Modules whose last name has changed; others are found by it.
_RENAMED = {
    "observables": "catalogue",
    "likelihoods": "constraints.base",
    "flavour": "physics.neutrinos",
    "loops": "physics.one_loop",
    "twoloop": "physics.two_loop",
}


@contextlib.contextmanager
def user_code(doing: str, names: tuple[str, ...] = ()) -> Iterator[None]:
    """Raise what the user's code raises as InputError: file, line, fault, what would be right.

    doing  what was asked of the code, in place of file and line where no frame is the user's
    names  parameters of the model, for a KeyError
    """
    try:
        yield
    except (Exception, SystemExit) as error:  # whatever somebody else's code may raise
        raise InputError(f"{_place(error) or doing}: {_fault(error, names)}") from None


def place(kind: type, name: str = "") -> str:
    """Say where a class or a member of it is written: 'toy.py, line 12', or else its name."""
    thing = inspect.getattr_static(kind, name, None) if name else kind
    thing = inspect.unwrap(getattr(thing, "fget", None) or getattr(thing, "method", thing))
    try:
        lines, first = inspect.getsourcelines(thing)
        above = next(i for i, x in enumerate(lines) if x.lstrip().startswith(("def ", "class ")))
        return f"{inspect.getsourcefile(thing)}, line {first + above}"
    except (OSError, TypeError, StopIteration):
        return f"{kind.__name__}.{name}" if name else kind.__name__


def _place(error: BaseException) -> str:
    """Find the user's file and line that an error arose in; "" if there is none."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    ours = tuple(str(folder) for folder in _folders())
    for frame in reversed(frames):
        if not frame.filename.startswith((*_LIBRARIES, *ours, "<")):
            return f"{frame.filename}, line {frame.lineno}"
    return ""


def _fault(error: BaseException, names: tuple[str, ...]) -> str:
    import jax  # seconds; whoever has such an error has it already

    first = (str(error).strip().splitlines() or [""])[0][:_LONGEST]
    match error:
        case SyntaxError():
            return f"this is no Python: {error.msg}"
        case SystemExit():
            return "it ends the program; code that a run file names must leave that to nmmjax"
        case ModuleNotFoundError():
            return f"there is no module '{error.name}'{_moved(error.name or '')}{_beside(error)}"
        case ImportError():
            return f"{first}{_defined(error)}"
        case jax.errors.TracerBoolConversionError():
            return (
                "a Python `if`, `while`, `and`, `or`, `not`, `min` or `max` on a traced value: "
                "both branches must be computed, write jnp.where(condition, a, b)"
            )
        case jax.errors.ConcretizationTypeError() | jax.errors.TracerArrayConversionError():
            return "a traced value where a plain number is needed: use jnp in place of math and np"
        case KeyError() if error.args and error.args[0] not in names and names:
            return f"there is no parameter {error.args[0]!r}{suggest(str(error.args[0]), names)}"
        case InputError():
            return first
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _beside(error: ModuleNotFoundError) -> str:
    """Tell how a file beside the one that imports it is found; "" if there is none."""
    folder = pathlib.Path(_place(error).rpartition(", line ")[0]).parent
    if not (error.name or ".").isidentifier() or not (folder / f"{error.name}.py").is_file():
        return ""
    return f"; for {error.name}.py beside it set PYTHONPATH={folder}"


def _folders() -> Iterator[pathlib.Path]:
    """List the folders of the project's own files."""
    for package in ("nmmjax", "nmmjax.samplers"):
        spec = importlib.util.find_spec(package)
        for folder in (spec and spec.submodule_search_locations) or ():
            yield pathlib.Path(folder)


def _modules() -> dict[str, pathlib.Path]:
    """Map dotted names of the project's modules to files, without importing; shortest first."""
    found = {}
    for package, folder in zip(("nmmjax", "nmmjax.samplers"), _folders(), strict=False):
        for path in folder.rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join([package, *parts])] = path
    return dict(sorted(found.items(), key=lambda item: item[0].count(".")))


def _moved(name: str) -> str:
    """Tell where a module of the project is: '; it is nmmjax.target.model', or ""."""
    first, _, rest = name.partition(".")
    if first != "nmmjax" or not rest:
        return ""
    last = rest.rpartition(".")[2]
    if last in _RENAMED:
        return f"; it is nmmjax.{_RENAMED[last]}"
    known = [module for module in _modules() if module.rpartition(".")[2] == last]
    return f"; it is {known[0]}" if known else ""


def _defined(error: ImportError) -> str:
    """Tell where the project defines a name: '; it is in nmmjax.constraints.library', or ""."""
    wanted = getattr(error, "name_from", None)
    if not wanted or not (error.name or "").startswith("nmmjax"):
        return ""
    line = re.compile(rf"^(?:def|class|type) {re.escape(wanted)}\b|^{re.escape(wanted)}\b", re.M)
    for module, path in _modules().items():
        if line.search(path.read_text(encoding="utf-8")):
            return f"; it is in {module}"
    return ""
