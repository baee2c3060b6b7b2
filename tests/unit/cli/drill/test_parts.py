"""The parts of a drill: its workloads, its namespace, what it reads."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.cli.drill.alerts import Prometheus, PrometheusError, is_place
from pod_diagnoser.cli.drill.cluster import DrillCluster, metrics_ports
from pod_diagnoser.cli.drill.metrics import crashing_workloads
from pod_diagnoser.cli.drill.namespaces import LABEL, as_drill, manifest, namespace_name
from pod_diagnoser.cli.drill.observed import Observed, shown
from pod_diagnoser.cli.drill.workloads import (
    IMAGE,
    WORKLOADS,
    deployments,
    diagnoser,
    missing_image,
)
from pod_diagnoser.cli.sources.kubectl import Kubectl, KubectlError
from tests.contrib.alerting import alerts
from tests.support.builders import T0
from tests.support.fake_kubectl import Answer, FakeKubectl

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "made", deployments(IMAGE)["items"], ids=lambda each: each["metadata"]["name"]
)
def test_workloads_are_harmless(made: dict[str, Any]) -> None:
    """They are what the Pod security level restricted asks for, small, and without a token."""
    template = made["spec"]["template"]
    spec, (container,) = template["spec"], template["spec"]["containers"]
    assert made["spec"]["replicas"] == 1
    assert made["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not spec.keys() & {"volumes", "hostNetwork", "hostPID", "hostIPC", "serviceAccountName"}
    security = container["securityContext"]
    assert security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"] == {"cpu": "200m", "memory": "32Mi"}
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}


def test_the_poddiagnoser_replaces_nothing() -> None:
    """It only tells."""
    assert diagnoser()["spec"] == {"remediationAction": "LogEvent"}


def test_the_alerts_exist() -> None:
    """In the rules that the project has."""
    known = {rule["alert"] for rule in alerts()}
    assert {each.alert for each in WORKLOADS} <= known


@pytest.mark.parametrize(
    ("image", "missing"),
    [
        ("busybox", "busybox:drill-no-such-tag"),
        (IMAGE, "docker.io/library/busybox:drill-no-such-tag"),
        ("registry:5000/tools/busybox", "registry:5000/tools/busybox:drill-no-such-tag"),
        ("registry:5000/busybox:1@sha256:0f", "registry:5000/busybox:drill-no-such-tag"),
    ],
)
def test_missing_image(image: str, missing: str) -> None:
    """Of the same repository, whatever the image's form."""
    assert missing_image(image) == missing


def test_the_namespace_is_known_again() -> None:
    """By name, label and uid; when it ends is read back."""
    made = manifest("0123456789ab", T0)
    made["metadata"]["uid"] = "u"
    found = as_drill(made)
    assert found is not None
    assert (found.name, found.uid, found.ends) == (namespace_name("0123456789ab"), "u", T0)
    assert found.is_left_over(T0.replace(year=2027))
    assert not found.is_left_over(T0)
    made["metadata"]["deletionTimestamp"] = "2026-11-23T10:00:00Z"
    terminating = as_drill(made)
    assert terminating is not None
    assert not terminating.is_left_over(T0.replace(year=2027))


@pytest.mark.parametrize(
    "metadata",
    [
        {"name": "shop", "uid": "u", "labels": {LABEL: "0123456789ab"}},
        {"name": namespace_name("0123456789ab"), "uid": "u", "labels": {}},
        {"name": namespace_name("0123456789ab"), "uid": "u", "labels": {LABEL: "0123456789ac"}},
        {"name": namespace_name(""), "uid": "u", "labels": {LABEL: ""}},
        {"name": namespace_name("0123456789ab"), "labels": {LABEL: "0123456789ab"}},
    ],
    ids=["name", "no label", "label", "empty", "no uid"],
)
def test_a_namespace_of_others(metadata: dict[str, Any]) -> None:
    """Is none of a drill, whatever it is called or labelled."""
    assert as_drill({"metadata": metadata}) is None


@given(JSON)
def test_any_namespace(value: Any) -> None:
    """Whatever is stored, it is no error."""
    assert as_drill(value) is None
    assert as_drill({"metadata": value}) is None
    assert as_drill({"metadata": {"labels": value, "annotations": value, "name": value}}) is None


@given(JSON)
def test_any_status(value: Any) -> None:
    """Nor are a status, an Event or a Pod that nobody expects."""
    for diagnosers in ({"status": value}, {"status": {"conditions": value}}, {"status": [value]}):
        observed = Observed(pods=[{"metadata": value}], events=[diagnosers], diagnoser=diagnosers)
        observed.condition("Remediating")
        observed.sync_error()
        assert observed.pod_of(WORKLOADS[0]) is None


