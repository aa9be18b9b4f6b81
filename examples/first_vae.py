"""A first VAE: from digits to new digits, with every part in sight.

    python examples/first_vae.py              about ten seconds; writes first_vae.png

The model is a pure function of (theta, batch, noise). Training is a generator of events, so that this file
decides what to print; nothing here is hidden in a framework.
"""

from __future__ import annotations

import argparse

import vitral
from vitral.evaluation.baselines import fit_baselines
from vitral.evaluation.likelihood import log_px_hat, per_image, summary
from vitral.training.loop import Epoch, Plan, start, train


def main(epochs: int, picture: str) -> None:
    # 1. Data: scikit-learn's 8 x 8 digits, in three parts. x lies in [0, 1].
    data = vitral.load_data("digits")
    print(f"{len(data.train)} training, {len(data.validation)} validation, {len(data.test)} test images")

    # 2. Model: q(z given x) and p(x given z), each a small network; p(z) = N(0, I).
    spec = vitral.Spec(
        features=64,
        latent=5,
        encoder={"hidden": [64]},
        decoder={"hidden": [64]},
        likelihood="gaussian_learned",
        image_shape=(8, 8),
    )
    model = spec.build()
    print(f"{model.parameters} parameters in one flat vector")

    # 3. Training: minimise -ELBO = E_q[-log p(x given z)] + KL(q, p), in nats per image.
    plan = Plan(epochs=epochs, batch=32)
    theta = model.init(seed=0, data=data.train.take(slice(None)))
    state = start(model, theta, plan)
    for event, _ in train(model, data, plan, state, seed=0):
        if isinstance(event, Epoch) and event.record["epoch"] % 10 == 0:
            validation = event.record["validation"]
            print(
                f"epoch {event.record['epoch']:3}: validation -ELBO {-validation['elbo']:8.2f}"
                f" = reconstruction {-validation['elbo'] - validation['kl']:8.2f} + KL {validation['kl']:5.2f} nats"
            )

    # 4. Evaluation, on images that were never used, beside what costs nothing: PCA of the same size.
    values = summary(per_image(model, theta, data.test, plan.objective, seed=0, purpose="test"))
    pca = fit_baselines(data.train).pca_sse(data.test, spec.latent)
    estimate = log_px_hat(model, theta, data.test, samples=200, seed=0).mean()
    print(
        f"test ELBO {values['elbo']:.2f} ± {values['elbo_se']:.2f}, log p(x) about {estimate:.2f} nats per image"
    )
    print(f"test squared error {values['sse']:.2f} ± {values['sse_se']:.2f}; PCA with 5 numbers {pca:.2f}")

    # 5. Generation: z from the prior, through the decoder.
    p = model.views(theta)
    z, _ = model.sample(p, 40, vitral.stream(0, "new digits"))
    from vitral.report.figures.images import image_gallery

    image_gallery(
        model.decode(p, z), spec.image_shape, columns=10, title="Decoder means for z ~ N(0, I)"
    ).savefig(picture)
    print(f"new digits: {picture}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--picture", default="first_vae.png")
    main(**vars(parser.parse_args()))
