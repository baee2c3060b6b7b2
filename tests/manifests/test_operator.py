"""The operator's manifests name what exists, and grant no more permissions than needed."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from pod_diagnoser.server import gunicorn_conf
from pod_diagnoser.server.app import create_app
from pod_diagnoser.server.settings import Endpoints, Settings
from tests.manifests.kustomize import (
    BASE,
    COMPONENTS,
    DEFAULT,
    KIND,
    NAMESPACE,
    PROJECT,
    SERVED_BY,
    Object,
    build,
    build_overlay,
    containers,
    load,
    matches,
    of_kind,
    render,
)

INSTALLATIONS = (BASE, DEFAULT)
WITH_KIND = (*INSTALLATIONS, KIND)
CLUSTER_WIDE = {
    "Namespace",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleBinding",
    "DecoratorController",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}
TOKENS = "pod-diagnoser-token"
ROLE = "pod-diagnoser-remediation"
CLUSTER_ROLE = "pod-diagnoser-clusterpoddiagnosers"
CLUSTER_LABEL = "diagnostics.local.io/cluster-diagnoser"
TOKEN_KEYS = ("token-a", "token-b")
"""The Secret's keys: both are valid, and Metacontroller uses one."""


def deployment(component: str, installation: str = BASE) -> Object:
    """Return one of the hook's two Deployments."""
    return of_kind(render(installation), "Deployment")[f"pod-diagnoser-{component}"]


def hook(component: str, installation: str = BASE) -> Object:
    """Return its only container."""
    (only,) = containers(deployment(component, installation))
    return only


def pod_labels(component: str) -> dict[str, str]:
    """Return the labels of its Pods."""
    labels: dict[str, str] = deployment(component)["spec"]["template"]["metadata"]["labels"]
    return labels


def environment(component: str, installation: str = BASE) -> dict[str, str]:
    """Return the variables that its container gets."""
    variables = hook(component, installation)["env"]
    assert all(set(variable) == {"name", "value"} for variable in variables)
    return {variable["name"]: variable["value"] for variable in variables}


def controllers() -> dict[str, Any]:
    """Return the DecoratorControllers' specs."""
    found = of_kind(render(BASE), "DecoratorController")
    return {name: one["spec"] for name, one in found.items()}


def controllers_by_name() -> list[Any]:
    """Return their specs in the order of `SERVED_BY`."""
    return [controllers()[f"pod-diagnoser-{name}"] for name in SERVED_BY]


def webhooks() -> list[tuple[str, str, Object]]:
    """Yield component, hook and webhook of all that Metacontroller calls."""
    found = [
        (name.removeprefix("pod-diagnoser-"), hook_name, definition["webhook"])
        for name, spec in controllers().items()
        for hook_name, definition in spec["hooks"].items()
    ]
    assert len(found) == 11
    return found


@pytest.mark.parametrize("installation", WITH_KIND)
def test_everything_is_in_our_namespace_or_in_none(installation: str) -> None:
    """Namespaced objects are in our namespace; cluster-wide ones have none."""
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
    """One ``kubectl apply -k`` of the overlay ``default`` installs the kinds and the operator."""
    whole = {(one["kind"], one["metadata"]["name"]) for one in render(INSTALLATIONS[1])}
    parts = [*render("crds"), *render(BASE)]
    assert whole == {(one["kind"], one["metadata"]["name"]) for one in parts}


