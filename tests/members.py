"""The configurations on which every member of every family is examined: one entry a name that ``vitral.specs`` knows.

Add a member here as soon as it is listed there; ``tests/laws.py`` runs every law over all of them.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any

from vitral import specs
from vitral.checks import bounds
from vitral.checks.data import cut_at_random
from vitral.checks.laws import Case, Closed, Sized
from vitral.model import Model
from vitral.parts.blocks import Beside, Gate, Gated, LayerNorm, Offset, Residual, SiLU
from vitral.parts.convolution import Convolution, TransposedConvolution
from vitral.parts.divergences import CLOSED_KL
from vitral.parts.flows import AffineCoupling, MaskedAutoregressive, Permutation, stack
from vitral.parts.layers import Affine, Chain, ReLU, Sigmoid, Softplus, Tanh
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
from vitral.parts.optimisers import SGD, Adam, Adamax, AdamW, Momentum
from vitral.parts.posteriors import DiagonalGaussian, FlowPosterior, FullGaussian, Point, TwoLayerPosterior
from vitral.parts.priors import ConditionalGaussian, FlowPrior, Mixture, StandardNormal, VampPrior
from vitral.parts.schedules import Linear


def vamp(latent: int, components: int, **options: Any) -> VampPrior:
    """A VampPrior on an encoder of its own, 3-4-2L with a ReLU."""
    encoder = Chain((Affine(3, 4), ReLU(), Affine(4, 2 * latent)))
    return VampPrior(latent, 3, encoder, DiagonalGaussian(latent), components=components, **options)


def two_layer(top: Any) -> Any:
    """A two-layer prior of 1 + 1 dimensions, with an encoder and a posterior of its own."""
    posterior = TwoLayerPosterior(2, summary=2, hidden=(3,), bound=1.0)
    encoder = Chain((Affine(3, 4), ReLU(), Affine(4, posterior.width())))
    entry = {"kind": "two_layer", "top": top, "hidden": [3], "bound": 1.0}
    return specs.prior(entry, latent=2, features=3, context=0, encoder=encoder, posterior=posterior)


EXAMPLES: dict[str, dict[str, tuple[Any, ...]]] = {
    "layer": {
        "affine": (Sized(Affine(3, 5), 3), Sized(Affine(4, 1, "glorot", 1), 4)),
        "chain": (
            Sized(Chain((Affine(3, 6), ReLU(), Affine(6, 2))), 3),
            Sized(Chain((Affine(3, 4), Chain((Tanh(), Affine(4, 4), Softplus())), Affine(4, 2))), 3),
        ),
        "beside": (Sized(Beside(Affine(2, 3), 2), 5), Sized(Beside(Chain((Affine(3, 4), ReLU())), 3), 4)),
        "convolution": (
            Sized(Convolution((4, 4, 1), 2), 16),
            Sized(Convolution((5, 3, 2), 3, (3, 2), (2, 1), (1, 0)), 30),
            Sized(Convolution((3, 3, 2), 2, 3, 1, 1), 18),
        ),
        "gate": (Sized(Gate(2), 4), Sized(Gate(3), 12)),
        "gated": (Sized(Gated(3, 4), 3),),
        "layer_norm": (Sized(LayerNorm(5), 5), Sized(LayerNorm(3, 0.1), 6)),
        "transposed_convolution": (
            Sized(TransposedConvolution((2, 2, 2), 1), 8),
            Sized(TransposedConvolution((2, 3, 2), 3, (3, 2), (2, 1), (1, 0), (1, 0)), 12),
        ),
        "offset": (Sized(Offset(4), 4),),
        "residual": (
            Sized(Residual(Chain((Affine(4, 3), ReLU(), Affine(3, 4)))), 4),
            Sized(Residual(Chain((Affine(3, 5), Tanh())), Affine(3, 5)), 3),
            Sized(Residual(Chain((LayerNorm(2), SiLU(), Convolution((2, 3, 2), 2, 3, 1, 1)))), 12),
        ),
        "silu": (Sized(SiLU(), 4),),
        "relu": (Sized(ReLU(), 4),),
        "sigmoid": (Sized(Sigmoid(), 4),),
        "softplus": (Sized(Softplus(), 4),),
        "tanh": (Sized(Tanh(), 4),),
    },
    "likelihood": {
        "bernoulli": (Bernoulli(),),
        "beta_binomial": (BetaBinomial(), BetaBinomial(17), BetaBinomial(2)),
        "categorical": (Categorical(3), Categorical(7)),
        "continuous_bernoulli": (ContinuousBernoulli(),),
        "discretised_logistic": (DiscretisedLogistic(), DiscretisedLogistic(17), DiscretisedLogistic(2)),
        "gaussian_fixed": (GaussianFixed(), GaussianFixed(0.3, "identity")),
        "gaussian_image": (GaussianImage(), GaussianImage("identity", floor=0.05)),
        "gaussian_learned": (GaussianLearned(), GaussianLearned("identity", floor=0.05)),
        "gaussian_pixel": (GaussianPixel(2), GaussianPixel(2, "identity", floor=0.05)),
        "logistic_mixture": (LogisticMixture(2), LogisticMixture(3, 17), LogisticMixture(1, 2)),
        "mixed": (
            Mixed(("gaussian", {"kind": "categorical", "classes": 3}, "bernoulli"), 3),
            Mixed(("poisson", {"kind": "gaussian", "floor": 0.05}), 2),
            Mixed(("continuous_bernoulli", {"kind": "categorical", "classes": 5}, "poisson"), 3),
        ),
        "poisson": (Poisson(),),
    },
    "flow": {
        "autoregressive": (
            MaskedAutoregressive(1, (3,)),
            MaskedAutoregressive(4, (5, 7)),
            MaskedAutoregressive(3, (), 0.5),
            MaskedAutoregressive(3, (4,), context=2),
        ),
        "coupling": (
            AffineCoupling(1, (3,)),
            AffineCoupling(4, (5, 3)),
            AffineCoupling(3, (), 0.5),
            AffineCoupling(5, (4,), context=2),
            AffineCoupling(1, (4,), context=2),
        ),
        "permutation": (Permutation((2, 0, 1)), Permutation((3, 1, 4, 0, 2))),
        "stack": (
            stack("coupling", 5, 4, (4,), 2.0),
            stack("autoregressive", 3, 2, (4,), 1.0),
            stack("coupling", 3, 2, (4,), 1.0, context=2),
            stack("autoregressive", 2, 0, (), 1.0),
        ),
    },
    "posterior": {
        "diagonal": (DiagonalGaussian(2), DiagonalGaussian(5)),
        "flow": (
            FlowPosterior(2, hidden=(4,), bound=0.5, summary=3),
            FlowPosterior(3, "coupling", 2, (4,), 0.5, summary=2),
            FlowPosterior(1, "autoregressive", 1, (), 1.0, summary=0),
            FlowPosterior(2, layers=0, summary=1),
        ),
        "full": (FullGaussian(1), FullGaussian(2), FullGaussian(4)),
        "point": (Point(3),),
        "two_layer": (
            TwoLayerPosterior(2, summary=2, hidden=(3,)),
            TwoLayerPosterior(5, 2, 1, (4,), "gated", bound=2.0),
            TwoLayerPosterior(3, summary=3, hidden=()),
        ),
    },
    "prior": {
        "flow": (
            FlowPrior(1, layers=2, hidden=(3,), bound=0.5),
            FlowPrior(2, layers=2, hidden=(4,), bound=0.5),
            FlowPrior(2, flow="autoregressive", layers=2, hidden=(4,), bound=0.5),
            FlowPrior(1, flow="autoregressive", layers=2, hidden=(3,), bound=0.5),
            FlowPrior(2, context=3, layers=1, hidden=(3,), bound=0.5),
            FlowPrior(2, layers=0),
        ),
        "conditional": (ConditionalGaussian(1, 3), ConditionalGaussian(2, 2, (4,), bound=2.0)),
        "mixture": (Mixture(1, 3), Mixture(2, 4), Mixture(2, 1, floor=0.3)),
        "standard_normal": (StandardNormal(1), StandardNormal(2)),
        "two_layer": (
            two_layer("standard_normal"),
            two_layer({"kind": "mixture", "components": 3}),
            two_layer({"kind": "vamp", "components": 4}),
        ),
        "vamp": (vamp(1, 3), vamp(2, 4, link="clip"), vamp(2, 3, link="identity", learned_weights=True)),
    },
    "objective": {
        "elbo": (
            ELBO(),
            ELBO(kl="sampled"),
            ELBO(0.0),
            ELBO(4.0),
            ELBO(0.5, "sampled"),
            ELBO(Linear(0.0, 1.0, 8)),
        ),
        "free_bits": (FreeBits(), FreeBits(0.3, "row"), FreeBits(Linear(0.0, 0.4, 6))),
        "capacity": (Capacity(), Capacity(0.5, 10.0), Capacity(0.5, 3.0, "sampled"), Capacity(Linear(0.0, 25.0, 9))),
        "beta_tc": (
            BetaTC(train_rows=9),
            BetaTC(train_rows=9, estimate="stratified"),
            BetaTC(0.5, Linear(0.0, 8.0, 6), 2.0, "stratified", train_rows=3),
        ),
        "mmd": (MMD(), MMD(10.0, 0.5), MMD(5.0, 1.0, (1.0,), "sampled")),
        "iwae": (IWAE(),),
        "dreg": (DReG(),),
        "stl": (STL(), STL(bound="iwae")),
        "reconstruction": (Reconstruction(),),
    },
    "optimiser": {
        "adam": (Adam(), Adam(0.8, 0.95, 1e-4)),
        "adamw": (AdamW(), AdamW(decay=0.5)),
        "adamax": (Adamax(), Adamax(0.8, 0.95, 1e-4)),
        "momentum": (Momentum(), Momentum(0.5)),
        "sgd": (SGD(),),
    },
    "divergence": {f"{q.__name__}, {p.__name__}": (Closed(kl, q, p),) for (q, p), kl in CLOSED_KL.items()},
    "evaluation": {"elbo_rows": (bounds.elbo_rows,)},
    "importance": {"importance_bound": (bounds.importance_bound,)},
    "data": {"random": (cut_at_random,)},
}

FAMILIES = {
    "layer": specs.LAYERS,
    "likelihood": specs.LIKELIHOODS,
    "flow": specs.FLOWS,
    "posterior": specs.POSTERIORS,
    "prior": specs.PRIORS,
    "objective": specs.OBJECTIVES,
    "optimiser": specs.OPTIMISERS,
}


def small_model(
    likelihood: Any, posterior: Any = "diagonal", activation: str = "relu", prior: Any = "standard_normal"
) -> Model:
    """A 6-5-2-5-6 model."""
    network = {"kind": "mlp", "hidden": [5], "activation": activation}
    return specs.Spec(6, 2, network, network, posterior, prior, likelihood).build()


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
    columns = ["gaussian", {"kind": "categorical", "classes": 3}, "poisson"] * 2
    options = {"categorical": {"classes": 3}, "mixed": {"columns": columns}}
    for kind in sorted(specs.LIKELIHOODS.keys() - {"bernoulli", "gaussian_fixed", "gaussian_learned"}):
        model = small_model({"kind": kind, **options.get(kind, {})})
        cases += [Case(model, ELBO(), samples=3), Case(model, ELBO(0.3, "sampled"), masked=True)]
    cases += [Case(small_model("bernoulli", activation=name), ELBO(4.0)) for name in specs.ACTIVATIONS]
    cases.append(Case(small_model("gaussian_learned"), ELBO(0.0), samples=3))
    cases += [Case(small_model("bernoulli", "full"), ELBO(kl=kl), samples=3) for kl in ("closed", "sampled")]
    flow = {"kind": "flow", "layers": 2, "hidden": [3]}
    refined = {**flow, "summary": 2}
    cases += [Case(small_model("bernoulli", q, prior=flow), ELBO(), samples=2) for q in ("diagonal", refined)]
    cases += [Case(small_model("bernoulli"), IWAE(), samples=k, masked=k == 3) for k in (1, 3)]
    together = (FreeBits(), Capacity(), BetaTC(train_rows=50), MMD(), MMD(10.0, 0.5))
    cases += [Case(small_model("bernoulli"), objective, samples=k) for objective in together for k in (1, 2)]
    cases += [Case(small_model("gaussian_fixed", "point"), MMD())]
    cases += cases_of_priors()
    cases += cases_of_networks()
    cases += [Case(small_model("gaussian_fixed", "point"), Reconstruction(), masked=m) for m in (False, True)]
    return cases


def cases_of_priors() -> list[Case]:
    """Every prior that learns, in the posterior that it goes with, K = 1 and 3."""
    network = {"kind": "mlp", "hidden": [5]}
    layers = {"kind": "two_layer", "summary": 2, "hidden": [3]}
    vamp = {"kind": "vamp", "components": 3}
    pairs: list[tuple[Any, Any, int]] = [
        ("diagonal", {"kind": "mixture", "components": 3}, 0),
        ("diagonal", vamp, 0),
        ("diagonal", "conditional", 3),
        ("full", {"kind": "conditional", "hidden": [4]}, 2),
        (layers, {"kind": "two_layer", "hidden": [3]}, 0),
        (layers, {"kind": "two_layer", "hidden": [3], "top": vamp}, 0),
        (layers, {"kind": "two_layer", "hidden": [3], "top": "conditional"}, 3),
    ]
    return [
        Case(
            specs.Spec(6, 2, network, network, posterior, prior, "bernoulli", context=context).build(),
            ELBO(0.7),
            samples=samples,
            context=context,
        )
        for (posterior, prior, context), samples in product(pairs, (1, 3))
    ]


def cases_of_networks() -> list[Case]:
    """Gated, convolutional and residual networks on small images of odd and even sizes, with and without a context."""
    conv = {"kind": "conv", "channels": [2, 3], "hidden": [4], "bias": "zero"}
    gate = {**conv, "channels": [2], "hidden": [], "kernel": 3, "activation": "gate"}
    res = {"kind": "resnet", "channels": [2], "hidden": [3]}
    gated = {"kind": "gated", "hidden": [4, 3]}
    chosen = [
        (gated, (2, 3), 0), (gated, (2, 3), 2), (conv, (6, 6), 0), (conv, (5, 4, 2), 2),
        (gate, (5, 3), 0), (gate, (4, 4), 3), (res, (3, 4), 0), (res, (3, 5, 1), 2),
    ]  # fmt: skip
    return [
        Case(specs.Spec(prod(shape), 2, net, {**net, "bias": "data" if context else "zero"}, likelihood="bernoulli",
                        image_shape=shape, context=context).build(),
             ELBO(0.7), rows=4, samples=2, context=context)
        for net, shape, context in chosen
    ]  # fmt: skip
