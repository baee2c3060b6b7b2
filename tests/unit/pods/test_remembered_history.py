"""What is remembered of the crash histories that were read: for each Pod the newest.

A Pod that crashes for weeks has a new one at each crash, and none of the former ones comes back.
"""

import json
import weakref
from typing import Any

from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.pods.history import MAX_CRASHES_BYTES, CrashHistory, parse_history
from pod_diagnoser.pods.keys import CRASHES
from tests.support.builders import after, pod


def record(number: int) -> dict[str, Any]:
    """Return a crash as it is stored."""
    seen = after(number).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"id": f"{number:016x}", "container": "app", "cause": "Error", "seen": seen}


def with_history(*numbers: int, uid: str = "uid-1") -> Pod:
    """Return a Pod with stored crashes."""
    text = json.dumps({"history": [record(number) for number in numbers]})
    return Pod.model_validate(pod(annotations={CRASHES: text}, uid=uid))


def read(stored: Pod) -> "weakref.ref[CrashHistory]":
    """Read a Pod's history, and keep only what tells whether it is still remembered."""
    history = parse_history(stored)
    assert history.history
    return weakref.ref(history)


def test_a_history_is_parsed_once() -> None:
    """A Pod is synced several times with the same one."""
    assert parse_history(with_history(1)) is parse_history(with_history(1))


def test_a_former_history_of_a_pod_is_forgotten() -> None:
    """It was replaced on the Pod."""
    former = read(with_history(1, uid="uid-former"))
    newer = read(with_history(2, 1, uid="uid-former"))
    assert former() is None
    assert newer() is not None


def test_each_pod_has_its_own() -> None:
    """Also where two have the same text."""
    one = read(with_history(1, uid="uid-one"))
    two = read(with_history(1, uid="uid-two"))
    read(with_history(2, 1, uid="uid-two"))
    assert one() is not None
    assert two() is None


def test_what_is_longer_than_the_hook_writes_is_not_remembered() -> None:
    """Somebody else wrote it, perhaps to fill the memory."""
    stored = with_history(*range(60), uid="uid-long")
    assert len(stored.metadata.annotations[CRASHES]) > MAX_CRASHES_BYTES
    assert read(stored)() is None
