"""Posteriors against their definition: full covariance against plain matrices, refined against what it refines."""

from __future__ import annotations

import numpy as np
import pytest

from tests.fake_device import FakeArray, hide
from vitral.checks.laws import LAWS
from vitral.core.parameters import count, cut
from vitral.parts.divergences import kl_diagonal_standard, kl_full_standard
from vitral.parts.posteriors import DiagonalGaussian, FlowPosterior, FullGaussian
from vitral.specs import Spec

K, N, L = 3, 4, 3
REFINED = (
    FlowPosterior(L, hidden=(5,), summary=2),
    FlowPosterior(L, "coupling", 3, (4,), 1.0, summary=2),
)


def outputs(posterior, seed=0):
    """Encoder outputs, noise and upstream gradients."""
    rng = np.random.default_rng(seed)
    h = rng.standard_normal((N, posterior.width()))
    noise = {"eps": rng.standard_normal((K, N, L))}
    d = [rng.standard_normal(shape) for shape in ((K, N, L), (K, N), (N, L), (N, L))]
    return h, noise, d


def numbers(posterior, seed=0):
    theta = 0.5 * np.random.default_rng(seed).standard_normal(count(posterior.shapes))
    return cut(theta, posterior.shapes)


def covariance_of(h):
    """Mean and covariance of every row, built entry by entry from h = (mu, log diag C, C below)."""
    found = []
    for row in h:
        factor, below = np.diag(np.exp(row[L : 2 * L])), list(row[2 * L :])
        for i in range(L):
            for j in range(i):
                factor[i, j] = below.pop(0)
        found.append(factor @ factor.T)
    return h[:, :L], np.array(found)


def test_the_full_gaussian_has_the_density_of_its_covariance_matrix():
    """-1/2 ((z - mu)ᵀ S⁻¹ (z - mu) + log det 2πS) with S = C Cᵀ written out."""
    posterior = FullGaussian(L)
    h, _, (z, *_) = outputs(posterior)
    mu, covariance = covariance_of(h)
    expected = [
        [
            -0.5 * (z[k, n] - mu[n]) @ np.linalg.inv(covariance[n]) @ (z[k, n] - mu[n])
            - 0.5 * np.linalg.slogdet(2.0 * np.pi * covariance[n])[1]
            for n in range(N)
        ]
        for k in range(K)
    ]
    np.testing.assert_allclose(expected, posterior.log_prob(None, h, z), rtol=1e-10)


def test_the_full_gaussian_states_its_marginal_variances():
    posterior = FullGaussian(L)
    h, noise, _ = outputs(posterior)
    _, covariance = covariance_of(h)
    stated = posterior.parameters(None, h)
    q, _ = posterior.sample(None, h, noise)
    np.testing.assert_allclose(np.diagonal(covariance, axis1=1, axis2=2), np.exp(stated[1]), rtol=1e-12)
    np.testing.assert_array_equal(stated[0], q.mu)
    np.testing.assert_array_equal(stated[1], q.logvar)


def test_without_correlations_the_full_gaussian_is_the_diagonal_one():
    """Equal draws, densities and KL; equal gradients, where log C_ll is half a log-variance."""
    full, diagonal = FullGaussian(L), DiagonalGaussian(L)
    h, noise, (dz, dlog_qz, dmu, dlogvar) = outputs(diagonal)
    wide = np.concatenate([h[:, :L], 0.5 * h[:, L:], np.zeros((N, 3))], axis=1)
    q, back = full.sample(None, wide, noise)
    expected, expected_back = diagonal.sample(None, h, noise)
    for name in ("z", "log_qz", "mu", "logvar"):
        np.testing.assert_allclose(getattr(expected, name), getattr(q, name), rtol=1e-12)
    for path in (None, np.abs(dlog_qz)):
        dh = back(dz, dlog_qz, dmu, dlogvar, None, path)
        simple = expected_back(dz, dlog_qz, dmu, dlogvar, None, path)
        np.testing.assert_allclose(simple, np.hstack([dh[:, :L], 0.5 * dh[:, L : 2 * L]]), rtol=1e-10)
    kl = kl_diagonal_standard(diagonal, None, cut(np.zeros(0), {"posterior": {}}), h)[0]
    np.testing.assert_allclose(kl, kl_full_standard(full, None, None, wide)[0], rtol=1e-12)


