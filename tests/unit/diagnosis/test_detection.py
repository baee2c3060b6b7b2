"""Which symptoms are detected, and how crashes are distinguished."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from pydantic import ValidationError

from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.api.text import sanitize
from pod_diagnoser.diagnosis.detection import detect_symptoms
from pod_diagnoser.diagnosis.diagnose import diagnose
from pod_diagnoser.diagnosis.lasting_conditions import detect_lasting_conditions
from pod_diagnoser.diagnosis.symptoms import MAX_IMAGE_BYTES, MAX_MESSAGE_BYTES, MAX_REASON_BYTES
from tests.support.builders import T0, after, container, crashed, pod, terminated
from tests.unit.test_sync_properties import mutated_pods

LONG = "a\u202e\n" * 1000
"""A text that is neither safe nor short."""


def read(document: object) -> Pod:
    """Parse a Pod from the wire."""
    return Pod.model_validate_json(json.dumps(document))


@pytest.mark.parametrize(
    ("restarts", "last"),
    [(None, None), (3, None)],
    ids=["nothing happened", "last state collected"],
)
def test_without_a_termination_there_is_no_crash(
    restarts: int | None, last: dict[str, object] | None
) -> None:
    """A restart count alone says nothing."""
    assert diagnose(read(pod(container(last=last, restarts=restarts)))) == ()


@pytest.mark.parametrize("restarts", [0, None, -1, 1])
def test_a_restart_needs_a_count_and_a_last_termination(restarts: int | None) -> None:
    """Both are needed; a termination is diagnosed before it is counted, too."""
    (found,) = diagnose(read(pod({**container(last=terminated()), "restartCount": restarts})))
    assert found.restarted is (restarts == 1)
    assert found.restart_reason == "Error (Exit Code: 1)"


def test_each_observation_of_a_termination_gives_the_same_crash() -> None:
    """Running again or in back-off, at this count or the next: one id, one sentence."""
    running = crashed()
    waiting = crashed()
    status = waiting["status"]["containerStatuses"][0]
    status["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
    status["restartCount"] = 2
    first, second = diagnose(read(running))[0], diagnose(read(waiting))[0]
    assert (first.id, first.statement, first.cause) == (second.id, second.statement, second.cause)


def test_different_crashes_have_different_ids() -> None:
    """Another termination, container or Pod; a lost container by its restart count."""
    lost = terminated(None, 137, "ContainerStatusUnknown", containerID="")
    documents = [
        crashed(T0),
        crashed(after(10)),
        crashed(T0, number=2),
        pod(container("other", terminated())),
        pod(container(last=lost, restarts=1)),
        pod(container(last=lost, restarts=2)),
    ]
    ids = {diagnose(read(document))[0].id for document in documents}
    assert len(ids) == len(documents)


def test_an_unknown_end_is_bounded_by_the_restart() -> None:
    """A container without finishedAt had ended when it was started again."""
    document = pod(container(last=terminated(None), started=after(30)))
    found = diagnose(read(document))[0]
    assert (found.finished_at, found.ended_by) == (None, after(30))


@given(mutated_pods())
@example(pod(container(LONG, terminated(reason=LONG, message=LONG))))
@example(pod(container(last=terminated(code=128, reason="StartError", message=LONG))))
def test_texts_of_a_symptom_are_safe_and_bounded(document: Any) -> None:
    """Whatever a Pod holds: nothing that uses a symptom has to sanitize its texts again."""
    try:
        parsed = Pod.model_validate(document)
    except ValidationError:
        return
    lasting = (symptom for symptom, _ in detect_lasting_conditions(parsed))
    for symptom in (*detect_symptoms(parsed), *lasting):
        for text, limit in (
            (symptom.container, 63),
            (symptom.reason, MAX_REASON_BYTES),
            (symptom.message, MAX_MESSAGE_BYTES),
            (symptom.node, 253),
            (symptom.image, MAX_IMAGE_BYTES),
            (symptom.memory_limit, 32),
        ):
            assert sanitize(text, limit) == text


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("", ""),
        ("no such file.", "no such file"),
        ("runc create failed: unable to start container process: no such file.", "no such file"),
        ("runc create failed: " * 9 + "no such file", "no such file"),
        ("y " + "x" * 2000, "…" + "x" * 1021),
    ],
)
def test_the_runtimes_prefix_is_left_out_of_its_message(message: str, shown: str) -> None:
    """What counts stands at the end of a long chain of wrapped errors."""
    document = pod(container(last=terminated(code=128, reason="StartError", message=message)))
    (symptom,) = detect_symptoms(read(document))
    assert symptom.message == shown


@pytest.mark.parametrize(
    ("reason", "message", "image"),
    [
        (
            "ErrImagePull",
            (
                'failed to pull and unpack image "quay.io/acme/model:1": failed to resolve '
                'reference "quay.io/acme/model:1": quay.io/acme/model:1: not found'
            ),
            "quay.io/acme/model:1",
        ),
        (
            "ImagePullBackOff",
            (
                'Back-off pulling image "models": ErrImagePull: failed to pull and unpack image '
                '"docker.io/library/models:latest": not found'
            ),
            "models",
        ),
        (
            "ErrImageNeverPull",
            'Container image "quay.io/acme/model:1" is not present with pull policy of Never',
            "quay.io/acme/model:1",
        ),
        ("ImagePullBackOff", 'Back-off pulling image "registry.example/app:1"', None),
        ("ImagePullBackOff", 'Back-off pulling image "quay.io/acme/model:10"', None),
        ("ErrImagePull", "context canceled", None),
        ("CreateContainerError", 'cannot mount "quay.io/acme/model:1"', None),
    ],
)
def test_the_image_of_an_image_volume(reason: str, message: str, image: str | None) -> None:
    """A container waits for its image volumes with the reasons of its own image."""
    document = pod(
        {**container(restarts=0), "state": {"waiting": {"reason": reason, "message": message}}}
    )
    document["spec"]["containers"][0]["image"] = "registry.example/app:1"
    document["spec"]["volumes"] = [
        {"name": "config", "configMap": {"name": "app"}},
        {"name": "model", "image": {"reference": "quay.io/acme/model:1"}},
        {"name": "more", "image": {"reference": "models"}},
        {"name": "odd", "image": 1},
    ]
    (symptom,) = detect_symptoms(read(document))
    assert symptom.image == (image or "registry.example/app:1")
