"""The demo without a cluster: make demo.

The hook is real, under gunicorn as in production, and so is fragile-app, a process that really
ends. API server, kubelet and Metacontroller are the simulator. The exit code is 0 only if the
diagnosis and what is done about it are right. With KEEP=1 in the environment everything stays up
until Ctrl-C.
"""

import contextlib
import hashlib
import json
import os
import secrets
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import requests
import yaml

from dev.demo import look_alikes as apart
from dev.demo.look_alikes import PREFIX
from dev.simulator.client import Client
from dev.simulator.cluster import NODE, Cluster, load_decorator_controllers, real_cluster
from dev.simulator.columns import render
from dev.simulator.events import EventRecorder
from dev.simulator.http_api import RestApi
from dev.simulator.kubelet.kubelet import Kubelet
from dev.simulator.kubelet.node import Node
from dev.simulator.objects import (
    Object,
    annotations_of,
    controller_of,
    is_terminating,
    labels_of,
    name_of,
    uid_of,
    version_of,
)
from dev.simulator.processes import LOOPBACK, HttpProber, LocalRuntime, free_port
from dev.simulator.resources import EVENT, NAMESPACE, POD, REPLICA_SET, Resource, load_crds
from dev.simulator.scheduling import RealScheduler
from dev.simulator.serving import ApiServer
from dev.simulator.webhooks import Answer, Outcome, OverHttp
from dev.simulator.writes import key_of

ROOT = Path(__file__).parents[2]
WORK = ROOT / ".cache" / "demo"
TOKEN = WORK / "tokens" / "token-a"
APP = ROOT / "fragile-app" / "app.py"
DEPLOYMENT = ROOT / "fragile-app" / "deployment.yaml"
SAMPLE = ROOT / "crds" / "samples" / "fragileapp-diagnoser.yaml"
EXPECTED = "Completed (Exit Code: 0)"
REQUESTS = 6
"""The app bears five."""
MIN_POD_AGE = 5
"""Seconds; the default is 30, for which the demo need not wait."""
PATIENCE = 20.0
WIDTH = 100


class DemoError(Exception):
    """Something did not come out as it should; the message says what."""


class Screen:
    """Writes for people; bold and dim on a terminal only."""

    def __init__(self) -> None:
        self._colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._steps = 0

    def step(self, text: str) -> None:
        """Begin a step."""
        self._steps += 1
        self.say("", self._styled("1", f"{self._steps}. {text}"))

    def command(self, text: str) -> None:
        """Show a command."""
        self.say(self._styled("36", f"   $ {text}"))

    def output(self, text: str) -> None:
        """Show what a command prints."""
        self.say(*(f"   {line}" for line in text.splitlines()))

    def field(self, name: str, value: str) -> None:
        """Show a name and a value, which may take several lines."""
        lines = textwrap.wrap(value, WIDTH - 26, break_on_hyphens=False) or [""]
        self.say(f"   {self._styled('1', name.ljust(16))} {lines[0]}")
        self.say(*(f"   {'':16} {line}" for line in lines[1:]))

    def check(self, text: str, *, right: bool) -> None:
        """Show a check and its outcome."""
        mark = self._styled("32", "right") if right else self._styled("31", "WRONG")
        self.say(f"   {mark}  {text}")

    def say(self, *lines: str) -> None:
        """Write lines."""
        for line in lines:
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    def _styled(self, style: str, text: str) -> str:
        return f"\033[{style}m{text}\033[0m" if self._colours else text


