"""A drill against a cluster in memory: what it finds, and that nothing of it stays."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from pod_diagnoser.cli.drill.cluster import DrillCluster
from pod_diagnoser.cli.drill.namespaces import manifest, namespace_name
from pod_diagnoser.cli.drill.report import Check, DrillReport, State
from pod_diagnoser.cli.drill.run import Drill, Settings
from pod_diagnoser.cli.drill.workloads import IMAGE, WORKLOADS
from pod_diagnoser.cli.errors import CommandError
from pod_diagnoser.cli.sources.kubectl import KubectlError
from tests.support.drill_cluster import DRILL_CAUSES, DrillStandIn, FakeClock

if TYPE_CHECKING:
    from pod_diagnoser.cli.sources.kubectl import Kubectl

PASSED, FAILED, NOT_CHECKED = State.PASSED, State.FAILED, State.NOT_CHECKED
PROMETHEUS = "monitoring/p:web"
WAIT = timedelta(seconds=20)


class Bed:
    """A cluster in memory, and drills in it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.cluster = DrillStandIn(self.clock)
        self.told: list[Check] = []

    def hold(self, **settings: Any) -> DrillReport:
        """Hold a drill."""
        wanted = {"wait": WAIT, "wait_for_alert": timedelta(), "prometheus": "", "keep": False}
        cluster = DrillCluster(cast("Kubectl", self.cluster))
        held = Settings(IMAGE, **{**wanted, **settings})
        return Drill(cluster, held, self.told.append, clock=self.clock).run()

    def states(self, name: str) -> dict[str, State]:
        """Return what came of a check of each workload."""
        return {each.workload: each.state for each in self.told if each.name == name}

    def check(self, name: str, workload: str = "") -> Check:
        """Return a check that was told."""
        (found,) = [each for each in self.told if (each.workload, each.name) == (workload, name)]
        return found


@pytest.fixture
def bed() -> Bed:
    """All is well."""
    return Bed()


ALL = dict.fromkeys(DRILL_CAUSES)


def all_are(state: State) -> dict[str, State]:
    """Return a state of all workloads."""
    return dict.fromkeys(ALL, state)


def test_all_is_well(bed: Bed) -> None:
    """All checks pass but that of the rules, of which nothing is known; within half a minute."""
    report = bed.hold()
    assert [each for each in report.checks if each.state is FAILED] == []
    assert [each.name for each in report.checks if each.state is NOT_CHECKED] == ["alert rules"]
    for name in ("crash", "annotation", "event", "status", "metric"):
        assert bed.states(name) == all_are(PASSED)
    assert bed.check("taken away").state is PASSED
    assert list(report.checks) == bed.told
    assert bed.cluster.namespaces == {}
    assert bed.clock.seconds < 20


def test_checks_are_told_in_order(bed: Bed) -> None:
    """First the operator, then one workload after the other, at last that all is gone."""
    bed.hold()
    order = [(each.workload, each.name) for each in bed.told]
    general = ["namespace", "operator", "metrics", "alert rules"]
    assert order[:4] == [("", name) for name in general]
    names = ("crash", "annotation", "event", "status", "metric")
    assert order[4:-1] == [(each.name, name) for each in WORKLOADS for name in names]
    assert order[-1] == ("", "taken away")


def test_without_the_operator(bed: Bed) -> None:
    """It says so once, and what kubectl diagnose itself says."""
    bed.cluster.installed = False
    report = bed.hold()
    assert report.failed
    operator = bed.check("operator")
    assert operator.state is FAILED
    assert "not installed" in operator.message
    assert bed.states("crash") == all_are(PASSED)
    assert "Container app" in bed.check("crash", "exit-code").message
    assert {each.name for each in bed.told} == {"namespace", "operator", "crash", "taken away"}
    assert not bed.cluster.has_diagnoser


def test_the_hook_is_away(bed: Bed) -> None:
    """What it should have written is missing, and only that."""
    bed.cluster.hook = False
    bed.hold()
    assert bed.check("operator").state is FAILED
    assert bed.states("crash") == all_are(PASSED)
    for name in ("annotation", "event", "status", "metric"):
        assert bed.states(name) == all_are(FAILED)
    assert "kubectl get pods" in bed.check("annotation", "image").next_step
    assert WAIT.total_seconds() < bed.clock.seconds < 3 * WAIT.total_seconds()


def test_the_operator_may_not_create_events(bed: Bed) -> None:
    """The condition says why, and the rest works."""
    bed.cluster.creates_events = False
    bed.hold()
    assert bed.states("event") == all_are(FAILED)
    assert "Forbidden: The operator may not" in bed.check("event", "image").message
    for name in ("annotation", "status", "metric"):
        assert bed.states(name) == all_are(PASSED)


