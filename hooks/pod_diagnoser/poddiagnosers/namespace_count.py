"""How many namespaces a ClusterPodDiagnoser selects, as its two controllers tell each other. Pure.

The controller that publishes has the Namespaces in its requests; the one that reports has not,
since they would come with each crash. An annotation of the ClusterPodDiagnoser says how many there
are. It changes with each namespace that comes or goes, so that the status is worked out again.
"""

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from typing import Final

from pod_diagnoser.api.diagnostics_v1 import GROUP

SELECTED_NAMESPACES: Final = f"{GROUP}/selected-namespaces"
"""The annotation: how many namespaces are selected, and a hash of their names."""

_VALUE: Final = re.compile(r"(\d{1,9}) [-\w]{8}", re.ASCII)
_HASH_BYTES: Final = 6


def count_annotation(names: Iterable[str]) -> dict[str, str]:
    """Return the annotation.

    Args:
        names: of the namespaces that are selected.
    """
    found = sorted(names)
    digest = hashlib.sha256("/".join(found).encode()).digest()
    return {SELECTED_NAMESPACES: f"{len(found)} {urlsafe_b64encode(digest[:_HASH_BYTES]).decode()}"}


def read_count(annotations: Mapping[str, str]) -> int | None:
    """Return how many namespaces are selected; None where nothing, or nothing of ours, says so."""
    found = _VALUE.fullmatch(annotations.get(SELECTED_NAMESPACES, ""))
    return int(found[1]) if found else None
