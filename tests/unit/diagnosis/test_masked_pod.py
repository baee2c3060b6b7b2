"""The messages of a Pod: all are masked, and a Pod without a secret is left as it is."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.diagnosis import masked_pod
from pod_diagnoser.diagnosis.masked_pod import MAX_POD_CHARS, TOO_LONG, mask_messages
from pod_diagnoser.diagnosis.redaction import MAX_READ
from tests.support.builders import Json, container, parsed_pod, pod, terminated

PASSWORD = "hunter2"  # noqa: S105
MESSAGE = f"GET https://app:{PASSWORD}@db/x: 401"
MASKED = "GET https://***@db/x: 401"
LISTS = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")


def saying(message: str) -> Json:
    """Build a Pod with a message wherever there may be one."""
    document = pod()
    ended = terminated(message=message)
    statuses = [
        {**container(last=ended), "state": {"waiting": {"reason": "X", "message": message}}},
        {**container(), "name": "b", "state": {"terminated": ended}},
        container(),
    ]
    document["status"] = {
        "phase": "Failed",
        "message": message,
        "conditions": [{"type": "Ready", "message": message}, {"type": "PodScheduled"}],
        **dict.fromkeys(LISTS, statuses),
    }
    return document


def test_every_message_is_masked() -> None:
    """Of the Pod, its conditions and its containers; nothing else changes."""
    masked = mask_messages(parsed_pod(saying(MESSAGE)))
    assert masked == parsed_pod(saying(MASKED))
    assert PASSWORD not in masked.model_dump_json()


def test_a_pattern_masks_too() -> None:
    """It is the user's own."""
    assert mask_messages(parsed_pod(saying("cust-1 left")), ["cust-[0-9]"]) == parsed_pod(
        saying("*** left")
    )


def test_a_pod_without_a_secret_is_left_as_it_is() -> None:
    """It is not even copied."""
    for document in (pod(), pod(container()), saying('secret "db" not found'), saying("")):
        whole = parsed_pod(document)
        assert mask_messages(whole) is whole


@given(sizes=st.lists(st.integers(0, 20_000), max_size=60))
def test_so_much_of_a_pod_is_masked(sizes: list[int]) -> None:
    """However many messages it has: those that are left are withheld, none is shown unmasked."""
    document = pod(*({**container(), "name": f"c{n}"} for n in range(len(sizes))))
    statuses = document["status"]["containerStatuses"]
    for number, (status, size) in enumerate(zip(statuses, sizes, strict=True)):
        message = f"{number} {MESSAGE} {'word ' * (size // 5)}"
        status["state"] = {"waiting": {"reason": "X", "message": message}}
    read: list[str] = []

    def mask(text: str, _: Any) -> str:
        read.append(text)
        return MASKED

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(masked_pod, "redact_message", mask)
        masked = mask_messages(parsed_pod(document)).model_dump()
    assert sum(min(len(each), MAX_READ) for each in read) <= MAX_POD_CHARS
    shown = [each["state"]["waiting"]["message"] for each in masked["status"]["containerStatuses"]]
    assert shown == [MASKED] * len(read) + [TOO_LONG] * (len(sizes) - len(read))


@given(
    st.recursive(
        st.none() | st.text(), lambda each: st.lists(each) | st.dictionaries(st.text(), each)
    )
)
def test_any_message_is_taken(message: Any) -> None:
    """Whatever the text: it never fails."""
    text = json.dumps(message)
    masked = mask_messages(Pod.model_validate(saying(text)))
    assert masked.status is not None
