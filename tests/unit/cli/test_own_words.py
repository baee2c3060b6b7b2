"""What a container said itself of its end, as the command line shows it."""

from pod_diagnoser.cli.own_words import add_own_words
from pod_diagnoser.cli.snapshot import Log
from pod_diagnoser.diagnosis.diagnose import diagnose_symptom
from tests.support.builders import termination

KEY = [(f"{n:02}" + "Ab9+/Zz" * 10)[:64] for n in range(5)]
BEGIN, END = (f"-----{word} RSA PRIVATE" + " KEY-----" for word in ("BEGIN", "END"))
LINES = "\n".join((BEGIN, *(f"ERROR: {line}" for line in KEY), END))


def test_a_line_within_a_private_key_is_masked() -> None:
    """The other lines of a log, or of a message, show that it belongs to one."""
    log = Log(LINES, previous=True)
    _, of_log = add_own_words(diagnose_symptom(termination(exit_code=1), None), log, ())
    message = termination(exit_code=1, termination_message=LINES)
    _, of_message = add_own_words(diagnose_symptom(message, None), None, ())
    for words in (of_log, of_message):
        assert words is not None
        assert words.lines
        shown = "\n".join(words.lines)
        assert not any(line in shown for line in KEY)


def test_matches_of_patterns_are_masked() -> None:
    """A pattern that cannot be used withholds all of them, and that is said once."""
    diagnosis = diagnose_symptom(termination(exit_code=1), None)
    log = Log("Error: no customer cust-4711\nError: no customer cust-4712\n", previous=True)
    _, masked = add_own_words(diagnosis, log, ["cust-[0-9]+"])
    assert masked is not None
    assert "Error: no customer ***" in masked.lines
    _, withheld = add_own_words(diagnosis, log, ["("])
    assert withheld is not None
    assert len(withheld.lines) == 1
    assert withheld.lines[0].startswith("Withheld: spec.evidence.maskPatterns")


def test_the_lines_are_those_of_the_diagnosis() -> None:
    """Of a log that says more than the end of it that the message holds, both tell of the log."""
    log = Log("KeyError: 'DATABASE_URL'\nworker exited\n", previous=True)
    ended = termination(exit_code=1, termination_message="worker exited\n")
    explained, words = add_own_words(diagnose_symptom(ended, None), log, ())
    assert words is not None
    assert explained.symptom.output is not None
    assert (words.source, tuple(words.lines)) == ("log", explained.symptom.output.lines)
