"""The operator's kinds by their CustomResourceDefinitions: what is valid, and random instances."""

from pathlib import Path
from random import Random
from typing import Any, Final

from dev.simulator.resources import load_crds
from dev.simulator.schemas import Schema
from tests.http.recorded import Json

_CRDS: Final = {
    each.kind: each.schema for each in load_crds(Path(__file__).parents[2] / "crds") if each.schema
}
POD_DIAGNOSER: Final = _CRDS["PodDiagnoser"]
TARGET: Final = _CRDS["DiagnosisTarget"]

_TIMES: Final = (
    "0001-01-01T00:00:00Z",
    "1970-01-01T00:00:00Z",
    "2026-11-22T01:40:00Z",
    "2026-11-23T00:39:00Z",
    "2026-11-23T01:25:00Z",
    "2026-11-23T01:39:30Z",
    "2026-11-23T01:39:59Z",
    "2026-11-23T01:40:00Z",
    "2026-11-23T01:41:00+00:01",
    "2026-11-23T03:00:00Z",
    "9999-12-31T23:59:59Z",
)
_PATTERNS: Final = {
    "^[0-9a-f]{16}$": ("0123456789abcdef", "0" * 16, "f" * 16),
    "^[0-9a-f]{12}$": ("0123456789ab", "0" * 12, "f" * 12),
    "^[A-Z][A-Za-z0-9]*$": ("Completed", "OutOfMemory", "Forbidden", "Unheard0f"),
    "^[-a-z0-9*?]+$": ("app", "*", "a*", "?", "-"),
    "^[-a-z0-9*?]*$": ("app", "*", "a*", "", "-"),
}
_TEXTS: Final = (
    "",
    "app",
    "fragile-app-1",
    "True",
    "Active",
    "Remediating",
    "CommonFactor",
    "é\0\u202e",
    "ReplicaSet",
)
_LABELS: Final = {"app": "fragile-app", "tier": "", "example.org/a": "b"}


def instance(schema: Schema, random: Random) -> Any:
    """Make a value as a schema describes it: often valid, at the edges of what it allows.

    Args:
        schema: the schema.
        random: makes all choices.

    Returns:
        JSON; rules in CEL are not looked at.
    """
    raw = schema.raw
    if "enum" in raw:
        return random.choice(raw["enum"])
    makers = {"object": _object, "array": _list, "boolean": _flag, "integer": _number}
    return makers.get(raw.get("type", ""), _text)(schema, random)


def _flag(_: Schema, random: Random) -> bool:
    return bool(random.randrange(2))


def _number(schema: Schema, random: Random) -> int:
    raw = schema.raw
    wide = 2**31 - 1 if raw.get("format") == "int32" else 2**63 - 1
    least, most = raw.get("minimum", -wide - 1), raw.get("maximum", wide)
    return int(random.choice((least, least + 1, most, max(least, min(most, 3)))))


def _list(schema: Schema, random: Random) -> list[Any]:
    if schema.items is None:
        return []
    most = schema.raw.get("maxItems", 3)
    length = random.choice((0, 1, 2, 3, 3, most if most <= 100 else 1200))
    length = max(length, schema.raw.get("minItems", 0))
    if length > 10:
        return [instance(schema.items, random)] * length
    return [instance(schema.items, random) for _ in range(length)]


def _object(schema: Schema, random: Random) -> Json:
    if schema.additional is not None:
        return dict(random.sample(sorted(_LABELS.items()), random.randrange(3)))
    needed = schema.raw.get("required") or ()
    return {
        name: instance(field, random)
        for name, field in schema.properties.items()
        if name in needed or random.randrange(3)
    }


def _text(schema: Schema, random: Random) -> str:
    raw = schema.raw
    if raw.get("format") == "date-time":
        return random.choice(_TIMES)
    if raw.get("pattern") in _PATTERNS:
        return random.choice(_PATTERNS[raw["pattern"]])
    longest = raw.get("maxLength", 10)
    if raw.get("pattern") or raw.get("minLength"):
        return random.choice(
            ("Active", "Overlapping", "Complete", "Remediating", "CommonFactor", "Other")
        )
    return random.choice((*_TEXTS, "x" * longest, "€" * longest))[:longest]
