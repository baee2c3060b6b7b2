"""The kinds: complete, described, and strict where a mistake would go unnoticed.

What only the API server can check (rules in CEL, ``kubectl explain``) is in ``tests/e2e``.
"""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.cluster_crd import MADE, made
from pod_diagnoser.api.causes import REQUESTED_RESTARTS, TRANSIENT, Cause
from pod_diagnoser.api.diagnostics_v1 import DEFAULT_CAUSES, MAX_LOG_LINES
from pod_diagnoser.diagnosis.cause_rules import rule_for
from pod_diagnoser.diagnosis.evidence import EventFinding, EventLookup, Evidence
from pod_diagnoser.diagnosis.masking.compiling import MAX_PATTERN_BYTES
from pod_diagnoser.diagnosis.masking.compiling import MAX_PATTERNS as MAX_MASKS
from pod_diagnoser.poddiagnosers.workloads import MAX_CAUSES, MAX_WORKLOADS
from pod_diagnoser.pods.filters import MAX_PATTERN, MAX_PATTERNS
from pod_diagnoser.remediation.model import Action, Phase, Reason
from tests.manifests.kustomize import BASE, PROJECT, load, of_kind, render
from tests.manifests.structural import KEYWORDS, defaulted, problems
from tests.support.builders import termination

FILES = {
    "PodDiagnoser": "poddiagnosers",
    "ClusterPodDiagnoser": "clusterpoddiagnosers",
    "DiagnosisTarget": "diagnosistargets",
}
SAMPLES = sorted((PROJECT / "crds" / "samples").glob("*.yaml"))
WITH_STATUS = Path(__file__).with_name("status.yaml")


def definition(kind: str) -> dict[str, Any]:
    """Return the CustomResourceDefinition's spec."""
    spec: dict[str, Any] = load(f"crds/{FILES[kind]}.yaml")["spec"]
    return spec


def version(kind: str) -> dict[str, Any]:
    """Return the only version that there is."""
    (only,) = definition(kind)["versions"]
    return dict(only)


def schema(kind: str) -> dict[str, Any]:
    """Return the schema of the whole object, with metadata as the API server completes it."""
    whole = copy.deepcopy(version(kind)["schema"]["openAPIV3Schema"])
    whole["properties"]["metadata"] = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string"}},
    }
    return dict(whole)


