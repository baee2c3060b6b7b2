"""What Events and container output add to a diagnosis, what they cost, and diagnoses without them.

The hook reads them with its ServiceAccount's own token, under the component's role.
"""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from dev.envtest import pods
from dev.envtest.client import EVENTS, PODS, SECRETS, ApiError, Json
from dev.envtest.installation import PODS_HOOK, SYSTEM, TOKENS
from dev.envtest.logs import LogServer, Write
from dev.envtest.pods import Termination
from dev.envtest.proxy import answering, forward, hanging
from dev.local_ports import free_ports
from pod_diagnoser.cluster.circuit_breaker import REFUSED_SECONDS
from pod_diagnoser.cluster.evidence import LINES_BEFORE, MAX_REASON_LOG_BYTES, REASON_LINES
from pod_diagnoser.pods.keys import CAUSE, CRASH
from tests.e2e.evidence import SAID, EvidenceRig, post_event, post_liveness_kill
from tests.e2e.fault_rig import when
from tests.e2e.object_recording import ObjectRecording
from tests.e2e.test_remediating import operators_client, rules_of
from tests.e2e.workspace import APP, ERROR, PATIENCE, Workspace, eventually, shown_metadata

KILLED = Termination(137, "Error")
RAN = timedelta(seconds=30)
SECOND_LOOK = 4.0
"""Seconds at least from a crash to the second look at its Events: five from the whole second in
which it was first diagnosed."""

AGAIN = 12.0
"""Seconds after which Events have been read again, where they are."""

LINES: Json = {"evidence": {"logLines": 10}}


@pytest.fixture
def rig(evidence: EvidenceRig) -> Iterator[EvidenceRig]:
    """The hook with evidence, over a whole network, and with nothing in mind."""
    evidence.reset()
    yield evidence
    evidence.reset()


@pytest.fixture
def logs(evidence: EvidenceRig) -> Iterator[LogServer]:
    """The Node's logs."""
    plane = evidence.cluster.control_plane
    (port,) = free_ports(1)
    with LogServer(plane.admin, port, plane.certificate, plane.key) as server:
        yield server


def start_probed(shop: Workspace, name: str = "web") -> Json:
    """Start a Pod whose container has a liveness probe, and have run for a while."""
    manifest = pods.manifest(name, APP)
    probe = {"httpGet": {"path": "/healthz", "port": 8080}}
    manifest["spec"]["containers"][0]["livenessProbe"] = probe
    stored = shop.cluster.admin.create(PODS, manifest, shop.namespace)
    status = pods.started(stored)
    its = pods.container_status({"status": status})
    its["state"]["running"]["startedAt"] = pods.timestamp(pods.now() - RAN)
    return shop.cluster.kubelet.report(shop.namespace, name, status)


def crash(shop: Workspace, how: Termination = KILLED, name: str = "web") -> Json:
    """Report an end and, as soon as a kubelet can and the end is diagnosed, the restart.

    Metacontroller syncs a Pod once more, as it was before its own write, if something else happens
    meanwhile: a new DiagnosisTarget, or a restart. Then the hook would read Events and log again.

    Returns:
        The Pod as it was with its container ended.
    """
    shop.settled(quiet=1.0)
    before = shown(shop, name).get("crashes")
    ended = shop.cluster.kubelet.end(shop.namespace, name, how)
    time.sleep(1)
    eventually(lambda: shown(shop, name).get("crashes"), lambda now: now != before)
    shop.cluster.kubelet.restart(shop.namespace, name)
    return ended


def shown(shop: Workspace, name: str = "web") -> dict[str, str]:
    """Return our annotations on a Pod."""
    return shown_metadata(shop.pod(name))[0]


def await_cause(shop: Workspace, cause: str, name: str = "web", timeout: float = PATIENCE) -> str:
    """Wait until a Pod shows a cause; return the diagnosis with its evidence."""
    found = eventually(
        lambda: shown(shop, name), lambda those: those["cause"] == cause, timeout=timeout
    )
    return f"{found['diagnosis']} | {found['evidence']}"


def kept_evidence(shop: Workspace, name: str = "web") -> dict[str, Any]:
    """Return the evidence of the latest crash in a Pod's history."""
    latest = json.loads(shown(shop, name)["crashes"])["history"][0]
    found: dict[str, Any] = latest.get("evidence", {})
    return found


