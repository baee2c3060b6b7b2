"""The chart renders what the kustomizations render, and refuses what it does not know."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.envtest import installation
from dev.envtest.build import Binaries
from dev.envtest.control_plane import ControlPlane
from dev.envtest.installation import PROJECT, SYSTEM, wait_for_kinds
from tests.e2e.chart import (
    CHART,
    RELEASE,
    Helm,
    HelmError,
    Json,
    Key,
    comparable,
    delete_kinds,
    hooks_of,
)

GENERATED: set[Key] = {
    ("Secret", "pod-diagnoser-token"),
    ("Secret", "pod-diagnoser-tls"),
    ("ConfigMap", "pod-diagnoser-ca"),
}
"""What metacontroller/credentials.sh makes beside the kustomizations."""

ONLY_KUSTOMIZE: set[Key] = {("Namespace", SYSTEM)}
"""Helm creates the namespace (--create-namespace)."""

ALL_EVIDENCE = {"enabled": True, "logs": True, "changes": True}
MONITORED = {
    "stateMetrics": {"enabled": True},
    "serviceMonitor": {"enabled": True},
    "prometheusRule": {"enabled": True},
}
SEPARATE = {"mode": "separate"}
WAYS = [
    ("together", (), {}),
    ("together-evidence", (), {"evidence": {"enabled": True}}),
    ("default", (), SEPARATE),
    ("evidence", (), {**SEPARATE, "evidence": {"enabled": True}}),
    (
        "default",
        ("evidence", "evidence-changes", "evidence-logs", "state-metrics", "prometheus-operator"),
        {**SEPARATE, "evidence": ALL_EVIDENCE, **MONITORED},
    ),
    ("default", ("cert-manager",), {**SEPARATE, "credentials": {"certManager": {"enabled": True}}}),
    (
        "evidence",
        ("evidence-changes", "chosen-namespaces"),
        {
            **SEPARATE,
            "evidence": {"enabled": True, "changes": True},
            "permissions": {"allNamespaces": False},
        },
    ),
]
"""Overlay and components of the kustomization, and the values for the same."""

MATRIX: list[dict[str, Any]] = [
    {},
    {**SEPARATE, "evidence": ALL_EVIDENCE, "dashboard": {"enabled": True}},
    {
        "evidence": ALL_EVIDENCE,
        "stateMetrics": {"enabled": True},
        "clusterPodDiagnoser": {"create": True, "spec": {"remediationAction": "LogEvent"}},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "system-cluster-critical",
        "topologySpreadConstraints": [],
        "podAnnotations": {"a/b": "c"},
        "podLabels": {"team": "x"},
        "commonLabels": {"cost": "shared"},
        "serviceAccountAnnotations": {"a/b": "c"},
        "imagePullSecrets": [{"name": "pull"}],
        "hooks": {"extraEnv": [{"name": "POD_DIAGNOSER_LOG_LEVEL", "value": "debug"}]},
        "metacontroller": {"extraArgs": ["--workers=5"], "image": {"pullPolicy": "Always"}},
        "networkPolicy": {"apiServerCIDRs": ["10.0.0.1/32"], "apiServerPorts": [6443]},
        "global": {"imageRegistry": "ignored"},
    },
    {
        **SEPARATE,
        "admissionPolicies": {"enabled": False},
        "clusterPodDiagnoser": {"enabled": False},
        "networkPolicy": {"enabled": False},
        "podDisruptionBudget": {"enabled": False},
        "permissions": {"aggregate": False, "allNamespaces": False},
        "credentials": {"token": {"existingSecret": "t"}, "tls": {"existingSecret": "u"}},
        "decoratorControllers": {"order": "argocd"},
    },
]
FOREIGN = ("monitoring.coreos.com/", "cert-manager.io/")


@pytest.fixture
def helm(helm_program: Path, tmp_path: Path) -> Helm:
    """Helm, and no cluster."""
    return Helm(helm_program, tmp_path)


@pytest.mark.parametrize(("overlay", "components", "values"), WAYS)
def test_chart_and_kustomize_render_the_same(
    helm: Helm,
    binaries: Binaries,
    tmp_path: Path,
    overlay: str,
    components: tuple[str, ...],
    values: Any,
) -> None:
    """Object by object, in each way to run it; what one of them alone has is named above."""
    kustomized = comparable(rendered(binaries.kubectl, tmp_path, overlay, components))
    objects = helm.template(**values)
    # What is created last is an object of the release; Jobs of the chart's own are not.
    chart = comparable(
        [one for one in objects if not hooks_of(one) or one["kind"] == "DecoratorController"]
    )
    assert kustomized.keys() - chart.keys() == ONLY_KUSTOMIZE
    generated = GENERATED if values.get("mode") == "separate" else set()
    if "credentials" in values:  # cert-manager's
        generated = {("Secret", "pod-diagnoser-token")}
    assert chart.keys() - kustomized.keys() == generated
    for key in kustomized.keys() & chart.keys():
        assert normal(chart[key]) == normal(kustomized[key]), key


def rendered(kubectl: Path, folder: Path, overlay: str, components: tuple[str, ...]) -> list[Json]:
    """Render a kustomization with components."""
    own = folder / "overlay"
    own.mkdir()
    manifests = PROJECT / "metacontroller/pod-diagnoser"
    relative = Path(*[".."] * len(own.resolve().parts[1:])) / manifests.resolve().relative_to("/")
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [str(relative / "overlays" / overlay)],
        "components": [str(relative / "components" / name) for name in components],
    }
    (own / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
    done = subprocess.run(
        [kubectl, "kustomize", own], capture_output=True, text=True, check=True, timeout=60
    )
    return list(yaml.safe_load_all(done.stdout))


def normal(value: Any) -> Any:
    """Return an object with its environment variables in one order, which means nothing."""
    if isinstance(value, dict):
        return {
            key: sorted(part, key=json.dumps) if key == "env" else normal(part)
            for key, part in value.items()
        }
    return [normal(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("values", MATRIX)
def test_lint(helm: Helm, values: dict[str, Any]) -> None:
    """Strictly: a warning is an error."""
    helm.run("lint", "--strict", CHART, helm.values(values))


@pytest.fixture(scope="module")
def plane(binaries: Binaries) -> Iterator[ControlPlane]:
    """An API server with the kinds, and the operator's namespace."""
    with ControlPlane(binaries) as running:
        for path in (CHART / "crds", CHART / "files/crds"):
            running.kubectl("create", "-f", str(path))
        wait_for_kinds(running, "clusterpoddiagnosers.diagnostics.local.io")
        labels = {
            f"pod-security.kubernetes.io/{what}": "restricted" for what in ("enforce", "warn")
        }
        metadata = {"name": SYSTEM, "labels": labels}
        installation.apply(
            running, [{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}]
        )
        yield running


