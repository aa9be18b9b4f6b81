"""What a training went through, in words: rules on recorded numbers, each with two thresholds and its epochs.

A rule begins where its number passes ``on`` and ends only where it comes back over ``off`` (hysteresis), so that a
number that trembles around one threshold is one spell and not ten. Pure functions of what the study recorded
(progress/ and the pulses of explorer.npz); what stands at the end is judged by ``diagnosis``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vitral.evaluation.diagnosis import GAP, NATS
from vitral.evaluation.findings import Finding

Entry = Mapping[str, Any]
Point = tuple[float, float, dict[str, Any]]  # epoch, value, and what else the words of the rule name


@dataclass(frozen=True)
class Recorded:
    """What was recorded of one model: its entry in metrics.json, its progress, its pulses, the names of its tensors."""

    entry: Entry
    records: Sequence[Entry] = ()
    pulses: Mapping[str, np.ndarray] | None = None
    tensors: Sequence[str] = ()

    def pulse(self, name: str) -> Iterator[tuple[float, np.ndarray]]:
        """(epoch, row) of one kind of pulse; nothing where it was not recorded."""
        pulses = self.pulses or {}
        if name in pulses and "epochs" in pulses:
            yield from zip(pulses["epochs"].tolist(), pulses[name], strict=True)


@dataclass(frozen=True)
class Rule:
    """A number over the epochs and two thresholds; ``above`` says on which side of ``on`` it is worth a sentence."""

    kind: str
    severity: str
    on: float
    off: float
    points: Callable[[Recorded], Iterator[Point]]
    above: bool = True


@dataclass(frozen=True)
class Spell:
    """From ``begin`` to ``end``, None where it lasts to the end of the training; ``finding`` tells the worst of it."""

    begin: float
    end: float | None
    finding: Finding


@dataclass(frozen=True)
class Watched:
    """One rule with its number at every recorded epoch, and the spells in which it held."""

    rule: Rule
    epochs: list[float]
    values: list[float]
    spells: list[Spell]


def watch(recorded: Recorded) -> list[Watched]:
    """Every rule whose number was recorded, in the order of ``RULES``; most have no spell.

    >>> train = {"loss": 9.0}
    >>> records = [{"epoch": e, "train": train, "validation": {"loss": v}} for e, v in enumerate((9, 15, 13, 10))]
    >>> found = {one.rule.kind: one for one in watch(Recorded({}, records))}
    >>> [(spell.begin, spell.end) for spell in found["gap_opens"].spells]
    [(1, 3)]
    """
    found = []
    for rule in RULES:
        points = list(rule.points(recorded))
        if len(points) > 1:
            epochs, values, _ = zip(*points, strict=True)
            found.append(Watched(rule, list(epochs), list(values), list(_spells(rule, points))))
    return found


def _spells(rule: Rule, points: Sequence[Point]) -> Iterator[Spell]:
    """Begins beyond ``on``, ends within ``off``."""
    side = 1.0 if rule.above else -1.0
    during: list[Point] = []
    for point in points:
        value = side * point[1]
        if during and value <= side * rule.off:
            yield _spell(rule, during, point[0])
            during = []
        elif during or value > side * rule.on:
            during.append(point)
    if during:
        yield _spell(rule, during, None)


def _spell(rule: Rule, during: Sequence[Point], end: float | None) -> Spell:
    epoch, value, others = max(during, key=lambda point: point[1] if rule.above else -point[1])
    numbers = {"value": value, "epoch": epoch, "on": rule.on, "off": rule.off, **others}
    return Spell(during[0][0], end, Finding(rule.kind, rule.severity, numbers))


def _weakest_dimension(recorded: Recorded) -> Iterator[Point]:
    """KL of the dimension that says least, from the first epoch on: before it, none says anything."""
    for epoch, kl in recorded.pulse("kl"):
        if epoch >= 1:
            yield epoch, float(kl.min()), {"idle": int((kl < IDLE).sum()), "latent": len(kl)}


def _dead_units(recorded: Recorded) -> Iterator[Point]:
    """The share of dead units in the layer that has most of them."""
    for epoch, dead in recorded.pulse("dead"):
        if len(dead):
            yield epoch, float(dead.max()), {"layer": int(dead.argmax()) + 1, "layers": len(dead)}


def _largest_step(recorded: Recorded) -> Iterator[Point]:
    """What an update would change, as a share of the weights: of the tensor where it is most; tensors that began as
    zeros, biases above all, have nothing to be a share of."""
    weights = dict(recorded.pulse("weight"))
    first = next(iter(weights.values()), np.zeros(0))
    for epoch, update in recorded.pulse("update"):
        shares = np.where(first > 0, update / np.where(weights[epoch] > 0, weights[epoch], 1.0), 0.0)
        most = int(shares.argmax()) if len(shares) else 0
        if len(shares) and np.isfinite(shares).all():
            name = recorded.tensors[most] if most < len(recorded.tensors) else str(most + 1)
            yield epoch, float(shares[most]), {"tensor": name}


def _rise(recorded: Recorded) -> Iterator[Point]:
    """Validation loss above its best so far."""
    best, at = np.inf, 0
    for epoch, loss in _losses(recorded, "validation"):
        best, at = min((best, at), (loss, epoch))
        yield epoch, loss - best, {"best_epoch": at}


def _gap(recorded: Recorded) -> Iterator[Point]:
    """Validation minus training loss, both measured after the epoch in the same way."""
    known = dict(_losses(recorded, "train"))
    for epoch, loss in _losses(recorded, "validation"):
        if epoch in known:
            yield epoch, loss - known[epoch], {}


def _shortcut(recorded: Recorded) -> Iterator[Point]:
    """By how much the validation loss would look lower at z = mu: measured unlike the training loss."""
    for epoch, loss in _losses(recorded, "validation"):
        at_mean = next(one for one in recorded.records if one["epoch"] == epoch)["validation"].get("loss_at_mean")
        if at_mean is not None:
            yield epoch, loss - at_mean, {}


def _losses(recorded: Recorded, split: str) -> Iterator[tuple[int, float]]:
    """(epoch, loss) after every epoch; with a schedule in the objective the loss changes its meaning: nothing then."""
    if any(isinstance(value, Mapping) for value in recorded.entry.get("objective", {}).values()):
        return
    for record in recorded.records:
        if record["epoch"] > 0 and (record.get(split) or {}).get("loss") is not None:
            yield record["epoch"], record[split]["loss"]


IDLE = 0.01  # nats
RULES = (  # severity, begins, ends
    Rule("idle_dimension", "note", IDLE, 2 * IDLE, _weakest_dimension, above=False),
    Rule("dead_units", "warning", 0.10, 0.05, _dead_units),
    Rule("large_steps", "warning", 0.10, 0.05, _largest_step),
    Rule("validation_rises", "warning", NATS, NATS / 2, _rise),
    Rule("gap_opens", "note", GAP, GAP / 2, _gap),
    Rule("shortcut", "note", 1.0, 0.5, _shortcut),
)
KINDS = tuple(rule.kind for rule in RULES)
