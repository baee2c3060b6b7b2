"""What we change of Metacontroller, rendered over a stand-in for its released manifests.

download.sh gets them from a local repository with the same paths and tag instead of GitHub.
"""

import shutil
from pathlib import Path

import pytest
import yaml

from tests.manifests.kustomize import (
    PROJECT,
    Object,
    build,
    build_overlay,
    containers,
    load,
    of_kind,
)
from tests.manifests.released import RELEASED, copy_with_release, download, git, make_repository


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the stand-in for the release, and its tag."""
    return make_repository(tmp_path_factory.mktemp("metacontroller"))


@pytest.fixture(scope="module")
def upstream(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of metacontroller/upstream, with what download.sh adds to it."""
    return copy_with_release(tmp_path_factory.mktemp("copy"), repository)


RESOURCES = {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}}
"""Of Metacontroller: with 8,000 Pods it took 1,276 MB."""


SECURITY = {
    "pod": {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    },
    "container": {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    },
}
"""What the component restricted adds to Pod and container."""


def overlay(name: str, upstream: Path) -> list[Object]:
    """Render one of the overlays."""
    return build(upstream / "overlays" / name)


def test_what_is_not_the_pinned_commit_is_not_used(repository: Path, tmp_path: Path) -> None:
    """A tag that was moved, or a mirror that is none, leaves the folder as it was."""
    shutil.copy(PROJECT / "metacontroller/upstream/download.sh", tmp_path)
    done = download(tmp_path, repository)
    assert done.returncode == 1
    assert f"is the commit {git(repository, 'rev-parse', 'HEAD')}, not " in done.stderr
    assert not (tmp_path / "released").exists()


def test_a_second_download_replaces_the_first(upstream: Path, repository: Path) -> None:
    """And the licence comes with the manifests."""
    released = upstream / "released"
    (released / "old.yaml").touch()
    assert download(upstream, repository, git(repository, "rev-parse", "HEAD")).returncode == 0
    assert {each.name for each in released.iterdir()} == {
        "LICENSE",
        "all.yaml",
        "kustomization.yaml",
    }


@pytest.mark.parametrize("name", ["tuned", "least-privilege"])
def test_flags_are_added_to_those_of_the_release(name: str, upstream: Path) -> None:
    """Metacontroller keeps its own arguments and gets the overlay's."""
    (stateful_set,) = of_kind(overlay(name, upstream), "StatefulSet").values()
    (container,) = containers(stateful_set)
    assert container["args"] == [
        "--zap-log-level=4",
        "--discovery-interval=20s",
        "--workers=20",
        "--client-go-qps=500",
        "--client-go-burst=1000",
        "--cache-flush-interval=10m",
    ]
    assert container["image"] == "ghcr.io/metacontroller/metacontroller:v4.17.2"


def test_the_rest_is_as_released(upstream: Path) -> None:
    """Nothing but the arguments, the memory limit and Pod security differs from the release."""
    rendered = {(one["kind"], one["metadata"]["name"]): one for one in overlay("tuned", upstream)}
    for one in RELEASED:
        same = rendered.pop((one["kind"], one["metadata"]["name"]))
        if one["kind"] == "StatefulSet":
            (container,) = containers(same)
            del container["args"][2:]
            assert container.pop("resources") == RESOURCES
            assert container.pop("securityContext") == SECURITY["container"]
            pod = same["spec"]["template"]["spec"]
            assert pod.pop("securityContext") == SECURITY["pod"]
        if one["kind"] == "Namespace":
            enforced = {"pod-security.kubernetes.io/enforce": "restricted"}
            assert same["metadata"].pop("labels") == enforced
        assert same == one
    assert not rendered


def test_least_privilege_replaces_the_one_role(upstream: Path) -> None:
    """No wildcard is left, and no other role is touched."""
    roles = of_kind(overlay("least-privilege", upstream), "ClusterRole")
    assert "*" not in yaml.safe_dump(roles["metacontroller"]["rules"])
    assert roles["aggregate-metacontroller-view"]["rules"] == RELEASED[-1]["rules"]


def test_least_privilege_is_what_the_controllers_need(upstream: Path) -> None:
    """Parents are watched and updated, attachments made and removed; nothing else is written."""
    roles = of_kind(overlay("least-privilege", upstream), "ClusterRole")
    granted: dict[tuple[str, str], set[str]] = {}
    for rule in roles["metacontroller"]["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                granted.setdefault((group, resource), set()).update(rule["verbs"])
    read = {"get", "list", "watch"}
    needed: dict[tuple[str, str], set[str]] = {
        ("metacontroller.k8s.io", "compositecontrollers"): read,
        ("metacontroller.k8s.io", "decoratorcontrollers"): read,
        ("metacontroller.k8s.io", "controllerrevisions"): read,
        ("", "namespaces"): read,
        ("", "events"): {"create", "patch"},
        ("", "secrets"): {"list", "watch"},
    }
    for name in ("pods", "poddiagnosers", "clusterpoddiagnosers"):
        spec = load(f"metacontroller/pod-diagnoser/base/decoratorcontroller-{name}.yaml")["spec"]
        for rule in spec["resources"]:
            group, resource = group_of(rule), rule["resource"]
            needed[group, resource] = read | {"update"}
            if group:  # Pods' status is the kubelet's
                needed[group, f"{resource}/status"] = {"update"}
                needed[group, f"{resource}/finalizers"] = {"update"}
        for rule in spec.get("attachments", []):
            write = {"create", "update", "patch", "delete"}
            needed[group_of(rule), rule["resource"]] = read | write
    for name in ("recall-pods", "recall-poddiagnosers", "clusterpoddiagnosers-targets"):
        spec = load(f"metacontroller/pod-diagnoser/base/decoratorcontroller-{name}.yaml")["spec"]
        for rule in spec["resources"]:
            assert read | {"update"} <= needed[group_of(rule), rule["resource"]]
    assert granted == needed


def test_without_secrets_differs_by_that_rule_alone(upstream: Path, tmp_path: Path) -> None:
    """A Metacontroller that sends no token reads the CA from a ConfigMap, and no Secret."""
    name = "least-privilege"
    objects = build_overlay(tmp_path, name, "without-secrets", of=str(upstream))
    without = of_kind(objects, "ClusterRole")["metacontroller"]["rules"]
    usual = of_kind(overlay(name, upstream), "ClusterRole")["metacontroller"]["rules"]

    def reading(kind: str) -> Object:
        return {"apiGroups": [""], "resources": [kind], "verbs": ["list", "watch"]}

    assert [rule for rule in usual if rule not in without] == [reading("secrets")]
    assert [rule for rule in without if rule not in usual] == [reading("configmaps")]


def group_of(rule: Object) -> str:
    """Return the API group of a rule: empty for the core group."""
    group, _, _ = str(rule["apiVersion"]).rpartition("/")
    return group
