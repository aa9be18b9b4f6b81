"""The collapse doctor: from the numbers of a trained model to what is wrong with it, and what to try.

A pure function of one model's entry in metrics.json and of its learning curve; it computes nothing new. Every
finding needs certain numbers, and is not looked for where they are missing. The words are in findings.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import log
from typing import Any

from vitral.evaluation.findings import SEVERITIES, Finding

Entry = Mapping[str, Any]

SILENT = 0.1  # nats of rate below which a code says nothing, whatever its dimensions do
HEAVY = 2.0  # implied weight of the KL above which it is worth saying
UNCOVERED = 0.1  # share of prior draws, or of codes, that may lie where 1% would by chance
MISMATCH = 1.0  # nats between aggregate posterior and prior
CERTAIN = 5.0  # standard errors by which a number must pass its threshold
NATS = 0.5  # a change of the loss that is worth a sentence
GAP = 5.0  # nats between validation and training
AT_FLOOR = 1.05  # times a floor: at most this far above it
COPIES = 0.1  # share of the way from chance to copies only
RARE = 1e-3  # p-value
MISSING = 0.2  # of a class's share in the data
OFF_CENTRE = 0.5  # of the aggregate posterior's mean from the prior's, in the prior's standard deviations
OFF_SCALE = 2.0  # times, either way, between the two variances


def diagnose(
    entry: Entry, records: Sequence[Entry] = (), *, keep: str = "last", pca: Entry | None = None
) -> list[Finding]:
    """Everything wrong that the numbers show, the worst first; an empty list for a healthy model.

    Parameters
    ----------
    entry
        One model of ``metrics.json["models"]``. Where the blocks ``information``, ``amortisation`` and ``samples`` are
        there (as evaluation/information.py, amortisation.py and samples.py return them), they are read too.
    records
        The records of ``progress/<model>.jsonl``, epoch 0 included.
    keep
        ``training.keep``: with "best" an epoch after the best one has done no harm.
    pca
        The baseline with as many components as the model has dimensions: ``metrics.json["baselines"]["pca"]``.

    >>> entry = {"kind": "vae", "latent": 2, "test": {"kl": 0.01, "active_units": 0}}
    >>> [finding.kind for finding in diagnose(entry)]
    ['collapsed']
    """
    found = [finding for look in LOOKS for finding in look(entry)]
    found += [finding for look in CURVE_LOOKS for finding in look(entry, records, keep)]
    found += _worse_than_pca(entry, pca or {})
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


def _collapsed(entry: Entry) -> Iterator[Finding]:
    kl, active = _test(entry, "kl"), _test(entry, "active_units")
    if kl is None or active is None:
        return
    latent = entry["latent"]
    if kl < SILENT or active == 0:
        yield Finding("collapsed", "serious", {"kl": kl, "active": active, "latent": latent})
    elif active < latent:
        severity = "warning" if 2 * active < latent else "note"
        numbers = {"dead": latent - active, "latent": latent, "dimensions": _weakest(entry, latent - active)}
        yield Finding("dead_dimensions", severity, numbers)


def _weakest(entry: Entry, count: int) -> list[int]:
    """The numbers, from 1, of the dimensions with the smallest KL; empty where it is not known by dimension."""
    kl = _test(entry, "kl_per_dimension") or []
    return sorted(place + 1 for place in sorted(range(len(kl)), key=kl.__getitem__)[:count])


def _heavy_kl(entry: Entry) -> Iterator[Finding]:
    beta = entry.get("implied_beta")
    if beta is None:  # a likelihood without a variance: what is asked for is what is in effect
        beta = entry.get("objective", {}).get("beta")
    if isinstance(beta, int | float) and beta > HEAVY:
        yield Finding("heavy_kl", "note", {"beta": beta})


def _prior_missed(entry: Entry) -> Iterator[Finding]:
    seen = entry.get("information")
    if seen is None:
        return
    uncovered = max(seen[name] - CERTAIN * seen[f"{name}_se"] for name in ("holes", "strays"))
    if uncovered > UNCOVERED or seen["marginal_kl_lower"] - CERTAIN * seen["marginal_kl_se"] > MISMATCH:
        names = ("holes", "strays", "marginal_kl", "marginal_kl_lower")
        yield Finding("prior_missed", "warning", {name: seen[name] for name in names})


def _information_saturated(entry: Entry) -> Iterator[Finding]:
    seen = entry.get("information")
    if seen is not None and seen["mutual_information"] > seen["log_images"] - 1.0:
        names = ("mutual_information", "images", "log_images", "marginal_kl", "marginal_kl_lower")
        yield Finding("information_saturated", "note", {name: seen[name] for name in names})


def _variance_at_floor(entry: Entry) -> Iterator[Finding]:
    variance, floor = entry.get("variance"), entry.get("likelihood", {}).get("floor")
    if variance is not None and floor is not None and variance <= 2.0 * floor:
        yield Finding("variance_at_floor", "serious", {"variance": variance, "floor": floor})


def _free_bits_active(entry: Entry) -> Iterator[Finding]:
    floor, kl = entry.get("objective", {}).get("floor"), _test(entry, "kl_per_dimension")
    if isinstance(floor, Mapping):
        floor = floor.get("end")
    if not floor or kl is None:
        return
    held = sum(of_dimension <= AT_FLOOR * floor for of_dimension in kl)
    if held:
        yield Finding("free_bits_active", "note", {"held": held, "latent": len(kl), "floor": floor})


def _amortisation_gap(entry: Entry) -> Iterator[Finding]:
    block = entry.get("amortisation")
    if block is None:
        return
    gap, error = block["amortisation_gap"], block["amortisation_gap_se"]
    if gap - CERTAIN * error > 1.0:
        yield Finding("amortisation_gap", "note", {"gap": gap, "gap_se": error})


def _memorised(entry: Entry) -> Iterator[Finding]:
    block = entry.get("samples")
    if block is None:
        return
    share, expected, p_value = (block[f"nearest_is_train{end}"] for end in ("", "_expected", "_p"))
    if share - expected > COPIES * (1.0 - expected) and p_value < RARE:
        yield Finding("memorised", "warning", {"share": share, "expected": expected, "p_value": p_value})


def _classes_missing(entry: Entry) -> Iterator[Finding]:
    block = entry.get("samples")
    if block is None or block.get("label_shares") is None:
        return
    pairs = zip(block["labels"], block["label_shares"], block["label_shares_of_data"], strict=True)
    missing = [label for label, share, of_data in pairs if share < MISSING * of_data]
    if missing:
        yield Finding("classes_missing", "warning", {"classes": missing})


def _aggregate_off(entry: Entry) -> Iterator[Finding]:
    """Dimensions whose codes, all together, have another mean or variance than the prior has there."""
    seen = entry.get("information") or {}
    names = ("aggregate_mean", "aggregate_variance", "prior_mean", "prior_variance")
    if any(seen.get(name) is None for name in names):
        return
    off = []
    for number, (mean, variance, centre, scale) in enumerate(zip(*(seen[name] for name in names), strict=True), 1):
        ratio = variance / scale
        if abs(mean - centre) > OFF_CENTRE * scale**0.5 or not 1 / OFF_SCALE < ratio < OFF_SCALE:
            off.append((abs(mean - centre) / scale**0.5 + abs(log(ratio)), number, mean, variance))
    if off:
        _, worst, mean, variance = max(off)
        numbers = {"off": len(off), "latent": entry["latent"], "worst": worst, "mean": mean, "variance": variance}
        yield Finding("aggregate_off", "note", numbers)


def _seeds_disagree(entry: Entry) -> Iterator[Finding]:
    """Other seeds give another loss, by more than measuring one of them is uncertain."""
    spread, error = _test(entry, "loss_sd"), _test(entry, "loss_se")
    if spread is not None and error is not None and spread > max(NATS, CERTAIN * error):
        numbers = {"seeds": len(entry.get("seeds") or []), "spread": spread, "error": error}
        yield Finding("seeds_disagree", "note", numbers)


def _worse_than_pca(entry: Entry, pca: Entry) -> Iterator[Finding]:
    """Squared error at z = mu, PCA's own game, against as many components, on the same test images."""
    own, error, theirs = _test(entry, "sse_at_mean"), _test(entry, "sse_se"), pca.get("sse")
    if None not in (own, error, theirs) and own - CERTAIN * error > theirs:
        yield Finding("worse_than_pca", "warning", {"sse": own, "pca": theirs, "components": entry["latent"]})


