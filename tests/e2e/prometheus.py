"""The rules with shorter times, so that a test need not wait for hours."""

import copy
import re
from typing import Any

import yaml

from dev.envtest.installation import PROJECT

RULES = PROJECT / "contrib/prometheus/rules.yaml"

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_DURATION = re.compile(r"\b(\d+)([smh])\b")


def load_rules() -> dict[str, Any]:
    """Return the rules as they are."""
    rules: dict[str, Any] = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return rules


def faster(rules: dict[str, Any], times: int) -> dict[str, Any]:
    """Return the rules with all their durations divided, to a second at least."""

    def shorter(duration: re.Match[str]) -> str:
        return f"{max(1, int(duration[1]) * _SECONDS[duration[2]] // times)}s"

    changed = copy.deepcopy(rules)
    for group in changed["groups"]:
        for rule in group["rules"]:
            for key in rule.keys() & {"expr", "for"}:
                rule[key] = _DURATION.sub(shorter, rule[key])
    return changed
