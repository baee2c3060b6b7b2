"""fragile-app, as both demos run it, and how its Pods are read."""

import json
from pathlib import Path
from typing import Any

import yaml

from dev import local_http

ROOT = Path(__file__).parents[2]
APP = ROOT / "fragile-app" / "app.py"
IMAGE = "fragile-app:latest"
SAMPLE = Path("crds/samples/fragileapp-diagnoser.yaml")
"""The PodDiagnoser of its Pods, from the project's folder."""

PREFIX = "diagnostics.local.io/"
EXPECTED = "Completed (Exit Code: 0)"
"""The annotation restart-reason of a Pod whose app has ended by itself."""

LINES = ("diagnosis", "evidence", "next-step")
"""The annotations that people read."""

REQUESTS = 6
"""One more than the app serves before it ends."""


def overload(url: str) -> list[str]:
    """Send one request more than the app serves; return its answers."""
    return [local_http.get(url).strip() for _ in range(REQUESTS)]


def pod_template() -> dict[str, Any]:
    """Read the Pod template of its Deployment."""
    text = (ROOT / "fragile-app" / "deployment.yaml").read_text(encoding="utf-8")
    template: dict[str, Any] = yaml.safe_load(text)["spec"]["template"]
    return template


def diagnosis_of(pod: dict[str, Any]) -> dict[str, str]:
    """Return the hook's annotations of a Pod, without their prefix."""
    annotations = pod["metadata"].get("annotations") or {}
    return {
        key.removeprefix(PREFIX): value
        for key, value in annotations.items()
        if key.startswith(PREFIX)
    }


def history_of(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the crashes that a Pod's annotations list, the latest first."""
    return list(json.loads(diagnosis_of(pod).get("crashes", "{}")).get("history", []))


def container_of(pod: dict[str, Any]) -> dict[str, Any]:
    """Return the status of a Pod's first container; empty before there is one."""
    statuses = pod["status"].get("containerStatuses") or [{}]
    found: dict[str, Any] = statuses[0]
    return found


def is_ready(pod: dict[str, Any]) -> bool:
    """Say whether a Pod's first container is ready."""
    return bool(container_of(pod).get("ready"))
