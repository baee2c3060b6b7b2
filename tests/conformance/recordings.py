"""Traces of the real Metacontroller, recorded for where it is not at hand.

Each scenario has a file in tests/conformance/recorded_traces, in the form of
`tests.conformance.traces`; what stands in it again and again, specs and DecoratorControllers,
stands once at its beginning. ``kinds.json`` holds the CRDs with which they were made.
"""

import json
from pathlib import Path
from typing import Any

from tests.conformance.script import Json, Scenario
from tests.conformance.traces import Comparable

FOLDER = Path(__file__).parent / "recorded_traces"
_KINDS = FOLDER / "kinds.json"
_SHARED = {"spec", "controller"}


def load(scenario: Scenario) -> Comparable:
    """Read the course of a scenario.

    Raises:
        FileNotFoundError: it has not been recorded.
    """
    recording = json.loads(_path(scenario).read_text(encoding="utf-8"))
    steps: Comparable = _unfold(recording["steps"], recording["shared"])
    return steps


def save(scenario: Scenario, course: Comparable) -> None:
    """Write the course of a scenario."""
    shared: list[Any] = []
    steps = _fold(course, shared)
    lines = ['{"scenario": ' + json.dumps(scenario.name) + ",", ' "shared": [']
    lines.append(",\n".join(f"  {_dump(one)}" for one in shared))
    lines.append(' ],\n "steps": [')
    texts = []
    for step in steps:
        streams = [
            f"   {json.dumps(name)}: [\n"
            + ",\n".join(f"    {_dump(entry)}" for entry in stream)
            + "\n   ]"
            for name, stream in step.items()
        ]
        texts.append("  {\n" + ",\n".join(streams) + "\n  }")
    lines.append(",\n".join(texts))
    lines.append(" ]\n}\n")
    FOLDER.mkdir(exist_ok=True)
    _path(scenario).write_text("\n".join(lines), encoding="utf-8")


def load_kinds() -> list[Json]:
    """Read the CRDs."""
    kinds: list[Json] = json.loads(_KINDS.read_text(encoding="utf-8"))
    return kinds


def save_kinds(crds: list[Json]) -> None:
    """Write the CRDs, without what is only for people."""
    FOLDER.mkdir(exist_ok=True)
    lines = ",\n".join(_dump(_without_schema_text(crd)) for crd in crds)
    _KINDS.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def recorded() -> set[str]:
    """Return the names of the scenarios that have been recorded."""
    return {path.stem for path in FOLDER.glob("*.json")} - {_KINDS.stem}


def _path(scenario: Scenario) -> Path:
    return FOLDER / f"{scenario.name}.json"


def _dump(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _without_schema_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_schema_text(item)
            for key, item in value.items()
            if not (key == "description" and isinstance(item, str))
        }
    return [_without_schema_text(item) for item in value] if isinstance(value, list) else value


def _fold(value: Any, shared: list[Any], key: str = "") -> Any:
    if key in _SHARED and isinstance(value, dict):
        if value not in shared:
            shared.append(value)
        return {"shared": shared.index(value)}
    if isinstance(value, dict):
        return {name: _fold(item, shared, name) for name, item in value.items()}
    return [_fold(item, shared) for item in value] if isinstance(value, list) else value


def _unfold(value: Any, shared: list[Any], key: str = "") -> Any:
    if key in _SHARED and isinstance(value, dict):
        return shared[value["shared"]]
    if isinstance(value, dict):
        return {name: _unfold(item, shared, name) for name, item in value.items()}
    return [_unfold(item, shared) for item in value] if isinstance(value, list) else value
