"""What makes a map a flow: it has an inverse, and its log-determinant is the one that its Jacobian has.

Inverse and forward may agree about a wrong determinant, so the determinant is measured, column by column.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vitral.checks.check import Check, below, not_applicable
from vitral.core.arrays import Array
from vitral.core.parameters import Views
from vitral.parts.flows import AffineCoupling, MaskedAutoregressive

STEP = 1e-5
ROUND_TRIP = 1e-9
DETERMINANT = 1e-6
ORDERED = (AffineCoupling, MaskedAutoregressive)  # y_i depends on z_1 .. z_i, and on z_i affinely


def jacobian(flow: Any, p: Views, z: Array, context: Array | None = None) -> Array:
    """dy_i / dz_j of every row by central differences, (N, L, L), for z (N, L)."""
    columns = []
    for unit in np.eye(z.shape[-1]):
        above, _, _ = flow.forward(p, (z + STEP * unit)[None], context)
        under, _, _ = flow.forward(p, (z - STEP * unit)[None], context)
        columns.append((above - under)[0] / (2.0 * STEP))
    return np.stack(columns, axis=-1)


def logdet_is_slogdet(flow: Any, p: Views, z: Array, context: Array | None = None) -> Check:
    """F01: logdet is log |det dy/dz|, the determinant taken of the measured Jacobian."""
    _, logdet, _ = flow.forward(p, z[None], context)
    _, measured = np.linalg.slogdet(jacobian(flow, p, z, context))
    gap = np.abs(logdet[0] - measured) / (1.0 + np.abs(measured))
    note = f"{len(z)} rows of {z.shape[-1]} dimensions"
    return below("F01", "log-determinant of the flow", gap.max(), DETERMINANT, "relative error", note)


def inverse_of_forward(flow: Any, p: Views, z: Array, context: Array | None = None) -> Check:
    """F01: inverse(forward(z)) = z"""
    y, _, _ = flow.forward(p, z[None], context)
    gap = np.abs(flow.inverse(p, y, context)[0] - z).max()
    return below("F01", "inverse of forward", gap, ROUND_TRIP, "largest difference")


def forward_of_inverse(flow: Any, p: Views, y: Array, context: Array | None = None) -> Check:
    """F01: forward(inverse(y)) = y, also at points that forward was never asked for."""
    z = flow.inverse(p, y[None], context)
    gap = np.abs(flow.forward(p, z, context)[0][0] - y).max()
    return below("F01", "forward of inverse", gap, ROUND_TRIP, "largest difference")


def looks_back_only(flow: Any, p: Views, z: Array, context: Array | None = None) -> Check:
    """F03: y_i does not change with z_j, j > i, and changes with z_i along a straight line.

    A scale that sees its own dimension leaves the Jacobian triangular: only the straight line tells.
    """
    if not isinstance(flow, ORDERED):
        return not_applicable("F03", "each dimension sees the earlier ones", "this flow mixes its dimensions")
    y, worst = flow.forward(p, z[None], context)[0][0], 0.0
    for i, unit in enumerate(np.eye(z.shape[-1])):
        above, under = (flow.forward(p, (z + step * unit)[None], context)[0][0] for step in (1.0, -1.0))
        changed = np.abs(above - y)[:, :i].max(initial=0.0)
        bent = np.abs(above - 2.0 * y + under)[:, i].max()
        worst = max(worst, float(changed), float(bent))
    return below("F03", "each dimension sees the earlier ones", worst, ROUND_TRIP, "largest difference")