def test_the_user_may_not_read_events(bed: Bed) -> None:
    """They are not checked; what they would have proved is right as far as it goes."""
    bed.cluster.refused = ["get events"]
    bed.hold()
    assert bed.states("event") == all_are(NOT_CHECKED)
    assert bed.states("crash") == all_are(PASSED)
    assert bed.check("crash", "liveness-probe").message.startswith("Killed: ")
    assert bed.check("annotation", "liveness-probe").message == "LivenessProbeFailed"


def test_the_operator_may_not_read_events(bed: Bed) -> None:
    """A probe's kill is a kill to it: that is right as far as it goes, and it is said."""
    bed.cluster.evidence = False
    report = bed.hold()
    assert not report.failed
    assert "component evidence" in bed.check("annotation", "liveness-probe").message
    assert "component evidence" not in bed.check("annotation", "exit-code").message


@pytest.mark.parametrize(
    ("state_metrics", "said"),
    [("unreachable", "does not answer"), ("refused", "/metrics/state of service")],
)
def test_metrics_are_away(bed: Bed, state_metrics: str, said: str) -> None:
    """One line says it, not one a workload."""
    bed.cluster.state_metrics = state_metrics
    report = bed.hold()
    assert [each.name for each in report.checks if each.state is FAILED] == ["metrics"]
    assert said in bed.check("metrics").message
    assert bed.states("metric") == {}


def test_the_user_may_not_ask_services(bed: Bed) -> None:
    """It goes on, and says how to look by hand."""
    bed.cluster.refused = ["get --raw"]
    report = bed.hold()
    assert not report.failed
    assert bed.check("metrics").state is NOT_CHECKED
    assert "port-forward" in bed.check("metrics").next_step


def test_the_user_may_not_look_for_the_operator(bed: Bed) -> None:
    """It goes on."""
    bed.cluster.refused = ["get services"]
    report = bed.hold()
    assert not report.failed
    assert bed.check("metrics").state is NOT_CHECKED


@pytest.mark.parametrize(
    ("action", "event"), [("LogEvent", PASSED), ("", NOT_CHECKED)], ids=["LogEvent", "none"]
)
def test_a_cluster_pod_diagnoser_claims_the_pods(bed: Bed, action: str, event: State) -> None:
    """Then it is what is checked, and no PodDiagnoser is made."""
    bed.cluster.cluster_diagnoser = {"remediationAction": action}
    report = bed.hold()
    assert not report.failed
    assert "ClusterPodDiagnoser all" in bed.check("operator").message
    assert bed.states("event") == all_are(event)
    assert bed.states("status") == all_are(PASSED)
    assert bed.states("metric") == all_are(PASSED)


@pytest.mark.parametrize("spec", [None, {}], ids=["PodDiagnoser", "ClusterPodDiagnoser"])
def test_the_state_metrics_lack_the_workloads(bed: Bed, spec: dict[str, Any] | None) -> None:
    """Whoever diagnoses them: no alert fires then."""
    bed.cluster.cluster_diagnoser = spec
    bed.cluster.state_metrics = "empty"
    assert bed.hold().failed
    assert bed.check("metrics").state is PASSED
    assert bed.states("metric") == all_are(FAILED)


def test_no_pod_is_created(bed: Bed) -> None:
    """The workload's controller says why; nothing else of it is checked."""
    bed.cluster.crashes = None
    bed.hold()
    assert bed.states("crash") == all_are(FAILED)
    assert "exceeded quota: small" in bed.check("crash", "image").message
    assert bed.states("annotation") == all_are(NOT_CHECKED)


def test_pods_do_not_crash(bed: Bed) -> None:
    """It waits as long as it was told to."""
    bed.cluster.crashes = False
    bed.hold()
    assert bed.states("crash") == all_are(FAILED)
    assert "did not crash in time" in bed.check("crash", "image").message


def test_keep(bed: Bed) -> None:
    """The namespace stays, until it is found left over in an hour."""
    report = bed.hold(keep=True)
    assert list(bed.cluster.namespaces) == [report.namespace]
    assert not any(each.name == "taken away" for each in bed.told)
    bed.hold()
    assert list(bed.cluster.namespaces) == [report.namespace]


def test_what_is_left_over_is_taken_away(bed: Bed) -> None:
    """A namespace of a drill that did not end; not one at work, nor one that only looks like it."""
    now = datetime.now(UTC)
    made = {
        "aaaaaaaaaaaa": now - timedelta(minutes=1),
        "bbbbbbbbbbbb": now + timedelta(minutes=1),
    }
    for number, ends in made.items():
        left = manifest(number, ends)
        left["metadata"]["uid"] = f"uid-of-{number}"
        bed.cluster.namespaces[left["metadata"]["name"]] = left
    other = manifest("cccccccccccc", now - timedelta(hours=1))
    other["metadata"].update(name="shop", uid="u")
    bed.cluster.namespaces["shop"] = other
    bed.hold()
    assert set(bed.cluster.namespaces) == {namespace_name("bbbbbbbbbbbb"), "shop"}
    assert bed.told[0].message == f"namespace {namespace_name('aaaaaaaaaaaa')} is gone"


