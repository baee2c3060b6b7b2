"""Checking an installation, and cleaning Pods before its removal, against a cluster in memory."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from pod_diagnoser.cluster.administration import Administration
from pod_diagnoser.cluster.credentials import Credentials
from pod_diagnoser.cluster.errors import NotFoundError, api_error
from pod_diagnoser.pods.keys import CAUSE, LABEL
from pod_diagnoser.server.command import main
from pod_diagnoser.server.installation import (
    CONTROLLERS,
    InstallationCheck,
    InstallationError,
    Patience,
    clean_pods,
)
from tests.support.fake_api import ApiAdapter

Json = dict[str, Any]
PROJECT = Path(__file__).parents[3]
TARGETS = "/apis/diagnostics.local.io/v1/namespaces/shop/diagnosistargets/"
CONTROLLER = "/apis/metacontroller.k8s.io/v1alpha1/decoratorcontrollers/pod-diagnoser-"


class FakeCluster(Administration):
    """Objects by path; Metacontroller does its part whenever somebody waits."""

    def __init__(self, works_after: int = 1) -> None:  # so many waits
        super().__init__(Credentials("https://cluster.example", lambda: "token", None))
        self.objects: dict[str, Json] = {}
        self.log: list[str] = []
        self.now = 0.0
        self._works_after = works_after

    def patience(self, seconds: float = 60) -> Patience:
        """Return one that has Metacontroller work while it waits."""
        return Patience(seconds, lambda: self.now, self.wait)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self._works_after -= 1
        if self._works_after <= 0:
            self.metacontroller_works()

    def metacontroller_works(self) -> None:
        """Annotate crashed Pods, activate PodDiagnosers, clean Pods without a DiagnosisTarget."""
        claimed = any("/diagnosistargets/" in path for path in self.objects)
        for path, found in self.objects.items():
            if "/pods/" in path and found.get("status"):
                found["metadata"]["annotations"] = {CAUSE: "Error"}
            elif "/pods/" in path and not claimed:
                for kind in ("annotations", "labels"):
                    found["metadata"].pop(kind, None)
            elif "/poddiagnosers/" in path:
                found["status"] = {"conditions": [{"type": "Active", "status": "True"}]}

    def find(self, path: str) -> Json | None:
        """Read."""
        return self.objects.get(path)

    def create(self, path: str, manifest: Mapping[str, Any]) -> Json:
        """Create."""
        self.log.append(f"create {path}")
        return self.objects.setdefault(f"{path}/{manifest['metadata']['name']}", {**manifest})

    def replace(self, path: str, document: Mapping[str, Any]) -> None:
        """Replace."""
        self.objects[path.removesuffix("/status")] = {**document}

    def delete(self, path: str) -> None:
        """Delete."""
        self.log.append(f"delete {path}")
        self.objects.pop(path, None)

    def metadata(self, path: str) -> Iterator[Json]:
        """List."""
        kind = path.rpartition("/")[2]
        yield from [one["metadata"] for at, one in self.objects.items() if f"/{kind}/" in at]


def pod(name: str, **metadata: Json) -> Json:
    """Return a Pod as a list of metadata has it."""
    return {"metadata": {"name": name, "namespace": "shop", **metadata}}


@pytest.fixture
def crowded() -> FakeCluster:
    """A cluster with two Pods that show something, one that does not, and a DiagnosisTarget."""
    cluster = FakeCluster()
    cluster.objects = {
        f"{TARGETS}x": pod("x"),
        "/api/v1/namespaces/shop/pods/a": pod("a", annotations={CAUSE: "Error"}),
        "/api/v1/namespaces/shop/pods/b": pod("b", labels={LABEL: "x"}),
        "/api/v1/namespaces/shop/pods/c": pod("c", annotations={"other": "1"}),
    }
    return cluster


def test_pods_are_clean_before_nobody_cleans_them_any_more(crowded: FakeCluster) -> None:
    """What publishes goes first, then the targets; what cleans Pods goes when they are clean."""
    crowded.objects["/api/v1/namespaces/shop/pods/c"]["metadata"]["annotations"] = {}
    clean_pods(crowded, crowded.patience())
    deleted = [line.removeprefix("delete ") for line in crowded.log]
    controllers = [path.removeprefix(CONTROLLER) for path in deleted if path.startswith(CONTROLLER)]
    assert controllers == list(CONTROLLERS)
    assert deleted.index(f"{TARGETS}x") < deleted.index(f"{CONTROLLER}pods")
    assert all(not one["metadata"].get("labels") for one in crowded.objects.values())


def test_pods_that_stay_are_named(crowded: FakeCluster) -> None:
    """Metacontroller is gone: what cleans Pods stays, so that it can go on."""
    crowded.metacontroller_works = lambda: None  # type: ignore[method-assign]
    with pytest.raises(InstallationError, match="still not clean: shop/a, shop/b and 0 more"):
        clean_pods(crowded, crowded.patience())
    assert f"delete {CONTROLLER}pods" not in crowded.log


def test_a_refusal_for_a_moment_is_waited_for(crowded: FakeCluster) -> None:
    """The end of the admission policy takes a moment to arrive."""
    deleting, refusals = crowded.delete, [api_error(403)]

    def delete(path: str) -> None:
        if path.startswith(TARGETS) and refusals:
            raise refusals.pop()
        deleting(path)

    crowded.delete = delete  # type: ignore[method-assign]
    clean_pods(crowded, crowded.patience())
    assert refusals == []
    assert f"delete {CONTROLLER}pods" in crowded.log


@pytest.fixture
def objects() -> dict[str, Json]:
    """The manifests of the check."""
    folder = PROJECT / "metacontroller"
    text = (folder / "installation-check.yaml").read_text(encoding="utf-8")
    diagnoser, checked = yaml.safe_load_all(text)
    crash = (folder / "installation-check-crash.yaml").read_text(encoding="utf-8")
    return {"poddiagnoser": diagnoser, "pod": checked, "crash": yaml.safe_load(crash)}


@pytest.mark.parametrize("crash", [True, False])
def test_an_installation_that_works(objects: dict[str, Json], crash: bool) -> None:
    """The crash is diagnosed, and nothing is left."""
    cluster = FakeCluster()
    InstallationCheck(cluster, "system", objects).run(cluster.patience(), crash=crash)
    assert cluster.objects == {}
    created = [line for line in cluster.log if line.startswith("create")]
    assert len(created) == (2 if crash else 1)


def test_an_installation_that_does_not_work(objects: dict[str, Json]) -> None:
    """It says who does not work, and leaves nothing."""
    cluster = FakeCluster(works_after=99)
    with pytest.raises(InstallationError, match="the PodDiagnosers' hook do not work together"):
        InstallationCheck(cluster, "system", objects).run(cluster.patience(), crash=True)
    assert cluster.objects == {}


def test_a_kind_that_is_new_is_waited_for(objects: dict[str, Json]) -> None:
    """The API server serves it a moment after it was created."""
    cluster = FakeCluster(works_after=2)
    creating, missing = cluster.create, [NotFoundError(404)]

    def create(path: str, manifest: Mapping[str, Any]) -> Json:
        if missing:
            raise missing.pop()
        return creating(path, manifest)

    cluster.create = create  # type: ignore[method-assign]
    InstallationCheck(cluster, "system", objects).run(cluster.patience(), crash=False)
    assert missing == []


@pytest.mark.parametrize(
    "command",
    [
        ["clean-pods", "--timeout=0"],
        ["check-installation", "--namespace=x", "--objects=/nonesuch"],
    ],
)
def test_outside_of_a_cluster(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The commands say where they run."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert main(command) == 2
    assert "this runs in a Pod with a token" in capsys.readouterr().err


def test_lists_are_read_page_by_page() -> None:
    """Metadata alone; a kind that is not there has no objects."""

    class Paged(ApiAdapter):
        def __init__(self) -> None:
            super().__init__()
            self.asked: list[str] = []

        def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
            self.asked.append(request.url or "")
            assert "as=PartialObjectMetadataList" in request.headers["Accept"]
            date = {"Date": "Mon, 23 Nov 2026 10:00:00 GMT"}
            if "nonesuch" in self.asked[-1]:
                return self.respond(request, 404, b"{}", date)
            number = len(self.asked)
            more = {"continue": "next&page"} if number == 1 else {}
            page = {"metadata": more, "items": [{"metadata": {"name": f"pod-{number}"}}]}
            return self.respond(request, 200, json.dumps(page).encode(), date)

    adapter = Paged()
    cluster = Administration(Credentials("http://api", lambda: "token", None))
    cluster._session.mount("http://", adapter)
    assert [one["name"] for one in cluster.metadata("/api/v1/pods")] == ["pod-1", "pod-2"]
    assert [url.partition("?")[2] for url in adapter.asked] == [
        "limit=500",
        "limit=500&continue=next%26page",
    ]
    assert list(cluster.metadata("/apis/nonesuch")) == []
