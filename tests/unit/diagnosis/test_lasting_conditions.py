"""Which lasting conditions are found, from when on they are told, and which are none."""

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.api.time import format_time
from pod_diagnoser.diagnosis.detection import detect_symptoms
from pod_diagnoser.diagnosis.lasting_conditions import detect_lasting_conditions
from pod_diagnoser.diagnosis.symptoms import LastingCondition, Symptom
from tests.support.builders import T0, Json, after, container, pod, terminated
from tests.unit.test_sync_properties import mutated_pods


def condition(kind: str, status: str, reason: str = "", at: datetime = T0, **more: Any) -> Json:
    """``PodCondition``."""
    time = {"lastTransitionTime": format_time(at)}
    return {"type": kind, "status": status, "reason": reason, **time, **more}


NOT_READY = (
    condition("Ready", "False", "ContainersNotReady"),
    condition("ContainersReady", "False", "ContainersNotReady"),
)


def waiting(name: str, reason: str) -> Json:
    """``ContainerStatus`` of a container that waits."""
    return {"name": name, "ready": False, "state": {"waiting": {"reason": reason}}}


def running(name: str, at: datetime = T0, **status: Any) -> Json:
    """``ContainerStatus`` of a container that runs."""
    return {"name": name, "state": {"running": {"startedAt": format_time(at)}}, **status}


def ended(name: str, at: datetime = T0, code: int = 0) -> Json:
    """``ContainerStatus`` of a container that ended."""
    return {"name": name, "state": {"terminated": terminated(at, code)}}


def unready(
    *statuses: Json, init: tuple[Json, ...] = (), spec: Json | None = None, **metadata: Any
) -> Json:
    """Build a Pod that is not ready."""
    document = pod(*statuses, **metadata)
    document["status"] |= {
        "phase": "Running",
        "conditions": list(NOT_READY),
        "initContainerStatuses": list(init),
    }
    document["spec"]["initContainers"] = [{"name": each["name"]} for each in init]
    document["spec"] |= spec or {}
    return document


def found(document: Json) -> list[tuple[Symptom, datetime]]:
    """Find the lasting conditions of a Pod."""
    return list(detect_lasting_conditions(Pod.model_validate_json(json.dumps(document))))


def told(document: Json) -> list[tuple[str, str, datetime]]:
    """Return container, condition and time of each."""
    return [(each.container, each.reason, at) for each, at in found(document)]


INITIALIZING = waiting("app", "PodInitializing")


@pytest.mark.parametrize(
    ("init", "expected"),
    [
        pytest.param(
            (waiting("setup", "PodInitializing"), waiting("more", "PodInitializing")),
            ("setup", LastingCondition.NOT_CREATED, after(120)),
            id="nothing has begun",
        ),
        pytest.param(
            (ended("setup", after(60)), waiting("more", "PodInitializing")),
            ("more", LastingCondition.NOT_CREATED, after(180)),
            id="the second one does not begin",
        ),
        pytest.param(
            (ended("setup", after(60)), running("more", after(61))),
            ("more", LastingCondition.NOT_INITIALIZED, after(361)),
            id="the second one runs",
        ),
        pytest.param(
            (ended("setup", after(60)), ended("more", after(90))),
            ("app", LastingCondition.NOT_CREATED, after(210)),
            id="all have ended",
        ),
    ],
)
def test_a_pod_waits_for_one_of_its_init_containers(
    init: tuple[Json, ...], expected: tuple[str, LastingCondition, datetime]
) -> None:
    """The kubelet gives all containers the same reason for waiting; one of them is what counts."""
    assert told(unready(INITIALIZING, init=init)) == [expected]


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(ended("setup", code=1), id="ended with an error"),
        pytest.param(waiting("setup", "CrashLoopBackOff"), id="in a crash loop"),
        pytest.param(waiting("setup", "ImagePullBackOff"), id="without its image"),
    ],
)
def test_an_init_container_that_fails_is_no_lasting_condition(first: Json) -> None:
    """It is told as what it is."""
    assert told(unready(INITIALIZING, init=(first,))) == []


