"""The variational autoencoder, whole: five parts, one loss, and its way back.

x -> encoder -> q(z given x) -> z -> decoder -> p(x given z)            prior p(z)

loss = E_q[-log p(x given z)] + KL(q(z given x), p(z)) = -ELBO >= -log p(x)        (nats per image)

A conditional model has a context c (labels, side information): encoder and decoder see it beside their
input, the prior is handed it, and every density above is given c.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from vitral.core.arrays import Array, joined, without_holes
from vitral.core.parameters import Shapes, Views, count, cut
from vitral.core.randomness import stream
from vitral.parts.divergences import CLOSED_KL
from vitral.parts.objectives import Seeds, Terms, log_weights

PARTS = ("encoder", "posterior", "prior", "decoder", "likelihood")


class Batch(NamedTuple):
    """What the encoder sees, what the likelihood scores, what of it is observed; the condition (N, C)."""

    inputs: Array
    target: Array
    mask: Array | None = None
    context: Array | None = None


@dataclass(frozen=True)
class Model:
    """A pure function of (theta, batch, noise); the numbers live in the flat vector ``theta``.

    >>> from vitral import Spec
    >>> model = Spec(features=4, latent=2, encoder={"hidden": [8]}, decoder={"hidden": [8]}).build()
    >>> model.parameters
    137
    """

    encoder: Any
    posterior: Any
    prior: Any
    decoder: Any
    likelihood: Any
    features: int

    @cached_property
    def shapes(self) -> Shapes:
        return {name: getattr(self, name).shapes for name in PARTS}

    @property
    def parameters(self) -> int:
        """How many numbers ``theta`` holds."""
        return count(self.shapes)

    def views(self, theta: Array) -> Views:
        return cut(theta, self.shapes)

    def init(self, seed: int, dtype: str = "float32", data: Array | None = None) -> Array:
        """A new theta; ``data`` (N, D) lets parts start from what they will see, NaN being what nobody observed."""
        theta = np.zeros(self.parameters, dtype)
        data = None if data is None else without_holes(data)
        p = self.views(theta)
        start = None if data is None else self.likelihood.start(data)  # what the decoder should put out
        for name in PARTS:
            part, rng = getattr(self, name), stream(seed, f"init {name}")
            part.init(getattr(p, name), rng, start if name == "decoder" else data)
        return theta

    def run(self, p: Views, batch: Batch, noise: dict[str, Array]) -> tuple[Terms, Array, Callable[..., None]]:
        """Every term of the objective, the decoder output (K, N, M), and the way back to the gradient."""
        h, encoder_backward = self.encoder.forward(p.encoder, joined(batch.inputs, batch.context))
        terms, o, terms_backward = self.run_from(p, h, batch, noise)

        def backward(d: Seeds, g: Views) -> None:
            encoder_backward(terms_backward(d, g), g.encoder, wanted=False)

        return terms, o, backward

    def run_from(
        self, p: Views, h: Array, batch: Batch, noise: dict[str, Array]
    ) -> tuple[Terms, Array, Callable[..., Array]]:
        """The same from the encoder output h (N, width) on; the way back ends at d loss / dh."""
        c = batch.context
        q, posterior_backward = self.posterior.sample(p.posterior, h, noise)
        log_pz, prior_backward = self.prior.log_prob(p, q.z, c)
        kl, kl_backward = self.closed_kl(p, h, c)
        o, decoder_backward = self.decoder.forward(p.decoder, joined(q.z, c))
        log_px, likelihood_backward = self.likelihood.log_prob(p.likelihood, batch.target, o, batch.mask)

        def backward(d: Seeds, g: Views) -> Array:
            do = likelihood_backward(d.log_px, g.likelihood)
            dz = decoder_backward(do, g.decoder)[..., : q.z.shape[-1]] + prior_backward(d.log_pz, g) + d.z
            dh = posterior_backward(dz, d.log_qz, d.mu, d.logvar, g.posterior, d.path)
            if kl is not None:
                dh += kl_backward(d.kl, g)
            return dh

        return Terms(log_px, log_pz, q.log_qz, kl, q.z, q.mu, q.logvar), o, backward

    def loss(
        self, p: Views, batch: Batch, noise: dict[str, Array], objective: Any, total: int
    ) -> tuple[Array, Callable[[Views], None]]:
        """The objective on these rows, divided by ``total``, and the backward that adds into ``g``."""
        terms, _, terms_backward = self.run(p, batch, noise)
        loss, seeds = objective(terms, total)
        return loss, lambda g: terms_backward(seeds, g)

    def closed_kl(self, p: Views, h: Array, context: Array | None = None) -> tuple[Any, Any]:
        """KL(q, prior) of every dimension (N, L) and its backward where it has a closed form, else None."""
        pair = CLOSED_KL.get((type(self.posterior), type(self.prior)))
        return pair(self.posterior, self.prior, p, h, context) if pair else (None, None)

    def encoder_output(self, p: Views, x: Array, context: Array | None = None) -> Array:
        """h (N, width), from which the posterior reads its parameters."""
        return self.encoder.forward(p.encoder, joined(x, context))[0]

    def decoder_output(self, p: Views, z: Array, context: Array | None = None) -> Array:
        """o (..., M) for any z (..., L); a context has one row for each row of z."""
        return self.decoder.forward(p.decoder, joined(z, context))[0]

    def encode(self, p: Views, x: Array, context: Array | None = None) -> tuple[Array, Array | None]:
        """mu and logvar of q(z given x), each (N, L)."""
        mu, logvar = self.posterior.parameters(p.posterior, self.encoder_output(p, x, context))
        return mu, logvar

    def decode(self, p: Views, z: Array, context: Array | None = None) -> Array:
        """The mean of p(x given z) for any z (..., L)."""
        return self.likelihood.mean(p.likelihood, self.decoder_output(p, z, context))

    def sample(
        self, p: Views, n: int, rng: np.random.Generator, dtype: str = "float32", context: Array | None = None
    ) -> tuple[Array, Array]:
        """n draws of z from the prior, (n, L), and of x from p(x given z), (n, D)."""
        z = self.prior.sample(p, n, rng, context).astype(dtype)
        return z, self.likelihood.sample(p.likelihood, self.decoder_output(p, z, context), rng)

    def log_weights(self, p: Views, batch: Batch, noise: dict[str, Array]) -> Array:
        """log p(x given z) + log p(z) - log q(z given x) at sampled z, (K, N).                     # E11"""
        terms, _, _ = self.run(p, batch, noise)
        return log_weights(terms)
