"""PyTorch's contestant: ``python pytorch_vae.py IMAGES THREADS eager|fused|compile``.

Idiomatic and quick PyTorch: pixels in float32 in memory, no data loader, weights of mu and logvar in one layer, images
channels-last, ``fused`` the optimiser in one kernel.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch
from protocol import Stopwatch, key, serve
from torch import nn
from torch.nn import functional


def network(case: dict[str, Any]) -> tuple[nn.Module, nn.Module]:
    latent, hidden = case["latent"], case["hidden"]
    if case["network"] == "dense":
        encoder = nn.Sequential(nn.Linear(784, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent))
        return encoder, nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, 784))
    encoder = nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)),
        nn.Conv2d(1, 32, 4, 2, 1),
        nn.ReLU(),
        nn.Conv2d(32, 64, 4, 2, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(3136, 2 * latent),
    )
    decoder = nn.Sequential(
        nn.Linear(latent, 3136),
        nn.ReLU(),
        nn.Unflatten(1, (64, 7, 7)),
        nn.ConvTranspose2d(64, 32, 4, 2, 1),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 1, 4, 2, 1),
        nn.Flatten(),
    )
    return encoder.to(memory_format=torch.channels_last), decoder.to(memory_format=torch.channels_last)


class VAE(nn.Module):
    def __init__(self, case: dict[str, Any]) -> None:
        super().__init__()
        self.encoder, self.decoder = network(case)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mu, logvar = self.encoder(x).chunk(2, dim=1)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        error = functional.mse_loss(torch.sigmoid(self.decoder(z)), x, reduction="sum")
        kl = -0.5 * torch.sum(1.0 + logvar - mu * mu - logvar.exp())
        return (error + kl) / len(x)


class PyTorch:
    def __init__(self, images: str, threads: int, way: str) -> None:
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.data = torch.from_numpy(np.load(images)).to(torch.float32).div_(255.0)
        self.way = way
        self.trainings: dict[str, Any] = {}

    def _training(self, case: dict[str, Any]) -> Any:
        if key(case) not in self.trainings:
            model = VAE(case)
            kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[case["optimiser"]]
            options = {"fused": True} if self.way == "fused" else {}
            optimiser = kind(model.parameters(), lr=case["rate"], **options)

            def step(x: torch.Tensor) -> torch.Tensor:
                optimiser.zero_grad()
                loss = model(x)
                loss.backward()
                optimiser.step()
                return loss.detach()

            self.trainings[key(case)] = model, torch.compile(step) if self.way == "compile" else step
        return self.trainings[key(case)]

    def epoch(self, case: dict[str, Any]) -> dict[str, float]:
        _, step = self._training(case)
        total, rows = torch.zeros(()), case["rows"]
        with Stopwatch() as watch:
            batches = torch.randperm(rows).split(case["batch"])
            for index in batches:
                total += step(self.data[index])
        return {"seconds": watch.seconds, "loss": total.item() / len(batches)}

    @torch.no_grad()
    def encode(self, case: dict[str, Any], rows: int) -> dict[str, float]:
        model, _ = self._training(case)
        with Stopwatch() as watch:
            model.encoder(self.data[:rows])
        return {"seconds": watch.seconds}

    @torch.no_grad()
    def decode(self, case: dict[str, Any], rows: int) -> dict[str, float]:
        model, _ = self._training(case)
        mu, _ = model.encoder(self.data[:rows]).chunk(2, dim=1)
        with Stopwatch() as watch:
            torch.sigmoid(model.decoder(mu))
        return {"seconds": watch.seconds}

    @torch.no_grad()
    def importance(self, case: dict[str, Any], rows: int, samples: int) -> dict[str, float]:
        """Image after image, all samples of one together; p(x given z) = N(m, I / 2)."""
        model, _ = self._training(case)
        estimates = []
        with Stopwatch() as watch:
            for x in self.data[:rows]:
                mu, logvar = model.encoder(x[None]).chunk(2, dim=1)
                eps = torch.randn(samples, mu.shape[1])
                z = mu + torch.exp(0.5 * logvar) * eps
                error = (torch.sigmoid(model.decoder(z)) - x).square().sum(1)
                log_w = 0.5 * (eps * eps + logvar - z * z).sum(1) - error
                estimates.append(torch.logsumexp(log_w, 0) - np.log(samples))
            mean = torch.stack(estimates).mean().item()
        return {"seconds": watch.seconds, "mean": mean - 392.0 * float(np.log(np.pi))}


if __name__ == "__main__":
    serve(PyTorch(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