@pytest.mark.parametrize("component", COMPONENTS)
def test_selectors_find_their_own_pods_and_no_others(component: str) -> None:
    """Deployment, Service and PodDisruptionBudget of a component select its Pods alone."""
    objects = render(BASE)
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
    """Metacontroller reaches the hooks, who scrapes the metrics alone; they may call nothing."""
    policies = of_kind(render(BASE), "NetworkPolicy")
    spec = policies["pod-diagnoser"]["spec"]
    for component in COMPONENTS:
        assert matches(spec["podSelector"]["matchLabels"], pod_labels(component))
        ports = [
            {"name": "https", "containerPort": 8443},
            {"name": "metrics", "containerPort": 8080},
        ]
        assert hook(component)["ports"] == ports
    assert set(spec["policyTypes"]) == {"Ingress", "Egress"}
    assert "egress" not in spec
    allowed = {"https": {"kubernetes.io/metadata.name": "metacontroller"}}
    allowed["metrics"] = {"diagnostics.local.io/scrape": "true"}
    assert spec["ingress"] == [
        {
            "from": [{"namespaceSelector": {"matchLabels": labels}}],
            "ports": [{"protocol": "TCP", "port": port}],
        }
        for port, labels in allowed.items()
    ]


def test_only_the_poddiagnosers_hook_may_call_out() -> None:
    """Only the PodDiagnosers' hook may, and only the API server's usual ports; no DNS."""
    policies = of_kind(render(BASE), "NetworkPolicy")
    assert set(policies) == {"pod-diagnoser", "pod-diagnoser-poddiagnosers"}
    spec = policies["pod-diagnoser-poddiagnosers"]["spec"]
    assert matches(spec["podSelector"]["matchLabels"], pod_labels("poddiagnosers"))
    assert not matches(spec["podSelector"]["matchLabels"], pod_labels("pods"))
    assert spec["policyTypes"] == ["Egress"]
    assert "ingress" not in spec
    (rule,) = spec["egress"]
    assert rule == {
        "ports": [{"protocol": "TCP", "port": 443}, {"protocol": "TCP", "port": 6443}],
    }


@pytest.mark.parametrize("component", COMPONENTS)
def test_service_leads_to_the_port_that_the_hook_listens_on(component: str) -> None:
    """Service, container and settings agree on the port."""
    service = of_kind(render(BASE), "Service")[f"pod-diagnoser-{component}"]
    settings = Settings.from_environment(environment(component))
    assert settings.host == "0.0.0.0"
    for number, port, container_port in zip(
        (settings.port, settings.metrics_port),
        service["spec"]["ports"],
        hook(component)["ports"],
        strict=True,
    ):
        assert port["targetPort"] == container_port["name"]
        assert port["port"] == container_port["containerPort"] == number


@pytest.mark.parametrize("component", COMPONENTS)
def test_deployment_serves_its_own_endpoints_only(component: str) -> None:
    """The hook understands each variable, and they have it serve this component's endpoints."""
    variables = environment(component)
    settings = Settings.from_environment(variables)
    assert settings.endpoints is Endpoints(component)
    assert settings.log_format == "json"
    source = (PROJECT / "hooks/pod_diagnoser/server/settings.py").read_text(encoding="utf-8")
    for name in variables:
        assert f'"{name}"' in source


@pytest.mark.parametrize(
    ("name", "hook_name"),
    [
        ("pods", "customize"),
        ("pods", "sync"),
        ("poddiagnosers", "customize"),
        ("poddiagnosers", "sync"),
        ("recall-pods", "sync"),
        ("recall-poddiagnosers", "sync"),
        ("clusterpoddiagnosers", "customize"),
        ("clusterpoddiagnosers", "sync"),
        ("clusterpoddiagnosers-targets", "customize"),
        ("clusterpoddiagnosers-targets", "sync"),
        ("recall-cluster-pods", "sync"),
    ],
)
def test_urls_lead_to_an_endpoint(name: str, hook_name: str, tmp_path: Path) -> None:
    """Each URL is a Service of ours, its port, and a path that its Deployment serves."""
    component = SERVED_BY[name]
    hooks = controllers()[f"pod-diagnoser-{name}"]["hooks"]
    url = urlsplit(hooks[hook_name]["webhook"]["url"])
    assert url.scheme == "https"
    assert url.hostname == f"pod-diagnoser-{component}.{NAMESPACE}.svc"
    service = of_kind(render(BASE), "Service")[f"pod-diagnoser-{component}"]
    assert service["metadata"]["namespace"] == NAMESPACE
    assert url.port == service["spec"]["ports"][0]["port"]
    folder = name.replace("-", "/")
    recalls = {"recall-cluster-pods": "/pods/cluster/recall"}
    path = f"/{component}/recall" if name.startswith("recall-") else f"/{folder}/{hook_name}"
    assert url.path == recalls.get(name, path)
    (tmp_path / "token-a").write_text("0123456789abcdef", encoding="ascii")
    variables = environment(component) | {"POD_DIAGNOSER_TOKEN_DIR": str(tmp_path)}
    client = create_app(Settings.from_environment(variables)).test_client()
    assert client.post(url.path, json={}).status_code == 401
    token = {"Authorization": "Bearer 0123456789abcdef"}
    # With the token, it is the body that is wrong.
    assert client.post(url.path, json={}, headers=token).status_code == 400
    (other,) = set(COMPONENTS) - {component}
    variables["POD_DIAGNOSER_ENDPOINTS"] = other
    client = create_app(Settings.from_environment(variables)).test_client()
    assert client.post(path, json={}, headers=token).status_code == 404


