"""The reason of a crash as it is stored on its Pod."""

import json
from typing import Any

import pytest

from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.api.diagnostics_v1 import DiagnosisTargetSpec
from pod_diagnoser.pods.keys import CRASHES
from pod_diagnoser.pods.metadata import NO_OUTPUT, desired_metadata
from pod_diagnoser.pods.observation import observe_pod, reportable_crashes
from tests.support.builders import after, container, pod, terminated

CRASHED = pod(container("app", terminated(after(60), code=1)))


def target(*patterns: str) -> DiagnosisTargetSpec:
    """Return a spec by which the reason is told, with patterns of what is masked."""
    evidence = {"reason": True, "maskPatterns": list(patterns)}
    return DiagnosisTargetSpec.model_validate({"evidence": evidence})


def annotations(of: dict[str, Any], spec: DiagnosisTargetSpec) -> dict[str, str]:
    """Return what a sync writes on a Pod."""
    parsed, now = Pod.model_validate(of), after(90)
    observation = observe_pod(parsed, spec, now, None)
    found = desired_metadata(parsed, spec, observation, now, NO_OUTPUT).annotations
    return {key: text for key, text in (found or {}).items() if text}


def with_reason() -> dict[str, Any]:
    """Return a Pod with a crash of which the reason is stored."""
    history = json.loads(annotations(CRASHED, target())[CRASHES])
    said = "no customer cust-4711"
    history["history"][0]["reason"] = {"reasonClass": "InvalidConfiguration", "said": said}
    metadata = {**CRASHED["metadata"], "annotations": {CRASHES: json.dumps(history)}}
    return {**CRASHED, "metadata": metadata}


@pytest.mark.parametrize(("pattern", "shown"), [("cust-[0-9]+", "no customer ***"), ("(", "")])
def test_a_pattern_that_is_added_later_masks_what_is_stored(pattern: str, shown: str) -> None:
    """With the next sync, in all annotations; and in what a PodDiagnoser tells."""
    assert "4711" in json.dumps(annotations(with_reason(), target()))
    masked = json.dumps(annotations(with_reason(), target(pattern)))
    assert "4711" not in masked
    assert shown in masked
    (told,) = reportable_crashes(Pod.model_validate(with_reason()), target(pattern))
    assert "4711" not in told.statement.diagnosis
    assert told.symptom.output is not None
