"""Questions about the machine: code, sample, decoder, loss, the way back, the step."""

from __future__ import annotations

import math

from vitral.report.oral.facts import Absent, Card, Facts, positive, setting, shown, whole

GAUSSIAN = ("gaussian_learned", "gaussian_fixed")


def parameters(f: Facts) -> Card:
    """Both networks of one hidden layer, two heads, and one number for a learned variance."""
    hidden, features = f.part("hidden"), int(f.data("features"))
    if len(hidden) != 1 or f.part("encoder").get("kind") != "mlp" or f.part("decoder").get("kind") != "mlp":
        raise Absent
    encoder = features * hidden[0] + hidden[0]
    heads = 2 * (hidden[0] * f.latent + f.latent)
    decoder = f.latent * hidden[0] + hidden[0] + hidden[0] * features + features
    total = int(f.of_model("parameters"))
    rest = total - encoder - heads - decoder
    if rest not in (0, 1):
        raise Absent
    given = {"features": whole(features), "hidden": whole(hidden[0]), "latent": whole(f.latent)}
    answer = {"encoder": whole(encoder), "heads": whole(heads), "decoder": whole(decoder), "rest": whole(rest)}
    return Card("parameters", "E02", "model", given, {**answer, "total": whole(total)})


def first_weights(f: Facts) -> Card:
    """He: variance 2 / inputs in front of a ReLU."""
    encoder = f.part("encoder")
    if encoder.get("activation") != "relu" or encoder.get("kind") != "mlp":
        raise Absent
    features = whole(f.data("features"))
    answer = {"sd": shown(math.sqrt(2 / features.value), 4)}
    return Card("first_weights", "E17", "model", {"features": features}, answer)


def log_variance(f: Facts) -> Card:
    dimension, _, logvar = f.code(0)
    given = {"dimension": whole(dimension + 1), "logvar": shown(logvar, 3)}
    sigma = math.exp(given["logvar"].value / 2)
    answer = {"sigma": shown(sigma, 4), "variance": shown(sigma**2, 5)}
    return Card("log_variance", "E03", "latent-space", given, answer)


def sample(f: Facts) -> Card:
    """z at one eps, and what a small change of mu or of log sigma² does to it."""
    dimension, mu, logvar = f.code(1)
    given = {"dimension": whole(dimension + 1), "mu": shown(mu, 3), "sigma": shown(math.exp(logvar / 2), 4)}
    given["eps"] = shown(-1.2, 1)
    moved = given["sigma"].value * given["eps"].value
    answer = {"z": shown(given["mu"].value + moved, 3), "slope": shown(moved / 2, 4)}
    return Card("sample", "E03", "latent-space", given, answer)


def kl_of_a_dimension(f: Facts) -> Card:
    dimension, mu, logvar = f.code(0)
    m, s = shown(mu, 3), positive(shown(math.exp(logvar / 2), 4))
    location, width = m.value**2 / 2, (s.value**2 - 1 - math.log(s.value**2)) / 2
    given = {"dimension": whole(dimension + 1), "mu": m, "sigma": s, "kl": shown(location + width)}
    return Card("kl_of_a_dimension", "E08", "latent-space", given, {"location": shown(location), "width": shown(width)})


def kl_gradient(f: Facts) -> Card:
    dimension, mu, logvar = f.code(2)
    given = {"dimension": whole(dimension + 1), "mu": shown(mu, 3), "variance": shown(math.exp(logvar), 4)}
    slope = (given["variance"].value - 1) / 2
    answer = {"dmu": shown(given["mu"].value, 3), "dlogvar": shown(slope, 3)}
    return Card("kl_gradient", "E08", "latent-space", given, answer)


def way_back(f: Facts) -> Card:
    """Two gradients meet at mu, and two at log sigma²: the decoder's through z, and the KL's own."""
    dimension, mu, logvar = f.code(3)
    given = {"dimension": whole(dimension + 1), "mu": shown(mu, 3), "sigma": shown(math.exp(logvar / 2), 4)}
    given |= {"eps": shown(0.8, 1), "dz": shown(-2.5, 1)}
    m, s, e, d = (given[key].value for key in ("mu", "sigma", "eps", "dz"))
    parts = {"dmu": d + m, "pull": d * e * s / 2, "kl_pull": (s * s - 1) / 2}
    answer = {key: shown(value, 4) for key, value in parts.items()}
    return Card("way_back", "E03", "model", given, answer | {"dlogvar": shown(d * e * s / 2 + (s * s - 1) / 2, 4)})