def nodes(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Return all nodes of a schema, each with its path."""
    yield path, node
    for name, inner in node.get("properties", {}).items():
        yield from nodes(inner, f"{path}.{name}")
    for keyword in ("items", "additionalProperties"):
        if keyword in node:
            yield from nodes(node[keyword], f"{path}[]")


def all_nodes(kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Return all nodes of a kind's schema as it stands in its file."""
    found = list(nodes(version(kind)["schema"]["openAPIV3Schema"]))
    assert len(found) > 5
    return found


def diagnoser(**spec: Any) -> dict[str, Any]:
    """Return a PodDiagnoser as a user writes it."""
    return {
        "apiVersion": "diagnostics.local.io/v1",
        "kind": "PodDiagnoser",
        "metadata": {"name": "x"},
        "spec": spec,
    }


@pytest.mark.parametrize("kind", FILES)
def test_names_follow_from_the_kind(kind: str) -> None:
    """Group, plural and the object's own name agree, as the API server demands."""
    crd, names = load(f"crds/{FILES[kind]}.yaml"), definition(kind)["names"]
    assert crd["kind"] == "CustomResourceDefinition"
    assert crd["metadata"]["name"] == f"{names['plural']}.{definition(kind)['group']}"
    assert definition(kind)["group"] == "diagnostics.local.io"
    assert definition(kind)["scope"] == ("Cluster" if kind.startswith("Cluster") else "Namespaced")
    assert names["kind"] == kind
    assert names["listKind"] == f"{kind}List"
    assert names["plural"] == FILES[kind] == f"{names['singular']}s"
    assert version(kind)["name"] == "v1"
    assert version(kind)["served"]
    assert version(kind)["storage"]


def test_short_names_and_categories() -> None:
    """``kubectl get pdiag`` works, and ``kubectl delete all`` leaves PodDiagnosers alone."""
    names = definition("PodDiagnoser")["names"]
    assert names["shortNames"] == ["pdiag"]
    assert names["categories"] == ["diagnostics"]
    assert definition("DiagnosisTarget")["names"]["shortNames"] == ["dtarget"]


@pytest.mark.parametrize("kind", FILES)
def test_every_field_has_type_and_description(kind: str) -> None:
    """The schema is structural, and ``kubectl explain`` has something to say on every field."""
    for path, node in all_nodes(kind):
        assert node.get("type"), path
        if path != ".metadata":  # the API server brings its own, and refuses any other
            assert node.get("description", "").rstrip().endswith("."), path
        assert node.keys() <= KEYWORDS, path
        assert set(node.get("required", [])) <= set(node.get("properties", {})), path


@pytest.mark.parametrize("kind", FILES)
def test_everything_that_can_grow_is_bounded(kind: str) -> None:
    """Lists, maps and texts have an upper bound, which CEL's cost limits ask for as well."""
    for path, node in all_nodes(kind):
        if path in {".apiVersion", ".kind", ".metadata.name"}:
            continue  # bounded by the API server
        match node:
            case {"type": "array"}:
                assert "maxItems" in node, path
                assert "x-kubernetes-list-type" in node, path
            case {"type": "object", "additionalProperties": _}:
                assert "maxProperties" in node, path
            case {"type": "string"}:
                assert node.keys() & {"maxLength", "enum", "format", "pattern"}, path


def test_conditions_are_a_map_by_type() -> None:
    """Two conditions of one type are refused; other lists are written whole."""
    status = dict(all_nodes("PodDiagnoser"))[".status"]["properties"]
    assert status["conditions"]["x-kubernetes-list-type"] == "map"
    assert status["conditions"]["x-kubernetes-list-map-keys"] == ["type"]
    for name in status.keys() - {"conditions"}:
        if status[name]["type"] != "array":
            continue
        assert status[name]["x-kubernetes-list-type"] == "atomic"


def test_status_is_a_subresource_of_the_poddiagnoser_alone() -> None:
    """Users write the spec, the operator the status; a DiagnosisTarget has none."""
    assert version("PodDiagnoser")["subresources"] == {"status": {}}
    assert "subresources" not in version("DiagnosisTarget")
    assert ".status" not in dict(all_nodes("DiagnosisTarget"))


def carried(node: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords of a schema: bounds, types and names of fields."""
    left_out = ("description", "default", "enum", "nullable", "x-kubernetes-validations", "pattern")
    bounds = {key: value for key, value in node.items() if key not in left_out}
    for keyword in ("items", "additionalProperties"):
        if keyword in bounds:
            bounds[keyword] = carried(bounds[keyword])
    if "enum" in node:  # there the words of a newer version may stand, of which this knows the form
        bounds["maxLength"] = 63
    if "properties" in node:
        bounds["properties"] = {name: carried(each) for name, each in node["properties"].items()}
    return bounds


@pytest.mark.parametrize("field", ["targetLabels", "evidence", "ignore", "thresholds"])
def test_what_pods_need_to_know_fits_from_one_kind_into_the_other(field: str) -> None:
    """A DiagnosisTarget accepts all that its PodDiagnoser may have; else it would claim nothing.

    It has no rules and no defaults: what the API server filled in, the operator would take out.
    """
    source = dict(all_nodes("PodDiagnoser"))[f".spec.{field}"]
    copied = dict(all_nodes("DiagnosisTarget"))[f".spec.{field}"]
    assert carried(copied) == carried(source)
    for (path, node), (_, original) in zip(nodes(copied), nodes(source), strict=True):
        assert not node.keys() & {"x-kubernetes-validations", "default", "enum"}, path
        if "enum" in original:
            assert all(re.fullmatch(node["pattern"], word) for word in original["enum"])
        else:
            assert node.get("pattern") == original.get("pattern"), path


@pytest.mark.parametrize("kind", FILES)
def test_columns_show_fields_that_exist(kind: str) -> None:
    """Each printer column's path leads to a field, and its type is the field's."""
    fields = dict(all_nodes(kind))
    columns = version(kind)["additionalPrinterColumns"]
    assert len({column["name"] for column in columns}) == len(columns)
    for column in columns:
        assert column["description"]
        path = re.sub(r"\[\?\(@\.type==\"(\w+)\"\)\]|\[\d+\]", "[]", column["jsonPath"])
        if path == ".metadata.creationTimestamp":
            assert column["type"] == "date"
            continue
        field = fields[path]
        expected = "date" if field.get("format") == "date-time" else field["type"]
        assert column["type"] == {"object": "string"}.get(expected, expected), column["name"]


def test_columns_answer_what_happened() -> None:
    """``kubectl get pdiag`` shows in one line what happened; what is long is for ``-o wide``."""
    columns = version("PodDiagnoser")["additionalPrinterColumns"]
    shown = [column["name"] for column in columns if not column.get("priority")]
    wide = [column["name"] for column in columns if column.get("priority")]
    assert shown == [
        "Active",
        "Remediating",
        "Diagnosed",
        "Last Pod",
        "Cause",
        "Reason",
        "When",
        "Age",
    ]
    assert wide == ["Action", "Target Labels", "Container", "Diagnosis"]


def test_selectable_fields_exist() -> None:
    """``kubectl get pdiag -A --field-selector spec.remediationAction=RestartPod`` finds them."""
    fields = dict(all_nodes("PodDiagnoser"))
    paths = [field["jsonPath"] for field in version("PodDiagnoser")["selectableFields"]]
    assert paths == [".spec.remediationAction", ".spec.enableAnnotations"]
    assert {fields[path]["type"] for path in paths} == {"string", "boolean"}


def test_defaults_are_what_the_descriptions_promise() -> None:
    """An empty spec diagnoses every Pod, suppresses nothing, and has every safeguard on."""
    empty = defaulted(schema("PodDiagnoser"), diagnoser())
    assert empty["spec"] == {
        "enableAnnotations": True,
        "evidence": {
            "events": True,
            "terminationMessage": False,
            "logLines": 0,
            "reason": False,
            "changes": True,
        },
        "remediationAction": "",
        "remediation": {
            "dryRun": False,
            "paused": False,
            "include": [],
            "onlyWhileNotReady": False,
            "minPodAgeSeconds": 30,
            "coolDownSeconds": 60,
            "maxAttempts": 5,
            "budget": {"pods": 5, "windowSeconds": 600},
        },
    }
    assert list(problems(schema("PodDiagnoser"), empty)) == []


def test_words_are_those_of_the_hook() -> None:
    """Actions, causes and phases that the hook knows are those that the schema takes."""
    fields = dict(all_nodes("PodDiagnoser"))
    assert fields[".spec.remediationAction"]["enum"] == [action.value for action in Action]
    assert fields[".spec.ignore.causes[]"]["enum"] == sorted(cause.value for cause in Cause)
    assert fields[".status.remediations[].phase"]["enum"] == [phase.value for phase in Phase]
    for list_of_reasons in ("remediations", "withheld"):
        pattern = fields[f".status.{list_of_reasons}[].reason"]["pattern"]
        assert all(re.fullmatch(pattern, reason.value) for reason in Reason)


REASONS = (
    "Completed",
    "ContainerCannotRun",
    "ContainerStatusUnknown",
    "DeadlineExceeded",
    "Error",
    "OOMKilled",
    "RestartingAllContainers",
    "StartError",
    "Unknown",
    "",
)
"""What kubelets and runtimes give as the reason of a termination."""


def test_remediation_goes_by_causes_of_restarted_containers() -> None:
    """A cause that no crash can have that is remediated would be listed for nothing."""

    def cause(reason: str, code: int | None, **facts: Any) -> Cause:
        symptom = termination(
            reason=reason,
            exit_code=code,
            restarts=1,
            restarted=True,
            **facts,
        )
        return rule_for(symptom).cause

    windows = 0xC0000022 - 2**32
    codes = (None, -1, windows, *range(257))
    found = {cause(reason, code) for reason in REASONS for code in codes}
    found.add(cause("Completed", 0, ran_on=True))
    found |= {
        cause("Error", 137, evidence=Evidence(EventLookup.FOUND, finding))
        for finding in EventFinding
    }
    listed = dict(all_nodes("PodDiagnoser"))[".spec.remediation.causes[]"]["enum"]
    assert listed == sorted(found - REQUESTED_RESTARTS)
    assert set(DEFAULT_CAUSES) < set(listed)
    assert not found & TRANSIENT


def test_bounds_are_those_of_the_hook() -> None:
    """What is accepted is looked at to its end, and what is written is accepted."""
    fields = dict(all_nodes("PodDiagnoser"))
    assert fields[".spec.evidence.logLines"]["maximum"] == MAX_LOG_LINES
    assert fields[".spec.evidence.maskPatterns"]["maxItems"] == MAX_MASKS
    assert fields[".spec.evidence.maskPatterns[]"]["maxLength"] == MAX_PATTERN_BYTES
    for patterns, pattern in (
        (".spec.ignore.containers", ".spec.ignore.containers[]"),
        (".spec.thresholds", ".spec.thresholds[].container"),
    ):
        assert fields[patterns]["maxItems"] == MAX_PATTERNS
        assert fields[pattern]["maxLength"] == MAX_PATTERN
    assert fields[".status.workloads"]["maxItems"] == MAX_WORKLOADS
    assert fields[".status.workloads[].causes"]["maxItems"] == MAX_CAUSES


def test_descriptions_name_ranges_and_defaults() -> None:
    """``kubectl explain`` prints neither: the text says them, and they are the schema's."""
    for node in dict(all_nodes("PodDiagnoser")).values():
        if "maximum" not in node:
            continue
        text = node["description"]
        assert f"{node['minimum']} to {node['maximum']}; the default is {node['default']}." in text
    causes = dict(all_nodes("PodDiagnoser"))[".spec.remediation.causes"]
    left_out = set(causes["items"]["enum"]) - set(DEFAULT_CAUSES)
    assert set(re.findall(r"[A-Z][a-z]+(?:[A-Z][a-z]+)+|Unrecognized", causes["description"])) == (
        left_out
    )


def test_no_setting_allows_a_loop_of_deletions() -> None:
    """However low they are set, an owner has a pause after each Pod, and is given up on."""
    remediation = dict(all_nodes("PodDiagnoser"))[".spec.remediation"]["properties"]
    assert remediation["coolDownSeconds"]["minimum"] >= 10
    assert remediation["maxAttempts"]["maximum"] <= 100


def test_label_without_a_value_is_not_dropped() -> None:
    """`app:` with nothing after it is null: dropped, it would leave a selector of every Pod."""
    fields = dict(all_nodes("PodDiagnoser"))
    labels, ignored = fields[".spec.targetLabels"], fields[".spec.ignore.podLabels"]
    assert labels["additionalProperties"]["nullable"] is True
    assert any("!= null" in rule["rule"] for rule in labels["x-kubernetes-validations"])
    # One that is dropped there would ignore more Pods, or the operator's own would come and go.
    assert ignored["x-kubernetes-validations"] == labels["x-kubernetes-validations"]
    assert ignored["additionalProperties"] == labels["additionalProperties"]


def test_each_rule_has_a_message() -> None:
    """A refusal by a rule says what is wrong in words, not in CEL."""
    rules = [
        rule
        for _, node in all_nodes("PodDiagnoser")
        for rule in node.get("x-kubernetes-validations", [])
    ]
    assert len(rules) == 13
    for rule in rules:
        assert len(rule["message"].split()) > 5
        assert "\n" not in rule["message"]


@pytest.mark.parametrize("path", [*SAMPLES, WITH_STATUS], ids=lambda path: path.name)
def test_samples_pass_the_schema(path: Path) -> None:
    """What we show to users is what the API server takes, the full status included."""
    (document,) = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    assert document["apiVersion"] == "diagnostics.local.io/v1"
    assert list(problems(schema(document["kind"]), document)) == []


def test_full_status_has_every_field() -> None:
    """The object whose status is checked against the schema leaves no field of it out."""
    document = yaml.safe_load(WITH_STATUS.read_text(encoding="utf-8"))
    for path, node in all_nodes("PodDiagnoser"):
        if not path.startswith(".status") or "properties" not in node:
            continue
        written: Any = document
        for name in path.removeprefix(".").replace("[]", ".[]").split("."):
            written = written[0] if name == "[]" else written[name]
        assert written.keys() == node["properties"].keys(), path


def test_the_tutorials_sample() -> None:
    """The sample is the tutorial's, and selects the Pods of fragile-app."""
    sample = load("crds/samples/fragileapp-diagnoser.yaml")
    assert sample["metadata"] == {"name": "fragileapp-diagnoser"}
    assert sample["spec"] == {
        "targetLabels": {"app": "fragile-app"},
        "enableAnnotations": True,
        "remediationAction": "LogEvent",
    }
    pod = load("fragile-app/deployment.yaml")["spec"]["template"]
    assert sample["spec"]["targetLabels"].items() <= pod["metadata"]["labels"].items()


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"remediationAction": "RestartPods"}, ".spec.remediationAction: unsupported value"),
        ({"remediationAction": "logevent"}, ".spec.remediationAction: unsupported value"),
        ({"targetLabels": {"app": 1}}, ".spec.targetLabels.app: must be string"),
        ({"targetLabels": {"app": "x" * 64}}, ".spec.targetLabels.app: too short or too long"),
        ({"targetLabels": ["app"]}, ".spec.targetLabels: must be object"),
        ({"targetLabels": {str(n): "" for n in range(33)}}, ".spec.targetLabels: too many"),
        ({"enableAnnotations": "true"}, ".spec.enableAnnotations: must be boolean"),
        ({"targetLabel": {"app": "x"}}, ".spec.targetLabel: unknown field"),
        *(
            ({"remediation": remediation}, f".spec.remediation{problem}")
            for remediation, problem in (
                ({"dryRun": "yes"}, ".dryRun: must be boolean"),
                ({"causes": ["OOMKilled"]}, ".causes[0]: unsupported value"),
                ({"causes": []}, ".causes: too few"),
                ({"causes": ["Killed", "Killed"]}, ".causes: duplicate value"),
                ({"include": ["DaemonSet"]}, ".include[0]: unsupported value"),
                ({"minPodAgeSeconds": -1}, ".minPodAgeSeconds: too small"),
                ({"minPodAgeSeconds": 86401}, ".minPodAgeSeconds: too large"),
                ({"coolDownSeconds": 9}, ".coolDownSeconds: too small"),
                ({"coolDownSeconds": 3601}, ".coolDownSeconds: too large"),
                ({"coolDownSeconds": "1m"}, ".coolDownSeconds: must be integer"),
                ({"maxAttempts": 0}, ".maxAttempts: too small"),
                ({"maxAttempts": 101}, ".maxAttempts: too large"),
                ({"budget": {"pods": 0}}, ".budget.pods: too small"),
                ({"budget": {"pods": 51}}, ".budget.pods: too large"),
                ({"budget": {"windowSeconds": 59}}, ".budget.windowSeconds: too small"),
                ({"budget": {"windowSeconds": 86401}}, ".budget.windowSeconds: too large"),
                ({"budget": 5}, ".budget: must be object"),
                ({"dryrun": True}, ".dryrun: unknown field"),
            )
        ),
        *(
            ({"evidence": evidence}, f".spec.evidence{problem}")
            for evidence, problem in (
                ({"events": "true"}, ".events: must be boolean"),
                ({"reason": "yes"}, ".reason: must be boolean"),
                ({"logLines": -1}, ".logLines: too small"),
                ({"logLines": 51}, ".logLines: too large"),
                ({"maskPatterns": [""]}, ".maskPatterns[0]: too short"),
                ({"maskPatterns": ["x" * 257]}, ".maskPatterns[0]: too short or too long"),
                ({"maskPatterns": ["x"] * 17}, ".maskPatterns: too many"),
                ({"maskPatterns": "x"}, ".maskPatterns: must be array"),
                ({"logs": 5}, ".logs: unknown field"),
            )
        ),
        *(
            ({"ignore": ignore}, f".spec.ignore{problem}")
            for ignore, problem in (
                ({"causes": ["OOMKilled"]}, ".causes[0]: unsupported value"),
                ({"causes": ["Killed", "Killed"]}, ".causes: duplicate value"),
                ({"exitCodes": ["143"]}, ".exitCodes[0]: must be integer"),
                ({"exitCodes": list(range(65))}, ".exitCodes: too many"),
                ({"containers": ["App"]}, ".containers[0]: does not match"),
                ({"containers": ["app-[0-9]"]}, ".containers[0]: does not match"),
                ({"containers": [""]}, ".containers[0]: does not match"),
                ({"containers": ["a" * 64]}, ".containers[0]: too short or too long"),
                ({"podLabels": {"stage": "x" * 64}}, ".podLabels.stage: too short or too long"),
                ({"cleanExit": True}, ".cleanExit: unknown field"),
            )
        ),
        *(
            ({"thresholds": [threshold]}, f".spec.thresholds[0]{problem}")
            for threshold, problem in (
                ({"restarts": 0}, ".restarts: too small"),
                ({"restarts": 101}, ".restarts: too large"),
                ({"withinSeconds": 59}, ".withinSeconds: too small"),
                ({"withinSeconds": 86401}, ".withinSeconds: too large"),
                ({"container": "App"}, ".container: does not match"),
                ({"within": 600}, ".within: unknown field"),
            )
        ),
        ({"thresholds": [{}] * 33}, ".spec.thresholds: too many"),
        ({"thresholds": {"restarts": 3}}, ".spec.thresholds: must be array"),
    ],
)
def test_mistakes_do_not_pass_the_schema(spec: dict[str, Any], problem: str) -> None:
    """Typos in a spec are caught by the schema itself."""
    (found,) = problems(schema("PodDiagnoser"), diagnoser(**spec))
    assert found.startswith(problem)


