"""Which requests are about the version between Metacontroller's two writes of a status.

``requests`` holds two that Metacontroller 4.17.2 sent one after the other: about that version, and
about the next.
"""

import json
from pathlib import Path

from pod_diagnoser.api.raw_request import between_status_writes

REQUESTS = Path(__file__).parent / "requests"


def request(number: int) -> bytes:
    """A recorded request in the form in which it was sent."""
    document = json.loads((REQUESTS / f"poddiagnosers-sync-{number:03}.json").read_bytes())
    return json.dumps(document, separators=(",", ":")).encode()


def test_the_version_between_two_writes_is_told_from_the_next() -> None:
    """Only in it does Metacontroller's own entry for the status stand."""
    assert between_status_writes(request(61))
    assert not between_status_writes(request(62))


def test_about_anything_else_it_says_nothing() -> None:
    """It is a hint, and total."""
    for body in (
        b"",
        b"{}",
        request(61)[:300],
        b'"managedFields":[',
        b',"object":{"managedFields":[',
    ):
        assert not between_status_writes(body)
    text = json.loads(request(62))
    text["object"]["metadata"]["annotations"] = {
        "x": '"manager":"metacontroller","operation":"Update","subresource":"status"'
    }
    assert not between_status_writes(json.dumps(text, separators=(",", ":")).encode())
