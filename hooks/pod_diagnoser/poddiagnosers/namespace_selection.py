"""Which namespaces a ClusterPodDiagnoser selects, as its two controllers tell each other. Pure.

The controller that publishes has the Namespaces in its requests; the one that reports has not,
since they would come with each crash. Nor does it request what it needs by a ``namespaceSelector``:
Metacontroller then goes through all namespaces at each sync, which costs as much. An annotation of
the ClusterPodDiagnoser says what matters of them. It changes with each namespace that comes or
goes, so that the status is worked out again.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pod_diagnoser.api.diagnostics_v1 import GROUP
from pod_diagnoser.poddiagnosers.short_hashes import short_hash

SELECTED_NAMESPACES: Final = f"{GROUP}/selected-namespaces"
"""The annotation: how many namespaces are selected, a hash of their names, and one of each name."""

MAX_LISTED: Final = 10_000
"""Of how many namespaces the names are told."""

_VALUE: Final = re.compile(r"(\d{1,9}) [-\w]{8}(?: ((?:[-\w]{4})*))?", re.ASCII)
_NAME_BYTES, _NAME_CHARACTERS = 3, 4


@dataclass(frozen=True, slots=True)
class NamespaceSelection:
    """Which namespaces are selected.

    Attributes:
        count: how many; None as long as they have not been counted.
        hashes: the hashes of their names; None where any namespace may be one.
    """

    count: int | None = None
    hashes: frozenset[str] | None = None

    def __contains__(self, namespace: str) -> bool:
        """Return whether a namespace is selected; of 10,000 others one may seem to be."""
        return self.hashes is None or short_hash(namespace, _NAME_BYTES) in self.hashes


def selection_annotation(names: Iterable[str], *, everything: bool) -> dict[str, str]:
    """Return the annotation.

    Args:
        names: of the namespaces that are selected.
        everything: whether these are all that there are, whatever they are called.
    """
    found = sorted(names)
    value = f"{len(found)} {short_hash('/'.join(found))}"
    if not everything and len(found) <= MAX_LISTED:
        value += " " + "".join(short_hash(name, _NAME_BYTES) for name in found)
    return {SELECTED_NAMESPACES: value}


def read_selection(annotations: Mapping[str, str]) -> NamespaceSelection:
    """Read the annotation; where it is absent, or none of ours, nothing is known."""
    found = _VALUE.fullmatch(annotations.get(SELECTED_NAMESPACES, ""))
    if found is None:
        return NamespaceSelection()
    count, text = int(found[1]), found[2]
    if text is None:
        return NamespaceSelection(count)
    starts = range(0, len(text), _NAME_CHARACTERS)
    hashes = frozenset(text[start : start + _NAME_CHARACTERS] for start in starts)
    return NamespaceSelection(count, hashes)
