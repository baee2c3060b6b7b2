"""Steps of `dev.demo.simulated`: a rollout breaks a Deployment, and its Pod says what changed."""

from dev.demo.fragile_app import LINES, diagnosis_of
from dev.demo.programs import NEW_WEB, OLD_WEB
from dev.demo.steps import Steps
from dev.simulator.objects import Object, uid_of
from dev.simulator.resources import NAMESPACE, POD, REPLICA_SET

ROLLOUT = "rollout"
"""The namespace of the Deployment."""

_LABELS = {"app": "web"}
_DEPLOYMENT: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "name": "web",
    "uid": "3d1c6f52-0000-4000-8000-000000000001",
    "controller": True,
    "blockOwnerDeletion": True,
}
"""The simulator has no Deployments: their controller's part is done here, by the same rules."""


class RolloutSteps(Steps):
    """Two revisions of a Deployment, of which the second ends at once."""

    def run(self) -> None:
        """Go through the steps."""
        self._screen.step("A rollout breaks a Deployment: which image came when")
        store = self._cluster.store
        store.create(NAMESPACE, {"metadata": {"name": ROLLOUT}})
        store.create(
            self._cluster.diagnoser_kind,
            {
                "metadata": {"name": "web", "namespace": ROLLOUT},
                "spec": {"evidence": {"reason": True}},
            },
        )
        self._screen.command("kubectl create deployment web --image demo/web:1.4")
        old = store.create(REPLICA_SET, _revision(1, "7d4b9c", {"image": OLD_WEB}))
        self._until("it runs", lambda: self._pod_of(old)["status"].get("phase") == "Running")
        self._screen.command("kubectl apply -f web.yaml      # image demo/web:1.5, env LOG_LEVEL")
        env = [{"name": "LOG_LEVEL", "value": "debug"}]
        new = store.create(REPLICA_SET, _revision(2, "5f6d8e", {"image": NEW_WEB, "env": env}))
        self._until("its new Pod says what changed", lambda: "changes" in self._shown(new))
        self._until("it is counted", lambda: bool(self._template().get("changes")))
        self._get(REPLICA_SET, ROLLOUT)
        self._get(POD, ROLLOUT)
        shown = self._shown(new)
        self._screen.say("", "   What its new Pod says:")
        for key in ("cause", *LINES, "changes"):
            self._screen.field(key, shown[key])
        self._screen.say("", "   and what the PodDiagnoser says of the Deployment:")
        template = self._template()
        for key in ("revision", "changes", "history"):
            self._screen.field(key, str(template[key]))
        change = f"image {OLD_WEB} → {NEW_WEB}, env LOG_LEVEL added"
        self.checks += [
            (f"the Pod says: {change}", change in shown["changes"]),
            ("and since when, and how long revision 1 ran", _tells_times(shown["changes"])),
            ("the status says the same", change in template["changes"]),
            ("no value of a variable is shown", "debug" not in str(shown) + str(template)),
            ("the Pod of the old revision is not diagnosed", not diagnosis_of(self._pod_of(old))),
        ]

    def _pod_of(self, replica_set: Object) -> Object:
        pods = [
            pod
            for pod in self._cluster.store.select(POD, ROLLOUT)
            if pod["metadata"]["ownerReferences"][0]["uid"] == uid_of(replica_set)
        ]
        return pods[0] if pods else {"metadata": {}, "status": {}}

    def _shown(self, replica_set: Object) -> dict[str, str]:
        return diagnosis_of(self._pod_of(replica_set))

    def _template(self) -> Object:
        """Return what the status says of the Deployment's template; empty before it does."""
        cluster = self._cluster
        status = cluster.store.get(cluster.diagnoser_kind, (ROLLOUT, "web")).get("status") or {}
        entries = [one.get("template") or {} for one in status.get("workloads", [])]
        found: Object = entries[0] if entries else {}
        return found


def _tells_times(line: str) -> bool:
    return line.startswith("Revision 2 began ") and "; revision 1 ran for " in line


def _revision(number: int, template_hash: str, container: Object) -> Object:
    """Make a ReplicaSet as the Deployment's controller does."""
    labels = {**_LABELS, "pod-template-hash": template_hash}
    return {
        "metadata": {
            "name": f"web-{template_hash}",
            "namespace": ROLLOUT,
            "labels": labels,
            "annotations": {"deployment.kubernetes.io/revision": str(number)},
            "ownerReferences": [_DEPLOYMENT],
        },
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", **container}]},
            },
        },
    }
