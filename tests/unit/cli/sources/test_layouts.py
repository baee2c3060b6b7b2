"""What the files of dumps hold, by their paths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.cli.sources.layouts import LogFile, ObjectFile, role_of

GATHER = "must-gather.local.1/quay-io-sha256-1"
BUNDLE = "support-bundle-1/cluster-resources"


@pytest.mark.parametrize(
    ("path", "role"),
    [
        # kubectl cluster-info dump --output-directory
        ("shop/pods.json", ObjectFile("Pod")),
        ("dump/shop/events.json", ObjectFile("Event", "shop")),
        ("shop/events.yaml", ObjectFile("Event", "shop")),
        ("shop/replicasets.json", ObjectFile("ReplicaSet")),
        ("shop/app-1/logs.txt", LogFile("shop", "app-1")),
        ("nodes.json", ObjectFile("Node")),
        # oc adm must-gather, oc adm inspect
        (f"{GATHER}/namespaces/shop/core/pods.yaml", ObjectFile("Pod")),
        (f"{GATHER}/namespaces/shop/core/events.yaml", ObjectFile("Event", "shop")),
        (f"{GATHER}/namespaces/shop/core/pods/app-1.yaml", ObjectFile("Pod")),
        (f"{GATHER}/namespaces/shop/apps/replicasets.yaml", ObjectFile("ReplicaSet")),
        (
            f"./{GATHER}/namespaces/shop/pods/app-1/app-1.yaml",
            ObjectFile("Pod", also_in=f"{GATHER}/namespaces/shop/core/pods.yaml"),
        ),
        (
            f"{GATHER}/namespaces/shop/pods/app-1/app/app/logs/current.log",
            LogFile("shop", "app-1", "app"),
        ),
        (
            "./namespaces/shop/pods/app-1/app/app/logs/previous.log",
            LogFile("shop", "app-1", "app", previous=True),
        ),
        (f"{GATHER}/namespaces/shop/pods/app-1/app/app/logs/previous.insecure.log", None),
        (f"{GATHER}/namespaces/shop/core/secrets.yaml", None),
        (f"{GATHER}/namespaces/shop/shop.yaml", None),
        (f"{GATHER}/cluster-scoped-resources/core/nodes/node1.yaml", ObjectFile("Node")),
        (f"{GATHER}/cluster-scoped-resources/core/persistentvolumes/pv.yaml", None),
        # troubleshoot.sh
        (f"{BUNDLE}/pods/shop.json", ObjectFile("Pod")),
        (f"{BUNDLE}/events/shop.json", ObjectFile("Event", "shop")),
        (f"{BUNDLE}/replicasets/shop.json", ObjectFile("ReplicaSet")),
        (f"{BUNDLE}/nodes.json", ObjectFile("Node")),
        (
            f"{BUNDLE}/custom-resources/poddiagnosers.diagnostics.local.io/shop.yaml",
            ObjectFile("PodDiagnoser"),
        ),
        (f"{BUNDLE}/pods/logs/shop/app-1/app.log", LogFile("shop", "app-1", "app")),
        (
            f"{BUNDLE}/pods/logs/shop/app-1/app-previous.log",
            LogFile("shop", "app-1", "app", previous=True),
        ),
        (f"{BUNDLE}/pods/logs/shop/app-1/app-logs-errors.log", None),
        (f"{BUNDLE}/configmaps/shop.json", None),
        (f"{BUNDLE}/pods-errors.json", None),
        # what somebody put together
        ("pods.yaml", ObjectFile("Pod")),
        ("events.json", ObjectFile("Event")),
        ("whatever.json", ObjectFile()),
        ("pod.txt", ObjectFile(certain=False)),
        ("dump", ObjectFile(certain=False)),
        ("picture.png", None),
        (".git/config.json", None),
        ("__MACOSX/pods.json", None),
        ("../../etc/pods.json", None),
        ("", None),
    ],
)
def test_roles(path: str, role: ObjectFile | LogFile | None) -> None:
    """Each layout, and what of it is not read."""
    assert role_of(path) == role


@given(
    st.lists(
        st.sampled_from(["namespaces", "cluster-resources", "pods", "logs", "a.log", ".."])
        | st.text()
    )
)
def test_any_path_has_a_role_or_none(parts: list[str]) -> None:
    """Whatever an archive calls its files."""
    role = role_of("/".join(parts))
    assert role is None or isinstance(role, ObjectFile | LogFile)
