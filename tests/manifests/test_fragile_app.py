"""The manifests of the app that crashes: the tutorial's, and fit for a restricted namespace."""

import re

from tests.manifests.kustomize import PROJECT, containers, load, matches, of_kind, render

DEPLOYMENT = load("fragile-app/deployment.yaml")


def test_is_the_tutorials_deployment() -> None:
    """Name, label, image, probes and limits are those that readers of the tutorial expect."""
    (container,) = containers(DEPLOYMENT)
    assert DEPLOYMENT["metadata"]["name"] == container["name"] == "fragile-app"
    assert DEPLOYMENT["spec"]["template"]["metadata"]["labels"] == {"app": "fragile-app"}
    assert container["image"] == "fragile-app:latest"
    assert container["imagePullPolicy"] == "Never"
    assert [port["containerPort"] for port in container["ports"]] == [80]
    health = {"path": "/health", "port": 80}
    assert container["livenessProbe"] == {
        "httpGet": health,
        "initialDelaySeconds": 5,
        "periodSeconds": 10,
    }
    assert container["readinessProbe"] == {
        "httpGet": health,
        "initialDelaySeconds": 3,
        "periodSeconds": 5,
    }
    assert container["resources"]["limits"] == {"cpu": "100m", "memory": "128Mi"}


def test_may_bind_port_80_without_privilege() -> None:
    """It is not root, so the Pod lowers the first port that any user may bind (a safe sysctl)."""
    pod = DEPLOYMENT["spec"]["template"]["spec"]
    (container,) = containers(DEPLOYMENT)
    assert pod["securityContext"]["sysctls"] == [
        {"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}
    ]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_selectors_find_its_pods() -> None:
    """Deployment and Service select the Pods, and the Service leads to their port."""
    (container,) = containers(DEPLOYMENT)
    (service,) = of_kind(render("fragile-app"), "Service").values()
    labels = DEPLOYMENT["spec"]["template"]["metadata"]["labels"]
    assert matches(DEPLOYMENT["spec"]["selector"]["matchLabels"], labels)
    assert matches(service["spec"]["selector"], labels)
    (port,) = service["spec"]["ports"]
    assert port["port"] == 80
    assert port["targetPort"] in {named["name"] for named in container["ports"]}
    assert of_kind(render("fragile-app"), "Deployment") == {"fragile-app": DEPLOYMENT}


def test_image_is_python_and_the_app() -> None:
    """What the Dockerfile copies exists; it runs as a number that is not root, without a shell."""
    dockerfile = (PROJECT / "fragile-app/Dockerfile").read_text(encoding="utf-8")
    copied = re.findall(r"^COPY (\S+) \S+$", dockerfile, re.MULTILINE)
    assert copied == ["app.py"]
    assert (PROJECT / "fragile-app" / "app.py").is_file()
    ignored = (PROJECT / "fragile-app/.dockerignore").read_text(encoding="utf-8").split()
    assert ignored == ["*", "!app.py"]
    assert re.search(r"^USER \d+:\d+$", dockerfile, re.MULTILINE)
    assert re.search(r'^CMD \["python", "/app\.py"\]$', dockerfile, re.MULTILINE)
    (container,) = containers(DEPLOYMENT)
    assert not container.keys() & {"command", "args"}
