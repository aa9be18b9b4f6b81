r"""Few labels and many images: the models M1 and M2 of Kingma, Mohamed, Rezende and Welling (2014).

    python examples/few_labels.py                                        scikit-learn's digits, 100 labels: a minute
    python examples/few_labels.py --data mnist --images 10000 --epochs 20 --hidden 300 --latent 5 \
        --alpha 100 --alone 0.2                                          MNIST: some minutes

M1   a VAE of all images; a classifier of the codes of the labelled ones.
M2   the class is a latent too. With L(x, y) = -ELBO(x given y) - log p(y) and a classifier q(y given x):

     labelled      L(x, y) - alpha log q(y given x)
     unlabelled    U(x) = Σ_y q(y given x) (L(x, y) + log q(y given x))

     With o the logits of q:   dU/dL_y = q_y      dU/do_y = q_y (L_y + log q_y - U)
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

import vitral
from vitral.core.arrays import logsumexp
from vitral.core.parameters import count, cut
from vitral.core.randomness import draw
from vitral.parts.layers import Affine, Chain, ReLU
from vitral.parts.objectives import ELBO, Seeds
from vitral.parts.optimisers import Adam

CLASSES = 10


@dataclass(frozen=True)
class M2:
    """p(x given y, z) and q(z given x, y), which are one conditional model, and q(y given x), a network of its own."""

    model: vitral.Model
    network: Chain

    @property
    def shapes(self):
        return {"model": self.model.shapes, "network": self.network.shapes}

    def every_class(self, p, x, eps, weights):
        """L (N, C) of every row and class; the way back multiplies row by row with ``weights`` (N, C)."""
        n = len(x)
        context = np.tile(np.eye(CLASSES, dtype=x.dtype), (n, 1))
        rows = np.repeat(x, CLASSES, axis=0)
        terms, _, model_backward = self.model.run(p.model, vitral.Batch(rows, rows, None, context), {"eps": eps})
        losses = ELBO().rows(terms).reshape(n, CLASSES) + np.log(CLASSES)
        w = weights.reshape(-1)

        def backward(g):
            zero = np.zeros_like(terms.log_px)
            model_backward(Seeds(-w[None], zero, zero, w[:, None] * np.ones_like(terms.kl)), g.model)

        return losses, backward

    def loss(self, p, x, eps, known, alpha, *, heard=1.0):
        """The mean over rows; ``known`` (N,) holds a row's class, or -1. With ``heard`` 0 labels alone teach q(y)."""
        o, network_backward = self.network.forward(p.network, x)
        log_q = o - logsumexp(o, 1)[:, None]
        labelled = (known >= 0)[:, None]
        given = np.eye(CLASSES, dtype=x.dtype)[known] * labelled
        q = np.exp(log_q)
        weights = np.where(labelled, given, q) / len(x)
        losses, model_backward = self.every_class(p, x, eps, weights)
        unlabelled = (q * (losses + log_q)).sum(axis=1, keepdims=True)
        rows = np.where(labelled[:, 0], (given * (losses - alpha * log_q)).sum(axis=1), unlabelled[:, 0])

        def backward(g):
            do = np.where(labelled, alpha * (q - given), heard * q * (losses + log_q - unlabelled)) / len(x)
            network_backward(do.astype(x.dtype), g.network)
            model_backward(g)

        return rows.mean(), backward


def m2_of(features, hidden, latent):
    """The model, and its parameters at the start."""
    nets = {"encoder": {"hidden": [hidden]}, "decoder": {"hidden": [hidden]}}
    spec = vitral.Spec(features=features, latent=latent, context=CLASSES, likelihood="bernoulli", **nets)
    network = Chain((Affine(features, hidden), ReLU(), Affine(hidden, CLASSES, "lecun")))
    made = M2(spec.build(), network)
    theta = np.zeros(count(made.shapes), np.float32)
    theta[: made.model.parameters] = made.model.init(0)
    network.init(cut(theta, made.shapes).network, vitral.stream(0, "classifier"))
    return made, theta


def trained_m2(made, theta, x, known, epochs, alpha, alone=0.0, batch=100):
    """Adam; every step sees half as many labelled rows as others. ``alone``: the share of epochs of labels alone."""
    p, gradient, optimiser = cut(theta, made.shapes), np.zeros_like(theta), Adam()
    g, state, t, labelled = cut(gradient, made.shapes), optimiser.start(theta), 0, np.flatnonzero(known >= 0)
    for epoch in range(epochs):
        rng = vitral.stream(0, "epoch", epoch)
        order = rng.permutation(len(x))
        for start in range(0, len(x) - batch + 1, batch):
            rows = np.concatenate([order[start : start + batch], rng.choice(labelled, batch // 2)])
            shapes = made.model.posterior.noise_shapes(1, CLASSES * len(rows))
            gradient[...] = 0.0
            seen = known[rows].copy()
            seen[:batch] = -1  # the first part is learned as if nobody had labelled it
            eps, heard = draw(shapes, rng, "float32")["eps"], float(epoch >= alone * epochs)
            loss, backward = made.loss(p, x[rows], eps, seen, alpha, heard=heard)
            backward(g)
            t += 1
            optimiser.step(theta, gradient, state, t=t, rate=1e-3)
        if epoch % 10 == 9:
            print(f"  M2, epoch {epoch + 1:3}: loss {loss:.1f} nats", flush=True)
    return lambda rows: made.network.forward(p.network, rows)[0].argmax(axis=1)


def main(name, epochs, images, labels, hidden, latent, alpha, alone):
    data = vitral.load_data(name)
    x, test = ((rows.take(slice(None)) > 0.5).astype(np.float32) for rows in (data.train, data.test))
    x, y, truth = x[:images], data.train.labels[:images], data.test.labels
    rng = vitral.stream(0, "labels")
    chosen = np.concatenate([rng.choice(np.flatnonzero(y == c), labels // CLASSES, False) for c in range(CLASSES)])
    known = np.full(len(x), -1)
    known[chosen] = y[chosen]
    print(f"{len(x)} images, {len(chosen)} of them with a label; {len(test)} test images")

    pixels = KNeighborsClassifier(1).fit(x[chosen], y[chosen]).score(test, truth)
    print(f"pixels, 1-NN:            {100 * (1 - pixels):5.2f} % error")

    vae = vitral.VAE(latent, hidden=(hidden,), likelihood="bernoulli", max_iter=epochs, random_state=0).fit(x)
    codes = vae.transform(x[chosen])
    for said, judge in (("1-NN of codes", KNeighborsClassifier(1)), ("SVM of codes ", SVC(C=10.0))):
        whole = make_pipeline(vae, judge.fit(codes, y[chosen]))  # both are fitted: a pipeline that only predicts
        print(f"M1, {said}:       {100 * (1 - whole.score(test, truth)):5.2f} % error")

    made, theta = m2_of(x.shape[1], hidden, latent)
    predict = trained_m2(made, theta, x, known, epochs, alpha or 0.1 * len(x) / len(chosen), alone)
    print(f"M2:                      {100 * (predict(test) != truth).mean():5.2f} % error")


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", default="digits", dest="name", help="digits or mnist")
    for option, value in {"epochs": 50, "images": 50_000, "labels": 100, "hidden": 128, "latent": 10}.items():
        asked.add_argument(f"--{option}", type=int, default=value)
    asked.add_argument("--alpha", type=float, help="weight of the labels [default: 0.1 images / labels]")
    asked.add_argument("--alone", type=float, default=0.0, help="share of epochs of labels alone, in M2")
    main(**vars(asked.parse_args()))
