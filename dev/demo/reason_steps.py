"""Steps of `dev.demo.simulated`: programs that fail are told apart by their own words."""

from dataclasses import dataclass

from dev.demo.fragile_app import diagnosis_of
from dev.demo.programs import LEDGER, NEW_WEB, REPORT
from dev.demo.steps import Steps
from dev.simulator.objects import Object
from dev.simulator.resources import NAMESPACE, POD

REASONS = "reasons"
"""Their namespace."""


@dataclass(frozen=True)
class Failing:
    """A Pod whose program fails.

    Attributes:
        name: its name.
        image: its image.
        what: what happens to it.
        line: the line of its output that says why.
        reason_class: the class of that.
    """

    name: str
    image: str
    what: str
    line: str
    reason_class: str


_FAILING = (
    Failing(
        "report",
        REPORT,
        "a mistake in a Python program",
        "ZeroDivisionError: division by zero",
        "UncaughtException",
    ),
    Failing(
        "web",
        NEW_WEB,
        "a Python program without a variable that it needs",
        "KeyError: 'DATABASE_URL'",
        "MissingConfiguration",
    ),
    Failing(
        "ledger",
        LEDGER,
        "a check that fails in a Go program",
        "panic: the balance would be -2",
        "UncaughtException",
    ),
)


class ReasonSteps(Steps):
    """Pods that fail for three reasons, as their own output says it."""

    def run(self) -> None:
        """Go through the steps."""
        cluster = self._cluster
        self._screen.step(
            "Programs fail, and their Pods quote why, with spec.evidence.reason: true"
        )
        failing = [one for one in _FAILING if one.image in cluster.runtime_images]
        if len(failing) < len(_FAILING):
            self._screen.say("   (no Go is installed: its panic is left out)")
        cluster.store.create(NAMESPACE, {"metadata": {"name": REASONS}})
        cluster.store.create(
            cluster.diagnoser_kind,
            {
                "metadata": {"name": "reasons", "namespace": REASONS},
                "spec": {"evidence": {"reason": True}},
            },
        )
        for one in failing:
            self._screen.field(one.name, one.what)
            cluster.store.create(POD, _pod(one))
        self._until("all quote why", lambda: all("reason" in self._shown(one) for one in failing))
        self._get(POD, REASONS)
        for one in failing:
            shown = self._shown(one)
            self._screen.say("", f"   What Pod {one.name} says:")
            for key in ("diagnosis", "reason", "next-step"):
                self._screen.field(key, shown[key])
            self.checks += [
                (f"{one.name}: {one.line}", one.line in shown["reason"].splitlines()),
                (f"which is {one.reason_class}", one.reason_class in shown["diagnosis"]),
            ]

    def _shown(self, one: Failing) -> dict[str, str]:
        return diagnosis_of(self._cluster.store.get(POD, (REASONS, one.name)))


def _pod(one: Failing) -> Object:
    return {
        "metadata": {"name": one.name, "namespace": REASONS},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": one.name, "image": one.image}],
        },
    }
