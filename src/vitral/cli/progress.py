"""The events of a training, shown: bars on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from tqdm import tqdm

from vitral.study.run import Estimate, Event, Stage
from vitral.training.loop import Epoch, Step

LONG = 20.0  # seconds; what takes less needs no warning


class Stop:
    """Set by the first Ctrl-C or termination signal, read between two steps; the second one quits at once."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __call__(self) -> bool:
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        return 143 if self.signal == signal.SIGTERM else 130

    def _asked(self, number: int, frame: Any) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number
        click.echo("\nfinishing this step and saving; once more to quit at once", err=True)


@contextmanager
def stopping() -> Iterator[Stop]:
    """A Stop that listens to Ctrl-C and SIGTERM while the block runs."""
    stop = Stop()
    previous = {number: signal.signal(number, stop._asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def show(events: Iterable[Event], *, quiet: bool) -> None:
    """Consume the events of a study or a training."""
    if quiet:
        for _ in events:
            pass
        return
    if sys.stderr.isatty():
        _show_bars(events)
    else:
        _show_lines(events)


def _show_lines(events: Iterable[Event]) -> None:
    name = ""
    for event in events:
        if isinstance(event, Estimate):
            _announce(event)
        elif isinstance(event, Stage):
            name = event.name
            if not event.steps:
                click.echo(f"{name} ...", err=True)
        elif isinstance(event, Epoch):
            click.echo(f"{name}  {_described(event)}", err=True)


def _show_bars(events: Iterable[Event]) -> None:
    bar: tqdm[Any] | None = None
    try:
        for event in events:
            if isinstance(event, Estimate):
                _announce(event)
            elif isinstance(event, Stage):
                if bar is not None:
                    bar.close()
                bar = tqdm(total=event.steps or None, initial=event.done, desc=event.name, unit="step",
                           bar_format=None if event.steps else "{desc} ... {elapsed}", dynamic_ncols=True)
            elif isinstance(event, Step) and bar is not None:
                bar.update()
            elif isinstance(event, Epoch) and bar is not None:
                bar.set_postfix_str(_described(event))
    finally:
        if bar is not None:
            bar.close()


def _described(event: Epoch) -> str:
    validation = event.record["validation"]
    kl = "" if validation["kl"] is None else f", KL {validation['kl']:.2f}"
    return f"epoch {event.record['epoch']}: validation loss {validation['loss']:.2f} nats, squared error {validation['sse']:.2f}{kl}"


def _announce(estimate: Estimate) -> None:
    if estimate.seconds >= LONG:
        click.echo(f"This will take about {duration(estimate.seconds)}.", err=True)


def duration(seconds: float) -> str:
    """Seconds, in words that suit their size."""
    if seconds < 90:
        return f"{max(round(seconds / 5) * 5, 5)} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds >= 300 else f"{seconds / 60:.1f} minutes"
