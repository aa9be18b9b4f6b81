"""A second stage as a recipe asks for it: another prior, fitted to the codes of the trained model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from vitral.data import Data
from vitral.errors import UsageError, unknown
from vitral.specs import Spec, described_prior
from vitral.training.second_stage import check_fit, fit_prior

DEFAULTS = {"epochs": 30, "batch": 200, "rate": 2e-3}

Table = Mapping[str, Any]


def check_second_stage(spec: Spec, asked: Table) -> None:
    """Refuse, before anything is trained, a second stage that could not be carried out after it."""
    if not asked:
        return
    for key in asked:
        if key not in ("prior", *DEFAULTS):
            raise unknown("key of training.second_stage:", key, ("prior", *DEFAULTS))
    if "prior" not in asked:
        raise UsageError("training.second_stage needs a prior to fit, got none: write prior = { kind = 'mixture' }")
    check_fit(replace(spec, prior=asked["prior"]).build().prior, **options(asked))


def complete(spec: Spec, asked: Table) -> dict[str, Any]:
    """The entry of a recipe with every default written out; nothing where none is asked for."""
    if not asked:
        return {}
    prior = described_prior(replace(spec, prior=asked["prior"]).build().prior)
    return {"second_stage": {"prior": prior, **options(asked)}}


def options(asked: Table) -> dict[str, Any]:
    """Epochs, batch and rate of the fit."""
    return {key: asked.get(key, default) for key, default in DEFAULTS.items()}


def carry_out(
    spec: Spec, theta: np.ndarray, data: Data, asked: Table, *, seed: int
) -> tuple[Spec, np.ndarray, dict[str, Any]]:
    """The spec with its new prior, the parameters, and what the model file says about the fit."""
    fitted = fit_prior(spec, theta, data, asked["prior"], seed=seed, **options(asked))
    facts = {
        **options(asked),
        "prior": described_prior(fitted.spec.build().prior),
        "before": fitted.before,
        "after": fitted.after,
    }
    return fitted.spec, fitted.theta, facts
