"""What a soak calls a violation."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from dev.benchmarks.figures import table
from dev.benchmarks.operators import PODDIAGNOSERS_HOOK, PODS_HOOK
from dev.soak.census import Sample
from dev.soak.findings import BARE_ROUTE, SERVERS, Found, is_violated, tables

MIB = 1024 * 1024


def steady(
    *, memory: float = 0.0, files: float = 0.0, greenlets: float = 0.0, count: int = 90
) -> list[Sample]:
    """Return samples that grow by so much from the first third to the last one."""
    return [
        Sample(
            at=float(number),
            memory=round(80 * MIB * (1 + memory * share)),
            files=round(20 + files * share),
            greenlets=round(30 + greenlets * share),
        )
        for number in range(count)
        for share in (max(0.0, min(1.0, 3 * number / count - 1)),)
    ]


GOOD = Found(
    seconds=60.0,
    samples={name: steady() for name in SERVERS},
    taken={PODS_HOOK: [2.0] * 3000, PODDIAGNOSERS_HOOK: [900.0] * 90, BARE_ROUTE: [1.0] * 3000},
    crashes=[15.0] * 60,
    errors={"lines of the hooks' logs about errors": 0},
    cpu={"Metacontroller": 20.0},
)


def with_samples(name: str, samples: list[Sample]) -> Found:
    """Return what was found where one server was otherwise."""
    return replace(GOOD, samples={**GOOD.samples, name: samples})


def test_what_is_steady_is_as_it_should_be() -> None:
    """A little growth is; so is a PodDiagnosers' hook that waits on purpose."""
    assert not is_violated(tables(GOOD))
    little = with_samples(PODS_HOOK, steady(memory=0.04, files=4, greenlets=4))
    assert not is_violated(tables(little))


@pytest.mark.parametrize("name", [PODS_HOOK, PODDIAGNOSERS_HOOK])
@pytest.mark.parametrize(
    "samples",
    [
        steady(memory=0.06),
        steady(files=6),
        steady(greenlets=6),
        [replace(one, greenlets=None) for one in steady()],
        steady(count=2),
    ],
    ids=["memory", "files", "greenlets", "greenlets not known", "too few samples"],
)
def test_growth_is_a_violation(name: str, samples: list[Sample]) -> None:
    """Of either process; and so is what is not known."""
    assert is_violated(tables(with_samples(name, samples)))


def test_the_bare_route_is_not_judged() -> None:
    """It is what the hook is compared with."""
    assert not is_violated(tables(with_samples(BARE_ROUTE, steady(memory=0.5, files=50))))


@pytest.mark.parametrize(
    "change",
    [
        lambda: replace(GOOD, errors={"syncs that Metacontroller reports as failed": 1}),
        lambda: replace(GOOD, taken={**GOOD.taken, PODS_HOOK: [2.0] * 2900 + [600.0] * 100}),
        lambda: replace(GOOD, taken={**GOOD.taken, PODS_HOOK: [2.0] * 2600}),
        lambda: replace(GOOD, taken={**GOOD.taken, PODS_HOOK: []}),
    ],
    ids=["an error", "slow", "too little load", "no load"],
)
def test_errors_slowness_and_too_little_load_are_violations(change: Callable[[], Found]) -> None:
    """Each by itself."""
    assert is_violated(tables(change()))


def test_the_tables_name_what_is_missed() -> None:
    """The hook's processes and the bare route stand side by side."""
    grown = tables(with_samples(PODS_HOOK, steady(memory=0.2)))
    text = "\n".join(table(f"#### {heading}", lines) for heading, lines in grown.items())
    head = f"|  | {PODS_HOOK} | {PODDIAGNOSERS_HOOK} | {BARE_ROUTE} | aim |  |"
    assert head in text
    assert "| memory, growth, % | 20 | 0 | 0 | ≤ 5 | **missed** |" in text
