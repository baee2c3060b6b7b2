"""The REST API of the simulated API server, and what kubectl would print."""

import json
import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from dev.simulator.columns import age, find, render
from dev.simulator.http_api import Request, Response, RestApi
from dev.simulator.objects import Object
from dev.simulator.resources import NAMESPACE, POD
from dev.simulator.scheduling import Clock, RealScheduler, VirtualScheduler
from dev.simulator.serving import ApiServer
from dev.simulator.store import Store
from pod_diagnoser.cluster.client import ApiClient
from pod_diagnoser.cluster.credentials import Credentials
from pod_diagnoser.cluster.errors import ApiError
from tests.support.cluster_fixture import CRDS, DIAGNOSER, ApiFixture

DIAGNOSERS = "/apis/diagnostics.local.io/v1/namespaces/default/poddiagnosers"
PODS = "/api/v1/namespaces/default/pods"
MERGE = {"Content-Type": "application/merge-patch+json"}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class DiagnoserApi(ApiFixture):
    """An API server that has our kinds."""

    def __init__(self) -> None:
        super().__init__(CRDS)

    def diagnoser(self, name: str = "d", **labels: str) -> Response:
        """Create a PodDiagnoser."""
        body = {"metadata": {"name": name, "labels": labels}, "spec": {}}
        return self.send("POST", DIAGNOSERS, body)


@pytest.fixture
def cluster() -> DiagnoserApi:
    """Return an empty cluster."""
    return DiagnoserApi()


def names(response: Response) -> list[str]:
    """Return the names in a list."""
    return [item["metadata"]["name"] for item in response.body["items"]]


def test_create_get_list_delete(cluster: DiagnoserApi) -> None:
    """The life of an object, with the API server's codes and bodies."""
    made = cluster.diagnoser()
    assert made.status == 201
    assert cluster.send("GET", f"{DIAGNOSERS}/d").body == made.body
    listed = cluster.send("GET", DIAGNOSERS)
    assert listed.body["kind"] == "PodDiagnoserList"
    assert listed.body["items"] == [made.body]
    assert names(cluster.send("GET", "/apis/diagnostics.local.io/v1/poddiagnosers")) == ["d"]
    gone = cluster.send("DELETE", f"{DIAGNOSERS}/d")
    assert (gone.status, gone.body["status"]) == (200, "Success")
    missing = cluster.send("GET", f"{DIAGNOSERS}/d")
    assert missing.status == 404
    assert missing.body["message"] == 'poddiagnosers.diagnostics.local.io "d" not found'
    assert missing.body["kind"] == "Status"


def test_put_and_patch(cluster: DiagnoserApi) -> None:
    """PUT replaces and PATCH merges, each for the whole or for the status."""
    made = cluster.diagnoser().body
    changed = {**made, "spec": {"targetLabels": {"a": "b"}}}
    stored = cluster.send("PUT", f"{DIAGNOSERS}/d", changed)
    assert stored.body["spec"]["targetLabels"] == {"a": "b"}
    assert cluster.send("PUT", f"{DIAGNOSERS}/d", made).status == 409
    patched = cluster.send("PATCH", f"{DIAGNOSERS}/d", {"metadata": {"labels": {"x": "y"}}}, MERGE)
    assert patched.body["metadata"]["labels"] == {"x": "y"}
    status = {"status": {"diagnosedPods": 2}}
    assert "status" not in cluster.send("PATCH", f"{DIAGNOSERS}/d", status, MERGE).body
    assert cluster.send("PATCH", f"{DIAGNOSERS}/d/status", status, MERGE).body["status"]


def test_lists_are_selected(cluster: DiagnoserApi) -> None:
    """By labels and by fields, as kubectl asks."""
    cluster.diagnoser("a", team="x")
    cluster.diagnoser("b", team="y")
    assert names(cluster.send("GET", f"{DIAGNOSERS}?labelSelector=team%3Dx")) == ["a"]
    assert names(cluster.send("GET", f"{DIAGNOSERS}?labelSelector=team%20in%20(y)")) == ["b"]
    assert names(cluster.send("GET", f"{DIAGNOSERS}?fieldSelector=metadata.name%3Db")) == ["b"]
    assert names(cluster.send("GET", f"{DIAGNOSERS}?fieldSelector=metadata.name!%3Db")) == ["a"]
    assert cluster.send("GET", f"{DIAGNOSERS}?labelSelector=a%3Db%3Dc").status == 400


