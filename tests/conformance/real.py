"""A scenario on a real API server with the real Metacontroller."""

import contextlib
import json
import threading
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

import yaml

from dev.envtest import installation
from dev.envtest.build import Binaries
from dev.envtest.client import (
    CLUSTER_ROLE_BINDINGS,
    CUSTOM_RESOURCES,
    DECORATOR_CONTROLLERS,
    NAMESPACES,
    SERVICE_ACCOUNTS,
    Resource,
)
from dev.envtest.control_plane import ControlPlane
from dev.envtest.credentials import METACONTROLLER
from dev.envtest.metacontroller import Metacontroller
from tests.conformance.script import (
    BARE,
    CLUSTER_DIAGNOSER,
    KINDS,
    RELATED_EVERYTHING,
    WARM,
    Act,
    Adopt,
    Create,
    Json,
    Kind,
    Patch,
    Prompter,
    Reply,
    Restart,
    Scenario,
    controllers,
    subject,
)
from tests.conformance.traces import Entry, HookCall, Written

POLICY: Json = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {
            "level": "RequestResponse",
            "users": [METACONTROLLER],
            "verbs": ["create", "update", "patch", "delete"],
        },
        {"level": "None"},
    ],
}
"""Every write of Metacontroller, with what was sent and what was answered."""

_RIGHTS: Json = {
    "metadata": {"name": "parity"},
    "roleRef": {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "cluster-admin",
    },
    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": METACONTROLLER}],
}
"""All rights, since the simulator knows of none; our own would keep it from a Pod's status."""

KINDS_FILES = ("poddiagnosers", "diagnosistargets", "clusterpoddiagnosers")
POLL = 0.05
PAUSE, QUIET_FOR_SURE, GIVE_UP = 0.7, 12.0, 60.0
"""Seconds: between two scenarios; without anything new after which a step is over though something
is missing; and after which it is over in any case."""


def read_crds() -> list[Json]:
    """Read our kinds."""
    folder = installation.PROJECT / "crds"
    return [
        yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))
        for name in KINDS_FILES
    ]