def test_sample_writes_every_safeguard_out() -> None:
    """The sample for RestartPod names each field, with its default but for the causes."""
    written = load("crds/samples/restart-pod.yaml")["spec"]
    assert written["remediationAction"] == "RestartPod"
    defaults = defaulted(schema("PodDiagnoser"), diagnoser())["spec"]["remediation"]
    causes = written["remediation"].pop("causes")
    assert "causes" not in defaults
    assert set(causes) < set(DEFAULT_CAUSES)
    assert written["remediation"] == defaults


def test_samples_change_one_poddiagnoser() -> None:
    """Applied one after the other they change its action; none overlaps with another."""
    samples = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in SAMPLES]
    samples = [sample for sample in samples if sample["kind"] == "PodDiagnoser"]
    assert {sample["metadata"]["name"] for sample in samples} == {"fragileapp-diagnoser"}
    actions = {sample["spec"]["remediationAction"] for sample in samples}
    assert actions == {"EvictPod", "LogEvent", "RestartPod"}
    applied = load("crds/kustomization.yaml")["resources"]
    assert not [name for name in applied if "samples" in name]


@pytest.mark.parametrize(
    ("name", "fields"),
    [("filters", ("ignore", "thresholds")), ("evidence", ("evidence",))],
)
def test_samples_show_every_field(name: str, fields: tuple[str, ...]) -> None:
    """All that can be filtered, or shown, is described in one file."""
    written = load(f"crds/samples/{name}.yaml")["spec"]
    described = dict(all_nodes("PodDiagnoser"))
    for field in fields:
        node, value = described[f".spec.{field}"], written[field]
        items = value if isinstance(value, list) else [value]
        shown = {key for item in items for key in item}
        assert shown == node.get("items", node)["properties"].keys()


