"""The values of a file: JSON, several values in a row, YAML; anything else is refused."""

import codecs
import json
from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.cli.decoding import MAX_DEPTH, DecodingError, decode

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=4)


@given(st.lists(OBJECTS, max_size=3), st.sampled_from(["", "\n", "\n\x1e"]))
def test_json_values_in_a_row(values: list[Any], between: str) -> None:
    """`kubectl get -w -o json` writes objects one after the other."""
    content = between.join(map(json.dumps, values)).encode()
    assert list(decode(content)) == values


@given(st.lists(OBJECTS, min_size=1, max_size=3))
def test_yaml_documents(values: list[Any]) -> None:
    """A file of YAML may have several documents."""
    content = yaml.safe_dump_all(values, explicit_start=True).encode()
    assert list(decode(content)) == values


def test_yaml_is_read_as_kubernetes_writes_it() -> None:
    """Times stay texts, quoted texts stay texts, numbers and true are what they are."""
    content = b'---\na: 2026-11-23T10:00:00Z\nb: "137"\nc: 137\nd: true\ne: null\nf: yes\n'
    assert list(decode(content)) == [
        {"a": "2026-11-23T10:00:00Z", "b": "137", "c": 137, "d": True, "e": None, "f": "yes"}
    ]


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF8 + b'{"a": 1}',
        codecs.BOM_UTF16_LE + '{"a": 1}'.encode("utf-16-le"),
        '{"a": 1}'.encode("utf-32-be"),
        b' \r\n\t{"a": 1}\n',
    ],
)
def test_encodings_of_other_shells(content: bytes) -> None:
    """PowerShell writes what a command prints in UTF-16."""
    assert list(decode(content)) == [{"a": 1}]


def test_invalid_utf_8_is_replaced() -> None:
    """One wrong byte in a message does not spoil the whole file."""
    assert list(decode(b'{"message": "\xff"}')) == [{"message": "\ufffd"}]


def test_last_of_duplicate_fields_counts() -> None:
    """As in the API server."""
    assert list(decode(b'{"a": 1, "a": 2}')) == [{"a": 2}]
    assert list(decode(b"a: 1\na: 2\n")) == [{"a": 2}]


@pytest.mark.parametrize("content", [b"", b" \n", b"---\n...\n", b"# nothing\n"])
def test_empty_files(content: bytes) -> None:
    """A file without a value has none, or null."""
    assert [value for value in decode(content) if value is not None] == []


BOMB = b"a: &a [x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (n + 1, n + 1, b",".join([b"*%c" % n] * 8)) for n in range(97, 112)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "not valid JSON"),
        (b'{"a": 1} nonsense', "not valid JSON"),
        (b'{"a": ' + b"9" * 100_000 + b"}", "not valid JSON"),
        (b"[" * 1_000_000, "JSON that is nested too deeply"),
        (b'{"a":' * 100_000, "JSON that is nested too deeply"),
        (b"a: [", "not valid YAML"),
        (b"\x00\x01\x02\x03\x04", "not valid YAML"),
        (b"a: " + b"[" * 1_000_000, "YAML that is nested too deeply"),
        (b"- " * 1_000_000, "YAML that is nested too deeply"),
        (BOMB, "YAML with aliases, which are not supported"),
    ],
)
def test_hostile_files_are_refused_in_constant_words(content: bytes, message: str) -> None:
    """Whatever the file holds, the error holds nothing of it."""
    with pytest.raises(DecodingError) as error:
        list(decode(content))
    assert str(error.value) == message


def test_nested_as_deeply_as_is_allowed() -> None:
    """The limit of YAML is a limit, and no less."""
    content = b"a: " + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1)
    assert len(list(decode(content))) == 1


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_decoded_or_refused(content: bytes) -> None:
    """No other exception than `DecodingError`."""
    with suppress(DecodingError):
        list(decode(content))


def test_yaml_needs_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PyYAML the error says what to install; JSON is read all the same."""
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    with pytest.raises(DecodingError, match=r"install pod-diagnoser\[cli\]"):
        list(decode(b"a: 1\n"))
    assert list(decode(b'{"a": 1}')) == [{"a": 1}]
