"""A pair of files for each kind of crash: a Pod, and what we say of it.

``NAME.input.json`` is a Pod: ``kubelet-*`` as a real kubelet reported it (Kubernetes 1.36.3,
containerd 2.3), ``hand-*`` made by hand. ``NAME.output.json`` is what a claimed Pod then shows. A
new kind is a new input, and ``make golden``, which writes the outputs anew; read what changed.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pod_diagnoser.annotating import CAUSE, mark
from pod_diagnoser.diagnosing import Cause, diagnose
from pod_diagnoser.pods import Pod
from pod_diagnoser.resources import DiagnosisTargetSpec, TargetDiagnoser

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


def shown(path: Path) -> dict[str, Any]:
    """What a Pod shows, as the output files have it."""
    pod = Pod.model_validate_json(path.read_bytes())
    marks = mark(pod, CLAIM, diagnose(pod), NOW)
    annotations = dict(marks.annotations)
    crashes = annotations.get("diagnostics.local.io/crashes")
    if crashes is not None:
        annotations["diagnostics.local.io/crashes"] = json.loads(crashes)
    return {
        "annotations": annotations,
        "labels": dict(marks.labels),
        "resyncAfterSeconds": marks.resync_after,
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
    causes = {
        json.loads(output_of(path).read_text())["annotations"].get(CAUSE) for path in INPUTS
    } - {None}
    assert causes == {cause.value for cause in Cause}
