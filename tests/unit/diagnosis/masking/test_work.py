"""However hostile a text is, little work is done for it: work is counted here, not time."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pod_diagnoser.diagnosis import redaction
from pod_diagnoser.diagnosis.masking.budget import Budget
from pod_diagnoser.diagnosis.masking.compiling import Span, compile_pattern
from pod_diagnoser.diagnosis.masking.finding import MAX_RULES, find_secrets
from pod_diagnoser.diagnosis.masking.forms import FORM_RULES
from pod_diagnoser.diagnosis.masking.gitleaks import (
    _COUNT,
    _NAME_BEFORE,
    GITLEAKS_RULES,
    GitleaksRule,
    _bounded,
)
from pod_diagnoser.diagnosis.masking.named import NAMED_RULES
from pod_diagnoser.diagnosis.masking.places import PLACE_RULES
from pod_diagnoser.diagnosis.redaction import (
    MASK,
    MAX_READ,
    redact_head,
    redact_message,
    redact_tail,
)
from tests.unit.diagnosis.masking.innocent import LINES
from tests.unit.diagnosis.masking.shapes import SHAPES, leaks

OWN_RULES = (*NAMED_RULES, *PLACE_RULES, *FORM_RULES)
RULES = (*OWN_RULES, *GITLEAKS_RULES)
KEYWORDS = sorted({word for rule in GITLEAKS_RULES for word in rule.keywords})
SECRETS = [lines.replace("{}", secret) for _, lines, secret in SHAPES]

MAX_MATCHES = MAX_READ // 32
LONG_MATCH = 256

HOSTILE_PIECES = st.one_of(
    st.sampled_from(SECRETS),
    st.sampled_from(KEYWORDS),
    st.sampled_from(KEYWORDS).map(lambda word: f"{word}_key = '{'0a9' * 14}'"),
    st.sampled_from(["token: no such file, ", "password=a1b2 ", "://a:b@c ", "é", "\U0001f600"]),
    st.text(" =:\"'\\-_./\nab01AZ", max_size=5),
)


@st.composite
def hostile_texts(draw: st.DrawFn) -> str:
    """Generate texts of some length that have a few pieces again and again."""
    pieces = draw(st.lists(HOSTILE_PIECES, min_size=1, max_size=40))
    joint = draw(st.sampled_from(["", " ", "\n", "="]))
    text = joint.join(pieces) + joint or " "
    return text * (draw(st.sampled_from([100, 5000, 20_000])) // len(text) + 1)


class Counted:
    """A pattern that counts what is searched with it."""

    def __init__(self, pattern: Any) -> None:
        self.pattern = pattern
        self.searches: list[int] = []
        """How many bytes each search has passed."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.pattern, name)

    def search(self, text: bytes, position: int = 0) -> Any:
        """Search, and count."""
        match = self.pattern.search(text, position)
        self.searches.append((len(text) if match is None else match.end()) - position)
        return match


def count(sizes: list[int], text: bytes) -> list[Span]:
    """Note how long a text is in which secrets are searched."""
    sizes.append(len(text))
    return []


@contextmanager
def counting() -> Iterator[list[Counted]]:
    """Count what all rules search."""
    patterns = [Counted(rule.pattern) for rule in RULES]
    for rule, pattern in zip(RULES, patterns, strict=True):
        rule.__dict__["pattern"] = pattern
    try:
        yield patterns
    finally:
        for rule, pattern in zip(RULES, patterns, strict=True):
            rule.__dict__["pattern"] = pattern.pattern


@settings(max_examples=60)
@given(text=hostile_texts())
@example(text=" ".join(KEYWORDS) * 5)
@example(text="pw:a " * 4000)
@example(text="token: no such file, " * 900)
@example(text="password=" * 2000)
@example(text="glrt-0-9a-zA-Z_-glrt-" * 900)
@example(text="-----END PRIVATE KEY----- " * 800)
def test_rules_searches_and_bytes_are_bounded(text: str) -> None:
    """Whatever the text: of each rule that searches it, and of all together."""
    searched = text.encode()[:MAX_READ]
    with counting() as patterns:
        find_secrets(searched)
    ran = [pattern for pattern in patterns if pattern.searches]
    assert len(ran) <= MAX_RULES
    assert sum(len(each.searches) for each in ran) <= MAX_MATCHES + 2 * len(ran)
    # Each rule passes the text once, and once more what it has matched and rejected.
    passed = sum(sum(each.searches) for each in ran)
    assert passed <= 2 * len(ran) * len(searched) + LONG_MATCH * MAX_MATCHES