def test_a_liveness_kill_is_reported_with_the_output_of_the_probe(
    rig: EvidenceRig, shop: Workspace
) -> None:
    """It exits as by any SIGKILL; Events name the kubelet and its reason, for one call."""
    shop.diagnose()
    pod = start_probed(shop)
    post_liveness_kill(shop, pod)
    crash(shop)
    assert SAID in await_cause(shop, "LivenessProbeFailed")
    shop.annotated("web", "Error (Exit Code: 137)")
    shop.settled(quiet=AGAIN - 4)
    assert shop.calls() == {"list events 200": 1}
    (call,) = shop.audited()
    assert call.user == f"system:serviceaccount:{SYSTEM}:{PODS_HOOK}"
    (request,) = rig.requests_about(shop.namespace)
    assert f"involvedObject.uid%3D{pod['metadata']['uid']}" in request.path


def told(shop: Workspace) -> dict[str, str]:
    """Return the causes in the Events about crashes, by crash id."""
    annotations = [one["metadata"]["annotations"] for one in shop.events("PodRestarted")]
    return {one[CRASH]: one[CAUSE] for one in annotations}


def recorded(shop: Workspace, name: str = "web") -> dict[str, str]:
    """Return the causes that a Pod has recorded, by crash id."""
    history = json.loads(shown(shop, name)["crashes"])["history"]
    return {one["id"]: one["cause"] for one in history}


def in_status(shop: Workspace) -> dict[str, str]:
    """Return the causes in the status, by crash id."""
    return {one["id"]: one["cause"] for one in shop.status()["recentDiagnoses"]}


def test_each_of_many_liveness_kills_is_told_with_the_cause_of_the_annotation(
    rig: EvidenceRig, shop: Workspace
) -> None:
    """From the second on the Pod has its label: both syncs begin together."""
    shop.diagnose(remediationAction="LogEvent")
    pod = start_probed(shop)
    for number in range(1, 5):
        post_liveness_kill(shop, pod)
        crash(shop)
        shop.await_events("PodRestarted", number)
        time.sleep(2)  # its next run is longer than the second in which it begins
    assert set(told(shop).values()) == {"LivenessProbeFailed"}
    assert told(shop) == recorded(shop)
    eventually(lambda: in_status(shop), lambda found: found == recorded(shop))
    assert rig.requests_about(shop.namespace)


@pytest.mark.parametrize("late", [False, True], ids=["nothing comes", "an Event comes late"])
def test_what_events_do_not_say_yet_is_told_when_they_were_read_again(
    rig: EvidenceRig, shop: Workspace, late: bool
) -> None:
    """Seconds later, and with the cause that the annotation names then."""
    shop.diagnose(remediationAction="LogEvent")
    pod = start_probed(shop)
    begun = time.monotonic()
    ended = pods.container_status(crash(shop))["state"]["terminated"]
    await_cause(shop, "Killed")
    if late:
        post_liveness_kill(shop, pod, at=datetime.fromisoformat(ended["finishedAt"]))
    assert not shop.events("PodRestarted")
    shop.await_events("PodRestarted", 1)
    assert time.monotonic() - begun >= SECOND_LOOK
    assert set(told(shop).values()) == {"LivenessProbeFailed" if late else "Killed"}
    shop.settled()
    assert told(shop) == recorded(shop) == in_status(shop)
    assert len(rig.requests_about(shop.namespace)) == 2


def test_events_that_come_late_are_found(rig: EvidenceRig, shop: Workspace) -> None:
    """A busy kubelet posts them seconds after the crash: the second look finds them."""
    shop.diagnose()
    pod = start_probed(shop)
    with ObjectRecording(rig.cluster.admin, shop.namespace) as recording:
        terminated = pods.container_status(crash(shop))["state"]["terminated"]
        await_cause(shop, "Killed")
        time.sleep(1)  # not longer: the second look may be near on a busy machine
        post_liveness_kill(shop, pod, at=datetime.fromisoformat(terminated["finishedAt"]))
        assert SAID in await_cause(shop, "LivenessProbeFailed")
        shop.settled(quiet=AGAIN - 4)
        versions = recording.all(PODS, lambda one: one["metadata"]["name"] == "web")
    assert shop.calls() == {"list events 200": 2}
    states = [shown_metadata(one) for one in versions]
    assert sum(now != before for before, now in itertools.pairwise(states)) <= 3