def test_the_page_on_filters_has_every_field() -> None:
    """Each field has its row with an example that is accepted, and so has the list's example."""
    page = (PROJECT / "docs" / "filters.md").read_text(encoding="utf-8")
    examples = [
        yaml.safe_load(each) for each in re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)
    ]
    ignore = {field: value for example in examples for field, value in example.items()}
    assert ignore.keys() == dict(all_nodes("PodDiagnoser"))[".spec.ignore"]["properties"].keys()
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    spec = {"ignore": ignore, **yaml.safe_load(block)}
    assert list(problems(schema("PodDiagnoser"), diagnoser(**spec))) == []
    for link in re.findall(r"\]\(([^)]+)\)", page):
        assert (PROJECT / "docs" / link).exists(), link


def test_policy_asks_for_the_permission_of_each_action_that_replaces_pods() -> None:
    """Who may not do it himself cannot have it done; how it works, ``tests/e2e`` shows."""
    objects = render("crds")
    policy = of_kind(objects, "ValidatingAdmissionPolicy")["pod-diagnoser-remediation"]
    bindings = of_kind(objects, "ValidatingAdmissionPolicyBinding")
    binding = bindings["pod-diagnoser-remediation"]
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    assert binding["spec"]["validationActions"] == ["Deny"]
    spec = policy["spec"]
    assert spec["failurePolicy"] == "Fail"
    (rule,) = spec["matchConstraints"]["resourceRules"]
    # Not poddiagnosers/status, which Metacontroller writes.
    assert rule["resources"] == [definition("PodDiagnoser")["names"]["plural"]]
    asked = {
        action
        for validation in spec["validations"]
        for action in re.findall(r"variables.action != '(\w+)'", validation["expression"])
    }
    assert asked == {"RestartPod", "EvictPod"}
    assert sum("subresource('log')" in each["expression"] for each in spec["validations"]) == 1
    for validation in spec["validations"]:
        assert validation["reason"] == "Forbidden"
        assert "permission" in validation["message"]


