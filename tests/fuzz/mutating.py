"""Mutate requests by their parts: fields, lists, times, managed metadata, and their text.

All choices come from one random source: Hypothesis' own, so that it can shrink them, or one with a
seed, for the search that coverage guides.
"""

import copy
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from dev.simulator.gojson import dumps
from pod_diagnoser.pods.keys import ANNOTATIONS, CRASHES, LABEL
from tests.fuzz.shapes import POD_DIAGNOSER, TARGET, instance
from tests.http.recorded import Json

UNREAD: Final = ("managedFields", "controller")
"""Large parts of which nothing is read."""

TEXTS: Final = (
    "",
    " ",
    "a",
    "app",
    "..",
    "x" * 300,
    "x" * 70_000,
    "€" * 30_000,
    "\0",
    "\x00\x07\x1b[2J\r\n\u2028\u202e\u2066\ufeff",
    "e\u0301\u1e9b\u0323",
    "ﬁ\u00c5\u212b",
    "\U0001f469\u200d\U0001f4bb\U000e0001",
    "*",
    "a*" * 30 + "b",
    "((a*)*)*",
    "{}",
    "null",
    "NaN",
    "True",
    "False",
    "Always",
    "Never",
    "OOMKilled",
    "Completed",
    "CrashLoopBackOff",
    "RestartPod",
    "EvictPod",
    "LogEvent",
    "Planned",
    "Done",
    "OutOfMemory",
    "LivenessProbeFailed",
    LABEL,
    *ANNOTATIONS,
)
TIMES: Final = (
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "1970-01-01T00:00:00Z",
    "1971-01-01T00:00:00Z",
    "2026-11-23T01:39:59Z",
    "2026-11-23T01:40:00Z",
    "2026-11-23T02:40:01+01:00",
    "2026-11-23T00:40:00Z",
    "2026-11-23T01:10:00.999999999Z",
    "2026-11-23T24:00:00Z",
    "2026-11-23",
    "2026-W48-1T00:00:00Z",
    "2100-02-29T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-23:59",
    "10000-01-01T00:00:00Z",
)
NUMBERS: Final = (
    *(0, 1, -1, 2, 9, 126, 127, 128, 137, 139, 143, 255, 256, 1000),
    *(2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**32, 2**53 + 1, 2**63 - 1, 2**63, -(2**63)),
    *(10**18, 10**25, 0.5, -0.0, 1.0, 1e22, 1e308),
)
TOKENS: Final = (
    *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1E+2", "1.0", "-0", "00", "01", "+1"),
    *("9" * 400, "-" + "9" * 5000, "0." + "0" * 400 + "1", "nul", "tru", "'a'", '"\\ud800"'),
    *('"\\udc00\\ud800"', '"\\u0000"', '"\\x"', '"a\nb"', "[" * 150 + "]" * 150),
    *("[" * 100_000, '{"a":' * 300 + "1" + "}" * 300, "[]]", "/**/1", "", "undefined"),
)
"""What is written as it stands instead of a value, be it JSON or not."""

_RAW: Final = "\uf8ffraw "
_AGAIN: Final = "\uf8ffagain {} "
"""Marks of what is put in when the JSON is written: private characters, which no seed has."""
_RAW_MARK: Final = re.compile('"\uf8ffraw (\\d{1,9});"')
_AGAIN_MARK: Final = re.compile("\uf8ffagain \\d+ ")

_SECONDS: Final = (1, 2, 5, 14, 16, 29, 59, 61, 599, 1799, 1801, 3599, 3601, 86_400, 10**9, 10**11)


def places(value: Any, unread: tuple[str, ...] = UNREAD) -> Iterator[tuple[Any, Any]]:
    """Go through all values in a JSON value, the outer ones first.

    Args:
        value: a JSON value.
        unread: keys whose values are not entered.

    Yields:
        What holds a value, and the key or index of the value in it.
    """
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            if key not in unread:
                yield from places(value[key], unread)


