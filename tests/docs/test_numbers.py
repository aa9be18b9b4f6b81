"""Every number that a page prints about the notebook or a formula, computed again."""

import math
import re

import numpy as np

from tests.docs import pages
from vitral.parts.likelihoods import GaussianFixed
from vitral.specs import Spec

D = 784
SSE, KL = 43.8886, 3.5611  # printed by the notebook for its last training epoch
VARIANCE = SSE / D


def _assert_printed(page, *numbers):
    missing = [number for number in numbers if number not in pages.text(page)]
    assert missing == []


def test_the_constant_of_variance_one_half_is_what_the_page_says():
    """(D/2) log π for 784 pixels."""
    constant = GaussianFixed(variance=0.5).constant(D)
    assert math.isclose(constant, D / 2 * math.log(math.pi))
    for page in ("derivations/likelihoods.md", "notebook.md", "run_folder.md"):
        assert set(re.findall(r"\b44\d\.\d+", pages.text(page))) == {f"{constant:.2f}"}


def test_the_negative_elbo_of_the_notebook_is_what_the_page_says():
    """At variance 1/2, and at the variance that its residuals imply."""
    constant = GaussianFixed(variance=0.5).constant(D)
    implied = D / 2 * (math.log(2 * math.pi * VARIANCE) + 1)
    at_implied = GaussianFixed(variance=VARIANCE).constant(D) + SSE / (2 * VARIANCE)
    assert math.isclose(implied, at_implied)
    _assert_printed(
        "derivations/likelihoods.md",
        f"{SSE + KL:.2f} + {constant:.2f} = {SSE + KL + constant:.2f}",
        f"= {VARIANCE:.4f}$ (standard deviation {math.sqrt(VARIANCE):.3f})",
        f"${implied:.1f}$".replace("$-", "= -"),
        f"${implied + KL:.1f}$",
    )
    _assert_printed("notebook.md", f"{SSE + KL + constant:.2f} nats", f"{math.sqrt(0.5):.2f} a pixel")


def test_the_hidden_weights_of_the_kl_are_what_the_table_says():
    """beta = 1 / (2 c s²) at s² = 0.056, and the variance for which it is 1."""
    rows = pages.table_after(pages.text("derivations/likelihoods.md"), "### The hidden beta")
    for cell_c, cell_variance, cell_weight in (row[1:] for row in rows):
        c = _fraction(cell_c)
        weight = 1 / (2 * c * 0.056)
        assert math.isclose(_fraction(cell_variance), 1 / (2 * c))
        assert cell_weight == (f"{weight:.1f}" if weight < 100 else f"{weight:.0f}")
    assert len(rows) == 3
    _assert_printed("notebook.md", f"{1 / (2 * VARIANCE):.1f} times")


def test_the_numbers_about_other_likelihoods_are_what_the_pages_say():
    """The floor's nats, the continuous Bernoulli's mean at 10, the bounds of the links, a count of a million."""
    mean = 1 / (1 - math.exp(-10)) - 1 / 10
    at_mode = -0.5 * math.log(2 * math.pi * 1e6)
    _assert_printed(
        "derivations/likelihoods.md",
        f"{-0.5 * math.log(2 * math.pi * 1e-4):.2f} at",
        f"$o = \\pm 10$ the mean is {mean:.4f} and {1 - mean:.4f}",
        f"{math.exp(-20) * 1e9:.0f} \\cdot 10^{{-9}}$ and ${math.exp(20) / 1e8:.0f} \\cdot 10^8$",
        f"{math.exp(20) / 1e8:.1f} \\cdot 10^8$",
        f"their sum is ${at_mode:.0f}$",
        f"$\\log {1 / 0.3048:.2f}$",
    )
    _assert_printed(
        "derivations/likelihoods_8bit.md",
        f"1/{1 / (255 * math.exp(-10)):.0f} of a level",
        f"{math.exp(-10) * 1e5:.1f} \\cdot 10^{{-5}}$",
        f"{math.exp(10):,.0f}",
        f"{math.lgamma(20_000) / 1000:.0f},000",
        f"at {-math.log(1e-12):.0f} nats",
    )


