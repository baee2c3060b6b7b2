"""Everything in one Pod: ``overlays/together``."""

from urllib.parse import urlsplit

import pytest
import yaml

from pod_diagnoser.server.app import create_app
from pod_diagnoser.server.settings import Endpoints, Settings
from tests.manifests.kustomize import (
    COMPONENTS,
    DEFAULT,
    PROJECT,
    SERVED_BY,
    Object,
    containers,
    load,
    of_kind,
    render,
)

TOGETHER = "metacontroller/pod-diagnoser/overlays/together"
WITH_EVIDENCE = "metacontroller/pod-diagnoser/overlays/together-evidence"
ACCOUNT = "pod-diagnoser"
MOUNTED_AT = "/var/run/secrets/kubernetes.io/serviceaccount"


def pod(overlay: str = TOGETHER) -> Object:
    """Return the spec of the one Pod."""
    (deployment,) = of_kind(render(overlay), "Deployment").values()
    spec: Object = deployment["spec"]["template"]["spec"]
    return spec


def hook(component: str, overlay: str = TOGETHER) -> Object:
    """Return the container of a hook."""
    found: Object = {one["name"]: one for one in pod(overlay)["initContainers"]}[
        f"hook-{component}"
    ]
    return found


def settings(component: str, overlay: str = TOGETHER) -> Settings:
    """Return what the hook makes of its variables."""
    return Settings.from_environment(
        {each["name"]: each["value"] for each in hook(component, overlay)["env"]}
    )


@pytest.mark.parametrize("component", COMPONENTS)
def test_hooks_are_sidecars_that_only_this_pod_reaches(component: str) -> None:
    """They are ready before Metacontroller starts, and listen on 127.0.0.1 without credentials."""
    container = hook(component)
    assert container["restartPolicy"] == "Always"
    assert container["startupProbe"]["httpGet"]["path"] == "/healthz"
    found = settings(component)
    assert (found.host, found.tls_folder, found.token_folder) == ("127.0.0.1", None, None)
    assert found.endpoints is Endpoints(component)
    assert found.metrics_host == "0.0.0.0"
    assert [port["containerPort"] for port in container["ports"]] == [found.metrics_port]
    separate = of_kind(render(DEFAULT), "Deployment")[f"pod-diagnoser-{component}"]
    (before,) = containers(separate)
    assert container["resources"] == before["resources"]
    assert container["image"] == before["image"]


def test_ports_differ() -> None:
    """The containers of a Pod share its ports."""
    ports = [port["containerPort"] for one in containers_of(pod()) for port in one["ports"]]
    ports += [settings(component).port for component in COMPONENTS]
    assert len(set(ports)) == len(ports)
    names = [port["name"] for one in containers_of(pod()) for port in one["ports"]]
    (policy,) = of_kind(render(TOGETHER), "NetworkPolicy").values()
    (rule,) = policy["spec"]["ingress"]
    assert {port["port"] for port in rule["ports"]} <= set(names)


def containers_of(spec: Object) -> list[Object]:
    """Return all three containers."""
    return [*spec["initContainers"], *spec["containers"]]


@pytest.mark.parametrize("name", SERVED_BY)
def test_urls_lead_to_the_sidecars(name: str) -> None:
    """Each URL is a port and a path that one of them serves; nothing else names an endpoint."""
    component = SERVED_BY[name]
    spec = of_kind(render(TOGETHER), "DecoratorController")[f"pod-diagnoser-{name}"]["spec"]
    assert "endpointConfigs" not in spec
    client = create_app(settings(component)).test_client()
    separate = of_kind(render(DEFAULT), "DecoratorController")[f"pod-diagnoser-{name}"]["spec"]
    for kind, each in spec["hooks"].items():
        url = urlsplit(each["webhook"]["url"])
        assert (url.scheme, url.netloc) == ("http", f"127.0.0.1:{settings(component).port}")
        assert url.path == urlsplit(separate["hooks"][kind]["webhook"]["url"]).path
        # It is served: the body is what is wrong.
        port = {"SERVER_PORT": str(url.port)}
        assert client.post(url.path, json={}, environ_overrides=port).status_code == 400
    assert spec["resources"] == separate["resources"]


