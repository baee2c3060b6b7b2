"""The last steps of `dev.demo.simulated`: a crashed Pod is replaced, another one is not."""

import json

from dev.demo.fragile_app import pod_template
from dev.demo.steps import Steps
from dev.simulator.objects import Object, controller_of, is_terminating, name_of
from dev.simulator.resources import POD
from dev.simulator.writes import key_of

MIN_POD_AGE = 5
"""Seconds; the default is 30, for which the demo need not wait."""


class RemediationSteps(Steps):
    """RestartPod deletes a Pod that has an owner, and withholds that from a bare one."""

    def run(self) -> None:
        """Go through the steps."""
        self._restart_pod()
        self._withhold()

    def _restart_pod(self) -> None:
        cluster = self._cluster
        self._screen.step("RestartPod: the user wants crashed Pods replaced")
        old = cluster.pod
        change = {
            "spec": {
                "remediationAction": "RestartPod",
                "remediation": {"minPodAgeSeconds": MIN_POD_AGE},
            }
        }
        name = name_of(cluster.diagnoser)
        patch = json.dumps(change, separators=(",", ":"))
        self._screen.command(f"kubectl patch pdiag {name} --type merge -p '{patch}'")
        cluster.store.patch(cluster.diagnoser_kind, key_of(cluster.diagnoser), change)
        self._until(
            "the action is seen",
            lambda: cluster.status.get("action", {}).get("value") == "RestartPod",
        )
        self.checks.append(
            ("crashes from before are not acted on", not cluster.remediations("Planned"))
        )
        self._crash("Crashes from before that are left alone; now it ends once more")
        self._until("the plan is in the status", lambda: bool(cluster.remediations("Planned")))
        self._screen.say("   First the plan is stored in the status:")
        self._show_entry(cluster.remediations("Planned")[0][1])
        self._until("the Pod is deleted", lambda: cluster.deletion_version(old) > 0)
        self._screen.say("", "   then the Pod is deleted, and its ReplicaSet makes another:")
        self._get(POD)
        self._until(
            "the ReplicaSet's new Pod is ready", lambda: cluster.replacement_of(old) is not None
        )
        self._until("the plan is done", lambda: bool(cluster.remediations("Done")))
        self._until("the Events are there", lambda: len(cluster.events("PodDeleted")) > 1)
        self._screen.say("")
        self._get(POD)
        self._screen.say("", "   The status keeps what was done, with the diagnosis:")
        self._show_entry(cluster.remediations("Done")[-1][1])
        self._get_events("PodDeleted")
        self._check_restart(old)

    def _show_entry(self, entry: Object) -> None:
        for name in ("phase", "reason", "message", "action", "pod", "cause", "diagnosis"):
            self._screen.field(name, entry[name])

    def _check_restart(self, old: Object) -> None:
        cluster = self._cluster
        planned, entry = cluster.remediations("Planned")[0][0], cluster.remediations("Done")[-1][1]
        new = cluster.replacement_of(old)
        owner = controller_of(old)
        deleted = [
            one.call.key
            for one in cluster.store.audit
            if (one.call.manager, one.call.verb) == ("pod-diagnoser", "delete")
        ]
        self.checks += [
            (
                "the plan was stored before the Pod was deleted",
                0 < planned < cluster.deletion_version(old),
            ),
            ("the hook deleted this Pod and no other", deleted == [key_of(old)]),
            (
                "the ReplicaSet replaced it",
                new is not None and owner is not None and controller_of(new) == owner,
            ),
            ("the entry is Done", (entry["phase"], entry["reason"]) == ("Done", "Deleted")),
            ("and has the Pod's diagnosis", "exited with code 0" in entry["diagnosis"]),
        ]
        if new is not None:
            cluster.pod_key = key_of(new)

    def _withhold(self) -> None:
        cluster = self._cluster
        replaced, template = cluster.pod_key, pod_template()
        metadata = {**template["metadata"], "name": "fragile-app-bare", "namespace": "default"}
        bare = {"metadata": metadata, "spec": template["spec"]}
        cluster.pod_key = key_of(cluster.store.create(POD, bare))
        self._crash("A bare Pod, which no controller would replace, ends as well")
        self._screen.step("It is not deleted, and the status says why")
        self._until("it is withheld", lambda: bool(cluster.status.get("withheld")))
        self._until("an Event says so", lambda: bool(cluster.events("RemediationWithheld")))
        withheld = cluster.status["withheld"]
        for one in withheld:
            self._screen.field(one["reason"], one["message"])
            self._screen.field("crashes", f"{one['crashes']}, of {', '.join(one['examples'])}")
        self._get_events("RemediationWithheld")
        self._get(POD)
        self._get(cluster.diagnoser_kind)
        self.checks += [
            (
                "the bare Pod is withheld as BarePod",
                [one["reason"] for one in withheld] == ["BarePod"],
            ),
            ("and still there", not is_terminating(cluster.pod)),
        ]
        cluster.pod_key = replaced
