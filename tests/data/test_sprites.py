"""Sprites: every combination of factors once, drawn whole, and no two alike."""

import hashlib
import itertools

import numpy as np
import pytest

from vitral.data import load_data
from vitral.data.sprites import NAMES, ORDERED, VALUES, grid, sprites
from vitral.errors import DataError, UsageError

# SHA-256 of the stored levels of the default set: drawn from formulas, so equal on every machine.
DIGEST = "a576740e4b5cf2c0080745f677510d0c7c46ea13bfbd11a3019b1627d49b4620"


def pictures(*, size=32, **factors):
    """The images (n, size, size) of one value for each factor; a list asks for several values."""
    given = [np.atleast_1d(factors.get(name, 0)) for name in NAMES]
    whole = grid(size)
    return whole.rows.stored[whole.index(list(itertools.product(*given)))].reshape(-1, size, size)


def middle(images):
    """The centre of mass (row, column) of every image, in pixels."""
    places = np.arange(images.shape[-1]) + 0.5
    mass = images.sum(axis=(1, 2), dtype=float)
    return np.stack([(images.sum(axis=axis) * places).sum(axis=1) / mass for axis in (2, 1)], axis=1)


def test_every_combination_is_there_once():
    """3 x 4 x 10 x 8 x 8 = 7,680 rows, whose factors count through all values in order."""
    whole = grid()
    assert whole.rows.stored.shape == (7680, 1024)
    expected = list(itertools.product(*map(range, VALUES)))
    np.testing.assert_array_equal(expected, whole.factors)
    assert len(NAMES) == len(VALUES) == len(ORDERED) == 5


def test_no_two_images_are_equal():
    """So every factor can be read from its image; orientation would not, over a whole turn of a square."""
    assert len(np.unique(grid().rows.stored, axis=0)) == 7680


def test_the_pixels_are_the_same_everywhere():
    """The digest of all levels is the one that was recorded."""
    assert hashlib.sha256(grid().rows.stored.tobytes()).hexdigest() == DIGEST


def test_any_combination_is_found_by_its_factors():
    """Row, factors and image belong together, for one combination and for an array of them."""
    whole = grid()
    asked = np.random.default_rng(0).integers(0, VALUES, (3, 7, 5))
    np.testing.assert_array_equal(asked, whole.factors[whole.index(asked)])
    assert whole.index([0, 0, 0, 0, 0]) == 0
    assert whole.index([2, 3, 9, 7, 7]) == 7679


@pytest.mark.parametrize("wrong", [[0, 0, 0, 0], [3, 0, 0, 0, 0], [0, 0, 0, 0, -1], [0.0, 0, 0, 0, 0]])
def test_factors_that_do_not_exist_are_refused(wrong):
    """Too few, too large, negative, or not whole: the sentence lists the factors."""
    with pytest.raises(DataError, match="shape, scale, orientation, x, y"):
        grid().index(wrong)


def test_no_shape_is_cut_off_at_the_border():
    """Moving a shape moves its pixels and changes none: all 64 positions hold the same levels."""
    whole = grid()
    images = whole.rows.stored.reshape(*VALUES, 32, 32)
    mass = images.sum(axis=(-1, -2), dtype=np.int64)
    assert (mass == mass[..., :1, :1]).all()
    corner = images[:, :, :, 0, 0, :18, :18]
    np.testing.assert_array_equal(corner, images[:, :, :, 7, 3, 6:24, 14:32])


def test_x_and_y_move_by_two_pixels():
    """x counts from the left, y from the top."""
    along_x, along_y = (middle(pictures(shape=2, scale=3, **{name: list(range(8))})) for name in ("x", "y"))
    np.testing.assert_allclose(np.diff(along_x, axis=0), np.tile([0.0, 2.0], (7, 1)), atol=1e-9)
    np.testing.assert_allclose(np.diff(along_y, axis=0), np.tile([2.0, 0.0], (7, 1)), atol=1e-9)


def test_the_area_of_a_shape_is_that_of_its_formula():
    """Square 2 r², ellipse π r²/2, heart by quadrature, within one part in fifty at every scale."""
    radii = 8.5 * np.array([0.5, 2 / 3, 5 / 6, 1.0])
    a = np.linspace(-1.3, 1.3, 2601)
    b = a[:, None]
    heart = ((a * a + b * b - 1.0) ** 3 <= a * a * b**3).sum() * (a[1] - a[0]) ** 2 / 1.25**2
    for shape, area in enumerate((2.0, np.pi / 2.0, heart)):
        drawn = pictures(shape=shape, scale=[0, 1, 2, 3], orientation=4).sum(axis=(1, 2)) / 255.0
        np.testing.assert_allclose(drawn, area * radii**2, rtol=0.02)


def test_orientation_turns_counter_clockwise_by_nine_degrees():
    """The long axis of the ellipse, from its second moments."""
    places = np.arange(32) + 0.5
    angles = []
    for image in pictures(shape=1, scale=3, orientation=list(range(10)), x=4, y=4):
        row, column = middle(image[None])[0]
        up, right = (row - places)[:, None], (places - column)[None, :]
        spread = [(image * part).sum() for part in (right * right, up * up, right * up)]
        angles.append(np.degrees(0.5 * np.arctan2(2 * spread[2], spread[0] - spread[1])))
    np.testing.assert_allclose(angles, 9.0 * np.arange(10), atol=0.5)


def test_edges_are_smooth():
    """Between black and white there are levels: the pixels on an edge."""
    turned = pictures(shape=0, scale=3, orientation=3)
    assert ((turned > 0) & (turned < 255)).sum() > 20
    assert turned.max() == 255


def test_another_size_is_the_same_plan():
    """Nothing cut off, and the share of lit pixels that of the default size."""
    stored = grid(64).rows.stored
    assert stored.shape == (7680, 4096)
    mass = stored.sum(axis=1, dtype=np.int64).reshape(VALUES)
    assert (mass == mass[..., :1, :1]).all()
    assert stored.mean() == pytest.approx(grid().rows.stored.mean(), rel=0.01)


@pytest.mark.parametrize("size", [0, 48, 32.0, True])
def test_a_size_that_does_not_fit_is_refused(size):
    """Positions are whole pixels, so a side is a multiple of 32."""
    with pytest.raises(UsageError, match="multiple of 32"):
        grid(size)


def test_the_set_is_loaded_by_its_name():
    """80 / 10 / 10 by the seed, shapes as labels, values in [0, 1]."""
    data = load_data("sprites")
    assert (len(data.train), len(data.validation), len(data.test)) == (6144, 768, 768)
    assert data.classes == [0, 1, 2]
    assert data.contract.image_shape == (32, 32)
    x = data.train.take(slice(None))
    assert (x.min(), x.max()) == (0.0, 1.0)
    assert sprites().contract == data.contract


def test_nobody_writes_into_the_shared_images():
    """The set is drawn once and handed to everyone, read-only."""
    with pytest.raises(ValueError, match="read-only"):
        grid().rows.stored[0, 0] = 1
