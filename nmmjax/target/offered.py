"""Names that a model offers to constraints, and the refusal of any other."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from nmmjax.constraints.base import Constraint
from nmmjax.errors import InputError, suggest
from nmmjax.target.model import Model


def offered(model: Model) -> set[str]:
    """Names that constraints may ask of a model, found without compiling or evaluating."""
    point = {p.name: jax.ShapeDtypeStruct((), jnp.float64) for p in model.parameters}
    return {*jax.eval_shape(model.predict, point), *point}


def check_asked(model: Model, terms: Sequence[Constraint]) -> None:
    """Raise InputError for a term whose observables the model does not return."""
    known = offered(model)
    for term in terms:
        for name in term.requires:
            if name not in known:
                wish = term.name == f"prefer_{name}"
                what = f"prefer.{name}" if wish else f"constraint '{term.name}'"
                raise InputError(
                    f"{what} needs observable '{name}', which "
                    f"{type(model).__name__} does not return{suggest(name, known)}"
                )
