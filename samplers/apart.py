"""A traced function of few numbers evaluated number by number, as accelerators like it.

A compiler for accelerators makes one launch of what is elementwise. A formula that stacks,
transposes and sums arrays of three or of 3 x 3 numbers, which is how formulas are written, is
cut there. Here every small array is taken apart into the list of its entries: stacking, slicing
and transposing move entries about and leave no operation, a sum is a chain of additions. Loops
that are unrolled to their end are unrolled here, each turn of a long one a launch of its own (the
time to assemble a launch grows faster than it), calls are inlined, barriers are dropped, and of
alternatives by platform the one for any but a CPU is taken. Arrays of many entries, such as tables
and nodes of a quadrature, stay whole.

The value is that of the function, but for the order of sums.
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jax.extend.core import Jaxpr, JaxprEqn, Literal
from jaxtyping import Array

from .devices import at_once

_FEW = 64  # entries of an array that is taken apart
_LONG = 100  # operations of a loop's body each turn of which is a launch of its own

type Entry = Any  # a traced number, or a NumPy one that is known


class Apart(NamedTuple):
    """A small array as the list of its entries, in row-major order."""

    shape: tuple[int, ...]
    entries: list[Entry]


type Value = Apart | Array


_ELEMENTWISE = {
    *("add", "sub", "mul", "div", "neg", "sign", "abs", "max", "min", "rem", "pow", "integer_pow"),
    *("square", "sqrt", "rsqrt", "cbrt", "exp", "exp2", "expm1", "log", "log2", "log1p"),
    *("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh"),
    *("acosh", "atanh", "logistic", "erf", "erfc", "erf_inv", "lgamma", "digamma"),
    *("eq", "ne", "lt", "le", "gt", "ge", "and", "or", "xor", "not", "is_finite"),
    *("eq_to", "lt_to", "le_to"),
    *("floor", "ceil", "round", "nextafter", "clamp", "select_n", "convert_element_type"),
    *("real", "imag", "conj", "complex", "bitcast_convert_type", "reduce_precision", "copy"),
    *("shift_left", "shift_right_logical", "shift_right_arithmetic", "population_count", "clz"),
}
_MOVES = {  # and how many operands are moved; the others are indices
    **dict.fromkeys(("broadcast_in_dim", "reshape", "squeeze", "expand_dims", "transpose"), 1),
    **dict.fromkeys(("slice", "rev", "split", "tile", "unstack", "gather", "dynamic_slice"), 1),
    **dict.fromkeys(("pad", "dynamic_update_slice"), 2),
    **dict.fromkeys(("concatenate", "stack"), 1000),
}
_CALLS = {  # and where their function stands
    **dict.fromkeys(("jit", "pjit", "remat2", "checkpoint"), "jaxpr"),
    **dict.fromkeys(("custom_jvp_call", "custom_vjp_call", "eval_jaxpr", "call"), "call_jaxpr"),
}
_REDUCTIONS = {
    **{"reduce_sum": lax.add, "reduce_prod": lax.mul, "reduce_max": lax.max},
    **{"reduce_min": lax.min, "reduce_and": lax.bitwise_and, "reduce_or": lax.bitwise_or},
}
_SUMS = {"cumsum": lax.add, "cumprod": lax.mul, "cummax": lax.max, "cummin": lax.min}


def evaluated(jaxpr: Jaxpr, consts: Sequence[Any], *point: Array) -> Array:
    """Evaluate a traced function of one vector, given by its entries, that gives one array."""
    vector = Apart((len(point),), list(point))
    return _whole(_evaluated(jaxpr, [*map(_apart, consts), vector])[0])


def _evaluated(jaxpr: Jaxpr, values: list[Value]) -> list[Value]:
    """The results of a traced function of constants and arguments."""
    known: dict[Any, Value] = dict(zip([*jaxpr.constvars, *jaxpr.invars], values, strict=True))

    def read(atom: Any) -> Value:
        if isinstance(atom, Literal):
            return _apart(np.asarray(atom.val, _type(atom).dtype))
        return known[atom]

    for equation in jaxpr.eqns:
        found = _results(equation, [read(atom) for atom in equation.invars])
        known.update(zip(equation.outvars, found, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _called(jaxpr: Jaxpr, values: list[Value]) -> list[Value]:
    return _evaluated(needed(jaxpr), [*map(_apart, jaxpr.consts), *values])


def _results(equation: JaxprEqn, values: list[Value]) -> list[Value]:
    name, params = equation.primitive.name, equation.params
    if name == "platform_index":
        return [Apart((), [None])]
    if name == "optimization_barrier":
        return values
    if name == "cond" and (platforms := params.get("branches_platforms")):
        return _called(params["branches"][platforms.index(None)], values[1:])
    if name == "scan":
        return _looped(equation, values)
    if name in _CALLS:
        return _called(params[_CALLS[name]], values)
    if any(math.prod(_type(x).shape) > _FEW for x in equation.outvars):
        return _at_large(equation, values)
    if all(isinstance(x, Apart) for x in values):
        return _few(equation, values) or _at_large(equation, values)
    return _at_large(equation, values)


def _few(equation: JaxprEqn, values: list[Any]) -> list[Value] | None:
    """Results where all operands are apart; None where there is no rule for the operation."""
    name, params = equation.primitive.name, equation.params
    shape = _type(equation.outvars[0]).shape
    if name in _ELEMENTWISE:
        return [_elementwise(equation, values, shape)]
    if name in _MOVES or name == "scatter":
        return _moved(equation, values)
    if name in _REDUCTIONS:
        return [_reduced(_REDUCTIONS[name], values[0], params["axes"], shape)]
    if name in _SUMS:
        return [_summed_up(_SUMS[name], values[0], params["axis"], params["reverse"])]
    if name == "dot_general":
        return [_dot(values, params["dimension_numbers"], _type(equation.outvars[0]))]
    return None


def _elementwise(equation: JaxprEqn, values: list[Apart], shape: tuple[int, ...]) -> Apart:
    places = [np.broadcast_to(_places(x.shape), shape).ravel() for x in values]
    floating = jnp.issubdtype(_type(equation.outvars[0]).dtype, jnp.inexact)

    def each(*entries: Entry) -> Entry:
        if floating or any(map(_traced, entries)):
            return equation.primitive.bind(*entries, **equation.params)
        with at_once():
            return np.asarray(equation.primitive.bind(*entries, **equation.params))[()]

    columns = [[x.entries[i] for i in at] for x, at in zip(values, places, strict=True)]
    return Apart(shape, [each(*entries) for entries in zip(*columns, strict=True)])


def _moved(equation: JaxprEqn, values: list[Apart]) -> list[Value] | None:
    """The operation on the numbers of the entries says where each goes; None: not known here."""
    count = 1 if equation.primitive.name == "scatter" else _MOVES[equation.primitive.name]
    moved, indices = values[:count], values[count:]
    if equation.primitive.name == "scatter":
        moved, indices = [values[0], values[2]], [values[1]]
    if any(map(_traced, (entry for x in indices for entry in x.entries))):
        return None
    starts = np.cumsum([0, *(len(x.entries) for x in moved)])
    pairs = zip(starts[:-1], moved, strict=True)
    numbers = [np.asarray(start + _places(x.shape)) for start, x in pairs]
    at = [np.reshape(np.asarray(x.entries), x.shape) for x in indices]
    with at_once():
        found = [np.asarray(x) for x in _gone(equation, numbers, at)]
    if any(np.any(x < 0) for x in found):
        return None
    entries = [entry for x in moved for entry in x.entries]
    return [Apart(x.shape, [entries[i] for i in x.ravel()]) for x in found]


def _gone(equation: JaxprEqn, numbers: list[np.ndarray], at: list[np.ndarray]) -> list[Array]:
    params = dict(equation.params)
    if equation.primitive.name == "scatter":
        options = ("indices_are_sorted", "unique_indices", "mode")
        same = {name: params[name] for name in options}
        return [lax.scatter(numbers[0], at[0], numbers[1], params["dimension_numbers"], **same)]
    if "fill_value" in params:
        params["fill_value"] = -1
    found = equation.primitive.bind(*map(jnp.asarray, (*numbers, *at)), **params)
    return list(found) if equation.primitive.multiple_results else [found]


def _reduced(plus: Callable, x: Apart, axes: Sequence[int], shape: tuple[int, ...]) -> Apart:
    last = np.moveaxis(_places(x.shape), axes, range(-len(axes), 0))
    rows = last.reshape(math.prod(shape), -1)
    return Apart(shape, [functools.reduce(plus, (x.entries[i] for i in row)) for row in rows])


def _summed_up(plus: Callable, x: Apart, axis: int, reverse: bool) -> Apart:
    entries = list(x.entries)
    lines = np.moveaxis(_places(x.shape), axis, -1).reshape(-1, x.shape[axis])
    for line in lines[:, ::-1] if reverse else lines:
        for before, here in itertools.pairwise(line):
            entries[here] = plus(entries[before], entries[here])
    return Apart(x.shape, entries)


def _dot(values: list[Apart], numbers: Any, out: Any) -> Apart:
    (left_summed, right_summed), (left_batch, right_batch) = numbers
    left = _rows(_places(values[0].shape), left_summed, left_batch)
    right = _rows(_places(values[1].shape), right_summed, right_batch)
    a, b = ([lax.convert_element_type(e, out.dtype) for e in x.entries] for x in values)
    entries = [
        functools.reduce(lax.add, (lax.mul(a[i], b[j]) for i, j in zip(row, column, strict=True)))
        for rows, columns in zip(left, right, strict=True)
        for row in rows
        for column in columns
    ]
    return Apart(out.shape, entries)


def _rows(places: np.ndarray, summed: Sequence[int], batch: Sequence[int]) -> np.ndarray:
    """Axes (batch, free, summed) of an operand."""
    free = [i for i in range(places.ndim) if i not in (*summed, *batch)]
    ordered = places.transpose([*batch, *free, *summed])
    size = math.prod(places.shape[i] for i in batch), math.prod(places.shape[i] for i in summed)
    return ordered.reshape(size[0], -1, size[1])


def _looped(equation: JaxprEqn, values: list[Value]) -> list[Value]:
    """A loop that is unrolled to its end; others stay what they are."""
    params = equation.params
    length, jaxpr = params["length"], params["jaxpr"]
    consts, carry, rows = (list(x) for x in params["ft_in"].update(values).unpack())
    if params["unroll"] not in (0, length) or rows or len(carry) != len(jaxpr.out_avals):
        return _at_large(equation, values)
    for _ in range(length):
        carry = _called(jaxpr, [*consts, *carry])
        if len(jaxpr.eqns) > _LONG:
            carry = _kept(carry)
    return carry


def _kept(values: list[Value]) -> list[Value]:
    """The values, computed where nothing that follows is: a launch of its own."""
    wholes = [x for x in values if not isinstance(x, Apart)]
    entries = [e for x in values if isinstance(x, Apart) for e in x.entries]
    traced = [e for e in (*entries, *wholes) if _traced(e)]
    after = dict(zip(map(id, traced), lax.optimization_barrier(traced), strict=True))

    def same(x: Any) -> Any:
        return after.get(id(x), x)

    return [
        Apart(x.shape, [*map(same, x.entries)]) if isinstance(x, Apart) else same(x) for x in values
    ]


def _at_large(equation: JaxprEqn, values: list[Value]) -> list[Value]:
    """The operation itself, on whole arrays."""
    params = equation.primitive.get_bind_params(equation.params)
    found = equation.primitive.bind(*map(_whole, values), **params)
    return [_apart(x) for x in (found if equation.primitive.multiple_results else [found])]


def _apart(x: Any) -> Value:
    if x.size > _FEW:
        return jnp.asarray(x)
    if not isinstance(x, Tracer):
        return Apart(x.shape, list(np.asarray(x).ravel()))
    flat = x.reshape(-1)
    return Apart(x.shape, [lax.index_in_dim(flat, i, keepdims=False) for i in range(x.size)])


def _whole(x: Value) -> Array:
    if not isinstance(x, Apart):
        return x
    if not any(map(_traced, x.entries)):
        return jnp.asarray(np.reshape(np.asarray(x.entries), x.shape))
    return x.entries[0] if x.shape == () else jnp.stack(x.entries).reshape(x.shape)


def _places(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(math.prod(shape)).reshape(shape)


def _type(atom: Any) -> Any:
    return atom.aval


def _traced(entry: Entry) -> bool:
    return isinstance(entry, Tracer)


def needed(jaxpr: Jaxpr) -> Jaxpr:
    """Leave out of a traced function what its results do not need."""
    return jaxpr.replace(eqns=[*_equations(jaxpr)][::-1])


def _equations(jaxpr: Jaxpr) -> Iterator[JaxprEqn]:
    """Equations that the results need, last first."""
    needed = {x for x in jaxpr.outvars if not isinstance(x, Literal)}
    for equation in reversed(jaxpr.eqns):
        if not needed.isdisjoint(equation.outvars):
            needed.update(x for x in equation.invars if not isinstance(x, Literal))
            yield equation
