"""Estimators in the model files of the command line, and models of the command line as estimators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vitral.api import TrainedModel, load_one
from vitral.errors import FileError

LEARNED = ("n_iter_", "loss_curve_", "validation_curve_", "seed_", "offset_", "scored_by_", "frame_")


def save(estimator: Any, path: Path) -> None:
    """The model with its contract, and as facts what makes it an estimator again."""
    trained(estimator).save(path)


def trained(estimator: Any) -> TrainedModel:
    """The fitted model as ``vitral.load`` gives it back."""
    learned = {name: getattr(estimator, name) for name in LEARNED if hasattr(estimator, name)}
    names = getattr(estimator, "feature_names_in_", None)
    facts = {
        "kind": "vae",
        "epochs": estimator.n_iter_,
        "estimator": {
            "class": type(estimator).__name__,
            "parameters": _plain({**estimator.get_params(deep=False), "random_state": _seed(estimator)}),
            "learned": _plain({**learned, **estimator._beside()}),
            "feature_names": None if names is None else [str(name) for name in names],
        },
    }
    spec = estimator.spec_
    return TrainedModel(spec, spec.build(), estimator.theta_, estimator.contract_, facts)


def _seed(estimator: Any) -> int | None:
    """A generator object has no place in a file; a number has."""
    state = estimator.random_state
    return int(state) if isinstance(state, int | np.integer) else None


def load(cls: type, path: Path) -> Any:
    """An estimator of this class from a model file, or a folder, of its kind."""
    file = load_one(path)
    of_estimator = file.facts.get("estimator")
    said = of_estimator.get("class") if isinstance(of_estimator, dict) else None
    said = said or ("ConditionalVAE" if file.spec.context else "VAE")
    holes = cls.__name__ == "VAEImputer" and file.contract.missing and not file.spec.context
    if said != cls.__name__ and not holes:
        raise FileError(f"{path} holds a model for {said}: load it with vitral.{said}.load")
    try:
        return _made(cls, file)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileError(
            f"{path} says of its estimator what this Vitral does not know: {error!r}; vitral.load reads the model alone"
        ) from error


def _made(cls: type, file: TrainedModel) -> Any:
    """The estimator as it was saved; of a model of the command line, one with its size and no threshold."""
    known = file.facts.get("estimator")
    known = known if known and known["class"] == cls.__name__ else None
    made = cls(**_parameters(known["parameters"])) if known else cls(n_components=file.spec.latent)
    made.spec_, made.theta_, made.contract_ = file.spec, file.theta, file.contract
    made.n_features_in_, made._state, made.frame_ = file.spec.features, None, None
    made.seed_, made.n_iter_ = file.facts.get("seed", 0), file.facts.get("epochs", 1)
    made.scored_by_, made.loss_curve_, made.validation_curve_ = ("importance", 100), [], None
    if known:
        for name, value in known["learned"].items():
            if name in (*LEARNED, "target_", "indicated_"):
                setattr(made, name, tuple(value) if name == "scored_by_" else value)
        if known["feature_names"] is not None:
            made.feature_names_in_ = np.array(known["feature_names"], dtype=object)
    made._restored()
    return made


def _parameters(said: dict[str, Any]) -> dict[str, Any]:
    return {**said, "hidden": tuple(said["hidden"])}


def _plain(value: Any) -> Any:
    """The same as JSON knows it."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, tuple | list | np.ndarray):
        return [_plain(entry) for entry in value]
    return value.item() if isinstance(value, np.generic) else value
