"""The CRDs and the models are two writings of one definition: they name the same fields."""

import json
from datetime import datetime
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.cluster_diagnostics_v1 import (
    ABSENT_FROM_STATUS,
    ClusterPodDiagnoserSpec,
    ClusterPodDiagnoserStatus,
)
from pod_diagnoser.api.diagnostics_v1 import (
    DiagnosisTargetSpec,
    EvidenceSpec,
    PodDiagnoser,
    PodDiagnoserSpec,
    PodDiagnoserStatus,
    RemediationSpec,
    ThresholdSpec,
    diagnosis_target,
)
from pod_diagnoser.api.time import format_time
from pod_diagnoser.poddiagnosers.response import sync_pod_diagnoser
from pod_diagnoser.poddiagnosers.snapshot import take_snapshot
from pod_diagnoser.pods.sync import sync_pod
from pod_diagnoser.remediation.model import EXPLANATIONS, ExecutionReport, Outcome, Phase, Reason
from tests.manifests.structural import defaulted, problems
from tests.manifests.test_crds import SAMPLES, schema
from tests.support import builders

Shape = dict[str, Any] | str


def shape_of_schema(node: dict[str, Any]) -> Shape:
    """Return the names and types of a schema's fields."""
    if "properties" in node:
        return {name: shape_of_schema(each) for name, each in node["properties"].items()}
    if node["type"] == "array":
        return {"[]": shape_of_schema(node["items"])}
    if node["type"] == "object":
        return {"{}": shape_of_schema(node["additionalProperties"])}
    return str(node["type"])


def shape_of_annotation(annotation: Any) -> Shape:
    """Return the names and types of what a model's field takes."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return shape_of_annotation(arguments[0])
    if origin in (Union, UnionType):
        (only,) = (each for each in arguments if each is not type(None))
        return shape_of_annotation(only)
    if origin in (tuple, dict):
        key, inner = ("[]", arguments[0]) if origin is tuple else ("{}", arguments[1])
        return {key: shape_of_annotation(inner)}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return shape_of_model(annotation)
    if origin is Literal:
        return "string"
    return {str: "string", int: "integer", bool: "boolean", datetime: "string"}[annotation]


def shape_of_model(model: type[BaseModel]) -> Shape:
    """Return the names and types of a model's fields."""
    return {
        name: shape_of_annotation(
            Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
        )
        for name, field in model.model_fields.items()
    }


@pytest.mark.parametrize(
    ("kind", "part", "model"),
    [
        ("PodDiagnoser", "spec", PodDiagnoserSpec),
        ("PodDiagnoser", "status", PodDiagnoserStatus),
        ("DiagnosisTarget", "spec", DiagnosisTargetSpec),
        ("ClusterPodDiagnoser", "spec", ClusterPodDiagnoserSpec),
        ("ClusterPodDiagnoser", "status", ClusterPodDiagnoserStatus),
    ],
)
def test_fields_and_types_are_the_same(kind: str, part: str, model: type[BaseModel]) -> None:
    """A field that one of the two lacks would be pruned, or written and never read."""
    shape = shape_of_model(model)
    if kind == "ClusterPodDiagnoser":
        leave_out(shape, {} if part == "spec" else ABSENT_FROM_STATUS)
    assert shape == shape_of_schema(schema(kind)["properties"][part])


def leave_out(shape: Any, absent: dict[str, Any]) -> None:
    """Leave fields out of a model's shape, as they are left out where it is written."""
    for name, inner in absent.items():
        if inner is True:
            del shape[name]
            continue
        for field in inner["__all__"]:
            del shape[name]["[]"][field]


def test_defaults_are_the_same() -> None:
    """What the API server fills in is what the model takes for missing; else it is empty."""
    filled = defaulted(schema("PodDiagnoser")["properties"]["spec"], {})
    assert PodDiagnoserSpec.model_validate(filled) == PodDiagnoserSpec()
    taken = PodDiagnoserSpec().model_dump(mode="json")
    # `kubectl describe` would print every one of them, of each PodDiagnoser.
    del taken["remediation"]["causes"]
    assert without_what_is_empty(taken, filled) == filled
    threshold = schema("PodDiagnoser")["properties"]["spec"]["properties"]["thresholds"]["items"]
    assert ThresholdSpec().model_dump(mode="json") == defaulted(threshold, {})


