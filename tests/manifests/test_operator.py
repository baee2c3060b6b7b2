"""The operator's manifests: everything that is named exists, and nothing may more than it must."""

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from pod_diagnoser import gunicorn_conf
from pod_diagnoser.app import create_app
from pod_diagnoser.settings import Endpoints, Settings
from tests.manifests.kustomize import (
    COMPONENTS,
    NAMESPACE,
    PROJECT,
    Object,
    containers,
    load,
    matches,
    of_kind,
    render,
)

INSTALLATIONS = ("metacontroller/base", "metacontroller/overlays/default")
WITH_KIND = (*INSTALLATIONS, "metacontroller/overlays/kind")
CLUSTER_WIDE = {"Namespace", "CustomResourceDefinition", "ClusterRole", "DecoratorController"}


def deployment(component: str, installation: str = "metacontroller/base") -> Object:
    """One of the hook's two Deployments."""
    return of_kind(render(installation), "Deployment")[f"pod-diagnoser-{component}"]


def hook(component: str, installation: str = "metacontroller/base") -> Object:
    """Its only container."""
    (only,) = containers(deployment(component, installation))
    return only


def pod_labels(component: str) -> dict[str, str]:
    """The labels of its Pods."""
    labels: dict[str, str] = deployment(component)["spec"]["template"]["metadata"]["labels"]
    return labels


def environment(component: str, installation: str = "metacontroller/base") -> dict[str, str]:
    """The variables that its container gets."""
    variables = hook(component, installation)["env"]
    assert all(set(variable) == {"name", "value"} for variable in variables)
    return {variable["name"]: variable["value"] for variable in variables}


def controllers() -> dict[str, Any]:
    """The DecoratorControllers' specs."""
    found = of_kind(render("metacontroller/base"), "DecoratorController")
    return {name: one["spec"] for name, one in found.items()}


def webhooks() -> list[tuple[str, str, Object]]:
    """Component, hook and webhook of all that Metacontroller calls."""
    found = [
        (name.removeprefix("pod-diagnoser-"), hook_name, definition["webhook"])
        for name, spec in controllers().items()
        for hook_name, definition in spec["hooks"].items()
    ]
    assert len(found) == 4
    return found


@pytest.mark.parametrize("installation", WITH_KIND)
def test_everything_is_in_our_namespace_or_in_none(installation: str) -> None:
    """What has a namespace has ours, and what belongs to the cluster has none."""
    objects = render(installation)
    assert NAMESPACE in of_kind(objects, "Namespace")
    for one in objects:
        expected = None if one["kind"] in CLUSTER_WIDE else NAMESPACE
        assert one["metadata"].get("namespace") == expected, one["metadata"]["name"]


@pytest.mark.parametrize("installation", WITH_KIND)
def test_nothing_is_there_twice(installation: str) -> None:
    """One object of each kind and name."""
    names = [(one["kind"], one["metadata"]["name"]) for one in render(installation)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("installation", WITH_KIND)
def test_everything_carries_our_labels(installation: str) -> None:
    """``kubectl get -l app.kubernetes.io/part-of=pod-diagnoser`` finds all of it."""
    for one in render(installation):
        labels = one["metadata"]["labels"]
        assert labels["app.kubernetes.io/part-of"] == "pod-diagnoser", one["metadata"]["name"]
        assert labels["app.kubernetes.io/name"] == "pod-diagnoser", one["metadata"]["name"]


def test_default_is_the_kinds_and_the_base() -> None:
    """``kubectl apply -k metacontroller/overlays/default`` installs everything of ours."""
    whole = {(one["kind"], one["metadata"]["name"]) for one in render(INSTALLATIONS[1])}
    parts = [*render("crds"), *render("metacontroller/base")]
    assert whole == {(one["kind"], one["metadata"]["name"]) for one in parts}


@pytest.mark.parametrize("component", COMPONENTS)
def test_selectors_find_their_own_pods_and_no_others(component: str) -> None:
    """Deployment, Service and PodDisruptionBudget of a component select its Pods alone."""
    objects = render("metacontroller/base")
    name = f"pod-diagnoser-{component}"
    (other,) = set(COMPONENTS) - {component}
    spread = deployment(component)["spec"]["template"]["spec"]["topologySpreadConstraints"]
    selectors = [
        deployment(component)["spec"]["selector"]["matchLabels"],
        of_kind(objects, "Service")[name]["spec"]["selector"],
        of_kind(objects, "PodDisruptionBudget")[name]["spec"]["selector"]["matchLabels"],
        *(constraint["labelSelector"]["matchLabels"] for constraint in spread),
    ]
    assert len(selectors) == 4
    for selector in selectors:
        assert matches(selector, pod_labels(component))
        assert not matches(selector, pod_labels(other))


def test_network_policy_covers_both_and_lets_only_callers_in() -> None:
    """Both Deployments' Pods take what Metacontroller sends, on the hook's port; none sends."""
    (policy,) = of_kind(render("metacontroller/base"), "NetworkPolicy").values()
    spec = policy["spec"]
    for component in COMPONENTS:
        assert matches(spec["podSelector"]["matchLabels"], pod_labels(component))
        assert {"name": "http", "containerPort": 8080} in hook(component)["ports"]
    assert set(spec["policyTypes"]) == {"Ingress", "Egress"}
    assert "egress" not in spec
    (rule,) = spec["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": "http"}]
    allowed = [source["namespaceSelector"]["matchLabels"] for source in rule["from"]]
    assert allowed == [
        {"kubernetes.io/metadata.name": "metacontroller"},
        {"diagnostics.local.io/scrape": "true"},
    ]


