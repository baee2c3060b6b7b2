"""The corpus is sound, and the reader reads it at least as well as it is said to."""

import pytest

from pod_diagnoser.api.reason_classes import ReasonClass
from tests.output.entries import Entry, entries
from tests.output.report import shown, table
from tests.output.scoring import Figures, score

ENTRIES = tuple(entries())

FLOORS = {"first": 0.98, "any": 0.98, "named": 0.95, "runtime": 0.95, "calm": 0.96}
"""Of all entries. What is reached may only rise."""

CEILINGS = {"wrong": 0.02}


@pytest.fixture(scope="module")
def figures() -> Figures:
    """Return the figures of all entries."""
    return score(ENTRIES)


def test_every_class_and_many_runtimes_are_in_it() -> None:
    """A reader cannot be good by knowing one of them."""
    assert {entry.reason_class for entry in ENTRIES} == set(ReasonClass)
    assert len({entry.runtime for entry in ENTRIES}) >= 20
    assert len(ENTRIES) == len({entry.name for entry in ENTRIES}) >= 300


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_quotes_stand_in_the_output(entry: Entry) -> None:
    """Each is a part of one line; what explains nothing has none."""
    lines = entry.log.splitlines()
    if entry.has_cause:
        assert entry.quotes
        assert any(quote in line for quote in entry.quotes for line in lines)
    elif entry.reason_class is ReasonClass.NOTHING:
        assert not entry.quotes


@pytest.mark.parametrize(("name", "floor"), FLOORS.items())
def test_is_read_as_well_as_before(figures: Figures, name: str, floor: float) -> None:
    """The shares of what is right."""
    assert figures.share(name) >= floor


@pytest.mark.parametrize(("name", "ceiling"), CEILINGS.items())
def test_is_not_read_worse_than_before(figures: Figures, name: str, ceiling: float) -> None:
    """The share of what is worse than silence."""
    assert figures.share(name) <= ceiling


def test_page_shows_the_figures() -> None:
    """docs/output.md holds the table of this corpus: ``make output-score`` writes it."""
    assert shown() == table()
