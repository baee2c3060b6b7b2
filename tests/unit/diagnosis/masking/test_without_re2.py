"""Python's own engine in place of RE2's: the same matches, at the same bytes."""

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.diagnosis.masking import finding, gitleaks
from pod_diagnoser.diagnosis.masking.compiling import compile_pattern, compile_set
from pod_diagnoser.diagnosis.masking.without_re2 import Pattern, PatternSet, translate
from tests.unit.diagnosis.masking import innocent, shapes


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts(list(value.items()))
    elif isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from _texts(each)


TEXTS = sorted(
    {
        text
        for module in (shapes, innocent)
        for name, value in vars(module).items()
        if name.isupper()
        for text in _texts(value)
    }
)


def _patterns() -> Iterator[str]:
    for rules in finding._rules():
        for rule in rules._rules:
            yield from finding._hints_of(rule)
            if isinstance(rule, gitleaks.GitleaksRule):
                regex = rule.regex.replace(gitleaks._NAME_BEFORE, "")
                yield gitleaks._COUNT.sub(gitleaks._bounded, regex)
            elif regex := getattr(rule, "regex", ""):
                yield regex


PATTERNS = sorted(set(_patterns()))


def _spans(match: Any, groups: int) -> Any:
    return match and [match.span(index) for index in range(groups + 1)]


def test_the_same_matches_for_every_rule() -> None:
    """Of a sample of texts; that of all texts was compared once, with no difference."""
    assert len(PATTERNS) > 500
    assert len(TEXTS) > 1000
    sample = [text.encode() for text in Random(7).sample(TEXTS, 40)]
    for pattern in PATTERNS:
        linear, own = compile_pattern(pattern), Pattern(pattern)
        assert own.groups == linear.groups, pattern
        for text in sample:
            expected = _spans(linear.search(text, 1), linear.groups)
            assert _spans(own.search(text, 1), own.groups) == expected, (pattern, text)


@given(st.lists(st.text("aé日 =x", max_size=12), min_size=1).map("key".join))
def test_places_are_those_of_bytes(text: str) -> None:
    """Wide characters before, in and after a match."""
    pattern = r"(?i)K(ey)[^ ]{0,3}$|é"
    linear, own = compile_pattern(pattern), Pattern(pattern)
    encoded = text.encode()
    starts = [len(text[:index].encode()) for index in range(len(text) + 1)]
    for position in starts:
        found = own.search(encoded, position)
        expected = linear.search(encoded, position)
        assert _spans(found, 1) == _spans(expected, 1)
        assert (found and found.groups()) == (expected and expected.groups())


@pytest.mark.parametrize(
    ("pattern", "translated"),
    [
        (r"a\z", r"a\Z"),
        (r"a$", r"a\Z"),
        (r"(?im)^a$", r"(?im:^a$)"),
        (r"(a(?i)b)c", r"(a(?i:b))c"),
        (r"(?i)a(?s).", r"(?i:a(?s:.))"),
        (r"[[:alnum:]$]", r"[0-9A-Za-z$]"),
        (r"[]a(]", r"[]a(]"),
        (r"[^]a(]b(c)", r"[^]a(]b(c)"),
        (r"\x{41}", r"A"),
        (r"\$\(", r"\$\("),
    ],
)
def test_translation(pattern: str, translated: str) -> None:
    """What the two engines write in different ways."""
    assert translate(pattern) == translated


def test_sets() -> None:
    """The indexes of those that occur."""
    patterns = ["(?i)abc", "x[yz]", "q"]
    for text in (b"ABC xz", b"", b"q\xc3\xa9"):
        found = compile_set(patterns).Match(text)
        assert PatternSet(patterns).Match(text) == sorted(found or ())


BLOCKED = ("flask", "gunicorn", "gevent", "re2", "requests", "structlog", "prometheus_client")

_RUN = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Blocker())
{code}
"""


def run_blocked(code: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program in which the hook's own dependencies cannot be imported."""
    program = _RUN.format(blocked=BLOCKED, code=textwrap.dedent(code))
    return subprocess.run(
        [sys.executable, "-c", program], input=stdin, capture_output=True, text=True, check=False
    )


def test_the_command_line_does_without_the_hooks_dependencies() -> None:
    """It diagnoses, reads output and masks secrets."""
    code = """
        from pod_diagnoser.cli.command import main
        sys.exit(main(["output", "-"]))
    """
    log = 'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n'
    done = run_blocked(code, log + "ValueError: password=hunter2secret refused\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert "ValueError: password=***" in done.stdout
    code = """
        from pod_diagnoser.cli.command import main
        sys.exit(main(["-f", "-"]))
    """
    done = run_blocked(code, '{"kind": "List", "items": []}')
    assert (done.returncode, done.stderr) == (0, "kubectl-diagnose: no Pods in the input\n")


def test_users_patterns_are_refused() -> None:
    """They could take any time: what they should mask is withheld as a whole."""
    code = """
        from pod_diagnoser.diagnosis.redaction import redact_head
        print(redact_head("hello", 100), redact_head("hello", 400, ["(a*)*b"])[:9])
    """
    assert run_blocked(code).stdout == "hello Withheld:\n"


def test_the_hook_needs_re2(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be held up by a hostile text."""
    from pod_diagnoser.server import app  # noqa: PLC0415

    monkeypatch.setattr(app, "IS_LINEAR", False)
    with pytest.raises(ImportError, match="google-re2"):
        app.create_app()
