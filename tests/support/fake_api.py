"""The API server as the hook calls it, in this process.

`FakeApi` is a small API server for remediation, with faults and a clock of its own.
`FakeEvidenceApi` answers what a test says where Events and logs are read. `ApiAdapter` stands under
the real client, in the place of a connection.
"""

import copy
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from pod_diagnoser.api.time import format_time
from pod_diagnoser.cluster.client import ApiClient, PodLogOptions
from pod_diagnoser.cluster.credentials import Credentials
from pod_diagnoser.cluster.errors import DISRUPTION_BUDGET, NoAnswerError, api_error
from pod_diagnoser.cluster.evidence import ApiEvidenceFetcher
from pod_diagnoser.diagnosis.diagnose import diagnose
from pod_diagnoser.pods.keys import LABEL
from tests.support.builders import (
    T0,
    Json,
    diagnoser,
    event_list,
    kubelet_event,
    parsed_pod,
    target,
)

_T = TypeVar("_T")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")

Fault = Callable[["FakeApi", Callable[[], Any]], Any]
"""Stands between a call and its effect: gets the API server and what the call would do."""


DENIED_BY_WEBHOOK = 'admission webhook "guard.example.com" denied the request: protected'
"""What a ``Status`` object says where an admission webhook denies a request."""

SEVERAL_BUDGETS = (
    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not "
    "support."
)
"""What a ``Status`` object says where several budgets select a Pod that is to be evicted."""


def failure_status(*, kind: str = "", cause: str = "", message: str = "", said: str = "") -> Json:
    """Return a ``Status`` object, as far as an error is read from it."""
    causes = [{"reason": cause, "message": said}] if cause else []
    return {"message": message, "details": {"kind": kind, "causes": causes}}


def refused(status: int | None, *, retry_after: float | None = None, **details: str) -> Fault:
    """Make a call fail without an effect.

    Args:
        status: the HTTP status, or None where no answer comes.
        retry_after: the header of that name.
        details: as `failure_status` takes them.
    """

    def fault(api: "FakeApi", _: Callable[[], Any]) -> Any:
        if status is None:
            raise NoAnswerError
        document = failure_status(**details)
        raise api_error(status, document, retry_after=retry_after, at=api.now)

    return fault


def lost(api: "FakeApi", effect: Callable[[], Any]) -> Any:
    """Execute the call, and lose its answer."""
    effect()
    api.pass_time(3)
    raise NoAnswerError


def hanging(api: "FakeApi", _: Callable[[], Any]) -> Any:
    """Never answer the call, nor execute it."""
    api.pass_time(4)
    raise NoAnswerError


class KilledError(Exception):
    """The process of the hook was killed."""


def killed_before(_: "FakeApi", __: Callable[[], Any]) -> Any:
    """Kill the hook before the call."""
    raise KilledError


def killed_after(_: "FakeApi", effect: Callable[[], Any]) -> Any:
    """Kill the hook after the call was executed."""
    effect()
    raise KilledError


