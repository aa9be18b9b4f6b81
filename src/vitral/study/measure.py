"""From trained parameters to the entries of metrics.json. Every split is measured with one function.

A number that does not exist for a model (a KL per dimension without a closed form, a squared error of
categories) is None, and NaN for an image.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from vitral.checks.certificate import certify
from vitral.checks.tables import whole_rows
from vitral.core.randomness import stream
from vitral.data import Data, Rows
from vitral.evaluation import latent as latents
from vitral.evaluation.amortisation import gaps
from vitral.evaluation.baselines import Baselines
from vitral.evaluation.classifier import train_classifier
from vitral.evaluation.information import GENERAL, information
from vitral.evaluation.likelihood import BLOCK, log_px_hat, per_image, standard_error, summary
from vitral.evaluation.samples import sample_quality
from vitral.model import Model
from vitral.parts.likelihoods import Bernoulli, GaussianFixed, GaussianLearned
from vitral.parts.objectives import ELBO, MMD, Reconstruction
from vitral.parts.posteriors import DiagonalGaussian
from vitral.parts.priors import StandardNormal
from vitral.study.recipes import EvaluationPart

LN2 = float(np.log(2.0))
CHECKED_ROWS = 64
BLOCKS = ("information", "amortisation", "samples")  # blocks of an entry beside its splits
PER_DIMENSION = ("kl_per_dimension", "kl_location_per_dimension", "kl_width_per_dimension")

Values = dict[str, np.ndarray]


def loss_only(model: Model, data: Data) -> bool:
    """Bernoulli on grey levels is a loss and not a likelihood (E05c): no ELBO and no log p(x) then."""
    return isinstance(model.likelihood, Bernoulli) and not data.contract.binary


def final_beta(objective: Any) -> float:
    """The weight of the KL at the end of training: 0 for a plain autoencoder, 1 where none was chosen.

    What beta-TC calls beta weighs the total correlation, which is only a part of the KL.
    """
    if isinstance(objective, Reconstruction):
        return 0.0
    return float(objective.beta) if isinstance(objective, ELBO | MMD) else 1.0


def images_of_split(
    model: Model,
    theta: np.ndarray,
    rows: Rows,
    objective: Any,
    *,
    seed: int,
    split: str,
    draws: int,
    loss_only: bool,
) -> Values:
    """Loss, ELBO, rate (kl), distortion and squared error of every image, z sampled; loss and error at z = mu."""
    values = per_image(model, theta, rows, objective, seed=seed, purpose=f"evaluate {split}", draws=draws)
    at_mean = per_image(model, theta, rows, objective, seed=seed, purpose="", at_mean=True)
    values["distortion"] = -values.pop("log_px")
    if loss_only:
        values["elbo"] = np.full_like(values["elbo"], np.nan)
    if not model.likelihood.numeric:  # names of categories: a distance between them means nothing
        values["sse"] = at_mean["sse"] = np.full_like(values["loss"], np.nan)
    return values | {f"{name}_at_mean": at_mean[name] for name in ("loss", "sse")}


def of_split(values: Values) -> dict[str, Any]:
    """Means over the images of a split, with standard errors."""
    measured = summary({name: value for name, value in values.items() if not name.endswith("_at_mean")})
    at_mean = summary({name: value for name, value in values.items() if name.endswith("_at_mean")})
    measured |= {name: value for name, value in at_mean.items() if not name.endswith("_se")}
    return {**measured, "images": len(values["loss"])}


def estimates(
    model: Model, theta: np.ndarray, data: Data, evaluation: EvaluationPart, *, seed: int
) -> np.ndarray | None:
    """Importance-sampled log p(x) of the first test images, or None where there is none."""
    rows = data.test.select(slice(0, evaluation.importance_images))
    samples = evaluation.importance_samples
    if not model.posterior.has_density or loss_only(model, data) or samples == 0 or len(rows) == 0:
        return None
    return log_px_hat(model, theta, rows, samples=samples, seed=seed)


def importance(log_px: np.ndarray | None, elbo: np.ndarray, features: float, samples: int) -> dict[str, Any]:
    """The mean estimate of log p(x), beside the ELBO of the same images; ``elbo`` has them first.

    ``features`` is how many entries of a row were observed, which for whole rows are all.
    """
    if log_px is None:
        names = ("log_px_hat", "log_px_hat_se", "elbo_same_images", "bits_per_dimension")
        return {**dict.fromkeys(names), "importance_samples": 0, "importance_images": 0}
    return {
        "log_px_hat": float(log_px.mean()),
        "log_px_hat_se": standard_error(log_px),
        "elbo_same_images": float(elbo[: len(log_px)].mean()),
        "bits_per_dimension": -float(log_px.mean()) / (features * LN2),
        "importance_samples": samples,
        "importance_images": len(log_px),
    }


def importance_of_data(log_px: np.ndarray | None, data: Data) -> dict[str, Any]:
    """The mean estimate of log p as a density in the unit of the data; nothing where features are not scaled."""
    if log_px is None or data.contract.spread is None:
        return {}
    slopes = data.contract.log_slope(data.test.select(slice(0, len(log_px))))
    return {"log_px_hat_of_data": float((log_px + slopes).mean())}


def of_latent(
    model: Model, theta: np.ndarray, data: Data, evaluation: EvaluationPart, objective: Any
) -> dict[str, Any]:
    """Active units, neighbours, KL per dimension and its two parts, and the predicted mu-shortcut."""
    mu, logvar = latents.codes(model, theta, data.test)
    entries: dict[str, Any] = {"active_units": latents.active_units(mu), "knn_accuracy": None}
    if data.test.labels is not None and data.train.labels is not None:
        near = data.train.select(slice(0, evaluation.neighbour_rows))
        codes, _ = latents.codes(model, theta, near)
        entries["knn_accuracy"] = latents.knn_accuracy(
            codes, near.labels, mu, data.test.labels, evaluation.neighbours
        )
    entries |= dict.fromkeys(PER_DIMENSION)
    pair = (type(model.posterior), type(model.prior))
    if pair == (DiagonalGaussian, StandardNormal) and logvar is not None:
        location, width = latents.kl_parts(mu, logvar)
        parts = (location + width, location, width)
        entries |= {name: part.tolist() for name, part in zip(PER_DIMENSION, parts, strict=True)}
        beta = objective.beta if isinstance(objective, ELBO) else None
        entries["mu_shortcut_predicted"] = None if beta is None else latents.mu_shortcut(logvar, beta)
    elif model.posterior.has_density:
        entries["kl_per_dimension"] = closed_kl_per_dimension(model, theta, data.test)
    return entries


def closed_kl_per_dimension(model: Model, theta: np.ndarray, rows: Rows) -> list[float] | None:
    """The mean over images of the closed KL of every dimension; None where the KL has no closed form."""
    p, sums = model.views(theta), 0.0
    for start in range(0, len(rows), BLOCK):
        batch = rows.batch(slice(start, start + BLOCK), theta.dtype.name)
        h = model.encoder_output(p, batch.inputs, batch.context)
        kl, _ = model.closed_kl(p, h, batch.context)
        if kl is None:
            return None
        sums = sums + kl.astype(np.float64).sum(axis=0)
    return (sums / len(rows)).tolist()


def information_of(
    model: Model, theta: np.ndarray, data: Data, evaluation: EvaluationPart, *, seed: int
) -> dict[str, Any]:
    """Mutual information and marginal KL on test images; nothing where q(z given x) or a prior of all is missing."""
    count = min(evaluation.information_images, len(data.test))
    if not model.posterior.has_density or data.test.context is not None or count < 3:
        return {}
    diagonal = isinstance(model.posterior, DiagonalGaussian)
    images = count if diagonal else min(count, GENERAL)
    return {"information": information(model, theta, data.test, seed=seed, images=images)}


def amortisation_of(
    model: Model, theta: np.ndarray, data: Data, evaluation: EvaluationPart, *, seed: int
) -> dict[str, Any]:
    """What the encoder loses on some test images; nothing where that is not asked for or q is not diagonal."""
    count = min(evaluation.amortisation_images, len(data.test))
    if count < 2 or not isinstance(model.posterior, DiagonalGaussian):
        return {}
    return {"amortisation": gaps(model, theta, data.test, seed=seed, images=count)}


def samples_of(
    model: Model, theta: np.ndarray, data: Data, evaluation: EvaluationPart, *, seed: int
) -> dict[str, Any]:
    """How new images from the prior compare with training and test images; nothing where that is not asked for.

    Bits are compared with draws, everything else with decoder means; "judged" says which. A conditional model is
    given the contexts of test images.
    """
    count = evaluation.sample_images
    comparable = model.likelihood.numeric and not data.test.missing  # a distance needs whole rows of numbers
    if count == 0 or not model.posterior.has_density or not comparable:
        return {}
    p, context = model.views(theta), data.test.context
    if context is not None:
        context = np.resize(context, (count, context.shape[1])).astype(theta.dtype)
    z, x = model.sample(p, count, stream(seed, "judged samples"), theta.dtype.name, context)
    classifier = None if data.train.labels is None else train_classifier(data.train, seed=seed)
    judged = x if data.contract.binary else model.decode(p, z, context)
    found = sample_quality(judged, data.train, data.test, seed=seed, classifier=classifier)
    return {"samples": {"judged": "draws" if data.contract.binary else "means", **found}}


def variance_entries(
    model: Model, theta: np.ndarray, sse: float | None, objective: Any, features: float
) -> dict[str, Any]:
    """The variance of the likelihood, and the beta that it amounts to at the variance of the residuals.

    beta' = beta s² / (SSE / D)                             (docs/derivations/likelihoods.md, the hidden beta)
    """
    if not isinstance(model.likelihood, GaussianFixed | GaussianLearned) or sse is None:
        return {"variance": None, "residual_variance": None, "implied_beta": None}
    variance = model.likelihood.noise_variance(model.views(theta).likelihood)
    residual = sse / features
    beta = objective.beta * variance / residual if isinstance(objective, ELBO) else None
    return {"variance": variance, "residual_variance": residual, "implied_beta": beta}


def checks(model: Model, theta: np.ndarray, data: Data, *, seed: int, own: Any, optimiser: Any) -> dict[str, Any]:
    """The certificate of a model, as data."""
    rows = data.test.select(slice(0, CHECKED_ROWS))
    model, x = whole_rows(model, rows)
    context = rows.batch(slice(None), "float64").context
    items = certify(model, theta.astype("float64"), x, seed, beta=final_beta(own), context=context, own=own,
                    optimiser=optimiser)  # fmt: skip
    applied = [item for item in items if item.passed is not None]
    passed = sum(bool(item.passed) for item in applied)
    return {"passed": passed, "total": len(applied), "items": [asdict(item) for item in items]}


def baseline_entries(baselines: Baselines, data: Data, sizes: list[int], *, numeric: bool = True) -> dict[str, Any]:
    """The mean image and PCA of every latent size, on test and validation; names of categories have neither."""
    if not numeric:
        return {"mean_image": {"sse": None, "validation_sse": None}, "pca": {}}

    def entry(components: int) -> dict[str, float]:
        return {
            "sse": baselines.pca_sse(data.test, components),
            "validation_sse": baselines.pca_sse(data.validation, components),
        }

    fitting = [size for size in sizes if size <= data.contract.features]
    return {"mean_image": entry(0), "pca": {str(size): entry(size) for size in fitting}}
