"""``why-not``: every reason for silence or for no remediation, and what to change."""

import json
from pathlib import Path
from typing import Any

import pytest

from pod_diagnoser.cli import command
from pod_diagnoser.cli.collector import Collector
from pod_diagnoser.cli.why_not import WhyNot, why_not
from pod_diagnoser.pods.keys import OPT_OUT
from pod_diagnoser.remediation.model import EXPLANATIONS, Reason
from tests.support.builders import (
    after,
    container,
    crash,
    crashed,
    diagnoser,
    owned,
    owner,
    planned,
    pod,
    replacing,
    synced,
    target,
    terminated,
)
from tests.support.cluster_builders import cluster_diagnoser, cluster_target

Json = dict[str, Any]
NOW = after(60)


def of(document: Json, *diagnosers: Json) -> WhyNot:
    """Ask of a Pod and the PodDiagnosers of its namespace."""
    collector = Collector(lambda _: True)
    collector.add([document, *diagnosers])
    snapshot = collector.snapshot()
    return why_not(snapshot.pods[0], snapshot, NOW)


def changes(found: WhyNot) -> list[str]:
    """Return what to change for a remediation."""
    return [each.change for verdict in found.verdicts for each in verdict.remediation]


def reasons(found: WhyNot) -> list[str]:
    """Return why there is no remediation."""
    return [each.why for verdict in found.verdicts for each in verdict.remediation]


def test_namespace_without_a_pod_diagnoser() -> None:
    """The first thing that is missing."""
    found = of(crashed(), diagnoser() | {"metadata": diagnoser()["metadata"] | {"namespace": "x"}})
    assert (found.pod, found.claimed_by, found.verdicts) == ("shop/app-1", "", ())
    assert [each.why for each in found.claim] == ["namespace shop has no PodDiagnoser"]


def test_why_none_claims_the_pod() -> None:
    """Each PodDiagnoser with its own reason."""
    leaving = diagnoser("c", 3)
    leaving["metadata"]["deletionTimestamp"] = "2026-11-23T10:00:00Z"
    found = of(
        crashed(),
        diagnoser("a", 1, enableAnnotations=False),
        diagnoser("b", 2, targetLabels={"app": "other", "tier": "\x1b"}),
        leaving,
    )
    assert [(each.why, each.change) for each in found.claim] == [
        (
            (
                "PodDiagnoser a is switched off, which keeps ClusterPodDiagnosers away from the "
                "Pod, too"
            ),
            "spec.enableAnnotations: true",
        ),
        (
            "PodDiagnoser b selects Pods with app=other, tier=, which this Pod does not have",
            "spec.targetLabels, or the Pod's labels",
        ),
        ("PodDiagnoser c is being deleted", ""),
    ]


def test_the_oldest_claims_the_pod() -> None:
    """The others are told, and what would have to change."""
    found = of(crashed(), diagnoser("young", 2, created=after(9)), diagnoser("old", 1))
    assert found.claimed_by == "PodDiagnoser old"
    (other,) = found.claim
    assert other.why == "PodDiagnoser young would claim the Pod, but old is older"
    assert other.change == "spec.targetLabels of old"


def test_a_clusterpoddiagnoser_claims_what_no_other_does() -> None:
    """By its DiagnosisTarget in the namespace; one of a PodDiagnoser says nothing here."""
    whole = cluster_target(cluster_diagnoser(ignore={"exitCodes": [1]}))
    found = of(crashed(), whole, target(diagnoser("gone", 5)))
    assert found.claimed_by == "ClusterPodDiagnoser cluster"
    assert found.claim == ()
    (verdict,) = found.verdicts
    assert [each.change for each in verdict.silence] == ["spec.ignore.exitCodes"]
    assert changes(found)[-1:] == ["your permission to list clusterpoddiagnosers"]
    beside = of(crashed(), whole, diagnoser("own", 1, targetLabels={"app": "other"}))
    assert beside.claimed_by == "ClusterPodDiagnoser cluster"
    declined = of(crashed(), whole, diagnoser("own", 1, enableAnnotations=False))
    assert declined.claimed_by == ""
    assert "keeps ClusterPodDiagnosers away" in declined.claim[0].why
    assert of(crashed(), whole, diagnoser("own", 1)).claimed_by == "PodDiagnoser own"


