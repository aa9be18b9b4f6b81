"""What a compressed file says of itself is believed only where it can be checked."""

from dataclasses import replace

import numpy as np
import pytest

from tests.applications.compression.coders import BITS, LEVELS, coder, drawn
from vitral.applications.compression.archive import (
    block_bytes,
    compress,
    compressed,
    decompress,
    decompressed,
    verify,
)
from vitral.applications.compression.container import Block, assembled, crc_of, parsed
from vitral.applications.compression.originals import of_array
from vitral.data.refusals import SMALL
from vitral.errors import FileError


def test_an_embedded_model_that_is_not_the_one_named_is_refused():
    """Under right checksums: the block of another model in the place of the one that coded the rows."""
    content, other = (compress(drawn(kind, 20), coder(kind), embed=True) for kind in (BITS, LEVELS))
    (header, blocks), (theirs, their_blocks) = parsed("f", content), parsed("g", other)
    swapped = replace(header, model=replace(header.model, embedded=theirs.model.embedded))
    with pytest.raises(FileError, match="f is damaged: the model in it is not the one that its header names"):
        decompressed("f", assembled(swapped, [their_blocks[0], *blocks[1:]]), None)
    assert np.array_equal(decompress(content), drawn(BITS, 20))


def test_a_block_that_promises_too_much_is_refused_before_anything_is_unpacked():
    few = b"\x78\x9c"
    with pytest.raises(FileError, match=f"a block of 2 bytes promises {SMALL + 1:,}"):
        block_bytes("f", Block(len(few), crc_of(few), SMALL + 1), few)


@pytest.mark.parametrize("changes", [{"kind": "idx"}, {"fortran": True}, {"beside": b"header"}], ids=str)
def test_a_file_that_would_come_back_as_another_file_is_not_kept(changes):
    """Equal rows are not enough: kind, order and header of the file count as well."""
    original = of_array(drawn(BITS, 20))
    content = compressed(original, coder(BITS), embed=False)
    verify(content, original, coder(BITS))
    with pytest.raises(FileError, match="what was written would not come back as it was, and nothing was kept"):
        verify(content, original._replace(**changes), coder(BITS))