def test_left_overs_cannot_be_looked_for(bed: Bed) -> None:
    """It says so, and goes on."""
    bed.cluster.refused = ["get namespaces --selector"]
    report = bed.hold()
    assert not report.failed
    assert bed.told[0].state is NOT_CHECKED


def test_who_may_not_take_away_may_not_begin(bed: Bed) -> None:
    """Nothing is made that cannot be deleted."""
    bed.cluster.refused = ["auth can-i"]
    with pytest.raises(CommandError):
        bed.hold()
    assert not any(call.startswith("create") for call in bed.cluster.calls)


@pytest.mark.parametrize("words", ["create -f", "create -n", "get pods -n"])
def test_what_is_refused_ends_it(bed: Bed, words: str) -> None:
    """With the reason; what was made until then is taken away."""
    bed.cluster.refused = [words]
    with pytest.raises(CommandError, match="forbidden"):
        bed.hold()
    assert bed.cluster.namespaces == {}


def test_the_namespace_is_another_drills(bed: Bed) -> None:
    """If its name is taken, it is left alone."""

    def taken(document: Any) -> Any:
        name = document["metadata"]["name"]
        document["metadata"]["uid"] = "of another"
        bed.cluster.namespaces[name] = document
        return KubectlError("exists", "already exists")

    bed.cluster._create = taken  # type: ignore[method-assign]
    with pytest.raises(CommandError):
        bed.hold()
    assert len(bed.cluster.namespaces) == 1


def test_ctrl_c_takes_all_away(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends as it is told to, and nothing stays."""

    def interrupt(_: float) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(bed.clock, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        bed.hold()
    assert bed.cluster.namespaces == {}
    assert bed.told[-1].message.endswith("is gone")


def test_a_namespace_that_stays(bed: Bed) -> None:
    """It is said, with what to do."""
    bed.cluster.stuck = True
    report = bed.hold()
    gone = bed.check("taken away")
    assert gone.state is FAILED
    assert gone.next_step == f"kubectl delete namespace {report.namespace}"


def rules(*names: str) -> dict[str, Any]:
    """Return what Prometheus answers about its rules."""
    return {"groups": [{"rules": [{"name": name} for name in names]}]}


ALERTS = tuple({each.alert for each in WORKLOADS})


def test_rules_are_loaded(bed: Bed) -> None:
    """All of them, or those that are missing are named."""
    bed.cluster.prometheus["/api/v1/rules?type=alert"] = rules(*ALERTS)
    bed.hold(prometheus=PROMETHEUS)
    assert bed.check("alert rules").state is PASSED
    bed.told.clear()
    bed.cluster.prometheus["/api/v1/rules?type=alert"] = rules("PodDiagnoserWorkloadStuck")
    bed.hold(prometheus=PROMETHEUS)
    missing = "not loaded: PodDiagnoserWorkloadCrashing, PodDiagnoserWorkloadOutOfMemory"
    assert bed.check("alert rules").message == missing


def test_prometheus_does_not_answer(bed: Bed) -> None:
    """Where it was named, that is a failure."""
    bed.hold(prometheus=PROMETHEUS)
    assert bed.check("alert rules").state is FAILED


def test_alerts_are_waited_for(bed: Bed) -> None:
    """What fires passes; what takes longer is not checked; what should have come failed."""
    bed.cluster.prometheus["/api/v1/rules?type=alert"] = rules(*ALERTS)
    clock = bed.clock

    class Alerts(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            if key != "/api/v1/alerts":
                return super().get(key, default)
            firing = {"state": "firing", "labels": {"namespace": bed.cluster.namespace}}
            fires = {"workload": "out-of-memory", "alertname": "PodDiagnoserWorkloadOutOfMemory"}
            firing["labels"] |= fires  # type: ignore[operator]
            other = {"state": "firing", "labels": {"namespace": "shop", "workload": "exit-code"}}
            return {"alerts": [firing, other] if clock.seconds > 40 else [other]}

    bed.cluster.prometheus = Alerts(bed.cluster.prometheus)
    report = bed.hold(prometheus=PROMETHEUS, wait_for_alert=timedelta(minutes=4))
    assert bed.states("alert") == {
        "exit-code": FAILED,
        "out-of-memory": PASSED,
        "liveness-probe": FAILED,
        "image": NOT_CHECKED,
        "configmap": NOT_CHECKED,
    }
    assert bed.check("alert", "image").next_step == "wait longer: --wait-for-alert 12m"
    assert report.failed
