"""What Pods have in common that crash within one minute, on a cluster of several nodes."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from dev.envtest import pods
from dev.envtest.client import NODES, Json
from dev.envtest.pods import Termination
from tests.e2e.workspace import ERROR, OOM_KILLED, Workspace, eventually


@pytest.fixture
def nodes(shop: Workspace) -> Iterator[list[str]]:
    """Three more Nodes. No kubelet renews their leases, which takes effect after the test."""
    names = [f"{shop.namespace}-node{number}" for number in range(3)]
    for name in names:
        shop.cluster.admin.create(NODES, {"metadata": {"name": name}})
    yield names
    for name in names:
        shop.cluster.admin.delete(NODES, name)


def crash_on(shop: Workspace, node: str, name: str, how: Termination) -> None:
    """Have a Pod run on a node, crash and be diagnosed."""
    shop.start_pod(name, node=node)
    shop.crash(name, how)
    shop.annotated(name)


def common(shop: Workspace) -> Json:
    """Return the condition."""
    return shop.condition("CommonFactor")


def test_pods_that_crash_on_one_of_three_nodes_are_told(shop: Workspace, nodes: list[str]) -> None:
    """Crashes elsewhere at other times are no hint; five at once on one node are."""
    shop.diagnose()
    assert (common(shop)["status"], common(shop)["reason"]) == ("False", "NothingInCommon")
    for number, node in enumerate([*nodes[1:], nodes[1]]):
        ended = pods.now() - timedelta(minutes=10 + 5 * number)
        crash_on(shop, node, f"other-{number}", Termination(1, "Error", finished=ended))
    shop.counted(3)
    assert common(shop)["status"] == "False"

    for number in range(5):
        crash_on(shop, nodes[0], f"app-{number}", ERROR if number % 2 else OOM_KILLED)
    found = eventually(
        lambda: common(shop),
        lambda one: one["status"] == "True" and "5 Pods" in one["message"],
    )
    assert found["reason"] == "SameNode"
    pattern = (
        rf"5 Pods of 5 workloads crashed (within \d+ s|in the same second), \w+ [-0-9TZ:]+: "
        rf"all on node {nodes[0]} \(none of 3 other Pods\)(, although [a-z ]+)?\. A hint, not a "
        r"cause; compared with other Pods that crashed within the hour, not with healthy ones\."
    )
    assert re.fullmatch(pattern, found["message"])
    described = shop.kubectl("describe", "poddiagnoser", "diagnoser")
    assert f"Message:               {found['message']}\n" in described, "on one line, whole"
    before = shop.settled()
    shop.annotated("app-0")
    assert shop.settled() == before
