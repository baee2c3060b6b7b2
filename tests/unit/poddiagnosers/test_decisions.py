"""Each decision about a crash is told once."""

from pod_diagnoser.poddiagnosers.access import Observer
from pod_diagnoser.poddiagnosers.sync import Reconciler
from tests.support.builders import Json, after, owned, replacing
from tests.support.fake_api import FakeApi, Fault, refused
from tests.unit.poddiagnosers.test_sync import Hook


class Told(Hook):
    """A process whose decisions are kept: Pod, outcome and reason of each."""

    def start(self) -> None:
        """Start the process, perhaps again."""
        self.told: list[tuple[str, str, str]] = []
        self.reconciler = Reconciler(
            self.api,
            lambda: self.api.now,
            "hook-1",
            lambda: self.api.monotonic,
            Observer(
                decided=lambda _, each: self.told.append(
                    (each.pod, each.outcome, each.reason.value)
                )
            ),
        )


def telling(diagnoser: Json, *pods: Json) -> Told:
    """Return a process with a PodDiagnoser and crashed Pods."""
    hook = Told(FakeApi(now=after(10)))
    for each in (diagnoser, *pods):
        hook.api.put(each)
    return hook


def test_each_decision_is_told_once() -> None:
    """A deletion, and why there is none of others, however often they are looked at."""
    hook = telling(
        replacing(budget={"pods": 1}),
        owned(1),
        owned(2, after(1)),
        owned(3, after(2), by="rs-3"),
        owned(4, after(3), by="rs-4", annotations={"diagnostics.local.io/remediate": "no"}),
    )
    for _ in range(5):
        hook.sync()
        hook.api.pass_time(3)
    assert sorted(hook.told) == [
        ("app-1", "Done", "Deleted"),
        ("app-2", "Withheld", "CoolDown"),
        ("app-3", "Withheld", "BudgetSpent"),
        ("app-4", "Withheld", "OptedOut"),
    ]
    hook.api.pass_time(1800)
    hook.sync()
    assert len(hook.told) == 4, "their age is no further decision"
    again = owned(4, hook.api.now, by="rs-4", annotations={"diagnostics.local.io/remediate": "no"})
    hook.api.put(again)
    hook.sync()
    assert hook.told[4:] == [("app-4", "Withheld", "OptedOut")]


def test_what_is_refused_or_blocked_is_told() -> None:
    """With each try: it may be granted the next time."""
    forbidden: Fault = refused(403)
    hook = telling(replacing(), owned(1))
    hook.api.faults["delete"] = [forbidden]
    hook.sync()
    hook.sync()
    assert hook.told == [("app-1", "Failed", "Forbidden")]
    evicting = telling(replacing("EvictPod"), owned(1))
    evicting.api.blocked = {"app-1"}
    evicting.sync()
    evicting.sync()
    evicting.api.blocked = set()
    evicting.api.pass_time(20)
    evicting.sync()
    evicting.sync()
    assert evicting.told == [
        ("app-1", "Deferred", "BlockedByDisruptionBudget"),
        ("app-1", "Done", "Evicted"),
    ]


def test_giving_up_is_told() -> None:
    """Once for each crash that is left alone."""
    hook = telling(replacing(maxAttempts=1), owned(1))
    hook.sync()
    hook.sync()
    hook.api.pass_time(120)
    hook.api.put(owned(2, hook.api.now, created=hook.api.now))
    for _ in range(3):
        hook.sync()
        hook.api.pass_time(40)
    assert ("app-2", "Withheld", "GaveUp") in hook.told
    assert len(hook.told) == len(set(hook.told))
