"""What some engines ask of a target beyond its log density."""

from typing import Protocol, runtime_checkable

from jaxtyping import Array, Float

from ..base import LogDensity


@runtime_checkable
class PriorTimesLikelihood(Protocol):
    """A target known as prior times likelihood, which is what an evidence needs.

    target(z) = log_prior_at(z) + log_likelihood_at(z); the prior is normalised over z.
    """

    @property
    def dim(self) -> int: ...

    def __call__(self, z: Float[Array, " dim"]) -> Float[Array, ""]: ...

    def log_prior_at(self, z: Float[Array, " dim"]) -> Float[Array, ""]: ...

    def log_likelihood_at(self, z: Float[Array, " dim"]) -> Float[Array, ""]: ...

    def from_unit(self, u: Float[Array, " dim"]) -> Float[Array, " dim"]:
        """Return a prior draw from `dim` uniform numbers in (0, 1)."""
        ...


@runtime_checkable
class Described(PriorTimesLikelihood, Protocol):
    """A target that also names what it computes, for engines that maximise.

    quantities_at  scalars by name, those of `names`
    terms_at       log likelihood of each constraint
    excess_at      by constraint, prior bound and domain margin: <= 0 where it allows the point
    box            (low, high) of every parameter with bounds
    """

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def box(self) -> dict[str, tuple[float, float]]: ...

    def quantities_at(self, z: Float[Array, " dim"]) -> dict[str, Float[Array, ""]]: ...

    def terms_at(self, z: Float[Array, " dim"]) -> dict[str, Float[Array, ""]]: ...

    def excess_at(self, z: Float[Array, " dim"]) -> dict[str, Float[Array, ""]]: ...


def require_methods(engine: str, target: LogDensity, kind: type) -> None:
    """Raise ValueError unless `target` has every method of a protocol such as `Described`."""
    missing = [
        name
        for base in kind.__mro__
        for name in vars(base)
        if not name.startswith("_") and not hasattr(target, name)
    ]
    if missing:
        raise ValueError(
            f"{engine} needs more than a log density: the target has no {', '.join(missing)}"
        )
