"""What a posterior hands on: a draw of z, its log density, and the parameters it came from."""

from __future__ import annotations

from typing import NamedTuple

from vitral.core.arrays import Array


class Sampled(NamedTuple):
    """z (K, N, L), log q(z given x) (K, N), and the parameters (N, L) where the posterior has them."""

    z: Array
    log_qz: Array | None
    mu: Array
    logvar: Array | None
