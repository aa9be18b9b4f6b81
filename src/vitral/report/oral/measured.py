"""Questions about what was measured: the bound, the shortcut, the codes, the comparison."""

from __future__ import annotations

import math

import numpy as np

from vitral.report.oral.facts import Card, Facts, positive, shown, whole


def two_terms(f: Facts) -> Card:
    given = {"distortion": shown(f.score("distortion")), "kl": shown(f.score("kl"))}
    loss = given["distortion"].value + given["kl"].value
    return Card("two_terms", "E09", "training", given, {"loss": shown(loss), "elbo": shown(-loss)})


def shortcut(f: Facts) -> Card:
    """Half a nat for every dimension, less what its width still is."""
    variance = shown(np.exp(f.array("codes_logvar").astype(float)).mean(), 4)
    given = {"latent": whole(f.latent), "variance": variance, "measured": shown(f.score("mu_shortcut_measured"))}
    predicted = f.latent / 2 * (1 - variance.value)
    return Card("shortcut", "E13", "training", given, {"predicted": shown(predicted)})


def gap(f: Facts) -> Card:
    given = {"images": whole(f.score("importance_images")), "samples": whole(f.score("importance_samples"))}
    given |= {"elbo": shown(f.score("elbo_same_images"), 1), "log_px": shown(f.score("log_px_hat"), 1)}
    return Card("gap", "E10", "rests-on", given, {"gap": shown(given["log_px"].value - given["elbo"].value, 1)})


def bits(f: Facts) -> Card:
    """What a dimension costs in bits, and a code beside the name of a class."""
    given = {"kl": shown(f.score("kl")), "classes": whole(f.classes)}
    answer = {"bits": shown(given["kl"].value / math.log(2)), "class_bits": shown(math.log2(f.classes))}
    return Card("bits", "E08", "latent-space", given, answer)


def dearest(f: Facts) -> Card:
    """The latent dimension that carries most, and its two parts."""
    parts = [f.score(f"kl_{part}_per_dimension") for part in ("location", "width")]
    totals = [a + b for a, b in zip(*parts, strict=True)]
    place = totals.index(max(totals))
    given = {"latent": whole(f.latent), "location": shown(parts[0][place]), "width": shown(parts[1][place])}
    total = given["location"].value + given["width"].value
    return Card("dearest", "E08", "latent-space", given, {"dimension": whole(place + 1), "kl": shown(total)})


def rate(f: Facts) -> Card:
    """KL = what the codes know of the images + what keeps q(z) from the prior."""
    given = {"mutual": shown(f.information("mutual_information")), "marginal": shown(f.information("marginal_kl"))}
    given["log_images"] = shown(f.information("log_images"))
    total = given["mutual"].value + given["marginal"].value
    return Card("rate", "E12", "latent-space", given, {"kl": shown(total)})


def spread(f: Facts) -> Card:
    """The variance of q(z) along one dimension: of the means, plus the mean of the variances."""
    mu, logvar = (f.array(key)[:, 0].astype(float) for key in ("codes", "codes_logvar"))
    given = {"means": shown(mu.var(), 3), "widths": shown(np.exp(logvar).mean(), 4)}
    total = given["means"].value + given["widths"].value
    return Card("spread", "E12", "latent-space", given, {"variance": shown(total, 3), "sd": shown(math.sqrt(total), 2)})


def holes(f: Facts) -> Card:
    share = shown(100 * f.information("holes"), 1)
    count = len(f.array("prior_means"))
    answer = {"expected": shown(share.value * count / 100, 1)}
    return Card("holes", "E12", "generation", {"share": share, "count": whole(count)}, answer)


def edge(f: Facts) -> Card:
    """The grid is spaced by quantiles: its outermost line leaves half a cell of the prior outside."""
    axis = f.array("grid_quantile_axis")
    given = {"lines": whole(len(axis)), "edge": shown(axis[-1], 2)}
    return Card("edge", "E18", "generation", given, {"share": shown(100 / (2 * len(axis)), 1)})


def error_bar(f: Facts) -> Card:
    """From the standard error of the mean back to the spread of the images."""
    given = {"elbo": shown(f.score("elbo"), 1), "se": shown(f.score("elbo_se")), "images": whole(f.score("images"))}
    spread = given["se"].value * math.sqrt(given["images"].value)
    return Card("error_bar", "E09", "rests-on", given, {"sd": shown(spread, 0)})


def linear(f: Facts) -> Card:
    """Beside PCA of the same size and the mean image: what the curved map is worth."""
    given = {"sse": shown(f.score("sse")), "pca": shown(f.baseline("pca", f.latent)), "latent": whole(f.latent)}
    given["mean"] = positive(shown(f.baseline("mean_image")))
    own, pca = (100 * (1 - given[key].value / given["mean"].value) for key in ("sse", "pca"))
    return Card("linear", "E14", "comparison", given, {"own": shown(own, 1), "pca_share": shown(pca, 1)})


def autoencoder(f: Facts) -> Card:
    other = f.other("autoencoder")
    given = {"latent": whole(f.latent), "vae": shown(f.score("sse")), "ae": shown(f.score("sse", name=other))}
    given |= {"vae_se": shown(f.score("sse_se"), 2), "ae_se": shown(f.score("sse_se", name=other), 2)}
    difference = given["ae"].value - given["vae"].value
    error = math.hypot(given["vae_se"].value, given["ae_se"].value)
    answer = {"difference": shown(difference), "error": shown(error, 2)}
    return Card("autoencoder", "E09", "comparison", given, answer)


def sizes(f: Facts) -> Card:
    """Why models of different size must not be compared at z = mu: the larger one hides more."""
    other = f.other("vae")
    given = {"small": whole(f.latent), "large": whole(f.run.latent(other))}
    given["hidden_small"] = shown(f.score("mu_shortcut_measured"))
    given["hidden_large"] = shown(f.score("mu_shortcut_measured", name=other))
    unfair = given["hidden_large"].value - given["hidden_small"].value
    return Card("sizes", "E13", "comparison", given, {"unfair": shown(unfair)})


def neighbours(f: Facts) -> Card:
    given = {"accuracy": shown(100 * f.score("knn_accuracy"), 1), "neighbours": whole(f.protocol("neighbours"))}
    given["classes"] = whole(f.classes)
    return Card("neighbours", "E12", "latent-space", given, {"chance": shown(100 / f.classes, 1)})


MEASURED = (
    two_terms, shortcut, gap, error_bar, bits, dearest, rate, spread, neighbours, holes, edge, linear,
    autoencoder, sizes,
)  # fmt: skip
