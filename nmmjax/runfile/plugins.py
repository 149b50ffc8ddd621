"""Finding a class by the name of its file: one new file is a whole plug-in.

A name is a file of the package ("weak_triplet"), an importable "module:Class", or
"path/to/file.py:Class". The class may be left out where a file holds one of the kind.
"""

import ast
import functools
import importlib
import importlib.util
import inspect
import pathlib
import pkgutil
import sys
import zlib
from collections.abc import Callable, Iterable
from types import ModuleType

from nmmjax import textfile
from nmmjax.errors import InputError, suggest
from nmmjax.runfile import blame


def names(package: str) -> list[str]:
    """List a package's public files and its folders that hold a `model.py`, without imports."""
    spec = importlib.util.find_spec(package)
    assert spec is not None, package
    places = spec.submodule_search_locations or []
    found = (info for info in pkgutil.iter_modules(places) if not info.name.startswith("_"))
    return sorted(info.name for info in found if not info.ispkg or _model_file(info, places))


def _model_file(info: pkgutil.ModuleInfo, places: Iterable[str]) -> bool:
    return any((pathlib.Path(place) / info.name / "model.py").is_file() for place in places)


def line(name: str, package: str) -> str:
    """Read the first line of what the class of a file says of itself, read without importing it."""
    own, _ = _docstrings(name, package)
    return own.partition("\n")[0]


def documentation(name: str, package: str) -> str:
    """Read what the class of a file and the file say of themselves, without importing it."""
    return "\n\n".join(_docstrings(name, package))


def _docstrings(name: str, package: str) -> tuple[str, str]:
    """Docstrings of the class with the file's name in capitals, and of the file itself."""
    spec = importlib.util.find_spec(package)
    places = () if spec is None else map(pathlib.Path, spec.submodule_search_locations or ())
    files = (path for p in places for path in (p / f"{name}.py", p / name / "model.py"))
    source = next((path.read_text(encoding="utf-8") for path in files if path.is_file()), "")
    tree, bare = ast.parse(source), name.replace("_", "").lower()
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    own = next((ast.get_docstring(node) for node in classes if node.name.lower() == bare), None)
    return own or "", ast.get_docstring(tree) or ""


def foreign(given: str) -> bool:
    """Tell whether a name leads to code outside the package, which looking it up executes."""
    return ":" in given or given.endswith(".py")


def find(
    given: str,
    package: str,
    lacks: Callable[[type], str],
    kind: str,
    folder: pathlib.Path = pathlib.Path(),
) -> type:
    """Find the class that `given` names.

    lacks   what a class lacks to be of the kind, in words; "" if nothing
    kind    "model" or "engine", for error messages
    folder  where the path of a file begins

    Raises InputError with a suggestion, or with file and line of what is wrong in the user's code.
    """
    file, _, name = given.partition(":")
    if file.endswith(".py"):
        module = _from_path(folder / file)
    elif name:
        module = _from_name(file)
    else:
        known = names(package)
        if given not in known:
            hint = "; write module:Class" if "." in given else suggest(given, known)
            raise InputError(f"'{given}' is not a known {kind}{hint}")
        module = importlib.import_module(f"{package}.{given}")
        if hasattr(module, "__path__"):  # a folder
            module = importlib.import_module(f"{package}.{given}.model")
    return _named(module, file, name, lacks, kind) if name else _only(module, file, lacks, kind)


def _named(
    module: ModuleType, file: str, name: str, lacks: Callable[[type], str], kind: str
) -> type:
    found = getattr(module, name, None)
    if not inspect.isclass(found):
        offered = [n for n, c in vars(module).items() if inspect.isclass(c) and not lacks(c)]
        raise InputError(f"'{file}' has no {kind} '{name}'{suggest(name, offered)}")
    if missing := lacks(found):
        raise InputError(f"{blame.place(found)}: '{name}' is no {kind}: {missing}")
    return _concrete(found)


def _only(module: ModuleType, file: str, lacks: Callable[[type], str], kind: str) -> type:
    """Return the one public class of the kind that a file defines."""
    own = (
        c for c in vars(module).values() if inspect.isclass(c) and c.__module__ == module.__name__
    )
    here = [c for c in dict.fromkeys(own) if not c.__name__.startswith("_") and not lacks(c)]
    if not here:
        raise InputError(f"'{file}' holds no {kind}")
    if len(here) > 1:
        names = " or ".join(f"'{file}:{name}'" for name in sorted(c.__name__ for c in here))
        raise InputError(f"'{file}' holds more than one {kind}: write {names}")
    return _concrete(here[0])


def _concrete(kind: type) -> type:
    if missing := sorted(getattr(kind, "__abstractmethods__", ())):
        raise InputError(
            f"{blame.place(kind)}: {kind.__name__} is abstract: it does not define "
            f"{', '.join(missing)}"
        )
    return kind


def _from_name(name: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise InputError(f"'{name}' is neither the name of a module nor of a .py file")
    with blame.user_code(f"importing '{name}'"):
        if not _exists(name):
            raise InputError(f"there is no module '{name}' to import from")
        return importlib.import_module(name)


def _exists(name: str) -> bool:
    """Tell whether there is such a module; import the packages above it."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError as error:
        if f"{name}.".startswith(f"{error.name}."):
            return False
        raise
    except (ValueError, AttributeError):  # __main__, or a class above it in place of a package
        return False


def _from_path(path: pathlib.Path) -> ModuleType:
    return _executed(str(path), textfile.read(path, "plug-in"))


@functools.lru_cache(maxsize=64)
def _executed(path: str, source: str) -> ModuleType:
    """Execute a file, once as long as its text stays the same."""
    name = f"nmmjax_plugin_{pathlib.Path(path).stem}_{zlib.crc32(path.encode()):08x}"
    module = ModuleType(name)
    module.__file__ = path
    sys.modules[module.__name__] = module  # dataclasses and pickling look the module up by name
    try:
        with blame.user_code(f"executing '{path}'"):
            exec(compile(source, path, "exec", dont_inherit=True), vars(module))
    except InputError:
        del sys.modules[module.__name__]
        raise
    return module
