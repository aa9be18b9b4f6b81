"""The flat vector and its named views."""

from __future__ import annotations

import copy
import pickle
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitral.core.parameters import Views, count, cut, named

NAMES = st.text("abcdefgh", min_size=1, max_size=4)
TENSORS = st.lists(st.integers(0, 3), min_size=1, max_size=3).map(tuple)
SHAPES = st.recursive(TENSORS, lambda inner: st.dictionaries(NAMES, inner, max_size=4), max_leaves=8)
TREES = st.dictionaries(NAMES, SHAPES, max_size=4)

SMALL = {"encoder": {"W": (3, 2), "b": (2,)}, "scale": (1,)}


def leaves(views, prefix=""):
    """Every tensor of nested views, with its dotted name."""
    for name in views._children:
        child = getattr(views, name)
        if isinstance(child, Views):
            yield from leaves(child, f"{prefix}{name}.")
        else:
            yield prefix + name, child


@given(TREES)
def test_cut_and_named_agree_on_every_tensor_of_any_tree(shapes):
    """named says where a tensor lies, cut gives it: the same numbers, in the same shape, and all of them."""
    flat = np.arange(count(shapes), dtype=float)
    places, tensors = named(shapes), dict(leaves(cut(flat, shapes)))
    assert list(places) == list(tensors)
    for name, (place, shape) in places.items():
        np.testing.assert_array_equal(flat[place].reshape(shape), tensors[name])
    assert sum(prod(shape) for _, shape in places.values()) == flat.size


@given(TREES)
def test_named_places_follow_each_other_without_gap_or_overlap(shapes):
    end = 0
    for place, shape in named(shapes).values():
        assert (end, end + prod(shape)) == (place.start, place.stop)
        end = place.stop
    assert end == count(shapes)


@given(TREES)
def test_writing_into_every_view_writes_every_number_of_the_vector(shapes):
    flat = np.zeros(count(shapes))
    for _, tensor in leaves(cut(flat, shapes)):
        tensor += 1.0
    np.testing.assert_array_equal(np.ones(flat.size), flat)


@pytest.mark.parametrize("flat", [np.zeros(8), np.zeros(10), np.zeros((9, 1))])
def test_a_vector_of_the_wrong_length_is_refused_with_both_sizes(flat):
    with pytest.raises(ValueError, match=r"expected a flat vector of 9 parameters, got shape"):
        cut(flat, SMALL)


def test_names_are_dotted_paths():
    assert {"encoder.W": (slice(0, 6), (3, 2)), "encoder.b": (slice(6, 8), (2,)), "scale": (slice(8, 9), (1,))} == (
        named(SMALL)
    )


def test_iterating_gives_the_children_in_order():
    views = cut(np.arange(9.0), SMALL)
    assert len(views) == 2
    encoder, scale = views
    assert [child.shape for child in encoder] == [(3, 2), (2,)]
    np.testing.assert_array_equal([8.0], scale)


def test_adding_into_a_view_keeps_the_vector():
    flat = np.zeros(9)
    views = cut(flat, SMALL)
    views.encoder.b += 2.0
    np.testing.assert_array_equal([0, 0, 0, 0, 0, 0, 2, 2, 0], flat)


def test_rebinding_a_view_is_refused_and_says_what_to_write():
    views = cut(np.zeros(9), SMALL)
    with pytest.raises(AttributeError, match=r"write p\.scale\[\.\.\.\] = value"):
        views.scale = np.ones(1)
    with pytest.raises(AttributeError, match=r"do not rebind p\.new"):
        views.new = np.ones(1)


def test_an_addition_that_does_not_happen_in_place_is_refused():
    """p.b = p.b + 1 would detach the name from the vector."""
    views = cut(np.zeros(9), SMALL)
    with pytest.raises(AttributeError):
        views.encoder.b = views.encoder.b + 1.0


def test_an_unknown_name_is_an_error_that_lists_the_known_ones():
    with pytest.raises(AttributeError, match="no parameter 'decoder' here; there are: encoder, scale"):
        _ = cut(np.zeros(9), SMALL).decoder


@pytest.mark.parametrize("copier", [copy.deepcopy, copy.copy, pickle.dumps])
def test_copies_that_would_lose_the_vector_are_refused(copier):
    with pytest.raises(TypeError, match="copy the flat vector and cut it again"):
        copier(cut(np.zeros(9), SMALL))


def test_views_of_a_read_only_vector_are_read_only():
    flat = np.zeros(9)
    flat.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        cut(flat, SMALL).scale[...] = 1.0


def test_the_representation_names_the_children():
    assert repr(cut(np.zeros(9), SMALL)) == "Views(encoder, scale)"


def test_a_name_that_does_not_exist_cannot_be_set_to_none_either():
    """The last step of ``g.W += dW`` is allowed for names that exist, and for nothing else."""
    p = cut(np.zeros(2), {"b": (2,)})
    with pytest.raises(AttributeError, match="do not rebind"):
        p.unknown = None


@given(TREES)
def test_blank_views_stand_for_zeros_whatever_the_memory_holds(shapes):
    """Tensors that were looked at, and after ``fill`` those that nobody touched."""
    flat = np.full(count(shapes), np.nan)
    views = cut(flat, shapes).clear()
    for number, (_, tensor) in enumerate(leaves(views)):
        np.testing.assert_array_equal(tensor, np.zeros_like(tensor))
        if number % 2:
            break
    views.fill()
    np.testing.assert_array_equal(np.zeros(flat.size), flat)


def test_the_first_product_is_put_in_place_and_the_next_are_added():
    """Also where the tensor was looked at before, and where it has more axes than the product."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((6, 5)), rng.standard_normal((5, 4))
    flat = np.full(48, np.nan)
    g = cut(flat, {"W": (3, 2, 4), "V": (6, 4)}).clear()
    g.add_product("W", a, b)
    g.add_product("W", a, b)
    g.V[0, 0] += 1.0
    g.add_product("V", a, b)
    np.testing.assert_allclose(g.W, 2.0 * (a @ b).reshape(3, 2, 4))
    np.testing.assert_allclose(g.V, a @ b + np.eye(6, 4) * (np.arange(6) == 0)[:, None])


def test_views_that_are_iterated_are_filled_but_not_those_below():
    """A chain walks over its layers' views: that must not cost a pass over the tensors."""
    flat = np.full(count(SMALL), np.nan)
    encoder, scale = cut(flat, SMALL).clear()
    assert scale == 0.0
    assert np.isnan(flat[:8]).all()
    np.testing.assert_array_equal(encoder.W, np.zeros((3, 2)))
