"""An output is read alike, however it was wrapped, coloured, padded, repeated or cut."""

import pytest

from pod_diagnoser.diagnosis.output import read_output
from tests.output.entries import Entry, entries
from tests.output.mutations import MUTATIONS, mutated, unwrapped
from tests.output.scoring import Figures

ENTRIES = tuple(entries())


def _is_read_right(entry: Entry, log: str) -> bool:
    """Say whether the first line quoted of a log is right, or that it holds no reason is said."""
    reading = read_output(log)
    if not entry.has_cause:
        return reading.reason_class is entry.reason_class
    return bool(reading.lines) and entry.is_quoted_by(unwrapped(reading.lines[0]))


READ_RIGHT = frozenset(entry.name for entry in ENTRIES if _is_read_right(entry, entry.log))

LONG = {"cut in mid-line": 4, "200 lines before": 4}
"""Of mutations that make long outputs each so many-th entry is enough."""

FLOOR = 0.99
"""Of the entries of which the reason is found as they stand, how many are read right changed."""


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_is_read_as_it_was_before(mutation: str) -> None:
    """Nearly all of the entries; at least one is changed."""
    changed = {
        entry.name: _is_read_right(entry, log)
        for entry in ENTRIES[:: LONG.get(mutation, 1)]
        if entry.name in READ_RIGHT and (log := mutated(entry, mutation)) is not None
    }
    misread = [name for name, right in changed.items() if not right]
    assert changed
    assert len(misread) <= (1 - FLOOR) * len(changed), misread


def test_shares_are_of_what_they_say() -> None:
    """Wrong of those with a cause, calm of those without, the class of those found."""
    figures = Figures(cause=10, first=8, wrong=1, named=6, quiet=4, calm=3)
    assert (figures.share("first"), figures.share("wrong")) == (0.8, 0.1)
    assert (figures.share("named"), figures.share("calm")) == (0.75, 0.75)