def test_a_container_is_created_anew_when_the_sandbox_is() -> None:
    """After a restart of the node, for instance; it waits since it ended."""
    last = {"lastState": {"terminated": terminated(after(60))}}
    own = unready({**waiting("app", "ContainerCreating"), **last})
    first = unready(INITIALIZING, init=({**waiting("setup", "PodInitializing"), **last},))
    assert told(own) == [("app", LastingCondition.NOT_CREATED, after(180))]
    assert told(first) == [("setup", LastingCondition.NOT_CREATED, after(180))]


def test_a_sidecar_that_has_started_lets_the_next_one_begin() -> None:
    """One that has not is waited for, by its startup probe."""
    sidecar = {"name": "proxy", "restartPolicy": "Always", "startupProbe": {}}
    started = unready(
        INITIALIZING, init=(running("proxy", started=True), waiting("setup", "PodInitializing"))
    )
    pending = unready(INITIALIZING, init=(running("proxy", after(5), started=False),))
    for document in (started, pending):
        document["spec"]["initContainers"][0] = sidecar
    assert told(started) == [("setup", LastingCondition.NOT_CREATED, after(120))]
    assert told(pending) == [("proxy", LastingCondition.NOT_STARTED, after(125))]


@pytest.mark.parametrize(
    ("probes", "started", "expected"),
    [
        (("startupProbe", "readinessProbe"), False, LastingCondition.NOT_STARTED),
        (("startupProbe", "readinessProbe"), True, LastingCondition.NOT_READY),
        (("readinessProbe",), False, LastingCondition.NOT_READY),
        (("startupProbe",), None, None),
        ((), False, None),
    ],
)
def test_a_pending_startup_probe_is_no_failing_readiness_probe(
    probes: tuple[str, ...], *, started: bool | None, expected: LastingCondition | None
) -> None:
    """The kubelet runs no readiness probe before the startup probe has succeeded."""
    document = unready(running("app", after(10), ready=False, started=started))
    document["spec"]["containers"][0] |= {key: {} for key in probes}
    begun = after(10) if expected is LastingCondition.NOT_STARTED else T0
    conditions = [("app", expected, begun.replace(minute=2))] if expected else []
    assert told(document) == conditions


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"phase": "Pending"}, True),
        ({"phase": "Running"}, False),
        ({"phase": "Pending", "containerStatuses": [waiting("app", "CrashLoopBackOff")]}, False),
        ({"phase": "Pending", "conditions": [condition("PodScheduled", "False")]}, False),
    ],
)
def test_a_kubelet_may_not_begin_with_a_pod(status: Json, *, expected: bool) -> None:
    """Then nothing is known of the Pod but its node."""
    document = pod(container())
    scheduled = [condition("PodScheduled", "True")]
    document["status"] = {"conditions": scheduled, **status}
    conditions = [("", LastingCondition.NOT_PICKED_UP, after(120))] if expected else []
    assert told(document) == conditions


def test_an_init_container_is_begun_again_while_the_pod_runs() -> None:
    """It runs since after the Pod's own container; one that ran before it did not."""
    own = running("app", after(10), ready=True)
    again = unready(own, init=(running("setup", after(500)),))
    before = unready(own, init=(ended("setup", after(5)),))
    runs_again = LastingCondition.INIT_CONTAINER_RUNS_AGAIN
    assert told(again) == [("setup", runs_again, after(500))]
    assert told(before) == []
    forgotten = unready(own, init=(waiting("setup", "PodInitializing"),))
    initialized = condition("Initialized", "False", at=after(400))
    forgotten["status"]["conditions"] = [condition("Ready", "True"), initialized]
    assert told(forgotten) == [("setup", runs_again, after(400))]


def gated(*conditions: Json) -> Json:
    """Build a Pod with two readiness gates."""
    document = unready(running("app", ready=True))
    document["spec"]["readinessGates"] = [{"conditionType": "a/b"}, {"conditionType": "c/d"}]
    document["status"]["conditions"] = [
        condition("Ready", "False", "ReadinessGatesNotReady"),
        condition("ContainersReady", "True"),
        *conditions,
    ]
    return document


