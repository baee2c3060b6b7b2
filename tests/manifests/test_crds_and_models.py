"""The CRDs and the models are two writings of one definition: they name the same fields."""

import json
from datetime import datetime
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from pod_diagnoser.diagnosing import Cause
from pod_diagnoser.reconciling import observe, sync_pod, sync_pod_diagnoser
from pod_diagnoser.resources import DiagnosisTargetSpec, PodDiagnoserSpec, PodDiagnoserStatus
from tests.manifests.structural import problems
from tests.manifests.test_crds import schema
from tests.unit import build

Shape = dict[str, Any] | str


def shape_of_schema(node: dict[str, Any]) -> Shape:
    """The names and types of a schema's fields."""
    if "properties" in node:
        return {name: shape_of_schema(each) for name, each in node["properties"].items()}
    if node["type"] == "array":
        return {"[]": shape_of_schema(node["items"])}
    if node["type"] == "object":
        return {"{}": shape_of_schema(node["additionalProperties"])}
    return str(node["type"])


def shape_of_annotation(annotation: Any) -> Shape:
    """The names and types of what a model's field takes."""
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
    """The names and types of a model's fields."""
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
    ],
)
def test_fields_and_types_are_the_same(kind: str, part: str, model: type[BaseModel]) -> None:
    """A field that one of the two lacks would be pruned, or written and never read."""
    assert shape_of_model(model) == shape_of_schema(schema(kind)["properties"][part])


def test_defaults_are_the_same() -> None:
    """What the API server fills in is what the model takes for missing."""
    properties = schema("PodDiagnoser")["properties"]["spec"]["properties"]
    spec = PodDiagnoserSpec()
    assert spec.enableAnnotations is properties["enableAnnotations"]["default"] is True
    assert spec.remediationAction == properties["remediationAction"]["default"] == ""
    assert spec.targetLabels == {}


def answered() -> tuple[dict[str, Any], dict[str, Any]]:
    """A PodDiagnoser and its DiagnosisTarget after syncs that fill every field."""
    subject = build.diagnoser(targetLabels={"app": "app"}, remediationAction="LogEvent")
    target = build.target(subject)
    older = build.target(build.diagnoser("older", 800, build.after(-60), targetLabels={"b": "c"}))
    lost = build.terminated(None, 137, "ContainerStatusUnknown", containerID="")
    pods = []
    for number in range(30):
        pod = build.pod(
            build.container("c" * 63, build.terminated(build.after(number), number)),
            build.container("lost", lost),
            name=f"{number:0253d}",
            number=number,
        )
        marks = sync_pod(build.pod_request(pod, target), build.after(60)).answer
        pods.append(build.applied(pod, json.loads(marks.encode())))
    request = build.diagnoser_request(subject, older, target, *pods)
    answer = json.loads(sync_pod_diagnoser(observe(request), build.after(61)).answer.encode())
    return build.applied(subject, answer), answer["attachments"][0]


def test_what_is_written_passes_the_crds_and_nothing_is_pruned() -> None:
    """A status that the schema refuses or prunes would be written again at every sync."""
    subject, target = answered()
    assert subject["status"]["diagnosedPods"] == 30
    assert len(subject["status"]["recentDiagnoses"]) == 10
    status = schema("PodDiagnoser")["properties"]["status"]
    assert list(problems(status, subject["status"])) == []
    assert list(problems(schema("DiagnosisTarget")["properties"]["spec"], target["spec"])) == []
    assert subject["status"].keys() == status["properties"].keys()


def test_every_cause_fits_its_pattern() -> None:
    """The CRD lets the set of causes grow, in one form."""
    recent = schema("PodDiagnoser")["properties"]["status"]["properties"]["recentDiagnoses"]
    cause = recent["items"]["properties"]["cause"]
    for each in Cause:
        assert list(problems(cause, each.value)) == []