@pytest.mark.parametrize("values", MATRIX)
def test_the_api_server_accepts_it(plane: ControlPlane, helm: Helm, values: dict[str, Any]) -> None:
    """Each object, and a Pod of each template by the restricted Pod Security Standard."""
    objects = [one for one in helm.template(**values) if not one["apiVersion"].startswith(FOREIGN)]
    accounts = [one for one in objects if one["kind"] == "ServiceAccount"]
    installation.apply(plane, accounts)
    server = ("--dry-run=server", "-f", "-")
    output = plane.kubectl("apply", "--validate=strict", *server, stdin=yaml.safe_dump_all(objects))
    assert "Warning: w" not in output  # "would violate PodSecurity"
    pods = list(pods_of(objects))
    output = plane.kubectl("create", *server, stdin=yaml.safe_dump_all(pods))
    assert output.count("created (server dry run)") == len(pods) > 1
    assert "Warning" not in output


def test_an_upgrade_keeps_credentials_and_takes_over(
    plane: ControlPlane, helm_program: Path, tmp_path: Path
) -> None:
    """What Helm created last is an object of the release afterwards, and not created anew."""
    # What is there already would not be the release's.
    delete_kinds(plane)
    plane.kubectl(
        "delete", "serviceaccount", "-n", SYSTEM, "-l", "app.kubernetes.io/instance=pod-diagnoser"
    )
    helm = Helm(helm_program, tmp_path, plane.kubeconfig)
    values = {"mode": "separate", "check": {"enabled": False}}  # no kubelet runs the check's Job
    notes = helm.run("install", RELEASE, CHART, helm.values(values))
    assert "beside the Metacontroller in the namespace metacontroller" in notes

    def stored() -> list[tuple[str, str, Any]]:
        names = ("decoratorcontrollers", "-n", SYSTEM)
        found = json.loads(plane.kubectl("get", *names, "-o", "json"))["items"]
        secrets = ("pod-diagnoser-token", "pod-diagnoser-tls")
        for name in secrets:
            found.append(
                json.loads(plane.kubectl("get", "secret", name, "-n", SYSTEM, "-o", "json"))
            )
        return [(one["metadata"]["name"], one["metadata"]["uid"], one.get("data")) for one in found]

    before = stored()
    assert len(before) == 9
    helm.run("upgrade", RELEASE, CHART, helm.values({**values, "commonLabels": {"team": "x"}}))
    assert stored() == before
    assert helm.run("get", "manifest", RELEASE).count("kind: DecoratorController\n") == 7
    helm.run("uninstall", RELEASE, "--no-hooks")
    assert json.loads(plane.kubectl("get", "decoratorcontrollers", "-o", "json"))["items"] == []
    kinds = plane.kubectl("get", "crd", "-o", "name").split()
    assert sum("diagnostics.local.io" in kind for kind in kinds) == 3


