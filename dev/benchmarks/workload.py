"""The Pods of the benchmarks: an ordinary web application, stored as some 15 KB of JSON.

A third of that is the configuration that applications have (environment, mounted files,
annotations), a third managedFields, which the API server makes of it, and the rest its status.
"""

from dev.envtest.client import Json
from dev.envtest.pods import NODE

LABELS = {
    "app": "fragile-app",
    "app.kubernetes.io/component": "web",
    "app.kubernetes.io/instance": "fragile-app-production",
    "app.kubernetes.io/managed-by": "Helm",
    "app.kubernetes.io/version": "4.12.7",
}
ANNOTATIONS = {
    "checksum/config": "3f1c6f2fb7b4f6a2a6a0d3f4f3d0c9a1b5e8d7c6b5a4938271605f4e3d2c1b0a",
    "checksum/secret": "9b0a1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b",
    "prometheus.io/path": "/metrics",
    "prometheus.io/port": "8080",
    "prometheus.io/scrape": "true",
}
_PARTS = ("CATALOG", "CHECKOUT", "PAYMENT", "SEARCH", "SHIPPING", "ACCOUNT", "INVENTORY")
_CONFIGURED = ("config", "templates", "certificates", "feature-flags", "locales")


def spec(node: str | None = NODE) -> Json:
    """Return the Pod's specification.

    Args:
        node: where it is bound; None leaves it to the scheduler.

    Returns:
        The specification, a new object each time.
    """
    bound = {} if node is None else {"nodeName": node}
    return {
        **bound,
        "terminationGracePeriodSeconds": 30,
        "containers": [
            {
                "name": "app",
                "image": "registry.example/shop/fragile-app:4.12.7",
                "imagePullPolicy": "IfNotPresent",
                "command": ["python3", "/app/app.py"],
                "ports": [
                    {"name": "http", "containerPort": 8080},
                    {"name": "metrics", "containerPort": 9090},
                ],
                "env": _environment(),
                "livenessProbe": _probe(10),
                "readinessProbe": _probe(5),
                "resources": {
                    "requests": {"cpu": "50m", "memory": "128Mi"},
                    "limits": {"memory": "128Mi"},
                },
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": True,
                },
                "volumeMounts": [
                    {"name": name, "mountPath": f"/etc/fragile-app/{name}", "readOnly": True}
                    for name in _CONFIGURED
                ]
                + [{"name": "scratch", "mountPath": "/tmp"}],  # noqa: S108 - inside the container
            }
        ],
        "volumes": [
            {"name": name, "configMap": {"name": f"fragile-app-{name}"}} for name in _CONFIGURED
        ]
        + [{"name": "scratch", "emptyDir": {"sizeLimit": "64Mi"}}],
    }


def pod(name: str, **labels: str) -> Json:
    """A Pod to create.

    Args:
        name: its name.
        labels: labels beside those that all have.
    """
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {**LABELS, **labels}, "annotations": ANNOTATIONS},
        "spec": spec(),
    }


def deployment(name: str) -> Json:
    """A Deployment of one such Pod.

    Args:
        name: its name.
    """
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": LABELS["app"]}},
            "template": {
                "metadata": {"labels": LABELS, "annotations": ANNOTATIONS},
                "spec": spec(None),
            },
        },
    }


def _environment() -> list[Json]:
    """Environment variables as an application has them, set by value."""
    variables = {
        f"{part}_{key}": value.format(part.lower())
        for part in _PARTS
        for key, value in (
            ("URL", "http://{}.shop.svc.cluster.local:8080/api/v2"),
            ("TIMEOUT_SECONDS", "2.5"),
            ("RETRIES", "3"),
            ("CACHE_PREFIX", "fragile-app/production/{}"),
            ("LOG_LEVEL", "info"),
            ("POOL_SIZE", "16"),
            ("FEATURES", "{0}-search,{0}-history"),
        )
    }
    return [{"name": name, "value": value} for name, value in variables.items()]


def _probe(seconds: int) -> Json:
    return {
        "httpGet": {"path": "/healthz", "port": 8080},
        "periodSeconds": seconds,
        "timeoutSeconds": 3,
    }
