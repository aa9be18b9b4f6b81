"""From trained parameters to the entries of metrics.json. Every split is measured with one function."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from vitral.checks.certificate import certify
from vitral.data import Data, Rows
from vitral.evaluation import latent as latents
from vitral.evaluation.baselines import Baselines
from vitral.evaluation.likelihood import log_px_hat, per_image, standard_error, summary
from vitral.model import Model
from vitral.parts.likelihoods import Bernoulli, GaussianFixed, GaussianLearned
from vitral.parts.objectives import ELBO
from vitral.study.recipes import EvaluationPart

LN2 = float(np.log(2.0))
CHECKED_ROWS = 64


def loss_only(model: Model, data: Data) -> bool:
    """Bernoulli on grey levels is a loss and not a likelihood (E05c): no ELBO and no log p(x) then."""
    return isinstance(model.likelihood, Bernoulli) and not data.contract.binary


def of_split(
    model: Model,
    theta: np.ndarray,
    rows: Rows,
    objective: Any,
    *,
    seed: int,
    split: str,
    draws: int,
    loss_only: bool,
) -> dict[str, Any]:
    """Loss, ELBO, squared error and KL with standard errors, z sampled; and the same at z = mu."""
    values = per_image(model, theta, rows, objective, seed=seed, purpose=f"evaluate {split}", draws=draws)
    at_mean = per_image(model, theta, rows, objective, seed=seed, purpose="", at_mean=True)
    if loss_only:
        values["elbo"] = np.full_like(values["elbo"], np.nan)
    measured = {name: value for name, value in summary(values).items() if not name.startswith("log_px")}
    measured["loss_at_mean"] = float(at_mean["loss"].mean())
    measured["sse_at_mean"] = float(at_mean["sse"].mean())
    measured["images"] = len(rows)
    return measured


def importance(
    model: Model, theta: np.ndarray, data: Data, evaluation: EvaluationPart, objective: Any, *, seed: int
) -> dict[str, Any]:
    """log p(x) of the first test images by importance sampling, beside the ELBO of the same images."""
    rows = data.test.select(slice(0, evaluation.importance_images))
    samples = evaluation.importance_samples
    names = ("log_px_hat", "log_px_hat_se", "elbo_same_images", "bits_per_dimension")
    if not model.posterior.has_density or loss_only(model, data) or samples == 0 or len(rows) == 0:
        return {**dict.fromkeys(names), "importance_samples": 0, "importance_images": 0}
    estimates = log_px_hat(model, theta, rows, samples=samples, seed=seed)
    elbo = per_image(model, theta, rows, objective, seed=seed, purpose="evaluate test")["elbo"]
    bits = -float(estimates.mean()) / (model.features * LN2)
    values = (float(estimates.mean()), standard_error(estimates), float(elbo.mean()), bits)
    return {
        **dict(zip(names, values, strict=True)),
        "importance_samples": samples,
        "importance_images": len(rows),
    }


def of_latent(
    model: Model, theta: np.ndarray, data: Data, evaluation: EvaluationPart, beta: float
) -> dict[str, Any]:
    """KL per dimension and its two parts, active units, neighbours, and the predicted mu-shortcut."""
    mu, logvar = latents.codes(model, theta, data.test)
    entries: dict[str, Any] = {"active_units": latents.active_units(mu), "knn_accuracy": None}
    entries |= dict.fromkeys(("kl_per_dimension", "kl_location_per_dimension", "kl_width_per_dimension"))
    if data.test.labels is not None and data.train.labels is not None:
        near = data.train.select(slice(0, evaluation.neighbour_rows))
        codes, _ = latents.codes(model, theta, near)
        entries["knn_accuracy"] = latents.knn_accuracy(
            codes, near.labels, mu, data.test.labels, evaluation.neighbours
        )
    if logvar is not None:
        location, width = latents.kl_parts(mu, logvar)
        entries["kl_per_dimension"] = (location + width).tolist()
        entries["kl_location_per_dimension"], entries["kl_width_per_dimension"] = (
            location.tolist(),
            width.tolist(),
        )
        entries["mu_shortcut_predicted"] = latents.mu_shortcut(logvar, beta)
    return entries


def variance_entries(model: Model, theta: np.ndarray, sse: float, objective: Any) -> dict[str, Any]:
    """The variance of the likelihood, and the beta that it amounts to at the variance of the residuals.

    beta' = beta s² / (SSE / D)                             (docs/derivations/likelihoods.md, the hidden beta)
    """
    if not isinstance(model.likelihood, GaussianFixed | GaussianLearned):
        return {"variance": None, "residual_variance": None, "implied_beta": None}
    variance = model.likelihood.noise_variance(model.views(theta).likelihood)
    residual = sse / model.features
    beta = objective.beta * variance / residual if isinstance(objective, ELBO) else None
    return {"variance": variance, "residual_variance": residual, "implied_beta": beta}


def checks(model: Model, theta: np.ndarray, data: Data, *, seed: int, beta: float) -> dict[str, Any]:
    """The certificate of a model, as data."""
    x = data.test.take(slice(0, CHECKED_ROWS), "float64")
    items = certify(model, theta.astype("float64"), x, seed, beta=beta)
    applied = [item for item in items if item.passed is not None]
    passed = sum(bool(item.passed) for item in applied)
    return {"passed": passed, "total": len(applied), "items": [asdict(item) for item in items]}


def baseline_entries(baselines: Baselines, data: Data, sizes: list[int]) -> dict[str, Any]:
    """The mean image and PCA of every latent size, on test and validation."""

    def entry(components: int) -> dict[str, float]:
        return {
            "sse": baselines.pca_sse(data.test, components),
            "validation_sse": baselines.pca_sse(data.validation, components),
        }

    fitting = [size for size in sizes if size <= data.contract.features]
    return {"mean_image": entry(0), "pca": {str(size): entry(size) for size in fitting}}
