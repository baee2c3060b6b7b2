"""The namespace of a drill, and how it is told from all others. Pure.

A namespace is a drill's if its label has the number that its name ends with. Names cannot be
changed, so that nobody's namespace becomes one by a label.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pod_diagnoser.api.diagnostics_v1 import GROUP
from pod_diagnoser.api.time import format_time, parse_time
from pod_diagnoser.cli.drill.observed import text_at

LABEL: Final = f"{GROUP}/drill"
"""The label with the drill's number."""

ENDS: Final = f"{GROUP}/drill-ends"
"""The annotation with the time after which nobody is at work in it any more, in UTC."""

_PREFIX: Final = "pod-diagnoser-drill-"
_NUMBER: Final = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class DrillNamespace:
    """A namespace that a drill made, as it is stored.

    Attributes:
        name: its name.
        uid: its uid.
        ends: after when it is in use no more; None where that is not known.
        terminating: whether it is being deleted.
    """

    name: str
    uid: str
    ends: datetime | None
    terminating: bool

    def is_left_over(self, now: datetime) -> bool:
        """Whether a drill left it that did not come to its end."""
        return not self.terminating and (self.ends is None or self.ends < now)


def namespace_name(number: str) -> str:
    """Return the name of a drill's namespace.

    Args:
        number: 12 hexadecimal digits, drawn at random.
    """
    return _PREFIX + number


def manifest(number: str, ends: datetime) -> dict[str, Any]:
    """Build the namespace.

    Args:
        number: as for `namespace_name`.
        ends: after when another drill may take it away.
    """
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": namespace_name(number),
            "labels": {LABEL: number, "pod-security.kubernetes.io/enforce": "restricted"},
            "annotations": {ENDS: format_time(ends)},
        },
    }


def as_drill(namespace: Any) -> DrillNamespace | None:
    """Return a namespace as that of a drill; None for any other.

    Args:
        namespace: a Namespace as the API server has it.
    """
    metadata = namespace.get("metadata") if isinstance(namespace, dict) else None
    if not isinstance(metadata, dict):
        return None
    name, uid = metadata.get("name"), metadata.get("uid")
    number = text_at(metadata, "labels", LABEL)
    if not _NUMBER.fullmatch(number) or name != namespace_name(number):
        return None
    if not isinstance(uid, str) or not uid:
        return None
    ends = parse_time(text_at(metadata, "annotations", ENDS))
    return DrillNamespace(name, uid, ends, "deletionTimestamp" in metadata)
