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
from vitral.networks import ACTIVATIONS, MLP, Conv, ForImages, GatedMLP, ResNet, positive
from vitral.parts.blocks import Beside, Gate, Gated, LayerNorm, Offset, Residual
from vitral.parts.convolution import Convolution, TransposedConvolution
from vitral.parts.divergences import CLOSED_KL
from vitral.parts.flows import AffineCoupling, MaskedAutoregressive, Permutation, Stack
from vitral.parts.layers import Affine, Chain
from vitral.parts.likelihoods import (
    Bernoulli,
    BetaBinomial,
    Categorical,
    ContinuousBernoulli,
    DiscretisedLogistic,
    GaussianFixed,
    GaussianImage,
    GaussianLearned,
    GaussianPixel,
    LogisticMixture,
    Mixed,
    Poisson,
)
from vitral.parts.objectives import ELBO, IWAE, MMD, STL, BetaTC, Capacity, DReG, FreeBits, Reconstruction
from vitral.parts.objectives.needs import NEEDS
from vitral.parts.optimisers import SGD, Adam, Adamax, AdamW, Momentum
from vitral.parts.posteriors import (
    DiagonalGaussian,
    FlowPosterior,
    FullGaussian,
    Point,
    TwoLayerPosterior,
    UpperLayer,
)
from vitral.parts.priors import (
    ConditionalGaussian,
    FlowPrior,
    Mixture,
    StandardNormal,
    TwoLayerPrior,
    VampPrior,
)
from vitral.parts.schedules import Constant, Cosine, Cyclical, Exponential, Linear, Sigmoid, Stages

GIVEN = ("latent", "features", "context", "encoder", "posterior")  # what a spec hands to its parts

Entry = str | Mapping[str, Any]  # "adam", or {"kind": "adam", "b1": 0.9}

LAYERS = {
    "affine": Affine,
    "beside": Beside,
    "chain": Chain,
    "convolution": Convolution,
    "gate": Gate,
    "gated": Gated,
    "layer_norm": LayerNorm,
    "offset": Offset,
    "residual": Residual,
    "transposed_convolution": TransposedConvolution,
    **ACTIVATIONS,
}


NETWORKS = {"mlp": MLP, "gated": GatedMLP, "conv": Conv, "resnet": ResNet}
LIKELIHOODS = {
    "bernoulli": Bernoulli,
    "beta_binomial": BetaBinomial,
    "categorical": Categorical,
    "continuous_bernoulli": ContinuousBernoulli,
    "discretised_logistic": DiscretisedLogistic,
    "gaussian_fixed": GaussianFixed,
    "gaussian_image": GaussianImage,
    "gaussian_learned": GaussianLearned,
    "gaussian_pixel": GaussianPixel,
    "logistic_mixture": LogisticMixture,
    "mixed": Mixed,
    "poisson": Poisson,
}
FLOWS = {
    "autoregressive": MaskedAutoregressive,
    "coupling": AffineCoupling,
    "permutation": Permutation,
    "stack": Stack,
}
POSTERIORS = {
    "diagonal": DiagonalGaussian,
    "flow": FlowPosterior,
    "full": FullGaussian,
    "point": Point,
    "two_layer": TwoLayerPosterior,
}
PRIORS = {
    "conditional": ConditionalGaussian,
    "flow": FlowPrior,
    "mixture": Mixture,
    "standard_normal": StandardNormal,
    "two_layer": TwoLayerPrior,
    "vamp": VampPrior,
}
OBJECTIVES = {
    "elbo": ELBO,
    "free_bits": FreeBits,
    "capacity": Capacity,
    "beta_tc": BetaTC,
    "mmd": MMD,
    "iwae": IWAE,
    "dreg": DReG,
    "stl": STL,
    "reconstruction": Reconstruction,
}
OPTIMISERS = {"adam": Adam, "adamw": AdamW, "adamax": Adamax, "momentum": Momentum, "sgd": SGD}
SCHEDULES = {
    "constant": Constant,
    "linear": Linear,
    "cyclical": Cyclical,
    "sigmoid": Sigmoid,
    "cosine": Cosine,
    "exponential": Exponential,
    "stages": Stages,
}


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
    for f in fields(made):
        if f.name in known.keys() - options.keys() and f.default is MISSING and f.default_factory is MISSING:
            raise UsageError(f"{family} {kind!r} needs {f.name}, and none is given: add it")
    return made(**{key: _thawed(value) for key, value in options.items()}, **given)


