"""Changes real requests: the bytes, or the JSON at any place."""

import json
from typing import Any, Final

from hypothesis import strategies as st

from pod_diagnoser.pods.keys import CRASHES
from tests.fuzz.mutating import places
from tests.http.derived import SETTLED
from tests.http.recorded import EVERYTHING, Json, Recorded, go_json

__all__ = ["OTHERS", "SEEDS", "changed_bytes", "changed_json", "places"]

SEEDS: Final = (*EVERYTHING, *SETTLED)

OTHERS: Final[tuple[Any, ...]] = (None, [], {}, "", 0, -1, 1.5, True, [None], {"a": None})
"""A value of each type, to stand where another should."""


_SCALARS: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**31, 2**63, -(2**63), 10**25, 10**4000, 0.5, 1e308, 1e22]),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        [
            "",
            " ",
            "x" * 300,
            "x" * 70_000,
            "€" * 30_000,
            "\x00\x07\x1b[2J\r\n\u2028\u202e\u2066\ufeff",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "9999-12-31T23:59:59-23:59",
            "1970-01-01T00:00:00Z",
            "2026-11-23T01:39:59Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23",
            "2026-W48-1T00:00:00Z",
            "1e999999",
            "NaN",
            "null",
            "{}",
        ]
    ),
)
_VALUES: Final = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


@st.composite
def changed_json(draw: st.DrawFn, seed: Recorded) -> bytes:
    """Return a request with a few of its values removed, repeated, moved or replaced.

    Args:
        draw: hypothesis'.
        seed: the request.
    """
    request = seed.json
    for _ in range(draw(st.integers(min_value=1, max_value=4))):
        _change(draw, request)
    body: bytes = draw(st.sampled_from([go_json, _spaced, _escaped]))(request)
    return body


def _change(draw: st.DrawFn, request: Json) -> None:
    everywhere = list(places(request))
    if not everywhere:
        return
    holder, key = draw(st.sampled_from(everywhere))
    how = draw(st.sampled_from(["replace", "replace", "remove", "swap", "repeat", "deeper"]))
    if key == CRASHES and isinstance(holder[key], str) and draw(st.booleans()):
        holder[key] = _changed_record(draw, holder[key])
    elif how == "remove":
        del holder[key]
    elif how == "swap":
        other, other_key = draw(st.sampled_from(everywhere))
        # A copy: the one may lie within the other.
        holder[key] = (
            json.loads(json.dumps(other[other_key])) if other_key in _keys(other) else None
        )
    elif how == "repeat" and isinstance(holder, list):
        holder += json.loads(json.dumps(holder[key : key + 1])) * draw(st.sampled_from([1, 2, 50]))
    elif how == "deeper":
        holder[key] = draw(st.sampled_from([[holder[key]], {"a": holder[key]}]))
    else:
        holder[key] = draw(_VALUES)


def _keys(holder: Any) -> Any:
    return holder if isinstance(holder, dict) else range(len(holder))


def _changed_record(draw: st.DrawFn, text: str) -> str:
    try:
        record = json.loads(text)
    except ValueError:
        return draw(st.text())
    if not list(places(record)):
        return draw(st.text())
    holder, key = draw(st.sampled_from(list(places(record))))
    holder[key] = draw(_VALUES)
    return json.dumps(record)


def _spaced(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()


def _escaped(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


@st.composite
def changed_bytes(draw: st.DrawFn, seed: Recorded) -> bytes:
    """Return a request with some of its bytes flipped, deleted, inserted, repeated or cut off.

    Args:
        draw: hypothesis'.
        seed: the request.
    """
    body = bytearray(seed.body)
    for _ in range(draw(st.integers(min_value=1, max_value=6))):
        at = draw(st.integers(min_value=0, max_value=len(body)))
        length = draw(st.sampled_from([1, 1, 1, 2, 5, 40, 400]))
        how = draw(st.sampled_from(["flip", "delete", "insert", "token", "repeat", "cut"]))
        if how == "flip" and at < len(body):
            body[at] ^= 1 << draw(st.integers(min_value=0, max_value=7))
        elif how == "delete":
            del body[at : at + length]
        elif how == "insert":
            body[at:at] = draw(st.binary(min_size=1, max_size=8))
        elif how == "token":
            body[at:at] = draw(st.sampled_from(_TOKENS))
        elif how == "repeat":
            body[at:at] = body[at : at + length]
        elif draw(st.booleans()):
            del body[at:]
    return bytes(body)


_TOKENS: Final = tuple(
    token.encode()
    for token in (
        *'{}[],:"\\',
        *("null", "true", "NaN", "-", "1e999", "[]", "{}", '""', '"managedFields":[', '],"name":"'),
        *(',"object":{', '{"controller":{', '"related":{', "\\ud800", "\\u0000", "\ufeff", "\0"),
    )
)
