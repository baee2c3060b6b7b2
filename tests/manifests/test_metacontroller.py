"""What we change of Metacontroller, rendered over a stand-in for its released manifests.

The overlays name a repository on GitHub. git reads a local one instead, with the same
path and tag, so that the overlays are rendered to the letter without the network.
"""

import shutil
import subprocess
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

RELEASED: list[Object] = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "metacontroller"}},
    {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "metacontroller", "namespace": "metacontroller"},
        "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/name": "metacontroller"}},
            "serviceName": "",
            "template": {
                "metadata": {"labels": {"app.kubernetes.io/name": "metacontroller"}},
                "spec": {
                    "serviceAccountName": "metacontroller",
                    "containers": [
                        {
                            "name": "metacontroller",
                            "image": "ghcr.io/metacontroller/metacontroller:v4.17.2",
                            "command": ["/usr/bin/metacontroller"],
                            "args": ["--zap-log-level=4", "--discovery-interval=20s"],
                        }
                    ],
                },
            },
        },
    },
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "metacontroller"},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    },
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "aggregate-metacontroller-view"},
        "rules": [
            {"apiGroups": ["metacontroller.k8s.io"], "resources": ["x"], "verbs": ["get"]},
        ],
    },
]
"""The objects of Metacontroller 4.17.2's manifests/production that our overlays touch, and one of
those that they must not change."""


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return variables with which git finds Metacontroller's repository on this machine."""
    if shutil.which("git") is None:
        pytest.skip("git is missing: kubectl reads Metacontroller's manifests with it")
    repository = tmp_path_factory.mktemp("metacontroller")
    production = repository / "manifests" / "production"
    production.mkdir(parents=True)
    (production / "all.yaml").write_text(yaml.safe_dump_all(RELEASED), encoding="utf-8")
    (production / "kustomization.yaml").write_text("resources: [all.yaml]\n", encoding="utf-8")
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "Release"]):
        git(repository, *command)
    git(repository, "tag", "v4.17.2")
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{repository}.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/metacontroller/metacontroller",
        # kubectl first tries to get a file at that address: refused at once on any machine.
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
        "NO_PROXY": "",
        "no_proxy": "",
    }


RESOURCES = {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}}
"""Of Metacontroller: with 8,000 Pods it took 1,276 MB."""


def git(folder: Path, *arguments: str) -> None:
    """Run git in a folder, apart from the user's configuration."""
    command = ["git", "-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false", *arguments]
    subprocess.run(command, cwd=folder, check=True, timeout=60)


def overlay(name: str, github: dict[str, str]) -> list[Object]:
    """Render one of the overlays."""
    return build(PROJECT / "metacontroller" / "upstream" / "overlays" / name, github)


@pytest.mark.parametrize("name", ["tuned", "least-privilege"])
def test_flags_are_added_to_those_of_the_release(name: str, github: dict[str, str]) -> None:
    """Metacontroller keeps its own arguments and gets the overlay's."""
    (stateful_set,) = of_kind(overlay(name, github), "StatefulSet").values()
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


def test_flags_alone_leave_the_rest_as_released(github: dict[str, str]) -> None:
    """Nothing but the arguments and the memory limit differs from the release."""
    rendered = {(one["kind"], one["metadata"]["name"]): one for one in overlay("tuned", github)}
    for one in RELEASED:
        same = rendered.pop((one["kind"], one["metadata"]["name"]))
        if one["kind"] == "StatefulSet":
            (container,) = containers(same)
            del container["args"][2:]
            assert container.pop("resources") == RESOURCES
        assert same == one
    assert not rendered


def test_least_privilege_replaces_the_one_role(github: dict[str, str]) -> None:
    """No wildcard is left, and no other role is touched."""
    roles = of_kind(overlay("least-privilege", github), "ClusterRole")
    assert "*" not in yaml.safe_dump(roles["metacontroller"]["rules"])
    assert roles["aggregate-metacontroller-view"]["rules"] == RELEASED[-1]["rules"]


def test_least_privilege_is_what_the_controllers_need(github: dict[str, str]) -> None:
    """Parents are watched and updated, attachments made and removed; nothing else is written."""
    roles = of_kind(overlay("least-privilege", github), "ClusterRole")
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
    for name in ("pods", "poddiagnosers"):
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
    for name in ("recall-pods", "recall-poddiagnosers"):
        spec = load(f"metacontroller/pod-diagnoser/base/decoratorcontroller-{name}.yaml")["spec"]
        for rule in spec["resources"]:
            assert read | {"update"} <= needed[group_of(rule), rule["resource"]]
    assert granted == needed


def test_without_secrets_differs_by_that_rule_alone(github: dict[str, str], tmp_path: Path) -> None:
    """A Metacontroller that sends no token may read no Secret."""
    name = "least-privilege"
    objects = build_overlay(
        tmp_path, name, "without-secrets", environment=github, of="metacontroller/upstream"
    )
    without = of_kind(objects, "ClusterRole")["metacontroller"]["rules"]
    usual = of_kind(overlay(name, github), "ClusterRole")
    assert [rule for rule in usual["metacontroller"]["rules"] if rule not in without] == [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list", "watch"]}
    ]
    assert len(without) == len(usual["metacontroller"]["rules"]) - 1


def group_of(rule: Object) -> str:
    """Return the API group of a rule: empty for the core group."""
    group, _, _ = str(rule["apiVersion"]).rpartition("/")
    return group
