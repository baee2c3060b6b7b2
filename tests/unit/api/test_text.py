"""Text from outside is made safe."""

from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.text import sanitize, truncate_bytes


def test_control_and_bidi_characters_are_removed() -> None:
    """A terminal escape, a line break, a bidirectional override, a surrogate."""
    assert sanitize("a\x1b[31m\r\n\u202eb\u2066\u0000c\ud800", 100) == "a[31mbc"


def test_text_is_truncated_by_bytes_between_characters() -> None:
    """A character of several bytes is kept whole or left out."""
    assert truncate_bytes("äöü" * 10, 10) == "äöü…"
    assert truncate_bytes("abc", 3) == "abc"


@given(st.text(), st.integers(min_value=3, max_value=50))
def test_sanitizing_twice_changes_nothing(text: str, limit: int) -> None:
    """The result is within the limit, and safe."""
    once = sanitize(text, limit)
    assert len(once.encode()) <= limit
    assert sanitize(once, limit) == once
