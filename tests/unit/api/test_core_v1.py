"""Owner references are texts from outside that get into the status: bounded when they are read."""

from typing import Any

import pytest

from pod_diagnoser.api.core_v1 import OwnedPod
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
def test_an_owner_whose_uid_no_cluster_gives_is_nobody(uid: str) -> None:
    """The Pod counts as bare, instead of having the status refused that its owner stands in."""
    assert owned(uid=uid).controller is None


def test_long_and_odd_texts_are_made_fit() -> None:
    """Kind and name fit into the status that the definition allows."""
    owner = owned(kind="K" * 200, name="n\n" * 400).controller
    assert owner is not None
    assert len(owner.kind.encode()) <= 63
    assert len(owner.name.encode()) <= 253
    assert "\n" not in owner.name