def test_a_readiness_gate_that_is_not_set_is_named_with_its_message() -> None:
    """Those that are set are not; a condition that does not exist counts as not set."""
    false = condition("c/d", "False", "Unhealthy", message="no answer")
    (symptom, at), *others = found(gated(condition("a/b", "True"), false))
    assert not others
    assert (symptom.names, symptom.message, at) == (("c/d",), "no answer", after(120))
    ((symptom, _),) = found(gated())
    assert (symptom.names, symptom.message) == (("a/b", "c/d"), "")


def job(*statuses: Json, policy: str = "Never") -> Json:
    """Build a Pod of a Job."""
    return unready(*statuses, spec={"restartPolicy": policy})


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param(job(ended("app"), running("proxy")), ("app",), id="never"),
        pytest.param(job(ended("app"), running("proxy"), policy="OnFailure"), ("app",), id="fails"),
        pytest.param(job(ended("app"), running("proxy"), policy="Always"), None, id="always"),
        pytest.param(job(ended("app", code=1), running("proxy")), None, id="a crash"),
        pytest.param(job(running("app"), running("proxy")), None, id="both run"),
        pytest.param(job(ended("app"), ended("proxy")), None, id="both done"),
        pytest.param(
            job(ended("app"), running("proxy"), waiting("more", "CrashLoopBackOff")),
            None,
            id="another one fails",
        ),
    ],
)
def test_a_pod_is_held_open_by_who_runs_on(document: Json, expected: tuple[str, ...]) -> None:
    """A container is done that ended well and is not started again."""
    conditions = found(document)
    assert bool(conditions) is (expected is not None)
    for symptom, at in conditions:
        assert symptom.reason == LastingCondition.NOT_COMPLETED
        assert (symptom.container, symptom.names, at) == ("proxy", expected, after(minutes=5))


def deleted(*statuses: Json, **more: Any) -> Json:
    """Build a Pod that is being deleted, whose grace period has ended."""
    return unready(*statuses, deletionTimestamp=format_time(T0), **more)


def test_a_deletion_waits_for_what_runs_then_for_finalizers() -> None:
    """A finalizer is removed when the Pod is done, so what runs is what counts first."""
    finalizers = ["shop.example.com/backup"]
    ((runs, at),) = found(deleted(running("app"), finalizers=finalizers))
    assert (runs.still_runs, runs.names, at) == (True, ("app",), after(120))
    ((done, _),) = found(deleted(ended("app"), finalizers=finalizers))
    assert (done.still_runs, done.names) == (False, ("shop.example.com/backup",))
    ((nothing, _),) = found(deleted(ended("app")))
    assert (nothing.still_runs, nothing.names, nothing.node_lost) == (False, (), False)


def test_a_deletion_says_that_the_node_stopped_reporting() -> None:
    """Then nobody can tell whether something runs."""
    document = deleted(running("app"))
    document["status"]["conditions"] = [
        condition("Ready", "False"),
        condition("ContainersReady", "True"),
    ]
    ((symptom, _),) = found(document)
    assert symptom.node_lost


def test_a_deletion_is_told_whatever_the_phase() -> None:
    """A finished Pod may wait for its finalizers as well; nothing else is told of one."""
    for phase in ("Pending", "Running", "Succeeded", "Failed"):
        document = deleted(ended("app"), finalizers=["a/b"])
        document["status"]["phase"] = phase
        assert [each for _, each, _ in told(document)] == [LastingCondition.NOT_DELETED]


@given(mutated_pods(), st.booleans())
def test_conditions_are_total_bounded_and_distinct(document: Any, deletes: bool) -> None:
    """Whatever a Pod looks like: at most a condition a container, with ids of their own."""
    if deletes and isinstance(document.get("metadata"), dict):
        document["metadata"]["deletionTimestamp"] = format_time(T0)
        document["metadata"]["finalizers"] = ["x" * 500, "\u202e", 7, None][:2]
    try:
        parsed = Pod.model_validate(document)
    except ValidationError:
        return
    conditions = [each for each, _ in detect_lasting_conditions(parsed)]
    ids = [each.id for each in (*conditions, *detect_symptoms(parsed))]
    names = [each.status.name for each in parsed.containers()]
    if len(set(names)) == len(names):
        assert len(set(ids)) == len(ids)
    for each in conditions:
        assert len(each.names) <= 5
        assert all(name.isprintable() and len(name.encode()) <= 128 for name in each.names)


