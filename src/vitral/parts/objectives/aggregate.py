"""Objectives that look at q(z), where all rows together put their codes. Derivation: docs/derivations/objectives.md.

Both compare every row of the batch with every other, so their loss depends on the size of the batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from vitral.core.arrays import LOG_TWO_PI, Array, logsumexp, zeros
from vitral.parts.objectives.elbo import ELBO, Reconstruction
from vitral.parts.objectives.terms import Seeds, Terms, filled, resolved


@dataclass(frozen=True)
class BetaTC:
    """loss = Σ_n [ -log p(x_n given z_n) + alpha I_n + beta TC_n + gamma D_n ] / total      (Chen et al. 2018, eq. 4)

    I = log q(z given x) - log q(z)        TC = log q(z) - Σ_l log q(z_l)        D = Σ_l log q(z_l) - log p(z)

    Means over K draws; they add up to the sampled KL (E12). With N = ``train_rows`` and M rows in the batch,
    q(z) is estimated by Σ_m W_nm q(z given x_m), q(z_l) likewise: W = 1/(N M) ("weighted", their equation 5), or
    W_nn = 1/N and W_nm = (N - 1) / (N (M - 1)) ("stratified", S7 averaged over the row that it singles out).

    A = log q(z), B_l = log q(z_l):  dA = (beta - alpha) / (K total), dB = (gamma - beta) / (K total), and each is
    shared out over m by its normalised weights: C_knml = dA w_knm + dB w_knml. With r = z - mu_m, v = sigma_m²:
    dz = -Σ_m C r / v        dmu_m = Σ_kn C r / v        dlogvar_m = Σ_kn C (r²/v - 1) / 2
    """

    alpha: Any = 1.0  # numbers, or Schedules until ``at`` resolves them
    beta: Any = 6.0
    gamma: Any = 1.0
    estimate: str = "weighted"
    train_rows: int = 0  # 0 until the data are known
    samples: int = 1
    whole_batch: ClassVar[bool] = True
    scheduled: ClassVar[tuple[str, ...]] = ("alpha", "beta", "gamma")
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"estimate": ("weighted", "stratified")}
    needs: ClassVar[tuple[str, ...]] = ("density", "diagonal", "standard_normal")

    def at(self, step: int) -> BetaTC:
        """The same objective with its weights as they are at this step."""
        return resolved(self, step)  # type: ignore[no-any-return]

    def log_shares(self, terms: Terms) -> Array:
        """log W, (M, M)."""
        like, rows, total = terms.mu, len(terms.mu), float(self.train_rows)
        shares = zeros((rows, rows), like=like)
        if self.estimate == "weighted":
            return shares - float(np.log(total * rows))
        shares += float(np.log((total - 1.0) / (total * max(rows - 1, 1))))
        diagonal = shares.reshape(-1)[:: rows + 1]
        diagonal[...] = -float(np.log(total))
        return shares

    def log_densities(self, terms: Terms) -> tuple[Array, Array]:
        """A, the estimate of log q(z), and B, the sum of those of log q(z_l), each (K, N)."""
        shares = self.log_shares(terms)
        joint, alone = shares, 0.0
        for log_q, _, _ in _by_dimension(terms):
            joint, alone = joint + log_q, alone + logsumexp(log_q + shares, axis=-1)
        return logsumexp(joint, axis=-1), alone

    def rows(self, terms: Terms) -> Array:
        """The loss of every row, (N,)."""
        whole, alone = self.log_densities(terms)
        return (
            self.alpha * (terms.log_qz - whole)
            + self.beta * (whole - alone)
            + self.gamma * (alone - terms.log_pz)
            - terms.log_px
        ).mean(axis=0)

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        share = 1.0 / (len(terms.log_px) * total)
        dz, dmu, dlogvar = self._through_densities(terms, share)
        return self.rows(terms).sum() / total, Seeds(
            log_px=filled(-share, terms.log_px),
            log_pz=filled(-self.gamma * share, terms.log_pz),
            log_qz=filled(self.alpha * share, terms.log_qz),
            kl=filled(0.0, terms.kl),
            z=dz,
            mu=dmu,
            logvar=dlogvar,
        )

    def _through_densities(self, terms: Terms, share: float) -> tuple[Array, Array, Array]:
        """The seeds of z, mu and logvar, by way of A and B."""
        shares = self.log_shares(terms)
        joint = sum((log_q for log_q, _, _ in _by_dimension(terms)), start=shares)
        of_joint = (self.beta - self.alpha) * share * _normalised(joint)
        columns = []
        for log_q, r, precision in _by_dimension(terms):
            c = of_joint + (self.gamma - self.beta) * share * _normalised(log_q + shares)
            pull = c * r * precision
            dlogvar = 0.5 * (pull * r - c).sum(axis=(0, 1))
            columns.append((-pull.sum(axis=-1), pull.sum(axis=(0, 1)), dlogvar))
        dz, dmu, dlogvar = (np.stack(column, axis=-1) for column in zip(*columns, strict=True))
        return dz, dmu, dlogvar


def _by_dimension(terms: Terms) -> Iterator[tuple[Array, Array, Array]]:
    """For every l: log q(z_knl given x_m) and z_knl - mu_ml, each (K, N, M), and 1 / sigma_ml², (M,)."""
    for entry in range(terms.mu.shape[-1]):
        logvar = terms.logvar[:, entry]
        precision, r = np.exp(-logvar), terms.z[..., entry, None] - terms.mu[:, entry]
        yield -0.5 * (r * r * precision + logvar + LOG_TWO_PI), r, precision


def _normalised(log_w: Array) -> Array:
    """exp(log_w) over its sum along the last axis."""
    return np.exp(log_w - logsumexp(log_w, axis=-1)[..., None])


@dataclass(frozen=True)
class MMD:
    """loss = Σ_n [ -log p(x_n given z_n) + beta KL_n + weight MMD² ] / total,  MMD² between q(z) and p(z) = N(0, I)

    InfoVAE (Zhao et al. 2019, equation 6; beta = 1 - their alpha) and WAE (Tolstikhin et al. 2018, algorithm 2).
    The kernel is the mean over ``scales`` s of κ_g(a, b) = exp(-|a - b|² / 2g), g = s L. Pairs of different rows give
    an unbiased estimate, and the prior is integrated exactly, so that nothing is drawn:

    MMD² = mean_{n≠m} κ_g(z_n, z_m) - 2 mean_n e_g(z_n) + (g / (g+2))^(L/2)
    e_g(z) = E_p[κ_g(z, .)] = (g / (g+1))^(L/2) exp(-|z|² / 2(g+1))

    dz_n = (2 weight / total) [ e_g(z_n) z_n / (g+1) - mean_{m≠n} κ_g(z_n, z_m) (z_n - z_m) / g ]

    K draws of one row are no pair; a batch of a single row has none, and MMD² is 0 there.
    """

    weight: Any = 1000.0  # a number, or a Schedule until ``at`` resolves it; beta likewise
    beta: Any = 0.0
    scales: tuple[float, ...] = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
    kl: str = "auto"
    samples: int = 1
    whole_batch: ClassVar[bool] = True
    scheduled: ClassVar[tuple[str, ...]] = ("weight", "beta")
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"kl": ("auto", "closed", "sampled")}

    @property
    def needs(self) -> tuple[str, ...]:
        if self.beta == 0.0:
            return ("standard_normal",)
        return ("standard_normal", "density", *(("closed_kl",) if self.kl == "closed" else ()))

    def at(self, step: int) -> MMD:
        """The same objective with its weights as they are at this step."""
        return resolved(self, step)  # type: ignore[no-any-return]

    @property
    def others(self) -> ELBO | Reconstruction:
        """What is minimised beside the discrepancy."""
        return Reconstruction() if self.beta == 0.0 else ELBO(self.beta, self.kl)

    def rows(self, terms: Terms) -> Array:
        """The loss of every row, (N,); what the batch pays together is the same for each."""
        return self.others.rows(terms) + self.weight * self.discrepancy(terms.z)[0]

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        loss, seeds = self.others(terms, total)
        value, dz = self.discrepancy(terms.z)
        share = self.weight * terms.z.shape[1] / total
        return loss + share * value, seeds._replace(z=share * dz)

    def discrepancy(self, z: Array) -> tuple[Array, Array]:
        """MMD² of z (K, N, L), and its derivative, (K, N, L)."""
        samples, rows, latent = z.shape
        if rows == 1:
            return 0.0 * z.sum(), 0.0 * z
        flat = z.reshape(samples * rows, latent)
        squares = (flat * flat).sum(axis=-1)
        apart = np.maximum(squares[:, None] + squares - 2.0 * (flat @ flat.T), 0.0)
        pairs = self._other_rows(apart, samples, rows)
        value, pulls, outward = 0.0, 0.0 * apart, 0.0 * squares
        for g in (scale * latent for scale in self.scales):
            kernel = pairs * np.exp(apart * (-0.5 / g))
            prior = (g / (g + 1.0)) ** (0.5 * latent) / len(flat) * np.exp(squares * (-0.5 / (g + 1.0)))
            value = value + kernel.sum() - 2.0 * prior.sum() + (g / (g + 2.0)) ** (0.5 * latent)
            pulls, outward = pulls + kernel * (2.0 / g), outward + prior * (2.0 / (g + 1.0))
        dz = pulls @ flat + (outward - pulls.sum(axis=-1))[:, None] * flat
        return value / len(self.scales), (dz / len(self.scales)).reshape(z.shape)

    def _other_rows(self, apart: Array, samples: int, rows: int) -> Array:
        """The weight of every pair, (KN, KN): 0 within one row, and 1 in all."""
        pairs = np.full_like(apart, 1.0 / (samples * samples * rows * (rows - 1)))
        for k in range(-samples + 1, samples):  # the same row of two draws lies k blocks off the diagonal
            _diagonal(pairs, k * rows)[...] = 0.0
        return pairs


def _diagonal(matrix: Array, offset: int) -> Array:
    """A view of the entries (i, i + offset)."""
    size = len(matrix)
    first, count = (offset, size - offset) if offset >= 0 else (-offset * size, size + offset)
    return matrix.reshape(-1)[first : first + (count - 1) * (size + 1) + 1 : size + 1]
