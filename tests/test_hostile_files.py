"""Model files that are damaged, or made to mislead: each gets its sentence, and none gets memory."""

import hashlib
import json
import re
import struct
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.numpy import load

from vitral import Spec
from vitral.api import load_file
from vitral.data.contract import Contract
from vitral.errors import FileError, UsageError
from vitral.persistence import HEADER_LIMIT, TENSOR_LIMIT, load_model, load_tensors, save_model, save_tensors

CONTRACT = Contract(6, (2, 3), "uint8", 255.0, 0.0, 1.0, "pixel intensity").to_dict()
SPEC = Spec(features=6, latent=2, encoder={"hidden": [5]}, decoder={"hidden": [4]}, image_shape=(2, 3))
META = {"vitral": json.dumps({"kind": "model", "format_version": 1})}
A = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
B = {"dtype": "F32", "shape": [2], "data_offsets": [8, 16]}


@pytest.fixture
def written(tmp_path):
    """A small model file and its bytes."""
    path, facts = tmp_path / "small.safetensors", {"note": "café", "seed": 3}
    save_model(path, SPEC, SPEC.build().init(3), CONTRACT, facts, "0.1.0", {"test": {"elbo": -1.0}})
    return path, path.read_bytes()


def framed(header, body=b""):
    """A file with this header: text, bytes or something for JSON."""
    text = header if isinstance(header, str | bytes) else json.dumps(header)
    packed = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(packed)) + packed + body


def tensors(body=bytes(16), **listed):
    """A file of tensors with good metadata."""
    return framed({"__metadata__": META, **listed}, body)