def test_what_events_cannot_show_is_looked_up_once(rig: EvidenceRig, shop: Workspace) -> None:
    """An application's own exit code without a probe: one look. Out of memory: none at all."""
    assert rig.hook.process.running
    shop.diagnose()
    shop.start_pod("own-code")
    shop.start_pod("no-memory")
    crash(shop, ERROR, "own-code")
    crash(shop, Termination(137, "OOMKilled"), "no-memory")
    await_cause(shop, "ApplicationError", "own-code")
    await_cause(shop, "OutOfMemory", "no-memory")
    shop.settled(quiet=AGAIN - 4)
    assert shop.calls() == {"list events 200": 1}


def test_made_up_events_prove_nothing_where_they_do_not_fit(
    rig: EvidenceRig, shop: Workspace
) -> None:
    """Of another component, another container, another time, full of control characters."""
    assert rig.hook.process.running
    shop.diagnose()
    pod = start_probed(shop)
    killing = "Container app failed liveness probe, will be restarted"
    post_event(shop, pod, "Killing", killing, component="my-controller")
    post_event(shop, pod, "Killing", killing, container="other")
    post_event(shop, pod, "Killing", killing, at=pods.now() - timedelta(hours=1))
    post_event(shop, pod, "Killing", "\u202eContainer app\x00 failed \x1b[31mliveness probe <b>")
    crash(shop)
    await_cause(shop, "Killed")
    shop.settled(quiet=AGAIN - 4)
    assert shown(shop)["cause"] == "Killed"
    assert shop.calls() == {"list events 200": 2}


def test_hostile_output_of_a_probe_is_shown_sanitized(rig: EvidenceRig, shop: Workspace) -> None:
    """What a probe said is the application's: cut, without control and bidi characters."""
    assert rig.hook.process.running
    shop.diagnose()
    pod = start_probed(shop)
    post_liveness_kill(
        shop, pod, probe_output="\u202e\x1b[31mred\x07 <script>x</script>" + "y" * 800
    )
    crash(shop)
    diagnosis = await_cause(shop, "LivenessProbeFailed")
    assert "yyy" in diagnosis
    assert not {"\u202e", "\x1b", "\x07"} & set(diagnosis)
    assert "y" * 120 not in diagnosis


def test_where_events_may_not_be_read_the_diagnosis_says_so(
    rig: EvidenceRig, shop: Workspace
) -> None:
    """It retries once a minute; once it may read, the next crash is diagnosed for certain."""
    shop.diagnose()
    pod = start_probed(shop)
    rig.refuse()
    try:
        post_liveness_kill(shop, pod)
        crash(shop)
        refused = time.monotonic()
        assert "its Events may not be read" in await_cause(shop, "Killed")
        shop.settled(quiet=AGAIN - 4)
        assert shop.calls() == {"list events 403": 1}
        assert kept_evidence(shop)["asked"] == "Refused"
    finally:
        rig.grant()
    time.sleep(max(0.0, refused + REFUSED_SECONDS + 3 - time.monotonic()))
    post_liveness_kill(shop, shop.pod("web"))
    time.sleep(1)
    crash(shop)
    assert SAID in await_cause(shop, "LivenessProbeFailed")
    assert shop.calls()["list events 200"] == 1


def test_the_right_can_be_given_for_chosen_namespaces(rig: EvidenceRig, shop: Workspace) -> None:
    """With a RoleBinding in place of the ClusterRoleBinding."""
    shop.diagnose()
    rig.refuse()
    try:
        rig.grant_in(shop.namespace)
        pod = start_probed(shop)
        post_liveness_kill(shop, pod)
        crash(shop)
        assert SAID in await_cause(shop, "LivenessProbeFailed")
    finally:
        rig.grant()


def test_a_slow_api_server_delays_no_diagnosis(rig: EvidenceRig, shop: Workspace) -> None:
    """Events that do not come are not waited for; once they come, the second look is certain."""
    shop.diagnose()
    names = [f"web-{number}" for number in range(21)]
    running = {name: start_probed(shop, name) for name in names}
    rig.api.rule = when("GET", "/events", rule=hanging(rig.over, 3 * PATIENCE))
    *waiting, needs_none = names  # as many as Metacontroller syncs at a time, and one more
    for name in waiting:
        post_liveness_kill(shop, running[name])
        shop.cluster.kubelet.end(shop.namespace, name, KILLED)
    shop.cluster.kubelet.end(shop.namespace, needs_none, Termination(137, "OOMKilled"))
    await_cause(shop, "OutOfMemory", needs_none)
    for name in waiting:
        assert "its Events could not be read" in await_cause(shop, "Killed", name)
    rig.api.rule = forward
    for name in waiting:
        await_cause(shop, "LivenessProbeFailed", name)


