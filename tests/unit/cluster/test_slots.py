"""Places for calls to the API server."""

import pytest

from pod_diagnoser.cluster.slots import Slots


def test_one_namespace_takes_half_of_the_places() -> None:
    """However many calls of it hang: others find a place."""
    slots = Slots(8)
    taken = [slots.acquire("slow", 0.0) for _ in range(20)]
    assert taken.count(True) == 4
    assert [slots.acquire("other", 0.0) for _ in range(5)] == [True] * 4 + [False]
    assert not slots.acquire("third", 0.0)
    slots.release("slow")
    assert slots.acquire("third", 0.0)


@pytest.mark.parametrize("limit", [1, 2])
def test_a_namespace_gets_one_place_at_least(limit: int) -> None:
    """Where there are only one or two, and again after it was given back."""
    slots = Slots(limit)
    for _ in range(3):
        assert slots.acquire("shop", 0.0)
        assert not slots.acquire("shop", 0.0)
        slots.release("shop")
