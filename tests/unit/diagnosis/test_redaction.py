"""What is shown of hostile text: nothing that hides, no half of a secret, and not too much."""

import unicodedata
from collections.abc import Callable

import pytest
import re2  # type: ignore[import-untyped]
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pod_diagnoser.diagnosis.redaction import (
    MASK,
    MAX_PATTERN_BYTES,
    MAX_PATTERNS,
    MAX_SCANNED,
    NOT_SHOWN,
    redact_head,
    redact_tail,
)

ROOM = 100_000
UNSAFE = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
Fit = Callable[..., str]
both = pytest.mark.parametrize("fit", [redact_head, redact_tail])


# What is visible


@both
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        (" \n\t\r\n", ""),
        ("one\ntwo\n", "one\ntwo"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("\n\n  at f (x.js:1)\n\n\tg()\n", "  at f (x.js:1)\n  g()"),
        ("\x1b[1;31mpanic:\x1b[0m no", "panic: no"),
        ("50%\x1b[2K\x1b[1G100%", "50%[1G100%"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x07", "link"),
        ("\x1b]0;title without an end", "]0;title without an end"),
        ("a\x00b\x07c\x08d\x7fe\x85f\x9bg", "abcdefg"),
        ("\u202egnp.exe\u2066x\u200by\ufeffz", "gnp.exexyz"),
        ("a\u2028b\u2029c", "abc"),
        ("\ud800x\udfff", "x"),
        ("a\u00a0b\u3000c", "a b c"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("Größe 日本語 🙂", "Größe 日本語 🙂"),
    ],
)
def test_what_is_seen_is_all_there_is(fit: Fit, text: str, shown: str) -> None:
    """Lines stay lines; what is not seen, or moves the cursor, goes."""
    assert fit(text, ROOM) == shown


@both
@given(
    text=st.text(), limit=st.integers(3, 300), patterns=st.lists(st.text(max_size=9), max_size=3)
)
def test_any_text_is_made_fit(fit: Fit, text: str, limit: int, patterns: list[str]) -> None:
    """Within its limit, without an unsafe character or an empty line."""
    shown = fit(text, limit, patterns)
    assert len(shown.encode()) <= limit
    for line in shown.split("\n") if shown else ():
        assert not {unicodedata.category(character) for character in line} & UNSAFE
    if NOT_SHOWN not in fit(text, ROOM, patterns):
        assert not shown or all(line.strip() for line in fit(text, ROOM, patterns).split("\n"))


@both
@given(text=st.text())
def test_what_is_fit_stays_as_it_is(fit: Fit, text: str) -> None:
    """Shown again, it is the same."""
    shown = fit(text, ROOM)
    assert fit(shown, ROOM) == shown


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n \n"])
def test_the_end_of_a_last_line_that_is_too_long_is_shown(end: str) -> None:
    """Its own new line, and empty ones after it, do not make it a line that is over."""
    line = '{"level": "info"' + ', "field": "value"' * MAX_SCANNED + ', "error": "no such table"}'
    assert redact_tail(f"first\n{line}{end}", ROOM).endswith('"error": "no such table"}')


def test_a_log_that_ends_in_empty_lines_shows_its_last_line() -> None:
    """However many they are."""
    assert redact_tail("the last line" + "\n" * 3 * MAX_SCANNED, ROOM) == "the last line"


def test_a_message_keeps_its_start_and_a_log_its_end() -> None:
    """By bytes, between characters."""
    text = "é" * 50 + "ü" * 50
    assert redact_head(text, 11) == "éééé…"
    assert redact_tail(text, 11) == "…üüüü"
    assert redact_tail(text, 12) == "…üüüü"
    assert redact_head(text, 200) == redact_tail(text, 200) == text


# Secrets that there are

# As they look; none of these is one. Written in two parts, so that nobody takes them for theirs.
SECRETS = {
    "AWS": "AKIA" + "IOSFODNN7EXAMPLE",
    "JWT": "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
    "GitHub": "ghp" + "_16C7e42F292c6912E7710c838347Ae178B4a",
    "GitHub, fine-grained": "github" + "_pat_11ABCDEFG0aBcDeFgHiJkL_mNoPqRsTuVwXyZ",
    "GitLab": "glpat" + "-ABCDefgh1234ijkl5678",
    "Slack": "xoxb" + "-123456789012-abcdefghijkl",
    "Google": "AIza" + "SyA1234567890abcdefghijklmnopqrstuv",
    "Stripe": "sk" + "_live_4eC39HqLyjWDarjtT1zdp7dc",
    "npm": "npm" + "_abcdefghijklmnopqrstuvwxyz0123456789",
    "PyPI": "pypi" + "-AgEIcHlwaS5vcmcCJGFiY2RlZg",
    "an AI": "sk" + "-proj-abcdefghijklmnop1234567890",
    "Vault": "hvs" + ".CAESIJlU02LQZq3h0aXyzabcdefgh",
    "age": "AGE-SECRET" + "-KEY-1QQPQRSTUVWXYZ023456789",
}

PLACES = (
    "password={}",
    "PGPASSWORD: {}",
    "db.passwd => {}",
    "spring.datasource.password={}",
    "api_key={}&x=1",
    "client-secret: {}",
    "AWS_SECRET_ACCESS_KEY={}",
    "AccountKey={};EndpointSuffix=x",
    '{{"token": "{}", "x": 1}}',
    '{{\\"refreshToken\\":\\"{}\\"}}',
    "{{'secret': '{}'}}",
    "--password {}",
    "--db-password={}",
    "mysqldump --auth-token {} db",
    "Authorization: Bearer {}",
    "authorization: Basic {}",
    "('Authorization', 'Token {}')",
    '"X-Api-Key": "{}"',
    "Set-Cookie: session={}; Path=/",
    "Cookie: a=1; b={}",
    'curl -H "Authorization: Bearer {}" https://example.com',
    "bearer {}",
    "https://user:{}@example.com/x",
    "https://{}@github.com/x.git",
    "postgres://app:{}@db:5432/shop",
    "redis://:{}@cache:6379/0",
    "https://hooks.slack.com/services/{}",
    "https://x.blob.core.windows.net/y?sv=1&sig={}&se=2",
    '"auth": "{}"',
    "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN OPENSSH PRIVATE KEY-----\\n{}",
    "{}\n-----END EC PRIVATE KEY-----",
)

VALUES = st.text(
    "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", min_size=16, max_size=40
)
AROUND = st.text("abc \n\t.,:é🙂\u200b", max_size=40)
HIDING = st.sampled_from(["", "\u200b", "\u202e", "\x00", "\x08", "\ufeff", "\x1b[0m", "\u2028"])


def halves(secret: str) -> list[str]:
    """Parts of a secret of which none may be seen: half of it, whichever."""
    half = max(8, len(secret) // 2)
    return [secret[at : at + half] for at in range(len(secret) - half + 1)]


@both
@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@settings(max_examples=30)
@given(before=AROUND, after=AROUND, limit=st.integers(10, 300), hiding=HIDING, at=st.integers(0))
def test_a_secret_of_a_known_form_is_never_seen(
    fit: Fit, secret: str, before: str, after: str, limit: int, hiding: str, at: int
) -> None:
    """Wherever it stands and whatever hides in it; neither whole nor by its half."""
    at %= len(secret)
    shown = fit(f"{before}{secret[:at]}{hiding}{secret[at:]} {after}", limit)
    assert not any(half in shown for half in halves(secret))


@both
@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=30)
@given(
    value=VALUES,
    before=AROUND,
    after=AROUND,
    limit=st.integers(10, 300),
    hiding=HIDING,
    at=st.integers(0),
)
def test_a_secret_in_its_place_is_never_seen(
    fit: Fit, place: str, value: str, before: str, after: str, limit: int, hiding: str, at: int
) -> None:
    """Behind its name, in a header, in a URL, in a key; neither whole nor by its half."""
    text = place.format(value)
    at %= len(text)
    assume(not hiding or "\\" not in text[max(0, at - 1) : at + 1])
    shown = fit(f"{before}\n{text[:at]}{hiding}{text[at:]}\n{after}", limit)
    assert not any(half in shown for half in halves(value))


@both
@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=30)
@given(value=VALUES, lines=st.integers(0, 3 * MAX_SCANNED), filler=st.sampled_from(["x y\n", "é "]))
@example(value="2" * 39, lines=8123, filler="x y\n")  # only what follows tells that it is a key
def test_a_secret_is_not_seen_where_a_long_text_is_divided(
    fit: Fit, place: str, value: str, lines: int, filler: str
) -> None:
    """However far it is from the end that is shown."""
    fill = (filler * MAX_SCANNED)[:lines]
    rest = "z\n" * ((2 * MAX_SCANNED - lines) // 2)
    shown = fit(f"{fill}\n{place.format(value)}\n{rest}", ROOM)
    assert not any(half in shown for half in halves(value))


KEY = "\n".join("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"[n % 9 :] for n in range(60))
"""The lines of a key of some 3 KB."""


@both
@pytest.mark.parametrize("marker", ["-----BEGIN RSA PRIVATE KEY-----", ""])
@given(before=st.integers(MAX_SCANNED - 4000, MAX_SCANNED + 100))
def test_a_private_key_across_the_division_is_not_shown(fit: Fit, marker: str, before: int) -> None:
    """What tells that its lines are a key may lie in the part that is not shown."""
    end = "-----END RSA PRIVATE KEY-----"
    filler = ("one line\n" * MAX_SCANNED)[:before]
    text = f"{filler}\n{marker}\n{KEY}\n{end}\n{filler[::-1]}"
    assert not any(line in fit(text, ROOM) for line in KEY.splitlines())


@both
@pytest.mark.parametrize("place", ['"password":"{}"', "token={}"])
@given(value=VALUES, before=st.integers(0, 2 * MAX_SCANNED))
def test_nor_where_a_long_line_is_divided(fit: Fit, place: str, value: str, before: int) -> None:
    """A line without end, as JSON has them, all of it secrets: little is left of it."""
    shown = fit("x" * before + "," + (place.format(value) + ",") * 1000, ROOM)
    assert not any(half in shown for half in halves(value))


@both
def test_one_word_that_is_too_long_is_not_divided(fit: Fit) -> None:
    """It may be a secret as a whole."""
    assert fit("k" * 2 * MAX_SCANNED, ROOM) == MASK


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password=a,b;c'd\"e next", f"password={MASK} next"),
        ('{"password":"a \\" b","user":"bob"}', f'{{"password":{MASK},"user":"bob"}}'),
        ("postgres://u:p@ss/w@db/shop refused", f"postgres://{MASK}@db/shop refused"),
        ("Authorization: Digest a, b, c\nnext", f"Authorization: {MASK}\nnext"),
        ("TokenError: password=abc", f"TokenError: password={MASK}"),
        ("a token=b c token=d e", f"a token={MASK} c token={MASK} e"),
    ],
)
def test_a_value_is_masked_as_far_as_it_goes(text: str, shown: str) -> None:
    """And what stands beside it stays."""
    assert redact_head(text, ROOM) == shown


