"""The bug zoo as text and as a page, from what the laws measured and from the kept trainings; nothing computed here.

A document is what ``vitral zoo --json`` prints. What a learner sees of a bug lies in ``symptoms.json``, written by
``benchmarks/bug_zoo.py``: curves, numbers and small images of models that were trained with the bug planted.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from importlib import resources
from itertools import groupby
from typing import Any

from vitral.report import checks
from vitral.report.language import Language
from vitral.report.markup import Html, details, join, table, tag
from vitral.report.single import html, single_page

Record = Mapping[str, Any]

RUNAWAY = 1e6
WIDE, HIGH, LEFT, FOOT = 320, 150, 44, 22  # of a chart, in its own units


def lines(document: Record, words: Language) -> Iterator[str]:
    """A bug a line, and beneath it every law that sees it, with what it measured."""
    for bug in document["bugs"]:
        yield f"{bug['id']:<6}{name_of(bug, words)}"
        for law, check in bug["laws"].items():
            if check["passed"] is False:
                yield f"{'':<8}{law}: {checks.check_name(check, words)}, {_measured(check, words)}"
        blind = sum(check["passed"] is True for check in bug["laws"].values())
        yield f"{'':<8}{words.text('zoo.blind', count=blind)}"
    yield ""
    yield words.text("zoo.summary", caught=document["caught"], total=document["total"])


def page(document: Record, opens: Language | None = None) -> str:
    """The zoo as one HTML file in both languages; ``opens`` is the one that it shows first."""
    shown = [bug for bug in document["bugs"] if bug["lines"]]
    return single_page(
        "zoo",
        values={"caught": document["caught"], "total": document["total"]},
        sections={
            "how": partial(_how, shown),
            **{bug["id"]: partial(_exhibit, bug) for bug in shown},
            "matrix": partial(_matrix, document["bugs"]),
        },
        version=symptoms()["machine"]["vitral"],
        document={"caught": document["caught"], "total": document["total"]},
        opens=opens,
    )


@cache
def symptoms() -> dict[str, Any]:
    """What was trained with the bugs planted."""
    source = resources.files("vitral.report").joinpath("symptoms.json")
    return json.loads(source.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def name_of(bug: Record, words: Language) -> str:
    """The name of a bug in the language."""
    return words.strings.get(f"bug.{bug['id']}", str(bug["name"]))


def symptom(bug: str, words: Language) -> str:
    """What a learner sees, in a sentence whose numbers are those of the training; empty where nothing was trained."""
    if bug not in symptoms()["runs"]:
        return ""
    return words.text(f"zoo.symptom.{bug}", **_values(bug, words))


def sound_of(bug: str) -> dict[str, Any]:
    """The training beside which a bug's is shown: with the same beta."""
    runs = symptoms()["runs"]
    return runs[f"sound {runs[bug]['beta']:g}"]  # type: ignore[no-any-return]


def _values(bug: str, words: Language) -> dict[str, str]:
    """Every number that a sentence may name, of the bug's training and, with ``sound_``, of the sound one."""
    found = {}
    for prefix, run in (("", symptoms()["runs"][bug]), ("sound_", sound_of(bug))):
        told = [value for value in run["loss"] if value is not None]
        numbers = {
            "training": told[-1] if told else None, "training_kl": run["kl"][-1], "reported": run.get("reported"),
            **{key: run["test"][key] for key in ("loss", "reconstruction", "kl")},
        }  # fmt: skip
        found |= {prefix + key: _nats(value, words) for key, value in numbers.items()}
        found |= {prefix + key: words.percent(run["test"][key]) for key in ("neighbours", "chance")}
        others = {"sigma": words.number(run["test"]["sigma"], 2), "shared": words.percent(run["shared"]),
                  "active": str(run["test"]["active"])}  # fmt: skip
        found |= {prefix + key: value for key, value in others.items()}
    return found | {"latent": str(symptoms()["latent"])}


def _nats(value: float | None, words: Language) -> str:
    """One decimal, or three digits and a power of ten where a loss has run away."""
    return words.plain(value, 3) if value is not None and abs(value) >= RUNAWAY else words.number(value, 1)


