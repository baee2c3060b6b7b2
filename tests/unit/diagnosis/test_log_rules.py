"""What a log proves: that its program could not be executed, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.diagnosis.evidence import EventFinding, EventLookup, Evidence
from pod_diagnoser.diagnosis.log_rules import find_in_log
from pod_diagnoser.diagnosis.symptoms import Symptom, SymptomKind
from tests.support.builders import T0, after, termination

ENDED = termination(
    exit_code=1,
    started_at=T0,
    finished_at=T0,
)
LINE = "exec /app: exec format error"


@pytest.mark.parametrize(
    "log",
    [
        LINE,
        f"{LINE}\n{LINE}\n",
        "exec /usr/bin/tini: exec format error",
        'standard_init_linux.go:211: exec user process caused "exec format error"',
        "exec container process `/app`: Exec format error",
        '{"msg":"exec container process `/app`: Exec format error","level":"error"}',
    ],
)
def test_the_runtimes_own_words_prove_it(log: str) -> None:
    """Of runc, docker and crun, old and new."""
    evidence = find_in_log(ENDED, log)
    assert evidence is not None
    assert (evidence.lookup, evidence.finding) == (EventLookup.FOUND, EventFinding.EXEC_FORMAT)
    assert evidence.problem is not None
    assert "xec format error" in evidence.detail


@pytest.mark.parametrize(
    ("symptom", "log"),
    [
        pytest.param(ENDED._replace(exit_code=126), LINE, id="another exit code"),
        pytest.param(ENDED._replace(finished_at=after(5)), LINE, id="it ran"),
        pytest.param(ENDED._replace(kind=SymptomKind.WAITING), LINE, id="it waits"),
        pytest.param(
            ENDED._replace(evidence=Evidence.from_status(EventFinding.LIVENESS_PROBE)),
            LINE,
            id="it was killed",
        ),
        pytest.param(ENDED, f"starting\nloading\n{LINE}", id="it wrote more"),
        pytest.param(ENDED, f"could not run the helper: {LINE}", id="it quotes"),
        pytest.param(ENDED, "exec /app: no such file or directory", id="another error"),
        pytest.param(ENDED, "", id="nothing"),
    ],
)
def test_anything_else_proves_nothing(symptom: Symptom, log: str) -> None:
    """An application may write what it likes, after it was executed."""
    assert find_in_log(symptom, log) is None


@given(st.text(max_size=3000) | st.text('exec ":`{./\n', max_size=3000))
def test_any_log_is_read(log: str) -> None:
    """Whatever stands in it."""
    evidence = find_in_log(ENDED, log)
    assert evidence is None or "xec format error" in evidence.detail.lower()