@settings(max_examples=60)
@given(text=hostile_texts(), beginning=st.text(max_size=9))
def test_so_many_bytes_of_a_text_are_searched(text: str, beginning: str) -> None:
    """However long it is, whatever its characters are; a message's start and end together."""
    for redact in (
        redact_message,
        partial(redact_head, limit=999),
        partial(redact_tail, limit=999),
    ):
        searched: list[int] = []
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(redaction, "find_secrets", partial(count, searched))
            redact(beginning + text)
        assert sum(searched) <= MAX_READ


@settings(max_examples=40)
@given(
    place=st.sampled_from(
        ["password={}", '"token": "{}"', "https://a:{}@b", "glpat-{}", "PWD: {}"]
    ),
    pieces=st.lists(HOSTILE_PIECES, max_size=60),
    number=st.integers(1, 700),
    value=st.text("abcdefghjkmnpqrstuvwxyz23456789", min_size=20, max_size=24),
)
def test_what_is_not_searched_for_lack_of_budget_is_masked(
    place: str, pieces: list[str], number: int, value: str
) -> None:
    """A secret among so many others, and what looks like one, that the work ends before it."""
    assume(any(map(str.isdigit, value)))
    text = "".join(pieces) + "\n" + (place.format(value) + "\n") * number
    for redact in (redact_head, redact_tail):
        assert not leaks(redact(text, 100_000), value)


def test_ordinary_logs_of_some_length_are_shown() -> None:
    """With a few hundred words in 64 KiB that look like names of secrets; nothing is masked."""
    lines = [
        f"2026-11-28T10:00:{n % 60:02} INFO key=web-{n}-x2x4z tokenCount={n} "
        f"path=/a/b/{n} authenticated=true, request took {n} ms"
        for n in range(700)
    ]
    text = "\n".join(lines)
    assert len(text) >= 64 * 1024
    assert redact_head(text, 2000) == f"{text[:1997]}…"
    assert redact_tail(text, 2000) == f"…{text[-1997:]}"
    assert MASK not in redact_message(text)
    assert redact_tail("\n".join(LINES[:20] * 9), 2000).replace("  ", "") == (
        f"…{chr(10).join(LINES[:20] * 9)[-1997:]}".replace("\t", "").replace("  ", "")
    )


def test_hints_are_short_and_without_repetition() -> None:
    """So that the automaton of all of them has few states, whatever it reads."""
    for rule in OWN_RULES:
        for hint in rule.hints:
            assert not re.search(r"(?<!\\)[*+]|\{\d+,", hint), hint
            assert compile_pattern(hint).programsize < 250, hint


def test_patterns_do_not_count_far() -> None:
    """RE2 takes some time for each byte and each step that a pattern counts."""
    for rule in RULES:
        regex = rule.pattern.pattern
        counts = [int(n) for n in re.findall(r"\{(?:\d+,)?(\d+)\}", regex)]
        assert max(counts, default=0) <= 64 or getattr(rule, "id", "") in _DISTANCES, regex


_DISTANCES = ("kubernetes-secret-yaml", "private-key")
"""Rules that say how far two words are from each other."""


@settings(max_examples=100)
@given(
    rule=st.sampled_from([rule for rule in GITLEAKS_RULES if _NAME_BEFORE in rule.regex]),
    pieces=st.lists(
        st.sampled_from(
            ["a", ".", "-", " ", "\n", "=", ":", "'", "0a9" * 7, "0a9" * 11, "KEY", "_id"]
        ),
        max_size=30,
    ),
    at=st.lists(st.integers(0, 30), max_size=3),
)
def test_what_may_stand_before_a_name_changes_nothing(
    rule: GitleaksRule, pieces: list[str], at: list[int]
) -> None:
    """The pattern of gitleaks and ours find the same secrets."""
    for position in at:
        pieces.insert(position, rule.keywords[0])
    text = "".join(pieces).encode()
    own = rule.pattern
    found = list(rule.spans(text, Budget(100_000)))
    rule.__dict__["pattern"] = compile_pattern(_COUNT.sub(_bounded, rule.regex))
    try:
        assert list(rule.spans(text, Budget(100_000))) == found
    finally:
        rule.__dict__["pattern"] = own
