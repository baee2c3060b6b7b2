"""The simulator does what the real API server and Metacontroller were recorded to do.

The recordings are made, and compared with new ones, by tests/e2e/test_conformance.py.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dev.simulator import store
from dev.simulator.client import Client
from dev.simulator.errors import ApiError
from dev.simulator.metacontroller import attachments, decorator, hooks
from dev.simulator.metacontroller.attachments import AttachmentManager
from dev.simulator.metacontroller.decorator import DecoratorController
from dev.simulator.metacontroller.workqueue import WorkQueue
from dev.simulator.schemas import Schema
from tests.conformance import recordings
from tests.conformance.matching import Matcher
from tests.conformance.scenarios import SCENARIOS
from tests.conformance.script import Json, Scenario
from tests.conformance.simulated import simulate
from tests.conformance.traces import Comparable, waits

KINDS = recordings.load_kinds()
FEW = 40
"""Courses that are tried where none fits: the recordings in question take less."""
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def test_every_scenario_is_recorded() -> None:
    """There is a recording of each scenario, and of nothing else."""
    assert recordings.recorded() == set(BY_NAME)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=list(BY_NAME))
def test_the_simulator_does_what_was_recorded(scenario: Scenario) -> None:
    """There is a way through the scenario in the simulator that is the recorded one."""
    found = Matcher(scenario, KINDS).explain(recordings.load(scenario))
    assert not found, "\n".join(found[:20])


@pytest.mark.parametrize("name", ["too-many-requests", "too-many-requests-customize"])
def test_the_simulator_waits_as_it_is_asked_to(name: str) -> None:
    """After 429 with Retry-After no sync comes before that time."""
    scenario = BY_NAME[name]
    for requested, waited in waits(simulate(scenario, KINDS, [0] * len(scenario.steps))):
        assert waited >= requested


def test_a_worker_may_be_quicker_than_the_second_handler() -> None:
    """What is an attachment and related may cause two syncs: each has a handler, called in turn."""
    scenario = BY_NAME["our-rules"]
    course = recordings.load(scenario)
    stream = course[1]["PodDiagnoser d"]
    assert stream[-1]["asked"] == "poddiagnosers/sync"
    twice = _with(course, 1, "PodDiagnoser d", [*stream, stream[-1]])
    assert Matcher(scenario, KINDS).find(twice) is not None


# The comparison can fail


def changes(course: Comparable) -> Iterator[tuple[str, Comparable]]:
    """Change a course in one place at a time: writes left out or out of order, values changed."""
    for number, step in enumerate(course):
        for name, stream in step.items():
            for index, entry in enumerate(stream):
                place = f"{number} {name} {index}"
                if "written" in entry:
                    yield f"{place} left out", _with(course, number, name, _without(stream, index))
                if index and _kind(stream[index - 1]) != _kind(entry):
                    swapped = [*stream]
                    swapped[index - 1 : index + 1] = [entry, stream[index - 1]]
                    yield f"{place} too early", _with(course, number, name, swapped)
                for path, changed in _leaves(entry):
                    replaced = [*stream]
                    replaced[index] = changed
                    yield f"{place} {path}", _with(course, number, name, replaced)


def _kind(entry: Json) -> str:
    return str(entry.get("written") or entry["asked"])


def _without(stream: list[Json], index: int) -> list[Json]:
    return stream[:index] + stream[index + 1 :]


def _with(course: Comparable, number: int, name: str, stream: list[Json]) -> Comparable:
    changed = [*course]
    changed[number] = {**course[number], name: stream}
    return changed


def _leaves(value: Any) -> Iterator[tuple[str, Any]]:
    """Change each value within a value, and take each field away."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield f".{key} gone", {name: other for name, other in value.items() if name != key}
            for path, changed in _leaves(item):
                yield f".{key}{path}", {**value, key: changed}
    elif isinstance(value, list):
        for index, item in enumerate(value):
            for path, changed in _leaves(item):
                yield f"[{index}]{path}", [*value[:index], changed, *value[index + 1 :]]
    else:
        yield "", "another" if isinstance(value, str) else (value or 0) + 7


