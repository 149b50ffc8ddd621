"""Any model in NumPy: the operations that JAX traced, one after the other, one point at a time.

What a careful user would get from the same formulas without a compiler. Nested calls are walked
through; every primitive is one NumPy call.
"""

import unittest.mock
from collections.abc import Callable

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

type Evaluator = Callable[[np.ndarray], list[np.ndarray]]

_PLAIN = {
    "abs": np.abs,
    "add": np.add,
    "add_any": np.add,
    "and": np.bitwise_and,
    "asinh": np.arcsinh,
    "atan2": np.arctan2,
    "atanh": np.arctanh,
    "complex": lambda re, im: re + 1j * im,
    "conj": lambda x, **_: np.conj(x),
    "copy": np.asarray,
    "copy_p": np.asarray,
    "cos": np.cos,
    "cosh": np.cosh,
    "div": np.divide,
    "eq": np.equal,
    "exp": np.exp,
    "expm1": np.expm1,
    "ge": np.greater_equal,
    "gt": np.greater,
    "imag": np.imag,
    "is_finite": np.isfinite,
    "le": np.less_equal,
    "log": np.log,
    "log1p": np.log1p,
    "lt": np.less,
    "logistic": lambda x: 1.0 / (1.0 + np.exp(-x)),
    "max": np.maximum,
    "min": np.minimum,
    "mul": np.multiply,
    "ne": np.not_equal,
    "neg": np.negative,
    "not": np.invert,
    "or": np.bitwise_or,
    "pow": np.power,
    "real": np.real,
    "rem": np.fmod,
    "sign": np.sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "square": np.square,
    "stop_gradient": np.asarray,
    "sub": np.subtract,
    "tan": np.tan,
    "tanh": np.tanh,
}


def evaluator(function: Callable, example: np.ndarray) -> Evaluator:
    """A NumPy function of one point that repeats what `function` traces to at `example`."""
    # Off a CPU the models take all nodes of an integral at once, which suits NumPy as well.
    with unittest.mock.patch.object(jax, "default_backend", return_value="numpy"):
        closed = jax.make_jaxpr(function)(example)

    def evaluate(point: np.ndarray) -> list[np.ndarray]:
        with np.errstate(all="ignore"):
            return _run(closed.jaxpr, closed.consts, [point])

    return evaluate


def _run(jaxpr: Jaxpr, consts, arguments) -> list[np.ndarray]:
    values = {}

    def read(atom):
        return atom.val if isinstance(atom, Literal) else values[atom]

    for variables, given in ((jaxpr.constvars, consts), (jaxpr.invars, arguments)):
        values.update(zip(variables, map(np.asarray, given), strict=True))
    for equation in jaxpr.eqns:
        found = _primitive(equation, [read(x) for x in equation.invars])
        values.update(zip(equation.outvars, found, strict=True))
    return [np.asarray(read(x)) for x in jaxpr.outvars]


def _primitive(equation, x) -> list:
    name, options = equation.primitive.name, equation.params
    if name in _PLAIN:
        return [_PLAIN[name](*x)]
    for key in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        if key in options and name not in ("while", "scan"):
            inner = options[key]
            closed = isinstance(inner, ClosedJaxpr)
            return _run(inner.jaxpr, inner.consts, x) if closed else _run(inner, (), x)
    if name in ("while", "scan"):
        return (_while if name == "while" else _scan)(options, x)
    if name == "optimization_barrier":
        return x
    if name == "platform_index":
        return [0]  # the branch of the CPU
    if name == "cond":
        chosen = options["branches"][int(x[0])]
        return _run(chosen.jaxpr, chosen.consts, x[1:])
    if name == "unstack":
        return list(np.moveaxis(x[0], options["axis"], 0))
    return [_SHAPED[name](options, *x)]


def _while(options, x):
    n_cond, n_body = options["cond_nconsts"], options["body_nconsts"]
    cond, body = options["cond_jaxpr"], options["body_jaxpr"]
    shared, own, state = x[:n_cond], x[n_cond : n_cond + n_body], x[n_cond + n_body :]
    while _run(cond.jaxpr, cond.consts, [*shared, *state])[0]:
        state = _run(body.jaxpr, body.consts, [*own, *state])
    return state


def _scan(options, x):
    """Loops of fixed length: everything is carried."""
    inner = options["jaxpr"]
    assert len(inner.jaxpr.outvars) == len(x)
    for _ in range(options["length"]):
        x = _run(inner.jaxpr, inner.consts, x)
    return x


