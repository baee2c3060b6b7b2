"""What ``kubectl-diagnose`` costs: ten thousand Pods, beside the parsing of their JSON.

Files are read as they are; a cluster through a program in kubectl's place that only prints, so that
kubectl's own time and the API server's are left out.
"""

import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Final

from dev.benchmarks import samples
from dev.benchmarks.figures import Figure
from dev.benchmarks.process_cost import Cost, run
from dev.envtest.client import Json

PODS: Final = 10_000
_EVERY_CRASHED: Final = 10
"""One Pod of so many crashed."""
_A_WORKLOAD: Final = 50
"""So many Pods belong to one."""
_STARTS: Final = 5
LIVE: Final = {"a tenth": 10, "half": 2, "all": 1}
"""How many of the Pods of a cluster crashed: one of so many."""
_FEW: Final = 10
"""The clusters of the last figure are so many times smaller."""
_LOG: Final = (
    "".join(f"2026-11-23T10:00:{n % 60:02}Z INFO request {n} served\n" for n in range(400))
    + "Traceback (most recent call last):\n"
    '  File "/app/main.py", line 12, in <module>\n'
    "    run()\n"
    "KeyError: 'DATABASE_URL'\n"
)


def measure(rounds: int, pods: int = PODS) -> list[Figure]:
    """Measure the reading of dumps.

    Args:
        rounds: how often each is read.
        pods: how many Pods the dumps have.

    Returns:
        Time, CPU and memory, and the time from the start to the output for one Pod.
    """
    with tempfile.TemporaryDirectory() as folder:
        listed, dumped, one = Path(folder, "list.json"), Path(folder, "dump"), Path(folder, "one")
        write_list(listed, pods)
        write_dump(dumped, pods)
        write_list(one, 1)
        parsing = (sys.executable, "-c", "import json, sys; json.load(open(sys.argv[1]))")
        ours = [run(_command(listed)) for _ in range(rounds)]
        theirs = [run((*parsing, str(listed))) for _ in range(rounds)]
        of_dump = [run(_command(dumped)) for _ in range(rounds)]
        starts = [run(_command(one)) for _ in range(rounds * _STARTS)]
        live = list(_measure_live(Path(folder), rounds, pods))
        size = f"{pods:,} Pods, {listed.stat().st_size / 1e6:.0f} MB"
    ratios = [mine.cpu / json_alone.cpu for mine, json_alone in zip(ours, theirs, strict=True)]
    return [
        Figure.of(f"a List of {size}: until the end", [each.seconds for each in ours], "s", 20),
        Figure.of("its CPU", [each.cpu for each in ours], "s"),
        Figure.of("its CPU beside `json.load` of the same file", ratios, ""),
        Figure.of("its memory", [each.memory for each in ours], "MB", 500),
        Figure.of("memory of `json.load`", [each.memory for each in theirs], "MB"),
        Figure.of(
            "a dump of as many as a folder, with logs", [each.seconds for each in of_dump], "s", 20
        ),
        Figure.of("its memory", [each.memory for each in of_dump], "MB", 500),
        Figure.of(
            "one Pod: from the start to the end", [each.seconds for each in starts], "s", 0.4
        ),
        *live,
    ]


def _measure_live(folder: Path, rounds: int, pods: int) -> Iterator[Figure]:
    """Measure clusters: what is kept of their Pods, and how long that takes."""
    for words, every in LIVE.items():
        costs = _run_live(folder, rounds, pods, every)
        about = f"a cluster of {pods:,} Pods, {words} of them crashed"
        yield Figure.of(f"{about}: memory", [each.memory for each in costs], "MB", 200)
        yield Figure.of("its CPU", [each.cpu for each in costs], "s")
    few = pods // _FEW
    seconds = [each.seconds for each in _run_live(folder, rounds, few, every=1)]
    yield Figure.of(f"a cluster of {few:,} Pods, all crashed: until the end", seconds, "s", 5)


def _run_live(folder: Path, rounds: int, pods: int, every: int) -> list[Cost]:
    command = (sys.executable, "-m", "pod_diagnoser.cli", "-A", "--kubectl")
    kubectl = write_kubectl(folder, pods, every)
    return [run((*command, str(kubectl))) for _ in range(rounds)]


def write_kubectl(folder: Path, pods: int, every: int) -> Path:
    """Write a program that prints what ``kubectl get --raw`` prints of a cluster, as one chunk.

    Args:
        folder: where to.
        pods: how many Pods there are.
        every: one Pod of so many crashed.
    """
    _write_sent(folder / "live-pods.json", "Pod", _pods(pods, every, managed_fields=True))
    _write_sent(folder / "live-events.json", "Event", _events(pods, every))
    program = folder / "kubectl"
    program.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        f"*/api/v1/pods*) exec cat '{folder}/live-pods.json' ;;\n"
        f"*involvedObject.kind=Pod*) exec cat '{folder}/live-events.json' ;;\n"
        """*) echo '{"kind": "List", "items": []}' ;;\n"""
        "esac\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    return program


