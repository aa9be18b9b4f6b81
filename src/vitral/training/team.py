"""Several members that do a job at once, each its own share: this process and its helpers.

    with team_of(2) as team:
        total = team.share(np.zeros((2, 5)))
        team.start({"fill": lambda rank, number: total[rank].fill(number)})
        team.call("fill", 3.0)                  # every member has done its share when this returns

The helpers are processes where that is safe, and threads elsewhere; the numbers are the same. Threads of Python take
turns: between two products they ask for the interpreter's lock a hundred times a step, and where a thread is slow to
wake, two of them are no faster than one. A helper process is a copy of this one (fork), with a lock of its own. It
shares the team's arrays, and waits for its next job by looking at the memory, not by sleeping (docs/log.md).
"""

from __future__ import annotations

import mmap
import os
import platform
import select
import signal
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import ClassVar

import numpy as np

from vitral.allocator import keep_freed_memory
from vitral.core.arrays import Array
from vitral.errors import ResourceError

Jobs = Mapping[str, Callable[..., None]]  # name -> job(rank, *numbers)

SPINS = 30_000  # looks at the memory, about 3 ms, before a waiting member leaves the core to others
PAUSE = 0.001  # seconds from one look to the next after that
NUMBERS = 3  # that a job may be given


def team_of(size: int, *, processes: bool | None = None) -> Team:
    """A team of so many members; ``processes`` None takes processes where they are safe."""
    return Processes(size) if size > 1 and (safe_to_fork() if processes is None else processes) else Team(size)


def safe_to_fork() -> bool:
    """Whether a copy of this process would be whole and understand the team's signs.

    A copy has one thread, and the locks of the others stay locked in it: there must be no others. The signs are plain
    writes to memory, which x86-64 shows to the other cores in their order.
    """
    known = sys.platform == "linux" and platform.machine() == "x86_64"
    return known and len(sys._current_frames()) == 1


class Team:
    """Members that are threads; a team of one is this thread alone.

    ``apart`` tells whether each member has a memory of its own, but for what is shared.
    """

    apart: ClassVar[bool] = False

    def __init__(self, size: int) -> None:
        self.size = size
        self.jobs: Jobs = {}

    def __enter__(self) -> Team:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.jobs and self.size > 1:
            self._pool.shutdown()

    def share(self, array: Array) -> Array:
        """The same numbers in an array that all members see; to be asked for before the start."""
        return array

    def start(self, jobs: Jobs) -> None:
        """From here on the members wait for these jobs."""
        self.jobs = jobs
        if self.size > 1:
            self._pool = ThreadPoolExecutor(self.size - 1)

    def call(self, name: str, *numbers: float) -> None:
        """The job, done by every member; what a member raises is raised here."""
        others = [self._pool.submit(self.jobs[name], rank, *numbers) for rank in range(1, self.size)]
        self.jobs[name](0, *numbers)
        for other in others:
            other.result()


class Processes(Team):
    """Members of which all but this one are copies of this process, made at the start.

    The board holds the number of the latest job, which job it is, how many numbers it is given and these; another row
    holds the number of the job that each member has done last, negative where it failed. The number of a job is written
    last, so whoever sees it sees all.
    """

    apart: ClassVar[bool] = True

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.helpers: list[tuple[int, int]] = []  # process, and the pipe that it sees closed when this process ends
        self._board = self.share(np.zeros(3 + NUMBERS))
        self._done = self.share(np.zeros(size))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, pipe in self.helpers:
            os.close(pipe)
        for process, _ in self.helpers:
            os.waitpid(process, 0)
        self.helpers = []

    def share(self, array: Array) -> Array:
        memory = mmap.mmap(-1, max(array.nbytes, 1))  # every copy of this process sees the same pages
        shared = np.frombuffer(memory, array.dtype, array.size).reshape(array.shape)
        shared[...] = array
        return shared

    def start(self, jobs: Jobs) -> None:
        self.jobs = jobs
        for rank in range(1, self.size):
            ours, theirs = os.pipe()[::-1]
            process = os.fork()
            if process == 0:
                self._help(rank, theirs)
            os.close(theirs)
            self.helpers.append((process, ours))

    def call(self, name: str, *numbers: float) -> None:
        self._board[1:3] = list(self.jobs).index(name), len(numbers)
        self._board[3 : 3 + len(numbers)] = numbers
        self._board[0] += 1.0
        try:
            self.jobs[name](0, *numbers)
        finally:
            failed = [rank for rank in range(1, self.size) if not self._wait_for(rank)]
        for rank in failed:  # done here once more, it fails here as well, with its own words
            self.jobs[name](rank, *numbers)

    def _wait_for(self, rank: int) -> bool:
        """Wait until a helper has done the latest job; False where it failed."""
        done, number, looks = self._done, self._board[0], 0
        while abs(done[rank]) != number:
            looks += 1
            if looks > SPINS:
                select.select([], [], [], PAUSE)
                self._look_after(rank)
        return bool(done[rank] > 0.0)

    def _look_after(self, rank: int) -> None:
        process, pipe = self.helpers[rank - 1]
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            os.close(pipe)
            del self.helpers[rank - 1]
            raise ResourceError(
                f"a helper process of the training has ended (exit code {os.waitstatus_to_exitcode(status)}), as when "
                "memory runs out: close other programs, and go on from the last checkpoint"
            )

    def _help(self, rank: int, pipe: int) -> None:
        """The life of a helper: nothing of what this process was a copy of happens twice, and no file stays open."""
        try:
            for number in (signal.SIGINT, signal.SIGTERM):  # they may reach every process; the first one decides
                signal.signal(number, signal.SIG_IGN)
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, 0)
            os.dup2(nothing, 1)
            os.closerange(3, pipe)
            os.closerange(pipe + 1, os.sysconf("SC_OPEN_MAX"))
            keep_freed_memory()
            job = 0.0
            while self._posted(job, pipe):
                job += 1.0
                self._do(rank, job)
        finally:
            os._exit(0)  # without a word: the first process repeats what failed, and says why

    def _posted(self, number: float, pipe: int) -> bool:
        """Wait for the job after this one; False where there will be none, because the first process is gone."""
        board, looks = self._board, 0
        while board[0] == number:
            looks += 1
            if looks > SPINS and select.select([pipe], [], [], PAUSE)[0]:
                return False
        return True

    def _do(self, rank: int, number: float) -> None:
        """The latest job; an error ends the helper, once its failure stands on the board."""
        which, count = self._board[1:3].astype(int)
        outcome = -number
        try:
            self.jobs[list(self.jobs)[which]](rank, *self._board[3 : 3 + count].tolist())
            outcome = number
        finally:
            self._done[rank] = outcome
