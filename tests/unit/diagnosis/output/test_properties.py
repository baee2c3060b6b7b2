"""What holds for every output: bounded, exact, and not moved by what stands around the reason."""

import re
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output import OutputReading, read_output
from tests.unit.diagnosis.output.lookalikes import LOOK_ALIKES, LookAlike

OUTPUTS: Final = st.sampled_from([case.output for case in LOOK_ALIKES])
LINES: Final = st.sampled_from(
    sorted({line for case in LOOK_ALIKES for line in case.output.splitlines()})
)
CASES: Final = st.sampled_from(LOOK_ALIKES)

GO_DUMP: Final = "".join(
    f"\ngoroutine {number} [chan receive, 3 minutes]:\nexample.org/cache.(*Watcher).loop(0xc000{number:03})\n\t/src/cache/watcher.go:{number} +0x1d\n"
    for number in range(2, 60)
)
JAVA_DUMP: Final = "".join(
    f"\tat com.example.Layer{n}.call(Layer{n}.java:{n})\n" for n in range(200)
)
DUMPS: Final = {"go": GO_DUMP, "java": JAVA_DUMP}

SHUTDOWN: Final = "".join(
    f"2024-05-01 10:00:01,{number:03} INFO  [main] c.e.Lifecycle - stopping component {number}\n"
    for number in range(30)
)
"""What a program says as it goes down, after it said why."""

COMPOSE: Final = "shop_1  | "
WRAPPED: Final[dict[str, Callable[[int, str], str]]] = {
    "cri": lambda n, line: f"2024-05-01T10:00:00.{n:09}Z stderr F {line}",
    "kubectl": lambda n, line: f"2024-05-01T10:00:00.{n:09}Z {line}",
    "kubectl prefix": lambda _, line: f"[pod/shop-0/app] {line}",
    "compose": lambda _, line: f"{COMPOSE}{line}",
    "foreman": lambda n, line: f"10:00:{n % 60:02} web.1  | {line}",
    "concurrently": lambda _, line: f"[0] {line}",
    "journald": lambda n, line: f"May 01 10:00:{n % 60:02} node-1 shop[12]: {line}",
    "viewer": lambda n, line: f"2024-05-01 10:00:{n % 60:02} {line}",
    "carriage returns": lambda _, line: f"{line}\r",
    "commas": lambda _, line: f"{line},",
    "colour": lambda _, line: f"\x1b[31m{line}\x1b[0m",
}


def wrap(kind: str, output: str) -> str:
    """Return an output with something around each line."""
    wrapped = WRAPPED[kind]
    return "\n".join(wrapped(n, line) for n, line in enumerate(output.splitlines())) + "\n"


def same(before: OutputReading, after: OutputReading) -> bool:
    """Say whether two readings pick the same line, whatever stands around it."""
    plain = re.sub(r"\x1b\[\d{1,2}m", "", after.lines[0]) if after.lines else ""
    return before.lines[0] in plain and before.reason_class is after.reason_class


@settings(max_examples=300)
@given(st.text() | st.lists(LINES | st.text(max_size=40), max_size=40).map("\n".join))
def test_reads_any_text(text: str) -> None:
    """Never fail; quote at most three different lines, each a part of one line of the output."""
    reading = read_output(text)
    lines = re.split(r"[\r\n]", text)
    assert len(reading.lines) <= 3
    assert len(set(reading.lines)) == len(reading.lines)
    assert all(line and any(line in each for each in lines) for line in reading.lines)
    if reading.reason_class is ReasonClass.NOTHING:
        assert not reading.lines
    elif reading.reason_class is not ReasonClass.ASKED_TO_STOP:
        assert reading.lines


@given(st.binary(max_size=400))
def test_reads_any_bytes(data: bytes) -> None:
    """A log is no text until it is decoded."""
    assert len(read_output(data.decode(errors="replace")).lines) <= 3
    assert len(read_output(data.decode(errors="surrogateescape")).lines) <= 3


@given(OUTPUTS, st.integers(min_value=0))
def test_reads_a_part(output: str, cut: int) -> None:
    """A cut anywhere, also in the middle of a line, is read."""
    part = output[cut % len(output) :]
    assert all(line in part for line in read_output(part).lines)


