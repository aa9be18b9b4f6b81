"""Every law, over every member of every family.

The laws themselves are functions in ``vitral.checks``; here each name that ``vitral.specs`` knows gets the
configurations on which it is examined. A name without a configuration fails, so a member cannot be added
untested, and one that is not listed cannot be used.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from vitral import specs
from vitral.checks import bounds
from vitral.checks.laws import LAWS, Case, Closed, Sized
from vitral.model import Model
from vitral.parts.divergences import CLOSED_KL
from vitral.parts.layers import Affine, Chain, ReLU, Sigmoid, Softplus, Tanh
from vitral.parts.likelihoods import Bernoulli, GaussianFixed, GaussianLearned
from vitral.parts.objectives import ELBO, Reconstruction
from vitral.parts.optimisers import SGD, Adam, Momentum
from vitral.parts.posteriors import DiagonalGaussian, Point
from vitral.parts.priors import StandardNormal
from vitral.parts.schedules import Linear

EXAMPLES: dict[str, dict[str, tuple[Any, ...]]] = {
    "layer": {
        "affine": (Sized(Affine(3, 5), 3), Sized(Affine(4, 1, "glorot", 1), 4)),
        "chain": (
            Sized(Chain((Affine(3, 6), ReLU(), Affine(6, 2))), 3),
            Sized(Chain((Affine(3, 4), Chain((Tanh(), Affine(4, 4), Softplus())), Affine(4, 2))), 3),
        ),
        "relu": (Sized(ReLU(), 4),),
        "sigmoid": (Sized(Sigmoid(), 4),),
        "softplus": (Sized(Softplus(), 4),),
        "tanh": (Sized(Tanh(), 4),),
    },
    "likelihood": {
        "bernoulli": (Bernoulli(),),
        "gaussian_fixed": (GaussianFixed(), GaussianFixed(0.3, "identity")),
        "gaussian_learned": (GaussianLearned(), GaussianLearned("identity", floor=0.05)),
    },
    "posterior": {"diagonal": (DiagonalGaussian(2), DiagonalGaussian(5)), "point": (Point(3),)},
    "prior": {"standard_normal": (StandardNormal(1), StandardNormal(2))},
    "objective": {
        "elbo": (
            ELBO(),
            ELBO(kl="sampled"),
            ELBO(0.0),
            ELBO(4.0),
            ELBO(0.5, "sampled"),
            ELBO(Linear(0.0, 1.0, 8)),
        ),
        "reconstruction": (Reconstruction(),),
    },
    "optimiser": {
        "adam": (Adam(), Adam(0.8, 0.95, 1e-4)),
        "momentum": (Momentum(), Momentum(0.5)),
        "sgd": (SGD(),),
    },
    "divergence": {f"{q.__name__}, {p.__name__}": (Closed(kl, q, p),) for (q, p), kl in CLOSED_KL.items()},
    "evaluation": {"elbo_rows": (bounds.elbo_rows,)},
    "importance": {"importance_bound": (bounds.importance_bound,)},
}

FAMILIES = {
    "layer": specs.LAYERS,
    "likelihood": specs.LIKELIHOODS,
    "posterior": specs.POSTERIORS,
    "prior": specs.PRIORS,
    "objective": specs.OBJECTIVES,
    "optimiser": specs.OPTIMISERS,
}


def small_model(likelihood: Any, posterior: str = "diagonal", activation: str = "relu") -> Model:
    """A 6-5-2-5-6 model."""
    network = {"kind": "mlp", "hidden": [5], "activation": activation}
    return specs.Spec(6, 2, network, network, posterior, likelihood=likelihood).build()


def cases_of_models() -> list[Case]:
    """Every likelihood and link, with closed and sampled KL, batches of 1 and 7, K = 1 and 3, several betas."""
    likelihoods: list[Any] = ["bernoulli"]
    likelihoods += [{"kind": kind, "link": link} for kind in ("gaussian_fixed", "gaussian_learned")
                    for link in ("sigmoid", "identity")]  # fmt: skip
    cases = [
        Case(small_model(likelihood), ELBO(beta, kl), rows, samples, masked)
        for likelihood, kl, (rows, samples), (beta, masked) in product(
            likelihoods, ("closed", "sampled"), product((1, 7), (1, 3)), ((1.0, False), (0.3, True))
        )
    ]
    cases += [Case(small_model("bernoulli", activation=name), ELBO(4.0)) for name in specs.ACTIVATIONS]
    cases.append(Case(small_model("gaussian_learned"), ELBO(0.0), samples=3))
    cases += [Case(small_model("gaussian_fixed", "point"), Reconstruction(), masked=m) for m in (False, True)]
    return cases


def label(member: Any) -> str:
    """A short readable id for a test."""
    if isinstance(member, Case):
        kinds = (type(member.model.likelihood).__name__, getattr(member.model.likelihood, "link", "logits"))
        return f"{'-'.join(kinds)}-{member.objective}-{member.rows}-{member.samples}-{member.masked}"
    if isinstance(member, Sized):
        return str(member.layer)
    if isinstance(member, Closed):
        return f"{member.posterior.__name__}, {member.prior.__name__}"
    return getattr(member, "__name__", str(member))


def laws_of(family: str, members: list[Any] | None = None, seed: int = 0) -> pytest.MarkDecorator:
    """Parametrise a test over all laws of a family and all its configurations."""
    if members is None:
        members = [member for examples in EXAMPLES[family].values() for member in examples]
    return pytest.mark.parametrize(
        "law, member",
        [
            pytest.param(law, member, id=f"{name}-{label(member)}")
            for member in members
            for name, law in LAWS[family].items()
        ],
    )
