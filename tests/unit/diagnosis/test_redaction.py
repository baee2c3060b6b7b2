"""Redaction of hostile text: nothing invisible, no part of a secret, and not too much."""

import unicodedata
from collections.abc import Callable

import pytest
import re2  # type: ignore[import-untyped]
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pod_diagnoser.diagnosis.masking.compiling import MAX_PATTERN_BYTES, MAX_PATTERNS
from pod_diagnoser.diagnosis.redaction import (
    MASK,
    MAX_READ,
    MAX_SCANNED,
    NOT_SHOWN,
    _redacted_head,
    redact_head,
    redact_message,
    redact_tail,
)

LARGE = 100_000
UNSAFE = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
Redact = Callable[..., str]
both = pytest.mark.parametrize("redact", [redact_head, redact_tail])


# Invisible characters


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
def test_invisible_characters_are_removed(redact: Redact, text: str, shown: str) -> None:
    """With commands to the terminal and empty lines; other lines stay lines."""
    assert redact(text, LARGE) == shown


@both
@given(
    text=st.text(), limit=st.integers(3, 300), patterns=st.lists(st.text(max_size=9), max_size=3)
)
def test_any_text_is_made_safe(redact: Redact, text: str, limit: int, patterns: list[str]) -> None:
    """It is within the limit, without an unsafe character or an empty line."""
    shown = redact(text, limit, patterns)
    assert len(shown.encode()) <= limit
    for line in shown.split("\n") if shown else ():
        assert not {unicodedata.category(character) for character in line} & UNSAFE
    if NOT_SHOWN not in redact(text, LARGE, patterns):
        assert not shown or all(line.strip() for line in redact(text, LARGE, patterns).split("\n"))


@both
@given(text=st.text())
def test_redacting_twice_changes_nothing(redact: Redact, text: str) -> None:
    """A text that is safe is shown as it is."""
    shown = redact(text, LARGE)
    assert redact(shown, LARGE) == shown


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n \n"])
def test_the_end_of_a_last_line_that_is_too_long_is_shown(end: str) -> None:
    """Its own line break, and empty lines after it, do not count as the break before it."""
    line = '{"level": "info"' + ', "field": "value"' * MAX_SCANNED + ', "error": "no such table"}'
    assert redact_tail(f"first\n{line}{end}", LARGE).endswith('"error": "no such table"}')


def test_a_log_that_ends_in_empty_lines_shows_its_last_line() -> None:
    """However many there are."""
    assert redact_tail("the last line" + "\n" * 3 * MAX_SCANNED, LARGE) == "the last line"


def test_a_message_keeps_its_start_and_a_log_its_end() -> None:
    """They are truncated by bytes, between characters."""
    text = "é" * 50 + "ü" * 50
    assert redact_head(text, 11) == "éééé…"
    assert redact_tail(text, 11) == "…üüüü"
    assert redact_tail(text, 12) == "…üüüü"
    assert redact_head(text, 200) == redact_tail(text, 200) == text


HOSTILE = (
    'password="' + "\\" * 8000 + "x",
    "password=a[" + "a" * 8000,
    "password=f(" + "(" * 8000,
    "password=" + "/a" * 4000,
    "password=" + "a." * 4000 + "!",
    "password:" + " " * 16000 + "x",
    "token: " * 3000,
    "authorization: " * 1000,
    "<password a" * 1500,
    "--password " * 1500,
    "mysql -p " * 1800,
    "login(" + "x," * 4000,
    "insert into a(password" * 700,
    "-----END RSA PRIVATE" + " KEY-----" * 1600,
    ("A" * 20 + " ") * 700 + "-----END RSA PRIVATE" + " KEY-----",
    "https://" + "a:" * 8000,
    "https://a%3Ab%40c" * 900,
    "pypi-AgEIcHlwaS5vcmc" * 800,
    "mysql -u a, " * 1300,
    "x" + "\x9d" * 16000,
    "\x1b]a" * 5000,
)


@both
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_built_in_rules_end_on_hostile_text(redact: Redact, text: str) -> None:
    """Twenty times each; otherwise the time limit of the test would fail."""
    for number in range(20):
        assert redact(f"{text} {number}", LARGE)


# Secrets that there are

