"""An API server whose answers may be anything, and which requests the hook may send it.

It stands behind the hook's own HTTP client: status codes, headers and bodies are as they come.
"""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import format_datetime
from random import Random
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import requests
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from pod_diagnoser.cluster.evidence import ApiEvidenceFetcher
from pod_diagnoser.poddiagnosers.sync import Reconciler
from tests.fuzz.accepting import check_event
from tests.fuzz.mutating import Mutator, seeded
from tests.fuzz.seeds import planning
from tests.http.inprocess import Hook
from tests.http.recorded import NOW, Json, Recorded, go_json
from tests.support import corpus
from tests.support.fake_api import ApiAdapter

_STATUSES: Final = (
    *(200, 200, 201, 202, 204, 301, 304, 307, 400, 401, 403, 404, 404, 405, 408, 409, 409, 410),
    *(413, 415, 422, 429, 429, 500, 502, 503, 504, 599, 799, 999),
)
_DATES: Final = (
    "Mon, 01 Jan 0001 00:00:00 GMT",
    "Sat, 01 Jan 1200 00:00:00 GMT",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Mon, 23 Nov 2026 01:39:30 GMT",
    "Mon, 23 Nov 2026 02:40:00 +0100",
    "Mon, 23 Nov 2026 03:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Fri, 31 Dec 9999 23:59:59 -2359",
    "Mon, 23 Nov 2026 01:40:00",
    "Mon, 23 Nov 2026 99:99:99 GMT",
    "2026-11-23T01:40:00Z",
    "",
    "x" * 1000,
)
_RETRY_AFTER: Final = ("0", "1", "-1", "300", "9" * 400, "soon", "1e9", "²")
_REASONS: Final = (
    "DisruptionBudget",
    'admission webhook "x" denied the request: no',
    "Cannot evict pod: more than one PodDisruptionBudget",
    "x" * 10_000,
    "\u202e\0",
)
_LOGS: Final = (
    b"",
    b"the last line\n",
    b"\xff\xfe\0\x1b[2J\r\n" * 100,
    b"password=hunter2 token: eyJhbGciOiJIUzI1NiJ9.e30.abc\n" * 50,
    b"x" * 20_000,
    b"{" * 20_000,
    "\u202e\u2066\U000e0001\n".encode() * 30,
    b"unable to retrieve container logs for containerd://x",
    b"\n" * 5000,
    b"Traceback (most recent call last):\n  File x\nValueError: password=hunter2\n" * 200,
    b"panic: postgres://u:hunter2@db\n\ngoroutine 1 [running]:\n" * 50,
    b'{"level":"fatal","error":"token=hunter2","msg":"\\u202e"}\n' * 99,
)
_OTHERWISE: Final[tuple[tuple[str, Any], ...]] = (
    ("uid", "99999999-5d7f-4b58-9df1-0a8b7c6d5e4f"),
    ("resourceVersion", "999999"),
    ("name", "another"),
    ("namespace", "elsewhere"),
    ("labels", {}),
    ("ownerReferences", []),
    ("deletionTimestamp", "2026-11-23T01:39:58Z"),
    ("status", {}),
    ("remediationAction", "LogEvent"),
    ("remediationAction", "EvictPod"),
    ("enableAnnotations", False),
)
"""What may have changed of an object since it was sent."""

_EVENTS: Final = tuple(corpus.event_lists())


@dataclass(frozen=True)
class Call:
    """A call of the hook.

    Attributes:
        method: GET, POST or DELETE.
        path: as it was sent, encoded.
        query: its parameters.
        body: JSON, or None.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: Json | None

    @property
    def parts(self) -> list[str]:
        """The path's parts."""
        return self.path.strip("/").split("/")