def defaults(members: Mapping[str, type], kind: str | None) -> dict[str, Any]:
    """What a member's options are where nobody sets them, as a recipe writes them; none for an unknown kind."""
    made = () if kind is None or kind not in members else fields(members[kind])
    return {f.name: _plain(f.default) for f in made if f.default is not MISSING}


def network(entry: Entry) -> Any:
    """A ready-made network; options without a kind are the MLP's."""
    options = entry if isinstance(entry, str) else {"kind": "mlp", **entry}
    return member("network", NETWORKS, options)


def _check_option(name: str, value: Any, default: Any) -> None:
    """An option is of the kind of its default; a number is finite, not negative, and a decay is below 1.

    A whole number is at least 1, or at least 0 where its default is 0.
    """
    if type(default) is int:
        least = min(default, 1)
        if type(value) is not int or value < least:
            raise UsageError(f"{name} must be a whole number of at least {least}, got {value!r}: correct it")
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
    """An objective; a weight may be a number or a schedule such as {"kind": "linear", "steps": 1000}."""
    _check_owner(entry)
    made = member("objective", OBJECTIVES, entry)
    for name, known in made.choices.items():
        if getattr(made, name) not in known:
            raise unknown(name, getattr(made, name), known)
    if isinstance(made, MMD):
        _check_scales(made.scales)
    tables = {f.name: value for f in fields(made) if isinstance(value := getattr(made, f.name), Mapping)}
    for name in set(tables) - set(made.scheduled):
        raise UsageError(f"objective {name} must be a number, got {tables[name]!r}: it follows no schedule")
    return replace(made, **{name: schedule(table) for name, table in tables.items()})


def _check_scales(scales: Any) -> None:
    numbers = scales if isinstance(scales, tuple) else ()
    if not numbers or any(type(one) not in (int, float) or not 0.0 < one < math.inf for one in numbers):
        raise UsageError(f"scales must be a list of positive numbers, got {scales!r}: for example [1.0]")


def _check_owner(entry: Entry) -> None:
    """An option of another objective says so: a capacity for IWAE is a mix of two, not a misspelling."""
    if isinstance(entry, str) or entry.get("kind") not in OBJECTIVES:
        return
    options = {kind: {f.name for f in fields(made)} for kind, made in OBJECTIVES.items()}
    for key in set(entry) - {"kind"} - options[entry["kind"]]:
        owners = [kind for kind, names in options.items() if key in names]
        if owners:
            raise UsageError(
                f"objective {entry['kind']!r} has no {key!r}, which belongs to {' and '.join(map(repr, owners))}: "
                f"objectives do not mix, so take one of those, or leave {key} out"
            )


def schedule(entry: Entry) -> Any:
    """A number that follows the steps, such as {"kind": "linear", "start": 0.0, "end": 1.0, "steps": 1000}."""
    made = member("schedule", SCHEDULES, entry)
    if isinstance(made, Sigmoid):
        positive("sharpness", made.sharpness, float)
    if isinstance(made, Cyclical) and made.share > 1.0:
        raise UsageError(f"share must be at most 1, got {made.share!r}: the part of each cycle that rises")
    if isinstance(made, Exponential) and made.factor > 1.0:
        raise UsageError(f"factor must be at most 1, got {made.factor!r}: what is left after every {made.steps} steps")
    return made


def described_objective(made: Any) -> dict[str, Any]:
    """The inverse of ``objective``."""
    entry = described(OBJECTIVES, made)
    for name in made.scheduled:
        if not isinstance(entry[name], int | float):
            entry[name] = described(SCHEDULES, entry[name])
    return entry


def prior(entry: Entry, **given: Any) -> Any:
    """A prior; the top of a two-layer one is any other prior, of z2."""
    made = member("prior", PRIORS, entry, **given)
    if not isinstance(made, TwoLayerPrior):
        return made
    known = {name: cls for name, cls in PRIORS.items() if cls is not TwoLayerPrior}
    upper = {"latent": made.posterior.l2, "posterior": UpperLayer(made.posterior)}
    return replace(made, top=member("top of prior", known, made.top, **{**given, **upper}))


