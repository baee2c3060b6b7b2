"""Argo CD's health of PodDiagnosers, as the hook writes them, by Argo CD's own Lua."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from pod_diagnoser.cluster.errors import ApiFailure
from pod_diagnoser.pods.sync import sync_pod
from pod_diagnoser.remediation.model import NOT_CONNECTED, ExecutionReport, Phase, Reason
from tests.contrib.interpreters import HEALTH, Interpreter
from tests.contrib.page import compared_with
from tests.manifests.kustomize import load
from tests.support.builders import (
    Json,
    after,
    applied,
    diagnoser,
    edited,
    owned,
    pod_request,
    replacing,
    settled,
    synced,
    target,
)

LABELS = {"app": "app"}

SPECS: dict[str, tuple[Json, str, str]] = {
    "nothing": (diagnoser(targetLabels=LABELS), "Healthy", "Healthy"),
    "Events": (replacing("LogEvent"), "Healthy", "Degraded"),
    "replaced": (replacing(minPodAgeSeconds=0), "Healthy", "Degraded"),
    "dry-run": (replacing(dryRun=True), "Healthy", "Degraded"),
    "paused": (replacing(paused=True), "Suspended", "Degraded"),
    "off": (diagnoser(targetLabels=LABELS, enableAnnotations=False), "Suspended", "Suspended"),
    "unknown": (replacing("RestartNode"), "Degraded", "Degraded"),
}
"""PodDiagnosers, their health, and their health where the operator has no access to the cluster."""

FORBIDDEN = ApiFailure("Forbidden", "The operator may not create Events in namespace shop.")


def crashed_pods(by: Json) -> list[Json]:
    """Return three Pods of three workloads that crashed, after their own sync."""
    made = [owned(number, by=f"rs-{number}") for number in (1, 2, 3)]
    answers = [sync_pod(pod_request(of, target(by)), after(1)).response.encode() for of in made]
    return [applied(of, json.loads(answer)) for of, answer in zip(made, answers, strict=True)]


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("failure", [None, FORBIDDEN], ids=["allowed", "forbidden"])
def test_crashes_change_the_message_only(
    name: str, failure: ApiFailure | None, interpreter: Interpreter
) -> None:
    """No application is degraded because its Pods crash.

    Whatever crashes, and whatever becomes of it, the health is as without any Pod.
    """
    document, health, _ = SPECS[name]
    calm = synced(document, after(2))
    assert interpreter.health(calm)["status"] == health
    pods = crashed_pods(document)
    report = ExecutionReport(api_failure=failure)
    crashed = synced(calm, after(10), *pods, effects=report)
    refused = settled(crashed, after(12), *pods, as_=(Phase.FAILED, Reason.FORBIDDEN))
    for each in (crashed, refused):
        told = interpreter.health(each)
        assert told["status"] == health
        if health == "Healthy":
            assert told["message"].startswith("Pods diagnosed: 3. The last: app-")


@pytest.mark.parametrize("name", SPECS)
def test_an_operator_without_access(name: str, interpreter: Interpreter) -> None:
    """It can do nothing of what is asked for, and says so before any crash."""
    document, _, health = SPECS[name]
    assert interpreter.health(synced(document, after(2), effects=NOT_CONNECTED))["status"] == health


def test_a_missing_permission_is_in_the_message(interpreter: Interpreter) -> None:
    """It shows only after a crash, so the health is none of its business."""
    report = ExecutionReport(api_failure=FORBIDDEN)
    told = interpreter.health(synced(SPECS["Events"][0], after(2), effects=report))
    assert told == {"status": "Healthy", "message": f"No Pod crashed. {FORBIDDEN.message}"}


def test_before_the_spec_is_taken_over(interpreter: Interpreter) -> None:
    """Of a new PodDiagnoser, and of one whose spec was changed."""
    waiting = {
        "status": "Progressing",
        "message": "Waiting for the operator to take over the spec.",
    }
    document = SPECS["replaced"][0]
    assert interpreter.health(document) == waiting
    changed = edited(synced(document, after(2)), remediationAction="LogEvent")
    assert interpreter.health(changed) == waiting
    assert interpreter.health(synced(changed, after(3)))["status"] == "Healthy"


def test_what_crashes_have_in_common_comes_first(interpreter: Interpreter) -> None:
    """And of remediation what the condition says."""
    document = load("tests/manifests/status.yaml")
    document["metadata"]["generation"] = 1
    said = {each["type"]: each["message"] for each in document["status"]["conditions"]}
    last = f"Pods diagnosed: 2. The last: {document['status']['lastProcessedPod']}, Completed."
    assert interpreter.health(document) == {
        "status": "Healthy",
        "message": f"{said['CommonFactor']} {last} {said['Remediating']}",
    }


def test_a_status_that_does_not_hold_all_crashes(interpreter: Interpreter) -> None:
    """Is said, and no fault of the application's."""
    told = interpreter.health(synced(SPECS["nothing"][0], after(2), complete=False))
    assert told["status"] == "Healthy"
    assert "More Pods crashed recently than one sync can read" in told["message"]


def without_one(of: Any) -> Iterator[Any]:
    """Yield a JSON value without one of its fields or elements each, at any depth."""
    keys = list(of) if isinstance(of, dict) else list(range(len(of)))
    for key in keys:
        less = copy.copy(of)
        del less[key]
        yield less
        if isinstance(of[key], dict | list):
            for each in without_one(of[key]):
                changed = copy.copy(of)
                changed[key] = each
                yield changed


def test_a_status_with_a_field_less_is_no_error(interpreter: Interpreter) -> None:
    """An error of the script would make the application's health Unknown."""
    document = synced(SPECS["nothing"][0], after(2), *crashed_pods(SPECS["nothing"][0]))
    status = {
        field: document["status"][field]
        for field in ("observedGeneration", "diagnosedPods", "conditions")
    }
    last = document["status"]["recentDiagnoses"][0]
    status["recentDiagnoses"] = [{field: last[field] for field in ("pod", "cause")}]
    for each in without_one({"status": status}):
        told = interpreter.health(document | {"status": None} | each)
        assert told["status"] in {"Healthy", "Progressing"}, each


def test_the_script_is_short() -> None:
    """It is read before it is put into Argo CD."""
    assert len(HEALTH.read_text(encoding="utf-8").splitlines()) < 150


def test_the_page_shows_what_the_script_says(interpreter: Interpreter) -> None:
    """In the order of its table."""
    done = {
        name: synced(synced(document, after(2)), after(10), *crashed_pods(document))
        for name, (document, *_) in SPECS.items()
    }
    shown = [
        SPECS["nothing"][0],
        synced(SPECS["nothing"][0], after(2)),
        *(done[name] for name in ("nothing", "replaced", "paused", "off")),
        synced(SPECS["Events"][0], after(2), effects=NOT_CONNECTED),
        done["unknown"],
    ]
    lines = compared_with("tests/contrib compares this with what the script says").splitlines()[2:]
    told = [interpreter.health(each) for each in shown]
    assert [tuple(line.strip("| ").split(" | "))[1:] for line in lines] == [
        (each["status"], each["message"]) for each in told
    ]
