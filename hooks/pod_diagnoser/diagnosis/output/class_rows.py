"""Which words tell which class, as rows of which the first that is found counts. Pure."""

import re
from collections.abc import Iterable

from pod_diagnoser.api.reason_classes import ReasonClass


class ClassRows:
    """Rows of a class and a pattern of the words that tell it.

    Args:
        rows: those, the surest first.
    """

    def __init__(self, rows: Iterable[tuple[ReasonClass, str]]) -> None:
        self._rows = tuple((name, re.compile(words)) for name, words in rows)

    def find(self, text: str) -> ReasonClass | None:
        """Return the class of the first row whose words stand in a text, or None."""
        for name, words in self._rows:
            if words.search(text):
                return name
        return None
