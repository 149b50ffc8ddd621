"""One function of few numbers at many points: programs for a CPU, and those for an accelerator.

A CPU takes the function as it was written. For an accelerator it is evaluated again, number by
number (`apart`), when a program is lowered for one; a CPU never pays for that.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.core import ShapedArray, Tracer, eval_jaxpr
from jax.extend.core import Jaxpr, Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float

from . import apart

type Target = Callable[[Float[Array, " dim"]], Float[Array, ""]]
type Mapped = Callable[[Target, Float[Array, "dim *n"]], Float[Array, " *n"]]


@dataclasses.dataclass(frozen=True, eq=False)
class _Function:
    """A traced target: its constants, None in the place of those that are traced themselves."""

    jaxpr: Jaxpr
    consts: tuple[Any, ...]
    on_cpu: Mapped

    def filled(self, traced: Sequence[Array]) -> list[Any]:
        given = iter(traced)
        return [next(given) if c is None else c for c in self.consts]


def mapped(target: Target, position: Float[Array, "dim *n"], on_cpu: Mapped) -> Float[Array, " *n"]:
    """Apply target over the trailing axes: `on_cpu` of it on a CPU, number by number elsewhere.

    Under `vmap` and derivatives what `on_cpu` gives is taken on every platform.
    """
    point = jax.ShapeDtypeStruct(position.shape[:1], position.dtype)
    jaxpr = jax.make_jaxpr(target)(point)
    if jaxpr.effects:
        return on_cpu(target, position)
    traced = [c for c in jaxpr.consts if isinstance(c, Tracer)]
    consts = tuple(None if isinstance(c, Tracer) else c for c in jaxpr.consts)
    return _mapped.bind(*traced, position, function=_Function(apart.needed(jaxpr), consts, on_cpu))


def _usual(*args: Array, function: _Function) -> Array:
    consts = function.filled(args[:-1])
    return function.on_cpu(lambda z: eval_jaxpr(function.jaxpr, consts, z)[0], args[-1])


def _by_columns(*args: Array, function: _Function) -> Array:
    each = functools.partial(apart.evaluated, function.jaxpr, function.filled(args[:-1]))
    for _ in args[-1].shape[1:]:
        each = jax.vmap(each, in_axes=-1, out_axes=-1)
    return each(*args[-1])


def _type(*args: Any, function: _Function) -> ShapedArray:
    result: Any = function.jaxpr.out_avals[0]
    return ShapedArray(args[-1].shape[1:], result.dtype)


def _at_once(*args: Array, function: _Function) -> Array:
    return jax.jit(lambda *args: _mapped.bind(*args, function=function))(*args)


def _batched(args: Any, axes: Any, *, function: _Function) -> tuple[Array, int]:
    return jax.vmap(functools.partial(_usual, function=function), in_axes=axes)(*args), 0


def _differentiated(values: Any, tangents: Any, *, function: _Function) -> tuple[Array, Array]:
    tangents = [ad.instantiate_zeros(t) for t in tangents]
    return jax.jvp(functools.partial(_usual, function=function), [*values], tangents)


_mapped = Primitive("mapped_by_columns")
_mapped.def_impl(_at_once)
_mapped.def_abstract_eval(_type)
batching.primitive_batchers[_mapped] = _batched
ad.primitive_jvps[_mapped] = _differentiated
mlir.register_lowering(_mapped, mlir.lower_fun(_usual, multiple_results=False), platform="cpu")
mlir.register_lowering(_mapped, mlir.lower_fun(_by_columns, multiple_results=False))