def test_the_parts_of_the_full_kl_add_up_to_the_kl_of_the_matrix_and_none_is_negative():
    """(tr S + |mu|² - L - log det S) / 2"""
    posterior = FullGaussian(L)
    h, *_ = outputs(posterior)
    mu, covariance = covariance_of(h)
    kl, _ = kl_full_standard(posterior, None, None, h)
    expected = 0.5 * (
        np.trace(covariance, axis1=1, axis2=2) + (mu * mu).sum(axis=1) - L - np.linalg.slogdet(covariance)[1]
    )
    np.testing.assert_allclose(expected, kl.sum(axis=1), rtol=1e-12)
    assert kl.min() >= 0.0


def test_a_part_of_the_full_kl_is_the_average_kl_of_one_dimension_given_those_before_it():
    """q(z_l given z_1 .. z_{l-1}) = N(mu_l + Σ_{j<l} C_lj eps_j, C_ll²), against N(0, 1), by draws of eps."""
    posterior = FullGaussian(L)
    h, *_ = outputs(posterior)
    mu, factor, log_diagonal = posterior.factor(h[:1])
    eps = np.random.default_rng(1).standard_normal((200_000, L))
    means = mu + eps @ np.tril(factor[0], -1).T
    parts = 0.5 * (means**2 + np.exp(2.0 * log_diagonal) - 2.0 * log_diagonal - 1.0)
    error = parts.std(axis=0) / np.sqrt(len(eps)) + 1e-12
    kl, _ = kl_full_standard(posterior, None, None, h[:1])
    assert np.abs((parts.mean(axis=0) - kl[0]) / error).max() < 5.0


@pytest.mark.parametrize("kind", ["full", "flow"])
def test_a_new_model_starts_at_unit_deviation_without_correlation(kind):
    """What shapes the noise starts quiet: z - mu is the noise itself, in the order that the flow gives it."""
    model = Spec(5, L, {"hidden": [4]}, {"hidden": [4]}, posterior=kind).build()
    p = model.views(model.init(0, "float64"))
    h, _ = model.encoder.forward(p.encoder, np.random.default_rng(1).random((N, 5)))
    eps = np.random.default_rng(2).standard_normal((K, N, L))
    q, _ = model.posterior.sample(p.posterior, h, {"eps": eps})
    np.testing.assert_allclose(np.sort(eps, axis=-1), np.sort(q.z - q.mu, axis=-1), atol=1e-12)
    np.testing.assert_allclose(-0.5 * (eps**2 + np.log(2.0 * np.pi)).sum(axis=-1), q.log_qz, rtol=1e-12)


