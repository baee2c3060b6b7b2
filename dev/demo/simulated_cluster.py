"""The cluster of `dev.demo.simulated`: hook and fragile-app are real, the rest is simulated."""

import contextlib
import secrets
import sys
import time
from collections.abc import Callable

from dev import local_http
from dev.demo.fragile_app import APP, IMAGE, PREFIX, ROOT, container_of
from dev.demo.programs import images
from dev.demo.screen import DemoError
from dev.envtest.hook import Hook
from dev.simulator.client import Client
from dev.simulator.cluster import NODE, load_decorator_controllers, real_cluster
from dev.simulator.events import EventRecorder
from dev.simulator.http_api import RestApi
from dev.simulator.kubelet.kubelet import Kubelet
from dev.simulator.kubelet.node import Node
from dev.simulator.objects import Object, annotations_of, uid_of, version_of
from dev.simulator.processes import LOOPBACK, HttpProber, LocalRuntime
from dev.simulator.resources import EVENT, POD, Resource, load_crds
from dev.simulator.scheduling import RealScheduler
from dev.simulator.serving import ApiServer
from dev.simulator.webhooks import Answer, Outcome, OverHttp
from dev.simulator.writes import key_of

WORK = ROOT / ".cache" / "demo"
TOKEN = WORK / "tokens" / "token-a"
PATIENCE = 20.0
"""Seconds that the demo waits for anything."""


class KeepingTransport:
    """Posts to the hook, and keeps the last sync of a Pod whose answer has a diagnosis.

    Attributes:
        body: the request's body.
        answer: the hook's.
    """

    def __init__(self, inner: OverHttp) -> None:
        self._inner = inner
        self.body = b""
        self.answer = b""

    def post(self, url: str, body: bytes, timeout: float, done: Callable[[Outcome], None]) -> None:
        """See dev.simulator.webhooks.Transport."""

        def keep(outcome: Outcome) -> None:
            answer = outcome.body if isinstance(outcome, Answer) else b""
            if url.endswith("/pods/sync") and b"restart-reason" in answer:
                self.body, self.answer = body, answer
            done(outcome)

        self._inner.post(url, body, timeout, keep)