def test_deletion_takes_preconditions_and_grace(cluster: DiagnoserApi) -> None:
    """From the body, or the grace from the query."""
    pod = {
        "metadata": {"name": "p"},
        "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]},
    }
    cluster.send("POST", PODS, pod)
    wrong = {"preconditions": {"uid": "another"}}
    assert cluster.send("DELETE", f"{PODS}/p", wrong).status == 409
    terminating = cluster.send("DELETE", f"{PODS}/p")
    assert terminating.body["metadata"]["deletionGracePeriodSeconds"] == 30
    assert cluster.send("DELETE", f"{PODS}/p?gracePeriodSeconds=0").body["status"] == "Success"


@pytest.mark.parametrize(
    ("method", "target", "body", "headers", "code"),
    [
        ("POST", DIAGNOSERS, {"metadata": {"name": "x", "namespace": "other"}}, None, 400),
        ("POST", DIAGNOSERS, {"kind": "Pod", "metadata": {"name": "x"}}, None, 400),
        ("POST", DIAGNOSERS, [], None, 400),
        ("POST", DIAGNOSERS, {"metadata": {"name": "x"}, "spec": {"targetLabels": 5}}, None, 422),
        ("PUT", f"{DIAGNOSERS}/d", {"metadata": {"name": "x"}}, None, 400),
        ("PATCH", f"{DIAGNOSERS}/d", {}, {"Content-Type": "application/json-patch+json"}, 415),
        ("PATCH", f"{DIAGNOSERS}/d/scale", {}, MERGE, 404),
        ("DELETE", DIAGNOSERS, None, None, 405),
        ("GET", "/apis/diagnostics.local.io/v1/nothings", None, None, 404),
        ("GET", "/apis/nothing.io/v1", None, None, 404),
        ("DELETE", "/api/v1/namespaces/default", None, None, 405),
    ],
)
def test_refusals(
    cluster: DiagnoserApi, method: str, target: str, body: Any, headers: Any, code: int
) -> None:
    """What cannot be done is refused with the API server's code, as a Status."""
    cluster.diagnoser()
    response = cluster.send(method, target, body, headers)
    assert response.status == code
    assert response.body["kind"] == "Status"
    assert response.body["code"] == code


def test_a_body_that_is_not_json_is_refused(cluster: DiagnoserApi) -> None:
    """400 for any of them."""
    for content in (b"{", b"\xff", b"[" * 100_000):
        assert cluster.api.answer(Request.make("POST", DIAGNOSERS, {}, content)).status == 400


def test_discovery(cluster: DiagnoserApi) -> None:
    """Clients find groups, kinds, short names and subresources."""
    groups = cluster.send("GET", "/apis").body["groups"]
    served = ["apps", "diagnostics.local.io", "events.k8s.io", "policy"]
    assert [group["name"] for group in groups] == served
    found = cluster.send("GET", "/apis/diagnostics.local.io/v1").body["resources"]
    entry = next(one for one in found if one["name"] == "poddiagnosers")
    assert entry["shortNames"] == ["pdiag"]
    assert "poddiagnosers/status" in [one["name"] for one in found]
    assert "pods" in [one["name"] for one in cluster.send("GET", "/api/v1").body["resources"]]


def test_the_writer_is_named_by_its_program(cluster: DiagnoserApi) -> None:
    """The field manager is the query's, or the User-Agent's program."""
    made = cluster.send(
        "POST", DIAGNOSERS, {"metadata": {"name": "a"}, "spec": {}}, {"User-Agent": "curl/8.1"}
    )
    assert made.body["metadata"]["managedFields"][0]["manager"] == "curl"


# What kubectl prints


def diagnosed(cluster: DiagnoserApi) -> Object:
    """Return a PodDiagnoser with a status."""
    cluster.diagnoser("d")
    status = {
        "diagnosedPods": 3,
        "lastProcessedPod": "p",
        "conditions": [
            {
                "type": "Active",
                "status": "True",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
                "reason": "Claiming",
                "message": "",
            }
        ],
        "recentDiagnoses": [
            {
                "id": "0" * 16,
                "pod": "p",
                "podUID": "u",
                "container": "app",
                "cause": "Completed",
                "reason": "Completed (Exit Code: 0)",
                "time": "2025-12-31T23:00:00Z",
                "diagnosis": "It ended.",
            }
        ],
    }
    return cluster.store.patch(
        DIAGNOSER, ("default", "d"), {"status": status}, subresource="status"
    )


def test_columns_are_those_of_the_crd(cluster: DiagnoserApi) -> None:
    """The printer columns with their values, the wide ones with -o wide only."""
    obj = diagnosed(cluster)
    heading, row = render(DIAGNOSER, [obj], NOW, wide=False).splitlines()
    assert heading.split("   ")[0] == "NAME"
    assert "DIAGNOSIS" not in heading
    assert row.split()[:4] == ["d", "True", "3", "p"]
    for value in ("True", "3", "Completed (Exit Code: 0)", "60m", "0s"):
        assert value in row
    assert "DIAGNOSIS" in render(DIAGNOSER, [obj], NOW, wide=True).splitlines()[0]