# As they look; none of these is one. Written in two parts, so that no secret scanner reports them.
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
    """Return the parts of a secret of which none may be shown: each half of it."""
    half = max(8, len(secret) // 2)
    return [secret[at : at + half] for at in range(len(secret) - half + 1)]


@both
@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@settings(max_examples=30)
@given(before=AROUND, after=AROUND, limit=st.integers(10, 300), hiding=HIDING, at=st.integers(0))
def test_a_secret_of_a_known_form_is_never_shown(
    redact: Redact, secret: str, before: str, after: str, limit: int, hiding: str, at: int
) -> None:
    """Wherever it stands, whatever invisible character is in it; neither whole nor half."""
    at %= len(secret)
    shown = redact(f"{before}{secret[:at]}{hiding}{secret[at:]} {after}", limit)
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
def test_a_secret_in_its_place_is_never_shown(
    redact: Redact,
    place: str,
    value: str,
    before: str,
    after: str,
    limit: int,
    hiding: str,
    at: int,
) -> None:
    """After its name, in a header, in a URL, in a key; neither whole nor half."""
    text = place.format(value)
    at %= len(text)
    assume(not hiding or "\\" not in text[max(0, at - 1) : at + 1])
    shown = redact(f"{before}\n{text[:at]}{hiding}{text[at:]}\n{after}", limit)
    assert not any(half in shown for half in halves(value))


@both
@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=30)
@given(value=VALUES, lines=st.integers(0, 3 * MAX_SCANNED), filler=st.sampled_from(["x y\n", "é "]))
@example(value="2" * 39, lines=8123, filler="x y\n")  # only what follows shows that it is a key
def test_a_secret_is_not_shown_where_a_long_text_is_divided(
    redact: Redact, place: str, value: str, lines: int, filler: str
) -> None:
    """However far it is from the part that is shown."""
    fill = (filler * MAX_SCANNED)[:lines]
    rest = "z\n" * ((2 * MAX_SCANNED - lines) // 2)
    shown = redact(f"{fill}\n{place.format(value)}\n{rest}", LARGE)
    assert not any(half in shown for half in halves(value))


KEY = "\n".join("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"[n % 9 :] for n in range(60))
"""The lines of a key of some 3 KB."""


@both
@pytest.mark.parametrize("marker", ["-----BEGIN RSA PRIVATE KEY-----", ""])
@given(before=st.integers(0, MAX_SCANNED + 100))
def test_a_private_key_across_the_division_is_not_shown(
    redact: Redact, marker: str, before: int
) -> None:
    """The marker of its lines may lie in the part that is not shown."""
    end = "-----END RSA PRIVATE KEY-----"
    filler = ("one line\n" * MAX_SCANNED)[:before]
    text = f"{filler}\n{marker}\n{KEY}\n{end}\n{filler[::-1]}"
    shown = redact(text, LARGE)
    assert not any(line in shown for line in KEY.splitlines())


REST = [(f"{n:02}" + "Ab9+/Zz" * 10)[:64] for n in range(40)]
"""The last lines of a key, without its end."""


@given(cut=st.integers(0, 64 * 30), lines=st.integers(1, 50), follows=st.booleans())
def test_the_rest_of_a_private_key_is_not_shown(cut: int, lines: int, *, follows: bool) -> None:
    """A log whose first lines were not read begins with it; its last lines are shown."""
    log = "\n".join(REST)[cut:] + ("\none line" if follows else "")
    shown = redact_tail(f"{log}\nthe last line", LARGE, lines=lines)
    assert not any(line in shown for line in REST)
    assert shown.endswith("the last line")
    assert len(shown.split("\n")) <= lines


def test_the_rest_of_a_certificate_is_shown() -> None:
    """Its end says that it is no key; nor is a hash one."""
    rest = "\n".join(REST)
    for text in (f"{rest}\n-----END CERTIFICATE-----\nx", f"{'0a' * 32}\nstarted", "ab\ncd\nef"):
        assert redact_tail(text, LARGE) == text


@pytest.mark.parametrize("lines", [1, 2, 3, 9])
def test_of_a_log_so_many_lines_are_shown(lines: int) -> None:
    """The last ones that are not empty."""
    shown = redact_tail("a\n\nb\n\nc\n\n", LARGE, lines=lines)
    assert shown == "\n".join(["a", "b", "c"][-lines:])


# Messages


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=30)
@given(value=VALUES, before=st.integers(0, 3 * MAX_READ), words=st.booleans())
def test_a_secret_in_a_message_is_never_shown(
    place: str, value: str, before: int, *, words: bool
) -> None:
    """Wherever a long message is divided, of which the start and the end are kept."""
    filler = ("x y: " * MAX_READ if words else "xy" * MAX_READ)[:before]
    shown = redact_message(f"{filler}\n{place.format(value)}\n{filler[::-1]}")
    assert not any(half in shown for half in halves(value))


def test_a_message_is_shown_whole_or_its_start_and_end() -> None:
    """The cause of nested errors stands at the end."""
    assert (
        redact_message("failed: password=hunter2: no such file")
        == f"failed: password={MASK} no such file"
    )
    assert redact_message("x " * 9 + "\n\nend") == "x " * 8 + "x\nend"
    long = redact_message("first " + "word " * 9999 + "last")
    assert long.startswith("first word")
    assert long.endswith("word last")
    assert len(long) <= MAX_READ // 2 + 3
    assert redact_message("cust-12 left", ["cust-[0-9]+"]) == f"{MASK} left"
    assert redact_message("left", ["("]) == NOT_SHOWN


def test_what_was_masked_is_remembered() -> None:
    """A text of a crash comes again at every sync of its Pod."""
    text = "token=abcdef123456 of a test that nothing else redacts"
    first = redact_message(text)
    calls = _redacted_head.cache_info()
    assert redact_message(str(text)) == redact_head(text, LARGE) == first
    assert _redacted_head.cache_info().hits == calls.hits + 2
    assert _redacted_head.cache_info().misses == calls.misses