@pytest.mark.parametrize(
    "text",
    [
        "TokenExpiredError: jwt expired",
        "NoCredentialsError: Unable to locate credentials",
        "HTTP 401: Bearer authentication failed",
        'MountVolume.SetUp failed for volume "x" : secret "db" not found',
        "SyntaxError: Unexpected token } in JSON at position 7",
        "dial tcp 10.0.0.1:5432: connect: connection refused",
        "GET https://example.com:8080/a/b?c=d@e 500",
        "panic: runtime error: index out of range [3] with length 3\n  /app/main.go:12 +0x1d",
        "java.lang.OutOfMemoryError: Java heap space",
        "image registry.example.com/shop/app@sha256:0123456789abcdef0123456789abcdef",
        "commit 0123456789abcdef0123456789abcdef01234567",
        "2026-11-23T10:00:00Z ERROR disk-full task-runner risk-assessment-service-v2",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "the password is wrong; no secret was given",
    ],
)
def test_what_went_wrong_is_not_masked(text: str) -> None:
    """What holds no secret is shown as it is: that is what it is for."""
    assert redact_head(text, ROOM) == redact_tail(text, ROOM) == text


# Patterns that users give


@pytest.mark.parametrize(
    ("pattern", "shown"),
    [
        (r"cust-\d+", f"{MASK} and {MASK}, mail a@b.c"),
        (r"(?i)CUST-(\d+)", f"{MASK} and {MASK}, mail a@b.c"),
        (r"\S+@\S+", f"cust-12 and cust-345, mail {MASK}"),
        (r"\d", f"cust-{MASK} and cust-{MASK}, mail a@b.c"),
        ("nowhere", "cust-12 and cust-345, mail a@b.c"),
        (".*", MASK),
        (r"x*", "cust-12 and cust-345, mail a@b.c"),
        ("", "cust-12 and cust-345, mail a@b.c"),
        (r"\bcust", f"{MASK}-12 and {MASK}-345, mail a@b.c"),
        ("^c|c$", f"{MASK}ust-12 and cust-345, mail a@b.{MASK}"),
    ],
)
def test_what_a_pattern_matches_is_masked(pattern: str, shown: str) -> None:
    """As a whole; neighbours are one."""
    assert redact_head("cust-12 and cust-345, mail a@b.c", ROOM, [pattern]) == shown


