"""The diagnosis as the page has it: findings in words, in both languages, and every rule's number over the epochs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vitral.core.parameters import named
from vitral.evaluation.diagnosis import diagnose
from vitral.evaluation.findings import Finding
from vitral.evaluation.reasons import why
from vitral.evaluation.watch import Recorded, Watched, watch
from vitral.report.explorer.subjects import Subject
from vitral.report.language import languages
from vitral.report.run_folder import RunFolder
from vitral.report.sections.diagnosis import known

Record = dict[str, Any]


def diagnosis(run: RunFolder, subject: Subject) -> Record | None:
    """What is said of a model; None where neither its end nor its way is known."""
    entry, records = run.models.get(subject.name) or {}, run.progress.get(subject.name, ())
    prefix = f"{subject.name}/pulse_"
    pulses = {key.removeprefix(prefix): array for key, array in run.explorer.items() if key.startswith(prefix)}
    watched = watch(Recorded(entry, records, pulses, list(named(subject.model.shapes))))
    if not entry.get("test") and not watched:
        return None
    return written(_findings(run, entry, records), watched)


def _findings(run: RunFolder, entry: Mapping[str, Any], records: Sequence[Record]) -> list[Finding]:
    """Those that the study kept; of a run or a file that has none, found now."""
    if entry.get("findings") is not None:
        return [Finding(one["kind"], one["severity"], one["numbers"]) for one in known(entry["findings"])]
    pca = (run.metrics.get("baselines") or {}).get("pca") or {}
    keep = (run.metrics.get("protocol") or {}).get("keep", "last")
    return diagnose(entry, records, keep=keep, pca=pca.get(str(entry.get("latent"))))


def written(findings: Iterable[Finding], watched: Iterable[Watched]) -> Record:
    """As plain data."""
    return {
        "findings": [told(finding) for finding in findings],
        "watched": [
            {
                "kind": one.rule.kind, "severity": one.rule.severity, "on": one.rule.on, "off": one.rule.off,
                "above": one.rule.above, "epochs": _short(one.epochs), "values": _short(one.values),
                "spells": [{"begin": s.begin, "end": s.end, **told(s.finding)} for s in one.spells],
                "why": {words.tag: why(one.rule.kind, words.code) for words in languages()},
            }
            for one in watched
        ],
    }  # fmt: skip


def told(finding: Finding) -> Record:
    """One finding with its words, by the tag of each language."""
    return {
        "kind": finding.kind,
        "severity": finding.severity,
        "says": {words.tag: finding.says(words.code) for words in languages()},
        "advice": {words.tag: finding.advice(words.code) for words in languages()},
        "why": {words.tag: why(finding.kind, words.code) for words in languages()},
    }


def _short(values: Iterable[float]) -> list[float]:
    """Five digits each: what a chart shows."""
    return [float(f"{value:.5g}") for value in values]