def _fraction(cell):
    top, _, bottom = cell.partition("/")
    return float(top) / float(bottom or 1)


def test_the_missing_constant_of_grey_levels_is_what_the_page_says():
    """The integral of the Bernoulli expression over grey levels is tanh(o/2)/o, at most 1/2."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    x = (nodes + 1) / 2
    for o in (-5.0, -0.3, 2.0, 7.0):
        integral = (weights / 2 * np.exp(x * o - np.log1p(np.exp(o)))).sum()
        assert math.isclose(integral, math.tanh(o / 2) / o, rel_tol=1e-12)
        assert integral < 0.5
    _assert_printed("derivations/likelihoods.md", f"{D * math.log(2):.2f}")


def test_units_and_per_pixel_numbers_of_the_notebook_page():
    """Nats to bits, sums to means, batches, spreads."""
    _assert_printed(
        "notebook.md",
        f"3.56 nats are {3.56 / math.log(2):.2f} bits",
        f"takes {math.log2(10):.2f} bits",
        f"{43.0814 / D:.3f} a pixel, a root mean square of {math.sqrt(43.0814 / D):.3f}",
        f"{-(-12000 // 128)} batches, the last of {12000 % 128} images",
        f"{37.9164 - 37.8154:.2f} apart",
        f"{math.sqrt(2 / 2):.1f} in 2-D (Glorot: {math.sqrt(2 / 402):.2f})",
        f"{math.sqrt(2 / 10):.2f}, {math.sqrt(2 / 20):.2f} in 10-D, 20-D",
    )
    assert 128 / (12000 % 128) == 4 / 3
    _assert_printed("derivations/elbo.md", f"{1 / math.log(2):.4f}")
    scales = [f"{math.sqrt(2 / latent):.{digits}f}" for latent, digits in ((2, 1), (10, 2), (20, 2))]
    _assert_printed("derivations/initialisation.md", "{}, {} and {} for".format(*scales))


def test_the_mass_outside_the_linear_grid_is_what_the_page_says():
    """Share of tiles beyond a radius, and the prior's mass there, exp(-r²/2) in two dimensions."""
    axis = np.linspace(-3, 3, 15)
    radius = np.hypot(*np.meshgrid(axis, axis))
    beyond = [f"{100 * (radius > r).mean():.0f} %" for r in (3, 2)]
    mass = [f"{100 * math.exp(-r * r / 2):.1f} %" for r in (3, 2)]
    _assert_printed("notebook.md", f"{beyond[0]} of its tiles lie beyond radius 3", f"{mass[0]} of its mass")
    _assert_printed("notebook.md", f"{beyond[1]} beyond radius 2 ({mass[1]})")


def test_the_mu_shortcut_of_the_notebook_is_what_the_pages_say():
    """sigma from the KL, the predicted bias, and the differences of the printed reconstructions."""
    sigma = math.exp(-KL / 2)
    hidden = 1 - sigma**2
    gaps = [46.8261 - 45.7047, 45.3085 - 44.3938, 44.4706 - 43.6111, 43.8886 - 43.0814]
    _assert_printed(
        "derivations/mu_shortcut.md",
        f"e^{{-{KL / 2:.2f}}} = {sigma:.2f}",
        f"= {hidden:.2f}$ nats",
        "{:.2f}, {:.2f}, {:.2f} and {:.2f}".format(*gaps),
    )
    corrected = f"46.71 is about {46.709 + hidden:.1f}"
    _assert_printed("notebook.md", f"about {hidden:.2f} nats too small", corrected)


def test_the_parameter_counts_are_those_of_the_code():
    """784-400-2-400-784 with a stated variance, and with a learned one."""
    fixed = Spec(features=D, latent=2, likelihood="gaussian_fixed").build().parameters
    _assert_printed("notebook.md", f"{fixed:,}")
    _assert_printed("derivations/gradient_check.md", f"{Spec(features=D, latent=2).build().parameters:,}")
