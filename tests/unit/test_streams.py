"""Watch streams of a real kubelet, step by step: right words, whichever step is seen, few writes.

A hook need not see every step of a Pod: it may be down, and Metacontroller gives it the latest
state only. A crash is shown by several steps, and whichever of them comes first, and in whatever
order, the same is said of it.
"""

from collections.abc import Iterable, Sequence

import pytest

from pod_diagnoser.causes import Cause
from pod_diagnoser.diagnosing import Diagnosis, diagnose
from pod_diagnoser.evidence import Gathered
from tests.unit import corpus
from tests.unit.corpus import Step

CRASHES: dict[str, tuple[Cause, ...]] = {
    "00-healthy-running": (Cause.COMPLETED,),
    "01-completed-exit0-never": (),
    "01-completed-exit0-restarted": (Cause.COMPLETED,) * 2,
    "02-exit1-never": (Cause.APPLICATION_ERROR,),
    "02-exit1-restarted": (Cause.APPLICATION_ERROR,),
    "03-oomkilled-never": (Cause.OUT_OF_MEMORY,),
    "03-oomkilled-restarted": (Cause.OUT_OF_MEMORY,),
    "04-sigkill-outside-restarted": (Cause.KILLED,),
    "05-crashloop-0-terminated": (Cause.APPLICATION_ERROR,) * 4,
    "06-command-not-found-crashloop": (Cause.START_FAILED,) * 2,
    "06-command-not-found-never": (Cause.START_FAILED,),
    "06-sh-command-not-found-127": (Cause.COMMAND_NOT_FOUND,),
    "07-liveness-kill-137": (Cause.LIVENESS_PROBE_FAILED,),
    "07-liveness-kill-term-143": (Cause.LIVENESS_PROBE_FAILED,),
    "07-readiness-only-not-ready": (),
    "08-init-failing-crashloop": (Cause.APPLICATION_ERROR,) * 2,
    "08-init-failing-never": (Cause.APPLICATION_ERROR,),
    "09-sidecar-crash-crashloop": (Cause.APPLICATION_ERROR,) * 2,
    "10-errimageneverpull": (Cause.IMAGE_MISSING,),
    "10-errimagepull": (Cause.IMAGE_PULL_FAILED,),
    "11-createcontainerconfigerror": (Cause.CONFIGURATION_ERROR,),
    "11-missing-configmap-volume-containercreating": (),
    "12-activedeadlineseconds": (Cause.POD_DEADLINE_EXCEEDED,),
    "12-evicted-ephemeral-storage": (Cause.EVICTED,),
    "13-job-pod-failed": (Cause.APPLICATION_ERROR,),
    "14-terminating": (),
    "15-unschedulable": (),
    "16-termination-message": (Cause.APPLICATION_ERROR,),
    "17-poststart-hook-error": (Cause.POST_START_HOOK_FAILED,) * 2,
    "20-onfailure-exit4-restarted": (Cause.APPLICATION_ERROR,),
}
"""What truly happened in each stream before its Pod was deleted, in that order.

What ended after somebody had asked for the deletion was meant to: it is no crash. Pods that never
ran, or were not ready, were deleted before that had lasted for long.
"""

WITH_CRASHES = [name for name, crashes in CRASHES.items() if crashes]


def found(name: str, steps: Sequence[Step]) -> Gathered:
    """The Events of a stream's Pod as they stood at its end."""
    items = corpus.event_items(f"kubelet-{name}")
    assert items is not None
    return corpus.gathered(steps[-1].pod, items)


def sightings(
    steps: Iterable[Step], events: Gathered | None
) -> dict[str, list[tuple[Step, Diagnosis]]]:
    """The steps that show each crash, in the order of the crashes, with what is said at each."""
    seen: dict[str, list[tuple[Step, Diagnosis]]] = {}
    for step in steps:
        if step.kind == "DELETED":
            continue
        pod = step.pod
        for diagnosis in diagnose(pod, corpus.proved(pod, events, step.time)):
            seen.setdefault(diagnosis.id, []).append((step, diagnosis))
    return seen


def test_the_truth_of_every_stream_is_written_down() -> None:
    """No stream is left out."""
    assert corpus.stream_names() == sorted(CRASHES)


@pytest.mark.parametrize("name", CRASHES)
def test_every_crash_is_found_and_nothing_else(name: str) -> None:
    """As many as there were, of the right causes; what was meant to end is not among them."""
    steps = corpus.stream(name)
    seen = sightings(steps, found(name, steps))
    assert tuple(shown[0][1].cause for shown in seen.values()) == CRASHES[name]


@pytest.mark.parametrize("name", WITH_CRASHES)
@pytest.mark.parametrize("with_events", [True, False])
def test_every_single_sighting_says_the_same(name: str, with_events: bool) -> None:
    """The words do not depend on which of a crash's steps is seen.

    One moment proves more than the ones after it: that in which a container waits for its postStart
    hook's sake. Without Events nobody who missed it can know.
    """
    steps = corpus.stream(name)
    events = found(name, steps) if with_events else None
    for shown in sightings(steps, events).values():
        words = {(each.cause, each.sentence, each.restart_reason) for _, each in shown}
        passing = not with_events and name == "17-poststart-hook-error"
        assert len(words) == 1 or passing
        assert len({(each.finished_at, each.exit_code, each.container) for _, each in shown}) == 1