@pytest.mark.parametrize("name", SERVED_BY)
def test_metacontroller_shows_a_token_that_the_hook_takes(name: str) -> None:
    """A key of the Secret that is mounted, at the host of the URLs, port included."""
    component = SERVED_BY[name]
    spec = controllers()[f"pod-diagnoser-{name}"]
    (endpoint,) = spec["endpointConfigs"]
    hosts = {urlsplit(hook["webhook"]["url"]).netloc for hook in spec["hooks"].values()}
    assert hosts == {endpoint["host"]}
    authorization = endpoint["authorization"]
    assert authorization["type"] == "Bearer"
    secret = authorization["secretRef"]
    assert secret["namespace"] == NAMESPACE
    assert secret["key"] == TOKEN_KEYS[0]
    volume, _ = deployment(component)["spec"]["template"]["spec"]["volumes"]
    # All keys of it, so that the other one is known before it is used; readable for any user.
    assert volume["secret"] == {"secretName": secret["name"], "defaultMode": 0o444}
    assert secret["name"] == TOKENS
    mount, _ = hook(component)["volumeMounts"]
    assert mount == {
        "name": volume["name"],
        "mountPath": environment(component)["POD_DIAGNOSER_TOKEN_DIR"],
        "readOnly": True,
    }


@pytest.mark.parametrize("name", SERVED_BY)
def test_metacontroller_knows_the_authority_of_the_hooks_certificate(name: str) -> None:
    """Both are in one Secret, of which the hook gets what it serves with."""
    component = SERVED_BY[name]
    (endpoint,) = controllers()[f"pod-diagnoser-{name}"]["endpointConfigs"]
    _, volume = deployment(component)["spec"]["template"]["spec"]["volumes"]
    assert endpoint["caBundle"] == {
        "secretRef": {
            "namespace": NAMESPACE,
            "name": volume["secret"]["secretName"],
            "key": "ca-a.crt",
        }
    }
    assert volume["secret"]["items"] == [
        {"key": key, "path": key} for key in ("tls.crt", "tls.key")
    ]
    _, mount = hook(component)["volumeMounts"]
    assert mount == {
        "name": volume["name"],
        "mountPath": environment(component)["POD_DIAGNOSER_TLS_DIR"],
        "readOnly": True,
    }


def test_cert_manager_makes_the_certificate(tmp_path: Path) -> None:
    """The component has Metacontroller and the hook use the Secret that cert-manager fills."""
    objects = build_overlay(tmp_path, "default", "cert-manager")
    certificate = of_kind(objects, "Certificate")["pod-diagnoser"]["spec"]
    hosts = {
        urlsplit(hook["webhook"]["url"]).hostname
        for controller in of_kind(objects, "DecoratorController").values()
        for hook in controller["spec"]["hooks"].values()
    }
    assert hosts < set(certificate["dnsNames"])
    assert certificate["issuerRef"]["name"] in of_kind(objects, "Issuer")
    for controller in of_kind(objects, "DecoratorController").values():
        (endpoint,) = controller["spec"]["endpointConfigs"]
        assert endpoint["caBundle"]["secretRef"] == {
            "namespace": NAMESPACE,
            "name": certificate["secretName"],
            "key": "ca.crt",
        }
    for deployed in of_kind(objects, "Deployment").values():
        _, volume = deployed["spec"]["template"]["spec"]["volumes"]
        assert volume["secret"]["secretName"] == certificate["secretName"]