def test_a_container_is_told_of_once() -> None:
    """The builder of the tests above gives no condition to a healthy Pod."""
    document = unready(container("app"))
    document["status"]["conditions"] = [condition("Ready", "True")]
    assert told(document) == []


@pytest.mark.parametrize(
    ("volumes", "claims"),
    [
        ([{"name": "data", "persistentVolumeClaim": {"claimName": "data-0"}}], ("data-0",)),
        (
            [
                {"persistentVolumeClaim": {"claimName": "a"}},
                {"configMap": {"name": "x"}},
                {"persistentVolumeClaim": {"claimName": "b"}},
            ],
            ("a", "b"),
        ),
        (None, ()),
        ("data", ()),
        ({"persistentVolumeClaim": {"claimName": "a"}}, ()),
        ([None, 1, "x", [], {}, {"persistentVolumeClaim": None}], ()),
        ([{"persistentVolumeClaim": {}}, {"persistentVolumeClaim": {"claimName": 7}}], ()),
    ],
)
def test_a_pod_for_which_there_is_no_node_names_its_claims(
    volumes: Any, claims: tuple[str, ...]
) -> None:
    """The scheduler does not say which claim is not bound; nothing odd in a spec does harm."""
    document = pod()
    document["spec"]["volumes"] = volumes
    document["status"]["conditions"] = [
        condition("PodScheduled", "False", "Unschedulable", message="no luck")
    ]
    ((symptom, _),) = detect_lasting_conditions(Pod.model_validate(document))
    assert symptom.names == claims


def pending(*conditions: Json, **spec: Any) -> Json:
    """Build a Pod without a node."""
    document = pod()
    document["metadata"]["creationTimestamp"] = format_time(T0)
    document["spec"] |= {"nodeName": "", **spec}
    document["status"] = {"phase": "Pending", "conditions": list(conditions)}
    return document


def test_scheduling_gates_hold_a_pod_back() -> None:
    """They are named, those that are left; only the reason tells that they count."""
    gates = [{"name": "a.example/quota"}, {"name": "b.example/scan"}]
    held = condition("PodScheduled", "False", "SchedulingGated")
    ((symptom, at),) = found(pending(held, schedulingGates=gates))
    assert symptom.reason == LastingCondition.SCHEDULING_GATED
    assert (symptom.names, at) == (("a.example/quota", "b.example/scan"), after(minutes=5))
    assert not found(pending(condition("PodScheduled", "False", "Other"), schedulingGates=gates))


def test_a_pod_of_which_no_scheduler_says_anything() -> None:
    """It has no node, no container and no condition; of one with a node its kubelet speaks."""
    ((symptom, at),) = found(pending(schedulerName="gang-scheduler"))
    assert symptom.reason == LastingCondition.NOT_SCHEDULED
    assert (symptom.names, at) == (("gang-scheduler",), after(120))
    assert not found(pending(nodeName="node1"))
    begun = pending()
    begun["status"]["containerStatuses"] = [waiting("app", "ContainerCreating")]
    assert not found(begun)


@pytest.mark.parametrize(
    ("kind", "reason", "expected"),
    [
        ("PodResizePending", "Deferred", LastingCondition.RESIZE_DEFERRED),
        ("PodResizePending", "Infeasible", LastingCondition.RESIZE_INFEASIBLE),
        ("PodResizePending", "Another", None),
        ("PodResizeInProgress", "Error", LastingCondition.RESIZE_FAILED),
        ("PodResizeInProgress", "", None),
    ],
)
@pytest.mark.parametrize("status", ["True", "False"])
def test_a_resize_that_is_not_done(
    kind: str, reason: str, expected: LastingCondition | None, status: str
) -> None:
    """Nothing else has to be wrong with the Pod."""
    document = pod(running("app", ready=True, started=True))
    ready = condition("Ready", "True"), condition("ContainersReady", "True")
    resize = condition(kind, status, reason, message="no room")
    document["status"] |= {"phase": "Running", "conditions": [*ready, resize]}
    reasons = [(each.reason, each.message) for each, _ in found(document)]
    assert reasons == ([(expected, "no room")] if expected and status == "True" else [])
