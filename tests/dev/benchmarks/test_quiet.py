"""How the benchmarks find out whether the machine was quiet."""

import pytest

from dev.benchmarks.quiet import Quiet, Sample, by_others

ME, HOOK, WORKER = 1, 2, 3


def sample(
    at: float,
    busy: float,
    own: dict[int, float],
    stolen: float = 0.0,
    children: tuple[int, ...] = (),
) -> Sample:
    """A look at the machine."""
    return Sample(at, busy, stolen, own, frozenset(children))


@pytest.mark.parametrize(
    ("busy", "stolen", "own", "expected"),
    [
        (1.0, 0.0, {ME: 0.4, HOOK: 0.6}, 0.0),  # all of it was the benchmark's
        (2.0, 0.0, {ME: 0.4, HOOK: 0.6}, 25.0),  # a second of four was not
        (1.0, 0.2, {ME: 1.0, HOOK: 0.0}, 5.0),  # what a hypervisor takes away counts, too
        (0.9, 0.0, {ME: 1.0, HOOK: 0.0}, 0.0),  # clocks differ a little
        (2.0, 0.0, {ME: 0.5, HOOK: 0.5, WORKER: 1.0}, 0.0),  # a process that is new
    ],
)
def test_what_the_benchmark_did_not_use_was_used_by_others(
    busy: float, stolen: float, own: dict[int, float], expected: float
) -> None:
    """In two seconds of two processors."""
    before = sample(10.0, 100.0, {ME: 0.0, HOOK: 0.0})
    after = sample(12.0, 100.0 + busy, own, stolen)
    assert by_others(before, after, 2) == pytest.approx(expected)


def test_a_process_whose_time_is_lost_makes_it_unknown() -> None:
    """That of the benchmark's own children is not: it goes over to the benchmark."""
    before = sample(10.0, 100.0, {ME: 0.0, HOOK: 5.0, WORKER: 1.0}, children=(HOOK,))
    assert by_others(before, sample(12.0, 101.0, {ME: 6.0, HOOK: 5.0}), 2) is None
    assert by_others(before, sample(12.0, 101.0, {ME: 6.0, WORKER: 1.0}), 2) == 0.0


@pytest.mark.parametrize(
    ("shares", "begins"),
    [
        ([4.0, 5.9], "The machine was quiet: 5.0 %"),
        ([4.0, 8.0], "**The machine was not quiet: 6.0"),
    ],
)
def test_the_note_says_when_the_machine_was_not_quiet(shares: list[float], begins: str) -> None:
    """On average over the part; what was before it does not count."""
    quiet = Quiet()
    quiet._shares = [(5.0, 90.0), *((10.0 + n, share) for n, share in enumerate(shares))]
    assert quiet.note(since=10.0).startswith(begins)