@pytest.mark.parametrize("component", COMPONENTS)
def test_service_leads_to_the_port_that_the_hook_listens_on(component: str) -> None:
    """Service, container and settings agree on the port."""
    service = of_kind(render("metacontroller/base"), "Service")[f"pod-diagnoser-{component}"]
    (port,) = service["spec"]["ports"]
    (container_port,) = hook(component)["ports"]
    assert port["targetPort"] == container_port["name"]
    settings = Settings.from_environment(environment(component))
    assert settings.port == container_port["containerPort"]
    assert settings.host == "0.0.0.0"


@pytest.mark.parametrize("component", COMPONENTS)
def test_deployment_serves_its_own_endpoints_only(component: str) -> None:
    """The hook understands each variable, and they have it serve this component's endpoints."""
    variables = environment(component)
    settings = Settings.from_environment(variables)
    assert settings.endpoints is Endpoints(component)
    assert settings.log_format == "json"
    source = (PROJECT / "hooks/pod_diagnoser/settings.py").read_text(encoding="utf-8")
    for name in variables:
        assert f'"{name}"' in source


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("hook_name", ["customize", "sync"])
def test_urls_lead_to_an_endpoint(component: str, hook_name: str) -> None:
    """Each URL is a Service of ours, its port, and a path that its Deployment serves."""
    hooks = controllers()[f"pod-diagnoser-{component}"]["hooks"]
    url = urlsplit(hooks[hook_name]["webhook"]["url"])
    assert url.scheme == "http"
    assert url.hostname == f"pod-diagnoser-{component}.{NAMESPACE}.svc"
    service = of_kind(render("metacontroller/base"), "Service")[f"pod-diagnoser-{component}"]
    assert service["metadata"]["namespace"] == NAMESPACE
    assert [url.port] == [port["port"] for port in service["spec"]["ports"]]
    assert url.path == f"/{component}/{hook_name}"
    client = create_app(Settings.from_environment(environment(component))).test_client()
    assert client.post(url.path, json={}).status_code == 400  # it is the body that is wrong
    (other,) = set(COMPONENTS) - {component}
    assert client.post(f"/{other}/{hook_name}", json={}).status_code == 404


def test_parents_and_attachments_are_kinds_that_exist() -> None:
    """One controller for Pods; one for PodDiagnosers, which makes their DiagnosisTargets."""
    assert set(controllers()) == {"pod-diagnoser-pods", "pod-diagnoser-poddiagnosers"}
    pods, diagnosers = (controllers()[f"pod-diagnoser-{name}"] for name in COMPONENTS)
    assert pods["resources"] == [{"apiVersion": "v1", "resource": "pods"}]
    assert "attachments" not in pods
    (parent,), (attachment,) = diagnosers["resources"], diagnosers["attachments"]
    assert attachment["updateStrategy"] == {"method": "InPlace"}
    for rule in (parent, attachment):
        spec = load(f"crds/{rule['resource']}.yaml")["spec"]
        assert rule["apiVersion"] == f"{spec['group']}/{spec['versions'][0]['name']}"
        assert rule["resource"] == spec["names"]["plural"]


def test_hooks_are_read_strictly_and_in_time() -> None:
    """Version 2, one second for customize, ten for sync."""
    for spec in controllers().values():
        assert {name: hook["version"] for name, hook in spec["hooks"].items()} == {
            "customize": "v2",
            "sync": "v2",
        }
    assert {(name, webhook["timeout"]) for _, name, webhook in webhooks()} == {
        ("customize", "1s"),
        ("sync", "10s"),
    }
    for _, _, webhook in webhooks():
        assert set(webhook) == {"url", "timeout"}


def test_no_finalizer_is_ever_put_on_anything() -> None:
    """A finalize hook would leave a finalizer on every Pod of the cluster."""
    for spec in controllers().values():
        assert set(spec["hooks"]) == {"customize", "sync"}


def test_only_poddiagnosers_are_looked_at_periodically() -> None:
    """Every Pod of the cluster every minute would be the operator's main work."""
    pods, diagnosers = (controllers()[f"pod-diagnoser-{name}"] for name in COMPONENTS)
    assert "resyncPeriodSeconds" not in pods
    assert 30 <= diagnosers["resyncPeriodSeconds"] <= 300
    for spec in (pods, diagnosers):
        for resource in spec["resources"]:
            assert "ignoreStatusChanges" not in resource


