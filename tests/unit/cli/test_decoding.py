"""The values of a file: JSON, several values in a row, YAML; anything else is refused."""

import codecs
import json
import tracemalloc
from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.cli.decoding import (
    MAX_DEPTH,
    MAX_VALUE_CHARS,
    DecodingError,
    decode,
    decode_items,
)

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
        (b"{", "ends in the middle: it is cut off"),
        (b'{"items": [{"kind": "Pod"}, {"ki', "ends in the middle: it is cut off"),
        (b'{"a": 12', "ends in the middle: it is cut off"),
        (b'{"a" 1}', "not valid JSON"),
        (b"{1: 2}", "not valid JSON"),
        (b'{"a": "' + b"x" * (MAX_VALUE_CHARS + 1_000_000) + b'"}', "a value of more than 8 MiB"),
        (b"a: " + b"x" * (MAX_VALUE_CHARS + 1), "a value of more than 8 MiB"),
        (b"a:\n" + b"- ''\n" * (MAX_VALUE_CHARS // 8 + 1), "a value of more than 8 MiB"),
        (b'{"a": 1} nonsense', "not valid JSON"),
        (b'{"a": ' + b"9" * 100_000 + b"}", "not valid JSON"),
        (b"[" * 1_000_000, "JSON that is nested too deeply"),
        (b'{"a":' * 100_000, "JSON that is nested too deeply"),
        (b"a: [", "not valid YAML"),
        (b"\x00\x01\x02\x03\x04", "not valid YAML"),
        (b"\x7fELF\x02\x01\x01\x00", "binary, neither JSON nor YAML"),
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


class InPieces:
    """A source that gives a few bytes at a time, as a pipe may."""

    def __init__(self, content: bytes, size: int) -> None:
        self._content, self._size = content, size

    def read(self, size: int, /) -> bytes:
        """Read at most so many bytes."""
        size = min(size, self._size)
        part, self._content = self._content[:size], self._content[size:]
        return part


@given(
    st.lists(OBJECTS, max_size=4),
    st.integers(1, 40),
    st.sampled_from([None, 4]),
    st.sampled_from([json.dumps, lambda value, **_: yaml.safe_dump(value, sort_keys=False)]),
)
def test_items_of_a_list_one_by_one(
    items: list[dict[str, Any]], size: int, indent: int | None, dump: Any
) -> None:
    """In whatever pieces the file arrives; each has its own kind or that of the List."""
    document = {"kind": "PodList", "metadata": {"n": 12}, "items": items, "more": [{"a": 1}]}
    content = dump(document, indent=indent).encode()
    expected = [{**each, "kind": each.get("kind") or "Pod"} for each in items]
    assert list(decode_items(InPieces(content, size))) == expected


@pytest.mark.parametrize("content", [b'{"items": [{"a": 1}], "kind": "List"}', b"items:\n- a: 1\n"])
def test_assumed_kind(content: bytes) -> None:
    """Of items that do not say it, in a List that does not say it either, or only later."""
    assert list(decode_items(InPieces(content, 9), "Event")) == [{"a": 1, "kind": "Event"}]


def test_items_before_a_cut_are_read() -> None:
    """A dump that is cut off says what it said until then."""
    values = decode(b'{"kind": "PodList", "items": [{"a": 1}, {"b": 2}, {"c"')
    assert [next(values)["a"], next(values)["b"]] == [1, 2]
    with pytest.raises(DecodingError, match="cut off"):
        next(values)


def test_memory_does_not_depend_on_the_length() -> None:
    """A List of any length is read in a window of the same size."""

    class Endless:
        left = 4000

        def read(self, _: int, /) -> bytes:
            self.left -= 1
            if self.left == 3999:
                return b'{"kind": "PodList", "items": ['
            return b'{"a": "' + b"x" * 20_000 + b'"},' if self.left > 0 else b""

    tracemalloc.start()
    values, count = decode_items(Endless()), 0
    with suppress(DecodingError):  # the end
        for count, _ in enumerate(values, 1):  # noqa: B007 - none of them is kept
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 3998
    assert peak < 8 * 1024 * 1024
