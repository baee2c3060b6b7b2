"""Crashes from before the action was switched on are not acted on."""

import pytest

from pod_diagnoser.remediation.model import Reason
from pod_diagnoser.remediation.verification import Expected, verify_live
from tests.support.builders import (
    Json,
    after,
    crash,
    edited,
    observed,
    owned,
    parsed_pod,
    planned,
    replacing,
    settled,
    synced,
    withheld,
)
from tests.unit.poddiagnosers.test_sync import logging


def switched_on(seconds: float, *pods: Json, **spec: str) -> Json:
    """Return a PodDiagnoser whose action was LogEvent, at its first sync with another one."""
    off = synced(replacing("LogEvent"), after(5), *pods)
    assert "action" not in off["status"]
    on: Json = {"remediationAction": "RestartPod", **spec}
    return synced(edited(off, **on), after(seconds), *pods)


def test_a_crash_from_before_the_action_is_not_acted_on() -> None:
    """One after it is; that of a Pod which was created since then is, whatever its node's clock."""
    document = owned()
    diag = switched_on(20, document)
    assert (planned(diag), withheld(diag)) == ([], {"BeforeAction": 1})
    again = owned(1, after(21))
    assert planned(synced(diag, after(25), again)) == ["app-1"]
    same_second = owned(2, after(20), by="rs-2")
    young = owned(3, after(-100), by="rs-3", created=after(20))
    since = synced(diag, after(60), document, same_second, young)
    assert sorted(planned(since)) == ["app-2", "app-3"]
    assert withheld(since) == {"BeforeAction": 1}


def test_the_status_tells_since_when() -> None:
    """From the creation where the spec was never changed; absent where nothing is replaced."""
    new = synced(replacing(), after(10))
    assert new["status"]["action"] == {
        "value": "RestartPod",
        "since": "2026-11-23T10:00:00Z",
        "generation": 1,
    }
    on = switched_on(20.7)
    assert on["status"]["action"] == {
        "value": "RestartPod",
        "since": "2026-11-23T10:00:20Z",
        "generation": 2,
    }
    later = synced(edited(on, remediation={"paused": True}), after(90))
    assert later["status"]["action"] == {**on["status"]["action"], "generation": 3}
    evicts = synced(edited(later, remediationAction="EvictPod"), after(100))
    assert evicts["status"]["action"]["since"] == "2026-11-23T10:01:40Z"
    for off in ({"remediationAction": ""}, {"enableAnnotations": False}):
        assert "action" not in synced(edited(later, **off), after(110))["status"]


@pytest.mark.parametrize("off", [{"remediationAction": ""}, {"enableAnnotations": False}], ids=str)
def test_it_counts_from_the_last_time_that_it_was_switched_on(off: Json) -> None:
    """What crashed while it was off stays as it is."""
    on: Json = {"remediationAction": "RestartPod", "enableAnnotations": True}
    diag = synced(replacing(), after(10))
    diag = synced(edited(diag, **off), after(20))
    diag = synced(edited(diag, **on), after(40), owned(1, after(30)))
    assert withheld(diag) == {"BeforeAction": 1}


@pytest.mark.parametrize("since", ["2099-01-01T00:00:00Z", "yesterday", None])
def test_a_time_that_cannot_be_is_replaced(since: str | None) -> None:
    """Else no Pod would ever be replaced."""
    diag = synced(replacing(), after(10))
    diag["status"]["action"]["since"] = since
    diag = synced(diag, after(20), owned())
    assert withheld(diag) == {"BeforeAction": 1}
    assert diag["status"]["action"]["since"] == "2026-11-23T10:00:20Z"
    assert planned(synced(diag, after(30), owned(1, after(25)))) == ["app-1"]


def test_it_may_have_been_switched_off_unseen() -> None:
    """The spec changed twice since the last sync: a crash in between is left alone."""
    on: Json = {"remediationAction": "RestartPod"}
    diag = synced(replacing(), after(10))
    unseen = edited(edited(diag, remediationAction=""), **on)
    assert withheld(synced(unseen, after(40), owned(1, after(30)))) == {"BeforeAction": 1}
    seen = edited(diag, remediation={"maxAttempts": 2})
    assert planned(synced(seen, after(40), owned(1, after(30)))) == ["app-1"]


def test_it_is_checked_again_on_what_is_live() -> None:
    """Somebody switched it off and on since the plan was made."""
    document = owned()
    diag = synced(replacing(), after(10), document)
    assert planned(diag) == ["app-1"]
    diag["status"]["action"]["since"] = "2026-11-23T10:00:11Z"
    snapshot = observed(diag, document)
    uid = document["metadata"]["uid"]
    expected = Expected(uid, ["RestartPod"], crash=crash(document), owner="rs-1", deletes=True)
    found = verify_live(
        snapshot.diagnoser, parsed_pod(document), snapshot.targets, expected, after(12)
    )
    assert found.reason is Reason.BEFORE_ACTION


def test_it_is_dated_by_the_clock_of_the_api_server() -> None:
    """Ours may be wrong; without a crash nothing else would have asked for the time."""
    hook = logging(0, hours=-2)
    hook.sync()
    assert hook.calls() == []
    hook.api.put(edited(hook.diag, remediationAction="RestartPod"))
    hook.sync()
    assert hook.calls() == ["get diagnoser"]
    assert hook.diag["status"]["action"]["since"] == "2026-11-23T10:00:10Z"
    hook.sync()
    assert hook.calls() == []


def test_what_is_settled_stays_counted() -> None:
    """Switching it off and on does not lift the cool-down."""
    diag = settled(synced(replacing(), after(10), owned()), after(11))
    diag = synced(edited(diag, remediationAction=""), after(20))
    diag = synced(edited(diag, remediationAction="RestartPod"), after(30))
    assert withheld(synced(diag, after(40), owned(2, after(35)))) == {"CoolDown": 1}