def _write_sent(path: Path, kind: str, items: Iterable[Json]) -> None:
    """Write a list as the API server sends it."""
    with path.open("w", encoding="utf-8") as file:
        file.write(f'{{"kind":"{kind}List","apiVersion":"v1","metadata":{{}},"items":[')
        for number, item in enumerate(items):
            bare = {"metadata": item["metadata"]}
            bare |= {key: item[key] for key in item if key not in ("kind", "apiVersion")}
            file.write("," * (number > 0) + json.dumps(bare, separators=(",", ":")))
        file.write("]}\n")


def write_list(path: Path, pods: int) -> None:
    """Write what ``kubectl get pods,events -A -o json`` prints."""
    _write_items(path, chain(_events(pods), _pods(pods)))


def _write_items(path: Path, items: Iterable[Json]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write('{\n    "apiVersion": "v1",\n    "items": [\n')
        separator = ""
        for item in items:  # one by one: a child's peak is this process's at least
            lines = json.dumps(item, indent=4, sort_keys=True).splitlines()
            file.write(separator + "\n".join(f"        {line}" for line in lines))
            separator = ",\n"
        file.write('\n    ],\n    "kind": "List",\n    "metadata": {"resourceVersion": ""}\n}\n')


def write_dump(path: Path, pods: int) -> None:
    """Write what ``kubectl cluster-info dump --output-directory`` writes, in one namespace."""
    namespace = Path(path, "default")
    namespace.mkdir(parents=True)
    for name, kind, items in (("pods", "Pod", _pods(pods)), ("events", "Event", _events(pods))):
        with Path(namespace, f"{name}.json").open("w", encoding="utf-8") as file:
            file.write(f'{{\n    "kind": "{kind}List",\n    "apiVersion": "v1",\n    "items": [\n')
            for number, item in enumerate(items):
                bare = {key: item[key] for key in item if key not in ("kind", "apiVersion")}
                file.write(",\n" * (number > 0) + json.dumps(bare, indent=4))
            file.write("]\n}\n")
    for pod in _pods(pods):
        name = pod["metadata"]["name"]
        of = f"container {pod['spec']['containers'][0]['name']} of pod default/{name}"
        Path(namespace, name).mkdir()
        log = f"==== START logs for {of} ====\n{_LOG}==== END logs for {of} ====\n"
        Path(namespace, name, "logs.txt").write_text(log, encoding="utf-8")


def _pods(
    count: int, every: int = _EVERY_CRASHED, *, managed_fields: bool = False
) -> Iterator[Json]:
    """Yield Pods; some crashed a moment ago. Kubectl shows them without managedFields."""
    now = datetime.now(UTC)
    texts = []
    for sample in (samples.healthy(now), samples.crashed(now)):
        pod = json.loads(sample)["object"]
        if not managed_fields:
            pod["metadata"].pop("managedFields")
        texts.append(json.dumps(pod))
    for number in range(count):
        is_crashed = number % every == 0
        pod = json.loads(texts[is_crashed])
        workload = f"app-{number // _A_WORKLOAD}"
        pod["metadata"] |= {
            "namespace": "default",
            "name": f"{workload}-{number:05}",
            "uid": f"{number:08x}-0000-4000-8000-000000000000",
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "ReplicaSet",
                    "name": f"{workload}-5d9c7b6f4",
                    "uid": f"{number // _A_WORKLOAD:08x}-1111-4000-8000-000000000000",
                    "controller": True,
                }
            ],
        }
        if is_crashed:  # it waits for its next start, so that its log is that of the crash
            (status,) = pod["status"]["containerStatuses"]
            status["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
        yield pod


def _events(count: int, every: int = _EVERY_CRASHED) -> Iterator[Json]:
    """Yield two Events for each Pod that crashed."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for pod in _pods(count, every):
        if "waiting" not in str(pod["status"].get("containerStatuses")):
            continue
        meta = pod["metadata"]
        for reason in ("Started", "BackOff"):
            yield {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"namespace": "default", "name": f"{meta['name']}.{reason.lower()}"},
                "involvedObject": {"kind": "Pod", "name": meta["name"], "uid": meta["uid"]},
                "reason": reason,
                "message": f"{reason} container",
                "source": {"component": "kubelet"},
                "firstTimestamp": now,
                "lastTimestamp": now,
                "count": 1,
                "type": "Normal",
            }


def _command(file: Path) -> tuple[str, ...]:
    return (sys.executable, "-m", "pod_diagnoser.cli", "-f", str(file))
