"""What is kept of many Pods: each as it was, in less memory."""

import copy
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.cli.collector import Collector
from pod_diagnoser.cli.sharing import Sharing
from tests.support.builders import container, crashed, kubelet_event, pod, terminated

Json = dict[str, Any]


def of(number: int, **labels: str) -> Json:
    """Return a crashed Pod of a workload."""
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": "rs-1"}
    found = crashed(
        name=f"api-{number}",
        number=number,
        labels={"app": "api", **labels},
        ownerReferences=[{**owner, "controller": True}],
    )
    found["spec"]["nodeName"] = f"node-{number}"
    found["spec"]["containers"][0]["resources"] = {"limits": {"memory": "1Gi"}}
    return found


def test_pods_of_a_workload_share_their_containers() -> None:
    """And owners and labels, where these are equal; not what is each Pod's own."""
    sharing = Sharing()
    one, two, other = (OwnedPod.model_validate(each) for each in (of(1), of(2), of(3, a="b")))
    before = copy.deepcopy([one, two, other])
    for each in (one, two, other):
        sharing.share(each)
    assert [one, two, other] == before
    assert one.spec is not None
    assert two.spec is not None
    assert other.spec is not None
    assert one.spec.containers is two.spec.containers is other.spec.containers
    assert one.metadata.labels is two.metadata.labels
    assert one.metadata.ownerReferences is other.metadata.ownerReferences
    assert one.metadata.labels != other.metadata.labels
    assert (one.spec.nodeName, two.spec.nodeName) == ("node-1", "node-2")
    assert one.model_fields_set is two.model_fields_set


_VALUES = st.none() | st.text(max_size=3) | st.integers(-1000, 1000)
_CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {"name": st.text(max_size=3)},
        optional={
            "image": st.sampled_from(["a", "b"]),
            "resources": st.fixed_dictionaries(
                {"limits": st.dictionaries(st.sampled_from(["memory", "cpu"]), _VALUES)}
            ),
            "restartPolicyRules": st.lists(
                st.fixed_dictionaries(
                    {"exitCodes": st.fixed_dictionaries({"values": st.lists(st.integers(0, 999))})}
                ),
                max_size=2,
            ),
        },
    ),
    max_size=3,
)


@given(
    st.lists(st.tuples(_CONTAINERS, st.dictionaries(st.text(max_size=2), st.text())), max_size=6)
)
def test_nothing_changes(pods: list[tuple[list[Json], dict[str, str]]]) -> None:
    """Whatever is in them, in any order; what is calculated of them is calculated anew."""
    sharing, kept = Sharing(), []
    for number, (containers, labels) in enumerate(pods):
        raw = pod(container(last=terminated()), number=number)
        raw["spec"]["containers"] = containers
        raw["metadata"]["labels"] = labels
        plain, shared = OwnedPod.model_validate(raw), OwnedPod.model_validate(raw)
        list(shared.containers())
        sharing.share(shared)
        kept.append((plain, shared))
    for plain, shared in kept:
        assert shared == plain
        assert shared.model_dump_json(exclude_unset=True) == plain.model_dump_json(
            exclude_unset=True
        )
        assert list(shared.containers()) == list(plain.containers())


@pytest.mark.parametrize("kind", ["Pod", "Event"])
def test_what_is_kept_is_little(kind: str) -> None:
    """Measured in bytes, which are the same on all machines: less than half of what it was."""
    event = kubelet_event()
    collector = Collector()
    tracemalloc.start()
    for number in range(300):
        item = of(number)
        if kind == "Event":
            item = {**event, "metadata": {"name": f"e{number}", "namespace": "shop"}}
        collector.add_json(json.dumps(item).encode(), kind)
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert size / 300 < {"Pod": 6000, "Event": 2000}[kind]
