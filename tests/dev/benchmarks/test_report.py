"""How a run of the benchmarks is put into a page."""

import pytest

from dev.benchmarks.__main__ import _HEADINGS, BEGIN, END, written_into

ABOVE, BELOW = f"# What it costs\n\n{BEGIN}\n\n", f"\n\n{END}\n\nThe end.\n"
STORMS, HOOK = (f"### {_HEADINGS[part]}" for part in ("cluster", "hook"))


def test_a_run_takes_the_place_of_the_last_one() -> None:
    """What stands around it stays; of a section its own headings are a part."""
    page = f"{ABOVE}Two cores.\n\n{STORMS}\n\nold\n\n#### More\n\nold{BELOW}"
    first = written_into(page, f"{STORMS}\n\nnew\n\n#### More\n\nnew\n\n")
    assert first == f"{ABOVE}Two cores.\n\n{STORMS}\n\nnew\n\n#### More\n\nnew{BELOW}"
    assert written_into(first, f"{STORMS}\n\nnew\n\n#### More\n\nnew\n") == first


def test_what_a_part_showed_stays_until_it_runs_again() -> None:
    """A run of some parts leaves the others, and all keep their order."""
    page = f"{ABOVE}{HOOK}\n\nold{BELOW}"
    both = written_into(page, f"{STORMS}\n\nnew\n")
    assert both == f"{ABOVE}{STORMS}\n\nnew\n\n{HOOK}\n\nold{BELOW}"


def test_a_page_without_a_place_for_it_is_refused() -> None:
    """And not written over."""
    with pytest.raises(ValueError, match="unpack"):
        written_into("# What it costs\n", "new")