def test_tables_are_what_kubectl_asks_for(cluster: DiagnoserApi) -> None:
    """With the Accept header of kubectl get the answer is a Table of the same cells."""
    diagnosed(cluster)
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
    table = cluster.send("GET", DIAGNOSERS, headers=accept).body
    assert table["kind"] == "Table"
    names = [column["name"] for column in table["columnDefinitions"]]
    cells = dict(zip(names, table["rows"][0]["cells"], strict=True))
    assert names[0] == "Name"
    assert (cells["Name"], cells["Active"], cells["Diagnosed"], cells["Last Pod"]) == (
        "d",
        "True",
        3,
        "p",
    )
    assert len(table["columnDefinitions"]) == len(table["rows"][0]["cells"])


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (200, "3m20s"),
        (600, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600 + 60, "3h1m"),
        (8 * 3600, "8h"),
        (49 * 3600, "2d1h"),
        (8 * 86400, "8d"),
        (800 * 86400, "2y"),
    ],
)
def test_ages(seconds: float, text: str) -> None:
    """Durations are written as kubectl writes them."""
    assert age(seconds) == text


def test_json_paths() -> None:
    """Keys, indexes and filters are followed; what is missing is None; the rest is an error."""
    obj = {"a": {"b": [{"type": "X", "n": 1}, {"type": "Y", "n": 2}]}}
    assert find(obj, ".a.b[1].n") == 2
    assert find(obj, '.a.b[?(@.type=="Y")].n') == 2
    assert find(obj, ".a.c[0].d") is None
    assert find(obj, '.a.b[?(@.type=="Z")].n') is None
    with pytest.raises(ValueError, match="JSONPath"):
        find(obj, ".a.b[*].n")


# The port


@pytest.fixture
def url() -> Iterator[str]:
    """Serve a cluster in real time and return its URL."""
    scheduler = RealScheduler()
    clock = Clock(scheduler)
    store = Store(clock, random.Random(0), CRDS)
    store.create(NAMESPACE, {"metadata": {"name": "default"}})
    server = ApiServer(scheduler, store, RestApi(store, clock))
    done = threading.Event()
    core = threading.Thread(target=scheduler.run_until, args=(done.is_set,))
    core.start()
    yield server.url
    server.close()
    done.set()
    core.join()


def test_the_hooks_own_calls_over_http(url: str) -> None:
    """Its client reads, evicts and deletes Pods and creates Events, by the cluster's time."""
    session = requests.Session()
    session.trust_env = False
    spec = {"nodeName": "far", "containers": [{"name": "app", "image": "app"}]}
    for name in ("a", "b"):
        body = {"metadata": {"name": name}, "spec": spec}
        assert session.post(url + PODS, json=body, timeout=5).status_code == 201
    session.close()
    cluster = ApiClient(Credentials(url, lambda: "token", None))
    content, at = cluster.get_pod("default", "a")
    metadata = json.loads(content)["metadata"]
    assert at >= datetime.fromisoformat(metadata["creationTimestamp"])
    with pytest.raises(ApiError) as refused:
        cluster.delete_pod("default", "a", metadata["uid"], "1")
    assert refused.value.status == 409
    cluster.delete_pod("default", "a", metadata["uid"], metadata["resourceVersion"])
    metadata = json.loads(cluster.get_pod("default", "b")[0])["metadata"]
    cluster.evict_pod("default", "b", metadata["uid"], metadata["resourceVersion"])
    for name in ("a", "b"):
        assert "deletionTimestamp" in json.loads(cluster.get_pod("default", name)[0])["metadata"]
    with pytest.raises(ApiError) as missing:
        cluster.get_pod("default", "missing")
    assert (missing.value.status, missing.value.kind) == (404, "pods")
    event = {
        "metadata": {"name": "e", "namespace": "default"},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingComponent": "c",
        "reportingInstance": "i",
        "action": "A",
        "reason": "R",
        "type": "Normal",
        "involvedObject": {"kind": "Pod", "namespace": "default", "name": "a"},
    }
    assert cluster.create_event("default", event)
    assert not cluster.create_event("default", event)
    cluster._session.close()


