"""A dry run withholds what a live run withholds, and says of the rest that it would be replaced."""

import copy
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from pod_diagnoser.remediation.model import Phase, Reason
from tests.support.builders import (
    Json,
    after,
    edited,
    entries,
    owned,
    planned,
    replacing,
    settled,
    synced,
    withheld,
)

OUTCOMES = (
    (Phase.DONE, Reason.DELETED),
    (Phase.DEFERRED, Reason.BLOCKED_BY_DISRUPTION_BUDGET),
    (Phase.FAILED, Reason.FORBIDDEN),
    (Phase.FAILED, Reason.REFUSED),
    (Phase.EXPIRED, Reason.CRASH_SUPERSEDED),
)

some_policy = st.fixed_dictionaries(
    {
        "minPodAgeSeconds": st.sampled_from((0, 30)),
        "coolDownSeconds": st.sampled_from((10, 300)),
        "maxAttempts": st.integers(1, 2),
        "budget": st.fixed_dictionaries(
            {"pods": st.integers(0, 4), "windowSeconds": st.sampled_from((60, 600))}
        ),
        "paused": st.sampled_from((False, False, False, True)),
    }
)
some_pod = st.fixed_dictionaries(
    {
        "owner": st.integers(1, 4),
        "template": st.sampled_from(("t1", "t2")),
        "ago": st.sampled_from((1, 5, 40, 2000)),
        "age": st.sampled_from((20, 60, 3000)),
        "opted_out": st.sampled_from((False, False, False, True)),
    }
)
some_round = st.tuples(
    st.sampled_from((11, 61, 301, 1900)), st.sampled_from(OUTCOMES), st.lists(some_pod, max_size=4)
)


def crashed_pods(pods: list[Json], at: float, first: int) -> list[Json]:
    """Return the Pods of a round that crashed."""
    return [
        owned(
            first + number,
            after(at - each["ago"]),
            by=f"rs-{each['owner']}",
            template=each["template"],
            created=after(at) - timedelta(seconds=each["age"]),
            annotations={"diagnostics.local.io/remediate": "false"} if each["opted_out"] else {},
        )
        for number, each in enumerate(pods)
    ]


@given(
    policy=some_policy,
    history=st.lists(some_round, max_size=6),
    pods=st.lists(some_pod, min_size=1, max_size=8),
)
@settings(deadline=None)
def test_a_dry_run_applies_every_limit_as_a_live_run_does(
    policy: Json, history: list[tuple[float, tuple[Phase, Reason], list[Json]]], pods: list[Json]
) -> None:
    """On any status: what the one plans, and no more, the other withholds as a dry run."""
    diag, at = replacing(**{**policy, "paused": False}), 10.0
    seen: list[Json] = []
    for number, (seconds, outcome, some) in enumerate(history):
        seen = crashed_pods(some, at, 10 * (number + 1))
        diag = settled(synced(diag, after(at), *seen), after(at + 1), as_=outcome)
        at += seconds
    related = [*seen[-2:], *crashed_pods(pods, at, 500)]
    live = synced(edited(diag, remediation=policy), after(at), *related)
    dry = synced(edited(diag, remediation={**policy, "dryRun": True}), after(at), *related)
    before = {entry["id"] for entry in entries(diag, "Planned")} if "status" in diag else set()
    new = [entry for entry in entries(live, "Planned") if entry["id"] not in before]
    found = withheld(dry)
    assert found.pop("DryRun", 0) == len(new)
    assert found == withheld(live)
    kept = [entry for entry in entries(live) if entry not in new]
    assert entries(dry) == kept
    assert all(entry["phase"] != "Planned" for entry in entries(dry))


def test_a_dry_run_shows_who_would_wait() -> None:
    """Of eight owners the budget allows five, and of one owner one Pod."""
    pods = [owned(n, by=f"rs-{n}") for n in range(1, 9)]
    second = owned(20, after(1), by="rs-1")
    dry = synced(replacing(dryRun=True), after(10), *pods, second)
    assert withheld(dry) == {"DryRun": 5, "BudgetSpent": 3, "CoolDown": 1}
    assert dry["status"]["owners"] == entries(dry) == []
    (shown,) = [each for each in dry["status"]["withheld"] if each["reason"] == "DryRun"]
    assert shown["examples"] == ["app-1", "app-2", "app-3"]
    again = synced(copy.deepcopy(dry), after(70), *pods, second)
    assert withheld(again) == withheld(dry)
    assert len(planned(synced(edited(dry, remediation={}), after(80), *pods, second))) == 5
