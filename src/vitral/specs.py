"""A model as plain data, and back; the dicts that name every family's members.

To add a member: one class in ``parts/``, one line here. Its family's laws then run over it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any

from vitral.errors import UsageError, unknown
from vitral.model import Model
from vitral.networks import ACTIVATIONS, MLP, positive
from vitral.parts.divergences import CLOSED_KL
from vitral.parts.layers import Affine, Chain
from vitral.parts.likelihoods import LINKS, Bernoulli, GaussianFixed, GaussianLearned
from vitral.parts.objectives import ELBO, Reconstruction
from vitral.parts.optimisers import SGD, Adam, Momentum
from vitral.parts.posteriors import DiagonalGaussian, Point
from vitral.parts.priors import StandardNormal
from vitral.parts.schedules import Constant, Linear

GIVEN = ("latent", "features", "context", "encoder", "posterior")  # what a spec hands to its parts

Entry = str | Mapping[str, Any]  # "adam", or {"kind": "adam", "b1": 0.9}

LAYERS = {"affine": Affine, "chain": Chain, **ACTIVATIONS}


NETWORKS = {"mlp": MLP}
LIKELIHOODS = {"bernoulli": Bernoulli, "gaussian_fixed": GaussianFixed, "gaussian_learned": GaussianLearned}
POSTERIORS = {"diagonal": DiagonalGaussian, "point": Point}
PRIORS = {"standard_normal": StandardNormal}
OBJECTIVES = {"elbo": ELBO, "reconstruction": Reconstruction}
OPTIMISERS = {"adam": Adam, "momentum": Momentum, "sgd": SGD}
SCHEDULES = {"constant": Constant, "linear": Linear}


def member(family: str, members: Mapping[str, type], entry: Entry, **given: Any) -> Any:
    """The member of a family that ``entry`` names, made with its options and what it needs of the ``given``."""
    options = {"kind": entry} if isinstance(entry, str) else dict(entry)
    kind = str(options.pop("kind", next(iter(members)) if len(members) == 1 else "none given"))
    if kind not in members:
        raise unknown(family, kind, members)
    made = members[kind]
    names = {f.name for f in fields(made)}
    given = {name: value for name, value in given.items() if name in names}
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
    options = {f.name: getattr(made, f.name) for f in fields(made) if f.name not in without}
    return {"kind": kind, **{key: _plain(value) for key, value in options.items()}}


def objective(entry: Entry) -> Any:
    """An objective; its beta may be a number or a schedule such as {"kind": "linear", "steps": 1000}."""
    made = member("objective", OBJECTIVES, entry)
    if isinstance(made, ELBO):
        if made.kl not in ("auto", "closed", "sampled"):
            raise unknown("kl", made.kl, ("auto", "closed", "sampled"))
        if isinstance(made.beta, Mapping):
            return replace(made, beta=member("schedule", SCHEDULES, made.beta))
    return made


def described_objective(made: Any) -> dict[str, Any]:
    """The inverse of ``objective``."""
    entry = described(OBJECTIVES, made)
    if isinstance(made, ELBO) and not isinstance(made.beta, int | float):
        entry["beta"] = described(SCHEDULES, made.beta)
    return entry


@dataclass(frozen=True)
class Spec:
    """What a model is, as plain data: JSON-able, complete, stored in every model file.

    ``features`` D, ``latent`` L; ``image_shape`` (H, W) or (H, W, C) where rows are images; ``context`` C, how
    many numbers a conditional model is given beside each row.

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
    context: int = 0

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
            "posterior": described(POSTERIORS, model.posterior, *GIVEN),
            "prior": described(PRIORS, model.prior, *GIVEN),
            "likelihood": described(LIKELIHOODS, model.likelihood, *GIVEN),
            "image_shape": None if self.image_shape is None else list(self.image_shape),
            "context": self.context,
        }

    def build(self) -> Model:
        """The model that this spec describes."""
        positive("features", self.features)
        positive("latent", self.latent)
        if isinstance(self.context, bool) or not isinstance(self.context, int) or self.context < 0:
            raise UsageError(
                f"context must be a whole number of at least 0, got {self.context!r}: 0 means none"
            )
        sizes = {"latent": self.latent, "features": self.features, "context": self.context}
        likelihood = member("likelihood", LIKELIHOODS, self.likelihood, **sizes)
        _check_likelihood(likelihood)
        posterior = member("posterior", POSTERIORS, self.posterior, **sizes)
        shape = {"context": self.context, "image_shape": self.image_shape}
        encoder = member("network", NETWORKS, self.encoder).build(
            self.features, posterior.width(), quiet=posterior.quiet(), **shape
        )
        decoder = member("network", NETWORKS, self.decoder)
        return Model(
            encoder=encoder,
            posterior=posterior,
            prior=member("prior", PRIORS, self.prior, encoder=encoder, posterior=posterior, **sizes),
            decoder=decoder.build(self.latent, likelihood.width(self.features), **shape),
            likelihood=likelihood,
            features=self.features,
        )


def check_together(model: Model, objective: Any) -> None:
    """Refuse an objective that this model cannot be trained with, with the reason and what would work."""
    pair = (type(model.posterior), type(model.prior))
    if isinstance(objective, ELBO) and objective.kl == "closed" and pair not in CLOSED_KL:
        known = "; ".join(f"{_kind(POSTERIORS, q)} with {_kind(PRIORS, p)}" for q, p in CLOSED_KL)
        raise UsageError(
            f"the KL of posterior {_kind(POSTERIORS, pair[0])!r} to prior {_kind(PRIORS, pair[1])!r} has no "
            f"closed form (there is one for {known}): set kl to 'sampled' or 'auto'"
        )


def _kind(members: Mapping[str, type], cls: type) -> str:
    return next(name for name, made in members.items() if made is cls)


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