class Mutator:
    """Changes JSON.

    Args:
        random: makes all choices.
        donors: other requests, of which parts are put in.
    """

    def __init__(self, random: Random, donors: Sequence[Json] = ()) -> None:
        self._random = random
        self._donors = donors
        self._marks = 0

    def body(self, request: Json, changes: int | None = None) -> bytes:
        """Change a request, and write it in one of the ways in which JSON may be written.

        Args:
            request: the request, which is left as it is.
            changes: how many changes; None for a few.

        Returns:
            The body.
        """
        return self.written(self.changed(request, changes))

    def changed(self, value: Any, changes: int | None = None) -> Any:
        """Change a few places of a copy of a JSON value."""
        result = copy.deepcopy(value)
        count = self._random.choice((1, 1, 2, 3, 5)) if changes is None else changes
        for _ in range(count):
            everywhere = list(places(result))
            if not everywhere:
                break
            # Half of them by a walk from the top: most places are deep within what is not read.
            walk = self._random.randrange(2) == 0
            of, key = self._walk(result) if walk else self._random.choice(everywhere)
            self._random.choice(_CHANGES)(self, of, key, everywhere)
        return result

    def _walk(self, value: Any) -> tuple[Any, Any]:
        while True:
            keys = list(value) if isinstance(value, dict) else range(len(value))
            key = self._random.choice(keys)
            inner = value[key]
            if key in UNREAD or not isinstance(inner, dict | list) or not inner:
                return value, key
            if self._random.randrange(5) == 0:
                return value, key
            value = inner

    def written(self, value: Any) -> bytes:
        """Write JSON, in the way of Go in most cases."""
        how = self._random.randrange(8)
        if how == 0:
            text = json.dumps(value, indent=1)
        elif how == 1:
            text = json.dumps(value, ensure_ascii=False)
        else:
            text = dumps(value, sort_keys=False)
        return _finished(text).encode(errors="surrogatepass")

    def bytes_of(self, body: bytes) -> bytes:
        """Change a few bytes of a body."""
        changed = bytearray(body)
        for _ in range(self._random.choice((1, 1, 2, 4))):
            at = self._random.randrange(len(changed) + 1)
            length = self._random.choice((1, 1, 2, 5, 40, 400))
            how = self._random.randrange(6)
            if how == 0 and at < len(changed):
                changed[at] ^= 1 << self._random.randrange(8)
            elif how == 1:
                del changed[at : at + length]
            elif how == 2:
                changed[at:at] = bytes(self._random.randrange(256) for _ in range(4))
            elif how == 3:
                changed[at:at] = changed[at : at + length]
            elif how == 4:
                changed[at:at] = self._random.choice((b'"', b"{", b"]", b",", b"\\ud800", b"\0"))
            elif self._random.randrange(4) == 0:
                del changed[at:]
        return bytes(changed)

    # One change

    def _replace(self, of: Any, key: Any, _: Sequence[Any]) -> None:
        of[key] = self._scalar_like(of[key])

    def _other_type(self, of: Any, key: Any, _: Sequence[Any]) -> None:
        value = of[key]
        of[key] = self._random.choice(
            (None, [], {}, "", 0, True, False, 1.0, str(value), [value], {"a": value}, [None])
        )

    def _remove(self, of: Any, key: Any, _: Sequence[Any]) -> None:
        del of[key]

    def _swap(self, of: Any, key: Any, everywhere: Sequence[Any]) -> None:
        other, other_key = self._random.choice(everywhere)
        # Copies: the one may lie within the other.
        mine, theirs = copy.deepcopy(of[key]), copy.deepcopy(other[other_key])
        other[other_key] = mine
        of[key] = theirs

    def _swap_namesakes(self, of: Any, key: Any, everywhere: Sequence[Any]) -> None:
        namesakes = [place for place in everywhere if place[1] == key and place[0] is not of]
        if namesakes:
            other, _ = self._random.choice(namesakes)
            of[key] = copy.deepcopy(other[key])

    def _donate(self, of: Any, key: Any, _: Sequence[Any]) -> None:
        if not self._donors:
            return
        donor = self._random.choice(self._donors)
        found = [place for place in places(donor) if place[1] == key]
        if found:
            other, other_key = self._random.choice(found)
            of[key] = copy.deepcopy(other[other_key])

    def _repeat(self, of: Any, key: Any, _: Sequence[Any]) -> None:
        times = self._random.choice((1, 1, 2, 50, 1000))
        if isinstance(of[key], list) and of[key]:
            of[key] += copy.deepcopy(of[key][:1]) * times
        elif isinstance(of, list):
            of += copy.deepcopy(of[key : key + 1]) * min(times, 50)
        elif isinstance(of[key], dict) and of[key]:
            name = self._random.choice(list(of[key]))
            for number in range(min(times, 50)):
                of[key][f"{name}-{number}"] = copy.deepcopy(of[key][name])

    def _reverse(self, of: Any, key: Any, _: Sequence[Any]) -> None:
        if isinstance(of[key], list):
            of[key].reverse()
        elif isinstance(of[key], dict):
            of[key] = dict(reversed(of[key].items()))

    def _raw(self, of: Any, key: Any, _: Sequence[Any]) -> None:
        of[key] = _RAW + str(self._random.randrange(len(TOKENS))) + ";"

    def _key_again(self, of: Any, key: Any, _: Sequence[Any]) -> None:
        """The key once more, as it is or in another case, before or after what is there."""
        if not isinstance(of, dict):
            return
        name = self._random.choice((key, key, key.upper(), key.capitalize(), key + "\0"))
        self._marks += 1
        again = {_AGAIN.format(self._marks) + name: self._scalar_like(of[key])}
        items = dict(of)
        of.clear()
        of.update({**items, **again} if self._random.randrange(2) else {**again, **items})

    def _rename(self, of: Any, key: Any, _: Sequence[Any]) -> None:
        if isinstance(of, dict):
            value = of.pop(key)
            of[self._random.choice((key.upper(), key.capitalize(), "a", self._text(key)))] = value

    def _managed(self, of: Any, key: Any, _: Sequence[Any]) -> None:
        """Forge managed annotations, status and spec, or remove parts of them."""
        if key == "annotations" and isinstance(of[key], dict | None):
            annotations = dict(of[key] or {})
            for name in ANNOTATIONS:
                chance = self._random.randrange(3)
                if chance == 0:
                    annotations.pop(name, None)
                elif chance == 1:
                    annotations[name] = self._scalar_like(annotations.get(name, "Completed"))
            annotations[CRASHES] = self._record(annotations.get(CRASHES, "{}"))
            of[key] = annotations
        elif key == CRASHES and isinstance(of[key], str):
            of[key] = self._record(of[key])
        elif key in {"spec", "status"} and "metadata" in of:
            schema = TARGET if of.get("kind") == "DiagnosisTarget" else POD_DIAGNOSER
            if of.get("kind") != "Pod" and key in schema.properties:
                of[key] = instance(schema.properties[key], self._random)
                if self._random.randrange(3) == 0:  # as another version of the hook writes it
                    of[key] |= {"later": [{"kind": "Later"}], "conditions": None}

    def _record(self, value: Any) -> str:
        """Forge a Pod's crash history."""
        text = value if isinstance(value, str) else "{}"
        if self._random.randrange(3) == 0:
            return text[: self._random.randrange(len(text) + 1)]
        try:
            record = json.loads(text)
        except (ValueError, RecursionError):
            record = {}
        if not isinstance(record, dict):
            record = {}
        if self._random.randrange(2):
            record["since"] = self._time()
            record["history"] = [self._crash() for _ in range(self._random.choice((0, 1, 3, 101)))]
        return _finished(json.dumps(self.changed(record) if self._random.randrange(2) else record))

    def _crash(self) -> Json:
        random = self._random
        crash: Json = {
            "id": random.choice(("0" * 16, f"{random.getrandbits(64):016x}", "x")),
            "container": random.choice(("app", "", "b", "x" * 64)),
            "cause": random.choice(("Completed", "OutOfMemory", "CrashLoopBackOff", "Nonsense")),
            "seen": self._time(),
        }
        others = {
            "exitCode": random.choice(NUMBERS),
            "startedAt": self._time(),
            "finishedAt": self._time(),
            "endedBy": self._time(),
            "restarts": random.choice(NUMBERS),
            "image": random.choice(("", "01234567")),
            "backOff": True,
            "silent": True,
            "evidence": {"asked": random.choice(("Found", "Refused", "?")), "reads": 1},
        }
        for name, value in others.items():
            if random.randrange(3) == 0:
                crash[name] = value
        return crash

    def _scalar_like(self, value: Any) -> Any:
        """Return a value of the same type, mostly."""
        random = self._random
        if isinstance(value, bool) or random.randrange(12) == 0:
            return random.choice((True, False, None, 0, "true"))
        if isinstance(value, int | float):
            if isinstance(value, int) and random.randrange(3) == 0:
                return value + random.choice((-1, 1, 2**31, -value * 2))
            return random.choice(NUMBERS)
        if isinstance(value, str):
            return self._shifted(value) or self._text(value)
        if isinstance(value, list):
            return value[: random.randrange(len(value) + 1)]
        return random.choice((None, {}, {"a": "b"}, random.choice(TEXTS)))

    def _text(self, text: str) -> str:
        random = self._random
        how = random.randrange(6)
        if how == 0:
            return random.choice(("NFC", "NFD", "NFKC", "NFKD")) and unicodedata.normalize(
                random.choice(("NFC", "NFD", "NFKC", "NFKD")), text + "\u00e9\u1e9b\u0323"
            )
        if how == 1:
            at = random.randrange(len(text) + 1)
            return text[:at] + random.choice(("\0", "\n", "\u202e", "-", ".", "€")) + text[at:]
        if how == 2:
            return text[: random.randrange(len(text) + 1)]
        if how == 3:
            return (text or "a") * random.choice((2, 10, 100))
        return random.choice(TEXTS)

    def _time(self) -> str:
        return self._shifted("2026-11-23T01:39:00Z") or ""

    def _shifted(self, text: str) -> str | None:
        """Another time, if it is one."""
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            return None
        if time.tzinfo is None or self._random.randrange(4) == 0:
            return self._random.choice(TIMES)
        seconds = self._random.choice(_SECONDS) * self._random.choice((-1, 1))
        try:
            moved = time + timedelta(seconds=seconds)
        except OverflowError:
            return self._random.choice(TIMES)
        return moved.replace(tzinfo=None, microsecond=0).isoformat() + "Z"


_CHANGES: Final = (
    *[Mutator._replace] * 6,
    *[Mutator._managed] * 4,
    Mutator._other_type,
    *[Mutator._remove] * 2,
    *[Mutator._swap, Mutator._swap_namesakes, Mutator._swap_namesakes] * 1,
    *[Mutator._donate] * 3,
    *[Mutator._repeat] * 2,
    Mutator._reverse,
    Mutator._raw,
    Mutator._key_again,
    Mutator._rename,
)


def _finished(text: str) -> str:
    """Put in what JSON libraries do not write: raw tokens, and keys that are there already."""
    if "\uf8ff" not in text and "\\uf8ff" not in text:
        return text
    text = text.replace("\\uf8ff", "\uf8ff")
    text = _RAW_MARK.sub(lambda found: TOKENS[int(found[1]) % len(TOKENS)], text)
    return _AGAIN_MARK.sub("", text)


def seeded(number: int) -> Random:
    """Return a random source that makes the same choices each time."""
    return Random(number)
