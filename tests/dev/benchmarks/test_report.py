"""How a run of the benchmarks is put into a page."""

import pytest

from dev.benchmarks.__main__ import BEGIN, END, written_into


def test_a_run_takes_the_place_of_the_last_one() -> None:
    """What stands around it stays."""
    page = f"# What it costs\n\n{BEGIN}\n\nold\n\n{END}\n\nThe end.\n"
    first = written_into(page, "new\n")
    assert first == f"# What it costs\n\n{BEGIN}\n\nnew\n\n{END}\n\nThe end.\n"
    assert written_into(first, "new\n") == first


def test_a_page_without_a_place_for_it_is_refused() -> None:
    """And not written over."""
    with pytest.raises(ValueError, match="unpack"):
        written_into("# What it costs\n", "new")
