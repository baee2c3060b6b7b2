"""Recognise the operator's work in lines of watches and in the audit log."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from dev.envtest.audit import Audited

ANNOTATED, DELETED = "annotated", "deleted"
PLANNED, DONE = "planned", "done"
PUBLISHED = "published"

READS = ("get", "list", "watch")

Observation = tuple[str, str]
"""What, and of which Pod."""

_NAME = re.compile(rb'"metadata":\{"name":"([^"]+)"')
_REASON = b'"diagnostics.local.io/restart-reason":"'
_CAUSE = re.compile(rb'"diagnostics\.local\.io/cause":"([A-Za-z]+)"')
_DELETION = b'"deletionTimestamp":"'


def of_pod(line: bytes) -> Iterator[Observation]:
    """Look at a Pod: not parsed, as all of its changes come by.

    Args:
        line: a line of a watch of Pods.

    Yields:
        `ANNOTATED`, and `DELETED` once the API server has accepted its deletion.
    """
    name = _NAME.search(line)
    if name is None:
        return
    if _REASON in line:
        yield ANNOTATED, name[1].decode()
    # Quotation marks within a value are escaped: this is a key.
    if _DELETION in line:
        yield DELETED, name[1].decode()


def of_diagnosed_pod(line: bytes) -> Iterator[Observation]:
    """Look for the diagnosis of a Pod.

    Args:
        line: a line of a watch of Pods.

    Yields:
        `ANNOTATED`, and the cause that its annotation gives.
    """
    name = _NAME.search(line)
    if name is None or _REASON not in line:
        return
    yield ANNOTATED, name[1].decode()
    cause = _CAUSE.search(line)
    if cause:
        yield cause[1].decode(), name[1].decode()


def of_poddiagnoser(line: bytes) -> Iterator[Observation]:
    """Look at a PodDiagnoser.

    Args:
        line: a line of a watch of PodDiagnosers.

    Yields:
        `PLANNED` for each remediation in its status; `DONE`, too, for those that are done.
    """
    status = json.loads(line)["object"].get("status", {})
    for entry in status.get("remediations", ()):
        yield PLANNED, entry["pod"]
        if entry["phase"] == "Done":
            yield DONE, entry["pod"]


def of_event(line: bytes) -> Iterator[Observation]:
    """Look at an Event.

    Args:
        line: a line of a watch of Events (v1).

    Yields:
        `PUBLISHED` for one that says that a Pod restarted.
    """
    event = json.loads(line)["object"]
    if event.get("reason") == "PodRestarted":
        yield PUBLISHED, event["involvedObject"]["name"]


def calls(requests: Iterable[Audited], namespace: str) -> Counter[tuple[str, str]]:
    """Count the calls to the API server.

    Args:
        requests: by the audit log.
        namespace: where.

    Returns:
        How many calls, by verb and resource; those that were refused, too.
    """
    return Counter((one.verb, one.resource) for one in requests if one.namespace == namespace)
