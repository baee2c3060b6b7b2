"""The cases of the comparison are fair and true, and what is said is judged by their patterns."""

import re

import pytest

from dev.comparison.__main__ import tables
from dev.comparison.cases import CASES
from dev.comparison.judging import Case, Said, judge, mark, score
from dev.comparison.playing import GOLDEN
from tests.support import corpus

OOM = Case("x", "killed", (r"137",), r"memory limit", r"oh no", (r"OOM",))
HEALTHY = Case("y", "healthy", (), "")


def test_a_cause_is_named_anywhere_and_a_step_in_the_advice() -> None:
    """Events and logs that a tool repeats count for the cause, and not as advice."""
    verdict = judge(OOM, Said(text="exit code 137, raise the memory limit: oh no"))
    assert (verdict.cause, verdict.step, verdict.words, verdict.false) == (True, False, True, False)
    assert judge(OOM, Said("137", advice="raise the  memory\nlimit")).step
    assert mark(OOM, verdict) == "cause, words"


def test_a_false_claim_counts_where_it_is_claimed() -> None:
    """What Events say is not the tool's own claim."""
    assert judge(OOM, Said("137 OOM", claim="OOMKilled")).false
    assert not judge(OOM, Said("137 OOM", claim="Error")).false
    assert mark(OOM, judge(OOM, Said("137", claim="OOM"))) == "**false**, cause"


def test_silence_is_right_of_a_healthy_pod_alone() -> None:
    """And what is said of one is noise."""
    verdicts = [judge(OOM, Said()), judge(HEALTHY, Said()), judge(HEALTHY, Said("x"))]
    assert [mark(case, each) for case, each in zip((OOM, HEALTHY, HEALTHY), verdicts, strict=True)]
    assert mark(OOM, verdicts[0]) == "silent"
    assert mark(HEALTHY, verdicts[1]) == "silent"
    assert mark(HEALTHY, verdicts[2]) == "noise"
    sums = score((OOM, HEALTHY, HEALTHY), verdicts)
    assert sums == ("0 of 1", "0 of 1", "0 of 1", "0 of 1", "1 of 1", "1 of 2")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_patterns_hold_for_what_the_golden_file_shows(case: Case) -> None:
    """Each case is a golden Pod, and what we are proud of there passes its own patterns."""
    assert list(GOLDEN.glob(f"*/{case.name}.input.*"))
    shown = (corpus.output(case.name) or {}).get("annotations", {})
    lines = {key.partition("/")[2]: str(value) for key, value in shown.items()}
    lines.pop("crashes", None)
    text = "\n".join(lines.values())
    verdict = judge(case, Said(text, lines.get("diagnosis", ""), lines.get("next-step", "")))
    assert verdict.false is False
    assert verdict.spoke is not case.healthy
    if not case.healthy:
        assert verdict.cause
        assert verdict.step
        assert verdict.words is not False


def test_no_pattern_asks_for_a_name_of_ours() -> None:
    """A fact in anybody's words: our names of causes that Kubernetes does not have are in none."""
    ours = re.compile(
        r"ApplicationError|LivenessProbeFailed|NotAdmitted|VolumeNotMounted|StartFailed"
        r"|SandboxNotCreated|DevicesNotPrepared|NodeShutdown|ImagePullFailed"
    )
    for case in CASES:
        assert not ours.search(" ".join((*case.cause, case.step, *case.false))), case.name


def test_the_tables_have_all_cases() -> None:
    """A row for each tool, and one for each case."""
    text = tables({"a tool": {CASES[0].name: Said("exit code 0", advice="logs")}})
    assert text.count("\n| ") == 3 + 2 + len(CASES)
    assert "cause, step" in text