@dataclass
class HostileApi(ApiAdapter):
    """Answers with the objects of the sync request, or with anything.

    Attributes:
        random: makes all choices.
        mutator: changes answers.
        hostility: of ten answers, how many are not what they should be.
        tick: how many seconds pass at each look at the clock.
        pods: by name.
        diagnosers: by name.
        targets: DiagnosisTargets, by name.
        calls: all that were made.
        denied: whether a PodDiagnoser was answered as absent or changed.
        gone: the uids for which a deletion or eviction was sent.
    """

    random: Random
    mutator: Mutator
    hostility: int = 5
    tick: float = 0.001
    pods: dict[str, Json] = field(default_factory=dict)
    diagnosers: dict[str, Json] = field(default_factory=dict)
    targets: dict[str, Json] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._monotonic = 1000.0
        self.denied = False
        self._read: dict[str, Any] = {}

    def parts(self) -> dict[str, Any]:
        """Return the parts of a hook that calls this API server."""
        cluster = self.client(self.monotonic)
        return {
            "reconciler": Reconciler(cluster, lambda: NOW, "hook", self.monotonic),
            "evidence_fetcher": ApiEvidenceFetcher(cluster, self.monotonic),
        }

    def monotonic(self) -> float:
        """Return how much time has passed."""
        self._monotonic += self.tick
        return self._monotonic

    def store_objects(self, request: Json) -> None:
        """Store the objects of a sync request, by kind and name."""
        self.pods, self.diagnosers, self.targets = {}, {}, {}
        related = request.get("related")
        groups = related.values() if isinstance(related, dict) else ()
        kinds = {
            "Pod": self.pods,
            "PodDiagnoser": self.diagnosers,
            "DiagnosisTarget": self.targets,
        }
        found = [request.get("object")]
        for group in groups:
            found += group.values() if isinstance(group, dict) else ()
        for each in found:
            if isinstance(each, dict) and isinstance(each.get("metadata"), dict):
                kept = kinds.get(str(each.get("kind")), {})
                kept[str(each["metadata"].get("name"))] = each

    def send(
        self, request: requests.PreparedRequest, *_args: Any, **_kwargs: Any
    ) -> requests.Response:
        """Answer a request, as the base class does."""
        split = urlsplit(request.url or "")
        query = {name: values[-1] for name, values in parse_qs(split.query).items()}
        body = None if request.body is None else json.loads(request.body)
        call = Call(request.method or "", split.path, query, body)
        self.calls.append(call)
        try:
            self._check(call)
        except Exception as error:
            # Of any other kind, the client might take it for an error of the connection.
            message = f"{call.method} {call.path}: {error!r}"
            raise AssertionError(message) from error
        status, content = self._answer(call)
        faithful = status, content
        self.denied |= status == 404 and "/poddiagnosers/" in call.path
        headers = {"Date": format_datetime(NOW, usegmt=True)}
        if self.random.randrange(10) < self.hostility:
            status, content, headers = self._hostile(status, content, headers)
        if "/poddiagnosers/" in call.path:
            # Any refusal or change may have that effect; this does not look at what was changed.
            self.denied |= status != 200 or (status, content) != faithful
        if call.method == "GET" and 200 <= status < 300:
            self._read[call.path] = content
        return self.respond(request, status, content, headers)

    # What it would answer

    def _answer(self, call: Call) -> tuple[int, bytes]:
        last = call.parts[-1]
        if last == "log":
            return 200, self.random.choice(_LOGS)
        if last == "events" and call.method == "GET":
            return 200, json.dumps(self._events(call)).encode()
        if call.method != "GET":
            return (201 if call.method == "POST" else 200), b'{"kind":"Status","status":"Success"}'
        kind = call.parts[-2]
        stored = {"pods": self.pods, "diagnosistargets": self.targets}
        found = stored.get(kind, self.diagnosers).get(last)
        if found is None:
            refusal = {
                "kind": "Status",
                "status": "Failure",
                "details": {"kind": kind},
                "code": 404,
            }
            return 404, json.dumps(refusal).encode()
        return 200, self.mutator.written(found)

    def _events(self, call: Call) -> Json:
        """Events of a recorded Pod, as if they were about the requested one."""
        listed = copy.deepcopy(self.random.choice(_EVENTS))
        first = call.query.get("fieldSelector", "").split(",")[0]
        for item in listed["items"]:
            if first.startswith("involvedObject.uid=") and isinstance(item, dict):
                about = item.get("involvedObject")
                if isinstance(about, dict):
                    about["uid"] = first.partition("=")[2]
        return dict(listed)

    def _hostile(
        self, status: int, content: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes, dict[str, str]]:
        random = self.random
        how = random.randrange(13)
        if how >= 10:
            content = self._another(content)
        elif how <= 3:
            try:
                content = self.mutator.body(json.loads(content))
            except (ValueError, RecursionError):
                content = self.mutator.bytes_of(content)
        elif how == 4:
            content = self.mutator.bytes_of(content)
        elif how == 5:
            headers["Date"] = random.choice(_DATES)
        elif how == 6:
            status = random.choice(_STATUSES)
            headers["Retry-After"] = random.choice(_RETRY_AFTER)
            content = json.dumps(self._refusal(status)).encode()
        elif how == 7:
            status = random.choice(_STATUSES)
        elif how == 8:
            content = random.choice((b"", b"null", b"[]", b"<html>", b"[" * 100_000, b"{" * 9000))
        else:
            raise random.choice(
                (
                    requests.ConnectionError(),
                    requests.Timeout(),
                    requests.exceptions.ChunkedEncodingError(),
                    requests.exceptions.InvalidHeader(),
                    ProtocolError("cut"),
                    ReadTimeoutError(None, "", "slow"),  # type: ignore[arg-type]
                    OSError(),
                    TimeoutError(),
                )
            )
        if random.randrange(20) == 0:
            headers.pop("Date", None)
        return status, content, headers

    def _another(self, content: bytes) -> bytes:
        """Return an object that is as it should be, and not the one that it was a moment ago."""
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            return content
        if not isinstance(found, dict) or not isinstance(found.get("metadata"), dict):
            return content
        key, value = self.random.choice(_OTHERWISE)
        meta, spec = found["metadata"], found.get("spec")
        if key in {"remediationAction", "enableAnnotations"} and isinstance(spec, dict):
            spec[key] = value
        elif key == "status":
            found[key] = value
        else:
            meta[key] = value
        return go_json(found)

    def _refusal(self, status: int) -> Any:
        refusal = {
            "kind": "Status",
            "status": "Failure",
            "code": self.random.choice((status, 0, -1, "429", None, 2**70)),
            "message": self.random.choice(_REASONS),
            "details": {
                "kind": self.random.choice(("pods", "events", "poddisruptionbudget", "", None)),
                "causes": [{"reason": self.random.choice(_REASONS)}],
            },
        }
        return self.mutator.changed(refusal) if self.random.randrange(3) == 0 else refusal

    # What may be requested

    def _check(self, call: Call) -> None:
        """Hold a call to what the hook may do at all, and by what it has read before."""
        assert ".." not in call.path
        if call.method == "POST" and call.parts[-1] == "events":
            assert call.body is not None
            check_event(call.body, call.parts[-2])
        elif call.method == "DELETE" or call.parts[-1] == "eviction":
            self._check_deletion(call)
        else:
            assert call.method == "GET", call
        if call.parts[-1] == "log":
            # Whoever calls the hook could have made up what asks for the log.
            of_namespace = f"/namespaces/{call.parts[-4]}/diagnosistargets/"
            assert any(of_namespace in path for path in self._read)

    def _check_deletion(self, call: Call) -> None:
        """Nothing goes that is not planned in the PodDiagnoser as it was read, by uid and name."""
        evicts = call.parts[-1] == "eviction"
        assert call.method == ("POST" if evicts else "DELETE")
        assert call.body is not None
        options = call.body["deleteOptions"] if evicts else call.body
        uid = options["preconditions"]["uid"]
        path = call.path.removesuffix("/eviction")
        namespace, name = path.split("/")[-3], path.split("/")[-1]
        pod = json.loads(self._read[path])
        assert pod["metadata"]["uid"] == uid
        assert pod["metadata"]["name"] == name
        assert pod["metadata"]["namespace"] == namespace
        assert pod["metadata"]["resourceVersion"] == options["preconditions"]["resourceVersion"]
        plans = [
            entry
            for where, content in self._read.items()
            if f"/namespaces/{namespace}/poddiagnosers/" in where
            for entry in json.loads(content)["status"]["remediations"]
            if (entry["podUID"], entry["pod"], entry["phase"]) == (uid, name, "Planned")
            and entry["action"] == ("EvictPod" if evicts else "RestartPod")
        ]
        assert plans, "it was planned, and the plan was stored"
        self.gone.append(uid)


def planned(action: str) -> Recorded:
    """Return a request about a PodDiagnoser with stored plans, which the next sync executes.

    Args:
        action: ``RestartPod`` or ``EvictPod``.
    """
    request = planning(action).json
    request["object"]["spec"]["evidence"] = {"events": False}  # else the first sync waits for them
    random = seeded(0)
    api = HostileApi(random, Mutator(random), hostility=0)
    hook = Hook(parts=api.parts())
    api.store_objects(request)
    reply = hook.post("/poddiagnosers/sync", go_json(request))
    request["object"]["status"] = json.loads(reply.body)["status"]
    return Recorded(f"poddiagnosers-sync.planned-{action}", go_json(request))
