"""Steps of `dev.demo.simulated`: Pods that end in different ways and look alike.

Their diagnoses differ: two leave exit code 0, of which one was stopped; the third never ran.
"""

from dataclasses import dataclass

from dev.demo.fragile_app import LINES, diagnosis_of, is_ready, pod_template
from dev.demo.screen import Check
from dev.demo.steps import Steps
from dev.simulator.objects import Object, copy
from dev.simulator.resources import NAMESPACE, POD

SHOP = "shop"
"""Their namespace."""

LABELS = {"app": "shop"}
PROGRAM = "/app/serve"
"""A path that does not exist."""

PATH = "/healthy"
"""Where fragile-app answers 404; its health is at /health."""

_QUICK = {"initialDelaySeconds": 0, "periodSeconds": 1, "failureThreshold": 1}


@dataclass(frozen=True)
class LookAlike:
    """A Pod that ends in one way.

    Attributes:
        name: its name.
        what: what happens to it.
        container: what its container has that fragile-app's has not.
        reason: the expected annotation restart-reason.
        cause: the expected annotation cause.
        evidence: what one of the lines of its diagnosis has to say.
        at_last: what the line of evidence says when all has happened that is waited for.
    """

    name: str
    what: str
    container: Object
    reason: str
    cause: str
    evidence: str
    at_last: str = ""


EXITS = LookAlike(
    "exits",
    "gets one request more than its limit",
    {},
    "Completed (Exit Code: 0)",
    "Completed",
    "no Event tells of a stop",
)
PROBED = LookAlike(
    "probed",
    f"has a liveness probe that asks for {PATH}, which is not there",
    {"livenessProbe": {"httpGet": {"path": PATH, "port": 80}, **_QUICK, "initialDelaySeconds": 2}},
    "Completed (Exit Code: 0)",
    "LivenessProbeFailed",
    "statuscode: 404",
)
MISSING = LookAlike(
    "missing",
    f"is to run {PROGRAM}, which is not there",
    {"command": [PROGRAM]},
    "StartError (Exit Code: 128)",
    "StartFailed",
    f"exec: '{PROGRAM}'",
    "each time for this cause",
)
LOOK_ALIKES = (EXITS, PROBED, MISSING)

DIAGNOSER: Object = {
    "metadata": {"name": "shop", "namespace": SHOP},
    "spec": {"targetLabels": LABELS, "evidence": {"logLines": 2}},
}


class LookAlikeSteps(Steps):
    """Three Pods of a namespace of their own crash at once."""

    def run(self) -> None:
        """Go through the steps."""
        self._screen.step("Three Pods of another namespace end in three ways, with three diagnoses")
        self._create()
        shown = self._wait_for_diagnoses()
        self._get(POD, SHOP)
        self._get_events("Killing", SHOP)
        for one in LOOK_ALIKES:
            self._screen.say("", f"   What Pod {one.name} says:")
            for key in ("restart-reason", "cause", *LINES):
                self._screen.field(key, shown[one.name][key])
            for line in filter(None, shown[one.name].get("log", "").splitlines()):
                self._screen.field("log", line)
        self._show_workloads()
        self.checks += [check for one in LOOK_ALIKES for check in _checks(one, shown[one.name])]

    def _create(self) -> None:
        store = self._cluster.store
        store.create(NAMESPACE, {"metadata": {"name": SHOP}})
        store.create(self._cluster.diagnoser_kind, DIAGNOSER)
        template = pod_template()
        for one in LOOK_ALIKES:
            self._screen.field(one.name, one.what)
            store.create(POD, _pod(template, one))
        self._until("it is ready", lambda: is_ready(store.get(POD, (SHOP, EXITS.name))))
        self._overload(store.get(POD, (SHOP, EXITS.name)))

    def _wait_for_diagnoses(self) -> dict[str, dict[str, str]]:
        """Return what each Pod says once it was restarted and its diagnosis is the awaited one."""
        shown: dict[str, dict[str, str]] = {}

        def all_shown() -> bool:
            for one in LOOK_ALIKES:
                found = diagnosis_of(self._cluster.store.get(POD, (SHOP, one.name)))
                if "restart-reason" in found and one.at_last in found["evidence"]:
                    shown.setdefault(one.name, found)
            return len(shown) == len(LOOK_ALIKES)

        self._until("all three were restarted, and say why", all_shown)
        return shown

    def _show_workloads(self) -> None:
        cluster = self._cluster
        self._screen.say("", "   and what their PodDiagnoser says of all of them:")

        def workloads() -> list[Object]:
            diagnoser = cluster.store.get(
                cluster.diagnoser_kind, (SHOP, DIAGNOSER["metadata"]["name"])
            )
            return list((diagnoser.get("status") or {}).get("workloads", []))

        self._until("all three are counted", lambda: len(workloads()) == len(LOOK_ALIKES))
        self._get(cluster.diagnoser_kind, SHOP)
        for one in workloads():
            causes = ", ".join(f"{each['cause']} ({each['pods']})" for each in one["causes"])
            self._screen.field(f"{one['kind']} {one['name']}", causes)


def _pod(template: Object, one: LookAlike) -> Object:
    """Make a Pod from fragile-app's template."""
    spec = copy(template["spec"])
    container = spec["containers"][0]
    container["readinessProbe"].update(_QUICK)
    container.update(copy(one.container))
    metadata = {"name": one.name, "namespace": SHOP, "labels": LABELS}
    return {"metadata": metadata, "spec": spec}


def _checks(one: LookAlike, shown: dict[str, str]) -> list[Check]:
    """Return what has to hold of a Pod's annotations, and whether it does."""
    return [
        (
            f"{one.name}: {one.reason}, {one.cause}",
            (shown["restart-reason"], shown["cause"]) == (one.reason, one.cause),
        ),
        (
            f"and says: {one.evidence}",
            any(one.evidence in shown[line] for line in LINES),
        ),
    ]
