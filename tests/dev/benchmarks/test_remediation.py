"""How the benchmarks' figures of remediation are put together."""

from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

from dev.benchmarks import remediation
from dev.benchmarks.figures import Line
from dev.benchmarks.spread import Spread
from dev.benchmarks.timing import Timed

OneLine = TypeVar("OneLine", bound=Line)
DELETION = "RestartPod: from the crash to the Pod's deletion, p50"


def by_name(lines: Sequence[OneLine]) -> dict[str, OneLine]:
    """The lines by their names, of which there are no two."""
    assert len({one.name for one in lines}) == len(lines)
    return {one.name: one for one in lines}


def test_both_operators_stand_beside_each_other_with_their_ratio() -> None:
    """The aim is ours; what the other does not do has no ratio."""
    plan = "RestartPod: from the crash to the plan in the status, p50"
    ours = {DELETION: Spread((80.0, 100.0)), plan: Spread((30.0, 40.0))}
    found = by_name(remediation.figures({"ours": ours, "kopf": {DELETION: Spread((20.0, 20.0))}}))
    assert list(found) == [DELETION, plan]
    assert found[DELETION].ratio == Spread((4.0, 5.0))
    assert found[DELETION].met is True  # though the ratio is above 1
    assert (found[plan].theirs, found[plan].ratio) == (None, None)
    assert {one.unit for one in found.values()} == {"ms"}


def test_a_call_more_than_its_share_misses_the_aim() -> None:
    """One crash in forty that costs a read more is enough."""
    calls = remediation.calls_of_a_crash(
        Counter({("get", "pods"): 41, ("get", "poddiagnosers"): 40, ("delete", "pods"): 40}), 40
    )
    spreads = {f"RestartPod: {name}": Spread((value,)) for name, value in calls.items()}
    found = by_name(remediation.figures({"ours": spreads, "kopf": {}}))
    assert found["RestartPod: calls for a crash: all reads"].met is False
    assert found["RestartPod: calls for a crash: delete pods"].met is True
    assert found["RestartPod: calls for a crash: get pods"].ours.median == 1.025


def test_an_operator_that_is_not_audited_has_no_calls() -> None:
    """It would look as if it had made none."""
    assert remediation.calls_of_a_crash(Counter(), 40) == {}


def test_many_crashes_have_their_aims_by_budget() -> None:
    """Each storm is held against its own; what was not asked in a round counts as 0 there."""
    rounds = [
        {"default budget: calls: delete pods": 6.0, "largest budget: calls: delete pods": 6.0},
        {"default budget: calls: delete pods": 6.0},
    ]
    found = by_name(remediation.storm_figures(remediation.spreads(rounds), 500))
    assert found["default budget: calls: delete pods"].met is False
    largest = found["largest budget: calls: delete pods"]
    assert (largest.met, largest.spread) == (True, Spread((6.0, 0.0)))


def test_a_crash_is_accounted_for_by_an_entry_or_as_withheld() -> None:
    """And a status that says nothing accounts for none."""
    status = {"remediations": [{}, {}], "withheld": [{"crashes": 3}, {"crashes": 4}]}
    assert (remediation.accounted(status), remediation.accounted({})) == (9, 0)


def test_recalls_do_not_keep_it_from_being_quiet() -> None:
    """They come every three seconds, whatever happens."""
    answers = [
        Timed("/poddiagnosers/sync", 200, 0.1, 5.0),
        Timed("/pods/recall", 200, 0.1, 8.0),
        Timed("/poddiagnosers/recall", 200, 0.1, 9.0),
    ]
    assert remediation.last_sync(answers) == 5.0
    assert remediation.last_sync([]) == 0.0
