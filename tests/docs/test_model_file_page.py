"""docs/model_file.md is a specification: a file is taken apart as the page describes it."""

import hashlib
import json
import struct

import numpy as np
import pytest

from tests.docs import pages
from vitral.data.contract import Contract
from vitral.errors import FileError
from vitral.persistence import FORMAT_VERSION, HEADER_LIMIT, TENSOR_LIMIT, load_model, save_model
from vitral.specs import Spec

PAGE = pages.text("model_file.md")
CONTRACT = Contract(6, (2, 3), "uint8", 255.0, 0.0, 1.0, "pixel intensity")


@pytest.fixture
def written(tmp_path):
    """A model file, its spec and its parameters."""
    spec = Spec(features=6, latent=2, encoder={"hidden": [5]}, decoder={"hidden": [4]}, image_shape=(2, 3))
    theta = spec.build().init(seed=0)
    path = tmp_path / "tiny.safetensors"
    save_model(path, spec, theta, CONTRACT.to_dict(), {"epochs": 3}, "0.1.0")
    return path, spec, theta


def _taken_apart(path):
    """Header and tensors, read with the standard library as the page says."""
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    metadata = header.pop("__metadata__")
    assert list(metadata) == ["vitral"]
    facts = json.loads(metadata["vitral"])
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        dtype = {"F32": "<f4", "F64": "<f8"}[entry["dtype"]]
        tensors[name] = np.frombuffer(content[8 + length :][start:end], dtype).reshape(entry["shape"])
    return facts, tensors


def _keys_of_the_page():
    return {row[0].strip("`") for row in pages.table_after(PAGE, "## Metadata")}


def test_the_metadata_keys_are_those_of_the_page(written):
    """No key more and no key less than documented."""
    facts, _ = _taken_apart(written[0])
    assert set(facts) == _keys_of_the_page()
    assert (facts["kind"], facts["format_version"]) == ("model", FORMAT_VERSION)
    assert set(facts["spec"]) == set(written[1].to_dict())
    for key in [*facts["spec"], *facts["contract"]]:
        assert f"`{key}`" in PAGE


def test_the_digest_is_made_as_the_page_says(written):
    """SHA-256 over `name|dtype|shape|` and the bytes, in the order of the names."""
    facts, tensors = _taken_apart(written[0])
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name}|{tensors[name].dtype.str}|{tensors[name].shape}|".encode("ascii"))
        digest.update(tensors[name].tobytes())
    assert facts["sha256"] == digest.hexdigest()


def test_the_tensors_of_the_default_model_are_those_of_the_page():
    """Names and shapes of 784-400-2-400-784 with a learned variance."""
    from vitral.core.parameters import named

    for name, (_, shape) in named(Spec(features=784, latent=2).build().shapes).items():
        assert f"`{name}`" in PAGE
        assert str(shape) in PAGE


def test_the_digest_of_the_file_is_made_as_the_page_says(written):
    """SHA-256 of all bytes, its own 64 digits counted as zeros; and one of every tensor."""
    content = written[0].read_bytes()
    facts, tensors = _taken_apart(written[0])
    said = facts["file_sha256"].encode("ascii")
    assert content.count(said) == 1
    assert hashlib.sha256(content.replace(said, b"0" * 64)).hexdigest() == said.decode()
    each = {
        name: hashlib.sha256(f"{name}|{array.dtype.str}|{array.shape}|".encode() + array.tobytes()).hexdigest()
        for name, array in tensors.items()
    }
    assert facts["tensors_sha256"] == each


def test_reading_gives_back_what_was_written(written):
    """Spec, parameters, contract and facts, bit for bit."""
    path, spec, theta = written
    file = load_model(path)
    assert file.spec.to_dict() == spec.to_dict()
    np.testing.assert_array_equal(file.theta, theta)
    assert Contract.from_dict(file.contract) == CONTRACT
    assert file.facts == {"epochs": 3}


def test_a_damaged_byte_is_noticed(written):
    """One bit of one weight turned over fails the digest."""
    path = written[0]
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(FileError, match="SHA-256"):
        load_model(path)


def test_the_version_and_the_header_limit_are_those_of_the_page():
    """The page states them."""
    assert f"format version {FORMAT_VERSION}" in pages.headings(PAGE, 1)[0]
    assert f"{HEADER_LIMIT:,} bytes" in PAGE
    assert f"{TENSOR_LIMIT:,} tensors" in PAGE