def _how(shown: Sequence[Record], words: Language) -> Html:
    kept = symptoms()
    links = (tag("li", tag("a", f"{bug['id']} {name_of(bug, words)}", href=f"#{bug['id']}")) for bug in shown)
    machine = ", ".join(str(kept["machine"][key]) for key in ("cpu", "platform"))
    told = {key: kept[key] for key in ("epochs", "seed", "latent", "date")} | {"machine": machine}
    return join([
        *(tag("p", html(words, f"zoo.how.{number}", **told)) for number in (1, 2, 3)),
        tag("nav", tag("ul", *links), aria_label=words.text("zoo.contents")),
    ])  # fmt: skip


def _exhibit(bug: Record, words: Language) -> Html:
    """One bug: its lines, who catches it, who does not, where it was seen, what a learner sees."""
    seen = [_place(words, *place) for place in bug["seen"]] or [html(words, "zoo.seen.none")]
    blind = ", ".join(law for law, check in bug["laws"].items() if check["passed"] is True)
    parts = [_code(bug["lines"], words), _catchers(bug, words), tag("p", html(words, "zoo.not_seen", laws=blind))]
    parts.append(tag("p", Html(f"{html(words, 'zoo.seen')} {', '.join(seen)}")))
    if bug["id"] in symptoms()["runs"]:
        parts += [tag("h3", html(words, "zoo.learner")), tag("p", symptom(bug["id"], words))]
        parts.append(_pictures(bug["id"], words))
    return join(parts)


def place_of(words: Language, name: str, address: str) -> list[str]:
    """Where a bug was seen, and its address; the notebook is told in the language."""
    return [words.strings.get(f"zoo.place.{name}", name), address]


def _place(words: Language, name: str, address: str) -> Html:
    said, _ = place_of(words, name, address)
    return tag("a", said, href=address, rel="noreferrer") if address else tag("span", said)


def _code(changed: Sequence[Record], words: Language) -> Html:
    """Right beside wrong, line by line, with the place of the right one; what only makes backward follow is folded."""
    first, *others = changed
    parts = [_pair(first, words)]
    if others:
        parts.append(details(html(words, "zoo.follows"), *(_pair(line, words) for line in others)))
    return join(parts)


def _pair(line: Record, words: Language) -> Html:
    sides = [
        tag("div", tag("p", label, class_="aside-label"), tag("pre", tag("code", text), tabindex="0"), class_=kind)
        for kind, text, label in (
            ("right", line["right"], Html(f"{html(words, 'zoo.right')} {line['file']}:{line['number']}")),
            ("wrong", line["wrong"], html(words, "zoo.wrong")),
        )
    ]
    return tag("div", *sides, class_="pair")


def _catchers(bug: Record, words: Language) -> Html:
    rows = [
        (tag("code", law), checks.check_name(check, words), _value(check, words), words.plain(check["bound"], 3),
         checks.unit_name(check, words))
        for law, check in bug["laws"].items()
        if check["passed"] is False
    ]  # fmt: skip
    headers = [words.text(f"column.{key}") for key in ("law", "check", "measured", "bound", "unit")]
    return table(html(words, "zoo.caught", bug=bug["id"]), headers, rows, class_="prose")


def _value(check: Record, words: Language) -> str:
    return words.plain(check["measured"], 3) if check["finite"] else "∞"


def _measured(check: Record, words: Language) -> str:
    bound = words.text("certificate.bound", bound=words.plain(check["bound"], 3), unit=checks.unit_name(check, words))
    return f"{_value(check, words)} ({bound})"


def _pictures(bug: str, words: Language) -> Html:
    """Curves of loss and KL, and images of the data, reconstructed and generated, with the bug and without."""
    runs, kept = (sound_of(bug), symptoms()["runs"][bug]), symptoms()
    charts = [_chart(key, runs, words) for key in ("loss", "kl")]
    sheets = [
        _sheet(words.text("zoo.originals"), kept["originals"], kept["shown"]),
        *(
            _sheet(words.text(f"zoo.{key}.{who}"), run[key], kept["shown"])
            for key in ("reconstructions", "samples")
            for who, run in zip(("sound", "bug"), runs, strict=True)
        ),
    ]
    return join([tag("div", *charts, class_="charts"), tag("div", *sheets, class_="sheets")])


