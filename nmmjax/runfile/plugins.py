"""Finding a class by the name of its file: one new file is a whole plug-in.

A name is a file of the package ("weak_triplet"), an importable "module:Class", or
"path/to/file.py:Class". A file of the package holds exactly one public class of the kind.
"""

import importlib
import importlib.util
import inspect
import pathlib
import pkgutil
import sys
from collections.abc import Callable, Iterable
from types import ModuleType

from nmmjax.errors import InputError, suggest


def names(package: str) -> list[str]:
    """Its public files, and its folders that hold a `model.py`, without importing them."""
    spec = importlib.util.find_spec(package)
    assert spec is not None, package
    places = spec.submodule_search_locations or []
    found = (info for info in pkgutil.iter_modules(places) if not info.name.startswith("_"))
    return sorted(info.name for info in found if not info.ispkg or _model_file(info, places))


def _model_file(info: pkgutil.ModuleInfo, places: Iterable[str]) -> bool:
    return any((pathlib.Path(place) / info.name / "model.py").is_file() for place in places)


def find(
    given: str,
    package: str,
    is_kind: Callable[[type], bool],
    kind: str,
) -> type:
    """The class that `given` names; `kind` ("model", "engine") is for error messages.

    Raises InputError with a suggestion.
    """
    file, _, name = given.partition(":")
    if not name:
        known = names(package)
        if given not in known:
            raise InputError(f"'{given}' is not a known {kind}{suggest(given, known)}")
        module = importlib.import_module(f"{package}.{given}")
        if hasattr(module, "__path__"):  # a folder
            module = importlib.import_module(f"{package}.{given}.model")
        return _only_class(module, is_kind, kind)
    module = _from_path(pathlib.Path(file)) if file.endswith(".py") else _from_name(file)
    found = getattr(module, name, None)
    if not (inspect.isclass(found) and is_kind(found)):
        offered = [n for n, c in inspect.getmembers(module, inspect.isclass) if is_kind(c)]
        raise InputError(f"'{file}' has no {kind} '{name}'{suggest(name, offered)}")
    return found


def _only_class(module: ModuleType, is_kind: Callable[[type], bool], kind: str) -> type:
    here = [
        c
        for n, c in inspect.getmembers(module, inspect.isclass)
        if c.__module__ == module.__name__ and not n.startswith("_") and is_kind(c)
    ]
    if len(here) != 1:
        found = ", ".join(c.__name__ for c in here) or "none"
        raise InputError(f"{module.__name__} must hold exactly one public {kind}, it holds {found}")
    return here[0]


def _from_name(name: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise InputError(f"'{name}' is neither the name of a module nor of a .py file")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise InputError(f"no module '{error.name}' to import '{name}' from") from None


def _from_path(path: pathlib.Path) -> ModuleType:
    if not path.is_file():
        raise InputError(f"there is no file '{path}'")
    name = f"nmmjax_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickling look the module up by name
    spec.loader.exec_module(module)
    return module