def _stopped_early(entry: Entry, records: Sequence[Entry], keep: str) -> Iterator[Finding]:
    """Falling over the last quarter by more than half a nat, and in each half of that quarter."""
    losses = [loss for _, loss in _curve(entry, records, "validation")]
    back = max(len(losses) // 4, 2)
    if len(losses) <= back + 1:
        return
    middle, fall = losses[-1 - back // 2], losses[-1 - back] - losses[-1]
    if fall > NATS and losses[-1] < middle < losses[-1 - back]:
        numbers = {"pace": fall / back, "fall": fall, "epochs": back}
        yield Finding("stopped_early", "warning", numbers)


def _overfitting(entry: Entry, records: Sequence[Entry], keep: str) -> Iterator[Finding]:
    unseen, known = _curve(entry, records, "validation"), dict(_curve(entry, records, "train"))
    if len(unseen) < 3 or not known:
        return
    best_epoch, best = min(unseen, key=lambda pair: pair[1])
    last_epoch, last = unseen[-1]
    gain = known[best_epoch] - known[last_epoch]
    if last - best > NATS and gain > 0.0:
        severity = "note" if keep == "best" else "warning"
        numbers = {"best_epoch": best_epoch, "rise": last - best, "gain": gain}
        yield Finding("overfitting", severity, numbers)


def _generalisation_gap(entry: Entry) -> Iterator[Finding]:
    known, unseen = entry.get("train") or {}, entry.get("validation") or {}
    errors = (known.get("loss_se"), unseen.get("loss_se"))
    if None in errors or not any(errors):
        return
    gap, error = unseen["loss"] - known["loss"], (errors[0] ** 2 + errors[1] ** 2) ** 0.5
    if gap > GAP and gap > CERTAIN * error:
        yield Finding("generalisation_gap", "note", {"gap": gap, "errors": gap / error})


def _curve(entry: Entry, records: Sequence[Entry], split: str) -> list[tuple[int, float]]:
    """(epoch, loss) of every epoch of training; with a schedule in the objective -ELBO, which means one thing."""
    scheduled = any(isinstance(value, Mapping) for value in entry.get("objective", {}).values())
    points = [(record["epoch"], record.get(split)) for record in records if record["epoch"] > 0]
    losses = [(epoch, None if at is None else at["loss"]) for epoch, at in points]
    if scheduled:
        losses = [(epoch, None if at is None or at["elbo"] is None else -at["elbo"]) for epoch, at in points]
    return [(epoch, loss) for epoch, loss in losses if loss is not None]


def _test(entry: Entry, name: str) -> Any:
    """A number of the test images, or None."""
    return (entry.get("test") or {}).get(name)


Look = Callable[[Entry], Iterator[Finding]]
CurveLook = Callable[[Entry, Sequence[Entry], str], Iterator[Finding]]
LOOKS: tuple[Look, ...] = (
    _collapsed,
    _variance_at_floor,
    _prior_missed,
    _memorised,
    _classes_missing,
    _generalisation_gap,
    _heavy_kl,
    _free_bits_active,
    _amortisation_gap,
    _information_saturated,
    _aggregate_off,
    _seeds_disagree,
)
CURVE_LOOKS: tuple[CurveLook, ...] = (_stopped_early, _overfitting)
