"""What the API server says about PodDiagnosers: refusals, explanations, limits."""

from functools import partial
from typing import Any

import pytest
import yaml

from dev.envtest.client import DIAGNOSISTARGETS
from tests.e2e.workspace import COMPLETED, Workspace, eventually, shown_metadata

LONGEST_NAME = "n" * 63


def manifest(name: str = "diagnoser", **spec: Any) -> str:
    """Return a PodDiagnoser as a user would write it."""
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
        ({"evidence": {"maskPatterns": ["a*"]}}, ("maskPatterns[0]", "match the empty text")),
        ({"evidence": {"maskPatterns": ["("]}}, ("maskPatterns[0]", "missing closing )")),
        ({"evidence": {"maskPatterns": ["(?=x)y"]}}, ("maskPatterns[0]", "(?=", "RE2")),
        ({"evidence": {"maskPatterns": ["ä" * 129]}}, ("maskPatterns[0]", "256 bytes")),
        ({"evidence": {"logLines": 51}}, ("evidence.logLines", "less than or equal to 50")),
        ({"ignore": {"causes": ["OOMKilled"]}}, ("ignore.causes[0]", '"OOMKilled"', "OutOfMemory")),
        ({"ignore": {"containers": ["app-[0-9]"]}}, ("ignore.containers[0]", "should match")),
        (
            {"ignore": {"podLabels": {"diagnostics.local.io/diagnoser": "x"}}},
            ("sets those itself",),
        ),
        ({"thresholds": [{"restarts": 0}]}, ("thresholds[0].restarts", "greater than or equal")),
        ({"thresholds": [{"restarts": 3}, {"container": "a"}]}, ("must be the last one",)),
        ({"thresholds": [{"container": "*"}, {}]}, ("must be the last one",)),
        ({"thresholds": [{"container": "a"}] * 2}, ("two thresholds", "same container")),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_mistakes_are_refused_at_apply(
    shop: Workspace, spec: dict[str, Any], words: tuple[str, ...]
) -> None:
    """A mistake is refused when it is applied, and the message says which and what is right."""
    output = shop.kubectl("apply", "-f", "-", stdin=manifest(**spec), check=False)
    for word in words:
        assert word in output
    assert "No resources found" in shop.kubectl("get", "pdiag")


def test_all_that_may_be_written_is_accepted(shop: Workspace) -> None:
    """As much as each list may hold, as long as it may be: the rules' cost is within its limit."""
    labels = {f"{'p' * 253}/c{number:062d}": "v" * 63 for number in range(32)}
    names = [f"c{number:062d}" for number in range(31)]
    spec: dict[str, Any] = {
        "evidence": {
            "events": False,
            "terminationMessage": True,
            "logLines": 50,
            "reason": True,
            "changes": False,
            "maskPatterns": [f"{number:02d}" + "(a|b)*" * 42 for number in range(16)],
        },
        "ignore": {
            "cleanExits": True,
            "causes": ["Completed", "LivenessProbeFailed"],
            "exitCodes": [0, 143, -1073741819, 2**31 - 1],
            "containers": [*names, "*-a?"],
            "podLabels": labels,
        },
        "thresholds": [
            {"container": name, "restarts": 100, "withinSeconds": 86400} for name in [*names, "*"]
        ],
    }
    shop.kubectl("create", "-f", "-", stdin=manifest(**spec))
    stored = shop.diagnoser()["spec"]
    assert {name: stored[name] for name in spec} == spec
    target = eventually(partial(shop.cluster.admin.list, DIAGNOSISTARGETS, shop.namespace))[0]
    assert {name: target["spec"][name] for name in spec} == spec
    version = target["metadata"]["resourceVersion"]
    shop.kubectl("annotate", "pdiag", "diagnoser", "look=again")
    shop.settled()
    (same,) = shop.cluster.admin.list(DIAGNOSISTARGETS, shop.namespace)
    assert same["metadata"]["resourceVersion"] == version


def test_ignored_pods_are_named_by_whole_labels(shop: Workspace) -> None:
    """A label whose value was forgotten would, dropped, have more Pods ignored than was meant."""
    text = manifest(ignore={"podLabels": {"app": "x", "stage": None}})
    output = shop.kubectl("create", "--dry-run=server", "-f", "-", stdin=text, check=False)
    assert "spec.ignore.podLabels" in output
    assert "a label has no value" in output


def test_what_is_left_out_of_a_threshold_is_filled_in(shop: Workspace) -> None:
    """Each threshold that is stored says for whom it is, from when on, and for how long."""
    shop.kubectl("create", "-f", "-", stdin=manifest(thresholds=[{"container": "a"}, {}]))
    stored = shop.diagnoser()["spec"]
    assert stored["evidence"] == {
        "events": True,
        "terminationMessage": False,
        "logLines": 0,
        "reason": False,
        "changes": True,
    }
    assert "ignore" not in stored
    assert stored["thresholds"] == [
        {"container": "a", "restarts": 1, "withinSeconds": 600},
        {"container": "", "restarts": 1, "withinSeconds": 600},
    ]


def test_a_name_that_is_too_long_is_refused_at_apply(shop: Workspace) -> None:
    """A name that cannot be a label's value is refused, and the message says why."""
    output = shop.kubectl("apply", "-f", "-", stdin=manifest(f"{LONGEST_NAME}n"), check=False)
    assert "63 characters" in output
    assert "label" in output


def test_the_longest_name_works(shop: Workspace) -> None:
    """A name of 63 characters: the label takes it, the DiagnosisTarget's longer one is fine too."""
    shop.diagnose(LONGEST_NAME)
    shop.start_pod("fragile-app-1")
    shop.crash("fragile-app-1", COMPLETED)
    assert shown_metadata(shop.annotated("fragile-app-1"))[1] == {"diagnoser": LONGEST_NAME}
    assert shop.counted(1, LONGEST_NAME)["diagnosedPods"] == 1


def test_explain_reads_as_documentation(shop: Workspace) -> None:
    """Each field of kubectl explain has a description, and the enum lists its values."""
    spec = shop.kubectl("explain", "pdiag.spec")
    for field in ("targetLabels", "enableAnnotations", "remediationAction"):
        assert field in spec
    assert "Empty or absent means every Pod" in " ".join(spec.split())
    action = shop.kubectl("explain", "pdiag.spec.remediationAction")
    assert "LogEvent" in action
    assert "RestartPod" in action
    parts = ("spec", "spec.evidence", "spec.ignore", "spec.thresholds")
    for path in (*parts, "status", "status.recentDiagnoses", "status.workloads"):
        assert "<no description>" not in shop.kubectl("explain", f"pdiag.{path}")


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
