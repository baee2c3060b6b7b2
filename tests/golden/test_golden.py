"""A pair of files for each kind of crash: a Pod, and what we say of it.

``NAME.input.json`` is a Pod: ``kubelet-*`` as a real kubelet reported it (Kubernetes 1.36.3,
containerd 2.3), ``hand-*`` made by hand; ``NAME.events.json`` its Events, where there are any.
``NAME.output.json`` is what a claimed Pod then shows, and what it would say without the Events. A
new kind is a new input, and ``make golden``, which writes the outputs anew; read what changed.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.api.diagnostics_v1 import DiagnosisTargetSpec, TargetDiagnoser
from pod_diagnoser.pods.keys import CAUSE, DIAGNOSIS
from pod_diagnoser.pods.metadata import NO_OUTPUT, DesiredMetadata, desired_metadata
from pod_diagnoser.pods.observation import PodObservation, observe_pod
from tests.support import corpus

PODS = Path(__file__).parent / "pods"
INPUTS = sorted(PODS.glob("*.input.json"))
NOW = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
CLAIM = DiagnosisTargetSpec(
    diagnoser=TargetDiagnoser(name="everything", uid="0c7a3f7e-0000-4000-8000-000000000001"),
    since="2026-11-01T00:00:00Z",
)


def output_of(path: Path) -> Path:
    """The output file that belongs to an input file."""
    return path.with_name(path.name.replace(".input.", ".output."))


def seen(path: Path, *, with_events: bool = True) -> tuple[Pod, PodObservation]:
    """What is seen of a Pod for the first time, and after its Events were read."""
    pod = Pod.model_validate_json(path.read_bytes())
    gathered = corpus.events(path.name.removesuffix(".input.json"), pod) if with_events else None
    return pod, observe_pod(pod, CLAIM, NOW, gathered)


def marks(pod: Pod, sighting: PodObservation) -> DesiredMetadata:
    """What a Pod gets."""
    return desired_metadata(pod, CLAIM, sighting, NOW, NO_OUTPUT)


def shown(path: Path) -> dict[str, Any]:
    """What a Pod shows, as the output files have it."""
    result = marks(*seen(path))
    annotations: dict[str, Any] = dict(result.annotations)
    crashes = annotations.get("diagnostics.local.io/crashes")
    if crashes is not None:
        annotations["diagnostics.local.io/crashes"] = json.loads(crashes)
    without = marks(*seen(path, with_events=False)).annotations
    return {
        "annotations": annotations,
        "labels": dict(result.labels),
        "resyncAfterSeconds": result.resync_after,
        **(
            {"withoutEvents": {key: without.get(key) for key in (CAUSE, DIAGNOSIS)}}
            if without.get(DIAGNOSIS) != annotations.get(DIAGNOSIS)
            else {}
        ),
    }


@pytest.mark.parametrize("path", INPUTS, ids=[path.name.split(".")[0] for path in INPUTS])
def test_pod_shows_what_its_golden_file_says(path: Path, request: pytest.FixtureRequest) -> None:
    """Each Pod gets the annotations and the label of its output file."""
    if request.config.getoption("--update-golden"):
        output_of(path).write_text(json.dumps(shown(path), indent=1, ensure_ascii=False) + "\n")
    assert shown(path) == json.loads(output_of(path).read_text())


def test_every_input_has_an_output_and_the_reverse() -> None:
    """No golden file stands alone."""
    assert len(INPUTS) >= 60
    assert {output_of(path) for path in INPUTS} == set(PODS.glob("*.output.json"))


def test_every_cause_has_a_golden_file() -> None:
    """A cause that no file shows is a cause that nobody has seen."""
    outputs = [json.loads(output_of(path).read_text()) for path in INPUTS]
    causes = {
        part.get(CAUSE)
        for output in outputs
        for part in (output["annotations"], output.get("withoutEvents", {}))
    } - {None}
    assert causes == {cause.value for cause in Cause}
