r"""Coordinates of a cancellation: how deep it is, and which terms do the cancelling.

Mass terms compete. In units of the first their sum is

    t = 1 + sum_j sigma_j P_j,    P_j = |T_j/T_0| ~ prod_h handle_h^(b_jh),    sigma_j = +-1

so that ln P_j is linear in the logarithms of the handles, whose coordinates are replaced. Let S
be the terms of negative sign, j_0 the first of them, and O the positive ones. With the ratio of
the two sides, X = sum_S P/(1 + sum_O P),

    t   = (1 + sum_O P) (1 - X)
    g_j = ln(P_j/P_j0)           for the rest of S: the shares of the cancelling terms
    g_j = ln P_j                 for O
    u   = asinh(ln X/depth)      in the slot of j_0: the depth, both signs of t on one axis

a bijection of all positive P onto all u, g, without loss of digits anywhere, and

    ln|det d(u, g)/d ln P| = -ln(ln^2 X + depth^2)/2

Shares and signs come from an evaluation with the handles at their references. Powers are rarely
exact, and a cancellation to 1e-5 needs X to better than that: a second evaluation at the handles
h_0(g) that have X = 1 by their powers gives the ln X that they have in truth, which is added to
ln X along the line of that g. It depends on g alone, so that neither the bijection nor the
determinant change. Where signs differ there, or a term is not finite, nothing is added.

Where the sum is not measured but bounded by some m_0, the depth is that of each point,

    depth = 1/hypot(1, |T_0| (1 + sum_O P)/m_0)

at X = 1: u = asinh(sum/m_0) deep inside, flat in what the bound allows. It depends on g alone, too.

Where no term is negative nothing cancels: g_j = ln P_j for all of them. Handles are positive.
"""

import dataclasses
from collections.abc import Collection
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from nmmjax.target.handles import Columns, Frame, Scalar, Straight, replaced
from nmmjax.target.model import Cancellation

type Logs = Float[Array, " other"]


@dataclasses.dataclass(frozen=True)
class Competition:
    """A model's cancellation for the handles that are sampled.

    groups   terms that grow alike; the first group is the unit
    handles  as many as other groups
    powers   (group, handle) exponents of ln|T| in the logarithms of the handles
    depth    the scale of t
    bound    the scale of the sum in eV, in place of `depth`; 0 where that counts
    """

    groups: tuple[tuple[str, ...], ...]
    handles: tuple[str, ...]
    powers: tuple[tuple[float, ...], ...]
    depth: float
    bound: float = 0.0

    @property
    def labels(self) -> dict[str, str]:
        """What the coordinate of each handle is now, in words."""
        groups = zip(self.handles, self.groups[1:], strict=True)
        return {handle: f"depth or share of {'+'.join(group)}" for handle, group in groups}

    def forward(self, frame: Frame, r: Columns) -> Straight:
        """Slots and ln m of coordinates r."""
        at = [frame.index(handle) for handle in self.handles]
        first = self._first(frame, r, at)
        log_p = first.log_p + self.matrix @ (jnp.stack([r[i] for i in at]) - first.handles)
        log_x, shares = split(log_p, first.sign)
        ridge = self._on_ridge(frame, r, at, first, shares)
        depth = log_x + ridge.log_x
        slots = jnp.where(_sides(first.sign).first, jnp.arcsinh(depth / ridge.width), shares)
        return Straight(replaced(r, at, slots), *self._sum(ridge, log_x, depth))

    def inverse(self, frame: Frame, z: Columns) -> Straight:
        """Coordinates r and ln m of slots."""
        at = [frame.index(handle) for handle in self.handles]
        first, slots = self._first(frame, z, at), jnp.stack([z[i] for i in at])
        lead = _sides(first.sign).first
        shares = jnp.where(lead, 0.0, slots)
        ridge = self._on_ridge(frame, z, at, first, shares)
        depth = ridge.width * jnp.sinh(jnp.sum(jnp.where(lead, slots, 0.0)))
        log_x = jnp.where(jnp.any(lead), depth - ridge.log_x, 0.0)
        handles = ridge.handles + log_x * ridge.along
        return Straight(replaced(z, at, handles), *self._sum(ridge, log_x, depth))

    def deepened(self, frame: Frame, z: Columns, u: Scalar) -> Columns:
        """Slots with depth u of the cancellation."""
        at = [frame.index(handle) for handle in self.handles]
        lead = _sides(self._first(frame, z, at).sign).first
        return replaced(z, at, jnp.where(lead, u, jnp.stack([z[i] for i in at])))

    @property
    def matrix(self) -> np.ndarray:
        """b_jh: powers of the other groups in units of the first."""
        powers = np.array(self.powers)
        return powers[1:] - powers[0]

    @property
    def _log_det(self) -> float:
        """ln|det d ln P/d ln handles|."""
        return float(np.linalg.slogdet(self.matrix)[1])

    def _at(self, frame: Frame, r: Columns, at: list[int], handles: Logs) -> "_Terms":
        terms = frame.terms(replaced(r, at, handles))
        unit, *others = (sum(terms.pop(name) for name in group) for group in self.groups)
        ratio = jnp.stack([other / unit for other in others])
        sound = jnp.isfinite(ratio) & (ratio != 0.0)
        log_p = jnp.log(jnp.abs(jnp.where(sound, ratio, 1.0)))
        log_p = jnp.where(sound, log_p, jnp.log(jnp.abs(ratio)))
        rest = jnp.asarray(sum(terms.values(), 0.0))
        return _Terms(handles, jnp.asarray(unit), log_p, jnp.sign(ratio), rest)

    def _first(self, frame: Frame, r: Columns, at: list[int]) -> "_Terms":
        """The terms with every handle at its reference."""
        return self._at(frame, r, at, jnp.array([frame.reference(h) for h in self.handles]))

    def _on_ridge(
        self, frame: Frame, r: Columns, at: list[int], first: "_Terms", shares: Logs
    ) -> "_Ridge":
        """The terms where X = 1 by their powers."""
        back = np.linalg.inv(self.matrix)
        log_p = join(jnp.zeros(()), shares, first.sign)
        handles = first.handles + back @ (log_p - first.log_p)
        found = self._at(frame, r, at, handles)
        same = jnp.all(found.sign == first.sign) & jnp.all(jnp.isfinite(found.log_p))
        same = same & jnp.isfinite(found.rest) & jnp.isfinite(found.unit)
        log_p = jnp.where(same, found.log_p, log_p)
        grown = first.unit * jnp.exp(jnp.asarray(self.powers[0]) @ (handles - first.handles))
        side = _sides(first.sign)
        scale, unit = side.others(log_p), jnp.where(same, found.unit, grown)
        return _Ridge(
            handles=handles,
            along=jnp.asarray(back) @ side.solved,
            log_x=split(log_p, first.sign)[0],
            cancels=jnp.any(side.solved),
            scale=scale,
            unit=unit,
            rest=jnp.where(same, found.rest, first.rest),
            width=self._width(unit * scale),
        )

    def _width(self, largest: Scalar) -> Scalar:
        """The scale of ln X where the positive terms add up to `largest`."""
        if self.bound == 0.0:
            return jnp.full_like(largest, self.depth)
        return 1.0 / jnp.hypot(1.0, largest / self.bound)

    def _sum(self, ridge: "_Ridge", log_x: Scalar, depth: Scalar) -> tuple[Scalar, Scalar]:
        """(ln|mass|, ln|det|) at ln X = log_x by powers, depth in truth."""
        unit = ridge.unit * jnp.exp(jnp.asarray(self.powers[0]) @ ridge.along * log_x)
        t = ridge.scale * jnp.where(ridge.cancels, -jnp.expm1(depth), 1.0)
        squeezed = -0.5 * jnp.log(depth**2 + ridge.width**2)
        log_det = self._log_det + jnp.where(ridge.cancels, squeezed, 0.0)
        return jnp.log(jnp.abs(unit * t + ridge.rest)), log_det