def test_text_of_others() -> None:
    """In one line, without control characters, and with secrets masked."""
    text = shown("a\n\x1b[31mpassword=hunter2secret " + "x" * 5000)
    assert "\n" not in text
    assert "\x1b" not in text
    assert "hunter2secret" not in text
    assert len(text.encode()) <= 300


def test_series() -> None:
    """Those of the namespace that are not 0."""
    series = "pod_diagnoser_workload_crashing_pods"
    text = (
        f'# TYPE {series} gauge\n{series}{{cause="Killed",namespace="d",workload="a"}} 1.0\n'
        f'{series}{{cause="Error",namespace="d",workload="a"}} 2.0\n'
        f'{series}{{cause="Killed",namespace="d",workload="b"}} 0.0\n'
        f'{series}{{cause="Killed",namespace="other",workload="a"}} 1.0\n'
    )
    assert crashing_workloads(text, "d") == {"a": {"Killed", "Error"}}


@given(st.text())
def test_any_metrics(text: str) -> None:
    """Whatever answers, it is no error."""
    crashing_workloads(text, "d")
    crashing_workloads(f"pod_diagnoser_workload_crashing_pods{{{text}}} 1e", "d")


def test_ports_of_pods() -> None:
    """Where the hooks are sidecars, too."""
    metadata = {"namespace": "n", "name": "p"}
    sidecar = {"ports": [{"name": "metrics-pd", "containerPort": 8082}]}
    pods = [{"metadata": metadata, "spec": {"containers": [{}], "initContainers": [sidecar]}}]
    assert list(metrics_ports(pods, ("metrics-pd",))) == [("n", "p", "8082")]
    assert list(metrics_ports(pods, ("metrics",))) == []


@pytest.mark.parametrize(
    ("place", "is_one"),
    [
        ("http://localhost:9090", True),
        ("https://p.example/prometheus/", True),
        ("monitoring/prometheus-k8s:9090", True),
        ("monitoring/prometheus-k8s", False),
        ("file:///etc/passwd", False),
        ("../x/y:1", False),
    ],
)
def test_places_of_prometheus(place: str, *, is_one: bool) -> None:
    """A URL, or a Service."""
    assert is_place(place) is is_one


def test_prometheus_by_url(tmp_path: Path) -> None:
    """Its rules and alerts are read; what is no Prometheus is said to be none."""
    answers = {
        "/x/api/v1/rules?type=alert": {"data": {"groups": [{"rules": [{"name": "A"}, {}]}]}},
        "/x/api/v1/alerts": {"data": {"alerts": [{"labels": {"namespace": "d"}}, {"labels": 1}]}},
        "/y/api/v1/alerts": ["something else"],
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = answers.get(self.path)
            self.send_response(404 if found is None else 200)
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    cluster = DrillCluster(Kubectl(FakeKubectl(tmp_path).path, [], 5))
    try:
        prometheus = Prometheus(f"{url}/x/", cluster)
        assert prometheus.rules() == {"A", ""}
        assert prometheus.alerts("d") == [{"labels": {"namespace": "d"}}]
        with pytest.raises(PrometheusError, match="does not answer as Prometheus does"):
            Prometheus(f"{url}/y", cluster).alerts("d")
        with pytest.raises(PrometheusError, match="404"):
            Prometheus(f"{url}/z", cluster).alerts("d")
    finally:
        server.shutdown()
        server.server_close()


def test_what_is_sent(tmp_path: Path) -> None:
    """It goes to kubectl's standard input; one that does not read it is no error of ours."""
    program = tmp_path / "kubectl"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/called\ncat > {tmp_path}/read\n')
    program.chmod(0o755)
    DrillCluster(Kubectl(str(program), ["--context=c"], 5)).create({"kind": "Pod"}, "d")
    assert json.loads((tmp_path / "read").read_text("utf-8")) == {"kind": "Pod"}
    assert (tmp_path / "called").read_text("utf-8") == "--context=c create -n d -f -\n"
    kubectl = FakeKubectl(tmp_path)
    program.unlink()
    exists = 'Error from server (AlreadyExists): namespaces "d" already exists\n'
    kubectl.answers["create"] = Answer(err=exists, code=1)
    with pytest.raises(KubectlError) as raised:
        DrillCluster(Kubectl(kubectl.path, [], 5)).create({"kind": "x" * 200_000})
    assert raised.value.kind == "already exists"
