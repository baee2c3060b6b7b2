"""The PodDisruptionBudget that blocks evictions is named, with the time of the next try."""

import pytest

from pod_diagnoser.cluster.errors import BlockedByBudgetError, api_error
from tests.support.builders import Json, after, condition, entries, owned, replacing
from tests.support.fake_api import FakeApi, failure_status
from tests.unit.poddiagnosers.test_sync import Hook

NAMED = "PodDisruptionBudget web does not allow the eviction now."


def evicting() -> Hook:
    """Return a process with a PodDiagnoser whose evictions are blocked."""
    hook = Hook(FakeApi(now=after(10)))
    for each in (replacing("EvictPod"), owned(1), owned(2, by="rs-2")):
        hook.api.put(each)
    hook.api.blocked = {"app-1", "app-2"}
    hook.sync()
    hook.sync()
    return hook


def test_the_budget_is_named_with_the_time_of_the_next_try() -> None:
    """In the entry, the condition and the Event on the Pod."""
    hook = evicting()
    messages = {each["message"] for each in entries(hook.diag, "Deferred")}
    assert messages == {f"{NAMED} It is tried again after 2026-11-23T10:00:25Z."}
    found = condition(hook.diag)
    assert (found["status"], found["reason"]) == ("True", "BlockedByDisruptionBudget")
    assert found["message"].startswith(
        "PodDisruptionBudgets (web) allow no eviction now. "
        "The next try is after 2026-11-23T10:00:25Z. Remediations: 2 Deferred."
    )
    notes = [each["message"] for each in hook.api.events_of("RemediationWithheld")]
    assert len(notes) == 2
    assert all(NAMED in note for note in notes)


def test_a_further_try_does_not_change_the_condition_in_between() -> None:
    """It is planned again, and shows meanwhile what prevented it."""
    hook = evicting()
    hook.api.pass_time(16)
    hook.sync()
    assert {each["message"] for each in entries(hook.diag, "Planned")} == {
        f"{NAMED} It is tried again."
    }
    assert condition(hook.diag)["reason"] == "BlockedByDisruptionBudget"
    hook.sync()
    assert condition(hook.diag)["reason"] == "BlockedByDisruptionBudget"
    hook.api.blocked = {"app-2"}
    hook.api.pass_time(16)
    hook.sync()
    hook.sync()
    assert [each["reason"] for each in entries(hook.diag, "Done")] == ["Evicted"]
    hook.api.blocked = set()
    hook.api.pass_time(16)
    hook.sync()
    hook.sync()
    assert condition(hook.diag)["reason"] == "ReplacingPods"


@pytest.mark.parametrize(
    ("document", "budget"),
    [
        (failure_status(cause="DisruptionBudget", said="The disruption budget a.b is late"), "a.b"),
        (failure_status(cause="DisruptionBudget", said="No"), ""),
        (failure_status(cause="DisruptionBudget"), ""),
        ({"details": {"kind": "poddisruptionbudget", "name": "web"}}, "web"),
    ],
    ids=str,
)
def test_the_answer_of_the_api_server_names_the_budget(document: Json, budget: str) -> None:
    """Or does not, in another version of Kubernetes."""
    error = api_error(429, document)
    assert isinstance(error, BlockedByBudgetError)
    assert error.budget == budget


@pytest.mark.parametrize("name", ["A\nB", "web\u202e", "x" * 300, '"quoted"'])
def test_what_is_no_name_is_not_shown(name: str) -> None:
    """An extension API server, or a stored message, may say anything."""
    hook = evicting()
    for each in hook.diag["status"]["remediations"]:
        each["message"] = f"PodDisruptionBudget {name} does not allow the eviction now."
    hook.api.pass_time(16)
    hook.sync()
    assert name not in str(entries(hook.diag))
    assert name not in condition(hook.diag)["message"]
