"""A model as plain data, and back; the dicts that name every family's members.

To add a member: one class in ``parts/``, one line here. Its family's laws then run over it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any

from vitral.errors import UsageError, unknown
from vitral.model import Model
from vitral.parts.layers import STANDARD_DEVIATIONS, Affine, Chain, ReLU, Sigmoid, Softplus, Tanh
from vitral.parts.likelihoods import LINKS, Bernoulli, GaussianFixed, GaussianLearned
from vitral.parts.objectives import ELBO, Reconstruction
from vitral.parts.optimisers import SGD, Adam, Momentum
from vitral.parts.posteriors import DiagonalGaussian, Point
from vitral.parts.priors import StandardNormal
from vitral.parts.schedules import Constant, Linear

Entry = str | Mapping[str, Any]  # "adam", or {"kind": "adam", "b1": 0.9}

ACTIVATIONS = {"relu": ReLU, "sigmoid": Sigmoid, "softplus": Softplus, "tanh": Tanh}
LAYERS = {"affine": Affine, "chain": Chain, **ACTIVATIONS}


@dataclass(frozen=True)
class MLP:
    """A chain of affine layers with one activation between them, and a linear head.

    ``weights`` initialises the layers before an activation ("auto": He before a ReLU, Glorot otherwise),
    ``head`` the last one. ``quiet`` starts a log-variance head at zero, so that sigma starts at 1.
    """

    hidden: tuple[int, ...] = (400,)
    activation: str = "relu"
    weights: str = "auto"
    head: str = "lecun"
    quiet: bool = True

    def build(self, n_in: int, n_out: int, log_variances: int = 0) -> Chain:
        """The network; the last ``log_variances`` outputs are log-variances."""
        self.check()
        weights = (
            ("he" if self.activation == "relu" else "glorot") if self.weights == "auto" else self.weights
        )
        layers: list[Any] = []
        for width in self.hidden:
            layers += [Affine(n_in, width, weights), ACTIVATIONS[self.activation]()]
            n_in = width
        layers.append(Affine(n_in, n_out, self.head, log_variances if self.quiet else 0))
        return Chain(tuple(layers))

    def check(self) -> None:
        """Refuse sizes and names that do not exist."""
        if not isinstance(self.hidden, tuple | list):
            raise UsageError(
                f"hidden must be a list of whole numbers, got {self.hidden!r}: write for example [400]"
            )
        for width in self.hidden:
            positive("hidden", width)
        if self.activation not in ACTIVATIONS:
            raise unknown("activation", self.activation, ACTIVATIONS)
        for name in {self.weights, self.head} - {"auto"}:
            if name not in STANDARD_DEVIATIONS:
                raise unknown("initialisation", name, STANDARD_DEVIATIONS)


NETWORKS = {"mlp": MLP}
LIKELIHOODS = {"bernoulli": Bernoulli, "gaussian_fixed": GaussianFixed, "gaussian_learned": GaussianLearned}
POSTERIORS = {"diagonal": DiagonalGaussian, "point": Point}
PRIORS = {"standard_normal": StandardNormal}
OBJECTIVES = {"elbo": ELBO, "reconstruction": Reconstruction}
OPTIMISERS = {"adam": Adam, "momentum": Momentum, "sgd": SGD}
SCHEDULES = {"constant": Constant, "linear": Linear}


def member(family: str, members: Mapping[str, type], entry: Entry, **given: Any) -> Any:
    """The member of a family that ``entry`` names, made with its options and what is ``given``."""
    options = {"kind": entry} if isinstance(entry, str) else dict(entry)
    kind = str(options.pop("kind", next(iter(members)) if len(members) == 1 else "none given"))
    if kind not in members:
        raise unknown(family, kind, members)
    made = members[kind]
    known = {f.name: f.default for f in fields(made) if f.name not in given}
    for key, value in options.items():
        if key not in known:
            raise unknown(f"key of {family} {kind!r}:", key, known)
        _check_option(f"{family} {key}", value, known[key])
    return made(**{key: _thawed(value) for key, value in options.items()}, **given)


def _check_option(name: str, value: Any, default: Any) -> None:
    """An option is of the kind of its default; a number is finite, not negative, and a decay is below 1."""
    if isinstance(default, bool | str) and type(value) is not type(default):
        what = "text" if isinstance(default, str) else "true or false"
        raise UsageError(f"{name} must be {what}, got {value!r}: correct it")
    if isinstance(default, bool) or not isinstance(default, float) or isinstance(value, Mapping):
        return
    decay = name.endswith((" b1", " b2", " rho"))
    limit = 1.0 if decay else math.inf
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value < limit:
        what = "a number of at least 0 and below 1" if decay else "a finite number of at least 0"
        raise UsageError(f"{name} must be {what}, got {value!r}: correct it")


def described(members: Mapping[str, type], made: Any, *without: str) -> dict[str, Any]:
    """The inverse of ``member``: its kind and every option written out."""
    kind = next(name for name, cls in members.items() if cls is type(made))
    return {"kind": kind, **{key: _plain(value) for key, value in asdict(made).items() if key not in without}}


def objective(entry: Entry) -> Any:
    """An objective; its beta may be a number or a schedule such as {"kind": "linear", "steps": 1000}."""
    made = member("objective", OBJECTIVES, entry)
    if isinstance(made, ELBO):
        if made.kl not in ("closed", "sampled"):
            raise unknown("kl", made.kl, ("closed", "sampled"))
        if isinstance(made.beta, Mapping):
            return ELBO(member("schedule", SCHEDULES, made.beta), made.kl)
    return made


def described_objective(made: Any) -> dict[str, Any]:
    """The inverse of ``objective``."""
    entry = described(OBJECTIVES, made)
    if isinstance(made, ELBO) and not isinstance(made.beta, int | float):
        entry["beta"] = described(SCHEDULES, made.beta)
    return entry


def positive(name: str, value: Any, kind: type = int) -> None:
    """Refuse what is not a positive number of this kind."""
    numbers = (int,) if kind is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, numbers) or not 0 < value < math.inf:
        what = "whole number" if kind is int else "number"
        raise UsageError(
            f"{name} must be a positive {what}, got {value!r}: give one of at least 1"
            if kind is int
            else f"{name} must be a positive {what}, got {value!r}: give one above 0"
        )


@dataclass(frozen=True)
class Spec:
    """What a model is, as plain data: JSON-able, complete, stored in every model file.

    ``features`` D, ``latent`` L; ``image_shape`` (H, W) or (H, W, C) where rows are images.

    >>> Spec(features=784, latent=2).build().parameters
    631189
    """

    features: int
    latent: int
    encoder: Entry = field(default_factory=lambda: {"kind": "mlp"})
    decoder: Entry = field(default_factory=lambda: {"kind": "mlp"})
    posterior: Entry = "diagonal"
    prior: Entry = "standard_normal"
    likelihood: Entry = "gaussian_learned"
    image_shape: tuple[int, ...] | None = None

    @classmethod
    def from_dict(cls, entries: Mapping[str, Any]) -> Spec:
        """A spec from plain data; unknown keys are errors that name the nearest known one."""
        known = {f.name: f for f in fields(cls)}
        for key in entries:
            if key not in known:
                raise unknown("key of a model spec:", key, known)
        for name, f in known.items():
            if name not in entries and f.default is MISSING and f.default_factory is MISSING:
                raise UsageError(f"a model spec needs {name!r}, and this one has none: add it")
        return cls(
            **{key: _thawed(value) if key == "image_shape" else value for key, value in entries.items()}
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data with every default written out; ``from_dict`` of it gives an equal model."""
        model = self.build()
        return {
            "features": self.features,
            "latent": self.latent,
            "encoder": described(NETWORKS, member("network", NETWORKS, self.encoder)),
            "decoder": described(NETWORKS, member("network", NETWORKS, self.decoder)),
            "posterior": described(POSTERIORS, model.posterior, "latent"),
            "prior": described(PRIORS, model.prior, "latent"),
            "likelihood": described(LIKELIHOODS, model.likelihood),
            "image_shape": None if self.image_shape is None else list(self.image_shape),
        }

    def build(self) -> Model:
        """The model that this spec describes."""
        positive("features", self.features)
        positive("latent", self.latent)
        likelihood = member("likelihood", LIKELIHOODS, self.likelihood)
        _check_likelihood(likelihood)
        posterior = member("posterior", POSTERIORS, self.posterior, latent=self.latent)
        encoder = member("network", NETWORKS, self.encoder)
        decoder = member("network", NETWORKS, self.decoder)
        return Model(
            encoder=encoder.build(
                self.features, posterior.width(), self.latent if posterior.has_density else 0
            ),
            posterior=posterior,
            prior=member("prior", PRIORS, self.prior, latent=self.latent),
            decoder=decoder.build(self.latent, likelihood.width(self.features)),
            likelihood=likelihood,
            features=self.features,
        )


def _check_likelihood(likelihood: Any) -> None:
    if isinstance(likelihood, GaussianFixed | GaussianLearned) and likelihood.link not in LINKS:
        raise unknown("link", likelihood.link, LINKS)
    if isinstance(likelihood, GaussianFixed):
        positive("variance", likelihood.variance, float)
    if isinstance(likelihood, GaussianLearned):
        positive("floor", likelihood.floor, float)


def _thawed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
