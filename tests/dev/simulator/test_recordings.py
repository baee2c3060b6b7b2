"""The simulator's Metacontroller sends what the real one sent: field by field, in the same order.

A step for which no draws can be found is a behaviour of the real Metacontroller that the
simulator does not have.
"""

import json

import pytest

from tests.dev.simulator.recorded import (
    Exchange,
    comparable,
    differences,
    load_exchanges,
    trial_hook,
)
from tests.dev.simulator.replay import DRAWS, STEPS, Replay


@pytest.fixture(scope="module")
def recorded() -> list[Exchange]:
    """Return the recorded requests."""
    return load_exchanges()


def test_the_trial_hook_answers_as_it_did(recorded: list[Exchange]) -> None:
    """The hook of the replay gives the recorded answer to every recorded request."""
    for exchange in recorded:
        assert trial_hook(exchange.path, exchange.request) == exchange.response


def test_traffic_is_the_recorded_one(recorded: list[Exchange]) -> None:
    """There are draws with which every request is the recorded one, in the recorded order."""
    draws = json.loads(DRAWS.read_text(encoding="utf-8"))
    replay = Replay(recorded)
    played: set[str] = set()
    for step in STEPS:
        replay.play(step, draws[step])
        played.add(step)
        expected = comparable([one for one in recorded if one.step in played])
        found = differences(expected, replay.sent())
        assert not found, f"{step}: search again with python -m tests.dev.simulator.find_draws"
    assert len(replay.exchanges) == len(recorded)


@pytest.mark.parametrize("seed", range(20))
def test_every_schedule_ends_as_recorded(recorded: list[Exchange], seed: int) -> None:
    """In whatever order things happen, each step ends with the objects that it ended with there."""
    replay = Replay(recorded)
    played: set[str] = set()
    for step in STEPS:
        replay.play(step, {}, seed)
        played.add(step)
        assert last_seen(replay.exchanges) == last_seen(
            [one for one in recorded if one.step in played]
        )


def last_seen(exchanges: list[Exchange]) -> dict[str, object]:
    """Return what the last sync of each object showed and was answered, without versions."""
    seen: dict[str, object] = {}
    for exchange in exchanges:
        if not exchange.path.endswith("/sync"):
            continue
        obj = exchange.request["object"]
        metadata = obj["metadata"]
        seen[f"{obj['kind']} {metadata['name']}"] = {
            "labels": metadata.get("labels"),
            "annotations": metadata.get("annotations"),
            "generation": metadata["generation"],
            "terminating": "deletionTimestamp" in metadata,
            "spec": obj["spec"],
            "status": obj.get("status"),
            "related": {
                group: sorted(objects) for group, objects in exchange.request["related"].items()
            },
            "attachments": {
                group: sorted(objects) for group, objects in exchange.request["attachments"].items()
            },
            "answered status": exchange.response.get("status"),
        }
    return seen
