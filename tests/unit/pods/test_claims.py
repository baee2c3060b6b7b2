"""Which PodDiagnoser claims which Pod."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.diagnostics_v1 import DiagnosisTarget, DiagnosisTargetSpec, TargetDiagnoser
from pod_diagnoser.pods.claims import (
    claiming_target,
    matches,
    may_overlap,
    older_overlapping,
    valid_targets,
)
from tests.support.builders import after, diagnoser, target

LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["1", "2"]))


def spec(name: str, since: str, **labels: str) -> DiagnosisTargetSpec:
    """Build the spec of a DiagnosisTarget."""
    return DiagnosisTargetSpec(
        diagnoser=TargetDiagnoser(name=name, uid=f"uid-{name}"), since=since, targetLabels=labels
    )


def read(*documents: object) -> list[DiagnosisTarget]:
    """Read DiagnosisTargets."""
    return [DiagnosisTarget.model_validate(document) for document in documents]


@given(LABELS, LABELS, LABELS)
def test_may_overlap_says_whether_some_pod_can_match_both(
    one: dict[str, str], other: dict[str, str], labels: dict[str, str]
) -> None:
    """Every overlap is found, and for every overlap there is a Pod that both match."""
    if matches(one, labels) and matches(other, labels):
        assert may_overlap(one, other)
    if may_overlap(one, other):
        assert matches(one, {**one, **other})
        assert matches(other, {**one, **other})
    assert may_overlap(one, other) == may_overlap(other, one)


def test_the_oldest_claims_then_the_first_by_name_in_any_order() -> None:
    """Of fifty that match the same one claims the Pod, in whatever order they are listed."""
    documents = [
        target(diagnoser(f"diag-{number:02d}", 100 + number, after(hours=number % 5)))
        for number in range(50)
    ]
    for order in itertools.islice(itertools.permutations(documents[:6]), 0, 720, 37):
        winner = claiming_target(
            valid_targets(read(*order, *documents[6:]), "shop"), {"app": "app"}
        )
        assert winner is not None
        assert winner.diagnoser.name == "diag-00"


def test_all_labels_must_match_and_an_empty_selector_matches_all() -> None:
    """A Pod with one of two labels is claimed by the empty selector alone."""
    targets = [
        spec("both", "2026-01-01T00:00:00Z", app="a", tier="b"),
        spec("all", "2026-01-02T00:00:00Z"),
    ]
    two, one = (
        claiming_target(targets, {"app": "a", "tier": "b"}),
        claiming_target(targets, {"app": "a"}),
    )
    assert two is not None
    assert one is not None
    assert (two.diagnoser.name, one.diagnoser.name) == ("both", "all")
    assert claiming_target(targets[:1], {"app": "a"}) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "somebody-else"),
        ("uid", "5b0c7c3e-0000-0000-0000-000000000000"),
        ("controller", False),
        ("controller", None),
        ("kind", "ConfigMap"),
        ("apiVersion", "example.com/v1"),
    ],
)
def test_a_target_that_its_poddiagnoser_does_not_own_is_ignored(field: str, value: object) -> None:
    """A DiagnosisTarget that somebody else wrote claims nothing."""
    document = target(diagnoser())
    document["metadata"]["ownerReferences"][0][field] = value
    assert valid_targets(read(document), "shop") == []


def test_a_second_target_of_a_poddiagnoser_is_ignored() -> None:
    """It has the owner reference of the real one, and says that it is older than all."""
    real, second = target(diagnoser()), target(diagnoser())
    second["metadata"]["name"] = "another"
    second["spec"]["since"] = "1990-01-01T00:00:00Z"
    assert valid_targets(read(second), "shop") == []
    assert len(valid_targets(read(second, real), "shop")) == 1


def test_terminating_foreign_and_unowned_targets_are_ignored() -> None:
    """A target that is being deleted, in another namespace, or without owner claims nothing."""
    terminating, foreign, unowned = (target(diagnoser(number=number)) for number in (1, 2, 3))
    terminating["metadata"]["deletionTimestamp"] = "2026-11-23T01:00:00Z"
    foreign["metadata"]["namespace"] = "other"
    unowned["metadata"]["ownerReferences"] = None
    assert valid_targets(read(terminating, foreign, unowned), "shop") == []


def test_malformed_target_does_not_keep_others_from_claiming() -> None:
    """A DiagnosisTarget without a spec is read, and claims nothing."""
    odd = target(diagnoser(number=1))
    del odd["spec"]
    good = target(diagnoser("good", 2))
    assert [found.diagnoser.name for found in valid_targets(read(odd, good), "shop")] == ["good"]


def test_older_overlapping_targets_are_found() -> None:
    """Younger ones, its own and those that can never match the same Pod are left out."""
    own = spec("own", "2026-01-02T00:00:00Z", app="a")
    others = [
        spec("older", "2026-01-01T00:00:00Z"),
        spec("older-elsewhere", "2026-01-01T00:00:00Z", app="b"),
        spec("as-old", "2026-01-02T00:00:00Z", tier="x"),
        own,
        spec("younger", "2026-01-03T00:00:00Z"),
    ]
    found = older_overlapping(own, others)
    assert [each.diagnoser.name for each in found] == ["older", "as-old"]