def test_what_a_clusterpoddiagnoser_does_is_told_where_it_may_be_read() -> None:
    """By its own limits: that of the namespace, and what has to be named."""
    document = owned()
    done = {
        "id": "0" * 16,
        "namespace": "shop",
        "action": "RestartPod",
        "pod": "app-9",
        "podUID": "u-9",
        "owner": "rs-9",
        "container": "app",
        "cause": "Killed",
        "phase": "Done",
        "reason": "Deleted",
        "plannedAt": "2026-11-23T10:00:00Z",
        "settledAt": "2026-11-23T10:00:00Z",
    }
    of_all = cluster_diagnoser(
        remediationAction="RestartPod",
        remediation={"budget": {"podsPerNamespace": 1}},
        evidence={"events": False},
        status={
            "remediations": [done],
            "claims": [{"namespace": "shop", "since": "2026-11-23T10:00:30Z"}],
        },
    )
    found = of(document, cluster_target(of_all), of_all)
    assert found.claimed_by == "ClusterPodDiagnoser cluster"
    assert EXPLANATIONS[Reason.BEFORE_CLAIM] in reasons(found)
    assert "spec.remediation.budget.podsPerNamespace" in changes(found)
    document["metadata"]["namespace"] = "kube-system"
    found = of(document, cluster_target(of_all, "kube-system"), of_all)
    assert EXPLANATIONS[Reason.PROTECTED_NAMESPACE] in reasons(found)
    assert "spec.namespaceSelector: name it by kubernetes.io/metadata.name" in changes(found)


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        ({"ignore": {"causes": ["ApplicationError"]}}, "causes"),
        ({"ignore": {"exitCodes": [1]}}, "exitCodes"),
        ({"ignore": {"containers": ["a*"]}}, "containers"),
        ({"ignore": {"podLabels": {"app": "app"}}}, "podLabels"),
    ],
)
def test_ignored_crashes(spec: Json, part: str) -> None:
    """Each entry that applies, by its field."""
    (verdict,) = of(crashed(), diagnoser(**spec)).verdicts
    assert [each.change for each in verdict.silence] == [f"spec.ignore.{part}"]
    assert verdict.what == "container app: ApplicationError"
    assert verdict.remediation[0].why == "what is not told is not remediated"


def test_all_entries_that_ignore_a_crash_are_named() -> None:
    """One change is not enough then."""
    clean = pod(container(last=terminated(code=0, reason="Completed")))
    spec: Json = {"ignore": {"cleanExits": True, "exitCodes": [0], "causes": ["Killed"]}}
    (verdict,) = of(clean, diagnoser(**spec)).verdicts
    assert [each.change for each in verdict.silence] == [
        "spec.ignore.cleanExits",
        "spec.ignore.exitCodes",
    ]


def test_thresholds() -> None:
    """How many crashes it takes."""
    spec: Json = {"thresholds": [{"restarts": 5, "withinSeconds": 700}]}
    (verdict,) = of(crashed(), diagnoser(**spec)).verdicts
    (silence,) = verdict.silence
    assert silence.why == "it takes 5 crashes within 700 s until it is told"
    assert silence.change == "spec.thresholds"


def test_told_and_not_replaced() -> None:
    """The action is the first thing to change; without an owner that is not enough."""
    found = of(crashed(), diagnoser())
    assert found.verdicts[0].silence == ()
    assert changes(found)[0] == "spec.remediationAction: RestartPod, or EvictPod"
    assert EXPLANATIONS[Reason.BARE_POD] in reasons(found)
    assert "LogEvent" in reasons(of(crashed(), diagnoser(remediationAction="LogEvent")))[0]
    assert '"Explode"' in reasons(of(crashed(), diagnoser(remediationAction="Explode")))[0]


def test_healthy_pod() -> None:
    """There is nothing to tell."""
    assert of(pod(container()), diagnoser()).verdicts == ()


GIVEN_UP = {
    "uid": "rs-1",
    "kind": "ReplicaSet",
    "name": "app-rs-1",
    "template": "t1",
    "attempts": 5,
    "lastTime": "2026-11-23T09:50:00Z",
}

