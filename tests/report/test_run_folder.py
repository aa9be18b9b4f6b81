"""A run folder is read as it is, and refused in one sentence where it cannot be."""

import json

import numpy as np
import pytest

from tests.report.synthetic import write_run
from vitral.errors import FileError, ResourceError
from vitral.report.run_folder import read_run, write_text


@pytest.fixture
def own(tmp_path):
    return write_run(tmp_path / "run")


def test_models_are_ordered_by_kind_and_latent_size(run):
    assert run.ordered == ["latent-2", "latent-3", "autoencoder-2"]


def test_further_seeds_are_found_in_the_order_of_their_numbers(own):
    for seed in (10, 9):
        (own / "progress" / f"latent-2-seed{seed}.jsonl").write_text(json.dumps({"epoch": seed}) + "\n")
    found = [records[0]["epoch"] for records in read_run(own).seed_progress("latent-2")]
    assert found == [0, 9, 10]


def test_a_folder_without_metrics_is_refused_with_what_is_needed(tmp_path):
    with pytest.raises(FileError, match=r"no metrics\.json in .* needs the folder of a finished run"):
        read_run(tmp_path)


def test_a_newer_schema_is_refused(own):
    metrics = json.loads((own / "metrics.json").read_text())
    (own / "metrics.json").write_text(json.dumps(metrics | {"schema": 2}))
    with pytest.raises(FileError, match="schema 2, this version reads up to 1"):
        read_run(own)


@pytest.mark.parametrize("content", ["{", "[1, 2]"])
def test_damaged_metrics_are_refused(own, content):
    (own / "metrics.json").write_text(content)
    with pytest.raises(FileError, match=r"metrics\.json"):
        read_run(own)


def test_damaged_arrays_are_refused(own):
    content = (own / "arrays.npz").read_bytes()
    (own / "arrays.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(FileError, match=r"cannot read .*arrays\.npz: .*run the study again"):
        read_run(own)


def test_arrays_of_objects_are_not_unpickled(own):
    np.savez(own / "arrays.npz", originals=np.array([{"a": 1}], dtype=object))
    with pytest.raises(FileError, match="object"):
        read_run(own)


def test_a_last_progress_line_that_was_cut_short_is_left_out(own):
    path = own / "progress" / "latent-2.jsonl"
    path.write_text(path.read_text() + '{"epoch": 4, "tra')
    assert [record["epoch"] for record in read_run(own).progress["latent-2"]] == [0, 1, 2, 3]


def test_a_damaged_line_in_the_middle_of_progress_is_refused(own):
    path = own / "progress" / "latent-2.jsonl"
    path.write_text('{"epoch": 0, "tra\n' + path.read_text())
    with pytest.raises(FileError, match=r"latent-2\.jsonl, line 1"):
        read_run(own)


def test_an_unwritable_place_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError, match=r"cannot write .*report\.html"):
        write_text(tmp_path / "file" / "report.html", "text")