def described_prior(made: Any) -> dict[str, Any]:
    """The inverse of ``prior``."""
    entry = described(PRIORS, made, *GIVEN)
    if isinstance(made, TwoLayerPrior):
        entry["top"] = described(PRIORS, made.top, *GIVEN)
    return entry


@dataclass(frozen=True)
class Spec:
    """What a model is, as plain data: JSON-able, complete, stored in every model file.

    ``features`` D, ``latent`` L; ``image_shape`` (H, W) or (H, W, C) where rows are images; ``context`` C, how
    many numbers a conditional model is given beside each row; ``inputs`` how many the encoder sees of a row (0: all D),
    which for tables are more than its columns.

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
    inputs: int = 0

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
            "encoder": described(NETWORKS, network(self.encoder)),
            "decoder": described(NETWORKS, network(self.decoder)),
            "posterior": described(POSTERIORS, model.posterior, *GIVEN),
            "prior": described_prior(model.prior),
            "likelihood": described(LIKELIHOODS, model.likelihood, *GIVEN),
            "image_shape": None if self.image_shape is None else list(self.image_shape),
            "context": self.context,
            "inputs": self.inputs,
        }

    def build(self) -> Model:
        """The model that this spec describes."""
        positive("features", self.features)
        positive("latent", self.latent)
        for name, value in (("context", self.context), ("inputs", self.inputs)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise UsageError(f"{name} must be a whole number of at least 0, got {value!r}: 0 means none")
        inputs = self.inputs or self.features
        sizes = {"latent": self.latent, "features": self.features, "context": self.context}
        likelihood = member("likelihood", LIKELIHOODS, self.likelihood, **sizes)
        likelihood.check()
        posterior = member("posterior", POSTERIORS, self.posterior, **sizes)
        shape = {"context": self.context, "image_shape": self.image_shape}
        if inputs != self.features:
            _check_rows(network(self.encoder), inputs, self.features)
        encoder = network(self.encoder).build(inputs, posterior.width(), quiet=posterior.quiet(), **shape)
        decoder = network(self.decoder)
        made = prior(self.prior, encoder=encoder, posterior=posterior, **sizes)
        if inputs != self.features and VampPrior in (type(made), type(getattr(made, "top", None))):
            raise UsageError(
                f"prior 'vamp' learns rows that the encoder sees, and here it sees {inputs} numbers (classes, marks of "
                f"what is missing) for {self.features} features: set prior to 'mixture' or 'flow'"
            )
        return Model(
            encoder=encoder,
            posterior=posterior,
            prior=made,
            decoder=decoder.build(self.latent, likelihood.width(self.features), decodes=True, **shape),
            likelihood=likelihood,
            features=self.features,
        )


def _check_rows(made: Any, inputs: int, features: int) -> None:
    if isinstance(made, ForImages):
        raise UsageError(
            f"a convolutional encoder sees images, and here it would see {inputs} numbers (classes, marks of what is "
            f"missing) for {features} features: use 'mlp' or 'gated'"
        )


def check_together(model: Model, objective: Any) -> None:
    """Refuse an objective that this model cannot be trained with, with the reason and what would work."""
    posterior, prior = type(model.posterior), type(model.prior)
    closed = (posterior, prior) in CLOSED_KL
    has = {
        "density": model.posterior.has_density,
        "point": not model.posterior.has_density,
        "pathwise": model.posterior.pathwise,
        "closed_kl": closed,
        "kl_of_dimensions": closed,
        "diagonal": posterior is DiagonalGaussian,
        "standard_normal": prior is StandardNormal,
    }
    words = {"posterior": _kind(POSTERIORS, posterior), "prior": _kind(PRIORS, prior)}
    words["known"] = "; ".join(f"{_kind(POSTERIORS, q)} with {_kind(PRIORS, p)}" for q, p in CLOSED_KL)
    for need in objective.needs:
        if not has[need]:
            kind = _kind(OBJECTIVES, type(objective))
            raise UsageError(f"objective {kind!r} does not fit this model: {NEEDS[need].format(**words)}")


def with_rows(objective: Any, rows: int) -> Any:
    """The objective, told how many training rows there are, where it needs to know and was not."""
    if isinstance(objective, BetaTC) and objective.train_rows == 0:
        return replace(objective, train_rows=rows)
    return objective


def _kind(members: Mapping[str, type], cls: type) -> str:
    return next((name for name, made in members.items() if made is cls), cls.__name__)


def _thawed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