def test_a_busy_api_server_is_given_time(rig: EvidenceRig, shop: Workspace) -> None:
    """429: no request before Retry-After; the second look then finds the cause."""
    shop.diagnose()
    pod = start_probed(shop)
    busy = answering(429, "TooManyRequests", Retry_After="2")
    rig.api.rule = when("GET", "/events", rule=busy)
    post_liveness_kill(shop, pod)
    crash(shop)
    assert "its Events could not be read" in await_cause(shop, "Killed")
    assert len(rig.requests_about(shop.namespace)) == 1
    rig.api.rule = forward
    assert SAID in await_cause(shop, "LivenessProbeFailed")
    assert len(rig.requests_about(shop.namespace)) == 2


def test_without_evidence_requests_nothing_is_read(rig: EvidenceRig, shop: Workspace) -> None:
    """``spec.evidence.events: false``: not one call, and no word of Events that were not read."""
    shop.diagnose(evidence={"events": False})
    pod = start_probed(shop)
    post_liveness_kill(shop, pod)
    crash(shop)
    await_cause(shop, "Killed")
    shop.settled(quiet=AGAIN - 4)
    assert shop.calls() == {}
    assert rig.requests_about(shop.namespace) == []
    assert kept_evidence(shop) == {}


def test_the_role_allows_two_reads_and_nothing_else(rig: EvidenceRig, shop: Workspace) -> None:
    """Any other request of the Pods' hook would be refused."""
    hook = operators_client(rig.cluster, PODS_HOOK)
    anybody = rules_of(operators_client(rig.cluster, "default"), shop.namespace)
    assert rules_of(hook, shop.namespace) - anybody == {
        ("", "events", "list"),
        ("", "pods/log", "get"),
        ("diagnostics.local.io", "diagnosistargets", "get"),
    }
    shop.start_pod("web")
    attempts: list[Callable[[], object]] = [
        lambda: hook.list(SECRETS, shop.namespace),
        lambda: hook.get(SECRETS, TOKENS, SYSTEM),
        lambda: hook.list(PODS, shop.namespace),
        lambda: hook.get(PODS, "web", shop.namespace),
        lambda: hook.delete(PODS, "web", shop.namespace),
        lambda: hook.patch(PODS, "web", {"metadata": {"labels": {"a": "b"}}}, shop.namespace),
        lambda: hook.post(PODS, "web", "eviction", {}, shop.namespace),
        lambda: hook.create(PODS, pods.manifest("more"), shop.namespace),
        lambda: hook.create(EVENTS, {"metadata": {"generateName": "x"}}, shop.namespace),
    ]
    for attempt in attempts:
        with pytest.raises(ApiError) as refused:
            attempt()
        assert refused.value.code == 403
    assert "deletionTimestamp" not in shop.pod("web")["metadata"]


def test_without_a_valid_token_nothing_is_read(rig: EvidenceRig, shop: Workspace) -> None:
    """Who calls the hook without one gets 401, and has it read nothing."""
    shop.diagnose()
    start_probed(shop)
    rig.cluster.metacontroller.stop()
    try:
        crashed = shop.crash("web", KILLED)
        body = {"object": crashed, "related": {"DiagnosisTarget.diagnostics.local.io/v1": {}}}
        with requests.Session() as session:
            session.trust_env = False
            session.verify = str(rig.cluster.authority)
            for header in (None, "Bearer", "Bearer x"):
                answer = session.post(
                    f"{rig.hook.url}/pods/sync",
                    json=body,
                    headers={"Authorization": header},
                    timeout=8,
                )
                assert answer.status_code == requests.codes.unauthorized
        assert rig.requests_about(shop.namespace) == []
    finally:
        rig.cluster.metacontroller.start()


def test_the_termination_message_is_shown_masked(rig: EvidenceRig, shop: Workspace) -> None:
    """Only where a PodDiagnoser asks for it; secrets, those it names too, are not in it."""
    assert rig.hook.process.running
    shop.diagnose()
    shop.start_pod("web")
    message = (
        "cannot connect to postgres://app:s3cr3t@db/shop\npassword=hunter2 order PIN-4711\n"
        "\x1b[31m\u202egone"
    )
    shop.crash("web", Termination(1, "Error", message=message))
    await_cause(shop, "ApplicationError")
    assert "termination-message" not in shown(shop)
    shop.change(evidence={"terminationMessage": True, "maskPatterns": ["PIN-[0-9]+"]})
    shop.crash("web", Termination(1, "Error", message=message))
    words = eventually(lambda: shown(shop), lambda those: those["termination-message"])[
        "termination-message"
    ]
    assert "cannot connect to postgres://" in words
    assert "gone" in words
    for secret in ("s3cr3t", "hunter2", "4711", "\x1b", "\u202e"):
        assert secret not in words


