"""What is kept of one training while it runs, so that it can be stopped at any moment and go on.

Everything lies in the last two checkpoints; the progress file is written from the same records. A state is kept after
every epoch and, in an epoch that takes longer, after every ``INTERVAL``. When it cannot be written the training goes
on, a sentence says so once, and it is tried again the next time; only at the end it has to succeed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from vitral.environment import fingerprint
from vitral.errors import ResourceError, UsageError
from vitral.study.folder import RunFolder
from vitral.training.checkpoints import Saved, differences, refuse_another
from vitral.training.loop import TrainState

INTERVAL = 60.0  # seconds from one checkpoint to the next within an epoch
SHARE = 20.0  # so many times as long as a save takes, at least


class Keeper:
    """The states, the progress and the recordings of the training ``name``.

    ``asked`` is what the training was asked for, ``every`` the seconds between two checkpoints, ``strict`` whether
    another environment is refused.
    """

    def __init__(
        self,
        name: str,
        folder: RunFolder,
        asked: Mapping[str, Any],
        *,
        every: float = INTERVAL,
        strict: bool = False,
    ) -> None:
        self.name, self.folder, self.asked, self.strict = name, folder, asked, strict
        self.checkpoints = folder.checkpoints(name)
        self.every = every
        self.seconds: list[float] = []  # of every epoch that was measured
        self.kept: dict[str, list[np.ndarray]] = {}  # recordings by name, in their order
        self.failed = 0
        self._recorded = -1  # epochs in the progress file
        self._said: list[str] = []
        self._epoch_began = self._saved_at = time.monotonic()

    def told(self) -> Iterator[str]:
        """Sentences that have not been told yet."""
        while self._said:
            yield self._said.pop(0)

    def reopened(self) -> TrainState | None:
        """The state to go on from, if there is one. Raises UsageError where it is not of this run."""
        saved, problems = self.checkpoints.load()
        if saved is None:
            return None
        self._said += [f"{problem}; going on from the checkpoint of step {saved.state.step}" for problem in problems]
        refuse_another(self.checkpoints.path, saved.asked, self.asked)
        self._compare(saved)
        self.seconds = list(saved.notes["seconds"])
        self.kept = {name: list(array) for name, array in saved.beside.items()}
        self._epoch_began = time.monotonic() - saved.notes["running"]
        return saved.state

    def _compare(self, saved: Saved) -> None:
        """Say, or refuse where it is to be strict, that the environment is another."""
        now = fingerprint(saved.state.theta.dtype.name)
        found = "; ".join(differences(saved.made_on or {}, now))
        if found and self.strict:
            raise UsageError(
                f"{self.name} was trained in another environment: {found}: use the former one, or leave --strict out"
            )
        if found:
            self._said.append(
                f"{self.name} was trained in another environment: {found}. It goes on; its numbers will be those of an "
                "uninterrupted training up to rounding, not to the last bit"
            )

    def keep(self, recorded: Mapping[str, np.ndarray]) -> None:
        """Recordings of this moment; arrays of the same name are stacked."""
        for name, array in recorded.items():
            self.kept.setdefault(name, []).append(array)

    def epoch(self) -> None:
        """An epoch was measured: its time."""
        now = time.monotonic()
        self.seconds.append(round(now - self._epoch_began, 3))
        self._epoch_began = now

    @property
    def due(self) -> bool:
        return time.monotonic() - self._saved_at >= self.every

    def save(self, state: TrainState) -> ResourceError | None:
        """Keep a state; what stood in the way is returned, told once, and no reason to stop."""
        began = time.monotonic()
        try:
            self._write(state)
        except ResourceError as error:
            self.failed += 1
            if self.failed == 1:
                self._said.append(
                    f"the checkpoint of {self.name} at step {state.step} was not written: {error}. "
                    "The training goes on, and it will be tried again"
                )
            return error
        finally:
            self._saved_at = time.monotonic()
            self.every = max(self.every, SHARE * (self._saved_at - began)) if self.every else 0.0
        return None

    def finish(self, state: TrainState) -> None:
        """Keep the last state. Raises ResourceError where it cannot be kept."""
        self._write(state)
        if self.failed:
            self._said.append(f"{self.failed} checkpoints of {self.name} were not written; its last one was")

    def _write(self, state: TrainState) -> None:
        if self._recorded != len(state.history):
            pairs = zip(state.history, self.seconds, strict=True)
            self.folder.write_records(self.name, [{**record, "seconds": seconds} for record, seconds in pairs])
            self._recorded = len(state.history)
        notes = {"seconds": self.seconds, "running": round(time.monotonic() - self._epoch_began, 3)}
        self.checkpoints.save(Saved(state, self.asked, self.recorded, notes))

    @property
    def recorded(self) -> dict[str, np.ndarray]:
        """Every recording by its name, with the moments as its first axis."""
        return {name: np.stack(arrays) for name, arrays in self.kept.items()}
