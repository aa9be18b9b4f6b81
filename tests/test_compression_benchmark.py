"""benchmarks/compression.py: what it gives other compressors comes back, and its table says what was measured."""

import numpy as np
import pytest

from tests.applications.compression.coders import BITS, trained
from vitral.core.randomness import stream

pytest.importorskip("zstandard")


@pytest.fixture
def compression(benchmark, monkeypatch):
    """The benchmark, with one round."""
    module = benchmark("compression")
    monkeypatch.setattr(module, "ROUNDS", 1)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("subject", ["bits", "levels"])
def test_every_contestant_gives_back_what_it_was_given(compression, subject):
    rows = stream(0, "rows").integers(0, 2 if subject == "bits" else 256, (100, 784), dtype=np.uint8)
    rows[0], rows[1] = 0, rows.max()  # an image of white alone is no image of bits
    quick = {who: forms for who, forms in compression.contestants(subject).items() if who != "xz -9e"}
    for contestant in (one for forms in quick.values() for one in forms.values()):
        answer = compression.measured(contestant, rows)
        assert answer["bits_per_pixel"] == 8 * answer["bytes"] / rows.size
        assert answer["bytes"] > 0


def test_a_contestant_that_loses_something_takes_no_part(compression):
    forgetful = compression.Contestant(lambda rows: [b""], lambda files: np.zeros((5, 784), np.uint8))
    with pytest.raises(AssertionError, match="not what went in"):
        compression.measured(forgetful, np.ones((5, 784), np.uint8))


@pytest.mark.slow
def test_ours_goes_through_two_processes(compression, tmp_path):
    trained(BITS, 784).save(tmp_path / "model.safetensors")
    rows = stream(0, "rows").integers(0, 2, (40, 784), dtype=np.uint8)
    answer = compression.ours(str(tmp_path / "model.safetensors"), rows)
    assert answer["chunks"] == {"stored": 0, "zlib": 0, "model": 1}
    assert 31_360 / 8 < answer["bytes"] < 31_360 / 4  # as random as they are, and the model expects alternation
    assert answer["model"]["embedding_adds"] > 10_000
