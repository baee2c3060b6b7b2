"""DiagnosisTargets are written by Metacontroller alone, whatever roles allow to others."""

import pytest
import yaml

from dev.envtest.client import NAMESPACES, PODDIAGNOSERS, Json
from dev.envtest.credentials import METACONTROLLER
from tests.e2e.workspace import ERROR, Workspace, eventually

WIDER = '{"spec": {"targetLabels": {}, "evidence": {"logLines": 50}}}'


@pytest.fixture
def claimed(shop: Workspace) -> Json:
    """A PodDiagnoser's DiagnosisTarget, in a namespace where somebody has every right on them."""
    resource = "--resource=diagnosistargets.diagnostics.local.io"
    shop.kubectl("create", "role", "all", "--verb=*", resource)
    shop.kubectl("create", "rolebinding", "all", "--role=all", "--user=author")
    shop.diagnose()
    (target,) = eventually(shop.targets, lambda targets: len(targets) == 1)
    return target


def copy_of(target: Json) -> str:
    """Return a second one, older than any, with the real owner's reference."""
    spec = {**target["spec"], "since": "1990-01-01T00:00:00Z"}
    metadata = {"name": "second", "ownerReferences": target["metadata"]["ownerReferences"]}
    return yaml.safe_dump({**target, "metadata": metadata, "spec": spec})


@pytest.mark.parametrize("user", ["author", "admin"])
def test_nobody_else_writes_them(shop: Workspace, claimed: Json, user: str) -> None:
    """Neither who has the right to, nor an administrator; the refusal says who may."""
    as_user = () if user == "admin" else ("--as", user)
    name = claimed["metadata"]["name"]
    annotated = ("annotate", "diagnosistarget", name, "diagnostics.local.io/recalled=x")
    for tried in (
        ("create", "-f", "-"),
        ("patch", "diagnosistarget", name, "--type=merge", "--patch", WIDER),
        annotated,
    ):
        output = shop.kubectl(*tried, *as_user, stdin=copy_of(claimed), check=False)
        assert "Forbidden" in output
        assert f"by {METACONTROLLER}, and this is {user}" in output
    (same,) = shop.targets()
    assert same["metadata"]["resourceVersion"] == claimed["metadata"]["resourceVersion"]


def test_who_may_remove_the_policy_deletes_them(shop: Workspace, claimed: Json) -> None:
    """An administrator removes the operator; who has the right in a namespace alone does not."""
    for delete in (("diagnosistarget", claimed["metadata"]["name"]), ("diagnosistargets", "--all")):
        output = shop.kubectl("delete", *delete, "--as", "author", check=False)
        assert f"by {METACONTROLLER}, and this is author" in output
        assert "deleted" in shop.kubectl("delete", *delete, "--dry-run=server")
    assert shop.targets() == [claimed]


def test_metacontroller_and_kubernetes_write_them(shop: Workspace, claimed: Json) -> None:
    """They follow their PodDiagnoser, and end with it or with the namespace."""
    shop.change(targetLabels={"app": "other"})
    eventually(
        shop.targets,
        lambda targets: (
            [one["spec"]["targetLabels"] for one in targets] != [claimed["spec"]["targetLabels"]]
        ),
    )
    shop.cluster.admin.delete(PODDIAGNOSERS, "diagnoser", shop.namespace)
    eventually(shop.targets, lambda targets: targets == [])
    shop.diagnose("second")
    shop.start_pod("fragile-app-1")
    shop.crash("fragile-app-1", ERROR)
    shop.annotated("fragile-app-1")
    shop.cluster.admin.delete(NAMESPACES, shop.namespace)
    eventually(lambda: shop.cluster.admin.find(NAMESPACES, shop.namespace) is None, timeout=60)