def _counted(options):
    shape, axis = options["shape"], options["dimension"]
    others = [i for i in range(len(shape)) if i != axis]
    index = np.arange(shape[axis], dtype=options["dtype"])
    return np.broadcast_to(np.expand_dims(index, others), shape)


def _broadcast(options, x):
    shape = [1] * len(options["shape"])
    for axis, size in zip(options["broadcast_dimensions"], np.shape(x), strict=True):
        shape[axis] = size
    return np.broadcast_to(np.reshape(x, shape), options["shape"])


def _contracted(options, a, b):
    ((left, right), (batch, _)) = options["dimension_numbers"]
    assert not batch
    return np.tensordot(a, b, (left, right))


def _sliced(options, x):
    strides = options["strides"] or [1] * np.ndim(x)
    bounds = zip(options["start_indices"], options["limit_indices"], strides, strict=True)
    return x[tuple(slice(*each) for each in bounds)]


def _sliced_at(options, x, *starts):
    sizes = options["slice_sizes"]
    return x[tuple(slice(a, a + n) for a, n in zip(starts, sizes, strict=True))]


def _gathered(options, x, indices):
    """Basic indexing alone: one slice, or rows along one axis."""
    numbers, sizes = options["dimension_numbers"], options["slice_sizes"]
    axes, gone = numbers.start_index_map, numbers.collapsed_slice_dims
    if np.ndim(indices) > 1:
        ((axis,),) = (axes,)
        return np.take(x, indices[..., 0], axis=axis)
    starts = [0] * np.ndim(x)
    for axis, start in zip(axes, indices, strict=True):
        starts[axis] = min(max(int(start), 0), x.shape[axis] - sizes[axis])
    ranges = (slice(a, a + n) for a, n in zip(starts, sizes, strict=True))
    return np.squeeze(x[tuple(ranges)], gone)


def _scattered(options, x, indices, updates):
    numbers = options["dimension_numbers"]
    where = [slice(None)] * np.ndim(x)
    for axis, start in zip(numbers.scatter_dims_to_operand_dims, np.ravel(indices), strict=True):
        where[axis] = int(start)
    out = np.array(x)
    out[tuple(where)] = updates
    return out


_SHAPED = {
    "argmax": lambda o, x: np.argmax(x, axis=o["axes"][0]),
    "bitcast_convert_type": lambda o, x: np.asarray(x).view(o["new_dtype"]),
    "broadcast_in_dim": _broadcast,
    "call_hi_primitive": lambda o, a, v: np.searchsorted(a, v, o["_prim"].side),
    "clamp": lambda o, low, x, high: np.clip(x, low, high),
    "concatenate": lambda o, *x: np.concatenate(x, axis=o["dimension"]),
    "convert_element_type": lambda o, x: np.asarray(x).astype(o["new_dtype"]),
    "dot_general": _contracted,
    "dynamic_slice": _sliced_at,
    "gather": _gathered,
    "integer_pow": lambda o, x: x ** float(o["y"]) if o["y"] < 0 else x ** o["y"],
    "iota": _counted,
    "pad": lambda o, x, fill: np.pad(
        x, [(a, b) for a, b, _ in o["padding_config"]], constant_values=fill
    ),
    "reduce_and": lambda o, x: np.all(x, axis=o["axes"]),
    "reduce_max": lambda o, x: np.max(x, axis=o["axes"]),
    "reduce_min": lambda o, x: np.min(x, axis=o["axes"]),
    "reduce_or": lambda o, x: np.any(x, axis=o["axes"]),
    "reduce_sum": lambda o, x: np.sum(x, axis=o["axes"]),
    "reshape": lambda o, x: np.reshape(x, o["new_sizes"]),
    "rev": lambda o, x: np.flip(x, o["dimensions"]),
    "scatter": _scattered,
    "select_n": lambda o, which, *x: np.choose(np.asarray(which).astype(int), x),
    "slice": _sliced,
    "stack": lambda o, *x: np.stack(x, axis=o["axis"]),
    "sort": lambda o, x: np.sort(x, axis=o["dimension"]),
    "squeeze": lambda o, x: np.squeeze(x, o["dimensions"]),
    "transpose": lambda o, x: np.transpose(x, o["permutation"]),
}
