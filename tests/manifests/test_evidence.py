"""The components that let the Pods' hook read Events, and logs: no more, and not without tokens."""

from pathlib import Path
from typing import Any

import pytest

from pod_diagnoser.server.settings import Settings, SettingsError
from tests.manifests.kustomize import (
    COMPONENTS,
    DEFAULT,
    NAMESPACE,
    PROJECT,
    Object,
    build_overlay,
    containers,
    load,
    of_kind,
    render,
)

OVERLAY = "metacontroller/pod-diagnoser/overlays/evidence"
HOOK = "pod-diagnoser-pods"
ROLE = "pod-diagnoser-evidence"
CHANGES = "pod-diagnoser-evidence-changes"
OTHER_HOOK = "pod-diagnoser-poddiagnosers"


def allowed(objects: list[Object] | tuple[Object, ...], account: str) -> dict[str, set[str]]:
    """Return what a ServiceAccount of ours may do: resource with its group, and verbs."""
    found: dict[str, set[str]] = {}
    roles = of_kind(objects, "ClusterRole")
    for binding in of_kind(objects, "ClusterRoleBinding").values():
        subjects = [(one["kind"], one["name"], one["namespace"]) for one in binding["subjects"]]
        if ("ServiceAccount", account, NAMESPACE) not in subjects:
            continue
        assert binding["roleRef"]["kind"] == "ClusterRole"
        for rule in roles[binding["roleRef"]["name"]]["rules"]:
            assert set(rule) == {"apiGroups", "resources", "verbs"}
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    found.setdefault(f"{group}/{resource}", set()).update(rule["verbs"])
    return found


def variables(objects: list[Object] | tuple[Object, ...], component: str) -> dict[str, str]:
    """Return the environment of a hook's container."""
    (container,) = containers(of_kind(objects, "Deployment")[f"pod-diagnoser-{component}"])
    return {one["name"]: one["value"] for one in container["env"]}


def names(objects: list[Object] | tuple[Object, ...]) -> set[tuple[str, str]]:
    """Kind and name of all of them."""
    return {(one["kind"], one["metadata"]["name"]) for one in objects}


def test_the_pods_hook_may_list_events_and_nothing_else() -> None:
    """One rule; the other hook's are as they were."""
    assert allowed(render(OVERLAY), HOOK) == {"/events": {"list"}}
    default = render(DEFAULT)
    assert allowed(default, HOOK) == {}
    assert allowed(render(OVERLAY), OTHER_HOOK) == allowed(default, OTHER_HOOK)


def test_with_logs_it_may_get_them_too(tmp_path: Path) -> None:
    """The component evidence-logs adds two permissions and no object."""
    objects = build_overlay(tmp_path, "evidence", "evidence-logs")
    assert allowed(objects, HOOK) == {
        "/events": {"list"},
        "/pods/log": {"get"},
        "diagnostics.local.io/diagnosistargets": {"get"},
    }
    assert names(objects) == names(render(OVERLAY))


def test_with_changes_it_may_read_the_versions_of_templates(tmp_path: Path) -> None:
    """The component evidence-changes adds a role of one rule, its binding, and a setting."""
    objects = build_overlay(tmp_path, "evidence", "evidence-changes")
    assert allowed(objects, HOOK) == {
        "/events": {"list"},
        "apps/replicasets": {"get", "list"},
        "apps/controllerrevisions": {"get", "list"},
    }
    more = names(objects) - names(render(OVERLAY))
    assert more == {("ClusterRole", CHANGES), ("ClusterRoleBinding", CHANGES)}
    assert allowed(objects, OTHER_HOOK) == allowed(render(DEFAULT), OTHER_HOOK)
    assert not Settings.from_environment(variables(render(OVERLAY), "pods")).evidence_changes
    assert Settings.from_environment(variables(objects, "pods")).evidence_changes
    for kind in ("ClusterRole", "ClusterRoleBinding"):
        labels = of_kind(objects, kind)[CHANGES]["metadata"]["labels"]
        assert labels["app.kubernetes.io/part-of"] == "pod-diagnoser"


def test_changes_do_not_go_without_evidence(tmp_path: Path) -> None:
    """Without a token the hook could read nothing: kustomize fails."""
    with pytest.raises(AssertionError, match="test failed"):
        build_overlay(tmp_path, "default", "evidence-changes")