@given(OUTPUTS)
def test_reads_the_same_each_time(output: str) -> None:
    """The reading depends on the text alone."""
    assert read_output(output) == read_output(output)


@pytest.mark.parametrize("kind", WRAPPED)
@pytest.mark.parametrize("case", LOOK_ALIKES, ids=lambda case: case.name)
def test_wrapping_does_not_change_the_line(case: LookAlike, kind: str) -> None:
    """What a collector or a viewer puts around each line is not the program's."""
    assert same(read_output(case.output), read_output(wrap(kind, case.output)))


@pytest.mark.parametrize("case", LOOK_ALIKES, ids=lambda case: case.name)
def test_two_wrappings_do_not_change_the_line(case: LookAlike) -> None:
    """A viewer's timestamps before compose's names."""
    wrapped = wrap("kubectl", wrap("compose", case.output))
    assert same(read_output(case.output), read_output(wrapped))


@pytest.mark.parametrize("case", LOOK_ALIKES, ids=lambda case: case.name)
def test_healthy_lines_before_do_not_change_the_line(case: LookAlike) -> None:
    """Two hundred requests that were served come before the end."""
    served = "".join(f"GET /items/{number} 200 12ms\n" for number in range(200))
    assert same(read_output(case.output), read_output(served + case.output))


@pytest.mark.parametrize("case", LOOK_ALIKES, ids=lambda case: case.name)
def test_shutting_down_does_not_change_the_line(case: LookAlike) -> None:
    """Thirty lines that say what is stopped come after the reason."""
    assert same(read_output(case.output), read_output(case.output + SHUTDOWN))


@pytest.mark.parametrize(
    "case", [case for case in LOOK_ALIKES if case.runtime in DUMPS], ids=lambda case: case.name
)
def test_a_long_dump_does_not_change_the_line(case: LookAlike) -> None:
    """Two hundred lines of a dump come after the reason."""
    assert same(read_output(case.output), read_output(case.output + DUMPS[case.runtime]))


@pytest.mark.parametrize("case", LOOK_ALIKES, ids=lambda case: case.name)
def test_two_runs_do_not_change_the_line(case: LookAlike) -> None:
    """The program was started again, and ended of the same."""
    assert same(read_output(case.output), read_output(case.output + case.output))


@pytest.mark.parametrize("case", LOOK_ALIKES, ids=lambda case: case.name)
def test_only_the_end_is_read(case: LookAlike) -> None:
    """Of an endless log the last 64 KiB."""
    assert same(read_output(case.output), read_output("x" * 100 + "\n" * 70_000 + case.output))
    padded = "panic: another program\n" + "served\n" * 12_000 + case.output
    assert same(read_output(case.output), read_output(padded))


@settings(max_examples=60, deadline=None)
@given(CASES, CASES)
def test_two_services_at_once(one: LookAlike, other: LookAlike) -> None:
    """Their lines, printed in turn, are not one trace: the one that is quoted is one of both."""
    first = [f"a_1 | {line}" for line in one.output.splitlines()]
    second = [f"b_1 | {line}" for line in other.output.splitlines()]
    mixed = [line for pair in zip(first, second, strict=False) for line in pair]
    rest = first[len(second) :] + second[len(first) :]
    reading = read_output("\n".join(mixed + rest))
    assert any(same(read_output(case.output), reading) for case in (one, other))


@pytest.mark.parametrize(
    "text",
    [
        "Container app exited with code 1: KeyError: 'X' (MissingConfiguration)",
        "MissingConfiguration",
        "the log does not explain it",
        "diagnostics.local.io/reason: AskedToStop",
        "OutputReading(lines=(), reason_class=AskedToStop)",
    ],
)
def test_our_own_words_are_words(text: str) -> None:
    """A program that prints what we print is quoted, or says nothing; it sets no class."""
    reading = read_output(text + "\n")
    assert reading.reason_class is not ReasonClass.ASKED_TO_STOP
    assert all(line in text for line in reading.lines)