@pytest.mark.parametrize("posterior", [FullGaussian(L), DiagonalGaussian(L)], ids=str)
def test_with_a_path_log_q_moves_with_z_alone(posterior):
    """d/dh of Σ path (<dz, z(h)> + dlog_q log q(z(h); h held fast)), by central differences."""
    h, noise, (dz, dlog_qz, _, _) = outputs(posterior)
    path = np.random.default_rng(4).random((K, N))
    _, backward = posterior.sample(None, h, noise)
    dh = backward(dz, dlog_qz, 0.0, 0.0, None, path)

    def value(moved):
        z = posterior.sample(None, moved, noise)[0].z
        return float((path * ((dz * z).sum(axis=-1) + dlog_qz * posterior.log_prob(None, h, z))).sum())

    for n, i in np.ndindex(h.shape):
        step = np.zeros_like(h)
        step[n, i] = 1e-5
        slope = (value(h + step) - value(h - step)) / 2e-5
        assert dh[n, i] == pytest.approx(slope, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("posterior", REFINED, ids=str)
def test_a_refined_posterior_without_its_flow_is_the_diagonal_one(posterior):
    bare = FlowPosterior(L, posterior.flow, 0, summary=posterior.summary)
    h, noise, (dz, dlog_qz, dmu, _) = outputs(bare)
    plain = np.concatenate([h[:, :L], h[:, -L:]], axis=1)
    q, back = bare.sample(numbers(bare), h, noise)
    expected, expected_back = DiagonalGaussian(L).sample(None, plain, noise)
    np.testing.assert_array_equal(expected.z, q.z)
    np.testing.assert_array_equal(expected.log_qz, q.log_qz)
    dh = back(dz, dlog_qz, dmu, 0.0, numbers(bare))
    np.testing.assert_allclose(
        expected_back(dz, dlog_qz, dmu, 0.0, None), np.hstack([dh[:, :L], dh[:, -L:]]), atol=1e-14
    )
    np.testing.assert_array_equal(0.0, dh[:, L:-L])


@pytest.mark.parametrize("posterior", REFINED, ids=str)
def test_the_code_of_a_refined_posterior_is_the_image_of_its_base_mean(posterior):
    """The draw without noise, in `sample` and in `parameters` alike; no variance is claimed."""
    p, (h, noise, _) = numbers(posterior), outputs(posterior)
    code, logvar = posterior.parameters(p, h)
    q, _ = posterior.sample(p, h, noise)
    at_mean, _ = posterior.sample(p, h, {"eps": np.zeros((1, N, L))})
    assert logvar is None
    assert q.logvar is None
    np.testing.assert_allclose(code, q.mu, atol=1e-14)
    np.testing.assert_allclose(code, at_mean.z[0], atol=1e-14)


@pytest.mark.parametrize("posterior", REFINED, ids=str)
def test_the_summary_of_an_image_shapes_its_posterior(posterior):
    """Two images with one base and two summaries have different densities."""
    p, (h, noise, _) = numbers(posterior), outputs(posterior)
    other = np.array(h)
    other[:, L:-L] += 1.0
    assert (posterior.sample(p, h, noise)[0].z != posterior.sample(p, other, noise)[0].z).any(axis=-1).all()


class OffInMass(FlowPosterior):
    """A density that integrates to 1.1."""

    def log_prob(self, p, h, z):
        return super().log_prob(p, h, z) + np.log(1.1)


class OffInWidth(FlowPosterior):
    """Draws with a tenth more noise than the density says."""

    def sample(self, p, h, noise):
        return super().sample(p, h, {"eps": 1.1 * noise["eps"]})


class OffInPlace(FlowPosterior):
    """Draws a tenth beside where the density says."""

    def sample(self, p, h, noise):
        return super().sample(p, h, {"eps": 0.1 + noise["eps"]})


@pytest.mark.parametrize("broken", [OffInMass, OffInWidth, OffInPlace])
def test_a_tenth_too_much_mass_width_or_distance_is_seen_without_any_moment_of_q(broken):
    """The bridge to a Gaussian speaks."""
    assert not LAWS["posterior"]["sample_moments"](broken(2, hidden=(4,), bound=0.5, summary=3), 0).passed


def test_the_bridge_to_a_gaussian_keeps_silent_on_a_sound_flow():
    """Within 5 standard errors under 20 seeds."""
    law, sound = LAWS["posterior"]["sample_moments"], FlowPosterior(2, hidden=(4,), bound=0.5, summary=3)
    assert all(law(sound, seed).passed for seed in range(20))


@pytest.mark.parametrize("posterior", [FullGaussian(L), *REFINED], ids=str)
def test_posteriors_stay_on_the_device(posterior):
    h, noise, (dz, dlog_qz, dmu, _) = outputs(posterior)
    theta = np.linspace(-0.5, 0.5, count(posterior.shapes))
    host, host_back = posterior.sample(cut(theta, posterior.shapes), h, noise)
    p = cut(hide(theta), posterior.shapes)
    q, backward = posterior.sample(p, hide(h), {"eps": hide(noise["eps"])})
    g = cut(hide(np.zeros_like(theta)), posterior.shapes)
    dh = backward(hide(dz), hide(dlog_qz), hide(dmu), 0.0, g)
    assert all(isinstance(a, FakeArray) for a in (q.z, q.log_qz, dh, posterior.log_prob(p, hide(h), q.z)))
    np.testing.assert_array_equal(host.z, q.z.hidden)
    np.testing.assert_array_equal(
        host_back(dz, dlog_qz, dmu, 0.0, cut(np.zeros_like(theta), posterior.shapes)), dh.hidden
    )