def test_it_is_served_over_http(url: str) -> None:
    """A client on a socket gets the same, and a watch streams changes as they enter and leave."""
    session = requests.Session()
    session.trust_env = False
    body = {"metadata": {"name": "d", "labels": {"a": "b"}}, "spec": {}}
    assert session.post(url + DIAGNOSERS, json=body, timeout=5).status_code == 201
    query = {"watch": "1", "labelSelector": "a=b", "timeoutSeconds": "1"}
    with session.get(url + DIAGNOSERS, params=query, stream=True, timeout=10) as stream:
        lines = stream.iter_lines()
        seen = [json.loads(next(lines))["type"]]
        for labels in ({"x": "y"}, {"a": None}, {"a": "b"}):
            session.patch(
                f"{url}{DIAGNOSERS}/d",
                data=json.dumps({"metadata": {"labels": labels}}),
                headers=MERGE,
                timeout=5,
            )
        seen += [json.loads(line)["type"] for line in lines]
    assert seen == ["ADDED", "MODIFIED", "DELETED", "ADDED"]
    assert session.get(f"{url}/nothing", timeout=5).status_code == 404
    session.close()


EVENTS = "/api/v1/namespaces/default/events"


def test_events_about_a_pod_are_found_by_its_uid(cluster: DiagnoserApi) -> None:
    """A fieldSelector picks by what an Event is about, and against reasons; a limit cuts off."""
    for number, reason in enumerate(("Pulled", "Killing", "Killing")):
        involved = {"kind": "Pod", "namespace": "default", "name": "p", "uid": f"u{number}"}
        body = {
            "metadata": {"name": f"e{number}"},
            "involvedObject": involved,
            "reason": reason,
            "reportingComponent": f"c{number}",
            "type": "Normal",
        }
        assert cluster.send("POST", EVENTS, body).status == 201

    def listed(query: str) -> Response:
        return cluster.send("GET", f"{EVENTS}?{query}")

    about = "fieldSelector=involvedObject.uid%3Du1%2CinvolvedObject.name%3Dp"
    assert names(listed(about)) == ["e1"]
    of_pods = listed("fieldSelector=involvedObject.kind%3DPod%2Creason%21%3DPulled")
    assert names(of_pods) == ["e1", "e2"]
    assert names(listed("fieldSelector=reportingComponent%21%3Dc1")) == ["e0", "e2"]
    assert "continue" not in of_pods.body["metadata"]
    cut = listed("limit=2")
    assert names(cut) == ["e0", "e1"]
    assert cut.body["metadata"]["continue"]
    assert listed("limit=2&continue=more").status == 400


def test_logs_are_read() -> None:
    """The last lines of a run, or of the one before, cut to a number of bytes, as text."""
    cluster = DiagnoserApi()
    logs = {("app", False): b"one\ntwo\nthree\n", ("app", True): b"before\n"}
    cluster.api = RestApi(
        cluster.store,
        Clock(VirtualScheduler(), NOW),
        lambda _, container, *, previous: logs.get((container, previous)),
    )
    containers = [{"name": name, "image": "i"} for name in ("app", "other")]
    pod = {"metadata": {"name": "p"}, "spec": {"containers": containers}}
    assert cluster.send("POST", PODS, pod).status == 201

    def log(query: str) -> Response:
        return cluster.send("GET", f"{PODS}/p/log?{query}")

    found = log("container=app&tailLines=2&limitBytes=6")
    assert (found.status, found.content, found.content_type) == (200, b"two\nth", "text/plain")
    assert log("container=app&previous=true").content == b"before\n"
    assert log("container=app&tailLines=0").content == b""
    for query, message in (
        ("container=other", 'container "other" in pod "p" is waiting to start: ContainerCreating'),
        (
            "container=other&previous=true",
            'previous terminated container "other" in pod "p" not found',
        ),
        ("container=none", "container none is not valid for pod p"),
        (
            "",
            "a container name must be specified for pod p, choose one of: [app other]",
        ),
    ):
        refused = log(query)
        assert (refused.status, refused.body["message"]) == (400, message)
    assert cluster.send("GET", f"{PODS}/q/log").status == 404


def test_pods_are_printed_as_kubectl_does() -> None:
    """READY, STATUS and RESTARTS come from the container statuses."""
    pod: Object = {
        "metadata": {"name": "p", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"containers": [{"name": "c"}]},
        "status": {
            "phase": "Running",
            "containerStatuses": [
                {
                    "ready": False,
                    "restartCount": 4,
                    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                }
            ],
        },
    }
    row = render(POD, [pod], NOW, wide=False).splitlines()[1]
    assert row.split() == ["p", "0/1", "CrashLoopBackOff", "4", "0s"]
    pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert "Terminating" in render(POD, [pod], NOW, wide=False)