@dataclass
class FakeApi:
    """PodDiagnosers, Pods and Events; uid and resourceVersion; preconditions; the Date header.

    Attributes:
        now: the API server's clock.
        monotonic: how much time has passed, for the hook.
        latency: how long a call takes.
        pods: by name.
        diagnosers: by name.
        namespaces: by name.
        events: by name.
        calls: the verbs and names of all calls.
        faults: by verb, what happens to its next calls.
        blocked: names of Pods that a PodDisruptionBudget protects.
        deleted: each effective deletion: uid, crash ids that the Pod showed, when.
        watch: called with each Pod before it is deleted.
    """

    now: datetime = T0
    monotonic: float = 1000.0
    latency: float = 0.01
    pods: dict[str, Json] = field(default_factory=dict)
    diagnosers: dict[str, Json] = field(default_factory=dict)
    namespaces: dict[str, Json] = field(default_factory=dict)
    events: dict[str, Json] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    blocked: set[str] = field(default_factory=set)
    deleted: list[tuple[str, tuple[str, ...], datetime]] = field(default_factory=list)
    watch: Callable[[Json], None] = lambda _: None
    version: int = 100

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)
        self.monotonic += seconds

    def verbs(self) -> list[str]:
        """Return the verbs of all calls."""
        return [verb for verb, _ in self.calls]

    def put(self, document: Json) -> Json:
        """Create or update an object."""
        stored = copy.deepcopy(document)
        self.version += 1
        stored["metadata"]["resourceVersion"] = str(self.version)
        kinds = {
            "Pod": self.pods,
            "Namespace": self.namespaces,
            "PodDiagnoser": self.diagnosers,
            "ClusterPodDiagnoser": self.diagnosers,
        }
        kinds[stored["kind"]][stored["metadata"]["name"]] = stored
        return stored

    def touch(self, name: str) -> None:
        """Some write to a Pod that changes nothing of interest."""
        self.put(self.pods[name])

    def write_status(self, name: str, version: str, status: Json) -> bool:
        """Write a status as Metacontroller does: refused for a stale version, else two writes."""
        stored = self.diagnosers.get(name)
        if stored is None or stored["metadata"]["resourceVersion"] != version:
            return False
        if stored.get("status") != status:
            self.put({**stored, "status": status})
            self.put(self.diagnosers[name])
        return True

    def snapshot(self, name: str = "diag") -> tuple[Json, list[Json]]:
        """Return a PodDiagnoser and the Pods with its label, as Metacontroller sends them."""
        pods = [
            each for each in self.pods.values() if each["metadata"]["labels"].get(LABEL) == name
        ]
        return copy.deepcopy(self.diagnosers[name]), copy.deepcopy(pods)

    # What the hook calls

    def get_pod(self, namespace: str, name: str) -> tuple[bytes, datetime]:
        """Read a Pod."""
        return self._call("get pod", namespace, name, lambda: self._read(self.pods, name, "pods"))

    def get_pod_diagnoser(self, namespace: str, name: str) -> tuple[bytes, datetime]:
        """Read a PodDiagnoser."""
        return self._call(
            "get diagnoser",
            namespace,
            name,
            lambda: self._read(self.diagnosers, name, "poddiagnosers"),
        )

    def get_cluster_pod_diagnoser(self, name: str) -> tuple[bytes, datetime]:
        """Read a ClusterPodDiagnoser."""
        return self._call(
            "get cluster diagnoser",
            "",
            name,
            lambda: self._read(self.diagnosers, name, "clusterpoddiagnosers"),
        )

    def get_namespace(self, name: str) -> tuple[bytes, datetime]:
        """Read a Namespace."""
        return self._call(
            "get namespace", "", name, lambda: self._read(self.namespaces, name, "namespaces")
        )

    def delete_pod(self, namespace: str, name: str, uid: str, version: str) -> datetime:
        """Delete a Pod."""
        return self._call("delete", namespace, name, lambda: self._delete(name, uid, version))

    def evict_pod(self, namespace: str, name: str, uid: str, version: str) -> datetime:
        """Evict a Pod."""

        def evict() -> datetime:
            if name in self.pods and name in self.blocked:
                said = "The disruption budget web needs 2 healthy pods and has 2 currently"
                document = failure_status(cause=DISRUPTION_BUDGET, said=said)
                raise api_error(429, document, at=self.now)
            return self._delete(name, uid, version)

        return self._call("evict", namespace, name, evict)

    def create_event(self, namespace: str, event: Mapping[str, Any]) -> bool:
        """Create an Event."""
        name = event["metadata"]["name"]

        def create() -> bool:
            if name in self.events:
                return False
            self.events[name] = dict(event)
            return True

        return self._call("event", namespace, name, create)

    def _call(self, verb: str, namespace: str, name: str, effect: Callable[[], _T]) -> _T:
        assert namespace in {"shop", "", *self.namespaces, "default"}
        self.calls.append((verb, name))
        self.pass_time(self.latency)
        waiting = self.faults.get(verb)
        return cast("_T", waiting.pop(0)(self, effect)) if waiting else effect()

    def _date(self) -> datetime:
        return self.now.replace(microsecond=0)

    def _read(self, objects: Mapping[str, Json], name: str, kind: str) -> tuple[bytes, datetime]:
        if not _NAME.fullmatch(name):
            raise api_error(400)  # as `ApiClient` does, without asking
        if name not in objects:
            raise api_error(404, failure_status(kind=kind), at=self._date())
        return json.dumps(objects[name]).encode(), self._date()

    def _delete(self, name: str, uid: str, version: str) -> datetime:
        pod = self.pods.get(name)
        if pod is None:
            raise api_error(404, failure_status(kind="pods"), at=self._date())
        meta = pod["metadata"]
        if (meta["uid"], meta["resourceVersion"]) != (uid, version):
            raise api_error(409, failure_status(kind="pods"), at=self._date())
        if "deletionTimestamp" not in meta:
            self.watch(pod)
            shown = tuple(found.id for found in diagnose(parsed_pod(pod)))
            self.deleted.append((uid, shown, self.now))
            self.put({**pod, "metadata": {**meta, "deletionTimestamp": format_time(self.now)}})
        return self._date()

    def events_of(self, reason: str) -> list[Json]:
        """Return the Events of a reason."""
        return [event for event in self.events.values() if event["reason"] == reason]


