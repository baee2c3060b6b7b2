"""The first steps of `dev.demo.simulated`: from a PodDiagnoser to a diagnosis and its Events."""

import hashlib
import json
import shlex
import textwrap

import yaml

from dev import local_http
from dev.demo.fragile_app import (
    EXPECTED,
    LINES,
    PREFIX,
    ROOT,
    SAMPLE,
    diagnosis_of,
    history_of,
    is_ready,
    pod_template,
)
from dev.demo.screen import WIDTH, DemoError
from dev.demo.simulated_cluster import TOKEN, WORK
from dev.demo.steps import Steps
from dev.simulator.objects import Object, labels_of, name_of, uid_of
from dev.simulator.resources import POD, REPLICA_SET
from dev.simulator.writes import key_of

_CRASHES = 2
"""How often the app is made to end."""


class DiagnosisSteps(Steps):
    """A Pod of fragile-app crashes twice, and says why."""

    def run(self) -> None:
        """Go through the steps."""
        self._start()
        self._apply_diagnoser()
        self._run_app()
        self._crash("The app gets one request more than its limit, and ends")
        self._show_diagnosis()
        self._repeat_sync()
        self._crash("It was restarted, and ends once more")
        self._show_back_off()
        self._check_diagnosis()
        self._show_events()

    def _start(self) -> None:
        cluster = self._cluster
        self._screen.step(
            "The hook starts under gunicorn, as in production; the cluster is simulated"
        )
        self._until("the hook is ready", cluster.hook_is_ready)
        cluster.start_controllers()
        self._screen.field("the hook", f"{cluster.hook.url}, real")
        self._screen.field("fragile-app", "a process on this machine, real")
        self._screen.field(
            "the cluster", f"{cluster.server.url}: API server, kubelet, Metacontroller"
        )

    def _apply_diagnoser(self) -> None:
        cluster = self._cluster
        self._screen.step("A user asks for the Pods of fragile-app to be diagnosed")
        sample: Object = yaml.safe_load((ROOT / SAMPLE).read_text(encoding="utf-8"))
        sample["metadata"]["namespace"] = "default"
        self._screen.command(f"kubectl apply -f {SAMPLE}")
        created = cluster.store.create(cluster.diagnoser_kind, sample)
        self._screen.output(f"poddiagnoser.diagnostics.local.io/{name_of(created)} created")
        self._until("the PodDiagnoser is active", lambda: bool(cluster.status))
        self._get(cluster.diagnoser_kind)

    def _run_app(self) -> None:
        store = self._cluster.store
        self._screen.step("A ReplicaSet of fragile-app runs a Pod")
        template = pod_template()
        text = json.dumps(template, sort_keys=True).encode()
        short = hashlib.sha256(text).hexdigest()[:10]
        labels = {**template["metadata"]["labels"], "pod-template-hash": short}
        store.create(
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
        self._until("there is a Pod", lambda: bool(store.select(POD)))
        self._cluster.pod_key = key_of(store.select(POD)[0])
        self._until("the Pod is ready", lambda: is_ready(self._cluster.pod))
        self._get(REPLICA_SET)
        self._get(POD)

    def _show_diagnosis(self) -> None:
        cluster = self._cluster
        self._screen.step("The Pod says what happened")
        self._until("the Pod is annotated", lambda: "restart-reason" in self._diagnosis())
        self._until("it is counted", lambda: cluster.status.get("diagnosedPods", 0) > 0)
        for name in ("restart-reason", "restart-time", "container", "cause", *LINES):
            self._screen.field(name, self._diagnosis().get(name, "(none)"))
        milliseconds = (cluster.diagnosed_at - cluster.reported_at) * 1000
        self._screen.say(f"   written {milliseconds:.0f} ms after the kubelet reported the restart")
        self._screen.say("", "   and the PodDiagnoser counts it:")
        self._get(cluster.diagnoser_kind)

    def _repeat_sync(self) -> None:
        cluster, transport = self._cluster, self._cluster.transport
        self._screen.step("The same by hand: Metacontroller's request, sent with curl")
        self._until("the request is there", lambda: bool(transport.body))
        file = WORK / "pods-sync.json"
        file.write_bytes(transport.body)
        shown = file.relative_to(ROOT)
        url = f"{cluster.hook.url}/pods/sync"
        self._screen.command(
            f"curl -s -H 'content-type: application/json' -d @{shlex.quote(str(shown))} \\"
        )
        token = TOKEN.relative_to(ROOT)
        self._screen.say(f'       -H "authorization: Bearer $(cat {token})" {url}')
        _, answer = local_http.post_json(url, file.read_bytes(), cluster.token)
        self._screen.output(textwrap.shorten(answer.decode(), 3 * WIDTH, placeholder=" …"))
        answered, before = json.loads(answer), json.loads(transport.answer)
        if {**answered, "resyncAfterSeconds": 0} != {**before, "resyncAfterSeconds": 0}:
            message = "the same request had another answer"
            raise DemoError(message)

    def _show_back_off(self) -> None:
        self._screen.step("The kubelet backs off now, and the Pod lists both crashes")
        self._until(
            "the Pod lists both crashes", lambda: len(history_of(self._cluster.pod)) == _CRASHES
        )
        self._until(
            "the Pod is in back-off",
            lambda: "CrashLoopBackOff" in json.dumps(self._container()["state"]),
        )
        self._until("the status lists both", lambda: len(self._recent()) == _CRASHES)
        self._until(
            "the annotations are of the later one",
            lambda: self._diagnosis()["restart-time"] == self._ended()["finishedAt"],
        )
        self._get(POD)
        for number, crash in enumerate(history_of(self._cluster.pod)):
            when = crash.get("finishedAt", "an unknown time")
            what = f"{crash['cause']}, exit code {crash.get('exitCode')}, at {when}"
            self._screen.field("latest crash" if number == 0 else "before", what)
        self._get(self._cluster.diagnoser_kind)

    def _check_diagnosis(self) -> None:
        cluster = self._cluster
        shown, status = self._diagnosis(), cluster.status
        answer = json.loads(cluster.transport.answer)["annotations"]
        agrees = all(shown.get(key.removeprefix(PREFIX)) == answer[key] for key in answer)
        label = labels_of(cluster.pod).get(f"{PREFIX}diagnoser")
        self.checks += [
            (f"restart-reason is {EXPECTED!r}", shown["restart-reason"] == EXPECTED),
            ("restart-time is when it ended", shown["restart-time"] == self._ended()["finishedAt"]),
            ("it names the container", shown["container"] == "fragile-app"),
            ("the cause is Completed", shown["cause"] == "Completed"),
            ("the hook's answer is what stands on the Pod", agrees),
            ("the Pod is labelled", label == name_of(cluster.diagnoser)),
            ("the PodDiagnoser counts one Pod, once", status["diagnosedPods"] == 1),
            ("and names it", status["lastProcessedPod"] == cluster.pod_key[1]),
            ("both crashes are listed", len(self._recent()) == _CRASHES),
        ]

    def _show_events(self) -> None:
        cluster = self._cluster
        self._screen.step("LogEvent: the PodDiagnoser asked for an Event for each crash")
        self._until(
            "both crashes have an Event", lambda: len(cluster.events("PodRestarted")) == _CRASHES
        )
        self._get_events("PodRestarted")
        events = cluster.events("PodRestarted")
        expected = f"Pod {name_of(cluster.pod)} restarted due to {EXPECTED}"
        self.checks += [
            ("each crash has one Event", len(events) == _CRASHES),
            (
                "it is a Warning on the Pod, found by kubectl describe",
                all(
                    one["type"] == "Warning" and one["involvedObject"]["uid"] == uid_of(cluster.pod)
                    for one in events
                ),
            ),
            (f"it begins {expected!r}", all(one["message"].startswith(expected) for one in events)),
        ]

    def _diagnosis(self) -> dict[str, str]:
        return diagnosis_of(self._cluster.pod)

    def _ended(self) -> Object:
        terminated: Object = self._container()["lastState"]["terminated"]
        return terminated

    def _recent(self) -> list[Object]:
        return list(self._cluster.status.get("recentDiagnoses", []))