@pytest.mark.parametrize("installation", WITH_KIND)
def test_no_secret_is_in_the_manifests(installation: str) -> None:
    """Neither a token nor the place for one: an apply never touches the Secret."""
    assert "Secret" not in {one["kind"] for one in render(installation)}


def test_parents_and_attachments_are_kinds_that_exist() -> None:
    """One controller for Pods; one for PodDiagnosers, which makes their DiagnosisTargets."""
    assert set(controllers()) == {f"pod-diagnoser-{name}" for name in SERVED_BY}
    pods, diagnosers, recall_pods, recall_diagnosers, *_ = controllers_by_name()
    assert pods["resources"] == [{"apiVersion": "v1", "resource": "pods"}]
    assert "attachments" not in pods
    (parent,), (attachment,) = diagnosers["resources"], diagnosers["attachments"]
    assert attachment["updateStrategy"] == {"method": "InPlace"}
    for recalling in (recall_pods, recall_diagnosers):
        assert "attachments" not in recalling
    cluster_kind = {"apiVersion": "diagnostics.local.io/v1", "resource": "clusterpoddiagnosers"}
    assert recall_diagnosers["resources"] == [*diagnosers["resources"], cluster_kind]
    kind = {name: attachment[name] for name in ("apiVersion", "resource")}
    selector = {"matchExpressions": [{"key": CLUSTER_LABEL, "operator": "DoesNotExist"}]}
    assert recall_pods["resources"] == [{**kind, "labelSelector": selector}]
    for rule in (parent, attachment):
        spec = load(f"crds/{rule['resource']}.yaml")["spec"]
        assert rule["apiVersion"] == f"{spec['group']}/{spec['versions'][0]['name']}"
        assert rule["resource"] == spec["names"]["plural"]


def test_clusterpoddiagnosers_are_published_apart_from_their_status() -> None:
    """A sync that reports lists no attachment; one that publishes follows no status, and no Pod."""
    *_, reporting, publishing, recalling = controllers_by_name()
    kind = {"apiVersion": "diagnostics.local.io/v1", "resource": "clusterpoddiagnosers"}
    assert reporting["resources"] == [kind]
    assert "attachments" not in reporting
    assert publishing["resources"] == [{**kind, "ignoreStatusChanges": True}]
    assert publishing["attachments"] == controllers()["pod-diagnoser-poddiagnosers"]["attachments"]
    assert recalling["resources"] == [kind], "it has thousands of DiagnosisTargets"


def test_hooks_are_read_strictly_and_in_time() -> None:
    """Version 2, one second for customize, ten for sync."""
    for spec in controllers().values():
        assert {hook["version"] for hook in spec["hooks"].values()} == {"v2"}
    assert {(name, webhook["timeout"]) for _, name, webhook in webhooks()} == {
        ("customize", "1s"),
        ("sync", "10s"),
    }
    for _, _, webhook in webhooks():
        assert set(webhook) == {"url", "timeout"}


def test_no_finalizer_is_ever_put_on_anything() -> None:
    """A finalize hook would leave a finalizer on every Pod of the cluster."""
    for name, spec in controllers().items():
        related = set() if "-recall-" in name else {"customize"}
        assert set(spec["hooks"]) == {"sync"} | related