def test_logs_of_all_namespaces_are_shown_for_those_alone_who_may_read_them() -> None:
    """The policy for ClusterPodDiagnosers asks as that for PodDiagnosers does, in no namespace."""
    objects = render("crds")
    policies = of_kind(objects, "ValidatingAdmissionPolicy")
    binding = of_kind(objects, "ValidatingAdmissionPolicyBinding")["pod-diagnoser-cluster"]
    assert binding["spec"] == {
        "policyName": "pod-diagnoser-cluster",
        "validationActions": ["Deny"],
    }
    spec = policies["pod-diagnoser-cluster"]["spec"]
    assert spec["failurePolicy"] == "Fail"
    (rule,) = spec["matchConstraints"]["resourceRules"]
    assert rule["resources"] == ["clusterpoddiagnosers"]
    (validation,) = (
        each for each in spec["validations"] if "subresource('log')" in each["expression"]
    )
    (original,) = (
        each
        for each in policies["pod-diagnoser-remediation"]["spec"]["validations"]
        if "subresource('log')" in each["expression"]
    )
    expected = original["expression"].replace(".namespace(request.namespace)", "")
    assert validation["expression"] == expected


def test_pods_of_all_namespaces_are_replaced_for_those_alone_who_may_delete_them() -> None:
    """The policy for ClusterPodDiagnosers is that for PodDiagnosers, in no namespace."""
    policies = of_kind(render("crds"), "ValidatingAdmissionPolicy")
    cluster = policies["pod-diagnoser-cluster"]["spec"]
    original = policies["pod-diagnoser-remediation"]["spec"]
    for part in ("matchConditions", "variables", "failurePolicy"):
        assert cluster[part] == original[part]
    expected = [
        each["expression"].replace(".namespace(request.namespace)", "")
        for each in original["validations"]
    ]
    assert [each["expression"] for each in cluster["validations"]] == expected
    for each in cluster["validations"]:
        assert each["message"].endswith("in all namespaces")
        assert "namespace(" not in each["expression"]