def pods_of(objects: list[Json]) -> Iterator[Json]:
    """Make a Pod of each workload's template."""
    for one in objects:
        template = one.get("spec", {}).get("template", {})
        if "containers" in template.get("spec", {}):
            metadata = {"name": one["metadata"]["name"], "namespace": SYSTEM}
            labels = template["metadata"]["labels"]
            spec = {**template["spec"], "priorityClassName": None}
            yield {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {**metadata, "labels": labels},
                "spec": spec,
            }


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"replica": 1}, "additional properties 'replica' not allowed"),
        ({"image": {"name": "x"}}, "additional properties 'name' not allowed"),
        ({"prometheusRule": {"rules": {"Nonesuch": True}}}, "'Nonesuch' not allowed"),
        ({"hooks": {"pods": {"resources": {"limit": {}}}}}, "'limit' not allowed"),
        ({"mode": "both"}, "value must be one of"),
        ({"image": {"digest": "latest"}}, "does not match pattern"),
        ({"evidence": {"logs": True}}, "need evidence.enabled"),
        ({"prometheusRule": {"enabled": True}}, "needs stateMetrics.enabled"),
        (
            {"clusterPodDiagnoser": {"enabled": False, "create": True}},
            "clusterPodDiagnoser.create needs",
        ),
        (
            {"credentials": {"certManager": {"enabled": True}, "tls": {"existingSecret": "x"}}},
            "exclude each other",
        ),
    ],
)
def test_wrong_values_are_refused(helm: Helm, values: dict[str, Any], refusal: str) -> None:
    """Before anything is installed, and with what is wrong."""
    with pytest.raises(HelmError, match=refusal):
        helm.template(**values)


def test_images_are_named_by_digest_or_tag(helm: Helm) -> None:
    """The digest goes before the tag; the tag is the chart's appVersion by default."""
    digest = f"sha256:{'0' * 64}"

    def images(**image: str) -> set[str]:
        objects = helm.template(image=image)
        (deployment,) = (one for one in objects if one["kind"] == "Deployment")
        pod = deployment["spec"]["template"]["spec"]
        return {one["image"] for one in pod["initContainers"]}

    assert images() == {"pod-diagnoser:0.1.0"}
    assert images(registry="r.example.com", tag="1") == {"r.example.com/pod-diagnoser:1"}
    assert images(repository="a/b", tag="1", digest=digest) == {f"a/b@{digest}"}


def test_another_namespace(helm: Helm) -> None:
    """Nothing names the usual one."""
    for mode in ("together", "separate"):
        objects = helm.template("--namespace=other", mode=mode)
        assert SYSTEM not in yaml.safe_dump_all(
            one for one in objects if one["kind"] != "CustomResourceDefinition"
        )


def test_each_alert_can_be_switched_off(helm: Helm) -> None:
    """The others stay."""
    (rule,) = of_kind(helm.template(**MONITORED), "PrometheusRule")
    names = {one["alert"] for group in rule["spec"]["groups"] for one in group["rules"]}
    rules = {name: name == "PodDiagnoserDown" for name in names}
    switched = {**MONITORED, "prometheusRule": {"enabled": True, "rules": rules}}
    (rule,) = of_kind(helm.template(**switched), "PrometheusRule")
    (group,) = rule["spec"]["groups"]
    assert [one["alert"] for one in group["rules"]] == ["PodDiagnoserDown"]