def test_only_our_own_kinds_are_looked_at_periodically() -> None:
    """No controller resyncs every Pod of the cluster at an interval."""
    pods, diagnosers, recall_pods, recall_diagnosers, reporting, publishing, recall_cluster = (
        controllers_by_name()
    )
    recalling = (recall_pods, recall_diagnosers, recall_cluster)
    assert "resyncPeriodSeconds" not in pods
    for spec in (diagnosers, reporting, publishing):
        assert 30 <= spec["resyncPeriodSeconds"] <= 300
    for spec in recalling:  # of a small request, and how long an outage lasts on
        assert spec["resyncPeriodSeconds"] == 3
    for spec in (pods, diagnosers, reporting, *recalling):
        for resource in spec["resources"]:
            assert "ignoreStatusChanges" not in resource


@pytest.mark.parametrize("installation", WITH_KIND)
@pytest.mark.parametrize("component", COMPONENTS)
def test_pods_meet_the_restricted_standard(component: str, installation: str) -> None:
    """Pod Security's level "restricted", which the namespace enforces, and a read-only root."""
    pod = deployment(component, installation)["spec"]["template"]["spec"]
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers"}
    assert {tuple(sorted(volume)) for volume in pod["volumes"]} == {("name", "secret")}
    assert hook(component, installation)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    namespace = of_kind(render(installation), "Namespace")[NAMESPACE]["metadata"]["labels"]
    assert namespace["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("installation", WITH_KIND)
@pytest.mark.parametrize("component", COMPONENTS)
def test_each_hook_has_an_identity_of_its_own(component: str, installation: str) -> None:
    """The ServiceAccount's token is mounted for the PodDiagnosers' hook, and nowhere else."""
    objects = render(installation)
    pod = deployment(component, installation)["spec"]["template"]["spec"]
    account = of_kind(objects, "ServiceAccount")[pod["serviceAccountName"]]
    assert account["metadata"]["name"] == f"pod-diagnoser-{component}"
    assert account["automountServiceAccountToken"] is False
    assert pod["automountServiceAccountToken"] is (component == "poddiagnosers")


@pytest.mark.parametrize("installation", WITH_KIND)
def test_only_the_poddiagnosers_hook_may_do_anything(installation: str) -> None:
    """Two roles, bound to one ServiceAccount; what they allow is all that remediation takes."""
    objects = render(installation)
    assert not {"RoleBinding", "Role"} & {one["kind"] for one in objects}
    bindings = of_kind(objects, "ClusterRoleBinding")
    assert set(bindings) == {ROLE, CLUSTER_ROLE}
    for name, binding in bindings.items():
        assert binding["subjects"] == [
            {
                "kind": "ServiceAccount",
                "name": "pod-diagnoser-poddiagnosers",
                "namespace": NAMESPACE,
            }
        ]
        assert binding["roleRef"] == {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": name,
        }
    roles = of_kind(objects, "ClusterRole")
    rules = [*roles[ROLE]["rules"], *roles[CLUSTER_ROLE]["rules"]]
    granted = {
        (group, resource): set(rule["verbs"])
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert granted == {
        ("diagnostics.local.io", "poddiagnosers"): {"get"},
        ("diagnostics.local.io", "clusterpoddiagnosers"): {"get"},
        ("", "namespaces"): {"get"},
        ("", "pods"): {"get", "delete"},
        ("", "pods/eviction"): {"create"},
        ("", "events"): {"create"},
    }


def test_chosen_namespaces_are_chosen_by_rolebindings(tmp_path: Path) -> None:
    """The component takes the binding for all namespaces away, and nothing else."""
    names = {(one["kind"], one["metadata"]["name"]) for one in render(INSTALLATIONS[1])}
    chosen = build_overlay(tmp_path, "default", "chosen-namespaces")
    left = {(one["kind"], one["metadata"]["name"]) for one in chosen}
    assert names - left == {("ClusterRoleBinding", ROLE)}
    assert not left - names
    readme = (PROJECT / "metacontroller/README.md").read_text(encoding="utf-8")
    assert f"--clusterrole={ROLE}" in readme
    assert f"--serviceaccount={NAMESPACE}:pod-diagnoser-poddiagnosers" in readme


@pytest.mark.parametrize("with_others", [(), ("chosen-namespaces",), ("without-token",)])
def test_state_metrics_take_one_verb(with_others: tuple[str, ...], tmp_path: Path) -> None:
    """A role of one rule for the PodDiagnosers' hook, and its binding; nothing else changes."""
    objects = build_overlay(tmp_path, "default", *with_others, "state-metrics")
    without = build_overlay(tmp_path, "default", *with_others) if with_others else render(DEFAULT)
    role = of_kind(objects, "ClusterRole")["pod-diagnoser-state"]
    assert role["rules"] == [
        {
            "apiGroups": ["diagnostics.local.io"],
            "resources": ["poddiagnosers", "clusterpoddiagnosers"],
            "verbs": ["list"],
        }
    ]
    binding = of_kind(objects, "ClusterRoleBinding")["pod-diagnoser-state"]
    (subject,) = binding["subjects"]
    assert subject["name"] == "pod-diagnoser-poddiagnosers"
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    added = [one for one in objects if one not in list(without)]
    assert [one["metadata"]["name"] for one in added] == ["pod-diagnoser-state"] * 2
    assert len(objects) == len(without) + 2
    assert {one["metadata"]["labels"]["app.kubernetes.io/part-of"] for one in added} == {
        "pod-diagnoser"
    }


def test_without_token_nothing_asks_for_the_secret(tmp_path: Path) -> None:
    """The component sets POD_DIAGNOSER_UNAUTHENTICATED, and removes the Secret everywhere."""
    objects = build_overlay(tmp_path, "default", "without-token")
    assert TOKENS not in yaml.safe_dump_all(objects)
    for controller in of_kind(objects, "DecoratorController").values():
        (endpoint,) = controller["spec"]["endpointConfigs"]
        assert set(endpoint) == {"host", "caBundle"}
        assert endpoint["caBundle"] == {
            "configMapRef": {"namespace": NAMESPACE, "name": "pod-diagnoser-ca", "key": "ca-a.crt"}
        }
    for deployed in of_kind(objects, "Deployment").values():
        (container,) = containers(deployed)
        variables = {variable["name"]: variable["value"] for variable in container["env"]}
        settings = Settings.from_environment(variables)
        assert settings.token_folder is None
        assert settings.host == "0.0.0.0"
        assert [mount["name"] for mount in container["volumeMounts"]] == ["tls"]
        volumes = deployed["spec"]["template"]["spec"]["volumes"]
        assert [volume["name"] for volume in volumes] == ["tls"]


@pytest.mark.parametrize("component", COMPONENTS)
def test_environment_holds_no_addresses_of_other_services(component: str) -> None:
    """A Service called pod-diagnoser would otherwise set POD_DIAGNOSER_PORT, which is ours."""
    assert deployment(component)["spec"]["template"]["spec"]["enableServiceLinks"] is False


@pytest.mark.parametrize("component", COMPONENTS)
def test_probes_ask_what_the_hook_serves(component: str) -> None:
    """Startup and liveness ask /healthz, readiness /readyz, on the container's named port."""
    client = create_app(Settings.from_environment(environment(component))).test_client()
    container = hook(component)
    _, port = container["ports"]
    assert port["name"] == "metrics"
    paths = {}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        request = container[probe]["httpGet"]
        assert request["port"] == port["name"]
        own_port = {"SERVER_PORT": str(port["containerPort"])}
        assert client.get(request["path"], environ_overrides=own_port).status_code == 200
        paths[probe] = request["path"]
    assert paths == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }


@pytest.mark.parametrize("component", COMPONENTS)
def test_stopping_leaves_time_for_every_answer(component: str) -> None:
    """The grace period covers the preStop wait and Metacontroller's longest request."""
    pod = deployment(component)["spec"]["template"]["spec"]
    wait = hook(component)["lifecycle"]["preStop"]["sleep"]["seconds"]
    longest = max(int(webhook["timeout"].removesuffix("s")) for _, _, webhook in webhooks())
    assert 5 <= wait <= 10
    assert gunicorn_conf.graceful_timeout > longest
    assert pod["terminationGracePeriodSeconds"] > wait + gunicorn_conf.graceful_timeout


@pytest.mark.parametrize("component", COMPONENTS)
def test_resources_are_asked_for_and_memory_is_limited(component: str) -> None:
    """Requests and a memory limit; no limit on CPU, which would delay answers."""
    resources = hook(component)["resources"]
    assert set(resources["requests"]) == {"cpu", "memory"}
    assert set(resources["limits"]) == {"memory"}


@pytest.mark.parametrize("component", COMPONENTS)
def test_memory_at_rest_is_asked_for(component: str) -> None:
    """71 MiB were measured. Who uses more than was asked for is evicted among the first."""
    size = re.fullmatch(r"(\d+)Mi", hook(component)["resources"]["requests"]["memory"])
    assert size
    assert int(size[1]) > 80


def test_memory_is_enough_for_the_largest_bodies() -> None:
    """The diagnosers' limit holds all bodies that are let in at once several times over."""
    size = re.fullmatch(r"(\d+)Gi", hook("poddiagnosers")["resources"]["limits"]["memory"])
    assert size
    settings = Settings.from_environment(environment("poddiagnosers"))
    assert int(size[1]) * 1024**3 >= 5 * settings.max_bodies


@pytest.mark.parametrize("component", COMPONENTS)
def test_one_replica_may_fail(component: str) -> None:
    """Two replicas, on different nodes if possible, never both evicted at once."""
    spec = deployment(component)["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    spread = spec["template"]["spec"]["topologySpreadConstraints"]
    assert [constraint["topologyKey"] for constraint in spread] == ["kubernetes.io/hostname"]
    budget = of_kind(render(BASE), "PodDisruptionBudget")
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
    base = PROJECT / "metacontroller" / "pod-diagnoser" / "base"
    kustomization = load("metacontroller/pod-diagnoser/base/kustomization.yaml")
    patches = [patch["path"] for patch in kustomization["patches"]]
    files = {path.name for path in base.iterdir()} - {"kustomization.yaml"}
    assert files == {*kustomization["resources"], *patches}
    for name in kustomization["resources"]:
        (document,) = yaml.safe_load_all((base / name).read_text(encoding="utf-8"))
        assert document["kind"].lower() == name.removesuffix(".yaml").split("-")[0]


def test_only_the_named_metacontroller_writes_diagnosis_targets(tmp_path: Path) -> None:
    """The policy holds for all its writes; README's patch names another ServiceAccount."""
    policy = of_kind(render(BASE), "ValidatingAdmissionPolicy")["pod-diagnoser-targets"]["spec"]
    (binding,) = of_kind(render(BASE), "ValidatingAdmissionPolicyBinding").values()
    assert binding["spec"] == {
        "policyName": "pod-diagnoser-targets",
        "validationActions": ["Deny"],
    }
    assert policy["failurePolicy"] == "Fail"
    (rule,) = policy["matchConstraints"]["resourceRules"]
    assert rule["operations"] == ["CREATE", "UPDATE", "DELETE"]
    assert "matchConditions" not in policy

    readme = (PROJECT / "metacontroller/README.md").read_text(encoding="utf-8")
    (block,) = (
        text
        for text in re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
        if "ValidatingAdmissionPolicy" in text
    )
    (tmp_path / "base").mkdir()
    build_overlay(tmp_path / "base", "default")
    own = {"resources": ["base"], **yaml.safe_load(block)}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(own), encoding="utf-8")
    changed = of_kind(build(tmp_path), "ValidatingAdmissionPolicy")["pod-diagnoser-targets"]
    variables = {one["name"]: one["expression"] for one in changed["spec"]["variables"]}
    assert variables["metacontroller"] == "'system:serviceaccount:operators:metacontroller'"
    before = {one["name"]: one["expression"] for one in policy["variables"]}
    assert before.pop("metacontroller") == "'system:serviceaccount:metacontroller:metacontroller'"
    assert before.items() < variables.items()