def test_nothing_asks_for_a_secret() -> None:
    """Nor is there anything left of hooks in Pods of their own."""
    objects = render(TOGETHER)
    assert "secret" not in yaml.safe_dump(pod()).lower().replace("secrets/kubernetes.io", "")
    assert {"Service", "Secret"} & {one["kind"] for one in objects} == set()
    for kind in ("Deployment", "ServiceAccount", "PodDisruptionBudget"):
        assert list(of_kind(objects, kind)) == [ACCOUNT]


@pytest.mark.parametrize(
    ("overlay", "expected"),
    [
        (TOGETHER, ["hook-poddiagnosers", "metacontroller"]),
        (WITH_EVIDENCE, ["hook-pods", "hook-poddiagnosers", "metacontroller"]),
    ],
)
def test_who_has_the_service_accounts_token(overlay: str, expected: list[str]) -> None:
    """What every Pod goes through has none, unless it reads Events."""
    spec = pod(overlay)
    assert spec["automountServiceAccountToken"] is False
    (account,) = of_kind(render(overlay), "ServiceAccount").values()
    assert account["automountServiceAccountToken"] is False
    mounted = [
        one["name"]
        for one in containers_of(spec)
        if any(mount["mountPath"] == MOUNTED_AT for mount in one.get("volumeMounts", []))
    ]
    assert mounted == expected
    assert settings("pods", overlay).evidence is (True if overlay == WITH_EVIDENCE else None)


def test_metacontroller_runs_our_controllers_alone() -> None:
    """By a label that they have; as in the other overlays otherwise; one of two replicas leads."""
    (container,) = pod()["containers"]
    flags = dict(each.removeprefix("--").partition("=")[::2] for each in container["args"])
    key, value = flags["target-label-selector"].split("=")
    for controller in of_kind(render(TOGETHER), "DecoratorController").values():
        assert controller["metadata"]["labels"][key] == value
    component = load("metacontroller/upstream/components/flags/kustomization.yaml")
    usual = [
        operation["value"]
        for patch in component["patches"]
        for operation in yaml.safe_load(patch["patch"])
        if operation["path"].endswith("/args/-")
    ]
    assert set(usual) < set(container["args"])
    (deployment,) = of_kind(render(TOGETHER), "Deployment").values()
    assert deployment["spec"]["replicas"] == 2
    assert "leader-election" in flags
    rules = of_kind(render(TOGETHER), "Role")["pod-diagnoser-leader"]["rules"]
    assert rules[1]["resourceNames"] == [flags["leader-election-id"]]
    released = (PROJECT / "metacontroller/upstream/download.sh").read_text(encoding="utf-8")
    assert f"version={container['image'].partition(':')[2]}\n" in released


def test_rights_are_those_of_both() -> None:
    """Metacontroller's without Secrets, and what remediation takes, for one ServiceAccount."""
    objects = render(TOGETHER)
    roles = of_kind(objects, "ClusterRole")
    (operation,) = yaml.safe_load(
        (PROJECT / "metacontroller/upstream/components/rbac/clusterrole.yaml").read_text()
    )
    usual = [rule for rule in operation["value"] if rule["resources"] != ["secrets"]]
    assert roles["pod-diagnoser-metacontroller"]["rules"] == usual
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": "pod-diagnoser-system"}
    bindings = of_kind(objects, "ClusterRoleBinding")
    assert set(bindings) == {
        "pod-diagnoser-metacontroller",
        "pod-diagnoser-remediation",
        "pod-diagnoser-clusterpoddiagnosers",
    }
    for binding in (*bindings.values(), *of_kind(objects, "RoleBinding").values()):
        assert binding["subjects"] == [subject]
    policy = of_kind(objects, "ValidatingAdmissionPolicy")["pod-diagnoser-targets"]
    variables = {each["name"]: each["expression"] for each in policy["spec"]["variables"]}
    assert variables["metacontroller"] == f"'system:serviceaccount:pod-diagnoser-system:{ACCOUNT}'"
    assert "kubernetes" in variables


def test_the_pod_meets_the_restricted_standard() -> None:
    """All three containers."""
    for container in containers_of(pod()):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    assert pod()["securityContext"]["runAsNonRoot"] is True
