"""Sentences whose words depend on their numbers: better, worse, or not distinguishable."""

from __future__ import annotations

from itertools import pairwise

from vitral.report.context import Context
from vitral.report.estimates import Difference, difference, estimate
from vitral.report.markup import Html


def against_pca(c: Context, name: str) -> Html | None:
    """Squared test error of one model, z sampled, against PCA with as many components."""
    own = estimate(c.run, name, "sse")
    pca = c.run.baseline("pca", c.run.latent(name))
    gap = difference(own, pca)
    if own is None or pca is None or gap is None:
        return None
    way = "similar" if not gap.distinguishable else "better" if gap.value < 0 else "worse"
    return c.html(
        f"finding.pca.{way}",
        model=c.label(name), latent=c.run.latent(name), sse=c.words.measured(own.value, own.error),
        pca=c.words.number(pca), gap=c.words.measured(abs(gap.value), gap.error),
        share=c.words.percent(abs(gap.value) / pca),
    )  # fmt: skip


def pairs_of(c: Context) -> list[tuple[str, str]]:
    """Neighbouring latent sizes, and the smallest with the largest where there are more than two.

    Variants have a section of their own, with differences paired by image.
    """
    if c.run.variants:
        return []
    names = c.run.vaes
    pairs = list(pairwise(names))
    return [*pairs, (names[0], names[-1])] if len(names) > 2 else pairs


def pair_difference(c: Context, pair: tuple[str, str], key: str) -> Difference | None:
    """Second minus first, in the number `key` of the test set."""
    return difference(estimate(c.run, pair[1], key), estimate(c.run, pair[0], key))


def pair_claims(c: Context) -> list[Html]:
    """What the ELBO and the squared error say about each pair of models."""
    claims = [_pair_claim(c, pair) for pair in pairs_of(c)]
    return [claim for claim in claims if claim is not None]


def _pair_claim(c: Context, pair: tuple[str, str]) -> Html | None:
    gap, error_gap = pair_difference(c, pair, "elbo"), pair_difference(c, pair, "sse")
    if gap is None or error_gap is None:
        return None
    way = "similar" if not gap.distinguishable else "higher" if gap.value > 0 else "lower"
    signed = way == "similar"
    return c.html(
        f"finding.pair.{way}",
        first=c.label(pair[0]),
        second=c.label(pair[1]),
        gap=c.words.measured(gap.value if signed else abs(gap.value), gap.error, signed=signed),
        sse=c.words.measured(error_gap.value, error_gap.error, signed=True),
        verdict=verdict(c, error_gap),
    )


def verdict(c: Context, gap: Difference | None) -> str:
    """ "distinguishable (12.3 standard errors)", or not."""
    if gap is None:
        return c.words.text("number.none")
    key = "verdict.yes" if gap.distinguishable else "verdict.no"
    return c.words.text(key, errors=c.words.number(gap.in_errors, 1))


def train_gap(c: Context, name: str) -> str | None:
    """Validation minus training loss, both measured after training with z sampled."""
    train, validation = estimate(c.run, name, "loss", "train"), estimate(c.run, name, "loss", "validation")
    gap = difference(validation, train)
    if gap is None:
        return None
    value = c.words.measured(gap.value, gap.error, signed=True)
    return c.words.text("finding.train_gap.part", model=c.label(name), gap=value, verdict=verdict(c, gap))
