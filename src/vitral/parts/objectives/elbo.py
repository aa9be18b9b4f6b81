"""The negative ELBO, and the reconstruction alone. Derivation: docs/derivations/elbo.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from vitral.core.arrays import Array
from vitral.parts.objectives.terms import Seeds, Terms, filled, resolved


@dataclass(frozen=True)
class ELBO:
    """loss = -Σ_n [ (1/K) Σ_k log p(x_n given z_kn) - beta KL_n ] / total                         # E09

    KL_n is Σ_l kl_nl in closed form, or (1/K) Σ_k (log q(z_kn given x_n) - log p(z_kn)) when ``kl`` is
    "sampled" (E18); "auto" takes the closed form where there is one. beta = 1 gives the negative ELBO
    (Kingma and Welling 2013, eq. 3 and 10), another the beta-VAE (Higgins et al. 2017); it is a number or a
    schedule of the step. ``samples`` is K in training.

    dlog_px = -1 / (K total)      dkl = beta / total      (sampled: dlog_qz = -dlog_pz = beta / (K total))
    """

    beta: Any = 1.0  # a number, or a Schedule until ``at`` resolves it
    kl: str = "auto"
    samples: int = 1
    whole_batch: ClassVar[bool] = False
    scheduled: ClassVar[tuple[str, ...]] = ("beta",)
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"kl": ("auto", "closed", "sampled")}

    @property
    def needs(self) -> tuple[str, ...]:
        """What the model has to have: see specs.check_together."""
        return ("density", "closed_kl") if self.kl == "closed" else ("density",)

    def at(self, step: int) -> ELBO:
        """The same objective with beta as it is at this step."""
        return resolved(self, step)  # type: ignore[no-any-return]

    def closed(self, terms: Terms) -> bool:
        """Whether the KL is the one in closed form."""
        return self.kl == "closed" or (self.kl == "auto" and terms.kl is not None)

    def kl_rows(self, terms: Terms) -> Array:
        """KL_n of every row, (N,)."""
        return terms.kl.sum(axis=-1) if self.closed(terms) else (terms.log_qz - terms.log_pz).mean(axis=0)

    def rows(self, terms: Terms) -> Array:
        """The loss of every row, (N,)."""
        return self.beta * self.kl_rows(terms) - terms.log_px.mean(axis=0)

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        share = 1.0 / (terms.log_px.shape[0] * total)
        closed = self.closed(terms)
        weight = 0.0 if closed else self.beta * share
        return self.rows(terms).sum() / total, Seeds(
            log_px=filled(-share, terms.log_px),
            log_pz=filled(-weight, terms.log_pz),
            log_qz=filled(weight, terms.log_qz),
            kl=filled(self.beta / total if closed else 0.0, terms.kl),
        )


@dataclass(frozen=True)
class Reconstruction:
    """loss = -Σ_n (1/K) Σ_k log p(x_n given z_kn) / total: the plain autoencoder, no KL.

    dlog_px = -1 / (K total)
    """

    samples: int = 1
    whole_batch: ClassVar[bool] = False
    scheduled: ClassVar[tuple[str, ...]] = ()
    choices: ClassVar[dict[str, tuple[str, ...]]] = {}
    needs: ClassVar[tuple[str, ...]] = ("point",)

    def at(self, step: int) -> Reconstruction:
        """Nothing here is scheduled."""
        return self

    def rows(self, terms: Terms) -> Array:
        """The loss of every row, (N,)."""
        return -terms.log_px.mean(axis=0)

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        share = 1.0 / (terms.log_px.shape[0] * total)
        zeros = [filled(0.0, term) for term in (terms.log_pz, terms.log_qz, terms.kl)]
        return self.rows(terms).sum() / total, Seeds(filled(-share, terms.log_px), *zeros)
