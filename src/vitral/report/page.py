"""The page: `build_report` writes `report.html`, one file in two languages that needs no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from string import Template

from vitral.report.catalogue import plan
from vitral.report.context import Context
from vitral.report.explorer import assemble, build
from vitral.report.language import Language, languages
from vitral.report.markup import Html, embedded_json, join, tag
from vitral.report.run_folder import RunFolder, read_run, write_text
from vitral.report.sections import (
    closing,
    comparison,
    diagnosis,
    opening,
    oral,
    seeing,
    setup,
    training,
    variants,
)
from vitral.report.single import source


@dataclass(frozen=True)
class Section:
    """One section: `name` is its anchor and the key of its heading, `write` gives its content.

    A section of the study carries its number in the notebook's order of steps; `shown` says whether a run has it.
    `below` is what stands below the content, in no language or in a language of its own choice: it is told how large
    the rest of the page is, in bytes.
    """

    name: str
    write: Callable[[Context], Html]
    step: int | None = None
    shown: Callable[[RunFolder], bool] = lambda run: True
    below: Callable[[RunFolder, int], Html] = lambda run, beside: Html("")


def diagnosed(run: RunFolder) -> bool:
    return any(model.get("findings") is not None for model in run.models.values())


# The order of the page. A further section (an interactive one, say) is one more line here.
SECTIONS = (
    Section("rests-on", opening.rests_on),
    Section("findings", opening.findings),
    Section("variants", variants.variants, shown=lambda run: bool(run.variants)),
    Section("diagnosis", diagnosis.diagnosis, shown=diagnosed),
    Section("data", setup.data, step=1),
    Section("model", setup.model, step=2),
    Section("training", training.training, step=3),
    Section("reconstructions", seeing.reconstructions, step=4),
    Section("latent-space", seeing.latent_space, step=5),
    Section("generation", seeing.generation, step=6),
    Section("comparison", comparison.comparison, step=7),
    Section("limits", comparison.limits, shown=lambda run: not run.variants),
    Section("explore", closing.explore, shown=build.explorable, below=build.section),
    Section("certificate", closing.certificate),
    Section("oral-exam", oral.oral_exam, shown=oral.asked),
    Section("glossary", closing.glossary),
    Section("reproduce", closing.reproduce),
)


def sections_of(run: RunFolder) -> list[Section]:
    """The sections that this run has something to say in."""
    return [section for section in SECTIONS if section.shown(run)]


def build_report(run_folder: str | Path) -> Path:
    """Write the figures and `report.html` of a run folder and return the path of the page.

    Without matplotlib the page is written all the same, with the reason in the place of each figure.
    """
    run = read_run(run_folder)
    problem = plotting_problem()
    if problem is None:
        import_module("vitral.report.figures").write_figures(run)
    path = run.path / "report.html"
    write_text(path, page_text(run, problem))
    return path


def plotting_problem() -> str | None:
    """Why matplotlib cannot be used here, or None: it may be missing, or its libraries may not load."""
    try:
        import_module("matplotlib.figure")
    except (ImportError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def page_text(run: RunFolder, problem: str | None = None) -> str:
    """The whole page; figures are read from the run folder's `figures/<language>/*.svg`."""
    contexts = [_context(run, words, problem) for words in languages()]
    contexts[1:] = [replace(c, shown=contexts[0].svg) for c in contexts[1:]]
    written = [(section, _written(section, contexts)) for section in sections_of(run)]
    metrics = embedded_json(run.metrics)
    beside = sum(len(text.encode("utf-8")) for text in (*(text for _, text in written), metrics, source("style.css")))
    template = Template(source("template.html"))
    return template.substitute(
        lang="en",
        asked="",
        policy=assemble.POLICY,
        title=tag("title", contexts[0].html("page.title", recipe=run.metrics.get("recipe"))),
        titles=embedded_json(
            {c.words.tag: c.words.text("page.title", recipe=run.metrics.get("recipe")) for c in contexts}
        ),
        style=source("style.css") + assemble.styles(),
        script=source("script.js"),
        header=_each_language(contexts, _header),
        contents=_each_language(contexts, _contents),
        sections=join(tag("section", text, one.below(run, beside), id=one.name) for one, text in written),
        footer=_each_language(contexts, lambda c: c.p("page.footer", version=run.metrics.get("vitral"))),
        metrics=metrics,
    )


def _context(run: RunFolder, words: Language, problem: str | None) -> Context:
    planned = tuple(plan(run))
    svg: dict[str, str] = {}
    for figure in planned if problem is None else ():
        path = run.path / "figures" / words.code / f"{figure.stem}.svg"
        if not figure.missing and path.is_file():
            svg[figure.stem] = path.read_text(encoding="utf-8")
    return Context(run, words, planned, svg, problem)


def _each_language(contexts: list[Context], write: Callable[[Context], Html]) -> Html:
    """The same piece in every language, each in a block of its own that carries its `lang`."""
    return join(tag("div", write(c), lang=c.words.tag, class_="language") for c in contexts)


def _written(section: Section, contexts: list[Context]) -> Html:
    """The content of a section in every language."""

    def content(c: Context) -> Html:
        heading = _heading(c, section)
        number = (
            tag("span", c.html("section.step", step=section.step), class_="step")
            if section.step
            else Html("")
        )
        return join([tag("h2", number, heading), section.write(c)])

    return _each_language(contexts, content)


def _heading(c: Context, section: Section) -> Html:
    """The heading of a section; some have another one where the models are variants."""
    own = f"section.{section.name}.variants"
    return c.html(own if c.run.variants and own in c.words.strings else f"section.{section.name}")


def _header(c: Context) -> Html:
    values: Mapping[str, object] = {"recipe": c.run.metrics.get("recipe"), "data": c.run.data.get("name")}
    return join(
        [tag("h1", c.html("page.heading", **values)), tag("p", c.html("page.lead", **values), class_="lead")]
    )


def _contents(c: Context) -> Html:
    links = [tag("a", _heading(c, section), href=f"#{section.name}") for section in sections_of(c.run)]
    return tag(
        "nav", tag("ul", *(tag("li", link) for link in links)), aria_label=c.words.text("page.contents")
    )
