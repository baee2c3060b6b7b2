"""How the benchmarks' figures of reading Events are put together."""

import pytest

from dev.benchmarks import evidence, posting
from dev.benchmarks.evidence import ALL, BUSY, EVENTS_ALONE, WITH, WITHOUT, WRITTEN
from dev.benchmarks.figures import Figure
from dev.benchmarks.spread import Spread
from dev.envtest.proxy import Answer, Request

DIAGNOSED = "Pods diagnosed as LivenessProbeFailed in the end"
READS = "requests for Events for a crash, one at a time"
FOUND = {
    f"{WITHOUT}: one at a time, p50": Spread((10.0, 12.0)),
    f"{WITHOUT}: one at a time, p95": Spread((20.0, 20.0)),
    f"{WITH}: one at a time, p50": Spread((20.0, 18.0)),
    f"{WITH}: one at a time, p95": Spread((50.0, 60.0)),
    "requests for Events for a crash, one at a time, answered by the first read": Spread(
        (1.0, 1.0)
    ),
    "requests for Events for a crash, one at a time, no Event found": Spread((2.1, 2.1)),
    f"{WITHOUT}: all annotated": Spread((5.0, 4.0)),
    f"{WITHOUT}: requests for Events": Spread((0.0, 0.0)),
    f"{WITH}: all annotated": Spread((9.0, 8.0)),
    f"{WITH}: {DIAGNOSED}": Spread((1000.0, 1000.0)),
    f"{WITH}: CPU: hook": Spread((3.0, 3.0)),
    f"{WITH}: memory of the Pods' hook at most": Spread((80.0, 80.0)),
    f"{WRITTEN}: {DIAGNOSED}": Spread((998.0, 1000.0)),
    f"{BUSY}: all annotated": Spread((15.0, 12.0)),
    f"{BUSY}: requests for Events refused": Spread((4.0, 4.0)),
}


@pytest.fixture
def found() -> dict[str, Figure]:
    """The figures by their names, of which there are no two."""
    figures = evidence.figures(FOUND, 1000)
    assert len({one.name for one in figures}) == len(figures)
    return {one.name: one for one in figures}


def test_what_is_compared_has_its_ratio_round_by_round(found: dict[str, Figure]) -> None:
    """Twice as long is allowed for many at once; for one at a time it is only reported."""
    storm = found["1,000 at once, all annotated: with Events / without"]
    assert (storm.spread, storm.met) == (Spread((1.8, 2.0)), True)
    single = found["one at a time, p50: with Events / without"]
    assert (single.spread, single.met) == (Spread((2.0, 1.5)), None)
    busy = found["1,000 at once, all annotated: 429 for Events / without"]
    assert (busy.spread, busy.met) == (Spread((3.0, 3.0)), False)


def test_every_crash_has_to_be_diagnosed_and_reads_are_counted(found: dict[str, Figure]) -> None:
    """One that is not, and one read too many in ten crashes, miss the aim."""
    assert found[f"1,000 at once, {WITH}: {DIAGNOSED}"].met is True
    assert found[f"1,000 at once, {WRITTEN}: {DIAGNOSED}"].met is False
    assert found[f"{READS}, answered by the first read"].met is True
    assert found[f"{READS}, no Event found"].met is False
    assert found[f"1,000 at once, {BUSY}: requests for Events refused"].met is True


def test_figures_have_their_units(found: dict[str, Figure]) -> None:
    """Counts and ratios have none."""
    units = {name: one.unit for name, one in found.items()}
    assert units[f"{WITH}: one at a time, p95"] == "ms"
    assert units[f"1,000 at once, {WITH}: all annotated"] == "s"
    assert units[f"1,000 at once, {WITH}: CPU: hook"] == "s"
    assert units[f"1,000 at once, {WITH}: memory of the Pods' hook at most"] == "MiB"
    assert units[f"1,000 at once, {WITH}: {DIAGNOSED}"] == ""
    assert units["1,000 at once, all annotated: with Events / without"] == ""


def test_a_busy_api_server_serves_everything_but_events() -> None:
    """And says when it wants to be asked again."""

    def onward() -> Answer:
        return Answer(200, {})

    events = Request("GET", "/api/v1/namespaces/shop/events?limit=250", {})
    refused = evidence._busy(events, onward)
    assert refused is not None
    assert (refused.code, refused.headers["Retry-After"]) == (429, str(evidence.RETRY_AFTER))
    other = Request("GET", "/api/v1/namespaces/shop/pods/web", {})
    assert evidence._busy(other, onward) == Answer(200, {})


def test_a_pod_of_the_benchmark_ran_before_it_was_killed() -> None:
    """Long enough for a probe to fail: what is posted in its first second is not about it."""
    pod = {
        "metadata": {"uid": "u", "name": "web"},
        "spec": {"containers": [{"name": "app", "image": "web:1"}]},
    }
    (status,) = posting.long_running(pod)["containerStatuses"]
    assert list(status["state"]) == ["running"]
    assert status["restartCount"] == 0


def test_all_evidence_may_take_a_third_longer_than_events_alone() -> None:
    """One log is read for each crash, and each reason shown."""
    logs, reasons = "logs read for a crash", "Pods that show the reason in their log"
    found = {
        f"{EVENTS_ALONE}: all annotated": Spread((5.0, 5.0)),
        f"{ALL}: all annotated": Spread((6.0, 7.0)),
        f"{ALL}: {logs}": Spread((1.0, 1.2)),
        f"{ALL}: {reasons}": Spread((1000.0, 999.0)),
    }
    figures = {one.name: one for one in evidence.output_figures(found, 1000)}
    ratio = figures["1,000 at once, all annotated: all evidence / Events alone"]
    assert (ratio.spread, ratio.met) == (Spread((1.2, 1.4)), True)
    assert figures[f"1,000 at once, {ALL}: {logs}"].met is False
    assert figures[f"1,000 at once, {ALL}: {reasons}"].met is False