def without_what_is_empty(taken: dict[str, Any], filled: dict[str, Any]) -> dict[str, Any]:
    """Return the defaults of a model, without the empty and false ones that a CRD omits."""
    left: dict[str, Any] = {}
    for name, value in taken.items():
        inner = filled.get(name)
        kept = (
            without_what_is_empty(value, inner if isinstance(inner, dict) else {})
            if isinstance(value, dict)
            else value
        )
        if kept or name in filled:
            left[name] = kept
    return left


def ranges(node: dict[str, Any]) -> dict[str, Any]:
    """Return the least and the most that a schema takes, by the names of its fields."""
    found: dict[str, Any] = {}
    for name, field in node["properties"].items():
        if "properties" in field:
            found[name] = ranges(field)
        elif "maximum" in field:
            found[name] = (field["minimum"], field["maximum"])
    return found


@pytest.mark.parametrize("written", [-(10**9), 10**9])
def test_numbers_are_held_within_the_crds_ranges(written: int) -> None:
    """What was stored before the CRD refused it does not take a safeguard away."""
    specification = schema("PodDiagnoser")["properties"]["spec"]["properties"]["remediation"]
    allowed = ranges(specification)
    assert sum(isinstance(each, tuple) for each in allowed.values()) == 3

    def spread(limits: dict[str, Any]) -> dict[str, Any]:
        return {
            name: spread(limit) if isinstance(limit, dict) else written
            for name, limit in limits.items()
        }

    taken = RemediationSpec.model_validate(spread(allowed)).model_dump(mode="json")
    budget = taken["budget"]
    budget["pods"] = max(1, budget["pods"])  # 0 is nothing at all: stricter than what may be set
    assert list(problems(specification, taken)) == []


@pytest.mark.parametrize("written", [-(10**9), 10**9])
def test_numbers_of_evidence_and_thresholds_are_held_within_the_crds_ranges(written: int) -> None:
    """However it got there: no more lines are read, and no threshold is below one restart."""
    specification = schema("PodDiagnoser")["properties"]["spec"]["properties"]
    for model, node, count in (
        (EvidenceSpec, specification["evidence"], 1),
        (ThresholdSpec, specification["thresholds"]["items"], 2),
    ):
        allowed = ranges(node)
        assert len(allowed) == count
        taken = model.model_validate(dict.fromkeys(allowed, written))
        assert list(problems(node, taken.model_dump(mode="json"))) == []


@pytest.mark.parametrize("sample", [None, *SAMPLES], ids=lambda path: path.stem if path else "{}")
def test_what_a_target_says_is_what_its_poddiagnoser_says(sample: Path | None) -> None:
    """It passes the schema, leaves out what is the default, and reads as what was written."""
    written = yaml.safe_load(sample.read_text(encoding="utf-8"))["spec"] if sample else {}
    node = schema("PodDiagnoser")["properties"]["spec"]
    subject = builders.diagnoser()
    subject["spec"] = defaulted(node, written)
    diagnoser = PodDiagnoser.model_validate(subject)
    spec = json.loads(json.dumps(diagnosis_target(diagnoser, "shop")))["spec"]
    assert list(problems(schema("DiagnosisTarget")["properties"]["spec"], spec)) == []
    read = DiagnosisTargetSpec.model_validate(spec)
    for field in ("targetLabels", "evidence", "ignore", "thresholds"):
        assert getattr(read, field) == getattr(diagnoser.spec, field)
        assert (field in spec) is (field in written)


OUTCOMES = (
    (Phase.DONE, Reason.DELETED),
    (Phase.DONE, Reason.POD_GONE),
    (Phase.DEFERRED, Reason.BLOCKED_BY_DISRUPTION_BUDGET),
    (Phase.FAILED, Reason.REFUSED),
    (Phase.EXPIRED, Reason.COOL_DOWN),
)
"""What comes of the first plans, in the order in which they were made."""