def test_what_prometheus_and_grafana_select_by(helm: Helm) -> None:
    """The labels are on the objects, in both modes."""
    for mode, kind in (("together", "PodMonitor"), ("separate", "ServiceMonitor")):
        objects = helm.template(
            mode=mode,
            stateMetrics={"enabled": True},
            serviceMonitor={"enabled": True, "labels": {"release": "x"}, "interval": "30s"},
            prometheusRule={"enabled": True, "labels": {"role": "y"}},
            dashboard={"enabled": True, "labels": {"board": "1"}, "annotations": {"folder": "z"}},
        )
        monitors = of_kind(objects, kind)
        assert len(monitors) == 2
        assert {one["metadata"]["labels"]["release"] for one in monitors} == {"x"}
        (rule,) = of_kind(objects, "PrometheusRule")
        assert rule["metadata"]["labels"]["role"] == "y"
        (board,) = (
            one for one in of_kind(objects, "ConfigMap") if "board" in one["metadata"]["labels"]
        )
        assert json.loads(board["data"]["pod-diagnoser.json"])["panels"]


def of_kind(objects: list[Json], kind: str) -> list[Json]:
    """Return the objects of a kind."""
    return [one for one in objects if one["kind"] == kind]


def test_the_kinds(helm: Helm) -> None:
    """They are kept unless told otherwise, and left out if told so; Metacontroller's come first."""
    keep = "helm.sh/resource-policy"
    for values, kept in (({}, "keep"), ({"crds": {"keep": False}}, None)):
        kinds = of_kind(helm.template(**values), "CustomResourceDefinition")
        assert len(kinds) == 3
        assert {(one["metadata"].get("annotations") or {}).get(keep) for one in kinds} == {kept}
    assert of_kind(helm.template(crds={"enabled": False}), "CustomResourceDefinition") == []
    everything = of_kind(helm.template("--include-crds"), "CustomResourceDefinition")
    assert len(everything) == 6


def test_beside_a_metacontroller_pods_come_last(helm: Helm) -> None:
    """At the first installation: what serves PodDiagnosers, a check of that, every Pod."""

    def created(*arguments: str, **values: Any) -> list[tuple[str, str]]:
        objects = helm.template(*arguments, mode="separate", **values)
        last = [one for one in objects if "post-install" in hooks_of(one)]
        weight = "helm.sh/hook-weight"
        last.sort(key=lambda one: int(one["metadata"]["annotations"][weight]))
        shown = ("DecoratorController", "Job")
        return [(one["kind"], one["metadata"]["name"]) for one in last if one["kind"] in shown]

    order = created()
    assert len(order) == 8
    assert order[-2:] == [
        ("Job", "pod-diagnoser-check"),
        ("DecoratorController", "pod-diagnoser-pods"),
    ]
    assert created("--is-upgrade") == []
    assert created(decoratorControllers={"order": "none"}) == []


def test_what_the_jobs_may_do(helm: Helm) -> None:
    """A removal deletes what is ours by name, and lists; a check works in its own namespace."""
    objects = helm.template(mode="separate")
    jobs = [one for one in objects if hooks_of(one)]
    (removal,) = of_kind(jobs, "ClusterRole")
    assert {
        (resource, verb, "resourceNames" in rule)
        for rule in removal["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    } == {
        ("decoratorcontrollers", "delete", True),
        ("validatingadmissionpolicybindings", "delete", True),
        ("diagnosistargets", "list", False),
        ("diagnosistargets", "delete", False),
        ("pods", "list", False),
    }
    (check,) = of_kind(jobs, "Role")
    assert check["metadata"]["namespace"] == SYSTEM
    (bound,) = of_kind(jobs, "ClusterRoleBinding")
    assert bound["roleRef"]["name"] == removal["metadata"]["name"]
    policy = "helm.sh/hook-delete-policy"
    for one in (*of_kind(jobs, "ServiceAccount"), removal, check, bound):
        assert "hook-succeeded" in one["metadata"]["annotations"][policy]


def test_the_release_is_packaged(helm: Helm, tmp_path: Path) -> None:
    """A package renders the same, wherever it is."""
    helm.run("package", CHART, "--destination", tmp_path)
    (package,) = tmp_path.glob("*.tgz")
    assert helm.run("template", RELEASE, package) == helm.run("template", RELEASE, CHART)
