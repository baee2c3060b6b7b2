"""What the API server says about PodDiagnosers: refusals, explanations, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tests.e2e.workspace import COMPLETED, marks

if TYPE_CHECKING:
    from typing import Any

    from tests.e2e.workspace import Workspace

LONGEST_NAME = "n" * 63


def manifest(name: str = "diagnoser", **spec: Any) -> str:
    """A PodDiagnoser as a user would write it."""
    return yaml.safe_dump(
        {
            "apiVersion": "diagnostics.local.io/v1",
            "kind": "PodDiagnoser",
            "metadata": {"name": name},
            "spec": spec,
        }
    )


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            {"remediationAction": "RestartPods"},
            ("spec.remediationAction", '"RestartPods"', "LogEvent", "RestartPod"),
        ),
        ({"remediationAction": "logEvent"}, ("spec.remediationAction", '"logEvent"', "LogEvent")),
        ({"targetLabels": {"app": "not a value"}}, ("spec.targetLabels", "not a label value")),
        ({"targetLabels": {"-app": "x"}}, ("spec.targetLabels", "not a label key")),
        ({"targetLabels": {"diagnostics.local.io/diagnoser": "x"}}, ("the operator sets those",)),
        ({"enableAnnotations": "yes"}, ("spec.enableAnnotations", "boolean")),
        ({"targetLabel": {"app": "x"}}, ('unknown field "spec.targetLabel"',)),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_mistakes_are_refused_at_apply(
    shop: Workspace, spec: dict[str, Any], words: tuple[str, ...]
) -> None:
    """A mistake is refused when it is applied, and the message says which and what is right."""
    said = shop.kubectl("apply", "-f", "-", stdin=manifest(**spec), check=False)
    for word in words:
        assert word in said
    assert "No resources found" in shop.kubectl("get", "pdiag")


def test_a_name_that_is_too_long_is_refused_at_apply(shop: Workspace) -> None:
    """A name that cannot be a label's value is refused, and the message says why."""
    said = shop.kubectl("apply", "-f", "-", stdin=manifest(f"{LONGEST_NAME}n"), check=False)
    assert "63 characters" in said
    assert "label" in said


def test_the_longest_name_works(shop: Workspace) -> None:
    """A name of 63 characters: the label takes it, the DiagnosisTarget's longer one is fine too."""
    shop.diagnose(LONGEST_NAME)
    shop.start_pod("fragile-app-1")
    shop.crash("fragile-app-1", COMPLETED)
    assert marks(shop.annotated("fragile-app-1"))[1] == {"diagnoser": LONGEST_NAME}
    assert shop.counted(1, LONGEST_NAME)["diagnosedPods"] == 1


def test_explain_reads_as_documentation(shop: Workspace) -> None:
    """Each field of kubectl explain has a description, and the enum tells its values."""
    spec = shop.kubectl("explain", "pdiag.spec")
    for field in ("targetLabels", "enableAnnotations", "remediationAction"):
        assert field in spec
    assert "Empty or absent means every Pod" in " ".join(spec.split())
    action = shop.kubectl("explain", "pdiag.spec.remediationAction")
    assert "LogEvent" in action
    assert "RestartPod" in action
    for path in ("pdiag.spec", "pdiag.status", "pdiag.status.recentDiagnoses"):
        assert "<no description>" not in shop.kubectl("explain", path)


def test_an_empty_spec_claims_every_pod(shop: Workspace) -> None:
    """Defaults are filled in by the API server: active, no action, every Pod of the namespace."""
    shop.kubectl("apply", "-f", "-", stdin=manifest())
    shop.start_pod("anything", labels={})
    shop.crash("anything", COMPLETED)
    shop.annotated("anything")
    spec = shop.diagnoser()["spec"]
    assert (spec["enableAnnotations"], spec["remediationAction"]) == (True, "")
    assert spec["remediation"]["maxAttempts"] == 5
    assert "targetLabels" not in spec