class _Terms(NamedTuple):
    """Terms at some handles: the unit, ln|T_j/unit| and signs of the others, and the rest."""

    handles: Logs
    unit: Scalar
    log_p: Logs
    sign: Logs
    rest: Scalar


class _Ridge(NamedTuple):
    """The terms at the handles that have X = 1 by their powers.

    along   d handles/d ln X where the shares stay
    log_x   ln X there in truth
    scale   1 + sum_O P
    width   the depth that is resolved
    """

    handles: Logs
    along: Logs
    log_x: Scalar
    cancels: Bool[Array, ""]
    scale: Scalar
    unit: Scalar
    rest: Scalar
    width: Scalar


def compete(
    declared: Cancellation, sampled: set[str], zero: Collection[str] = ()
) -> Competition | None:
    """Return the competition of `declared` whose handles are `sampled` in logarithms.

    Terms that no sampled handle sets apart form one group; those with a handle that is `zero` are
    none. None where handles and groups do not match: nothing cancels, or a group has no handle of
    its own.
    """
    handles = [h for h in declared.handles if h in sampled]
    rows: dict[tuple[float, ...], list[str]] = {}
    for name, powers in declared.terms:
        if not any(h in zero for h, _ in powers):
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
        declared.bound,
    )


def _independent(matrix: np.ndarray, count: int) -> list[int] | None:
    """The first `count` columns that make `matrix` invertible."""
    chosen: list[int] = []
    for i in range(matrix.shape[1]):
        if np.linalg.matrix_rank(matrix[:, [*chosen, i]]) > len(chosen):
            chosen.append(i)
    return chosen if len(chosen) == count else None


def split(log_p: Logs, sign: Logs) -> tuple[Scalar, Logs]:
    """(ln X, g) of terms with ln P and signs sigma; g is 0 in the slot of j_0."""
    side = _sides(sign)
    lead = jnp.sum(jnp.where(side.first, log_p, 0.0))
    shares = jnp.where(side.solved, log_p - lead, log_p)
    log_x = lead + jnp.log(side.shares(shares)) - jnp.log(side.others(shares))
    return jnp.where(jnp.any(side.solved), log_x, 0.0), shares


def join(log_x: Scalar, shares: Logs, sign: Logs) -> Logs:
    """ln P of ln X and g."""
    side = _sides(sign)
    lead = log_x + jnp.log(side.others(shares)) - jnp.log(side.shares(shares))
    return jnp.where(side.first, lead, jnp.where(side.solved, shares + lead, shares))


class _Sides(NamedTuple):
    """The negative terms and the first of them, as masks; both empty where nothing cancels."""

    solved: Bool[Array, " other"]
    first: Bool[Array, " other"]

    def others(self, shares: Logs) -> Scalar:
        """1 + sum of the positive P."""
        return 1.0 + _sum_of(~self.solved, shares)

    def shares(self, shares: Logs) -> Scalar:
        """sum of the negative P over the first of them; 1 where there is none."""
        return 1.0 + _sum_of(self.solved & ~self.first, shares)


def _sum_of(mask: Bool[Array, " other"], logs: Logs) -> Scalar:
    return jnp.sum(jnp.where(mask, jnp.exp(jnp.where(mask, logs, 0.0)), 0.0))


def _sides(sign: Logs) -> _Sides:
    solved = sign < 0.0
    return _Sides(solved, solved & (jnp.cumsum(solved) == 1))
