"""The command line on a real API server, by a real kubectl: without the operator, then with it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dev.envtest.client import Json
from dev.envtest.cluster import Cluster
from pod_diagnoser.cli.looking import Options, look
from pod_diagnoser.cli.sources import api_lists
from tests.e2e.streams import Player
from tests.e2e.workspace import ERROR, OOM_KILLED, Workspace, eventually, shown_metadata
from tests.support.corpus import STREAM_CAUSES

NAMESPACE = "diagnosed-from-outside"


@dataclass(frozen=True, slots=True)
class Outside:
    """Somebody with a kubeconfig, and the Pods of all streams.

    Attributes:
        shop: the namespace.
        pods: the Pod of each stream.
    """

    shop: Workspace
    pods: dict[str, str]

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run the command; return exit code, standard output and standard error."""
        plane = self.shop.cluster.control_plane
        options = ("--kubectl", str(plane.binaries.kubectl), "--kubeconfig", str(plane.kubeconfig))
        done = subprocess.run(
            [sys.executable, "-m", "pod_diagnoser.cli", *arguments, *options],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "KUBECACHEDIR": str(plane.folder / "kubectl-cache")},
        )
        return done.returncode, done.stdout, done.stderr

    def items(self) -> dict[str, list[Json]]:
        """Return the items of each Pod's name."""
        code, out, err = self.run("-n", NAMESPACE, "-o", "json")
        assert (code, err) == (0, "")
        return by_pod(out)

    def dump(self, *options: str) -> str:
        """Return what ``kubectl cluster-info dump`` prints of the namespace."""
        plane = self.shop.cluster.control_plane
        kubectl = (str(plane.binaries.kubectl), "--kubeconfig", str(plane.kubeconfig))
        done = subprocess.run(
            [*kubectl, "cluster-info", "dump", "--namespaces", NAMESPACE, *options],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout


def by_pod(text: str) -> dict[str, list[Json]]:
    """Return the items of a list by the Pods' names."""
    found: dict[str, list[Json]] = {}
    for item in json.loads(text)["items"]:
        found.setdefault(item["pod"], []).append(item)
    return found


def causes_of(found: dict[str, list[Json]]) -> dict[str, list[str]]:
    """Return the causes of each Pod."""
    return {name: [item["cause"] for item in items] for name, items in found.items()}


@pytest.fixture(scope="module")
def outside(cluster: Cluster) -> Iterator[Outside]:
    """The last state of each stream's Pod before its deletion, in one namespace."""
    cluster.create_namespace(NAMESPACE)
    shop = Workspace(cluster, NAMESPACE)
    cluster.kubelet.untouched.add(NAMESPACE)
    yield Outside(shop, {name: Player(shop, name).leave() for name in STREAM_CAUSES})
    cluster.kubelet.untouched.discard(NAMESPACE)


def test_the_causes_of_all_streams_without_the_operator(outside: Outside) -> None:
    """What the hook writes in the end, the command says at once."""
    found = outside.items()
    said = {
        stream: {item["cause"] for item in found.get(pod, [])}
        for stream, pod in outside.pods.items()
    }
    wrong = {
        stream: (causes, said[stream])
        for stream, causes in STREAM_CAUSES.items()
        if not set(causes) <= said[stream]
    }
    assert wrong == {}


def test_chunks_are_the_whole(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few Pods and Events the API server is asked for at a time."""
    plane = outside.shop.cluster.control_plane
    options = Options(
        namespace=(NAMESPACE,),
        kubeconfig=str(plane.kubeconfig),
        kubectl=str(plane.binaries.kubectl),
    )
    whole = look(options)
    monkeypatch.setattr(api_lists, "CHUNK_SIZE", 20)
    chunks = look(options)
    assert chunks.report.missing == ()
    assert len(whole.snapshot.pods) > 20
    assert chunks.snapshot.events == whole.snapshot.events
    assert chunks.snapshot.pods == whole.snapshot.pods


@pytest.mark.parametrize("output_format", ["json", "yaml"])
@pytest.mark.parametrize("form", ["stream", "folder"])
def test_real_dumps(form: str, output_format: str, outside: Outside, tmp_path: Path) -> None:
    """What ``kubectl cluster-info dump`` writes is read, with the causes of the live cluster.

    Its logs are errors here, as no kubelet serves them.
    """
    path = tmp_path / "dump"
    if form == "folder":
        outside.dump("--output-directory", str(path), "-o", output_format)
    else:
        path.write_text(outside.dump("-o", output_format), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pod_diagnoser.cli", "-f", str(path), "-o", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert causes_of(by_pod(done.stdout)) == causes_of(outside.items())


def test_why_nothing_is_told(outside: Outside) -> None:
    """There is no PodDiagnoser, which is asked for although no Pod shows one."""
    pod = outside.pods["02-exit1-restarted"]
    code, out, _ = outside.run("why-not", "-n", NAMESPACE, pod)
    assert code == 0
    assert f"Pod {NAMESPACE}/{pod} is claimed by no PodDiagnoser" in out
    assert f"namespace {NAMESPACE} has no PodDiagnoser" in out


@pytest.mark.parametrize("by", ["workload", "cause", "node"])
def test_tables(outside: Outside, by: str) -> None:
    """Of one namespace, and of all."""
    code, out, err = outside.run("-n", NAMESPACE, "--group-by", by)
    assert (code, err) == (0, "")
    assert "LivenessProbeFailed" in out or by == "node"
    assert outside.run("-A", "--group-by", by, "-o", "wide", "--exit-code")[0] == 1


def test_a_card_of_every_pod(outside: Outside) -> None:
    """What, why and next of each; the log, which no kubelet serves here, is missed in a line."""
    pod = outside.pods["02-exit1-restarted"]
    code, out, err = outside.run("-n", NAMESPACE, pod)
    assert code == 0
    assert out.startswith(f"Pod {NAMESPACE}/{pod}\n")
    assert "Cause:         ApplicationError" in out
    assert err.startswith(f"kubectl-diagnose: log of {NAMESPACE}/{pod}, container")
    assert err.count("\n") == 1
    code, out, _ = outside.run("-n", NAMESPACE, "-o", "card", *outside.pods.values())
    assert code == 0


def test_nobody_is_told_nothing(outside: Outside) -> None:
    """Without the right to list Pods there is nothing to look at: exit code 2, and why."""
    code, out, err = outside.run("-n", NAMESPACE, "--as", "nobody")
    assert (code, out) == (2, "")
    assert 'User "nobody" cannot list resource "pods"' in err


def test_no_such_context(outside: Outside) -> None:
    """Kubectl's own words, exit code 2."""
    code, out, err = outside.run("--context", "elsewhere")
    assert (code, out) == (2, "")
    assert "context was not found for specified context: elsewhere" in err


def test_the_same_words_where_the_operator_runs(outside: Outside) -> None:
    """It adds the history on the Pods, and changes no cause."""
    before = outside.items()
    outside.shop.diagnose("outside", targetLabels={})
    pod = outside.pods["05-crashloop-0-terminated"]
    eventually(lambda: shown_metadata(outside.shop.pod(pod))[0], lambda shown: shown["cause"])
    outside.shop.settled()
    assert causes_of(outside.items()) == causes_of(before)
    code, out, _ = outside.run("why-not", "-n", NAMESPACE, pod)
    assert code == 0
    assert out.startswith(f"Pod {NAMESPACE}/{pod} is claimed by PodDiagnoser outside\n")
    assert "  told\n" in out
    assert "change: spec.remediationAction: RestartPod, or EvictPod" in out


def test_the_history_that_the_operator_keeps(shop: Workspace) -> None:
    """More crashes than the status of a Pod has."""
    shop.diagnose()
    shop.start_pod("thrice")
    for how in (OOM_KILLED, ERROR, ERROR):
        shop.crash("thrice", how)
        shop.settled()
    code, out, _ = Outside(shop, {}).run("-n", shop.namespace, "thrice")
    assert code == 0
    history = out[out.index("History:") :]
    assert [history.count(cause) for cause in ("OutOfMemory", "ApplicationError")] == [1, 2]
