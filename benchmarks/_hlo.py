"""Counts of a compiled program from its text in HLO: launches, operations, bytes."""

import collections
import dataclasses
import math
import re
from collections.abc import Iterator

_FREE = {
    *("parameter", "tuple", "get-tuple-element", "constant", "bitcast", "after-all"),
    *("partition-id", "replica-id", "optimization-barrier", "fusion-done", "copy-done"),
}
_CALLS = ("while", "call", "conditional")
ARITHMETIC = ("multiply", "add", "subtract", "divide", "sqrt", "rsqrt", "remainder")
TRANSCENDENTAL = (
    *("exponential", "exponential-minus-one", "log", "log-plus-one", "sine", "cosine", "tan"),
    *("tanh", "atan2", "power", "cbrt", "logistic", "erf"),
)
COLLECTIVE = ("all-reduce", "all-gather", "all-to-all", "collective-permute", "reduce-scatter")
_BYTES = {"pred": 1, "bf16": 2, "c64": 8, "c128": 16}
_SHAPE = re.compile(r"([a-z]+\d*)\[([\d,]*)\]")
_LINE = re.compile(r"\s+(?:ROOT )?%?([\w.\-]+) = (\(.*?\)|[\w\[\],{}:()*]+)\s+([\w\-]+)\((.*)")


@dataclasses.dataclass(frozen=True)
class Instruction:
    name: str
    shape: str
    operation: str
    rest: str  # operands and attributes

    def calls(self, attribute: str) -> str:
        """The computation that an attribute names."""
        found = re.search(rf"{attribute}=%?([\w.\-]+)", self.rest)
        assert found is not None, (attribute, self.rest)
        return found.group(1)

    @property
    def operands(self) -> list[tuple[str, str]]:
        """Names, and the place in a tuple where the text writes it behind the name, %name#2."""
        return re.findall(r"%([\w.\-]+)(?:#(\d+))?", self.rest.partition("), ")[0])

    @property
    def trips(self) -> int | None:
        found = re.search(r"known_trip_count\D*(\d+)", self.rest)
        return None if found is None else int(found.group(1))


class Program:
    """A compiled module. Loops count as often as they are known to run, else once.

    launches    kernels, copies and library calls by kind; "while x6" counts loops, for looking
    operations  floating-point numbers computed by each HLO operation
    bytes       read and written by the launches
    """

    def __init__(self, text: str) -> None:
        self._computations, self._entry = _parsed(text)
        self.launches: collections.Counter[str] = collections.Counter()
        self.loops: collections.Counter[str] = collections.Counter()
        self.operations: collections.Counter[str] = collections.Counter()
        self.bytes = 0.0
        self._walk(self._entry, 1.0)

    @property
    def copies(self) -> float:
        return sum(n for kind, n in self.launches.items() if kind.startswith("copy"))

    def count(self, names: tuple[str, ...]) -> float:
        """Elements computed by the named operations."""
        return sum(self.operations[name] for name in names)

    def _walk(self, name: str, times: float) -> None:
        here = self._computations[name]
        shapes = {each.name: each.shape for each in here}
        for each in here:
            if each.operation in _FREE:
                continue
            if each.operation in _CALLS:
                self._enter(each, times)
                continue
            self.launches[_kind(each)] += times
            touched = [each.shape, *(_part(shapes.get(x, ""), at) for x, at in each.operands)]
            self.bytes += times * sum(map(_size_in_bytes, touched))
            if "calls=" in each.rest:
                self._compute(each.calls("calls"), times)
            else:
                self.operations[each.operation] += times * _elements(each.shape)

    def _enter(self, each: Instruction, times: float) -> None:
        if each.operation == "while":
            self.loops[f"while x{each.trips or '?'}"] += times
            self._walk(each.calls("body"), times * (each.trips or 1))
        elif each.operation == "call":
            self._walk(each.calls("to_apply"), times)
        else:
            names = re.findall(r"(?:true|false)_computation=%?([\w.\-]+)", each.rest)
            branches = re.search(r"branch_computations=\{([^}]*)\}", each.rest)
            names += re.findall(r"%([\w.\-]+)", branches.group(1)) if branches else []
            for name in names:
                self._walk(name, times / len(names))

    def _compute(self, name: str, times: float) -> None:
        for each in self._computations[name]:
            if each.operation in ("fusion", "call") and (
                "calls=" in each.rest or "to_apply=" in each.rest
            ):
                self._compute(each.calls("calls" if "calls=" in each.rest else "to_apply"), times)
            elif each.operation not in _FREE:
                self.operations[each.operation] += times * _elements(each.shape)


def _kind(each: Instruction) -> str:
    if each.operation != "custom-call":
        return each.operation
    found = re.search(r'custom_call_target="([^"]+)"', each.rest)
    return f"custom-call {found.group(1) if found else '?'}"


def _parsed(text: str) -> tuple[dict[str, list[Instruction]], str]:
    """The instructions of every computation, and the name of the one that is entered."""
    found: dict[str, list[Instruction]] = {}
    entry = here = ""
    for line in text.splitlines():
        if head := re.match(r"^(ENTRY )?%?([\w.\-]+) \(.*\{$", line):
            here = head.group(2)
            found[here] = []
            entry = here if head.group(1) else entry
        elif here and (match := _LINE.match(line)):
            found[here].append(Instruction(*match.groups()))
    return found, entry


def _part(shape: str, at: str) -> str:
    """The shape of an entry of a tuple; the shape itself where no place is given."""
    if not at:
        return shape
    kind, axes = _SHAPE.findall(shape)[int(at)]
    return f"{kind}[{axes}]"


def _shapes(shape: str) -> Iterator[tuple[str, int]]:
    for kind, axes in _SHAPE.findall(shape):
        yield kind, math.prod(int(n) for n in axes.split(",") if n)


def _elements(shape: str) -> int:
    """Floating-point numbers of a result."""
    return max((n for kind, n in _shapes(shape) if kind in ("f64", "c128")), default=0)


def _size_in_bytes(shape: str) -> int:
    return sum(
        n * _BYTES.get(kind, int(re.sub(r"\D", "", kind) or 0) // 8) for kind, n in _shapes(shape)
    )
