"""Callbacks by the protocol that scikit-learn 1.9 tries out, without a class of it: older versions work as well.

A callback has ``setup``, ``on_fit_task_begin``, ``on_fit_task_end`` and ``teardown``. ``fit`` is one task, each epoch a
task within it; a callback that answers the end of an epoch with True ends the training there.
"""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from vitral.errors import UsageError

HOOKS = ("setup", "on_fit_task_begin", "on_fit_task_end", "teardown")
GIVEN = ("X", "y", "metadata", "fitted_estimator")  # what a hook may ask for, by keyword


@dataclass(eq=False)
class Task:
    """Where a hook is called from: a task in the tree of tasks, with the attributes of scikit-learn's own context."""

    estimator_name: str
    task_name: str
    task_id: int = 0
    max_subtasks: int | None = 0
    parent: Any = None
    root_uuid: uuid.UUID = field(default_factory=uuid.uuid4)
    source_estimator_name: str | None = None
    source_task_name: str | None = None
    sequential_subtasks: bool = True
    init_time: datetime = field(default_factory=lambda: datetime.now(UTC))
    children: list[Task] = field(default_factory=list)

    def __iter__(self) -> Iterator[Task]:
        yield self
        for child in self.children:
            yield from child

    def subtask(self, name: str) -> Task:
        """The next task within this one."""
        child = Task(self.estimator_name, name, len(self.children), 0, self, self.root_uuid)
        self.children.append(child)
        return child


def checked(callbacks: tuple[Any, ...]) -> list[Any]:
    """Callbacks as a list; refuses what lacks a hook."""
    for callback in callbacks:
        missing = [hook for hook in HOOKS if not callable(getattr(callback, hook, None))]
        if missing or isinstance(callback, type):
            what = f"class {callback.__name__}" if isinstance(callback, type) else repr(callback)
            raise UsageError(f"a callback needs the methods {', '.join(HOOKS)}, got {what}: give an object with them")
    return list(callbacks)


class Calls:
    """The callbacks of one fit: called at its begin and end, and at those of every epoch."""

    def __init__(self, estimator: Any, X: Any, y: Any, epochs: int) -> None:
        self.estimator, self.X, self.y = estimator, X, y
        self.callbacks = getattr(estimator, "_skl_callbacks", [])
        self.root = _root(estimator, epochs)
        self._epoch: Task | None = None

    @contextmanager
    def open(self) -> Iterator[Calls]:
        """``setup`` of every callback that is the estimator's own, and ``teardown`` whatever happens in between."""
        begun = []
        try:
            for callback in self.callbacks:
                if not self._belongs_above(callback):
                    begun.append(callback)
                    callback.setup(self.estimator, self.root)
            self._call("on_fit_task_begin", self.root, None)
            yield self
        finally:
            for callback in begun:
                callback.teardown(self.estimator, self.root)

    def begin_epoch(self) -> None:
        """An epoch begins."""
        if self.callbacks:
            self._epoch = self.root.subtask("epoch")
            self._call("on_fit_task_begin", self._epoch, None)

    def end_epoch(self, fitted: Callable[[], Any]) -> bool:
        """An epoch has ended; whether a callback asks for the end. ``fitted`` makes the estimator as it stands."""
        if self._epoch is None:
            return False
        return self._call("on_fit_task_end", self._epoch, fitted)

    def end(self, fitted: Callable[[], Any]) -> None:
        """The fit has ended."""
        self._call("on_fit_task_end", self.root, fitted)

    def _call(self, hook: str, task: Task, fitted: Callable[[], Any] | None) -> bool:
        asked = False
        made = _Once(fitted)
        for callback in self.callbacks:
            method = getattr(callback, hook)
            wanted = _keywords(method)
            given = {"X": self.X, "y": self.y, "metadata": None}
            given = {name: given[name] for name in wanted if name in given}
            if "fitted_estimator" in wanted:
                given["fitted_estimator"] = made()
            asked |= bool(method(self.estimator, task, **given))
        return asked

    def _belongs_above(self, callback: Any) -> bool:
        """Whether a search or a pipeline has lent this callback, and sets it up itself."""
        return hasattr(callback, "max_propagation_depth") and hasattr(self.estimator, "_parent_callback_ctx")


class _Once:
    """A function that is called at most once."""

    def __init__(self, make: Callable[[], Any] | None) -> None:
        self.make, self.made = make, None

    def __call__(self) -> Any:
        if self.made is None and self.make is not None:
            self.made = self.make()
        return self.made


def _keywords(method: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(method).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return list(GIVEN)
    return [parameter.name for parameter in parameters if parameter.name in GIVEN]


def _root(estimator: Any, epochs: int) -> Task:
    """The task of a fit; within a search or a pipeline it stands for the task that they lent it."""
    root = Task(type(estimator).__name__, "fit", max_subtasks=epochs)
    lent = getattr(estimator, "_parent_callback_ctx", None)
    if lent is not None:
        root.parent, root.task_id, root.root_uuid = lent.parent, lent.task_id, lent.root_uuid
        root.source_estimator_name, root.source_task_name = lent.estimator_name, lent.task_name
    return root