def test_the_last_lines_of_the_log_are_shown(
    rig: EvidenceRig, shop: Workspace, logs: LogServer
) -> None:
    """Those of the container that ended, read by the API server from the Node, masked."""
    lines = ["starting", "Authorization: Bearer abcdefghijklmnop", "no such table: orders"]
    logs.write = saying("\n".join(lines).encode() + b"\n")
    shop.diagnose(**LINES)
    shop.start_pod("web")
    crash(shop, ERROR)
    log = eventually(lambda: shown(shop), lambda those: those["log"])["log"]
    assert log.splitlines()[0] == "starting"
    assert log.splitlines()[-1] == "no such table: orders"
    assert "abcdefghijklmnop" not in log
    path, query = logs.requests[-1]
    assert path == f"/containerLogs/{shop.namespace}/web/app"
    assert query["tailLines"] == str(10 + LINES_BEFORE)
    assert "previous" not in query  # it was observed before its container was started again
    assert "follow" not in query
    shop.settled()
    assert shop.calls()["get pods/log 200"] == 1
    assert rig.requests_about(shop.namespace)


def saying(*pieces: bytes) -> Write:
    """Return a log of some pieces."""
    return lambda _, __: iter(pieces)


def endless(piece: bytes, seconds: float) -> Write:
    """Return a log that never ends, a piece at a time."""

    def write(_: str, __: dict[str, str]) -> Iterator[bytes]:
        while True:
            yield piece
            time.sleep(seconds)

    return write


@pytest.mark.parametrize(
    "write",
    [
        endless(b"x" * 65536, 0.001),
        endless(b"a line\n", 0.2),
        saying(b"y" * (3 * 1024 * 1024)),
        saying(b"unable to retrieve container logs for containerd://0123"),
    ],
    ids=["endless", "dripping", "too long", "gone"],
)
def test_a_log_that_cannot_be_had_is_left_out(
    rig: EvidenceRig, shop: Workspace, logs: LogServer, write: Write
) -> None:
    """One that never ends, is too long, is gone: the diagnosis stands without it."""
    assert rig.hook.process.running
    logs.write = write
    shop.diagnose(**LINES)
    shop.start_pod("web")
    crash(shop, ERROR)
    await_cause(shop, "ApplicationError")
    shop.settled()
    assert "log" not in shown(shop)


@pytest.mark.parametrize(
    ("written", "there", "absent"),
    [
        (b"caf\xe9 \xff\xfe end\n", "end", "\xff"),
        (b"\xe2\x80\xae\x1b]0;title\x07red\x00 <b>end\n", "<b>end", "\u202e"),
        (b"z" * (1024 * 1024 - 100) + b" end\n", "end", "z" * 3000),
    ],
    ids=["no UTF-8", "control and bidi", "a line of 1 MB"],
)
def test_a_hostile_log_is_shown_sanitized(
    rig: EvidenceRig, shop: Workspace, logs: LogServer, written: bytes, there: str, absent: str
) -> None:
    """Its end is shown, cut, without what hides or moves text."""
    assert rig.hook.process.running
    logs.write = saying(written)
    shop.diagnose(**LINES)
    shop.start_pod("web")
    crash(shop, ERROR)
    log = eventually(lambda: shown(shop), lambda those: those["log"])["log"]
    assert there in log
    assert absent not in log
    assert not {"\x00", "\x07", "\x1b"} & set(log)
    assert len(log.encode()) <= 2048


def test_a_node_that_is_away_costs_no_diagnosis(rig: EvidenceRig, shop: Workspace) -> None:
    """Its logs are not served: the API server says so, and the diagnosis stands."""
    assert rig.hook.process.running
    shop.diagnose(**LINES)
    shop.start_pod("web")
    crash(shop, ERROR)
    await_cause(shop, "ApplicationError")
    shop.settled()
    assert "log" not in shown(shop)


SECRET = "s3cr3t" + "-4711"
TRACE = f"""starting
connecting to postgres://app:{SECRET}@db/shop
Traceback (most recent call last):
  File "/app/main.py", line 7, in <module>
    url = os.environ["DATABASE_URL"]
KeyError: 'DATABASE_URL'
"""
TOLD = "Container app exited with code 1: \"KeyError: 'DATABASE_URL'\" (MissingConfiguration)"


