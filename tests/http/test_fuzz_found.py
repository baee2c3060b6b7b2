"""What the fuzz has found: each once more, as simple as it gets."""

from typing import Any, Final

import pytest
import requests

from tests.fuzz.hostile import HostileApi, planned
from tests.fuzz.mutating import Mutator, seeded
from tests.fuzz.promises import check, check_reply
from tests.fuzz.seeds import planning
from tests.http.inprocess import NOT_A_REQUEST, Hook
from tests.http.recorded import go_json, recorded

SYNC: Final = "/poddiagnosers/sync"


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**400])
@pytest.mark.parametrize(
    "place",
    [
        ("metadata", "generation"),
        ("status", "observedGeneration"),
        ("status", "diagnosedPods"),
        ("spec", "ignore", "exitCodes", 0),
    ],
    ids=lambda place: str(place[-1]),
)
def test_a_number_that_go_cannot_read_is_never_answered(
    place: tuple[Any, ...], number: int
) -> None:
    """It was repeated in the status, or in the DiagnosisTarget, as it came."""
    request = recorded("poddiagnosers-sync.one-crash").json
    request["object"]["spec"]["ignore"] = {"exitCodes": [0]}
    at: Any = request["object"]
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = number
    assert Hook().post(SYNC, go_json(request)).outcome == NOT_A_REQUEST
    at[place[-1]] = 2**31 - 1
    assert check(SYNC, go_json(request), Hook()) is not None


class FixedDateApi(HostileApi):
    """An API server, or a proxy before it, that sends another date.

    Attributes:
        date: the date that it sends.
    """

    date = ""

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        """Answer a request, as the base class does."""
        response = super().send(request, *args, **options)
        response.headers["Date"] = self.date
        return response


@pytest.mark.parametrize("action", ["LogEvent", "RestartPod", "planned"])
@pytest.mark.parametrize(
    "date",
    [
        "Sat, 01 Jan 1200 00:00:00 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2359",
    ],
)
def test_a_date_at_the_end_of_time_is_ignored(action: str, date: str) -> None:
    """Nothing can be added to it: the sync ended with an error. And nothing is done by it."""
    request = (planned("RestartPod") if action == "planned" else planning(action)).json
    random = seeded(0)
    api = FixedDateApi(random, Mutator(random), hostility=0)
    api.date = date
    hook = Hook(parts=api.parts())
    api.store_objects(request)
    body = go_json(request)
    for _ in range(2):
        reply = hook.post(SYNC, body)
        answer = check_reply(SYNC, body, reply, ())
        assert answer is not None
        stored = request["object"].get("status") or {}
        assert answer["status"]["remediations"] == stored.get("remediations", [])
    assert {call.method for call in api.calls} == {"GET"}


@pytest.mark.parametrize("name", ["", "a/b", "a..b", "A", "a" * 254, "a.-b", "a\n"])
def test_a_forged_plan_for_an_impossible_pod_causes_no_event(name: str) -> None:
    """Its Event named what it was about, and was refused for that: a useless call."""
    request = planned("RestartPod").json
    random = seeded(0)
    api = HostileApi(random, Mutator(random), hostility=0)
    hook = Hook(parts=api.parts())
    for plan in request["object"]["status"]["remediations"]:
        plan["pod"] = name
    api.store_objects(request)
    body = go_json(request)
    answer = check_reply(SYNC, body, hook.post(SYNC, body), ())
    assert answer is not None
    assert {entry["phase"] for entry in answer["status"]["remediations"]} == {"Failed"}
    assert {call.method for call in api.calls} == {"GET"}


@pytest.mark.parametrize("action", ["RestartPod", "EvictPod"])
def test_a_live_pod_without_a_version_is_not_deleted(action: str) -> None:
    """The deletion would have an empty precondition."""
    request = planned(action).json
    random = seeded(0)
    api = HostileApi(random, Mutator(random), hostility=0)
    hook = Hook(parts=api.parts())
    api.store_objects(request)
    for pod in api.pods.values():
        pod["metadata"].pop("resourceVersion")
    body = go_json(request)
    answer = check_reply(SYNC, body, hook.post(SYNC, body), ())
    assert answer is not None
    assert {entry["phase"] for entry in answer["status"]["remediations"]} == {"Planned"}
    assert {call.method for call in api.calls} == {"GET"}