# The corpus: what was tried on the plain library, with what Vitral says.
CORPUS = {
    "empty": (b"", "is cut short, or no safetensors file: it has 0 bytes; restore it from a copy"),
    "short": (b"\x10\x00\x00", "is cut short, or no safetensors file: it has 3 bytes; restore it from a copy"),
    "length 2^63": (
        struct.pack("<Q", 2**63) + b"{}",
        "is not a safetensors file: its first 8 bytes announce a header of 9,223,372,036,854,775,808 bytes, "
        "and at most 33,554,432 are read; give another path",
    ),
    "length > 100 MB": (
        struct.pack("<Q", 100_000_001) + b"{}",
        "is not a safetensors file: its first 8 bytes announce a header of 100,000,001 bytes, and at most "
        "33,554,432 are read; give another path",
    ),
    "not JSON": (
        framed("nope"),
        "is not a Vitral file: its header cannot be read as JSON; give another path",
    ),
    "not UTF-8": (framed(b"{\xff\xfe}"), "is not a Vitral file: its header is no text; give another path"),
    "JSON array": (framed("[]"), "is not a Vitral file: its header is no JSON object; give another path"),
    "hole": (
        tensors(bytes(24), a=A, b={**B, "data_offsets": [16, 24]}),
        "is damaged: tensor 'b' leaves a hole before it, at byte 8 of the data; restore it from a copy",
    ),
    "trailing bytes": (
        tensors(bytes(19), a=A, b=B),
        "is damaged: 3 bytes behind its last tensor belong to none; restore it from a copy",
    ),
    "truncated": (
        tensors(bytes(15), a=A, b=B),
        "is damaged: it is cut short: tensor 'b' ends at byte 16 of the data, and 15 are there; restore it from a copy",
    ),
    "overlap": (
        tensors(bytes(12), a=A, b={**B, "data_offsets": [4, 12]}),
        "is damaged: tensor 'b' overlaps the one before it, at byte 4 of the data; restore it from a copy",
    ),
    "shape mismatch": (
        tensors(a={**A, "shape": [3]}, b=B),
        "is damaged: tensor 'a' of shape [3] needs 12 bytes, and 8 are given; restore it from a copy",
    ),
    "shape overflow": (
        tensors(a={**A, "shape": [4194305, 4194305]}, b=B),
        "is damaged: tensor 'a' of shape [4194305, 4194305] needs 70,368,777,732,100 bytes, and 8 are given; "
        "restore it from a copy",
    ),
    "negative dimension": (
        tensors(a={**A, "shape": [-2]}, b=B),
        "is damaged: the shape of tensor 'a' is not a list of at most 32 whole numbers; restore it from a copy",
    ),
    "duplicate key": (
        framed(json.dumps({"__metadata__": META, "a": A})[:-1] + ', "a": ' + json.dumps(A) + "}", bytes(8)),
        "is damaged: its header has the key 'a' twice; restore it from a copy",
    ),
    "unknown dtype": (
        tensors(a={**A, "dtype": "X9"}, b=B),
        ": tensor 'a' has dtype 'X9', which Vitral does not read: convert it to one of BOOL, I8, I16, "
        "I32, I64, U8, U16, U32, U64, F16, F32, F64",
    ),
    "reversed offsets": (
        tensors(a={**A, "data_offsets": [8, 0]}, b=B),
        "is damaged: the data_offsets of tensor 'a' are not a first and a last byte; restore it from a copy",
    ),
    "non-string metadata": (
        framed({"__metadata__": {"vitral": 3}, "a": A}, bytes(8)),
        "is not a Vitral file: its metadata are not one text under 'vitral'; give another path",
    ),
    "NaN weights": (None, ": tensor 'encoder.0.W' holds NaN or infinite weights; train the model again"),
    "BF16": (
        tensors(a={**A, "dtype": "BF16", "shape": [4]}, b=B),
        ": tensor 'a' has dtype 'BF16', which Vitral does not read: convert it to one of BOOL, I8, I16, "
        "I32, I64, U8, U16, U32, U64, F16, F32, F64",
    ),
    "zero size, huge": (
        tensors(bytes(8), a=A, z={"dtype": "F32", "shape": [0, 2**62], "data_offsets": [8, 8]}),
        "is damaged: tensor 'z' holds nothing, and has the shape [0, 4611686018427387904]; restore it from a copy",
    ),
    "a scalar, saved": (None, None),
}
# The published patterns, and relatives of them.
PATTERNS = {
    "FP8": (tensors(a={**A, "dtype": "F8_E4M3", "shape": [8]}, b=B), "tensor 'a' has dtype 'F8_E4M3'"),
    "no tensor of the spec": (tensors(a=A, b=B), "SHA-256 does not match its tensors"),
    "shape product wraps to 0": (
        tensors(a={**A, "shape": [2**32, 2**32]}, b=B),
        "tensor 'a' of shape [4294967296, 4294967296] needs 73,786,976,294,838,206,464 bytes",
    ),
    "zero size inside another": (
        tensors(a=A, z={"dtype": "F32", "shape": [0], "data_offsets": [4, 4]}, b=B),
        "tensor 'z' overlaps the one before it",
    ),
    "one tensor twice": (tensors(bytes(8), a=A, b=A), "tensor 'b' overlaps the one before it"),
    "offset beyond the file": (
        tensors(a=A, b={**B, "data_offsets": [8, 2**62]}),
        "ends at byte 4,611,686,018,427,387,904",
    ),
    "negative offset": (tensors(a={**A, "data_offsets": [-8, 0]}, b=B), "not a first and a last byte"),
    "three offsets": (tensors(a={**A, "data_offsets": [0, 4, 8]}, b=B), "not a first and a last byte"),
    "offsets are words": (tensors(a={**A, "data_offsets": ["0", "8"]}, b=B), "not a first and a last byte"),
    "offsets are true": (tensors(a={**A, "data_offsets": [False, True]}, b=B), "not a first and a last byte"),
    "fractions": (tensors(a={**A, "shape": [2.0]}, b=B), "not a list of at most 32 whole numbers"),
    "infinite": (
        framed(json.dumps({"__metadata__": META, "a": A}).replace("[2]", "[1e999]"), bytes(8)),
        "whole numbers",
    ),
    "33 axes": (tensors(a={**A, "shape": [1] * 32 + [2]}, b=B), "not a list of at most 32 whole numbers"),
    "more keys": (
        tensors(a={**A, "strides": [4]}, b=B),
        "not described by its dtype, shape and data_offsets",
    ),
    "an entry is a list": (tensors(a=[], b=B), "not described by its dtype, shape and data_offsets"),
    "dtype is a list": (tensors(a={**A, "dtype": ["F32"]}, b=B), "which Vitral does not read"),
    "100,000 tensors": (
        framed(
            {"__metadata__": META}
            | {f"t{i}": {"dtype": "U8", "shape": [1], "data_offsets": [i, i + 1]} for i in range(100_000)},
            bytes(10**7),
        ),
        "it lists 100,000 tensors, and at most 65,536 are read",
    ),
    "deep": (framed("[" * 5_000), "cannot be read as JSON"),
    "deep metadata": (framed({"__metadata__": {"vitral": "[" * 5_000}}), "cannot be read as JSON"),
    "header bloat": (framed("{" + '"a":{},' * 200_000 + '"b":1}'), "far more entries than a file of"),
    "bloat behind escapes": (
        framed('{"__metadata__":{"vitral":"[' + "\\u007b\\u007d\\u002c" * 50_000 + '1]"}}'),
        "far more entries than a file of",
    ),
    "a number of 5,000 digits": (framed('{"a": ' + "1" * 5000 + "}"), "cannot be read as JSON"),
    "metadata of another tool": (
        framed({"__metadata__": {"format": "pt"}, "a": A}, bytes(8)),
        "not one text under 'vitral'",
    ),
    "two texts": (
        framed({"__metadata__": {**META, "x": "y"}, "a": A}, bytes(8)),
        "not one text under 'vitral'",
    ),
    "no metadata": (framed({"a": A}, bytes(8)), "not one text under 'vitral'"),
    "metadata is a list": (framed({"__metadata__": {"vitral": "[1]"}}), "its metadata is no JSON object"),
    "a repeated key of the metadata": (
        framed({"__metadata__": {"vitral": '{"kind": "model", "kind": "model"}'}}),
        "its metadata has the key 'kind' twice",
    ),
    "a checkpoint": (
        framed({"__metadata__": {"vitral": '{"kind": "checkpoint"}'}}),
        "not a Vitral model file, but 'checkpoint'",
    ),
    "version 0": (
        framed({"__metadata__": {"vitral": '{"kind": "model", "format_version": 0}'}}),
        "its format version is 0",
    ),
    "version as a word": (
        framed({"__metadata__": {"vitral": '{"kind": "model", "format_version": "2"}'}}),
        "its format version is '2'",
    ),
    "a newer version": (
        framed({"__metadata__": {"vitral": '{"kind": "model", "format_version": 99, "vitral": "7.0"}'}}),
        "has format version 99 and was written by Vitral 7.0; this Vitral reads versions up to 2: install a newer one",
    ),
    "a pickle": (b"\x80\x04\x95" + bytes(60), "is cut short, or no safetensors file"),
    "a zip": (b"PK\x03\x04\x14\x00\x06\x00" + bytes(60), "is not a safetensors file"),
}