def test_the_reason_in_the_log_is_told_everywhere_in_the_same_words(
    rig: EvidenceRig, shop: Workspace, logs: LogServer
) -> None:
    """On the Pod, in status, workloads and Event; for one read of log and target each."""
    logs.write = saying(TRACE.encode())
    shop.diagnose(remediationAction="LogEvent", evidence={"reason": True})
    shop.start_pod("web")
    crash(shop, ERROR)
    found = eventually(lambda: shown(shop), lambda those: those["reason"] and those["restart-time"])
    assert found["diagnosis"] == TOLD
    assert found["reason"] == "KeyError: 'DATABASE_URL'"
    assert found["cause"] == "ApplicationError"
    assert 'set "DATABASE_URL"' in found["next-step"]
    (event,) = shop.await_events("PodRestarted", 1)
    assert TOLD in event["message"]
    kind = event["metadata"]["annotations"]["diagnostics.local.io/reason-class"]
    status = eventually(shop.status, lambda those: those["recentDiagnoses"])
    (recent,) = status["recentDiagnoses"]
    assert recent["reasonClass"] == kind == "MissingConfiguration"
    assert [recent["diagnosis"], recent["evidence"]] == [TOLD, found["evidence"]]
    ((cause,),) = [workload["causes"] for workload in status["workloads"]]
    assert cause == {"cause": "ApplicationError", "reasonClass": kind, "pods": 1}
    assert SECRET not in json.dumps([shop.pod("web"), status, event])
    _, query = logs.requests[-1]
    assert query["tailLines"] == str(REASON_LINES)
    assert int(query["limitBytes"]) == MAX_REASON_LOG_BYTES
    shop.settled()
    calls = shop.calls()
    assert (calls["get pods/log 200"], calls["get diagnosistargets 200"]) == (1, 1)
    assert shown(shop) == found
    assert rig.requests_about(shop.namespace)


def test_where_logs_may_not_be_read_the_message_alone_tells_the_reason(
    rig: EvidenceRig, shop: Workspace, logs: LogServer
) -> None:
    """A container without a message is diagnosed as before."""
    logs.write = saying(TRACE.encode())
    rig.api.rule = when("GET", "/log", rule=answering(403, "Forbidden"))
    shop.diagnose(evidence={"reason": True})
    shop.start_pod("web")
    shop.start_pod("silent")
    message = f"cannot reach db:5432 with password={SECRET}: connection refused"
    shop.crash("web", Termination(1, "Error", message=message))
    shop.crash("silent", ERROR)
    diagnosis = await_cause(shop, "ApplicationError")
    assert '"cannot reach db:5432 with password=***' in diagnosis
    assert "(DependencyUnreachable)" in diagnosis
    assert "its own words in its termination message" in diagnosis
    silent = await_cause(shop, "ApplicationError", "silent")
    assert "the code alone does not say why" in silent
    shop.settled()
    assert "reason" not in shown(shop, "silent")
    assert logs.requests == []
    assert SECRET not in json.dumps(shown(shop))


def test_no_log_is_read_for_a_target_that_cannot_be_read(
    rig: EvidenceRig, shop: Workspace, logs: LogServer
) -> None:
    """The hook takes no request's word for it."""
    logs.write = saying(TRACE.encode())
    rig.api.rule = when("GET", "/diagnosistargets/", rule=answering(403, "Forbidden"))
    shop.diagnose(evidence={"reason": True, "logLines": 5})
    shop.start_pod("web")
    crash(shop, ERROR)
    await_cause(shop, "ApplicationError")
    shop.settled()
    assert not {"reason", "log"} & shown(shop).keys()
    assert logs.requests == []


def test_a_log_that_does_not_explain_the_end_is_said_to_be_so(
    rig: EvidenceRig, shop: Workspace, logs: LogServer
) -> None:
    """And one that tells of a request to stop."""
    assert rig.hook.process.running
    shop.diagnose(evidence={"reason": True})
    for name, log, words in (
        ("calm", b"serving on :8080\n", "neither the code nor its log says why"),
        ("asked", b"INFO received SIGTERM, shutting down\n", "says that it was asked to stop"),
    ):
        logs.write = saying(log)
        shop.start_pod(name)
        crash(shop, ERROR, name)
        assert words in await_cause(shop, "ApplicationError", name)
