"""The demo's Pods that end in different ways and look alike: they are told apart.

Two of them leave exit code 0, of which one was stopped; the third never ran.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from dev.simulator.objects import Object, annotations_of, copy
from dev.simulator.resources import POD
from dev.simulator.store import Store

PREFIX = "diagnostics.local.io/"
NAMESPACE = "shop"
LABELS = {"app": "shop"}
PROGRAM = "/app/serve"
"""What is not there."""

PATH = "/healthy"
"""Where fragile-app answers 404; it is asked for its health at /health."""

_QUICK = {"initialDelaySeconds": 0, "periodSeconds": 1, "failureThreshold": 1}


@dataclass(frozen=True)
class Ending:
    """A Pod that ends in one way.

    Attributes:
        name: its name.
        what: what happens to it.
        container: what its container has that fragile-app's has not.
        reason: what the annotation restart-reason is to be.
        cause: what the annotation cause is to be.
        proof: what the diagnosis has to say.
        at_last: what it says when all has happened that is waited for.
    """

    name: str
    what: str
    container: Object
    reason: str
    cause: str
    proof: str
    at_last: str = ""


EXITS = Ending(
    "exits",
    "gets one request more than it bears",
    {},
    "Completed (Exit Code: 0)",
    "Completed",
    "its Events name no stop by the kubelet",
)
PROBED = Ending(
    "probed",
    f"has a liveness probe that asks for {PATH}, which is not there",
    {"livenessProbe": {"httpGet": {"path": PATH, "port": 80}, **_QUICK, "initialDelaySeconds": 2}},
    "Completed (Exit Code: 0)",
    "LivenessProbeFailed",
    "statuscode: 404",
)
MISSING = Ending(
    "missing",
    f"is to run {PROGRAM}, which is not there",
    {"command": [PROGRAM]},
    "StartError (Exit Code: 128)",
    "StartFailed",
    f'exec: "{PROGRAM}"',
    "CrashLoopBackOff",
)
ENDINGS = (EXITS, PROBED, MISSING)

DIAGNOSER: Object = {
    "metadata": {"name": "shop", "namespace": NAMESPACE},
    "spec": {"targetLabels": LABELS, "evidence": {"logLines": 2}},
}


def pod(template: Object, ending: Ending) -> Object:
    """Make the Pod of an ending from fragile-app's template."""
    spec = copy(template["spec"])
    container = spec["containers"][0]
    container["readinessProbe"].update(_QUICK)
    container.update(copy(ending.container))
    metadata = {"name": ending.name, "namespace": NAMESPACE, "labels": LABELS}
    return {"metadata": metadata, "spec": spec}


def notes(store: Store, ending: Ending) -> dict[str, str]:
    """Return what our annotations say of a Pod, without their prefix."""
    found = annotations_of(store.get(POD, (NAMESPACE, ending.name)))
    return {key.removeprefix(PREFIX): value for key, value in found.items()}


def is_told(store: Store, ending: Ending) -> bool:
    """Tell whether a Pod says that it was restarted, and why."""
    shown = notes(store, ending)
    return "restart-reason" in shown and ending.at_last in shown["diagnosis"]


def last_words(shown: dict[str, str]) -> list[str]:
    """Return the lines of the annotation log."""
    return [line for line in shown.get("log", "").splitlines() if line]


def checks(told: Mapping[str, Mapping[str, str]]) -> list[tuple[str, bool]]:
    """Return what has to hold of each Pod, and whether it does.

    Args:
        told: what each Pod's annotations said, by its name.
    """
    found: list[tuple[str, bool]] = []
    for ending in ENDINGS:
        shown = told[ending.name]
        expected = (ending.reason, ending.cause)
        found += [
            (
                f"{ending.name}: {ending.reason}, {ending.cause}",
                (shown["restart-reason"], shown["cause"]) == expected,
            ),
            (f"and says what proves it: {ending.proof}", ending.proof in shown["diagnosis"]),
        ]
    return found
