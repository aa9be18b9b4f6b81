"""The events of a training, shown: bars on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from vitral.cli.console import say
from vitral.cli.stopping import Stop
from vitral.study.run import Estimate, Event, Notice, Stage
from vitral.training.loop import Epoch, Step

tqdm.monitor_interval = 0  # no thread that watches the bars: a process with threads is not copied (training/team.py)

LONG = 20.0  # seconds; what takes less needs no warning


def show(events: Iterable[Event], stop: Stop, *, quiet: bool, afterwards: float = 0.0) -> None:
    """Consume the events of a study or a training; ``afterwards`` are the seconds of what follows them."""
    watched = _watched(_estimated(events, afterwards), stop)
    if quiet:
        for _ in watched:
            pass
    elif animated():
        _show_bars(watched)
    else:
        _show_lines(watched)


def animated() -> bool:
    """Whether somebody looks at stderr, on a terminal that can go back to the start of a line."""
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def stages(total: int, *, quiet: bool) -> Iterator[Callable[[str], None]]:
    """A function that announces each of ``total`` stages of one command."""
    if quiet or not animated():
        yield lambda name: say(f"{name} ...", quiet=quiet)
        return
    with tqdm(
        total=total,
        bar_format="{desc} |{bar}| {n_fmt}/{total_fmt} {elapsed}",
        leave=False,
        dynamic_ncols=True,
    ) as bar:

        def announce(name: str) -> None:
            if bar.desc:
                bar.update()
            bar.set_description_str(name)

        yield announce


@contextmanager
def counted(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A function that shows how many of so many rows each of some jobs has done."""
    bar: tqdm[Any] | None = None
    name = ""

    def show(what: str, done: int, total: int) -> None:
        nonlocal bar, name
        if what != name and not quiet:
            if bar is not None:
                bar.close()
            bar = tqdm(total=total, desc=what, unit="row", leave=False, dynamic_ncols=True) if animated() else None
            if bar is None:
                say(f"{what} ...")
        name = what
        if bar is not None:
            bar.update(done - bar.n)

    try:
        yield show
    finally:
        if bar is not None:
            bar.close()


def _estimated(events: Iterable[Event], afterwards: float) -> Iterator[Event]:
    for event in events:
        yield Estimate(event.seconds + afterwards) if isinstance(event, Estimate) else event


def _watched(events: Iterable[Event], stop: Stop) -> Iterator[Event]:
    """While steps are counted the loop itself looks at ``stop``; elsewhere a signal ends the work at once."""
    for event in events:
        if isinstance(event, Stage):
            stop.patient = event.steps > 0
            if stop() and not stop.patient:
                raise KeyboardInterrupt
        if isinstance(event, Notice):  # said also where it is quiet: something went wrong
            with tqdm.external_write_mode(file=sys.stderr):
                say(f"vitral: warning: {event.sentence}")
        yield event


def _show_lines(events: Iterable[Event]) -> None:
    name = ""
    for event in events:
        if isinstance(event, Estimate):
            _announce(event)
        elif isinstance(event, Stage):
            name = event.name
            if not event.steps:
                say(f"{name} ...")
        elif isinstance(event, Epoch):
            say(f"{name}  {_described(event)}")


def _show_bars(events: Iterable[Event]) -> None:
    bar: tqdm[Any] | None = None
    try:
        for event in events:
            if isinstance(event, Estimate):
                _announce(event)
            elif isinstance(event, Stage):
                if bar is not None:
                    bar.close()
                bar = _bar(event)
            elif isinstance(event, Step) and bar is not None:
                bar.update()
            elif isinstance(event, Epoch) and bar is not None:
                bar.set_postfix_str(_described(event))
    finally:
        if bar is not None:
            bar.close()


def _bar(stage: Stage) -> tqdm[Any]:
    form = None if stage.steps else "{desc} ... {elapsed}"
    return tqdm(total=stage.steps or None, initial=stage.done, desc=stage.name, unit="step", bar_format=form,
                dynamic_ncols=True)  # fmt: skip


def _described(event: Epoch) -> str:
    validation = event.record["validation"]
    kl = "" if validation["kl"] is None else f", KL {validation['kl']:.2f}"
    error = "" if validation["sse"] is None else f", squared error {validation['sse']:.2f}"
    return f"epoch {event.record['epoch']}: validation loss {validation['loss']:.2f} nats{error}{kl}"


def _announce(estimate: Estimate) -> None:
    if estimate.seconds >= LONG:
        say(f"This will take about {duration(estimate.seconds)}.")


def duration(seconds: float) -> str:
    """Seconds, in words that suit their size."""
    if seconds < 90:
        return f"{max(round(seconds / 5) * 5, 5)} seconds"
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes" if seconds >= 300 else f"{seconds / 60:.1f} minutes"
    return f"{seconds / 3600:.1f} hours" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"