def test_the_overlay_is_the_default_and_the_component() -> None:
    """The overlay adds three objects to the default."""
    more = names(render(OVERLAY)) - names(render(DEFAULT))
    assert more == {("ClusterRole", ROLE), ("ClusterRoleBinding", ROLE), ("NetworkPolicy", HOOK)}
    assert not names(render(DEFAULT)) - names(render(OVERLAY))
    for one in render(OVERLAY):
        labels = one["metadata"]["labels"]
        assert labels["app.kubernetes.io/part-of"] == "pod-diagnoser", one["metadata"]["name"]
        assert labels["app.kubernetes.io/name"] == "pod-diagnoser", one["metadata"]["name"]


def test_the_token_is_mounted_and_the_hook_gets_its_path() -> None:
    """Only the Deployment that serves Pods changes, in token and setting."""
    before = of_kind(render(DEFAULT), "Deployment")
    after = of_kind(render(OVERLAY), "Deployment")
    assert before["pod-diagnoser-poddiagnosers"] == after["pod-diagnoser-poddiagnosers"]
    pod: dict[str, Any] = after[HOOK]["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is True
    assert pod["serviceAccountName"] == HOOK
    settings = Settings.from_environment(variables(render(OVERLAY), "pods"))
    assert settings.evidence is True
    assert settings.may_read_evidence
    assert settings.token_folder is not None
    (old,), (new,) = (list(containers(one[HOOK])) for one in (before, after))
    assert {**old, "env": None} == {**new, "env": None}
    assert [*old["env"], {"name": "POD_DIAGNOSER_EVIDENCE", "value": "true"}] == new["env"]


def test_the_pods_hook_may_reach_the_api_server() -> None:
    """The new policy has the egress rule of the other one, and selects the Pods' hook."""
    policies = of_kind(render(OVERLAY), "NetworkPolicy")
    mine, other = policies[HOOK]["spec"], policies["pod-diagnoser-poddiagnosers"]["spec"]
    assert mine["egress"] == other["egress"]
    assert mine["policyTypes"] == ["Egress"]
    labels = of_kind(render(OVERLAY), "Deployment")[HOOK]["spec"]["template"]["metadata"]["labels"]
    assert mine["podSelector"]["matchLabels"] == {
        name: labels[name] for name in ("app.kubernetes.io/name", "app.kubernetes.io/component")
    }


@pytest.mark.parametrize("order", [("evidence", "without-token"), ("without-token", "evidence")])
def test_it_does_not_go_without_tokens(order: tuple[str, str], tmp_path: Path) -> None:
    """Anyone could read what the hook reads: kustomize fails, in either order."""
    with pytest.raises(AssertionError, match=r"test (failed|operation does not apply)"):
        build_overlay(tmp_path, "default", *order)


def test_nor_does_the_hook_start_so(tmp_path: Path) -> None:
    """The process itself refuses to start, whatever made the manifests."""
    objects = build_overlay(tmp_path, "default", "without-token")
    for component in COMPONENTS:
        environment = variables(objects, component) | {"POD_DIAGNOSER_EVIDENCE": "true"}
        with pytest.raises(SettingsError, match="POD_DIAGNOSER_TOKEN_DIR"):
            Settings.from_environment(environment)
        assert not Settings.from_environment(variables(objects, component)).may_read_evidence


def test_in_chosen_namespaces_it_is_bound_there(tmp_path: Path) -> None:
    """The component removes the binding for all namespaces."""
    everywhere = build_overlay(tmp_path, "evidence", "evidence-changes")
    objects = build_overlay(tmp_path, "evidence", "evidence-changes", "chosen-namespaces")
    gone = names(everywhere) - names(objects)
    assert gone == {
        ("ClusterRoleBinding", ROLE),
        ("ClusterRoleBinding", CHANGES),
        ("ClusterRoleBinding", "pod-diagnoser-remediation"),
    }
    readme = (PROJECT / "metacontroller/README.md").read_text(encoding="utf-8")
    assert f"--clusterrole={ROLE}" in readme
    assert f"--serviceaccount={NAMESPACE}:{HOOK}" in readme


@pytest.mark.parametrize("component", ["evidence", "evidence-changes", "evidence-logs"])
def test_each_file_is_used(component: str) -> None:
    """One resource a file, and none that is forgotten in the kustomization."""
    folder = PROJECT / "metacontroller" / "pod-diagnoser" / "components" / component
    kustomization = load(f"metacontroller/pod-diagnoser/components/{component}/kustomization.yaml")
    files = {path.name for path in folder.iterdir()} - {"kustomization.yaml"}
    assert files == set(kustomization.get("resources", []))