@pytest.mark.parametrize("case", [case for case in CORPUS if CORPUS[case][0] is not None])
def test_the_corpus_of_malformed_files_gets_these_sentences(tmp_path, case):
    """Path first, then what is wrong, then what to do; whole and exact."""
    path, (content, sentence) = tmp_path / "odd.safetensors", CORPUS[case]
    path.write_bytes(content)
    with pytest.raises(FileError) as refused:
        load_model(path)
    assert str(refused.value) in (f"{path} {sentence}", f"{path}{sentence}")


def test_the_two_cases_of_the_corpus_that_no_header_shows(tmp_path):
    """NaN in the weights is refused by the name of the tensor; a NumPy number is stored as an array of no axes."""
    theta = SPEC.build().init(0)
    theta[2] = np.nan
    path = tmp_path / "nan.safetensors"
    save_model(path, SPEC, theta, CONTRACT, {}, "0")
    with pytest.raises(FileError) as refused:
        load_model(path)
    assert str(refused.value) == f"{path}{CORPUS['NaN weights'][1]}"
    save_tensors(path, {"a": np.float32(3.5)}, {"kind": "test"})
    assert load_tensors(path, "test")[0]["a"].shape == ()
    assert len(CORPUS) == 22


@pytest.mark.parametrize("case", PATTERNS)
def test_published_attacks_are_refused_without_memory(tmp_path, case):
    """One FileError that names the file; reading and decoding it is nearly all that is allocated."""
    path, (content, sentence) = tmp_path / "hostile.safetensors", PATTERNS[case]
    path.write_bytes(content)
    tracemalloc.start()
    with pytest.raises(FileError) as refused:
        load_model(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sentence in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert peak < 2 * len(content) + 2**20


@pytest.mark.parametrize("piece", ['"a":{"b":1},', "[[]],", "[{}],", '{"a":[1]},'])
def test_a_header_as_large_as_allowed_is_refused_before_it_is_parsed(tmp_path, piece):
    """What a header may become in memory is estimated from its braces, brackets and commas."""
    path = tmp_path / "bloat.safetensors"
    start = "[" if piece[0] in "[{" else "{"
    path.write_bytes(framed(start + piece * (2**22 // len(piece)) + ("1]" if start == "[" else '"z":1}')))
    tracemalloc.start()
    with pytest.raises(FileError, match="far more entries"):
        load_model(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * path.stat().st_size


@pytest.mark.parametrize("mask", [0x01, 0x03, 0x20, 0xFF])
def test_every_flipped_byte_is_noticed(written, mask):
    """Length, header, padding, spec, contract, facts, metrics, digests, tensors: no byte can change unseen."""
    path, content = written
    for position in range(len(content)):
        damage = bytearray(content)
        damage[position] ^= mask
        path.write_bytes(damage)
        with pytest.raises(FileError, match="small"):
            load_model(path)


def test_every_cut_is_noticed(written):
    """A file of any shorter length is no model, and neither is a longer one."""
    path, content = written
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(FileError, match="small"):
            load_model(path)
    path.write_bytes(content + b"\x00")
    with pytest.raises(FileError, match="1 bytes behind its last tensor"):
        load_model(path)


def test_the_damaged_tensor_is_named(written):
    """A bit of each tensor in turn; and a bit of the facts, where every tensor is whole."""
    path, content = written
    end = 8 + struct.unpack("<Q", content[:8])[0]
    for name, entry in json.loads(content[8:end]).items():
        if name != "__metadata__":
            damage = bytearray(content)
            damage[end + entry["data_offsets"][0]] ^= 1
            path.write_bytes(damage)
            with pytest.raises(FileError, match=f"the SHA-256 of tensor '{re.escape(name)}' does not match"):
                load_model(path)
    path.write_bytes(content.replace(rb"\"seed\": 3", rb"\"seed\": 4"))
    with pytest.raises(FileError, match=r"does not match its header .* every tensor is whole"):
        load_model(path)


def forged(path, content, change):
    """The file with its metadata changed and the digest of the file made to fit."""
    end = 8 + struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:end])
    facts = json.loads(header["__metadata__"]["vitral"])
    change(facts)
    facts["file_sha256"] = "0" * 64
    header["__metadata__"]["vitral"] = json.dumps(facts)
    made = framed(header, content[end:])
    digest = hashlib.sha256(made).hexdigest().encode()
    path.write_bytes(made.replace(b"0" * 64, digest, 1))


def set_spec(**changes):
    return lambda facts: facts["spec"].update(changes)


FORGED = {
    "nothing": (lambda facts: None, None),
    "no spec": (lambda facts: facts.pop("spec"), "spec is missing"),
    "the spec is a list": (lambda facts: facts.update(spec=[]), "spec is missing"),
    "facts are a text": (lambda facts: facts.update(facts="x"), "facts is missing"),
    "metrics are a list": (lambda facts: facts.update(metrics=[1]), "its metrics are no table"),
    "an unknown key": (set_spec(laten=3), "unknown key of a model spec: 'laten'"),
    "an unknown network": (set_spec(encoder={"kind": "mpl"}), "unknown network 'mpl'"),
    "a network of absurd width": (
        set_spec(encoder={"hidden": [10**15]}),
        "sizes that 102 numbers cannot have",
    ),
    "a flow of absurd depth": (set_spec(posterior={"kind": "flow", "layers": 10**9}), "cannot have"),
    "a number for a network": (set_spec(encoder=5), "its spec describes no model"),
    "a number for a shape": (set_spec(image_shape=5), "its spec describes no model"),
    "a shape of words": (
        set_spec(image_shape=["a", "b"], encoder="conv"),
        "image_shape must be a positive whole number",
    ),
    "features are a word": (set_spec(features="6"), "features must be a positive whole number"),
    "another latent": (set_spec(latent=3), "its spec says float32 of"),
    "another network": (set_spec(encoder={"hidden": [5, 5]}), "does not fit its own spec"),
    "a contract without features": (
        lambda facts: facts["contract"].pop("features"),
        "holds a contract of data",
    ),
    "a contract with more": (lambda facts: facts["contract"].update(colour=1), "holds a contract of data"),
    "a shape of a contract": (
        lambda facts: facts["contract"].update(image_shape=5),
        "holds a contract of data",
    ),
}


@pytest.mark.parametrize("case", FORGED)
def test_metadata_made_to_fit_its_digest_are_read_with_suspicion(written, case):
    """Whoever makes a file can make its digest: what it says is checked all the same."""
    path, content = written
    change, sentence = FORGED[case]
    forged(path, content, change)
    if sentence is None:
        assert load_file(path).spec.features == 6
        return
    with pytest.raises(FileError) as refused:
        load_file(path)
    assert sentence in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_missing_digest_is_no_way_around_it(written):
    """Format 2 without its file's digest is damaged, and so is one whose digest stands twice."""
    path, content = written
    path.write_bytes(content.replace(b"file_sha256", b"file_sha255"))
    with pytest.raises(FileError, match="damaged"):
        load_model(path)


@settings(max_examples=150)
@given(st.binary(max_size=400))
def test_noise_is_refused(tmp_path_factory, noise):
    """Bytes of any kind, alone and as a header: a FileError and nothing else."""
    path = tmp_path_factory.getbasetemp() / "noise.safetensors"
    for content in (noise, framed(noise)):
        path.write_bytes(content)
        with pytest.raises(FileError):
            load_file(path)


@settings(max_examples=150)
@given(
    st.lists(
        st.tuples(st.integers(0, 2**16), st.binary(min_size=1, max_size=9), st.booleans()),
        min_size=1,
        max_size=4,
    )
)
def test_a_mutated_file_loads_or_is_refused(tmp_path_factory, mutations):
    """Bytes put in or put over, in the header and in the metadata that its digest was made to fit."""
    path = tmp_path_factory.getbasetemp() / "mutated.safetensors"
    save_model(path, SPEC, SPEC.build().init(3), CONTRACT, {}, "0.1.0")
    content = path.read_bytes()
    text = json.loads(content[8 : 8 + struct.unpack("<Q", content[:8])[0]])["__metadata__"]["vitral"]
    for at, piece, over in mutations:
        at %= len(content)
        content = content[:at] + piece + content[at + len(piece) * over :]
        words = piece.decode("latin-1")
        text = text[: at % len(text)] + words + text[at % len(text) + len(words) * over :]
    for made in (content, framed({"__metadata__": {"vitral": text}, "a": A}, bytes(8))):
        path.write_bytes(made)
        with suppress(FileError, UsageError):
            load_file(path)


def test_what_is_read_is_what_the_plain_library_reads(written):
    """Two readers of one format: ours, and safetensors'. What ours refuses is refused there, or is no model."""
    path, content = written
    ours, _ = load_tensors(path, "model")
    theirs = load(content)
    assert set(ours) == set(theirs)
    for name, array in ours.items():
        np.testing.assert_array_equal(array, theirs[name])
    for case in ("hole", "trailing bytes", "overlap", "shape mismatch", "shape overflow", "reversed offsets"):
        with pytest.raises(SafetensorError):
            load(CORPUS[case][0])


ARRAYS = {
    "transposed": np.arange(6.0).reshape(2, 3).T,
    "Fortran": np.asfortranarray(np.arange(9.0).reshape(3, 3)),
    "strided": np.arange(20.0)[::3],
    "reversed": np.arange(10.0)[::-2],
    "no axes": np.array(2.5, np.float32),
    "a NumPy number": np.float64(2.5),
    "empty": np.empty((0, 3), np.float32),
    "big-endian": np.arange(5, dtype=">f8"),
    "big-endian integers": np.arange(5, dtype=">i4")[::-1],
    "broadcast": np.broadcast_to(np.float32(1.5), (2, 3)),
    "half": np.arange(4, dtype=np.float16),
    "bytes": np.arange(4, dtype=np.uint8)[::-1],
    "true and false": np.array([[True, False], [False, False]]).T,
    "a list": [1.0, 2.0],
}


@pytest.mark.parametrize("case", ARRAYS)
def test_arrays_in_any_memory_order_are_written_right(tmp_path, case):
    """The library stores memory as it lies; most of these would come back scrambled."""
    path, array = tmp_path / "tensors.safetensors", ARRAYS[case]
    save_tensors(path, {"a": array, "b": np.float32([1.0])}, {"kind": "test"})
    again = load_tensors(path, "test")[0]["a"]
    np.testing.assert_array_equal(again, array)
    assert (again.shape, again.dtype) == (np.shape(array), np.asarray(array).dtype.newbyteorder("="))


@pytest.mark.parametrize(
    "name, array, said",
    [
        ("a", np.array([None]), "tensor 'a' has dtype object: a file holds BOOL"),
        ("a", np.array(["x"]), "tensor 'a' has dtype <U1"),
        ("a", np.array([1j]), "tensor 'a' has dtype complex128"),
        ("a", np.array([1], "datetime64[s]"), r"tensor 'a' has dtype datetime64\[s\]"),
        ("a", np.zeros(2, [("x", "f4")]), "tensor 'a' has dtype "),
        ("a", np.ma.masked_array([1.0, 2.0], [True, False]), "a file keeps no mask"),
        ("", np.zeros(1), "cannot be stored under the name ''"),
        ("__metadata__", np.zeros(1), "cannot be stored under the name '__metadata__'"),
    ],
)
def test_what_a_file_cannot_hold_is_refused_by_name(tmp_path, name, array, said):
    """Before anything is written."""
    with pytest.raises(UsageError, match=said):
        save_tensors(tmp_path / "a.safetensors", {name: array}, {"kind": "test"})
    assert list(tmp_path.iterdir()) == []


def test_a_writer_that_changes_a_number_is_caught(tmp_path, monkeypatch):
    """What was encoded is read back and compared before it replaces anything."""
    import safetensors.numpy as library

    real = library.save
    monkeypatch.setattr(
        library,
        "save",
        lambda arrays, metadata: real({n: a + (n == "b") for n, a in arrays.items()}, metadata),
    )
    with pytest.raises(FileError, match="would not be read back as it is"):
        save_tensors(tmp_path / "a.safetensors", {"a": np.zeros(2), "b": np.zeros(2)}, {"kind": "test"})
    assert list(tmp_path.iterdir()) == []


def test_loading_allocates_at_most_twice_the_file(tmp_path):
    """The bytes once, the parameters once, and little beside them."""
    spec = Spec(features=2000, latent=8, encoder={"hidden": [500]}, decoder={"hidden": [500]})
    path = tmp_path / "large.safetensors"
    save_model(path, spec, spec.build().init(0), {"features": 2000}, {}, "0")
    size = path.stat().st_size
    load_model(path)
    tracemalloc.start()
    file = load_model(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(file.theta) * 4 > 0.99 * size > 7_000_000
    assert peak < 2.05 * size


@pytest.mark.slow
def test_a_contract_of_thirty_thousand_columns_fits(tmp_path):
    """What the caps are for: a mixed table with long names, a tensor and a likelihood for every column."""
    columns = 30_000
    named = [
        {"name": f"a column with quite a long name {i:06}", "kind": "number", "categories": None}
        for i in range(columns)
    ]
    contract = {"features": columns, "columns": named, "location": [0.123456789012345] * columns,
                "spread": [0.123456789012345] * columns}  # fmt: skip
    spec = {"likelihood": {"kind": "mixed", "columns": [{"kind": "gaussian", "floor": 1e-4}] * columns}}
    tensors = {f"likelihood.{i}.raw": np.zeros(1, np.float32) for i in range(columns)}
    tensors |= {name: np.zeros((columns, 8), np.float32) for name in ("encoder.0.W", "decoder.0.W")}
    path = tmp_path / "wide.safetensors"
    save_tensors(path, tensors, {"kind": "model", "spec": spec, "contract": contract, "facts": {}})
    again, metadata = load_tensors(path, "model")
    assert metadata["contract"] == contract
    assert len(again) == columns + 2 < TENSOR_LIMIT / 2
    assert struct.unpack("<Q", path.read_bytes()[:8])[0] < HEADER_LIMIT / 2


@pytest.mark.parametrize("place", ["missing", "folder"])
def test_what_is_no_file_is_refused(tmp_path, place):
    """A missing file, a folder, and, where there are some, a pipe or a device that would never end."""
    path = tmp_path if place == "folder" else tmp_path / "missing.safetensors"
    with pytest.raises(FileError, match="cannot read"):
        load_model(path)