CASES: list[tuple[Json, Json, Reason | None]] = [
    (owned(), replacing(), None),
    (owned(), replacing(dryRun=True), Reason.DRY_RUN),
    (owned(), replacing(paused=True), Reason.PAUSED),
    (owned(), replacing(causes=["Killed"]), Reason.CAUSE_NOT_LISTED),
    (owned(), replacing(minPodAgeSeconds=3000), Reason.TOO_YOUNG),
    (owned(annotations={OPT_OUT: "false"}), replacing(), Reason.OPTED_OUT),
    (owned(ownerReferences=[]), replacing(), Reason.BARE_POD),
    (owned(ownerReferences=[owner(kind="DaemonSet")]), replacing(), Reason.DAEMON_SET_POD),
    (owned(ownerReferences=[owner(kind="Job")]), replacing(), Reason.JOB_POD),
    (owned(finished=after(-3600)), replacing(), Reason.NOT_FRESH),
    (owned(deletionTimestamp="2026-11-23T10:00:30Z"), replacing(), Reason.TERMINATING),
    (owned(), replacing(budget={"pods": 0}), Reason.BUDGET_SPENT),
    (
        owned(),
        replacing(
            status={
                "owners": [
                    {
                        "uid": "rs-1",
                        "kind": "ReplicaSet",
                        "name": "a",
                        "template": "t1",
                        "attempts": 5,
                    }
                ]
            }
        ),
        Reason.GAVE_UP,
    ),
]


@pytest.mark.parametrize(("document", "policy", "reason"), CASES)
def test_the_operator_agrees(document: Json, policy: Json, reason: Reason | None) -> None:
    """It replaces the Pod where nothing keeps it from that, and never otherwise."""
    found = of(document, policy)
    is_replaced = planned(synced(policy, NOW, document)) == ["app-1"]
    if document["metadata"].get("deletionTimestamp"):
        assert not is_replaced
        return
    assert is_replaced == (reasons(found) == []) == (reason is None)
    if reason is not None:
        assert EXPLANATIONS[reason] in " ".join(reasons(found))


def test_all_safeguards_are_named() -> None:
    """The operator names one of them."""
    found = of(owned(), replacing(dryRun=True, paused=True, causes=["Killed"]))
    assert changes(found) == [
        "spec.remediation.causes: add ApplicationError",
        "spec.remediation.paused: false",
        "spec.remediation.dryRun: false",
    ]


def test_what_prevented_a_planned_remediation() -> None:
    """As its status says."""
    document = owned()
    entry = {
        "id": crash(document),
        "action": "EvictPod",
        "pod": "app-1",
        "podUID": document["metadata"]["uid"],
        "owner": "rs-1",
        "container": "app",
        "cause": "ApplicationError",
        "diagnosis": "x",
        "phase": "Deferred",
        "reason": "BlockedByDisruptionBudget",
        "plannedAt": "2026-11-23T10:00:10Z",
        "settledAt": "2026-11-23T10:00:11Z",
    }
    found = of(document, replacing("EvictPod", status={"remediations": [entry]}))
    assert EXPLANATIONS[Reason.BLOCKED_BY_DISRUPTION_BUDGET] in reasons(found)


def test_command(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """On a dump: what is wrong, told or not, replaced or not, and what to change."""
    dump = tmp_path / "dump.json"
    items = [owned(), diagnoser(ignore={"exitCodes": [2]})]
    dump.write_text(json.dumps({"kind": "List", "items": items}), encoding="utf-8")
    code = command.main(["why-not", "app-1", "-f", str(dump), "--at", "2026-11-23T10:01:00Z"])
    out, err = capfdbinary.readouterr()
    assert (code, err) == (0, b"")
    assert out.decode() == (
        "Pod shop/app-1 is claimed by PodDiagnoser diag\n"
        "\n"
        "container app: ApplicationError\n"
        "  to be told, but nothing is written on the Pod: is the operator running?\n"
        "  not replaced:\n"
        "    - spec.remediationAction is empty\n"
        "      change: spec.remediationAction: RestartPod, or EvictPod\n"
    )
    assert command.main(["why-not", "other", "-f", str(dump)]) == 2
    assert capfdbinary.readouterr().err == b"kubectl-diagnose: pod/other: not found\n"
    assert command.main(["why-not", "-f", str(dump)]) == 2
