"""Owner references hold texts from outside that get into the status: they are bounded when read."""

from typing import Any

import pytest

from pod_diagnoser.api.core_v1 import Container, OwnedPod
from tests.support.builders import crashed


def owned(**reference: Any) -> OwnedPod:
    """A Pod with one controller owner reference."""
    whole = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "app", "uid": "u-1"}
    document = crashed(ownerReferences=[{**whole, "controller": True, **reference}])
    return OwnedPod.model_validate(document)


def test_an_ordinary_owner_is_found_as_it_is() -> None:
    """Kind, name and uid of a ReplicaSet."""
    owner = owned().controller
    assert owner is not None
    assert (owner.kind, owner.name, owner.uid) == ("ReplicaSet", "app", "u-1")


@pytest.mark.parametrize("uid", ["", "u" * 129, "a b", "line\nbreak", "\u202e"])
def test_an_owner_with_an_impossible_uid_is_ignored(uid: str) -> None:
    """The Pod counts as bare; otherwise the API server would refuse the status that names it."""
    assert owned(uid=uid).controller is None


def test_long_and_odd_texts_are_sanitized() -> None:
    """Kind and name fit into what the CRD allows in a status."""
    owner = owned(kind="K" * 200, name="n\n" * 400).controller
    assert owner is not None
    assert len(owner.kind.encode()) <= 63
    assert len(owner.name.encode()) <= 253
    assert "\n" not in owner.name


def test_a_pod_without_a_controller_is_bare() -> None:
    """Another owner reference is no controller."""
    pod = owned(controller=False)
    assert (pod.controller, pod.owner_uid, pod.template_hash) == (None, "", "")


def test_a_container_that_the_spec_does_not_name_has_an_empty_spec() -> None:
    """Every container that the kubelet reports is a view with status and spec."""
    document = crashed()
    document["spec"]["containers"] = []
    (container,) = OwnedPod.model_validate(document).containers()
    assert (container.status.name, container.spec) == ("app", Container())
    assert (container.spec.image, container.spec.stopping_probes) == ("", ())