def test_patterns_that_overlap_leave_nothing_of_either() -> None:
    """Each looks at the text as it was, not at what another has left of it."""
    assert redact_head("x abcdef y", ROOM, ["abcd", "cdef"]) == f"x {MASK} y"
    assert redact_head("k0123token=89abk", ROOM, ["k0123.*k"]) == MASK


def test_a_pattern_sees_what_is_seen() -> None:
    """Nothing hides behind characters that are not."""
    assert redact_tail("cu\u200bst-\x001\x1b[0m2", ROOM, [r"cust-\d+"]) == MASK
    assert redact_tail("Größe-7 ü", ROOM, ["Größe-."]) == f"{MASK} ü"


@both
@pytest.mark.parametrize(
    "patterns",
    [
        ["("],
        ["ok", "[a"],
        [r"(?=look)ahead"],
        [r"(a)\1"],
        ["\ud800"],
        ["a{1001}"],
        ["(a{100}){100}"],
        ["(?:a?){1000}b"],
        ["(((a{10}){10}){10}){10}"],
        ["x" * (MAX_PATTERN_BYTES + 1)],
        ["é" * (MAX_PATTERN_BYTES // 2 + 1)],
        ["x"] * (MAX_PATTERNS + 1),
        ["[0-9a-f]{200}"] * MAX_PATTERNS,
    ],
    ids=str,
)
def test_a_pattern_that_cannot_be_used_withholds_the_text(
    fit: Fit, patterns: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing is shown that somebody wanted to be masked; and nothing is said of the pattern."""
    assert fit("my secret", ROOM, patterns) == NOT_SHOWN
    assert fit("", ROOM, patterns) == ""
    assert capfd.readouterr() == ("", "")


def test_as_many_patterns_as_may_be() -> None:
    """Of the usual kind and length."""
    patterns = [rf"tenant{number}-[0-9a-f]{{32}}" for number in range(MAX_PATTERNS)]
    assert redact_tail(f"tenant7-{'0a' * 16}", ROOM, patterns) == MASK
    assert redact_tail("ab", ROOM, ["x" * MAX_PATTERN_BYTES]) == "ab"


SLOW = (
    "(a+)+$",
    "(a|aa)+$",
    "(a*)*b",
    "(.*a){12}b",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    r"a(?s:.*)z|a",
    r"(?:[a-y]*[a-x]*){10}z",
    "(?:a?){90}(?:a){90}z|a",
    "x*",
    "a",
)


@pytest.mark.parametrize("pattern", SLOW)
def test_patterns_that_take_others_for_ever_end(pattern: str) -> None:
    """Sixteen times on the longest text that is looked at; the test's time limit is what fails."""
    text = "\n" + "a" * (MAX_SCANNED - 1)
    for index in range(MAX_PATTERNS):
        redact_tail(text + "b", ROOM, [f"{pattern}|{index}"])
        redact_tail(text, ROOM, [pattern])


@both
def test_what_no_time_is_left_for_is_masked(fit: Fit) -> None:
    """A pattern that matches everywhere, and looks far ahead each time."""
    text = "ab" * 2000
    assert fit(text, ROOM, ["a(?s:.*)z|a"]).endswith(MASK)


@given(st.text(max_size=30), st.text(max_size=10))
@example("aé", r"\C")
def test_any_pattern_is_used_or_withholds(text: str, pattern: str) -> None:
    """Nothing else comes of it."""
    shown = redact_head(text, ROOM, [pattern])
    lines = shown.split("\n")
    assert not {unicodedata.category(character) for line in lines for character in line} & UNSAFE


@given(st.text("ab 1\n", max_size=60), st.sampled_from(["a+", "b1", "(ab)+", "1.?"]))
def test_what_a_pattern_matches_is_not_there_any_more(text: str, pattern: str) -> None:
    """Of the visible text: all matches, and only they."""
    visible = redact_head(text, ROOM)
    shown = redact_head(text, ROOM, [pattern])
    expected = re2.sub(f"(?:{pattern})+", MASK, visible)
    assert shown == expected