class Real:
    """etcd, kube-apiserver, kube-controller-manager, Metacontroller, and a hook by the script.

    A context manager.

    Args:
        binaries: the programs.

    Attributes:
        plane: the control plane.
    """

    def __init__(self, binaries: Binaries) -> None:
        self.plane = ControlPlane(binaries, POLICY)
        self._client = self.plane.client("admin", agent="script")
        self._metacontroller = Metacontroller(self.plane)
        self._stage = _Stage(self.act)
        self._exit = contextlib.ExitStack()
        self._warm = False

    def __enter__(self) -> Self:
        """Start everything."""
        with contextlib.ExitStack() as exit_stack:
            exit_stack.enter_context(self.plane)
            installation.install_metacontroller(self.plane)
            for crd in read_crds():
                self._client.create(CUSTOM_RESOURCES, crd)
            for name in KINDS_FILES:
                _wait(partial(self._served, f"{name}.diagnostics.local.io"))
            # Its garbage collector looks for new kinds every 30 seconds, and at its start.
            self.plane.controller_manager.stop(grace=0)
            self.plane.controller_manager.start()
            exit_stack.callback(self._stage.close)
            self._client.create(CLUSTER_ROLE_BINDINGS, _RIGHTS)
            for manifest in controllers(self._stage.url):
                self._client.create(DECORATOR_CONTROLLERS, manifest)
            self._create_namespace(WARM)
            exit_stack.callback(self._metacontroller.stop, grace=0)
            self._metacontroller.start()
            self._exit = exit_stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End everything."""
        self._exit.__exit__(kind, problem, traceback)

    def play(self, scenario: Scenario, expected: Callable[[list[Entry], int], bool]) -> list[Entry]:
        """Play a scenario.

        Args:
            scenario: which.
            expected: says whether what has been done in so many steps may be all. It only decides
                how long is waited for more.

        Returns:
            What Metacontroller did.
        """
        for namespace in (scenario.namespace, scenario.apart):
            self._create_namespace(namespace)
        self._warm_up()
        self._stage.begin(scenario)
        begun: list[float] = []
        found: list[Entry] = []
        try:
            for number, step in enumerate(scenario.steps):
                begun.append(time.time())
                self._stage.turn_to(number)
                for act in step.does:
                    self.act(act)
                found = self._settle(scenario, number, begun, expected)
        finally:
            self._stage.end()
            self._clear(scenario)
        return found

    def act(self, act: Act) -> None:
        """Execute an act."""
        client, scenario = self._client, self._stage.scenario

        def place(kind: Kind) -> str | None:
            return scenario.namespace if kind.namespaced else None

        if isinstance(act, Restart):
            self._metacontroller.stop()
            for other in act.meanwhile:
                self.act(other)
            self._metacontroller.start()
            self._warm = False
        elif isinstance(act, Create):
            where = scenario.apart if act.apart else scenario.namespace
            manifest = act.manifest(where)
            client.create(_resource(act.kind), manifest, where if act.kind.namespaced else None)
        elif isinstance(act, Patch):
            subresource = act.subresource or None
            client.patch(_resource(act.kind), act.name, act.patch, place(act.kind), subresource)
        elif isinstance(act, Adopt):
            owner = client.get(_resource(act.owner_kind), act.owner, place(act.owner_kind))
            patch = act.patch(owner["metadata"]["uid"])
            client.patch(_resource(act.kind), act.name, patch, place(act.kind))
        else:
            client.delete(_resource(act.kind), act.name, place(act.kind))

    def _settle(
        self,
        scenario: Scenario,
        number: int,
        begun: list[float],
        expected: Callable[[list[Entry], int], bool],
    ) -> list[Entry]:
        """Wait until a step is over."""
        deadline = time.monotonic() + GIVE_UP
        found, since = self._entries(scenario, begun), time.monotonic()
        while time.monotonic() < deadline:
            time.sleep(POLL)
            latest = self._entries(scenario, begun)
            if len(latest) != len(found):
                found, since = latest, time.monotonic()
            quiet = time.monotonic() - since
            if self._stage.busy or quiet < scenario.steps[number].quiet:
                continue
            if quiet >= QUIET_FOR_SURE or expected(found, number + 1):
                return found
        return found

    def _entries(self, scenario: Scenario, begun: list[float]) -> list[Entry]:
        """Read what was requested and written so far, in the order of arrival."""
        written = (
            _written(entry, begun)
            for entry in self._audited()
            if entry["objectRef"].get("namespace", entry["objectRef"].get("name"))
            in (scenario.namespace, scenario.apart)
        )
        return sorted([*self._stage.requested, *written], key=lambda entry: entry.time)

    def _audited(self) -> list[Json]:
        if not self.plane.audit_log.is_file():
            return []
        text = self.plane.audit_log.read_text(encoding="utf-8")
        # The last line may still be on its way.
        return [json.loads(line) for line in text.split("\n")[:-1]]

    def _empty(self, kind: Kind, namespace: str) -> bool:
        return not self._client.list(_resource(kind), namespace)

    def _served(self, name: str) -> bool:
        crd = self._client.get(CUSTOM_RESOURCES, name)
        conditions = crd["status"].get("conditions") or []
        return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)

    def _create_namespace(self, name: str) -> None:
        self._client.create(NAMESPACES, {"metadata": {"name": name}})
        _wait(lambda: self._client.find(SERVICE_ACCOUNTS, "default", name) is not None)

    def _warm_up(self) -> None:
        """Have Metacontroller watch all that scenarios relate to, as it does for good."""
        if self._warm:
            return
        seen = len(self._stage.warm)
        for kind in BARE:
            manifest = Create(kind, "warm", BARE[kind]).manifest(WARM)
            self._client.create(_resource(kind), manifest, WARM)
        _wait(lambda: {kind.name for kind in BARE} <= set(self._stage.warm[seen:]))
        for kind in BARE:
            self._client.delete(_resource(kind), "warm", WARM)
        for kind in BARE:
            _wait(partial(self._empty, kind, WARM))
        time.sleep(PAUSE)
        self._warm = True

    def _clear(self, scenario: Scenario) -> None:
        """Delete what a scenario left: otherwise its changes would cause syncs in later ones."""
        clusters = _resource(CLUSTER_DIAGNOSER)
        for one in self._client.list(clusters):
            self._client.delete(clusters, one["metadata"]["name"])
        for namespace in (scenario.namespace, scenario.apart):
            for kind in KINDS:
                resource = _resource(kind)
                for one in self._client.list(resource, namespace):
                    name = one["metadata"]["name"]
                    if one["metadata"].get("finalizers"):
                        patch = {"metadata": {"finalizers": None}}
                        self._client.patch(resource, name, patch, namespace)
                    self._client.delete(resource, name, namespace)
        for kind in KINDS:
            _wait(partial(self._empty, kind, scenario.namespace))
        time.sleep(PAUSE)


class _Stage:
    """The hook: an HTTP server that gives the answers of the script.

    Attributes:
        url: where it listens.
        requested: the requests of the scenario that is played.
        warm: kinds that were synced in the namespace to warm up.
        busy: how many requests are being answered.
    """

    def __init__(self, act: Callable[[Act], None]) -> None:
        self._act = act
        self._lock = threading.Lock()
        self._prompter: Prompter | None = None
        self._step = -1
        self.requested: list[HookCall] = []
        self.warm: list[str] = []
        self.busy = 0
        stage = self

        class Handler(BaseHTTPRequestHandler):
            """Reads a request and answers it."""

            protocol_version = "HTTP/1.1"  # with keep-alive

            def do_POST(self) -> None:
                """Answer Metacontroller."""
                arrived = time.time()
                body = self.rfile.read(int(self.headers["Content-Length"]))
                reply = stage.answer(arrived, self.path.lstrip("/"), json.loads(body))
                if reply is None:
                    self.close_connection = True
                    return
                status, content, headers = reply
                with contextlib.suppress(ConnectionError):
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def scenario(self) -> Scenario:
        """The one that is played."""
        assert self._prompter is not None
        return self._prompter.scenario

    def begin(self, scenario: Scenario) -> None:
        """Answer by a scenario."""
        with self._lock:
            self._prompter, self._step, self.requested = Prompter(scenario), -1, []

    def turn_to(self, step: int) -> None:
        """Answer by a step of it."""
        with self._lock:
            assert self._prompter is not None
            self._step = step
            self._prompter.turn_to(self.scenario.steps[step])

    def end(self) -> None:
        """Answer that nothing is wanted."""
        with self._lock:
            self._step = -1

    def close(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()

    def answer(
        self, arrived: float, endpoint: str, request: Json
    ) -> tuple[int, bytes, dict[str, str]] | None:
        """Answer a request; None ends the connection."""
        metadata = subject(request)["metadata"]
        with self._lock:
            if metadata.get("namespace") == WARM:
                if "parent" in request:
                    return 200, json.dumps(RELATED_EVERYTHING).encode(), {}
                self.warm.append(subject(request)["kind"])
                return 200, b"{}", {}
            if self._prompter is None or self._step < 0 or not self.scenario.has(metadata):
                return 200, b"{}", {}
            reply = self._prompter.reply(endpoint, metadata["name"])
            after = reply.headers.get("Retry-After", "")
            self.requested.append(
                HookCall(
                    arrived,
                    self._step,
                    endpoint,
                    request,
                    0 if reply.cut else reply.status,
                    float(after) if after.isdecimal() else 0.0,
                )
            )
            self.busy += 1
        try:
            return self._perform(reply)
        finally:
            with self._lock:
                self.busy -= 1

    def _perform(self, reply: Reply) -> tuple[int, bytes, dict[str, str]] | None:
        for act in reply.meanwhile:
            self._act(act)
        time.sleep(reply.delay)
        return None if reply.cut else (reply.status, reply.content, dict(reply.headers))


def _written(entry: Json, begun: list[float]) -> Written:
    target = entry["objectRef"]
    body = entry.get("requestObject") or {}
    moment = datetime.fromisoformat(entry["requestReceivedTimestamp"]).timestamp()
    resource = target["resource"]
    if "subresource" in target:
        resource = f"{resource}/{target['subresource']}"
    return Written(
        time=moment,
        step=max(sum(start <= moment for start in begun) - 1, 0),
        verb=entry["verb"],
        resource=resource,
        name=target.get("name") or body.get("metadata", {}).get("name", ""),
        body=body,
        code=entry["responseStatus"]["code"],
        answer=entry.get("responseObject") or {},
    )


def _resource(kind: Kind) -> Resource:
    return Resource(kind.api_version, kind.plural)


def _wait(holds: Callable[[], bool], timeout: float = 30.0) -> None:
    deadline = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(POLL)