class HookProcess:
    """The hook, as production runs it.

    Attributes:
        url: where it listens.
        token: what its callers have to show.
    """

    def __init__(self, api_server: str) -> None:
        """Start it.

        Args:
            api_server: URL of the API server that it calls.
        """
        port = free_port()
        self.url = f"http://{LOOPBACK}:{port}"
        self._log = WORK / "hook.log"
        program = Path(sys.executable).parent / "pod-diagnoser"
        token = WORK / "token"  # the hook shows one; the simulated API server does not ask for it
        token.write_text("demo", encoding="utf-8")
        TOKEN.parent.mkdir(exist_ok=True)
        self.token = secrets.token_urlsafe(32)
        TOKEN.write_text(self.token, encoding="utf-8")
        TOKEN.chmod(0o600)
        settings = {
            "POD_DIAGNOSER_LOG_FORMAT": "json",
            "POD_DIAGNOSER_TOKEN_DIR": str(TOKEN.parent),
            "POD_DIAGNOSER_EVIDENCE": "true",
            "POD_DIAGNOSER_API_SERVER": api_server,
            "POD_DIAGNOSER_API_TOKEN_FILE": str(token),
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [program, "serve", "--port", str(port)],
                env={**os.environ, **settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is ours to deal with
            )

    def ready(self) -> bool:
        """Tell whether it answers.

        Raises:
            DemoError: it ended.
        """
        if self._process.poll() is not None:
            message = f"the hook did not start:\n{self._log.read_text(encoding='utf-8')}"
            raise DemoError(message)
        with contextlib.suppress(requests.RequestException):
            return _session().get(f"{self.url}/readyz", timeout=1).ok
        return False

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class KeepingTransport:
    """Posts to the hook, and keeps the last sync of a Pod that had an answer.

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


class Demo:
    """The cluster, the hook and the app, and the story that is told with them."""

    def __init__(self, screen: Screen, closing: contextlib.ExitStack) -> None:
        """Start everything.

        Args:
            screen: where it is told.
            closing: ends, in reverse order, what was started.
        """
        self._screen = screen
        self._scheduler = RealScheduler()
        kinds = load_crds(ROOT / "crds")
        self._kind: Resource = next(kind for kind in kinds if kind.kind == "PodDiagnoser")
        self._cluster: Cluster = real_cluster(self._scheduler, kinds)
        self._store = self._cluster.store
        self._runtime = LocalRuntime(
            self._scheduler, {"fragile-app:latest": [sys.executable, str(APP)]}, WORK
        )
        closing.callback(self._runtime.stop)
        api = RestApi(self._store, self._cluster.clock, self._runtime.log)
        self._server = ApiServer(self._scheduler, self._store, api)
        closing.callback(self._server.close)
        self._hook = HookProcess(self._server.url)
        closing.callback(self._hook.stop)
        connections = OverHttp(self._scheduler, self._hook.url, self._hook.token)
        closing.callback(connections.close)  # before the hook, which waits for open ones
        self._transport = KeepingTransport(connections)
        self._pod_key = ("", "")
        self._reported = self._diagnosed = 0.0
        self._checks: list[tuple[str, bool]] = []
        self._stored: list[Object] = []
        self._store.watch(POD, lambda event: self._note(event.object))
        self._store.watch(self._kind, lambda event: self._stored.append(event.object))

    def tell(self) -> bool:
        """Tell the story.

        Returns:
            Whether the diagnosis was right, and what was done about it.

        Raises:
            DemoError: something did not happen at all.
        """
        self._start()
        self._apply_diagnoser()
        self._run_app()
        self._crash("The app gets one request more than it bears, and ends")
        self._show_diagnosis()
        self._repeat_sync()
        self._crash("It was restarted, and ends once more")
        self._show_back_off()
        self._check_diagnosis()
        self._show_events()
        self._tell_apart()
        self._restart_pod()
        self._withhold()
        return self._judge()

    def keep(self) -> None:
        """Stay up until Ctrl-C."""
        app = f"{LOOPBACK}:{self._runtime.port(self._pod(), 80)}"
        diagnosers = "/apis/diagnostics.local.io/v1/namespaces/default/poddiagnosers"
        self._screen.step("Everything stays up until Ctrl-C; try it")
        self._screen.command(f"curl -s {self._server.url}{diagnosers}")
        self._screen.command(f"curl -s {self._server.url}/api/v1/namespaces/default/pods")
        self._screen.command(f"kubectl --server {self._server.url} get pdiag,pods")
        self._screen.command(f"curl -s {app}/      # {REQUESTS} of them crash it again")
        self._screen.command(f"curl -s {self._hook.url}/metrics")
        with contextlib.suppress(KeyboardInterrupt):
            self._scheduler.run_until(lambda: False)

    # The steps

    def _start(self) -> None:
        self._screen.step(
            "The hook starts under gunicorn, as in production; the cluster is simulated"
        )
        self._until("the hook is ready", self._hook.ready)
        self._cluster.install(
            load_decorator_controllers(ROOT / "metacontroller" / "pod-diagnoser" / "base")
        )
        self._cluster.start_metacontroller(self._transport)
        client = Client(self._cluster.network, "kubelet")
        node = Node(
            client=client,
            clock=self._cluster.clock,
            runtime=self._runtime,
            prober=HttpProber(self._scheduler, self._runtime),
            recorder=EventRecorder(client, self._cluster.clock, "kubelet", NODE),
            rng=self._cluster.rng,
        )
        Kubelet(node, NODE)
        self._screen.field("the hook", f"{self._hook.url}, real")
        self._screen.field("fragile-app", "a process on this machine, real")
        self._screen.field(
            "the cluster", f"{self._server.url}: API server, kubelet, Metacontroller"
        )

    def _apply_diagnoser(self) -> None:
        self._screen.step("A user asks for the Pods of fragile-app to be diagnosed")
        sample: Object = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))
        sample["metadata"]["namespace"] = "default"
        self._screen.command(f"kubectl apply -f {SAMPLE.relative_to(ROOT)}")
        created = self._store.create(self._kind, sample)
        self._screen.output(f"poddiagnoser.diagnostics.local.io/{name_of(created)} created")
        self._until("the PodDiagnoser is active", lambda: bool(self._diagnoser().get("status")))
        self._get(self._kind)

    def _run_app(self) -> None:
        self._screen.step("A ReplicaSet of fragile-app runs a Pod")
        template = _template()
        text = json.dumps(template, sort_keys=True).encode()
        short = hashlib.sha256(text).hexdigest()[:10]
        labels = {**template["metadata"]["labels"], "pod-template-hash": short}
        self._store.create(
            REPLICA_SET,
            {
                "metadata": {"name": f"fragile-app-{short}", "namespace": "default"},
                "spec": {
                    "replicas": 1,
                    "selector": {"matchLabels": labels},
                    "template": {**template, "metadata": {"labels": labels}},
                },
            },
        )
        self._until("there is a Pod", lambda: bool(self._store.select(POD)))
        self._pod_key = key_of(self._store.select(POD)[0])
        self._until("the Pod is ready", lambda: bool(self._container().get("ready")))
        self._get(REPLICA_SET)
        self._get(POD)

    def _crash(self, title: str) -> None:
        self._screen.step(title)
        self._until("the Pod is ready", lambda: bool(self._container().get("ready")))
        restarts = self._container()["restartCount"]
        for text in self._overburden(self._pod()):
            self._screen.output(text)

        def restarted() -> bool:
            return bool(self._container()["restartCount"] > restarts)

        self._until(
            "fragile-app ends",
            lambda: restarted() or "CrashLoopBackOff" in json.dumps(self._container()["state"]),
        )
        self._screen.say("   The app's last words, and what the kubelet reported of it:")
        log = self._runtime.log(self._pod(), "fragile-app", previous=restarted()) or b""
        self._screen.output("\n".join(log.decode().splitlines()[-2:]))
        ended = self._container()["lastState"]["terminated"]
        self._screen.output(f"exitCode {ended['exitCode']}, reason {ended['reason']}")

    def _overburden(self, pod: Object) -> list[str]:
        """Send a Pod of fragile-app one request more than it bears; return its answers."""
        url = f"http://{LOOPBACK}:{self._runtime.port(pod, 80)}/"
        self._screen.command(f"for i in 1 2 3 4 5 6; do curl -s {url}; done")
        return [_session().get(url, timeout=5).text.strip() for _ in range(REQUESTS)]

    def _show_diagnosis(self) -> None:
        self._screen.step("The Pod says what happened")
        self._until("the Pod is annotated", lambda: bool(self._notes().get("restart-reason")))
        self._until("it is counted", lambda: self._status().get("diagnosedPods", 0) > 0)
        for name in ("restart-reason", "restart-time", "container", "cause", "diagnosis"):
            self._screen.field(name, self._notes().get(name, "(none)"))
        milliseconds = (self._diagnosed - self._reported) * 1000
        self._screen.say(f"   written {milliseconds:.0f} ms after the kubelet reported the restart")
        self._screen.say("", "   and the PodDiagnoser counts it:")
        self._get(self._kind)

    def _repeat_sync(self) -> None:
        self._screen.step("The same by hand: Metacontroller's request, sent with curl")
        self._until("the request is there", lambda: bool(self._transport.body))
        file = WORK / "pods-sync.json"
        file.write_bytes(self._transport.body)
        shown = file.relative_to(ROOT)
        url = f"{self._hook.url}/pods/sync"
        self._screen.command(
            f"curl -s -H 'content-type: application/json' -d @{shlex.quote(str(shown))} \\"
        )
        token = TOKEN.relative_to(ROOT)
        self._screen.say(f'       -H "authorization: Bearer $(cat {token})" {url}')
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {self._hook.token}",
        }
        response = _session().post(url, data=file.read_bytes(), headers=headers, timeout=10)
        self._screen.output(textwrap.shorten(response.text, 3 * WIDTH, placeholder=" …"))
        answered, before = response.json(), json.loads(self._transport.answer)
        if {**answered, "resyncAfterSeconds": 0} != {**before, "resyncAfterSeconds": 0}:
            message = "the same request had another answer"
            raise DemoError(message)

    def _show_back_off(self) -> None:
        self._screen.step("The kubelet backs off now, and the Pod remembers both crashes")
        self._until("both crashes are remembered", lambda: len(self._history()) > 1)
        self._until(
            "the Pod is in back-off",
            lambda: "CrashLoopBackOff" in json.dumps(self._container()["state"]),
        )
        self._until("the status tells of both", lambda: len(self._recent()) > 1)
        self._until(
            "the annotations tell of the later one",
            lambda: (
                self._notes()["restart-time"]
                == self._container()["lastState"]["terminated"]["finishedAt"]
            ),
        )
        self._get(POD)
        for number, crash in enumerate(self._history()):
            when = crash.get("finishedAt", "an unknown time")
            what = f"{crash['cause']}, exit code {crash.get('exitCode')}, at {when}"
            self._screen.field("latest crash" if number == 0 else "before", what)
        self._get(self._kind)

    def _check_diagnosis(self) -> None:
        notes, status = self._notes(), self._status()
        ended = self._container()["lastState"]["terminated"]
        answer = json.loads(self._transport.answer)["annotations"]
        self._checks += [
            (f"restart-reason is {EXPECTED!r}", notes["restart-reason"] == EXPECTED),
            ("restart-time is when it ended", notes["restart-time"] == ended["finishedAt"]),
            ("it names the container", notes["container"] == "fragile-app"),
            ("the cause is Completed", notes["cause"] == "Completed"),
            ("the hook's answer is what stands on the Pod", _agrees(answer, notes)),
            ("the Pod is labelled", self._label() == name_of(self._diagnoser())),
            ("the PodDiagnoser counts one Pod, once", status["diagnosedPods"] == 1),
            ("and names it", status["lastProcessedPod"] == self._pod_key[1]),
            ("both crashes are told", len(self._recent()) == 2),
        ]

    def _show_events(self) -> None:
        self._screen.step("LogEvent: the PodDiagnoser asked for an Event for each crash")
        self._until("both crashes have an Event", lambda: len(self._events("PodRestarted")) > 1)
        self._get_events("PodRestarted")
        told, pod = self._events("PodRestarted"), self._pod()
        expected = f"Pod {name_of(pod)} restarted due to {EXPECTED}"
        self._checks += [
            ("each crash has one Event", len(told) == 2),
            (
                "it is a Warning on the Pod, found by kubectl describe",
                all(
                    one["type"] == "Warning" and one["involvedObject"]["uid"] == uid_of(pod)
                    for one in told
                ),
            ),
            (f"it begins {expected!r}", all(one["message"].startswith(expected) for one in told)),
        ]

    def _tell_apart(self) -> None:
        self._screen.step("Three Pods of another namespace end in three ways, and are told apart")
        name = apart.NAMESPACE
        self._store.create(NAMESPACE, {"metadata": {"name": name}})
        self._store.create(self._kind, apart.DIAGNOSER)
        template = _template()
        for ending in apart.ENDINGS:
            self._screen.field(ending.name, ending.what)
            self._store.create(POD, apart.pod(template, ending))
        exits = (name, apart.EXITS.name)
        self._until("it is ready", lambda: _is_ready(self._store.get(POD, exits)))
        self._overburden(self._store.get(POD, exits))
        shown: dict[str, dict[str, str]] = {}

        def all_told() -> bool:
            for ending in apart.ENDINGS:
                if ending.name not in shown and apart.is_told(self._store, ending):
                    shown[ending.name] = apart.notes(self._store, ending)
            return len(shown) == len(apart.ENDINGS)

        self._until("all three were restarted, and say why", all_told)
        self._get(POD, name)
        self._screen.command(f"kubectl get events -n {name} --field-selector reason=Killing")
        killings = [one for one in self._store.select(EVENT, name) if one["reason"] == "Killing"]
        now = self._cluster.clock.now()
        self._screen.output(render(EVENT, killings, now, wide=False))
        for ending in apart.ENDINGS:
            self._screen.say("", f"   What Pod {ending.name} says:")
            for key in ("restart-reason", "cause", "diagnosis"):
                self._screen.field(key, shown[ending.name][key])
            for line in apart.last_words(shown[ending.name]):
                self._screen.field("log", line)
        self._screen.say("", "   and what their PodDiagnoser says of all of them:")
        diagnoser = (name, apart.DIAGNOSER["metadata"]["name"])

        def workloads() -> list[Object]:
            status = self._store.get(self._kind, diagnoser).get("status") or {}
            return list(status.get("workloads", []))

        self._until("all three are counted", lambda: len(workloads()) == len(apart.ENDINGS))
        self._get(self._kind, name)
        for one in workloads():
            causes = ", ".join(f"{each['cause']} ({each['pods']})" for each in one["causes"])
            self._screen.field(f"{one['kind']} {one['name']}", causes)
        self._checks += apart.checks(shown)

    def _restart_pod(self) -> None:
        self._screen.step("RestartPod: the user wants crashed Pods replaced")
        old = self._pod()
        change = {
            "spec": {
                "remediationAction": "RestartPod",
                "remediation": {"minPodAgeSeconds": MIN_POD_AGE},
            }
        }
        name = name_of(self._diagnoser())
        patch = json.dumps(change, separators=(",", ":"))
        self._screen.command(f"kubectl patch pdiag {name} --type merge -p '{patch}'")
        self._store.patch(self._kind, key_of(self._diagnoser()), change)
        self._until("the plan is in the status", lambda: bool(self._entries("Planned")))
        self._screen.say("   First the plan is stored in the status:")
        self._show_entry(self._entries("Planned")[0][1])
        self._until("the Pod is deleted", lambda: self._deleted(old) > 0)
        self._screen.say("", "   then the Pod is deleted, and its ReplicaSet makes another:")
        self._get(POD)
        self._until("the ReplicaSet's new Pod is ready", lambda: self._replacement(old) is not None)
        self._until("the plan is done", lambda: bool(self._entries("Done")))
        self._until("the Events are there", lambda: len(self._events("PodDeleted")) > 1)
        self._screen.say("")
        self._get(POD)
        self._screen.say("", "   The status keeps what was done, with the diagnosis:")
        self._show_entry(self._entries("Done")[-1][1])
        self._get_events("PodDeleted")
        self._check_restart(old)

    def _check_restart(self, old: Object) -> None:
        planned, entry = self._entries("Planned")[0][0], self._entries("Done")[-1][1]
        new = self._replacement(old)
        owner = controller_of(old)
        deleted = [
            one.call.key
            for one in self._store.audit
            if (one.call.manager, one.call.verb) == ("pod-diagnoser", "delete")
        ]
        self._checks += [
            ("the plan was stored before the Pod was deleted", 0 < planned < self._deleted(old)),
            ("the hook deleted this Pod and no other", deleted == [key_of(old)]),
            (
                "the ReplicaSet replaced it",
                new is not None and owner is not None and controller_of(new) == owner,
            ),
            ("the entry is Done", (entry["phase"], entry["reason"]) == ("Done", "Deleted")),
            ("and has the Pod's diagnosis", "exited with code 0" in entry["diagnosis"]),
        ]
        if new is not None:
            self._pod_key = key_of(new)

    def _withhold(self) -> None:
        replaced, template = self._pod_key, _template()
        metadata = {**template["metadata"], "name": "fragile-app-bare", "namespace": "default"}
        self._pod_key = key_of(
            self._store.create(POD, {"metadata": metadata, "spec": template["spec"]})
        )
        self._crash("A bare Pod, which no controller would replace, ends as well")
        self._screen.step("It is left alone, and the status says why")
        self._until("it is withheld", lambda: bool(self._withheld()))
        self._until("an Event says so", lambda: bool(self._events("RemediationWithheld")))
        for one in self._withheld():
            self._screen.field(one["reason"], one["message"])
            self._screen.field("crashes", f"{one['crashes']}, of {', '.join(one['examples'])}")
        self._get_events("RemediationWithheld")
        self._get(POD)
        self._get(self._kind)
        self._checks += [
            (
                "the bare Pod is withheld as BarePod",
                [one["reason"] for one in self._withheld()] == ["BarePod"],
            ),
            ("and still there", not is_terminating(self._pod())),
        ]
        self._pod_key = replaced

    def _judge(self) -> bool:
        self._screen.step("Is it right?")
        for text, right in self._checks:
            self._screen.check(text, right=right)
        return all(right for _, right in self._checks)

    # What is there

    def _pod(self) -> Object:
        return self._store.get(POD, self._pod_key)

    def _container(self) -> Object:
        statuses = self._pod()["status"].get("containerStatuses") or [{}]
        found: Object = statuses[0]
        return found

    def _notes(self) -> dict[str, str]:
        return {
            key.removeprefix(PREFIX): value
            for key, value in annotations_of(self._pod()).items()
            if key.startswith(PREFIX)
        }

    def _label(self) -> str | None:
        return labels_of(self._pod()).get(f"{PREFIX}diagnoser")

    def _history(self) -> list[Object]:
        crashes = json.loads(self._notes().get("crashes", "{}"))
        return list(crashes.get("history", []))

    def _diagnoser(self) -> Object:
        return self._store.select(self._kind, "default")[0]

    def _status(self) -> Object:
        return self._diagnoser().get("status") or {}

    def _recent(self) -> list[Object]:
        return list(self._status().get("recentDiagnoses", []))

    def _entries(self, phase: str) -> list[tuple[int, Object]]:
        """Return remediations as they were stored in a phase, with the resourceVersion then."""
        return [
            (int(version_of(stored)), entry)
            for stored in self._stored
            for entry in (stored.get("status") or {}).get("remediations", [])
            if entry["phase"] == phase
        ]

    def _deleted(self, pod: Object) -> int:
        """Return the resourceVersion with which the deletion of a Pod was asked for, or 0."""
        return next(
            (
                one.version or 0
                for one in self._store.audit
                if one.call.verb == "delete" and one.call.key == key_of(pod) and one.version
            ),
            0,
        )

    def _replacement(self, old: Object) -> Object | None:
        """Return the Pod that came instead of another, once it is ready."""
        for pod in self._store.select(POD, "default"):
            if uid_of(pod) != uid_of(old) and _is_ready(pod):
                return pod
        return None

    def _withheld(self) -> list[Object]:
        return list(self._status().get("withheld", []))

    def _events(self, reason: str) -> list[Object]:
        return [one for one in self._store.select(EVENT, "default") if one["reason"] == reason]

    def _get_events(self, reason: str) -> None:
        self._screen.command(f"kubectl get events --field-selector reason={reason}")
        now = self._cluster.clock.now()
        self._screen.output(render(EVENT, self._events(reason), now, wide=False))

    def _show_entry(self, entry: Object) -> None:
        for name in ("phase", "reason", "message", "action", "pod", "cause", "diagnosis"):
            self._screen.field(name, entry[name])

    def _note(self, pod: Object) -> None:
        """Take the times between which the hook is measured."""
        containers = pod["status"].get("containerStatuses") or [{}]
        now = time.perf_counter()
        if not self._reported and containers[0].get("restartCount"):
            self._reported = now
        if not self._diagnosed and f"{PREFIX}restart-reason" in annotations_of(pod):
            self._diagnosed = now

    def _get(self, resource: Resource, namespace: str = "default") -> None:
        name = resource.short_names[0] if resource is self._kind else resource.plural
        where = "" if namespace == "default" else f" -n {namespace}"
        self._screen.command(f"kubectl get {name}{where}")
        objects = self._store.select(resource, namespace)
        self._screen.output(render(resource, objects, self._cluster.clock.now(), wide=False))

    def _until(self, what: str, condition: Callable[[], bool]) -> None:
        """Let the cluster run until a condition holds.

        Raises:
            DemoError: it does not come to hold.
        """
        if not self._scheduler.run_until(condition, PATIENCE):
            message = f"waited {PATIENCE:.0f} s in vain until {what}"
            raise DemoError(message)


def _agrees(answer: dict[str, str | None], notes: dict[str, str]) -> bool:
    return all(notes.get(key.removeprefix(PREFIX)) == value for key, value in answer.items())


def _is_ready(pod: Object) -> bool:
    statuses = pod["status"].get("containerStatuses") or [{}]
    return bool(statuses[0].get("ready"))


def _template() -> Object:
    """Read the Pod template of fragile-app's Deployment."""
    deployment: Object = yaml.safe_load(DEPLOYMENT.read_text(encoding="utf-8"))
    template: Object = deployment["spec"]["template"]
    return template


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session


@contextlib.contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """Make SIGTERM end the demo as Ctrl-C does, so that what it started ends too."""

    def end(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def main() -> int:
    """Run the demo.

    Returns:
        The exit code: 0 if all was right.
    """
    WORK.mkdir(parents=True, exist_ok=True)
    screen = Screen()
    try:
        with _ending_on_sigterm(), contextlib.ExitStack() as closing:
            demo = Demo(screen, closing)
            right = demo.tell()
            if os.environ.get("KEEP"):
                demo.keep()
    except (DemoError, requests.RequestException) as error:
        screen.say("", f"The demo failed: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    verdict = "The diagnosis is right. So is what was done." if right else "Something is WRONG."
    screen.say("", verdict)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
