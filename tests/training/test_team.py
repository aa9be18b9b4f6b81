"""Helpers: every member does its share of every job, and nothing of them is left behind."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from vitral.errors import ResourceError
from vitral.training import team
from vitral.training.team import Processes, Team, safe_to_fork, team_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="helper processes are for Linux")


@pytest.mark.parametrize("kind", [Team, Processes])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_every_member_does_its_share_of_every_job(kind, size):
    """A thousand jobs of two names, with numbers and without, in their order."""
    with kind(size) as members:
        shares = members.share(np.zeros((size, 3)))

        def add(rank, number):
            shares[rank] += number

        def double(rank):
            shares[rank] *= 2.0

        members.start({"add": add, "double": double})
        for number in range(500):
            members.call("add", float(number % 3))
            if number % 100 == 0:
                members.call("double")
    expected = 0.0
    for number in range(500):
        expected = (expected + number % 3) * (2.0 if number % 100 == 0 else 1.0)
    np.testing.assert_array_equal(shares, np.full((size, 3), expected))


@pytest.mark.parametrize("kind", [Team, Processes])
def test_what_a_helper_raises_is_raised_by_the_call(kind):
    """With its own words, and only when every other member has finished."""
    with kind(2) as members:
        seen = members.share(np.zeros(2))

        def fails(rank, which):
            if rank == which:
                raise FloatingPointError(f"member {rank}")
            time.sleep(0.05)
            seen[rank] += 1.0

        members.start({"fails": fails})
        for which in (0, 1):
            with pytest.raises(FloatingPointError, match=f"member {which}"):
                members.call("fails", which)
    assert seen.tolist() == [1.0, 1.0]


def test_a_helper_that_is_killed_is_reported_and_nothing_hangs():
    """As the kernel does it when memory runs out."""
    with Processes(2) as members:
        members.start({"rest": lambda rank: time.sleep(0.2)})
        os.kill(members.helpers[0][0], signal.SIGKILL)
        with pytest.raises(ResourceError, match=r"helper process of the training has ended \(exit code -9\)"):
            members.call("rest")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_every_process_is_the_first_one_s_to_answer(number):
    """Ctrl-C and `timeout` reach the whole group: the helpers go on until the first process lets them go."""
    with Processes(2) as members:
        done = members.share(np.zeros(2))
        members.start({"count": lambda rank: done.__setitem__(rank, done[rank] + 1.0)})
        members.call("count")
        os.kill(members.helpers[0][0], number)
        members.call("count")
    assert done.tolist() == [2.0, 2.0]


def test_helpers_outlive_a_pause_and_end_with_their_team():
    """A pause longer than they look without sleeping; afterwards no process is left, not even a dead one."""
    with Processes(3) as members:
        done = members.share(np.zeros(3))
        members.start({"count": lambda rank: done.__setitem__(rank, done[rank] + 1.0)})
        processes = [process for process, _ in members.helpers]
        for _ in range(3):
            members.call("count")
            time.sleep(0.1)
    assert done.tolist() == [3.0, 3.0, 3.0]
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


ORPHANS = """
import os, sys, numpy as np
from vitral.training.team import Processes
members = Processes(3)
members.start({"nothing": lambda rank: None})
members.call("nothing")
print(*[process for process, _ in members.helpers], flush=True)
os.kill(os.getpid(), 9)
"""


def test_helpers_end_when_the_first_process_is_killed():
    """They see their pipe closed; the output that they inherited is closed as well, so nobody waits for it."""
    answer = subprocess.run([sys.executable, "-c", ORPHANS], capture_output=True, text=True, timeout=30)
    assert answer.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 5.0
    for process in map(int, answer.stdout.split()):
        while os.path.exists(f"/proc/{process}/fd") and time.monotonic() < deadline:  # noqa: PTH110
            time.sleep(0.01)
        assert not os.path.exists(f"/proc/{process}/fd/3")  # noqa: PTH110


def test_a_process_with_other_threads_is_not_copied(monkeypatch):
    """The locks of its other threads would stay locked in the copy."""
    code = (
        "import threading, time; from vitral.training.team import safe_to_fork; print(safe_to_fork());"
        "threading.Thread(target=time.sleep, args=(0.5,)).start(); print(safe_to_fork())"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    machine = os.uname().machine == "x86_64"
    assert answer.stdout.split() == [str(machine), "False"]
    monkeypatch.setattr(team.platform, "machine", lambda: "aarch64")
    assert not safe_to_fork()


def test_a_team_of_one_needs_no_helper():
    assert type(team_of(1, processes=True)) is Team
    assert type(team_of(2, processes=False)) is Team
    assert type(team_of(2, processes=True)) is Processes
