"""Pods of thousands of containers, which the API server takes: the work grows with their number."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from pod_diagnoser.api.core_v1 import OwnedPod, Pod
from pod_diagnoser.api.diagnostics_v1 import DiagnosisTargetSpec
from pod_diagnoser.diagnosis.detection import MAX_SYMPTOMS, detect_symptoms
from pod_diagnoser.diagnosis.lasting_conditions import detect_lasting_conditions
from pod_diagnoser.pods.observation import observe_pod
from tests.support.builders import T0, after, container, pod, terminated

Json = dict[str, Any]


def ended(name: str) -> Json:
    """Return the status of a container that ended with code 0 and was not restarted."""
    state = {"exitCode": 0, "reason": "Completed", "containerID": f"x://{name}"}
    return {"name": name, "restartCount": 0, "state": {"terminated": state}}


def crashed(count: int) -> Json:
    """Return a Pod of which each container has crashed."""
    return pod(*(container(f"c{each}", last=terminated(T0)) for each in range(count)))


def finished_with_sidecars(count: int) -> Json:
    """Return a Pod whose containers are done, and so its sidecars were stopped."""
    found = pod(*(ended(f"c{each}") for each in range(count)))
    sidecars = [ended(f"s{each}") for each in range(count)]
    found["spec"] |= {
        "restartPolicy": "OnFailure",
        "initContainers": [{"name": s["name"], "restartPolicy": "Always"} for s in sidecars],
    }
    found["status"] |= {"phase": "Running", "initContainerStatuses": sidecars}
    return found


def run_again(count: int) -> Json:
    """Return a Pod that runs, and of which each init container ended once more before that."""
    found = pod(*(container(f"c{each}", started=after(60)) for each in range(count)))
    inits = [
        {
            "name": f"i{each}",
            "state": {"terminated": {"exitCode": 0, "startedAt": "2026-01-01T00:00:00Z"}},
        }
        for each in range(count)
    ]
    found["spec"]["initContainers"] = [{"name": each["name"]} for each in inits]
    found["status"]["initContainerStatuses"] = inits
    return found


def not_ready(count: int) -> Json:
    """Return a Pod of which no container is ready, and no readiness gate is set."""
    found = pod(*(container(f"c{each}", started=T0) for each in range(count)))
    found["spec"]["readinessGates"] = [{"conditionType": f"g{each}"} for each in range(count)]
    gates = [{"type": f"g{each}", "status": "False"} for each in range(count)]
    ready = {"type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady"}
    found["status"]["conditions"] = [ready | {"lastTransitionTime": "2026-01-01T00:00:00Z"}, *gates]
    return found


SHAPES = (crashed, finished_with_sidecars, run_again, not_ready)
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda each: each.__name__)


def calls(function: Callable[[], object]) -> int:
    """Count the calls of functions, and what is resumed of generators, in a function."""
    count = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


@each_shape
def test_work_is_linear_in_the_number_of_containers(shape: Callable[[int], Json]) -> None:
    """Four times the containers are some four times the work, not sixteen times."""

    def work(count: int) -> int:
        read = OwnedPod.model_validate(shape(count))
        return calls(lambda: observe_pod(read, DiagnosisTargetSpec(), after(600)))

    work(100)  # what is remembered of texts is filled
    assert work(800) <= 5 * work(200)


def test_at_most_a_hundred_symptoms_of_a_pod_are_detected() -> None:
    """The first ones; the failure of the Pod as a whole is always among them."""
    found = crashed(3 * MAX_SYMPTOMS)
    symptoms = detect_symptoms(Pod.model_validate(found))
    assert [each.container for each in symptoms] == [f"c{each}" for each in range(MAX_SYMPTOMS)]
    found["status"] |= {"phase": "Failed", "reason": "Evicted"}
    failed = detect_symptoms(Pod.model_validate(found))
    assert len(failed) == MAX_SYMPTOMS + 1
    assert failed[-1].reason == "Evicted"


def test_at_most_a_hundred_lasting_conditions_of_a_pod_are_detected() -> None:
    """Each container that is not ready would be one."""
    found = not_ready(3 * MAX_SYMPTOMS)
    found["spec"]["readinessGates"] = []
    found["status"]["conditions"][0]["reason"] = "ContainersNotReady"
    for status in found["status"]["containerStatuses"]:
        status["ready"] = False
    assert len(detect_lasting_conditions(Pod.model_validate(found))) <= MAX_SYMPTOMS