@pytest.mark.parametrize("installation", WITH_KIND)
@pytest.mark.parametrize("component", COMPONENTS)
def test_pods_meet_the_restricted_standard(component: str, installation: str) -> None:
    """Pod Security's level "restricted", which the namespace enforces, and a read-only root."""
    pod = deployment(component, installation)["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC", "volumes", "initContainers"}
    assert hook(component, installation)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    namespace = of_kind(render(installation), "Namespace")[NAMESPACE]["metadata"]["labels"]
    assert namespace["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("installation", WITH_KIND)
@pytest.mark.parametrize("component", COMPONENTS)
def test_hook_has_an_identity_without_any_right(component: str, installation: str) -> None:
    """A ServiceAccount of its own, whose token is mounted nowhere and which no role is bound to."""
    objects = render(installation)
    pod = deployment(component, installation)["spec"]["template"]["spec"]
    account = of_kind(objects, "ServiceAccount")[pod["serviceAccountName"]]
    assert account["metadata"]["name"] == f"pod-diagnoser-{component}"
    assert account["automountServiceAccountToken"] is False
    assert pod["automountServiceAccountToken"] is False
    assert not {"RoleBinding", "ClusterRoleBinding", "Role"} & {one["kind"] for one in objects}


@pytest.mark.parametrize("component", COMPONENTS)
def test_environment_holds_no_addresses_of_other_services(component: str) -> None:
    """A Service called pod-diagnoser would otherwise set POD_DIAGNOSER_PORT, which is ours."""
    assert deployment(component)["spec"]["template"]["spec"]["enableServiceLinks"] is False


@pytest.mark.parametrize("component", COMPONENTS)
def test_probes_ask_what_the_hook_serves(component: str) -> None:
    """Start and life are /healthz, readiness is /readyz, on the port that the container names."""
    client = create_app(Settings.from_environment(environment(component))).test_client()
    container = hook(component)
    (port,) = container["ports"]
    paths = {}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        request = container[probe]["httpGet"]
        assert request["port"] == port["name"]
        assert client.get(request["path"]).status_code == 200
        paths[probe] = request["path"]
    assert paths == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }


@pytest.mark.parametrize("component", COMPONENTS)
def test_stopping_leaves_time_for_every_answer(component: str) -> None:
    """First the wait, then the graceful stop, which outlasts Metacontroller's patience."""
    pod = deployment(component)["spec"]["template"]["spec"]
    wait = hook(component)["lifecycle"]["preStop"]["sleep"]["seconds"]
    longest = max(int(webhook["timeout"].removesuffix("s")) for _, _, webhook in webhooks())
    assert 5 <= wait <= 10
    assert gunicorn_conf.graceful_timeout > longest
    assert pod["terminationGracePeriodSeconds"] > wait + gunicorn_conf.graceful_timeout


@pytest.mark.parametrize("component", COMPONENTS)
def test_resources_are_asked_for_and_memory_is_limited(component: str) -> None:
    """Requests and a memory limit; no limit on CPU, which would hold up answers."""
    resources = hook(component)["resources"]
    assert set(resources["requests"]) == {"cpu", "memory"}
    assert set(resources["limits"]) == {"memory"}


def test_memory_is_enough_for_the_largest_bodies() -> None:
    """The diagnosers' limit holds all bodies that are let in at once several times over."""
    size = re.fullmatch(r"(\d+)Gi", hook("poddiagnosers")["resources"]["limits"]["memory"])
    assert size
    settings = Settings.from_environment(environment("poddiagnosers"))
    assert int(size[1]) * 1024**3 >= 5 * settings.max_bodies


@pytest.mark.parametrize("component", COMPONENTS)
def test_one_replica_may_fail(component: str) -> None:
    """Two replicas, apart from each other, and never both taken away on purpose."""
    spec = deployment(component)["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    spread = spec["template"]["spec"]["topologySpreadConstraints"]
    assert [constraint["topologyKey"] for constraint in spread] == ["kubernetes.io/hostname"]
    budget = of_kind(render("metacontroller/base"), "PodDisruptionBudget")
    assert budget[f"pod-diagnoser-{component}"]["spec"]["maxUnavailable"] == 1


def test_both_deployments_run_one_image_of_this_version() -> None:
    """The tag is the project's version."""
    project = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.+)"$', project, re.MULTILINE)
    assert version
    images = {hook(component)["image"] for component in COMPONENTS}
    assert images == {f"pod-diagnoser:{version[1]}"}


def test_each_file_of_the_base_is_used() -> None:
    """One resource a file, and none that is forgotten in the kustomization."""
    base = PROJECT / "metacontroller" / "base"
    kustomization = load("metacontroller/base/kustomization.yaml")
    patches = [patch["path"] for patch in kustomization["patches"]]
    files = {path.name for path in base.iterdir()} - {"kustomization.yaml"}
    assert files == {*kustomization["resources"], *patches}
    for name in kustomization["resources"]:
        (document,) = yaml.safe_load_all((base / name).read_text(encoding="utf-8"))
        assert document["kind"].lower() == name.removesuffix(".yaml").split("-")[0]
