"""The three steps by hand of docs/derivations/optimisers.md, repeated with the code."""

import numpy as np
import pytest

from tests.docs import pages
from vitral.parts.optimisers import SGD, Adam, Adamax, AdamW, Momentum

PAGE = pages.text("derivations/optimisers.md")
CASES = {
    "**SGD**": SGD(),
    "**Momentum**": Momentum(rho=0.9),
    "**Adam**": Adam(b1=0.9, b2=0.999, eps=1e-8),
    "**AdamW**, with": AdamW(decay=0.1),
    "**Adamax**": Adamax(),
}


def _numbers(cell):
    return np.array([float(number) for number in cell.split(",")])


def _shares(optimiser):
    """What the page's averages are of the code's state: Adam's sums come without the factors 1 - b1 and 1 - b2."""
    adam = isinstance(optimiser, Adam | AdamW)
    return {"m": 1 - optimiser.b1 if adam else 1.0, "v": 1 - optimiser.b2 if adam else 1.0, "u": 1.0}


@pytest.mark.parametrize("marker", list(CASES))
def test_the_hand_computed_steps_equal_the_code(marker):
    """Gradient, state and parameters of every row agree to the digits that the page prints."""
    optimiser = CASES[marker]
    theta = np.array([1.0, 0.5])
    state, share = optimiser.start(theta), _shares(optimiser)
    rows = pages.table_after(PAGE, marker)
    for t, (step, grad_cell, *state_cells, theta_cell) in enumerate(rows, start=1):
        grad = theta * [1.0, 4.0]
        assert int(step) == t
        np.testing.assert_allclose(_numbers(grad_cell), grad, rtol=0, atol=5.1e-7)
        optimiser.step(theta, grad, state, t=t, rate=0.1)
        for cell, name in zip(state_cells, state, strict=True):
            np.testing.assert_allclose(_numbers(cell), share[name] * state[name], rtol=0, atol=5.1e-7)
        np.testing.assert_allclose(_numbers(theta_cell), theta, rtol=0, atol=5.1e-7)
    assert len(rows) == 3


def test_the_step_that_the_page_spells_out_is_right():
    """The second Adam step of the first coordinate, with the intermediate numbers of the text."""
    m, v = 0.9 * 0.1 + 0.1 * 0.9, 0.999 * 0.001 + 0.001 * 0.81
    corrected = m / (1 - 0.9**2), v / (1 - 0.999**2)
    step = 0.1 * corrected[0] / np.sqrt(corrected[1])
    for number in (*corrected, step, 0.9 - step):
        assert f"{number:.6f}" in PAGE
    assert f"{v:.6f}" in PAGE


def test_the_defaults_on_the_page_are_the_defaults_of_the_code():
    """rho 0.9; b1 0.9, b2 0.999, eps 1e-8."""
    assert r"$\rho = 0.9$; $b_1 = 0.9$, $b_2 = 0.999$, $\mathrm{eps} = 10^{-8}$" in PAGE
    assert r"with the decay $\lambda = 0.01$" in PAGE
    assert AdamW().decay == 0.01
    assert (Momentum().rho, Adam().b1, Adam().b2, Adam().eps) == (0.9, 0.9, 0.999, 1e-8)