def _sheet(caption: str, packed: str, columns: int) -> Html:
    """Small images side by side as one PNG."""
    from PIL import Image

    height, width = symptoms()["shape"]
    levels = base64.b64decode(packed)
    count = len(levels) // (height * width)
    sheet = Image.new("L", ((width + 1) * columns - 1, (height + 1) * (count // columns) - 1), 128)
    for index in range(count):
        tile = Image.frombytes("L", (width, height), levels[index * height * width : (index + 1) * height * width])
        sheet.paste(tile, ((width + 1) * (index % columns), (height + 1) * (index // columns)))
    written = io.BytesIO()
    sheet.save(written, "PNG", optimize=True)
    address = "data:image/png;base64," + base64.b64encode(written.getvalue()).decode("ascii")
    picture = Html(f'<img src="{address}" alt="" width="{6 * sheet.width}" height="{6 * sheet.height}">')
    return tag("figure", picture, tag("figcaption", caption))


def _chart(key: str, runs: tuple[Record, Record], words: Language) -> Html:
    """Two curves over the epochs, the sound one thin; its range is that of the sound one, and twice as much around."""
    sound, bug = ([value for value in run[key] if value is not None] for run in runs)
    low, high = min(sound), max(sound)
    room = 2.0 * (high - low)
    low, high = max(min([*sound, *bug]), low - room), min(max([*sound, *bug]), high + room)
    curves = [_curve(values, low, high, kind) for kind, values in (("sound", sound), ("bug", bug))]
    marks = [
        tag("text", words.number(value, 0), x=LEFT - 6, y=place, text_anchor="end")
        for value, place in ((high, 12), (low, HIGH - FOOT))
    ]
    marks += [
        tag("text", text, x=place, y=HIGH - 4, text_anchor=anchor)
        for text, place, anchor in (("1", LEFT, "start"), (str(len(sound)), WIDE - 4, "end"))
    ]
    said = words.text(f"zoo.chart.{key}", **{
        f"{who}_{end}": _nats(values[place] if values else None, words)
        for who, values in (("sound", sound), ("bug", bug)) for end, place in (("first", 0), ("last", -1))
    })  # fmt: skip
    drawing = tag("svg", *curves, *marks, viewBox=f"0 0 {WIDE} {HIGH}", role="img", aria_label=said)
    return tag("figure", drawing, tag("figcaption", html(words, f"zoo.caption.{key}")))


def _curve(values: Sequence[float], low: float, high: float, kind: str) -> Html:
    """A polyline; what lies outside the range runs along its edge."""
    span, across = (high - low) or 1.0, max(len(values) - 1, 1)
    points = []
    for index, value in enumerate(values):
        share = (min(max(value, low), high) - low) / span
        points.append(f"{LEFT + (WIDE - LEFT - 4) * index / across:.1f},{HIGH - FOOT - (HIGH - FOOT - 8) * share:.1f}")
    return tag("polyline", points=" ".join(points), class_=kind)


def _matrix(bugs: Sequence[Record], words: Language) -> Html:
    """A table a family: bugs down, laws across; what each law measured where it saw the bug."""
    ordered = sorted(bugs, key=lambda bug: str(bug["family"]))
    families = groupby(ordered, lambda bug: str(bug["family"]))
    tables = (_family(family, list(members), words) for family, members in families)
    return join([tag("p", html(words, "zoo.matrix.text")), *tables])


def _family(family: str, bugs: Sequence[Record], words: Language) -> Html:
    laws = list(bugs[0]["laws"])
    rows = [
        (f"{bug['id']} {name_of(bug, words)}", *(_cell(bug["laws"][law], words) for law in laws)) for bug in bugs
    ]
    caption = html(words, "zoo.family", family=words.text(f"zoo.family.{family}"))
    headers = [Html(law.replace("_", "_<wbr>")) for law in laws]
    return table(caption, [words.text("column.bug"), *headers], rows, class_="matrix")


def _cell(check: Record, words: Language) -> Html:
    if check["passed"] is False:
        return tag("strong", _value(check, words), title=_measured(check, words), class_="seen")
    return tag("span", words.text("zoo.cell.none" if check["passed"] is None else "zoo.cell.blind"), class_="unseen")