def owned(number: int, owner: int, ended: datetime) -> dict[str, Any]:
    """Return a Pod with an owner, two crashed containers, and names as long as they can be."""
    lost = builders.terminated(None, 137, "ContainerStatusUnknown", containerID="")
    reference = {
        "apiVersion": "apps/v1",
        "kind": "K" * 63,
        "name": "o" * 253,
        "uid": builders.UID.format(3000 + owner),
        "controller": True,
    }
    return builders.pod(
        builders.container("c" * 63, builders.terminated(ended, owner)),
        builders.container("lost", lost),
        name=f"{number:0253d}",
        number=number,
        labels={"app": "app", "pod-template-hash": "h" * 63},
        creationTimestamp=format_time(builders.after(minutes=-10)),
        ownerReferences=[reference],
    )


def answered() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a PodDiagnoser and its DiagnosisTarget after syncs that fill every field."""
    subject = builders.diagnoser(
        targetLabels={"app": "app"},
        remediationAction="RestartPod",
        remediation={"include": ["OtherOwners"]},
    )
    target = builders.target(subject)
    older = builders.target(
        builders.diagnoser("older", 800, builders.after(-60), targetLabels={"b": "c"})
    )
    attachments: list[dict[str, Any]] = []

    def sync(pods: list[dict[str, Any]], at: float, effects: ExecutionReport) -> None:
        marked = []
        for pod in pods:
            marks = sync_pod(builders.pod_request(pod, target), builders.after(at)).response
            marked.append(builders.applied(pod, json.loads(marks.encode())))
        observed = take_snapshot(builders.diagnoser_request(subject, older, target, *marked))
        answer = json.loads(
            sync_pod_diagnoser(observed, builders.after(at), effects).response.encode()
        )
        subject.update(builders.applied(subject, answer))
        attachments[:] = answer["attachments"]

    pods = [owned(number, number, builders.after(number)) for number in range(30)]
    sync(pods, 60, ExecutionReport())
    plans = reversed(subject["status"]["remediations"])
    outcomes = {
        plan["id"]: Outcome(phase, reason, builders.after(70))
        for plan, (phase, reason) in zip(plans, OUTCOMES, strict=True)
    }
    sync(pods, 70, ExecutionReport(outcomes=outcomes))
    replacement = owned(100, owner=0, ended=builders.after(80))
    sync([replacement, *pods[1:]], 84, ExecutionReport())
    return subject, attachments[0]


def test_what_is_written_passes_the_crds_and_nothing_is_pruned() -> None:
    """A status that the schema refuses or prunes would be written again at every sync."""
    subject, target = answered()
    written = subject["status"]
    assert written["diagnosedPods"] == 31
    assert len(written["recentDiagnoses"]) == 10
    phases = {remediation["phase"] for remediation in written["remediations"]}
    assert phases == set(Phase)
    status = schema("PodDiagnoser")["properties"]["status"]
    assert list(problems(status, written)) == []
    assert list(problems(schema("DiagnosisTarget")["properties"]["spec"], target["spec"])) == []
    assert {*written, "countedPods"} == status["properties"].keys()
    for name in ("remediations", "owners", "withheld", "workloads"):
        fields = {field for item in written[name] for field in item}
        assert fields == status["properties"][name]["items"]["properties"].keys(), name


def test_each_reason_and_its_explanation_pass() -> None:
    """The API server stores any entry of a remediation."""
    properties = schema("PodDiagnoser")["properties"]["status"]["properties"]
    for reason in Reason:
        entry = {"reason": reason.value, "message": EXPLANATIONS[reason], "crashes": 1}
        assert list(problems(properties["withheld"]["items"], entry)) == []


def test_every_cause_fits_its_pattern() -> None:
    """The CRD lets the set of causes grow, in one form."""
    recent = schema("PodDiagnoser")["properties"]["status"]["properties"]["recentDiagnoses"]
    cause = recent["items"]["properties"]["cause"]
    for each in Cause:
        assert list(problems(cause, each.value)) == []
