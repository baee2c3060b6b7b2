"""What takes long gives way to what has arrived, in turns that come to everybody."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from gevent import monkey, socket
from hypothesis import given, settings
from hypothesis import strategies as st

from pod_diagnoser.server import turns as turns_module
from pod_diagnoser.server.turns import LONGEST_WAITING_EVERY, SHORT, SLICE_SECONDS, Turn, Turns


@pytest.fixture(autouse=True)
def _under_gevent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monkey, "is_module_patched", lambda _: True)


class Work:
    """CPU time as a number."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def slices_until_it_is_seen(give_way: Callable[[], object]) -> int:
    """Return how many slices are worked on after something arrived until it is seen."""
    here, there = socket.socketpair()
    slices = 0
    seen: list[int] = []

    def work() -> None:
        nonlocal slices
        while not seen:
            slices += 1
            if slices == 10:
                there.send(b"x")
            give_way()

    def read() -> None:
        here.recv(1)
        seen.append(slices)

    gevent.joinall([gevent.spawn(read), gevent.spawn(work)], raise_error=True)
    here.close()
    there.close()
    return seen[0] - 10


def test_what_arrives_is_served_before_the_next_slice() -> None:
    """It is why `gevent.sleep(0)` is not enough."""
    assert slices_until_it_is_seen(Turns().wait) == 0
    assert slices_until_it_is_seen(lambda: gevent.sleep(0)) > 10


def test_one_turn_comes_in_a_round_of_the_loop_however_many_wait() -> None:
    """Twenty that wait make what arrives wait for one of them, not for twenty."""
    turns = Turns()
    here, there = socket.socketpair()
    order: list[str] = []

    def busy() -> None:
        turns.wait()
        order.append("busy")
        if len(order) == 1:
            there.send(b"x")

    def quiet() -> None:
        here.recv(1)
        order.append("quiet")

    workers = [gevent.spawn(quiet), *(gevent.spawn(busy) for _ in range(20))]
    gevent.joinall(workers, raise_error=True)
    assert order == ["busy", "quiet", *["busy"] * 19]
    here.close()
    there.close()


def order_of(lefts: dict[str, float]) -> str:
    """Return the order in which turns come to requests of namespaces, which came one by one."""
    turns = Turns()
    order: list[str] = []

    def request(name: str, left: float) -> None:
        turns.wait(Turn(turns, lambda: left))
        order.append(name)

    gevent.joinall(
        [gevent.spawn(request, name, left) for name, left in lefts.items()], raise_error=True
    )
    return "".join(order)


def test_who_has_most_left_comes_first_and_every_fourth_time_who_waited_longest() -> None:
    """The first turn is one of those."""
    lefts = {"a": -3.0, "b": -2.0, "c": -1.0, "d": 0.0, "e": 1.0, "f": 2.0, "g": 3.0}
    assert order_of(lefts) == "agfebdc"


def test_what_a_request_has_used_counts_at_once() -> None:
    """Its namespace is charged only when it has ended."""
    work = Work()
    turn = Turn(Turns(), lambda: 2.0, work)

    def request() -> None:
        turn.begin()
        work.now += 0.5
        turn.give_way()

    gevent.spawn(request).get()
    assert turn.left == 1.5


@settings(deadline=None)
@given(
    before=st.lists(st.floats(-2, 2), max_size=5),
    later=st.lists(st.floats(-2, 2), min_size=1, max_size=5),
    own=st.floats(-2, 2),
)
def test_nobody_starves(before: list[float], later: list[float], own: float) -> None:
    """However many come later, with however much left: each turn brings another of them.

    Four turns are enough for each of those that had waited before, and four for oneself.
    """
    turns = Turns()
    lefts = itertools.cycle(later)
    given = 0
    served: list[int] = []

    def come(left: float) -> None:
        nonlocal given
        turns.wait(Turn(turns, lambda: left))
        given += 1
        if not served:
            gevent.spawn(come, next(lefts))

    def wait() -> None:
        turns.wait(Turn(turns, lambda: own))
        served.append(given)

    for left in before:
        gevent.spawn(come, left)
    waiting = gevent.spawn(wait)
    for left in later:
        gevent.spawn(come, left)
    waiting.get(timeout=60)
    assert served[0] < LONGEST_WAITING_EVERY * (len(before) + 1)
    while turns._line:
        gevent.sleep(0.001)


def test_a_slice_is_not_cut_short() -> None:
    """Giving way costs something, so it is done when enough was worked."""
    work = Work()
    turns = Turns()
    turn = Turn(turns, thread_time=work)
    waited = 0
    wait = turns.wait

    def counted(turn: Turn = SHORT) -> None:
        nonlocal waited
        waited += 1
        wait(turn)

    turns.wait = counted  # type: ignore[method-assign]

    def request() -> None:
        turn.begin()
        for _ in range(100):
            work.now += SLICE_SECONDS / 4.5
            turn.give_way()

    gevent.spawn(request).get()
    assert waited == 1 + 100 // 5


@pytest.fixture
def alone() -> Iterator[tuple[Turns, list[str], Callable[[str, float], None]]]:
    """Return turns, what happened, and what works alone for three turns."""
    turns = Turns()
    happened: list[str] = []

    def work(name: str, left: float) -> None:
        turn = Turn(turns, lambda: left, lambda: 0.0)
        with turn.alone():
            happened.append(f"{name} begins")
            for _ in range(3):
                turn.begin()
            happened.append(f"{name} ends")

    yield turns, happened, work
    assert not turns._is_taken


Alone = tuple[Turns, list[str], Callable[[str, float], None]]


def test_only_one_is_alone_and_others_take_turns(alone: Alone) -> None:
    """Who has most left comes next; who is not alone does not wait for the end."""
    turns, happened, work = alone

    def other() -> None:
        turns.wait(Turn(turns, lambda: 9.0))
        happened.append("other")

    lefts = {"a": 0.0, "b": 0.0, "c": 1.0, "d": 2.0}
    workers: list[Any] = [gevent.spawn(work, *each) for each in lefts.items()]
    workers.append(gevent.spawn(other))
    gevent.joinall(workers, raise_error=True)
    assert happened.index("other") < happened.index("a ends")
    happened.remove("other")
    assert happened == [f"{name} {what}" for name in "abdc" for what in ("begins", "ends")]


@pytest.mark.parametrize("killed", ["a", "b", "c"])
def test_who_is_killed_leaves_its_place(alone: Alone, killed: str) -> None:
    """While it is alone, or while it waits for that."""
    turns, happened, work = alone
    workers: dict[str, Any] = {name: gevent.spawn(work, name, 0.0) for name in "abc"}

    def kill() -> None:
        turns.wait(Turn(turns, lambda: 9.0))
        workers[killed].kill()

    gevent.joinall([gevent.spawn(kill), *workers.values()], raise_error=True)
    assert [each for each in happened if each.endswith("ends")] == [
        f"{name} ends" for name in "abc" if name != killed
    ]
    assert not turns._line
    assert not turns._line_to_be_alone


def test_a_short_request_never_waits() -> None:
    """It may call everything all the same."""
    SHORT.begin()
    SHORT.give_way()
    with SHORT.alone():
        pass


def test_without_gevent_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nobody else in the thread."""
    monkeypatch.setattr(monkey, "is_module_patched", lambda _: False)
    monkeypatch.setattr(turns_module, "Waiter", lambda: pytest.fail("it waits"))
    turn = Turn(Turns(), thread_time=lambda: 0.0)
    with turn.alone():
        turn.begin()
    with turn.alone():
        turn.give_way()