@both
@pytest.mark.parametrize("place", ['"password":"{}"', "token={}"])
@given(value=VALUES, before=st.integers(0, 2 * MAX_SCANNED))
def test_a_secret_is_not_shown_where_a_long_line_is_divided(
    redact: Redact, place: str, value: str, before: int
) -> None:
    """A very long line, as of JSON, that is all secrets: little of it is left."""
    shown = redact("x" * before + "," + (place.format(value) + ",") * 1000, LARGE)
    assert not any(half in shown for half in halves(value))


@both
def test_one_word_that_is_too_long_is_not_divided(redact: Redact) -> None:
    """The whole word may be a secret."""
    assert redact("k" * 2 * MAX_SCANNED, LARGE) == MASK


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
def test_a_value_is_masked_to_its_end(text: str, shown: str) -> None:
    """What stands beside it stays."""
    assert redact_head(text, LARGE) == shown


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
def test_error_messages_are_not_masked(text: str) -> None:
    """A text without a secret is shown as it is."""
    assert redact_head(text, LARGE) == redact_tail(text, LARGE) == text


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
def test_matches_of_a_pattern_are_masked(pattern: str, shown: str) -> None:
    """Each as a whole, by one mask where they touch."""
    assert redact_head("cust-12 and cust-345, mail a@b.c", LARGE, [pattern]) == shown


@both
@given(before=st.integers(0, 2 * MAX_SCANNED))
def test_a_match_across_the_division_is_masked_whole(redact: Redact, before: int) -> None:
    """A text is divided between words, of which a pattern may match several."""
    filler = ("x " * 2 * MAX_SCANNED)[:before]
    shown = redact(f"{filler} card 4711 0815 2342 {filler[::-1]}", LARGE, [r"\d{4} \d{4} \d{4}"])
    assert not any(part in shown for part in ("4711", "0815", "2342"))


def test_matches_that_overlap_are_both_masked() -> None:
    """Each pattern searches the original text, not what another has left of it."""
    assert redact_head("x abcdef y", LARGE, ["abcd", "cdef"]) == f"x {MASK} y"
    assert redact_head("k0123token=89abk", LARGE, ["k0123.*k"]) == MASK


def test_a_pattern_searches_the_visible_text() -> None:
    """Invisible characters cannot keep it from matching."""
    assert redact_tail("cu\u200bst-\x001\x1b[0m2", LARGE, [r"cust-\d+"]) == MASK
    assert redact_tail("Größe-7 ü", LARGE, ["Größe-."]) == f"{MASK} ü"


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
def test_an_unusable_pattern_withholds_the_text(
    redact: Redact, patterns: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing is shown that a user wants to be masked, nor anything of the pattern."""
    assert redact("my secret", LARGE, patterns) == NOT_SHOWN
    assert redact("", LARGE, patterns) == ""
    assert capfd.readouterr() == ("", "")


def test_the_largest_number_of_patterns_is_used() -> None:
    """Sixteen of the usual kind and length."""
    patterns = [rf"tenant{number}-[0-9a-f]{{32}}" for number in range(MAX_PATTERNS)]
    assert redact_tail(f"tenant7-{'0a' * 16}", LARGE, patterns) == MASK
    assert redact_tail("ab", LARGE, ["x" * MAX_PATTERN_BYTES]) == "ab"


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
def test_patterns_with_catastrophic_backtracking_end(pattern: str) -> None:
    """Sixteen of them on the longest text; otherwise the time limit of the test would fail."""
    text = "\n" + "a" * (MAX_SCANNED - 1)
    for index in range(MAX_PATTERNS):
        redact_tail(text + "b", LARGE, [f"{pattern}|{index}"])
        redact_tail(text, LARGE, [pattern])


@both
def test_text_that_there_is_no_time_to_search_is_masked(redact: Redact) -> None:
    """As with a pattern that matches everywhere and looks far ahead each time."""
    text = "ab" * 2000
    assert redact(text, LARGE, ["a(?s:.*)z|a"]).endswith(MASK)


@given(st.text(max_size=30), st.text(max_size=10))
@example("aé", r"\C")
def test_any_pattern_leaves_a_safe_text(text: str, pattern: str) -> None:
    """It is used, or the text is withheld."""
    shown = redact_head(text, LARGE, [pattern])
    lines = shown.split("\n")
    assert not {unicodedata.category(character) for line in lines for character in line} & UNSAFE


@given(st.text("ab 1\n", max_size=60), st.sampled_from(["a+", "b1", "(ab)+", "1.?"]))
def test_all_matches_and_only_they_are_masked(text: str, pattern: str) -> None:
    """As by replacing them in the visible text."""
    visible = redact_head(text, LARGE)
    shown = redact_head(text, LARGE, [pattern])
    expected = re2.sub(f"(?:{pattern})+", MASK, visible)
    assert shown == expected