def one_image(f: Facts) -> Card:
    """-log p(x given z) of one image at its mu, from its squared error and the learned variance."""
    if f.part("likelihood").get("kind") not in GAUSSIAN:
        raise Absent
    given = {"sse": shown(f.squared_error(0), 2), "variance": positive(shown(f.of_model("variance"), 4))}
    given["features"] = whole(f.data("features"))
    error, variance, features = (given[key].value for key in ("sse", "variance", "features"))
    fit, constant = error / (2 * variance), features / 2 * math.log(2 * math.pi * variance)
    answer = {"fit": shown(fit, 1), "constant": shown(constant, 1), "total": shown(fit + constant, 1)}
    return Card("one_image", "E06", "reconstructions", given, answer)


def one_pixel(f: Facts) -> Card:
    """A Bernoulli pixel: its cost and its gradient at the logit, where x and the mean differ most."""
    if f.part("likelihood").get("kind") != "bernoulli":
        raise Absent
    image, mean = (a[0].astype(float) for a in (f.array("originals", own=False), f.array("reconstructions")))
    place = int(abs(image - mean).argmax())
    x, m = shown(image[place], 3), shown(min(max(mean[place], 0.001), 0.999), 3)
    cost = -x.value * math.log(m.value) - (1 - x.value) * math.log(1 - m.value)
    answer = {"cost": shown(cost, 3), "slope": shown(m.value - x.value, 3)}
    return Card("one_pixel", "E05", "reconstructions", {"x": x, "mean": m}, answer)


def best_variance(f: Facts) -> Card:
    """The residuals decide the best shared variance."""
    if f.part("likelihood").get("kind") != "gaussian_learned":
        raise Absent
    given = {"sse": shown(f.score("sse", "train"), 2), "features": whole(f.data("features"))}
    given["learned"] = shown(f.of_model("variance"), 4)
    best = given["sse"].value / given["features"].value
    answer = {"variance": shown(best, 4), "sd": shown(math.sqrt(best), 3)}
    return Card("best_variance", "E07", "rests-on", given, answer)


def above_one(f: Facts) -> Card:
    """A density at its peak, above 1 as soon as the spread is small."""
    if f.part("likelihood").get("kind") != "gaussian_learned":
        raise Absent
    variance = positive(shown(f.of_model("variance"), 4))
    peak = 1 / math.sqrt(2 * math.pi * variance.value)
    answer = {"peak": shown(peak, 2), "nats": shown(math.log(peak), 3)}
    return Card("above_one", "E06", "rests-on", {"variance": variance}, answer)


def hidden_beta(f: Facts) -> Card:
    """SSE + KL is a Gaussian of variance 1/2; at the variance of the residuals the KL weighs 1 / (2 s²)."""
    variance = positive(shown(f.of_model("residual_variance"), 4))
    return Card("hidden_beta", "E06", "rests-on", {"variance": variance}, {"beta": shown(1 / (2 * variance.value), 1)})


def first_step(f: Facts) -> Card:
    """Adam corrects its running means, so that the first step is the rate, whatever the gradient."""
    optimiser, rate = f.protocol("optimiser"), f.protocol("rate")
    if optimiser.get("kind") != "adam" or not isinstance(rate, int | float):
        raise Absent
    given = {"rate": setting(rate), "b1": setting(optimiser["b1"]), "b2": setting(optimiser["b2"])}
    given["gradient"] = setting(-0.02)
    g = given["gradient"].value
    m, v = (1 - given["b1"].value) * g, (1 - given["b2"].value) * g * g
    return Card("first_step", "E16", "training", given, {"m": setting(m), "v": setting(v), "step": setting(rate)})


def steps(f: Facts) -> Card:
    given = {"images": whole(f.data("train")), "batch": whole(f.protocol("batch"))}
    given["epochs"] = whole(f.of_model("epochs"))
    an_epoch = math.ceil(given["images"].value / given["batch"].value)
    last = given["images"].value - (an_epoch - 1) * given["batch"].value
    answer = {"an_epoch": whole(an_epoch), "total": whole(an_epoch * given["epochs"].value), "last": whole(last)}
    return Card("steps", "E09", "training", given, answer)


def gradient_check(f: Facts) -> Card:
    """What the certificate says about the gradient; its error as a power of ten."""
    item = f.check("gradient, random directions")
    if not item["measured"] > 0.0:
        raise Absent
    given = {"digits": whole(math.floor(-math.log10(item["measured"])))}
    return Card("gradient_check", "E09", "certificate", given, {})


MACHINE = (
    parameters, first_weights, log_variance, sample, kl_of_a_dimension, kl_gradient, one_image, one_pixel,
    best_variance, above_one, hidden_beta, way_back, gradient_check, first_step, steps,
)  # fmt: skip
