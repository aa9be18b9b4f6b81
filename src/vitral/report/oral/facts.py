"""What a card is, and the run as the cards ask for it: a number that a run lacks leaves its card out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from vitral.report.run_folder import Record, RunFolder


class Absent(LookupError):
    """The run does not hold what a card asks about."""


class Number(NamedTuple):
    """A number as it is printed: rounded already, so that pencil and paper reach the same answer.

    Settings are written as short as they are; their ``digits`` is None.
    """

    value: float
    digits: int | None


def shown(value: float, digits: int = 2) -> Number:
    if not math.isfinite(value):
        raise Absent
    return Number(round(float(value), digits), digits)


def whole(value: float) -> Number:
    return shown(value, 0)


def setting(value: float) -> Number:
    return Number(float(f"{value:.4g}"), None)


def positive(number: Number) -> Number:
    """For what is divided by or has its logarithm taken: it may have been rounded to nothing."""
    if not number.value > 0.0:
        raise Absent
    return number


# Where an equation is derived, and the code that computes or measures it.
PLACES = {
    "E02": ("docs/derivations/layers.md", "src/vitral/parts/layers.py"),
    "E03": ("docs/derivations/reparameterisation.md", "src/vitral/parts/posteriors/diagonal.py"),
    "E05": ("docs/derivations/likelihoods.md", "src/vitral/parts/likelihoods/bernoulli.py"),
    "E06": ("docs/derivations/likelihoods.md", "src/vitral/parts/likelihoods/gaussian.py"),
    "E07": ("docs/derivations/likelihoods.md", "src/vitral/parts/likelihoods/gaussian.py"),
    "E08": ("docs/derivations/kl.md", "src/vitral/parts/divergences.py"),
    "E09": ("docs/derivations/elbo.md", "src/vitral/parts/objectives/elbo.py"),
    "E10": ("docs/derivations/elbo.md", "src/vitral/checks/bounds.py"),
    "E12": ("docs/derivations/elbo.md", "src/vitral/evaluation/information.py"),
    "E13": ("docs/derivations/mu_shortcut.md", "src/vitral/checks/bounds.py"),
    "E14": ("docs/derivations/gradient_check.md", "src/vitral/checks/bounds.py"),
    "E16": ("docs/derivations/optimisers.md", "src/vitral/parts/optimisers.py"),
    "E17": ("docs/derivations/initialisation.md", "src/vitral/parts/layers.py"),
    "E18": ("docs/derivations/reparameterisation.md", "src/vitral/parts/priors/standard_normal.py"),
}


@dataclass(frozen=True)
class Card:
    """A question with its numbers and the numbers of its answer, which follow from them.

    ``key`` names the strings, ``equation`` the derivation, ``section`` the part of the page to look at.
    """

    key: str
    equation: str
    section: str
    given: Mapping[str, Number]
    answer: Mapping[str, Number]


def examined(run: RunFolder) -> str | None:
    """The smallest VAE of images with a diagonal q, the prior N(0, I) and the plain ELBO: what a course asks about."""
    if not run.shows_images:
        return None
    plain = (name for name in run.vaes if run.plain(name) and _plain_elbo(run.models[name]))
    return next(plain, None)


def _plain_elbo(model: Record) -> bool:
    objective = model.get("objective") or {"kind": "elbo"}
    return objective.get("kind") == "elbo" and objective.get("beta", 1.0) == 1.0


@dataclass(frozen=True)
class Facts:
    """One run and the model in question; whatever is missing raises Absent."""

    run: RunFolder
    name: str

    def of_model(self, key: str, name: str | None = None) -> float:
        return _there(self.run.models[name or self.name].get(key))

    def part(self, key: str) -> Any:
        return _there(self.run.models[self.name].get(key))

    def score(self, key: str, split: str = "test", name: str | None = None) -> float:
        return _there(self.run.scores(name or self.name, split).get(key))

    def information(self, key: str) -> float:
        return _there((self.run.models[self.name].get("information") or {}).get(key))

    def data(self, key: str) -> float:
        return _there(self.run.data.get(key))

    @property
    def classes(self) -> int:
        return len(_there(self.run.data.get("classes") or None))

    def protocol(self, key: str) -> Any:
        return _there(self.run.protocol.get(key))

    def baseline(self, kind: str, latent: int | None = None) -> float:
        return _there(self.run.baseline(kind, latent))

    def array(self, key: str, *, own: bool = True) -> np.ndarray:
        return _there(self.run.array(f"{self.name}/{key}" if own else key))

    @property
    def latent(self) -> int:
        return self.run.latent(self.name)

    def code(self, image: int) -> tuple[int, float, float]:
        """The dimension of a test image that costs most, its mean and its log-variance."""
        codes, log_variances = self.array("codes"), self.array("codes_logvar")
        if len(codes) <= image:
            raise Absent
        mu, logvar = codes[image].astype(float), log_variances[image].astype(float)
        dimension = int(np.argmax(mu**2 + np.exp(logvar) - logvar))
        return dimension, mu[dimension], logvar[dimension]

    def squared_error(self, image: int) -> float:
        """Of a test image through its mu."""
        difference = self.array("originals", own=False)[image] - self.array("reconstructions")[image]
        return float(np.sum(difference.astype(float) ** 2))

    def other(self, kind: str) -> str:
        """Another model: the largest VAE, or the autoencoder of the same size."""
        if kind == "vae":
            larger = [name for name in self.run.vaes if self.run.latent(name) > self.latent]
            return _there(larger[-1] if larger else None)
        same = [name for name in self.run.autoencoders if self.run.latent(name) == self.latent]
        return _there(same[0] if same else None)

    def check(self, name: str) -> Record:
        """One line of the certificate."""
        items = (self.run.models[self.name].get("checks") or {}).get("items") or []
        found = next((item for item in items if item.get("name") == name), None)
        _there((found or {}).get("measured"))
        return found or {}


def _there(value: Any) -> Any:
    if value is None:
        raise Absent
    return value