def log_target(namespace: str = "shop", **evidence: Any) -> Json:
    """Return a DiagnosisTarget that asks for logs."""
    document = target(diagnoser())
    document["metadata"]["namespace"] = namespace
    document["spec"]["evidence"] = evidence or {"logLines": 5, "reason": True}
    return document


@dataclass
class FakeEvidenceApi:
    """Answers what a test says, as `pod_diagnoser.cluster.evidence.EvidenceApi`.

    Attributes:
        listed: the answer to a list of a Pod's Events.
        listed_all: the answer to a list of all Pods' Events.
        log: the answer to a read of so many lines of a log.
        taken: how long each call takes, in seconds.
        now: the time that has passed, in seconds.
        calls: all calls, with their arguments.
        date: the API server's clock.
        listed_of_node: the answer to a list of a node's Events.
        target: the answer to a read of a DiagnosisTarget in a namespace.
        target_reads: the names of those that were read.
    """

    listed: Callable[[], bytes] = lambda: event_list(kubelet_event())
    listed_all: Callable[[], bytes] = lambda: event_list(kubelet_event())
    log: Callable[[int], str] = lambda _: "last line\n"
    taken: float = 0.0
    now: float = 0.0
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    date: datetime = T0
    listed_of_node: Callable[[], bytes] = event_list
    target: Callable[[str], bytes] = lambda namespace: json.dumps(log_target(namespace)).encode()
    target_reads: list[tuple[str, str]] = field(default_factory=list)

    def get_diagnosis_target(self, namespace: str, name: str, seconds: float) -> bytes:
        """Answer with a DiagnosisTarget."""
        assert seconds > 0
        self.target_reads.append((namespace, name))
        return self.target(namespace)

    def list_events(
        self, namespace: str, pod: str, uid: str, seconds: float
    ) -> tuple[bytes, datetime]:
        """Answer with the Events of a Pod."""
        self.calls.append(("events", namespace, pod, uid, round(seconds, 3)))
        self.now += self.taken
        return self.listed(), self.date

    def list_events_of_pods(self, namespace: str, seconds: float) -> tuple[bytes, datetime]:
        """Answer with the Events of all Pods."""
        self.calls.append(("all events", namespace, round(seconds, 3)))
        self.now += self.taken
        return self.listed_all(), self.date

    def list_events_of_node(self, node: str, seconds: float) -> tuple[bytes, datetime]:
        """Answer with the Events of a node."""
        self.calls.append(("node events", node, round(seconds, 3)))
        self.now += self.taken
        return self.listed_of_node(), self.date

    def read_log(self, namespace: str, pod: str, options: PodLogOptions, seconds: float) -> str:
        """Answer with the log."""
        self.calls.append(("log", namespace, pod, *astuple(options), round(seconds, 3)))
        self.now += self.taken
        return self.log(options.tail_lines)

    def fetcher(self) -> ApiEvidenceFetcher:
        """Return the hook's fetcher, connected to this."""
        return ApiEvidenceFetcher(self, lambda: self.now)


class ApiAdapter(HTTPAdapter):
    """Stands under the hook's real client, in the place of a connection."""

    def client(self, monotonic: Callable[[], float] | None = None) -> ApiClient:
        """Return the hook's client, connected to this.

        Args:
            monotonic: its clock for how long things take; None for the real one.
        """
        clocks = () if monotonic is None else (monotonic,)
        client = ApiClient(Credentials("http://api", lambda: "token", None), *clocks)
        client._session.mount("http://", self)
        return client

    def respond(
        self,
        request: requests.PreparedRequest,
        status: int,
        content: bytes,
        headers: Mapping[str, str],
    ) -> requests.Response:
        """Return an answer as the base class's ``send`` does."""
        raw = HTTPResponse(
            body=io.BytesIO(content), headers=dict(headers), status=status, preload_content=False
        )
        return self.build_response(request, raw)