def test_cluster_kind_is_made_from_the_other() -> None:
    """What stands in the file is what ``make crds`` writes, and all its bounds are the same."""
    assert MADE.read_text(encoding="utf-8") == made()
    source = dict(all_nodes("PodDiagnoser"))
    for path, node in all_nodes("ClusterPodDiagnoser"):
        if path in source and not path.startswith(
            (".status.conditions", ".spec.remediationAction", ".status.withheld[].examples[]")
        ):
            for keyword in ("type", "maxLength", "maximum", "maxItems", "pattern", "default"):
                assert node.get(keyword) == source[path].get(keyword), path


def test_cluster_kind_is_for_those_who_administer_the_cluster() -> None:
    """No role that is added to edit, admin or view names it."""
    for role in of_kind(render("crds"), "ClusterRole").values():
        for each in role["rules"]:
            assert not any(name.startswith("cluster") for name in each["resources"])


def test_roles_add_to_those_of_kubernetes() -> None:
    """Editors of a namespace write PodDiagnosers; no one may write status and DiagnosisTargets."""
    roles = of_kind(render("crds"), "ClusterRole")
    aggregate = "rbac.authorization.k8s.io/aggregate-to-"
    view, edit = roles["pod-diagnoser-view"], roles["pod-diagnoser-edit"]
    assert {f"{aggregate}view", f"{aggregate}edit", f"{aggregate}admin"} <= set(
        view["metadata"]["labels"]
    )
    assert f"{aggregate}view" not in edit["metadata"]["labels"]
    assert {f"{aggregate}edit", f"{aggregate}admin"} <= set(edit["metadata"]["labels"])
    assert {verb for rule in view["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}
    assert [rule["resources"] for rule in edit["rules"]] == [["poddiagnosers"]]


def test_kinds_are_a_kustomization_of_their_own() -> None:
    """Removing the operator (base) removes no kind, and so nothing that users wrote."""
    kinds = of_kind(render("crds"), "CustomResourceDefinition")
    assert set(kinds) == {f"{plural}.diagnostics.local.io" for plural in FILES.values()}
    assert "CustomResourceDefinition" not in {one["kind"] for one in render(BASE)}
