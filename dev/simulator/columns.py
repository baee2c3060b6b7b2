"""What kubectl get prints: the columns of a kind, as the API server makes a Table of them.

Follows k8s.io/apiextensions-apiserver/pkg/registry/customresource/tableconvertor, and for Pods
k8s.io/kubernetes/pkg/printers; ages as k8s.io/apimachinery/pkg/util/duration writes them.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dev.simulator.gojson import dumps
from dev.simulator.objects import Object, name_of, parse_timestamp
from dev.simulator.resources import EVENT, POD, Column, Resource

_STEP = re.compile(
    r"""\.(?P<key>[\w-]+)|\[(?P<index>\d+)\]|\[\?\(@\.(?P<field>[\w.]+)=="(?P<value>[^"]*)"\)\]"""
)
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_STEPS = (
    (2 * _MINUTE, 1, "s", 1, ""),
    (10 * _MINUTE, _MINUTE, "m", 1, "s"),
    (3 * _HOUR, _MINUTE, "m", 1, ""),
    (8 * _HOUR, _HOUR, "h", _MINUTE, "m"),
    (2 * _DAY, _HOUR, "h", 1, ""),
    (8 * _DAY, _DAY, "d", _HOUR, "h"),
    (2 * 365 * _DAY, _DAY, "d", 1, ""),
)
"""HumanDuration: below so many seconds, counted in these units, the rest in those."""
_NAME = Column("Name", "string", ".metadata.name")
_POD_COLUMNS = (
    Column("Ready", "string", ""),
    Column("Status", "string", ""),
    Column("Restarts", "string", ""),
    Column("Age", "date", ".metadata.creationTimestamp"),
)
_EVENT_COLUMNS = (
    Column("Last Seen", "date", ".lastTimestamp"),
    Column("Type", "string", ".type"),
    Column("Reason", "string", ".reason"),
    Column("Object", "string", ""),
    Column("Message", "string", ".message"),
    Column("Name", "string", ".metadata.name", wide=True),
)


def find(obj: Any, path: str) -> Any:
    """Follow a JSONPath such as .status.conditions[?(@.type=="Ready")].status.

    Returns:
        What stands there, or None.

    Raises:
        ValueError: the path uses what is not supported here.
    """
    position = 0
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            message = f"JSONPath that the simulator does not know: {path}"
            raise ValueError(message)
        position = step.end()
        if step["key"] is not None:
            obj = obj.get(step["key"]) if isinstance(obj, dict) else None
        elif not isinstance(obj, list):
            obj = None
        elif step["index"] is not None:
            index = int(step["index"])
            obj = obj[index] if index < len(obj) else None
        else:
            name = "." + step["field"]
            obj = next((one for one in obj if find(one, name) == step["value"]), None)
    return obj


def age(seconds: float) -> str:
    """Write a duration as kubectl does: 45s, 3m20s, 25m, 5h10m, 2d3h, 40d."""
    whole = int(seconds)
    if whole < 0:
        return "<invalid>" if whole < -1 else "0s"
    for below, great, unit, small, other in _STEPS:
        if whole < below:
            count, rest = divmod(whole, great)
            rest //= small
            return f"{count}{unit}{rest}{other}" if other and rest else f"{count}{unit}"
    return f"{whole // (365 * _DAY)}y"


def columns_of(resource: Resource) -> tuple[Column, ...]:
    """Return the columns of a kind: the name first, but for Events, which are known by others."""
    if resource is EVENT:
        return _EVENT_COLUMNS
    return (_NAME, *(_POD_COLUMNS if resource is POD else resource.columns))


def cells(resource: Resource, obj: Object, now: datetime) -> list[Any]:
    """Return an object's cells, one for each column; None is an empty one."""
    if resource is POD:
        row = _pod_cells(obj)
        return [name_of(obj), *row, _cell(_POD_COLUMNS[-1], obj, now)]
    if resource is EVENT:
        return _event_cells(obj, now)
    return [name_of(obj), *(_cell(column, obj, now) for column in resource.columns)]


def render(resource: Resource, objects: Sequence[Object], now: datetime, *, wide: bool) -> str:
    """Print objects as kubectl get does.

    Args:
        resource: their kind.
        objects: what to print.
        now: the time that ages are counted to.
        wide: whether to print what -o wide does.
    """
    columns = columns_of(resource)
    shown = [index for index, column in enumerate(columns) if wide or not column.wide]
    table = [[columns[index].name.upper() for index in shown]]
    for obj in objects:
        row = cells(resource, obj, now)
        table.append(["" if row[index] is None else str(row[index]) for index in shown])
    widths = [max(map(len, texts)) for texts in zip(*table, strict=True)]
    return "\n".join(
        "   ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    )


def table_of(resource: Resource, objects: Sequence[Object], now: datetime, version: int) -> Object:
    """Return objects as a meta.k8s.io/v1 Table, which is what kubectl asks for."""
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": str(version)},
        "columnDefinitions": [
            {
                "name": column.name,
                "type": column.type,
                "format": "name" if column.name == _NAME.name else "",
                "description": "",
                "priority": int(column.wide),
            }
            for column in columns_of(resource)
        ],
        "rows": [
            {
                "cells": cells(resource, obj, now),
                "object": {
                    "kind": "PartialObjectMetadata",
                    "apiVersion": "meta.k8s.io/v1",
                    "metadata": obj["metadata"],
                },
            }
            for obj in objects
        ],
    }


def _cell(column: Column, obj: Object, now: datetime) -> Any:
    value = find(obj, column.json_path)
    if value is None:
        return None
    if column.type == "date":
        try:
            return age((now - parse_timestamp(str(value))).total_seconds())
        except ValueError:
            return "<invalid>"
    return dumps(value) if isinstance(value, dict | list) else value


def _event_cells(event: Object, now: datetime) -> list[Any]:
    """Return the cells of printEvent: an Event of events.k8s.io/v1 has its eventTime alone."""
    about = event["involvedObject"]
    seen = next(
        (
            event[name]
            for name in ("lastTimestamp", "firstTimestamp", "eventTime")
            if event.get(name)
        ),
        None,
    )
    return [
        "<unknown>" if seen is None else age((now - parse_timestamp(seen)).total_seconds()),
        event.get("type"),
        event.get("reason"),
        f"{about['kind'].lower()}/{about['name']}",
        str(event.get("message") or "").strip(),
        name_of(event),
    ]


def _pod_cells(pod: Object) -> list[Any]:
    """Return READY, STATUS and RESTARTS, as printPod makes them."""
    status = pod["status"]
    containers = status.get("containerStatuses") or []
    reason = status.get("reason") or status.get("phase", "")
    for container in reversed(containers):
        state = container["state"]
        if state.get("waiting", {}).get("reason"):
            reason = state["waiting"]["reason"]
        elif state.get("terminated", {}).get("reason"):
            reason = state["terminated"]["reason"]
    if reason == "Completed" and any("running" in one["state"] for one in containers):
        reason = "Running"
    if pod["metadata"].get("deletionTimestamp"):
        reason = "Terminating"
    ready = sum(bool(one["ready"]) for one in containers)
    restarts = sum(one["restartCount"] for one in containers)
    return [f"{ready}/{len(pod['spec']['containers'])}", reason, str(restarts)]
