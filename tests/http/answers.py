"""Reads answers as strictly as Metacontroller 4.17.2 reads those of hook version v2.

Source: ``DecoratorHookResponse`` in ``pkg/controller/decorator/api/v2``, ``CustomizeHookResponse``
in ``pkg/controller/common/customize/api/v2`` and ``kjson.UnmarshalStrict`` in
``pkg/hooks/webhook.go`` of metacontroller/metacontroller: unknown and duplicate keys are errors, so
are values of another type. What the API server asks of the written objects is checked beside it, as
far as the answer alone shows.
"""

import json
import math
import re
import unicodedata
from typing import Any, Final

from pod_diagnoser.pods.keys import ANNOTATIONS, LABEL
from pod_diagnoser.pods.recall import RECALLED
from tests.http.recorded import Json

MANAGED: Final = "diagnostics.local.io/"

MAX_RESYNC: Final = 2**63 / 1e9
"""Seconds. More overflows Go's ``time.Duration``."""

_LABEL_VALUE: Final = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MANAGED: Final = {"annotations": {*ANNOTATIONS}, "labels": {LABEL}}


class UnacceptableError(AssertionError):
    """Metacontroller or the API server would not accept the answer."""


def _need(holds: object, problem: str) -> None:
    if not holds:
        raise UnacceptableError(problem)


def _object(pairs: list[tuple[str, Any]]) -> Json:
    keys = [key for key, _ in pairs]
    _need(len(keys) == len(set(keys)), "duplicate key")
    for text in (*keys, *(value for _, value in pairs)):
        _sound(text)
    return dict(pairs)


def _sound(value: Any) -> None:
    """Check that a text or number means the same to Go: else each sync would change it again."""
    if isinstance(value, str):
        # Go reads half of a pair as U+FFFD.
        _need(not _SURROGATE.search(value), "half of a surrogate pair")
    elif type(value) is int:
        # Go reads what is larger as a float64, or not at all.
        _need(-(2**63) <= value < 2**63, "no int64")
    elif isinstance(value, float):
        _need(math.isfinite(value), "no float64")
    elif isinstance(value, list):
        for item in value:
            _sound(item)


def _constant(name: str) -> None:
    _need(holds=False, problem=f"{name} is not JSON")


def read_json(body: bytes) -> Json:
    """Read an object: JSON by the letter, in UTF-8, no key twice, no number beyond Go's."""
    value = json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_constant)
    _need(isinstance(value, dict), "not an object")
    assert isinstance(value, dict)
    return value


def read_customize(body: bytes) -> Json:
    """Read an answer of a customize hook.

    Args:
        body: the answer.

    Returns:
        The answer.

    Raises:
        UnacceptableError: Metacontroller would refuse it.
    """
    answer = read_json(body)
    _known(answer, {"relatedResources"})
    for rule in answer["relatedResources"]:
        _known(rule, {"apiVersion", "resource", "namespace", "labelSelector"})
        _need(all(isinstance(rule[key], str) for key in ("apiVersion", "resource")), "kind of rule")
        _need(rule.get("namespace"), "a rule without namespace lists the whole cluster")
        selector = rule.get("labelSelector", {})
        _known(selector, {"matchLabels"})
        _strings(selector.get("matchLabels", {}))
    return answer


def read_sync(body: bytes) -> Json:
    """Read an answer of a sync hook.

    Args:
        body: the answer.

    Returns:
        The answer.

    Raises:
        UnacceptableError: Metacontroller or the API server would refuse it.
    """
    answer = read_json(body)
    _known(answer, {"annotations", "labels", "status", "attachments", "resyncAfterSeconds"})
    for kind in ("annotations", "labels"):
        changes = answer.get(kind, {})
        _strings({key: value for key, value in changes.items() if value is not None})
        _need(changes.keys() <= _MANAGED[kind], f"{kind} of others")
    for value in answer.get("labels", {}).values():
        _need(value is None or _LABEL_VALUE.fullmatch(value), "label value")
    _plain(answer.get("status", {}))
    _need(isinstance(answer.get("attachments", []), list), "attachments")
    for attachment in answer.get("attachments", []):
        _known(attachment, {"apiVersion", "kind", "metadata", "spec"})
        _need(attachment["apiVersion"] == "diagnostics.local.io/v1", "apiVersion")
        _need(attachment["kind"] == "DiagnosisTarget", "kind")
        _known(attachment["metadata"], {"name", "namespace"})
        _strings(attachment["metadata"])
        _need(attachment["metadata"]["name"], "name")
        _need(attachment["metadata"].get("namespace"), "namespace")
        _plain({**attachment, "spec": without_removals(attachment["spec"])})
    resync = answer.get("resyncAfterSeconds", 1.0)
    _need(type(resync) in (int, float) and 0 < resync <= MAX_RESYNC, "resyncAfterSeconds")
    return answer


def read_recall(body: bytes) -> Json:
    """Read an answer that recalls: nothing, or one annotation.

    Raises:
        UnacceptableError: it is anything else.
    """
    answer = read_json(body)
    if answer:
        _known(answer, {"annotations"})
        _known(answer["annotations"], {RECALLED})
        _strings(answer["annotations"])
    return answer


def read_answer(path: str, body: bytes) -> Json:
    """Read an answer of the endpoint at a path."""
    if path.endswith("/recall"):
        return read_recall(body)
    return read_customize(body) if path.endswith("/customize") else read_sync(body)


def unsafe(text: str) -> list[str]:
    """Return the characters of a text that may do something where it is shown."""
    return [char for char in text if unicodedata.category(char)[0] == "C" or char in "\u2028\u2029"]


def _known(value: Any, keys: set[str]) -> None:
    _need(isinstance(value, dict), "not an object")
    _need(value.keys() <= keys, f"unknown keys {value.keys() - keys}")


def _strings(value: Any) -> None:
    _need(isinstance(value, dict), "not a map")
    _need(all(isinstance(item, str) for item in value.values()), "a value that is no string")


def without_removals(spec: Json) -> Json:
    """Return a spec without the nulls by which fields that others have added are removed."""
    return {
        key: without_removals(value) if isinstance(value, dict) else value
        for key, value in spec.items()
        if value is not None
    }


def _plain(value: Any) -> None:
    """Check that nothing differs after the API server stored it: no null, no float."""
    _need(value is not None and not isinstance(value, float), "null or float")
    for item in value.values() if isinstance(value, dict) else ():
        _plain(item)
    for item in value if isinstance(value, list) else ():
        _plain(item)
