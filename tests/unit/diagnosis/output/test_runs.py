"""Where a program starts anew, and which of its runs counts."""

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output import read_output
from pod_diagnoser.diagnosis.output.runs import run_starts

BANNER = "1:C 01 May 2024 10:00:00.000 * oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo"


def trace(error: str, line: int) -> str:
    """Return a traceback."""
    return f'Traceback (most recent call last):\n  File "/app/w.py", line {line}, in <module>\n    main()\n{error}\n'


def test_runs_begin_with_a_banner() -> None:
    """One that is known."""
    assert run_starts(["x", BANNER, "y", BANNER, "z"]) == [0, 1, 3]


def test_runs_begin_where_the_first_line_comes_again() -> None:
    """Numbers in it aside; not if it is there too often."""
    run = ["worker 17 at 10:00", "a", "b", "c"]
    assert run_starts([*run, "worker 18 at 10:05", "a", "b", "c"]) == [0, 4]
    assert run_starts(run * 30) == [0]


def test_runs_begin_where_a_line_of_starting_comes_again() -> None:
    """Even if the first run is cut."""
    run = ["starting the server", "a", "b", "c"]
    assert run_starts(["cut", *run, *run]) == [0, 5]


def test_a_run_is_over_after_its_last_words() -> None:
    """What comes after them is another."""
    assert run_starts(["2024/05/01 10:00:00 [notice] 1#1: exit", "a"]) == [0, 1]


def test_the_last_run_that_failed_counts() -> None:
    """Another error in the run before, nothing yet in the run after."""
    runs = (
        "10:00:00 starting worker\n"
        + trace("ConnectionRefusedError: [Errno 111] Connection refused", 3)
        + "10:05:00 starting worker\n"
        + trace("KeyError: 'TOKEN'", 9)
    )
    assert read_output(runs).lines == ("KeyError: 'TOKEN'",)
    assert read_output(f"{runs}10:10:00 starting worker\nlistening\n").lines == (
        "KeyError: 'TOKEN'",
    )


def test_the_first_event_of_a_run_counts() -> None:
    """What follows from it is quoted below."""
    reading = read_output(trace("KeyError: 'TOKEN'", 3) + "serving\n" + trace("ValueError: x", 9))
    assert reading.lines == ("KeyError: 'TOKEN'", "ValueError: x")
    assert reading.reason_class is ReasonClass.MISSING_CONFIGURATION


def test_what_ended_it_counts_more_than_what_was_logged() -> None:
    """An error that was logged before may have been lived with."""
    reading = read_output(
        "2024-05-01 10:00:00,000 ERROR [main] c.e.App - no cache\n"
        'Exception in thread "main" java.lang.IllegalStateException: x\n\tat a.b.C.d(C.java:1)\n'
    )
    assert reading.lines[0] == 'Exception in thread "main" java.lang.IllegalStateException: x'


def test_a_failure_before_the_signal_is_the_reason() -> None:
    """A failure after it is not."""
    failure, stop = trace("ValueError: x", 3), "received SIGTERM, shutting down\n"
    assert read_output(failure + stop).reason_class is ReasonClass.UNCAUGHT_EXCEPTION
    assert read_output(stop + failure).reason_class is ReasonClass.ASKED_TO_STOP
    assert read_output(stop + failure).lines == (stop.strip(),)
