"""Cells of a terminal: without rich the same as with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len, set_cell_size

from pod_diagnoser.cli.renderers.cells import measure_by_unicode, resize_by_unicode

TEXTS = st.text(st.sampled_from("ab-1 äß\u0301日本한、é"), max_size=12)


@given(TEXTS)
def test_the_same_as_rich(text: str) -> None:
    """For letters of any width, and marks above them."""
    assert measure_by_unicode(text) == cell_len(text)


@given(TEXTS, st.integers(0, 20))
def test_a_text_takes_the_cells_that_it_is_given(text: str, cells: int) -> None:
    """Never more and never less, although half of a wide letter cannot be shown."""
    assert measure_by_unicode(resize_by_unicode(text, cells)) == cells


@pytest.mark.parametrize("text", ["日本", "a日", "ab"])
@pytest.mark.parametrize("cells", range(6))
def test_cut_and_filled_as_by_rich(text: str, cells: int) -> None:
    """So tables look the same."""
    assert resize_by_unicode(text, cells) == set_cell_size(text, cells)
