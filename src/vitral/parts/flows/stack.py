"""Flows one after the other, and the ready stacks that a prior or a posterior names."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from vitral.core import arrays
from vitral.core.arrays import Array
from vitral.core.parameters import Shapes, Views
from vitral.errors import UsageError, unknown
from vitral.parts.flows.autoregressive import MaskedAutoregressive
from vitral.parts.flows.coupling import AffineCoupling
from vitral.parts.flows.flow import Backward
from vitral.parts.flows.permutation import exchange, reversal, riffle

KINDS = {"autoregressive": MaskedAutoregressive, "coupling": AffineCoupling}


@dataclass(frozen=True)
class Stack:
    """y = f_n(... f_2(f_1(z)))        logdet = Σ_i logdet_i

    dz = f_1'(... f_n'(dy)), where every f_i' is also handed dlogdet: a sum passes its gradient on to each term
    """

    flows: tuple[Any, ...]
    latent: int
    context: int = 0

    @property
    def shapes(self) -> Shapes:
        return {str(index): flow.shapes for index, flow in enumerate(self.flows)}

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        for flow, views in zip(self.flows, p, strict=True):
            flow.init(views, rng)

    def forward(self, p: Views, z: Array, context: Array | None = None) -> tuple[Array, Array, Backward]:
        logdet, backwards = arrays.zeros(z.shape[:-1], like=z), []
        for flow, views in zip(self.flows, p, strict=True):
            z, more, flow_backward = flow.forward(views, z, context)
            logdet += more
            backwards.append(flow_backward)

        def backward(dy: Array, dlogdet: Array, g: Views, dcontext: Array | None = None) -> Array:
            for flow_backward, views in zip(reversed(backwards), reversed(tuple(g)), strict=True):
                dy = flow_backward(dy, dlogdet, views, dcontext)
            return dy

        return z, logdet, backward

    def inverse(self, p: Views, y: Array, context: Array | None = None) -> Array:
        for flow, views in zip(reversed(self.flows), reversed(tuple(p)), strict=True):
            y = flow.inverse(views, y, context)
        return y


def stack(
    kind: str, latent: int, layers: int, hidden: tuple[int, ...], bound: float, context: int = 0
) -> Stack:
    """``layers`` flows of one kind, with reorderings between them.

    Coupling: the halves change places after every odd layer, so that two layers move everything, and are
    dealt anew after every even one, so that other dimensions share a half. Autoregressive: reversal.
    """
    _check(kind, layers, hidden, bound)
    flow = KINDS[kind](latent, tuple(hidden), bound, context)
    between = (reversal, reversal) if kind == "autoregressive" else (exchange, riffle)
    flows: list[Any] = [flow] if layers else []
    for layer in range(1, layers):
        flows += [between[(layer - 1) % 2](latent), flow]
    return Stack(tuple(flows), latent, context)


def _check(kind: str, layers: int, hidden: Any, bound: float) -> None:
    """Refuse sizes and names that do not exist."""
    if kind not in KINDS:
        raise unknown("flow", kind, KINDS)
    if isinstance(layers, bool) or not isinstance(layers, int) or layers < 0:
        raise UsageError(f"layers of a flow must be a whole number of at least 0, got {layers!r}: 6 is usual")
    widths = hidden if isinstance(hidden, tuple | list) else (None,)
    if any(isinstance(width, bool) or not isinstance(width, int) or width < 1 for width in widths):
        raise UsageError(
            f"hidden of a flow must be a list of positive whole numbers, got {hidden!r}: write for example [128]"
        )
    if isinstance(bound, bool) or not isinstance(bound, int | float) or not 0.0 < bound < math.inf:
        raise UsageError(f"bound of a flow must be a positive number, got {bound!r}: 2.0 is usual")
