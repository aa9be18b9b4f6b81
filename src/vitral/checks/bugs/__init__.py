"""The bug zoo: classic errors, planted one at a time, each with exactly the laws that see it.

A bug is a broken member beside the sound one. Z01 to Z11 were seen in published code or made easy by it; Z12 and
Z13 belong to the data. Most have a backward that is right for their wrong forward, so the gradient law passes them,
and another law must speak.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from vitral.checks import bounds
from vitral.checks.bugs import (
    data,
    flows,
    latent,
    layers,
    likelihoods,
    networks,
    objectives,
    priors,
    training,
)
from vitral.checks.check import Check
from vitral.checks.laws import LAWS, Case, Closed, Sized
from vitral.model import Model
from vitral.parts.divergences import kl_diagonal_standard
from vitral.parts.layers import Affine, ReLU, Softplus, Tanh
from vitral.parts.likelihoods import Bernoulli, GaussianFixed, GaussianLearned
from vitral.parts.objectives import ELBO
from vitral.parts.optimisers import SGD, Adam, Adamax, AdamW, Momentum
from vitral.parts.posteriors import DiagonalGaussian
from vitral.parts.priors import StandardNormal


class Bug(NamedTuple):
    """A planted error: the broken member, the sound one, and the laws of its family that go red.

    ``caught_by`` begins with the law meant for it and lists every other law that notices.
    """

    id: str
    name: str
    family: str
    broken: Any
    sound: Any
    caught_by: tuple[str, ...]


def red_laws(family: str, member: Any, seed: int = 0) -> set[str]:
    """The names of the laws that a member breaks."""
    return {name for name, check in examined(family, member, seed).items() if check.passed is False}


def examined(family: str, member: Any, seed: int = 0) -> dict[str, Check]:
    """What every law of a family answers on a member."""
    return {name: _answer(law, member, seed) for name, law in LAWS[family].items()}


def _answer(law: Callable[[Any, int], Check], member: Any, seed: int) -> Check:
    try:
        return law(member, seed)
    except ValueError as error:  # the gradient law hands out read-only arrays
        if "read-only" in str(error):
            return Check("E09", "gradient, entry by entry", np.inf, 0.0, "", False, "wrote into what it was given")
        raise


def _posterior(id: str, name: str, broken: type, *caught_by: str) -> Bug:
    return Bug(id, name, "posterior", broken(2), DiagonalGaussian(2), caught_by)


def _divergence(id: str, name: str, broken: Any, *caught_by: str) -> Bug:
    return Bug(id, name, "divergence", Closed(broken), Closed(kl_diagonal_standard), caught_by)


def _affine(id: str, name: str, broken: type, *caught_by: str) -> Bug:
    return Bug(id, name, "layer", Sized(broken(3, 4), 3), Sized(Affine(3, 4), 3), caught_by)


def _activation(id: str, name: str, broken: type, sound: type, *caught_by: str) -> Bug:
    return Bug(id, name, "layer", Sized(broken(), 3), Sized(sound(), 3), caught_by)


def _likelihood(id: str, name: str, broken: type, sound: type, *caught_by: str) -> Bug:
    return Bug(id, name, "likelihood", broken(), sound(), caught_by)


def _optimiser(id: str, name: str, broken: type, sound: type, *caught_by: str) -> Bug:
    return Bug(id, name, "optimiser", broken(), sound(), caught_by)


def _model(id: str, name: str, broken: type, objective: Any, *caught_by: str) -> Bug:
    cases = (Case(training.small(broken), objective), Case(training.small(Model), objective))
    return Bug(id, name, "model", *cases, caught_by)


def _importance(id: str, name: str, broken: bounds.Combine, *caught_by: str) -> Bug:
    return Bug(id, name, "importance", broken, bounds.importance_bound, caught_by)


def _evaluation(id: str, name: str, broken: bounds.Evaluate, *caught_by: str) -> Bug:
    return Bug(id, name, "evaluation", broken, bounds.elbo_rows, caught_by)


_SAMPLER = ("sample_moments", "density_of_draws", "kl_by_draws")
_BOUND = ("exact_on_a_linear_model", "elbo_is_a_bound")
_GRADIENTS = ("gradient", "gradient_with_a_mask")

ZOO: tuple[Bug, ...] = (
    _posterior("Z01", "the variance used as standard deviation", latent.VarianceAsDeviation, *_SAMPLER),
    _posterior("Z02", "noise uniform on [0, 1)", latent.UniformNoise, "sample_moments", "kl_by_draws"),
    _posterior(
        "Z02b", "noise uniform, with mean 0 and variance 1", latent.CentredUniformNoise, "sample_moments"
    ),
    _posterior("Z03", "half the nominal sigma", latent.HalfDeviation, *_SAMPLER),
    _divergence("Z04", "KL averaged over the latent dimensions", latent.averaged, "kl_by_draws"),
    _divergence("Z05", "KL with the wrong sign", latent.negated, "kl_by_draws", "kl_is_a_divergence"),
    _divergence("Z06", "the KL's factor 1/2 forgotten", latent.doubled, "kl_by_draws"),
    _posterior("Z07", "z = mu in training", latent.NoNoise, *_SAMPLER),
    _evaluation("Z08", "z = mu in evaluation", training.elbo_at_mean, *_BOUND),
    _posterior("Z09", "gradient of logvar without eps", latent.NoEpsInGradient, "gradient"),
    _affine("Z10", "backward reads the input of a later forward", layers.StaleCache, "reenters"),
    _affine(
        "Z10b",
        "weights updated inside backward",
        layers.UpdatesInBackward,
        "leaves_inputs_alone",
        "gradient",
        "adds",
        "reenters",
        "rows_are_independent",
    ),
    _likelihood(
        "Z11", "probabilities clipped", likelihoods.ClippedProbabilities, Bernoulli, "surprise_is_not_capped"
    ),
    _posterior("Z14", "gradient of exp(logvar / 2) without its 1/2", latent.NoHalfInGradient, "gradient"),
    _posterior("Z15", "log q without log 2π", latent.NoConstant, "density_of_draws", "kl_by_draws"),
    _divergence("Z16", "gradient of exp(logvar) without its 1/2", latent.no_half_in_gradient, "gradient"),
    Bug("Z17", "prior drawn uniformly", "prior", latent.UniformDraws(2), StandardNormal(2), ("prior_draws",)),
    Bug(
        "Z18",
        "log p(z) without log 2π",
        "prior",
        latent.NoPriorConstant(2),
        StandardNormal(2),
        ("prior_integrates_to_one", "prior_draws"),
    ),
    _affine("Z19", "gradient of the bias missing", layers.NoBiasGradient, "gradient"),
    _affine("Z20", "gradient of the weights transposed", layers.TransposedGradient, "gradient"),
    _affine("Z21", "gradient written where it should be added", layers.Overwrites, "adds"),
    _affine("Z21b", "gradient added to what was never filled", layers.BehindTheViews, "starts_blank"),
    _affine("Z22", "gradient of the weights too large by a thousandth", layers.OffByOnePerMille, "gradient"),
    _activation(
        "Z23", "ReLU written over its input", layers.InPlaceReLU, ReLU, "leaves_inputs_alone", "gradient"
    ),
    _activation("Z24", "softplus as its own derivative", layers.WrongSoftplus, Softplus, "gradient"),
    _activation("Z25", "rows that see each other", layers.CentresRows, Tanh, "rows_are_independent"),
    _activation("Z26", "silent float64", layers.SilentFloat64, Tanh, "keeps_dtype"),
    _likelihood("Z27", "minus of the Bernoulli forgotten", likelihoods.WrongSign, Bernoulli, *_GRADIENTS),
    _likelihood(
        "Z28",
        "Gaussian without its constant",
        likelihoods.NoVarianceConstant,
        GaussianFixed,
        "images_sum_to_one",
        "terms_add_up",
    ),
    _likelihood(
        "Z29",
        "mean instead of sum over pixels",
        likelihoods.MeanOverPixels,
        GaussianFixed,
        "images_sum_to_one",
        "terms_add_up",
    ),
    _likelihood(
        "Z30", "derivative of the sigmoid forgotten", likelihoods.NoLinkSlope, GaussianFixed, *_GRADIENTS
    ),
    _likelihood(
        "Z31", "draws scaled by the variance", likelihoods.VarianceAsScale, GaussianFixed, "likelihood_draws"
    ),
    _likelihood(
        "Z32",
        "missing entries pull on the decoder",
        likelihoods.ForgetsMask,
        GaussianFixed,
        "gradient_with_a_mask",
        "missing_entries_do_not_matter",
    ),
    _likelihood(
        "Z33",
        "gradient of the variance without D/2",
        likelihoods.NoDimensionTerm,
        GaussianLearned,
        *_GRADIENTS,
    ),
    Bug(
        "Z34",
        "beta applied to the reconstruction",
        "objective",
        training.BetaOnReconstruction(4.0),
        ELBO(4.0),
        ("terms_add_to_the_loss", "rows_make_the_loss"),
    ),
    Bug(
        "Z35",
        "divided by the rows at hand",
        "objective",
        training.ForgetsTotal(),
        ELBO(),
        ("terms_add_to_the_loss", "rows_make_the_loss"),
    ),
    Bug(
        "Z36",
        "samples summed, not averaged",
        "objective",
        training.SumsSamples(),
        ELBO(),
        ("terms_add_to_the_loss", "rows_make_the_loss", "exact_on_a_linear_model"),
    ),
    Bug(
        "Z37",
        "sampled KL without the gradient of log p(z)",
        "objective",
        training.ScoreWithoutPrior(kl="sampled"),
        ELBO(kl="sampled"),
        ("gradient",),
    ),
    _optimiser("Z38", "Adam without bias correction", training.NoBiasCorrection, Adam, "equals_scalar_loop"),
    _optimiser(
        "Z39",
        "Adam that counts its own steps",
        training.CountsItsOwnSteps,
        Adam,
        "resumes",
        "slices_equal_whole",
    ),
    _optimiser(
        "Z40", "momentum scaled by 1 - rho", training.AveragedVelocity, Momentum, "equals_scalar_loop"
    ),
    _optimiser(
        "Z41",
        "gradient normalised slice by slice",
        training.NormalisesSlices,
        SGD,
        "slices_equal_whole",
        "equals_scalar_loop",
    ),
    _optimiser(
        "O20",
        "weight decay through Adam's averages",
        training.DecaysThroughTheAverages,
        AdamW,
        "equals_scalar_loop",
    ),
    _optimiser(
        "O21", "Adamax without bias correction", training.UncorrectedAdamax, Adamax, "equals_scalar_loop"
    ),
    _optimiser("Z42", "climbing", training.Climbs, SGD, "converges", "equals_scalar_loop"),
    _model(
        "Z43",
        "fan-out without a sum: the prior's gradient dropped",
        training.DropsPriorPath,
        ELBO(kl="sampled"),
        "gradient",
    ),
    _model("Z44", "every shard averaged over its own rows", training.MeanOfShard, ELBO(), "shards_add_up"),
    _importance(
        "Z45",
        "mean of logs for log of mean",
        training.mean_of_logs,
        "mean_weight",
        "importance_bound_meets_evidence",
    ),
    _importance("Z46", "chunks averaged instead of combined", training.averaged_chunks, "mean_weight"),
    _importance(
        "Z47", "1/K forgotten", training.forgotten_count, "mean_weight", "importance_bound_meets_evidence"
    ),
    _importance(
        "Z48",
        "only the largest weight counts",
        training.largest_weight,
        "mean_weight",
        "importance_bound_rises",
        "importance_bound_meets_evidence",
    ),
    _likelihood(
        "Z49",
        "softplus that overflows",
        likelihoods.NaiveSoftplus,
        Bernoulli,
        "finite",
        "surprise_is_not_capped",
    ),
    _likelihood(
        "Z50",
        "terms of the Gaussian without their 1/2",
        likelihoods.NoHalfInTerms,
        GaussianFixed,
        "entries_sum_to_one",
        "terms_add_up",
        "likelihood_draws",
    ),
    _divergence("S01", "gradient of the KL scaled by sigma", latent.scaled_by_sigma_in_gradient, "gradient"),
    _divergence(
        "S02", "KL reported as a mean, its gradient a sum", latent.averaged_in_value, "kl_by_draws", "gradient"
    ),
    Bug(
        "S03",
        "beta never applied",
        "objective",
        training.ForgetsBeta(4.0),
        ELBO(4.0),
        ("terms_add_to_the_loss",),
    ),
    _evaluation(
        "S04", "the KL hardly weighted in evaluation", training.lightly_weighted, "exact_on_a_linear_model"
    ),
    _evaluation("S05", "one batch over the number of batches", training.over_the_batches, *_BOUND),
    *(Bug(*bug) for bug in data.BUGS),
    *(Bug(*bug) for bug in flows.BUGS),
    *(Bug(*bug) for bug in likelihoods.BUGS),
    *(Bug(*bug) for bug in networks.BUGS),
    *(Bug(*bug) for bug in objectives.BUGS),
    *(Bug(*bug) for bug in priors.BUGS),
)
