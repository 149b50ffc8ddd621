"""The target density: prior, constraints and chart joined; sees abstract models only."""

from collections.abc import Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from nmmjax.catalogue import known_or_bare
from nmmjax.constraints.base import Constraint
from nmmjax.errors import InputError
from nmmjax.physics.staging import kept
from nmmjax.target import chart as charts
from nmmjax.target import excess, naturalness, recording, undefined
from nmmjax.target.chart import Chart, Position
from nmmjax.target.model import Model, Observables, Theta, check_priors, guarded_predict
from nmmjax.target.offered import check_asked, suggest_parameter
from nmmjax.target.priors import Angle, Prior

type Groups = dict[str, dict[str, Array]]


class Posterior(eqx.Module):
    """log density over chart positions z, and everything recorded at stored draws.

    ln p(z) = sum_p ln prior(c_p) - ln|det dz/dc| + sum_i ln L_i + sum_j (prefer terms)

    -inf is zero density, and nothing else: outside hard prior bounds, outside the model's domain,
    or where a likelihood is 0. NaN is undefined density: inside both, but an observable that a
    term needs is not a finite number (`causes` tells which). Never +inf.

    A posterior is itself the target of an engine: calling it gives the log density, and the
    methods named `..._at` give what only some engines ask for, all at a chart position.
    """

    model: Model
    chart: Chart
    constraints: tuple[Constraint, ...]
    prefer: tuple[Constraint, ...]

    def __init__(
        self,
        model: Model,
        priors: Mapping[str, Prior | float] | None = None,
        constraints: Sequence[Constraint] = (),
        prefer: Sequence[Constraint] = (),
        chart: str = "auto",
    ):
        """`priors` replaces defaults of the model; a number fixes the parameter.

        Raises InputError for an unknown parameter, a constraint whose observables the model
        does not return, nothing left to sample, or single-precision JAX.
        """
        require_double_precision()
        given = dict(priors or {})
        names = [parameter.name for parameter in model.parameters]
        for name in given:
            if name not in names:
                hint = suggest_parameter(model, name)
                raise InputError(f"'{name}' is not a parameter of {type(model).__name__}{hint}")
        chosen = {p.name: given.get(p.name, p.prior) for p in model.parameters}
        sampled = {p: prior for p, prior in chosen.items() if isinstance(prior, Prior)}
        fixed = {p: float(x) for p, x in chosen.items() if not isinstance(x, Prior)}
        if not sampled:
            raise InputError("every parameter is fixed: there is nothing to sample")
        check_priors(model, chosen)
        self.model = model
        self.chart = charts.build(model, sampled, fixed, chart)
        self.constraints = tuple(constraints)
        self.prefer = tuple(prefer)
        check_asked(model, (*self.constraints, *self.prefer))

    @property
    def dim(self) -> int:
        return self.chart.dim

    @property
    def sampled(self) -> tuple[str, ...]:
        return tuple(p for p, _ in self.chart.priors)

    @property
    def periods(self) -> dict[str, float]:
        """Periods of the parameters that are angles: on a circle, or so in the catalogue."""
        known = {p.name: known_or_bare(p.name).period for p in self.model.parameters}
        circles = {p: prior.period for p, prior in self.chart.priors if isinstance(prior, Angle)}
        return {p: period for p, period in (known | circles).items() if period is not None}

    @property
    def hard_edges(self) -> tuple[str, ...]:
        """Sampled parameters whose prior has hard bounds, which gradient engines refuse."""
        return tuple(p for p, prior in self.chart.priors if prior.hard)

    def theta(self, z: Position) -> dict[str, Float[Array, ""]]:
        """Parameters at chart position z."""
        return self.chart.theta(z)

    def z(self, theta: Theta) -> Position:
        """Chart position of parameters theta."""
        return self.chart.z(theta)

    def from_unit(self, u: Float[Array, " dim"]) -> Position:
        """Return a prior draw as a chart position, from `dim` uniform numbers in (0, 1)."""
        return self.chart.position(self.coordinates_from_unit(u))

    def coordinates_from_unit(self, u: Float[Array, " dim"]) -> Position:
        """Return a prior draw in the priors' own coordinates."""
        slots = self.chart.slots
        return jnp.concatenate([prior.from_unit(u[slots[p]]) for p, prior in self.chart.priors])

    def __call__(self, z: Position) -> Float[Array, ""]:
        """`log_density`."""
        return self.log_density(z)

    def log_density(self, z: Position) -> Float[Array, ""]:
        """Log of the (unnormalised) density at chart position z: finite, -inf, or undefined NaN."""
        log_prior, log_likelihood = self._parts(*self.chart.inverse(z))
        return jnp.where(jnp.all(jnp.isfinite(z)), log_prior + log_likelihood, -jnp.inf)

    def log_density_of(self, c: Position, log_det: Float[Array, ""]) -> Float[Array, ""]:
        """Return the same density, over z, at prior coordinates c with ln|det dz/dc| there."""
        log_prior, log_likelihood = self._parts(c, log_det)
        return log_prior + log_likelihood

    def log_prior_at(self, z: Position) -> Float[Array, ""]:
        """Log prior density over chart positions, normalised: finite or -inf."""
        c, log_det = self.chart.inverse(z)
        log_prior = self._log_prior_coordinates(c) - log_det
        return jnp.where(jnp.isfinite(log_prior), log_prior, -jnp.inf)

    def log_likelihood_at(self, z: Position) -> Float[Array, ""]:
        """Log likelihood of all terms, wishes too; -inf outside the prior, NaN if undefined."""
        return self._parts(*self.chart.inverse(z))[1]

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters and scalar observables: what `quantities_at` returns."""
        return tuple(jax.eval_shape(self.quantities_at, jnp.zeros(self.dim)))

    def excess_at(self, z: Position) -> dict[str, Float[Array, ""]]:
        """Return the excess of z over each limit, prior bound and domain margin: <= 0 inside."""
        c = self.chart.coordinates(z)
        theta = self.chart.values(c)
        observables, _ = self._observables(theta)
        return (
            excess.of_limits(self.constraints, observables)
            | excess.of_bounds(self.chart, c)
            | excess.of_domain(self.model, theta)
        )

    @property
    def box(self) -> dict[str, tuple[float, float]]:
        """(low, high) of every sampled parameter whose prior has bounds."""
        return excess.box(self.chart)

    @property
    def walls(self) -> tuple[tuple[float, float], ...]:
        """(low, high) of each coordinate of z outside which the density is 0, as `Chart.walls`."""
        return self.chart.walls

    @property
    def planes(self) -> tuple[int, ...]:
        """Return the index of the first of the two coordinates of each parameter on a circle."""
        slots = self.chart.slots
        return tuple(slots[p].start for p, prior in self.chart.priors if prior.dims == 2)

    def quantities_at(self, z: Position) -> dict[str, Float[Array, ""]]:
        """Every parameter and scalar observable, fine-tuning measures included."""
        theta = self.theta(z)
        found = self.observables(theta)
        return theta | {k: v for k, v in found.items() if k not in theta and v.ndim == 0}

    def terms_at(self, z: Position) -> dict[str, Float[Array, ""]]:
        """Log likelihood of every constraint and prefer term, by name."""
        return self.terms(self.theta(z))

    def log_prior(self, theta: Theta) -> Float[Array, ""]:
        """Log prior density in the sampled parameters themselves."""
        return jnp.asarray(sum(prior.log_prior(theta[p]) for p, prior in self.chart.priors))

    def terms(self, theta: Theta) -> dict[str, Float[Array, ""]]:
        """Log likelihood of every constraint and prefer term, by name."""
        observables, _ = self._observables(theta)
        return {t.name: t.log_likelihood(observables) for t in (*self.constraints, *self.prefer)}

    def allowed(self, theta: Theta) -> Bool[Array, ""]:
        """Tell whether theta lies in the domain and inside every constraint's quoted limit."""
        observables, defined = self._observables(theta)
        return excess.all_allowed(self.constraints, observables, defined)

    def observables(self, theta: Theta) -> Observables:
        """Observables at one point, fine-tuning measures included."""
        return naturalness.with_measures(self.model, theta)[0]

    def record(
        self,
        draws: np.ndarray | Float[Array, "chain draw dim"],
        observables: tuple[str, ...] | None = None,
    ) -> Groups:
        """Everything to store at `draws`, by group: parameters and observables, terms, target.

        Arrays (chain, draw, ...) of the device, asked for and not waited for. `observables` are
        those wanted; None: all.
        """
        found = recording.record(eqx.Partial(self._stored, only=observables), jnp.asarray(draws))
        return {group: variables for group, variables in found.items() if variables}

    def variables(self) -> dict[str, dict[str, str | float]]:
        """Attributes of every variable of the `posterior` group: role, units, latex, long_name.

        And the period of an angle: where its prior is a circle, or the catalogue says so.
        """
        parameters = {p.name: p for p in self.model.parameters}
        found = {}
        for name in jax.eval_shape(self._stored, jnp.zeros(self.dim))["posterior"]:
            if name in parameters:
                p = parameters[name]
                role = "parameter" if name in self.sampled else "fixed"
                period = self.periods.get(name)
                found[name] = _attributes(role, p.unit, p.latex, p.description, period)
            else:
                q = known_or_bare(name)
                role = "derived" if name in ("tuning_bg", "tuning_cancel") else "observable"
                found[name] = _attributes(role, q.unit, q.latex, q.text, q.period)
        return found

    def _stored(
        self, z: Position, only: tuple[str, ...] | None = None
    ) -> dict[str, dict[str, Array]]:
        theta = self.theta(z)
        observables, defined = naturalness.with_measures(self.model, theta)
        both = observables | theta
        flat = {k: v for k, v in observables.items() if k not in theta}
        flat = flat if only is None else {k: v for k, v in flat.items() if k in only}
        return {
            "posterior": theta | flat,
            "log_likelihood": {c.name: c.log_likelihood(both) for c in self.constraints},
            "target": {
                "log_prior": self.log_prior(theta),
                "allowed": excess.all_allowed(self.constraints, both, defined),
            }
            | {term.name: term.log_likelihood(both) for term in self.prefer},
        }

    def _observables(self, theta: Theta) -> tuple[Observables, Bool[Array, ""]]:
        """Return what constraints use: observables, and parameters under their own names."""
        observables, defined = guarded_predict(self.model, theta)
        return observables | dict(theta), defined

    def _parts(
        self, c: Position, log_det: Float[Array, ""]
    ) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """(log prior density over z, log likelihood) at prior coordinates c.

        Outside prior and domain the likelihood is -inf, like one of zero; NaN where undefined.
        """
        log_prior = self._log_prior_coordinates(c) - log_det
        inside = kept(jnp.isfinite(log_prior))
        observables, defined = self._observables(self._values_or_reference(c, inside))
        terms = (*self.constraints, *self.prefer)
        total = jnp.asarray(sum((t.log_likelihood(observables) for t in terms), 0.0))
        # Computed once: the gradient of every parameter asks for it.
        sound = kept(inside & defined & jnp.isfinite(total))
        zero = ~(inside & defined) | jnp.isneginf(total)
        unknown = undefined.lost(c) | (inside & undefined.vague(self.model, self.chart.values(c)))
        zero = (zero & ~unknown) | undefined.negligible(self.chart, c)
        other = jnp.where(zero, -jnp.inf, jnp.nan)
        return jnp.where(inside, log_prior, -jnp.inf), jnp.where(sound, total, other)

    def _log_prior_coordinates(self, c: Position) -> Float[Array, ""]:
        slots = self.chart.slots
        return jnp.asarray(sum(prior.log_density(c[slots[p]]) for p, prior in self.chart.priors))

    def _values_or_reference(
        self, c: Position, inside: Bool[Array, ""]
    ) -> dict[str, Float[Array, ""]]:
        values = self.chart.values(c)
        return {p: jnp.where(inside, x, self.model.reference[p]) for p, x in values.items()}


def _attributes(
    role: str, units: str, latex: str, text: str, period: float | None
) -> dict[str, str | float]:
    about: dict[str, str | float] = {"role": role, "units": units, "latex": latex}
    return about | {"long_name": text} | ({} if period is None else {"period": period})


def require_double_precision() -> None:
    """Raise InputError unless JAX computes in float64."""
    if not jax.config.jax_enable_x64:  # pyright: ignore[reportAttributeAccessIssue]
        raise InputError(
            "nmmjax needs double precision (moments of 1e-12 mu_B come from cancellations): call "
            'jax.config.update("jax_enable_x64", True) first, or unset JAX_ENABLE_X64'
        )
