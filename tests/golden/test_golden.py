"""A pair of files for each kind of crash: a Pod, and what it shows.

In a folder for the kind of crash, ``NAME.input.*`` is a Pod and ``NAME.events.*`` its Events, where
there are any (`tests.support.corpus`). ``NAME.output.yaml`` is what a claimed Pod then shows, and
what it would show without its Events. For a new kind of crash write an input; ``make golden``
writes the outputs. Read what changed.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.diagnostics_v1 import DiagnosisTargetSpec, EvidenceSpec, TargetDiagnoser
from pod_diagnoser.api.metacontroller import SyncResponse
from pod_diagnoser.pods.keys import CAUSE, CRASHES, DIAGNOSIS, EVIDENCE, NEXT_STEP
from pod_diagnoser.pods.metadata import NO_OUTPUT, desired_metadata
from pod_diagnoser.pods.observation import observe_pod
from tests.support import corpus

LINES = (DIAGNOSIS, EVIDENCE, NEXT_STEP)
NOW = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
CLAIM = DiagnosisTargetSpec(
    diagnoser=TargetDiagnoser(name="everything", uid="0c7a3f7e-0000-4000-8000-000000000001"),
    since="2026-11-01T00:00:00Z",
    evidence=EvidenceSpec(logLines=5),
)


CLAIM_WITH_REASON = CLAIM.model_copy(update={"evidence": EvidenceSpec(reason=True)})
"""For the folder ``reasons``: the container's output is read for the reason that it gives."""


def claim(name: str) -> DiagnosisTargetSpec:
    """Return what claims a golden Pod."""
    return CLAIM_WITH_REASON if corpus.output_path(name).parent.name == "reasons" else CLAIM


def desired(name: str, *, with_events: bool = True) -> SyncResponse:
    """Return what a Pod gets when it is seen for the first time, after its Events were read."""
    pod = corpus.pod(name)
    fetched = corpus.fetched_for(name, pod) if with_events else None
    now = corpus.moment(name, NOW)
    observation = observe_pod(pod, claim(name), now, fetched)
    return desired_metadata(pod, claim(name), observation, now, NO_OUTPUT)


def shown(name: str) -> dict[str, Any]:
    """Return what a Pod shows, in the form of the output files."""
    result = desired(name)
    annotations: dict[str, Any] = dict(result.annotations)
    if annotations.get(CRASHES) is not None:
        annotations[CRASHES] = json.loads(annotations[CRASHES])
    without = desired(name, with_events=False).annotations
    return {
        "annotations": annotations,
        "labels": dict(result.labels),
        "resyncAfterSeconds": result.model_dump(exclude_unset=True).get("resyncAfterSeconds"),
        **(
            {
                "withoutEvents": {
                    key: without.get(key) for key in (CAUSE, DIAGNOSIS, EVIDENCE, NEXT_STEP)
                }
            }
            if any(
                without.get(key) != annotations.get(key) for key in (DIAGNOSIS, EVIDENCE, NEXT_STEP)
            )
            else {}
        ),
    }


@pytest.mark.parametrize("name", corpus.names())
def test_pod_shows_what_its_golden_file_says(name: str, request: pytest.FixtureRequest) -> None:
    """Each Pod gets the annotations and the label of its output file."""
    if request.config.getoption("--update-golden"):
        corpus.write_output(name, shown(name))
    assert shown(name) == corpus.output(name)


def test_no_value_of_a_template_is_shown() -> None:
    """The templates of the folder ``rollouts`` have these; another text has the form of a key."""
    values = ("hunter2", "s3cr3t", "trust", "glpat", "ghp_")
    found = [name for name in corpus.names() if corpus.output_path(name).parent.name == "rollouts"]
    assert len(found) >= 4
    text = json.dumps([corpus.output(name) for name in found])
    assert [value for value in values if value in text] == []


def test_every_input_has_an_output_and_the_reverse() -> None:
    """Events and outputs belong to an input, and each input has an output."""
    assert len(corpus.names()) >= 60
    assert not corpus.without_input()
    assert [name for name in corpus.names() if corpus.output(name) is None] == []


def test_every_cause_has_a_golden_file() -> None:
    """Each cause of the table stands in an output file."""
    outputs = [corpus.output(name) or {} for name in corpus.names()]
    causes = {
        part.get(CAUSE)
        for output in outputs
        for part in (output["annotations"], output.get("withoutEvents", {}))
    } - {None}
    assert causes == {cause.value for cause in Cause}
