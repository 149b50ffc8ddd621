r"""Coordinates of a cancellation: how deep it is, and which terms do the cancelling.

Mass terms compete. In units of the first their sum is

    t = 1 + sum_j sigma_j P_j,    P_j = |T_j/T_0| ~ prod_h handle_h^(b_jh),    sigma_j = +-1

so that ln P_j is linear in the logarithms of the handles, whose coordinates are replaced. Let S
be the terms of negative sign, j_0 the first of them, and O the positive ones. With the ratio of
the two sides, X = sum_S P/(1 + sum_O P),

    t   = (1 + sum_O P) (1 - X)
    u   = asinh(ln X/depth)      in the slot of j_0: the depth, both signs of t on one axis
    g_j = ln(P_j/P_j0)           for the rest of S: the shares of the cancelling terms
    g_j = ln P_j                 for O

a bijection of all positive P onto all u, g, without loss of digits anywhere, and

    ln|det d(u, g)/d ln P| = -ln(ln^2 X + depth^2)/2

Where no term is negative nothing cancels: g_j = ln P_j for all of them. Signs are those at
reference values of the handles: handles are positive and change none.
"""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from nmmjax.target.model import Cancellation


@dataclasses.dataclass(frozen=True)
class Competition:
    """A model's cancellation for the handles that are sampled.

    groups   terms that grow alike; the first group is the unit
    handles  as many as other groups
    powers   (group, handle) exponents of ln|T| in the logarithms of the handles
    depth    the scale of t
    """

    groups: tuple[tuple[str, ...], ...]
    handles: tuple[str, ...]
    powers: tuple[tuple[float, ...], ...]
    depth: float

    @property
    def matrix(self) -> np.ndarray:
        """b_jh: powers of the other groups in units of the first."""
        powers = np.array(self.powers)
        return powers[1:] - powers[0]

    @property
    def terms(self) -> tuple[str, ...]:
        return tuple(name for group in self.groups for name in group)

    @property
    def log_det(self) -> float:
        """ln|det d ln P/d ln handles|."""
        return float(np.linalg.slogdet(self.matrix)[1])


class Depth(NamedTuple):
    """(u, g) or ln P, the sum t in units of the first term, and ln|det d(u, g)/d ln P|."""

    slots: Float[Array, " other"]
    t: Float[Array, ""]
    log_det: Float[Array, ""]


def compete(declared: Cancellation, sampled: set[str]) -> Competition | None:
    """Return the competition of `declared` whose handles are `sampled` in logarithms.

    Terms that no sampled handle sets apart form one group. None where handles and groups do not
    match: nothing cancels, or a group has no handle of its own.
    """
    handles = [h for h in declared.handles if h in sampled]
    rows: dict[tuple[float, ...], list[str]] = {}
    for name, powers in declared.terms:
        rows.setdefault(tuple(dict(powers).get(h, 0.0) for h in handles), []).append(name)
    powers = np.array([*rows])
    chosen = _independent(powers[1:] - powers[0], len(rows) - 1) if len(rows) > 1 else None
    if chosen is None:
        return None
    return Competition(
        tuple(map(tuple, rows.values())),
        tuple(handles[i] for i in chosen),
        tuple(tuple(float(x) for x in row[chosen]) for row in powers),
        declared.depth,
    )


def _independent(matrix: np.ndarray, count: int) -> list[int] | None:
    """The first `count` columns that make `matrix` invertible."""
    chosen: list[int] = []
    for i in range(matrix.shape[1]):
        if np.linalg.matrix_rank(matrix[:, [*chosen, i]]) > len(chosen):
            chosen.append(i)
    return chosen if len(chosen) == count else None


def forward(log_p: Float[Array, " other"], sign: Float[Array, " other"], depth: float) -> Depth:
    """Depth and shares (u, g) of terms with ln P and signs sigma."""
    side = _sides(sign)
    lead = jnp.sum(jnp.where(side.first, log_p, 0.0))
    shares = jnp.where(side.solved, log_p - lead, log_p)
    scale = side.others(shares)
    log_x = lead + jnp.log(side.shares(shares)) - jnp.log(scale)
    slots = jnp.where(side.first, jnp.arcsinh(log_x / depth), shares)
    return Depth(slots, *_sum(side, scale, log_x, depth))


def inverse(slots: Float[Array, " other"], sign: Float[Array, " other"], depth: float) -> Depth:
    """ln P of depth and shares (u, g)."""
    side = _sides(sign)
    scale = side.others(slots)
    log_x = depth * jnp.sinh(jnp.sum(jnp.where(side.first, slots, 0.0)))
    lead = log_x + jnp.log(scale) - jnp.log(side.shares(slots))
    log_p = jnp.where(side.first, lead, jnp.where(side.solved, slots + lead, slots))
    return Depth(log_p, *_sum(side, scale, log_x, depth))


class _Sides(NamedTuple):
    """The negative terms and the first of them, as masks; both empty where nothing cancels."""

    solved: Bool[Array, " other"]
    first: Bool[Array, " other"]

    def others(self, slots: Float[Array, " other"]) -> Float[Array, ""]:
        """1 + sum of the positive P."""
        return 1.0 + jnp.sum(jnp.where(self.solved, 0.0, jnp.exp(_where(~self.solved, slots))))

    def shares(self, slots: Float[Array, " other"]) -> Float[Array, ""]:
        """sum of the negative P over the first of them; 1 where there is none."""
        rest = self.solved & ~self.first
        return 1.0 + jnp.sum(jnp.where(rest, jnp.exp(_where(rest, slots)), 0.0))


def _where(mask: Bool[Array, " other"], slots: Float[Array, " other"]) -> Float[Array, " other"]:
    return jnp.where(mask, slots, 0.0)


def _sides(sign: Float[Array, " other"]) -> _Sides:
    solved = sign < 0.0
    return _Sides(solved, solved & (jnp.cumsum(solved) == 1))


def _sum(side: _Sides, scale: Array, log_x: Array, depth: float) -> tuple[Array, Array]:
    """(t, ln|det|)."""
    cancels = jnp.any(side.solved)
    t = jnp.where(cancels, -scale * jnp.expm1(log_x), scale)
    return t, jnp.where(cancels, -0.5 * jnp.log(log_x**2 + depth**2), 0.0)
