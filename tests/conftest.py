"""What holds for all tests: no screen, no network, and the same Hypothesis examples every time."""

import importlib
import os
import socket
from collections import Counter
from pathlib import Path

import hypothesis
import pytest

os.environ["MPLBACKEND"] = "Agg"
# Tests use small matrices, for which the BLAS' own threads cost more than they give (docs/log.md).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

hypothesis.settings.register_profile("vitral", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("vitral")

LOCAL = ("127.", "localhost", "::1")


def pytest_collection_modifyitems(items):
    """Files with slow tests go first: begun last, one of them would leave the other cores idle at the end."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """A connection that leaves this machine is a failure: the tests need none."""
    connect = socket.socket.connect

    def local_only(self, address):
        outside = isinstance(address, tuple) and not str(address[0]).startswith(LOCAL)
        if outside:
            pytest.fail(f"a test tried to reach {address[0]}", pytrace=True)
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)


@pytest.fixture
def benchmark(monkeypatch):
    """A benchmark as a module, by name."""
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[1] / "benchmarks")
    return importlib.import_module