@pytest.mark.parametrize("name", ["conflict", "status-and-labels", "attachments"])
def test_a_change_of_a_recording_is_noticed(name: str) -> None:
    """No field, no write and no order of a recording may be another."""
    scenario = BY_NAME[name]
    matcher, course = Matcher(scenario, KINDS, FEW), recordings.load(scenario)
    assert matcher.find(copy.deepcopy(course)) is not None
    tried = 0
    for what, changed in changes(course):
        assert matcher.find(changed) is None, f"{what} is not noticed"
        tried += 1
    assert tried > 100


def _update_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the second write of a status."""
    update = Client.update

    async def once(client: Client, resource: Any, obj: Any, subresource: str = "") -> Any:
        if not subresource and resource.plural == "poddiagnosers":
            return obj
        return await update(client, resource, obj, subresource)

    monkeypatch.setattr(Client, "update", once)


def _retry_conflicts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a conflict for an error."""
    monkeypatch.setattr(ApiError, "is_conflict", property(lambda _: False))


def _attach_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Create attachments before others are deleted."""
    manage = AttachmentManager.manage

    async def reverse(manager: Any, parent: Any, observed: Any, desired: Any, unknown: Any) -> None:
        await manage(manager, parent, {}, desired, unknown)
        await manage(manager, parent, observed, desired, unknown)

    monkeypatch.setattr(AttachmentManager, "manage", reverse)


def _keep_attachments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave attachments alone that an answer does not name."""

    async def keep(*_: Any) -> list[str]:
        return []

    monkeypatch.setattr(AttachmentManager, "_delete", keep)


def _no_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Create attachments without an owner."""
    monkeypatch.setattr(attachments, "_claim", lambda *_: None)


def _ignore_null(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what is null in an answer."""
    changed = decorator._changed

    def ignore(old: Any, updates: Any) -> Any:
        return changed(old, {key: item for key, item in updates.items() if item is not None})

    monkeypatch.setattr(decorator, "_changed", ignore)


def _no_pruning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Store what a schema does not know."""
    monkeypatch.setattr(Schema, "prune", lambda *_: None)


def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once whatever Retry-After says, and report it."""
    monkeypatch.setattr(hooks, "_TOO_MANY_REQUESTS", 999)


def _give_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not try again after an error."""
    monkeypatch.setattr(WorkQueue, "add_rate_limited", lambda *_: None)


def _no_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Report no errors."""
    monkeypatch.setattr(
        DecoratorController, "_failed", lambda _, __, message: decorator.SyncError(message)
    )


def _lose_a_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have managedFields never change, so that a second write is none."""
    monkeypatch.setattr(store, "record_manager", lambda *_: None)


def _heed_status(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sync a parent whose status changed, whatever its controller says."""
    monkeypatch.setattr(
        DecoratorController, "parent_updated", lambda controller, _, new: controller._enqueue(new)
    )


@pytest.mark.parametrize(
    ("mistake", "name"),
    [
        (_update_once, "status"),
        (_retry_conflicts, "conflict"),
        (_retry_conflicts, "conflict-of-status"),
        (_attach_first, "attachments-exchanged"),
        (_keep_attachments, "attachments-left-out"),
        (_no_owner, "attachments"),
        (_ignore_null, "labels"),
        (_no_pruning, "status-pruned"),
        (_hurry, "too-many-requests"),
        (_give_up, "same-error"),
        (_no_events, "wrong-answers"),
        (_lose_a_manager, "status"),
        (_keep_attachments, "cluster-kind"),
        (_no_owner, "cluster-kind"),
        (_heed_status, "cluster-kind"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__.strip("_"),
)
def test_a_mistake_of_the_simulator_is_noticed(
    monkeypatch: pytest.MonkeyPatch, mistake: Callable[[pytest.MonkeyPatch], None], name: str
) -> None:
    """A simulator that does one thing in another way has no course that is the recorded one."""
    mistake(monkeypatch)
    scenario = BY_NAME[name]
    assert Matcher(scenario, KINDS, FEW).find(recordings.load(scenario)) is None
