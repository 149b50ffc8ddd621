"""Docstrings of public functions say what the function does: they open with a verb."""

import ast

from helpers.places import ROOT

NOUNS = {"The", "A", "An", "What", "Where", "Whether", "Of", "How"}  # how descriptions open


def public_functions(body):
    """Functions and methods without an underscore, also of classes; properties are nouns."""
    for node in body:
        if node.__class__ is ast.ClassDef and not node.name.startswith("_"):
            yield from public_functions(node.body)
        elif node.__class__ is ast.FunctionDef and not node.name.startswith("_"):
            if not any("property" in ast.unparse(decorator) for decorator in node.decorator_list):
                yield node


def test_public_functions_open_with_a_verb():
    found, count = [], 0
    for folder in ("nmmjax", "samplers"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for function in public_functions(ast.parse(path.read_text()).body):
                first = (ast.get_docstring(function) or "Say").split()[0]
                count += 1
                if first in NOUNS:
                    found.append(f"{path.relative_to(ROOT)}:{function.lineno} {function.name}")
    assert count > 500
    assert found == []
