"""Who is refused for the CPU time that its namespace has used."""

import gevent
import greenlet
import pytest
from gevent import monkey
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.server import fairness as module
from pod_diagnoser.server.fairness import (
    BURST_SECONDS,
    LONG_SECONDS,
    MAX_ACCOUNTS,
    MAX_RETRY,
    MIN_RETRY,
    OTHERS_SECONDS,
    CpuMeter,
    Fairness,
)

LONG, SHORT = 10 * LONG_SECONDS, LONG_SECONDS / 4
RATE = 0.03


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock."""
    return Clock()


@pytest.fixture
def fairness(clock: Clock) -> Fairness:
    """Return accounts that nobody has used."""
    return Fairness(RATE, clock)


def served(fairness: Fairness, namespace: str, taken: float) -> bool:
    """Send a request; if it is served, it takes so much CPU time."""
    admission = fairness.admit(namespace)
    if admission.retry_after is not None:
        fairness.charge(namespace, taken / 10, admission)
        return False
    fairness.charge(namespace, taken, admission)
    return True


def use_up(fairness: Fairness, namespace: str, taken: float = LONG, times: float = 2) -> None:
    """Use all that a namespace may use at once, twice, or so many times."""
    for _ in range(round(times * BURST_SECONDS / taken)):
        assert served(fairness, namespace, taken)


def test_a_namespace_that_is_alone_is_never_refused(fairness: Fairness) -> None:
    """It may use the whole hook: nobody else wants it."""
    for _ in range(1000):
        assert served(fairness, "alone", LONG)


def test_who_used_up_its_allowance_is_refused_when_others_come(fairness: Fairness) -> None:
    """And the others are not, however many requests they send within theirs."""
    use_up(fairness, "busy")
    assert served(fairness, "quiet", SHORT)
    assert not served(fairness, "busy", LONG)
    assert fairness.admit("quiet") == module.Admission()


def test_a_storm_of_short_requests_is_never_refused(fairness: Fairness) -> None:
    """Ten thousand crashes in one namespace, while others are served; these go first."""
    for number in range(10_000):
        if number % 10 == 0:
            assert served(fairness, "quiet", SHORT)
        assert served(fairness, "storm", SHORT)
    assert fairness.admit("storm").yields
    assert not fairness.admit("another").yields


def test_a_few_long_requests_among_short_ones_are_no_reason(fairness: Fairness) -> None:
    """A storm whose first crash takes longer."""
    assert served(fairness, "quiet", SHORT)
    for number in range(5_000):
        assert served(fairness, "storm", 2 * LONG_SECONDS if number % 200 == 0 else SHORT)


def test_long_requests_cannot_hide_among_short_ones(fairness: Fairness) -> None:
    """Where half of the time goes into long ones, others feel it."""
    outcomes = set()
    for number in range(2_000):
        served(fairness, "quiet", SHORT / 100)
        outcomes.add(served(fairness, "mixed", LONG if number % 40 == 0 else SHORT))
    assert outcomes == {True, False}


def test_the_allowance_comes_back(fairness: Fairness, clock: Clock) -> None:
    """As fast as the rate says, or half of that with what is refused; others go on asking."""
    use_up(fairness, "busy")
    taken = 0.0
    for _ in range(600):
        clock.now += 0.1
        assert served(fairness, "quiet", SHORT)
        if served(fairness, "busy", LONG):
            taken += LONG
    assert RATE * 60 / 2 - LONG <= taken <= RATE * 60 + LONG


@pytest.mark.parametrize("cost", [LONG / 1000, LONG, 100 * LONG])
@pytest.mark.parametrize("times", [1, 100])
def test_being_refused_neither_pays_a_debt_nor_makes_one(
    fairness: Fairness, clock: Clock, cost: float, times: int
) -> None:
    """Who asks again and again is served as rarely, and not never."""
    use_up(fairness, "busy")
    assert fairness.left("busy") < 0
    taken = 0.0
    for _ in range(600):
        clock.now += 0.1
        assert served(fairness, "quiet", SHORT)
        for _ in range(times):
            admission = fairness.admit("busy")
            taken += LONG if admission.retry_after is None else 0
            fairness.charge("busy", cost if admission.retry_after else LONG, admission)
    assert RATE * 60 / 2 - LONG <= taken <= RATE * 60 + LONG


def test_those_that_come_at_once_are_not_all_admitted(fairness: Fairness) -> None:
    """Twenty come before the first of them is charged; each is expected to cost as usual."""
    use_up(fairness, "busy", times=1 - 4 * LONG / BURST_SECONDS)
    assert served(fairness, "quiet", SHORT)
    answers = [fairness.admit("busy") for _ in range(20)]
    admitted = [each for each in answers if each.retry_after is None]
    assert 3 <= len(admitted) <= 5
    for each in answers:
        fairness.charge("busy", LONG if each.retry_after is None else 0.0, each)
    assert -2 * LONG <= fairness.left("busy") <= LONG
    assert fairness._accounts["busy"].working == 0


def test_what_was_admitted_is_paid_for_however_much_it_was(fairness: Fairness) -> None:
    """Nothing of it is forgiven, up to a debt as large as the allowance."""
    fairness.charge("busy", BURST_SECONDS - SHORT)
    admitted = [fairness.admit("busy") for _ in range(20)]
    for each in admitted:
        fairness.charge("busy", LONG, each)
    assert fairness.left("busy") == pytest.approx(SHORT - 20 * LONG)


def test_who_asked_for_pods_is_one_of_the_others_for_poddiagnosers(clock: Clock) -> None:
    """Both are worked on by one process, and each has a rate of its own."""
    demand = module.Demand()
    pods, diagnosers = Fairness(RATE, clock, demand), Fairness(RATE, clock, demand)
    use_up(diagnosers, "busy")
    assert served(pods, "quiet", SHORT)
    assert not served(diagnosers, "busy", LONG)
    assert served(pods, "busy", LONG)


def test_the_others_are_forgotten_when_they_stop(fairness: Fairness, clock: Clock) -> None:
    """Then nobody would wait, and nothing is refused."""
    use_up(fairness, "busy")
    fairness.admit("quiet")
    clock.now += 1
    assert not served(fairness, "busy", LONG)
    clock.now += OTHERS_SECONDS
    assert served(fairness, "busy", LONG)
    assert served(fairness, "busy", LONG)


def test_two_busy_namespaces_do_not_block_each_other(fairness: Fairness) -> None:
    """Only who is within its own allowance makes others be refused."""
    use_up(fairness, "busy")
    use_up(fairness, "busier")
    assert fairness.admit("busier").retry_after is None
    assert fairness.admit("busy").retry_after is None


def test_refused_requests_come_again_spread(fairness: Fairness) -> None:
    """Metacontroller repeats each after whole seconds, from five on."""
    use_up(fairness, "busy")
    fairness.admit("quiet")
    seconds = [fairness.admit("busy").retry_after for _ in range(100)]
    assert all(each is not None and MIN_RETRY <= each <= MAX_RETRY for each in seconds)
    assert len(set(seconds)) >= MIN_RETRY


def test_time_alone_leaves_no_debt(fairness: Fairness, clock: Clock) -> None:
    """What was used while nobody wanted it is not held against a namespace later."""
    for _ in range(1000):
        assert served(fairness, "busy", LONG)
    fairness.admit("quiet")
    assert not served(fairness, "busy", LONG)
    clock.now += 2 * LONG / RATE
    fairness.admit("quiet")
    assert served(fairness, "busy", LONG)


def test_accounts_are_bounded(fairness: Fairness) -> None:
    """Whoever makes namespaces makes the hook no larger."""
    for number in range(MAX_ACCOUNTS + 100):
        assert served(fairness, f"made-up-{number}", SHORT)
    assert len(fairness._accounts) == MAX_ACCOUNTS
    assert len(fairness._demand._asked) <= 2


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 1), st.floats(0, 20)), max_size=60))
def test_someone_is_always_served(steps: list[tuple[str, float, float]]) -> None:
    """Of all namespaces that ask in a row at least one is served; refusals say when to come."""
    clock = Clock()
    fairness = Fairness(RATE, clock)
    for namespace, taken, later in steps:
        clock.now += later
        admission = fairness.admit(namespace)
        if admission.retry_after is None:
            fairness.charge(namespace, taken, admission)
        admissions = {each: fairness.admit(each) for each in "abc"}
        for each, probed in admissions.items():
            fairness.charge(each, 0.0, probed)
        answers = [each.retry_after for each in admissions.values()]
        assert None in answers
        assert all(each is None or MIN_RETRY <= each <= MAX_RETRY for each in answers)


class Work:
    """CPU time as a number, and greenlets that use it and wait."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_a_request_is_not_charged_for_others_while_it_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three requests in turns: each is charged what it has used itself."""
    monkeypatch.setattr(monkey, "is_module_patched", lambda _: True)
    work = Work()
    charged: dict[str, float] = {}
    meter = CpuMeter(work)

    def request(name: str, parts: list[float]) -> None:
        with meter(lambda seconds: charged.__setitem__(name, seconds)):
            for part in parts:
                work.now += part
                gevent.sleep(0)

    before = greenlet.gettrace()
    try:
        gevent.joinall(
            [
                gevent.spawn(request, "short", [1.0]),
                gevent.spawn(request, "long", [10.0, 10.0, 10.0]),
                gevent.spawn(request, "none", [0.0, 0.0]),
            ],
            raise_error=True,
        )
    finally:
        greenlet.settrace(before)
    assert charged == {"short": 1.0, "long": 30.0, "none": 0.0}


def test_without_gevent_all_time_is_the_requests_own() -> None:
    """There is nobody else in the thread."""
    work = Work()
    charged: list[float] = []
    with CpuMeter(work)(charged.append):
        work.now += 3.0
    assert charged == [3.0]
