"""From a run folder, or from models and what was recorded of them, to the page and to the report's section."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vitral.report.explorer import assemble
from vitral.report.explorer.content import FEW, content
from vitral.report.explorer.subjects import Subject, model_path, subjects_of
from vitral.report.markup import Html
from vitral.report.run_folder import RunFolder


def code_size() -> int:
    """Bytes of scripts, styles and strings, the same in every page."""
    return len((assemble.fragment({}) + assemble.styles()).encode("utf-8"))


def explorable(run: RunFolder) -> bool:
    """Whether a run has images, and the file of a model."""
    return run.shows_images and any(model_path(run, name).is_file() for name in run.models)


def section(run: RunFolder, beside: int = 0) -> Html:
    """The explorer inside the report; of many models it leaves room for the ``beside`` bytes of the rest."""
    subjects = subjects_of(run)
    rest = beside if len(subjects) > FEW else 0
    return assemble.fragment(content(run, subjects, code=code_size() + rest), level=3, inside=True)


def page(run: RunFolder, subjects: Sequence[Subject], **options: Any) -> str:
    """The explorer as a page of its own; the options are those of ``content``."""
    return assemble.alone(content(run, subjects, code=code_size(), **options))
