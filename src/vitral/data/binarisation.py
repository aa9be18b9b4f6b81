"""Binarisation, a property of the data: how grey levels become the bits that a Bernoulli likelihood scores.

A pixel of intensity v in [0, 1] becomes 1 with probability v. "static" draws every bit once, from the seed;
"dynamic" draws the training bits anew for every minibatch, and the others once. Likelihoods of the two are not
comparable: for one network they differ by 2 to 4 nats on MNIST (Burda et al. 2016, tables 1 and 3). Rows that
are bits already stay as they are.
"""

from __future__ import annotations

from dataclasses import replace

from vitral.core.randomness import stream
from vitral.data.contract import Bits, Data, drawn_bits
from vitral.errors import DataError, unknown

BINARISATIONS = ("none", "static", "dynamic")


def binarised(data: Data, how: str, *, seed: int) -> Data:
    """The same data as bits; "none" leaves it as it is.

    Raises DataError where the values do not lie in [0, 1], UsageError for a name that does not exist.
    """
    if how not in BINARISATIONS:
        raise unknown("binarisation", how, BINARISATIONS)
    contract = data.contract
    if how != "none" and data.train.block:
        raise DataError(
            f"binarisation draws bits of all rows in memory, and {data.name!r} is read from its file in blocks: "
            "save the bits themselves as .npy (uint8)"
        )
    if how == "none" or contract.binary:
        return data
    if contract.missing or contract.location is not None:
        raise DataError(f"binarisation is for grey levels, and data {data.name!r} are a table: leave it out")
    if contract.low < 0.0 or contract.high > 1.0:
        raise DataError(
            f"binarisation needs values in [0, 1], got data {data.name!r} with others: "
            "scale the data, or set data.binarise to 'none'"
        )
    train, validation, test = (
        drawn_bits(rows, stream(seed, f"bits {name}")) for name, rows in data.parts().items()
    )
    unit = f"bits, drawn from the intensities ({how}, seed {seed})"
    drawn = replace(contract, stored="uint8", scale=1.0, low=0.0, high=1.0, unit=unit, binary=True,
                    bits=Bits(how, seed, contract.scale))  # fmt: skip
    grey = data.train if how == "dynamic" else None
    return replace(data, train=train, validation=validation, test=test, contract=drawn, grey=grey)