class SimulatedCluster:
    """API server, kubelet and Metacontroller, simulated in real time, with the hook beside them.

    Attributes:
        cluster: the simulated cluster.
        store: its objects.
        runtime_images: the images that can be run, and what they run.
        runtime: runs fragile-app as processes of this machine.
        server: serves the API over HTTP.
        hook: the hook, as production runs it.
        token: what callers of the hook have to show.
        transport: over which Metacontroller calls the hook.
        diagnoser_kind: the resource of PodDiagnosers.
        pod_key: namespace and name of the Pod that the demo is about at the moment.
        reported_at: when the kubelet reported the first restart, by `time.perf_counter`; 0 before.
        diagnosed_at: when the first Pod was annotated, likewise.
    """

    def __init__(self, closing: contextlib.ExitStack) -> None:
        """Start everything but the kubelet and Metacontroller.

        Args:
            closing: ends, in reverse order, what was started.
        """
        self._scheduler = RealScheduler()
        kinds = load_crds(ROOT / "crds")
        self.diagnoser_kind: Resource = next(kind for kind in kinds if kind.kind == "PodDiagnoser")
        self.cluster = real_cluster(self._scheduler, kinds)
        self.store = self.cluster.store
        self.runtime_images = {IMAGE: [sys.executable, str(APP)], **images(WORK)}
        self.runtime = LocalRuntime(self._scheduler, self.runtime_images, WORK)
        closing.callback(self.runtime.stop)
        api = RestApi(self.store, self.cluster.clock, self.runtime.log)
        self.server = ApiServer(self._scheduler, self.store, api)
        closing.callback(self.server.close)
        self.token = secrets.token_urlsafe(32)
        self.hook = self._start_hook()
        closing.callback(self.hook.stop)
        connections = OverHttp(self._scheduler, self.hook.url, self.token)
        closing.callback(connections.close)  # before the hook, which waits for open ones
        self.transport = KeepingTransport(connections)
        self.pod_key = ("", "")
        self.reported_at = self.diagnosed_at = 0.0
        self._diagnoser_versions: list[Object] = []
        self.store.watch(POD, lambda event: self._note_times(event.object))
        self.store.watch(
            self.diagnoser_kind, lambda event: self._diagnoser_versions.append(event.object)
        )

    def _start_hook(self) -> Hook:
        TOKEN.parent.mkdir(exist_ok=True)
        TOKEN.touch(mode=0o600)
        TOKEN.write_text(self.token, encoding="utf-8")
        credential = WORK / "token"  # shown to the simulated API server, which does not ask for it
        credential.write_text("demo", encoding="utf-8")
        hook = Hook(
            "all",
            WORK,
            {
                "POD_DIAGNOSER_TOKEN_DIR": str(TOKEN.parent),
                "POD_DIAGNOSER_EVIDENCE": "true",
                "POD_DIAGNOSER_EVIDENCE_CHANGES": "true",
                "POD_DIAGNOSER_API_SERVER": self.server.url,
                "POD_DIAGNOSER_API_TOKEN_FILE": str(credential),
            },
        )
        hook.process.log.unlink(missing_ok=True)
        hook.process.start()
        return hook

    def start_controllers(self) -> None:
        """Start Metacontroller with our DecoratorControllers, and the kubelet of the one Node."""
        base = ROOT / "metacontroller" / "pod-diagnoser" / "base"
        self.cluster.install(load_decorator_controllers(base))
        self.cluster.start_metacontroller(self.transport)
        client = Client(self.cluster.network, "kubelet")
        node = Node(
            client=client,
            clock=self.cluster.clock,
            runtime=self.runtime,
            prober=HttpProber(self._scheduler, self.runtime),
            recorder=EventRecorder(client, self.cluster.clock, "kubelet", NODE),
            rng=self.cluster.rng,
        )
        Kubelet(node, NODE)

    def hook_is_ready(self) -> bool:
        """Say whether the hook answers.

        Raises:
            DemoError: it ended.
        """
        if not self.hook.process.running:
            message = f"the hook did not start:\n{self.hook.process.tail()}"
            raise DemoError(message)
        with contextlib.suppress(local_http.NoAnswerError):
            return local_http.is_ok(f"{self.hook.url}/readyz", seconds=1)
        return False

    def until(self, what: str, condition: Callable[[], bool]) -> None:
        """Let the cluster run until a condition holds.

        Raises:
            DemoError: it does not come to hold.
        """
        if not self._scheduler.run_until(condition, PATIENCE):
            message = f"waited {PATIENCE:.0f} s, but not yet: {what}"
            raise DemoError(message)

    def run_forever(self) -> None:
        """Let the cluster run until Ctrl-C."""
        with contextlib.suppress(KeyboardInterrupt):
            self._scheduler.run_until(lambda: False)

    def app_url(self, pod: Object) -> str:
        """Return where the app of a Pod listens on this machine."""
        return f"http://{LOOPBACK}:{self.runtime.port(pod, 80)}/"

    @property
    def pod(self) -> Object:
        """The Pod that the demo is about at the moment."""
        return self.store.get(POD, self.pod_key)

    @property
    def diagnoser(self) -> Object:
        """The PodDiagnoser of fragile-app."""
        return self.store.select(self.diagnoser_kind, "default")[0]

    @property
    def status(self) -> Object:
        """Its status; empty until one is written."""
        return self.diagnoser.get("status") or {}

    def remediations(self, phase: str) -> list[tuple[int, Object]]:
        """Return remediations as they were stored in a phase, with the resourceVersion then."""
        return [
            (int(version_of(stored)), entry)
            for stored in self._diagnoser_versions
            for entry in (stored.get("status") or {}).get("remediations", [])
            if entry["phase"] == phase
        ]

    def deletion_version(self, pod: Object) -> int:
        """Return the resourceVersion with which a Pod's deletion was requested, or 0."""
        return next(
            (
                one.version or 0
                for one in self.store.audit
                if one.call.verb == "delete" and one.call.key == key_of(pod) and one.version
            ),
            0,
        )

    def replacement_of(self, old: Object) -> Object | None:
        """Return the ready Pod that came instead of another, or None."""
        for pod in self.store.select(POD, "default"):
            if uid_of(pod) != uid_of(old) and container_of(pod).get("ready"):
                return pod
        return None

    def events(self, reason: str, namespace: str = "default") -> list[Object]:
        """Return the Events of a reason."""
        return [one for one in self.store.select(EVENT, namespace) if one["reason"] == reason]

    def _note_times(self, pod: Object) -> None:
        now = time.perf_counter()
        if not self.reported_at and container_of(pod).get("restartCount"):
            self.reported_at = now
        if not self.diagnosed_at and f"{PREFIX}restart-reason" in annotations_of(pod):
            self.diagnosed_at = now
