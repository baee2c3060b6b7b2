"""Files, folders and archives as snapshots: what is read of them, and what is told of the rest."""

import gzip
import io
import json
import os
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pod_diagnoser.cli.collector import Collector
from pod_diagnoser.cli.errors import CommandError
from pod_diagnoser.cli.snapshot import Log, Snapshot
from pod_diagnoser.cli.sources import bounds, files, log_choice, tails, trees
from tests.support.builders import container, crashed, pod, terminated

Files = dict[str, bytes]


def snapshot_of(*names: str | Path) -> Snapshot:
    """Read files."""
    collector = Collector()
    files.read_files([str(each) for each in names], collector)
    return collector.snapshot()


def told(snapshot: Snapshot) -> list[str]:
    """Return what could not be read, each in a line."""
    return [str(each) for each in snapshot.missing]


def as_json(*items: Any, kind: str = "List") -> bytes:
    """Return a list in JSON."""
    return json.dumps({"kind": kind, "apiVersion": "v1", "items": items}).encode()


def as_yaml(*items: Any, kind: str = "List") -> bytes:
    """Return a list in YAML."""
    return yaml.safe_dump({"kind": kind, "apiVersion": "v1", "items": list(items)}).encode()


def without_kind(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object as it is in the API server's own lists."""
    return {key: value for key, value in item.items() if key not in ("kind", "apiVersion")}


EVENT = {
    "metadata": {"name": "e", "namespace": "shop"},
    "involvedObject": {"kind": "Pod", "uid": "u"},
    "reason": "Killing",
}
WAITING = {"waiting": {"reason": "CrashLoopBackOff"}}
CRASHED = crashed()
WAITS = pod({**container("web", terminated()), "state": WAITING}, name="web-1", number=2)
ENDED = pod({"name": "job", "state": {"terminated": terminated()}}, name="job-1", number=3)
HEALTHY = pod(container(), name="ok-1", number=4)
PODS = (CRASHED, WAITS, ENDED, HEALTHY)
START = "==== START logs for container {1} of pod shop/{0} ====\n"
END = "==== END logs for container {1} of pod shop/{0} ====\n"


def section(name: str, container_name: str, log: str) -> str:
    """Return a section of a log."""
    return START.format(name, container_name) + log + END.format(name, container_name)


SECTIONS = {
    "app-1": section("app-1", "app", "runs\n"),
    "web-1": section("web-1", "web", "panic: web\n"),
    "job-1": section("job-1", "job", "panic: job\n"),
    "ok-1": section("ok-1", "app", "runs\n"),
}

CLUSTER_INFO: Files = {
    "nodes.json": as_json(kind="NodeList"),
    "shop/pods.json": as_json(*map(without_kind, PODS), kind="PodList"),
    "shop/events.json": as_json(EVENT, kind="EventList"),
    "shop/services.json": as_json(kind="ServiceList"),
    **{f"shop/{name}/logs.txt": text.encode() for name, text in SECTIONS.items()},
}
GATHERED: Files = {
    "gather/version": b"4.19\n",
    "gather/namespaces/shop/core/pods.yaml": as_yaml(*map(without_kind, PODS), kind="PodList"),
    "gather/namespaces/shop/core/events.yaml": as_yaml(EVENT, kind="EventList"),
    "gather/namespaces/shop/core/secrets.yaml": b"{{{",
    **{
        f"gather/namespaces/shop/pods/{name}/{of}/{of}/logs/{which}.log": text
        for name, of, which, text in [
            ("app-1", "app", "current", b"runs\n"),
            ("app-1", "app", "previous", b"panic: app\n"),
            ("web-1", "web", "current", b"panic: web\n"),
            ("job-1", "job", "current", b"panic: job\n"),
            ("ok-1", "app", "current", b"runs\n"),
        ]
    },
}
BUNDLED: Files = {
    "b/cluster-resources/pods/shop.json": json.dumps(
        [without_kind(each) for each in PODS]
    ).encode(),
    "b/cluster-resources/events/shop.json": as_json(EVENT, kind="EventList"),
    "b/cluster-resources/pods-errors.json": b"null",
    "b/cluster-resources/pods/logs/shop/app-1/app.log": b"runs\n",
    "b/cluster-resources/pods/logs/shop/app-1/app-previous.log": b"panic: app\n",
    "b/cluster-resources/pods/logs/shop/web-1/web.log": b"panic: web\n",
    "b/cluster-resources/pods/logs/shop/web-1/web-previous.log": b"",
    "b/cluster-resources/pods/logs/shop/job-1/job.log": b"panic: job\n",
}


def folder(path: Path, content: Files) -> Path:
    """Write a folder."""
    for name, text in content.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text)
    return path


def tar(path: Path, content: Files, mode: Literal["w", "w:gz"] = "w") -> Path:
    """Write a tar archive."""
    with tarfile.open(path, mode) as archive:
        for name, text in content.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text))
    return path


def zipped(path: Path, content: Files) -> Path:
    """Write a zip archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in content.items():
            archive.writestr(name, text)
    return path


FORMS: Mapping[str, Callable[[Path, Files], Path]] = {
    "folder": lambda path, content: folder(path / "dump", content),
    "tar": lambda path, content: tar(path / "dump", content),
    "tar.gz": lambda path, content: tar(path / "dump", content, "w:gz"),
    "logs first": lambda path, content: tar(path / "dump", dict(reversed(content.items())), "w:gz"),
    "zip": lambda path, content: zipped(path / "dump", content),
}


@pytest.mark.parametrize(
    ("content", "skipped"),
    [(CLUSTER_INFO, []), (GATHERED, ["2 other files"]), (BUNDLED, ["1 other file"])],
    ids=["kubectl", "oc", "troubleshoot"],
)
@pytest.mark.parametrize(
    ("form", "through"),
    [*((form, "name") for form in FORMS), *((form, "-") for form in FORMS if form != "folder")],
)
def test_dumps(
    form: str,
    content: Files,
    skipped: list[str],
    through: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pods, Events and the logs of crashes, whatever layout and whatever archive."""
    path = FORMS[form](tmp_path, content)
    if through == "-":
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
        snapshot = snapshot_of("-")
    else:
        snapshot = snapshot_of(path)
    assert {each.metadata.name for each in snapshot.pods} == {"app-1", "web-1", "job-1"}
    assert [each.name for each in snapshot.healthy] == ["ok-1"]
    assert snapshot.namespaces_with_events == {"shop"}
    expected = {
        ("shop", "web-1", "web"): Log("panic: web\n", previous=True),
        ("shop", "job-1", "job"): Log("panic: job\n", previous=False),
    }
    if content is not CLUSTER_INFO:  # which has no previous logs
        expected["shop", "app-1", "app"] = Log("panic: app\n", previous=True)
    assert snapshot.logs == expected
    assert [each.what for each in snapshot.missing] == skipped


@pytest.mark.parametrize("dump", [as_json, as_yaml])
def test_cluster_info_dump_as_one_stream(dump: Callable[..., bytes], tmp_path: Path) -> None:
    """Objects and logs after one another, as on standard output."""
    separator = b"---\n" if dump is as_yaml else b""
    other = crashed(name="other-1", number=9, namespace="other")
    parts = [
        dump(kind="NodeList") + b"\n" + separator,
        dump(EVENT, kind="EventList") + b"\n" + separator,
        dump(*map(without_kind, PODS), kind="PodList") + b"\n",
        *(each.encode() for each in SECTIONS.values()),
        separator + dump(without_kind(other), kind="PodList") + b"\n",
    ]
    path = tmp_path / "dump"
    path.write_bytes(b"".join(parts))
    snapshot = snapshot_of(path)
    assert told(snapshot) == []
    assert {each.metadata.name for each in snapshot.pods} == {"app-1", "web-1", "job-1", "other-1"}
    assert {key[1] for key in snapshot.logs} == {"web-1", "job-1"}


def test_empty_list_of_events_says_that_there_were_none(tmp_path: Path) -> None:
    """In a dump, which has all of them; a file that somebody made says nothing."""
    content = {**CLUSTER_INFO, "shop/events.json": as_json(kind="EventList")}
    assert snapshot_of(folder(tmp_path / "a", content)).namespaces_with_events == {"shop"}
    alone = folder(tmp_path / "b", {"events.json": as_json(kind="EventList")})
    assert snapshot_of(alone).namespaces_with_events == frozenset()
    broken = {**CLUSTER_INFO, "shop/events.json": b'{"kind": "EventList", "items": ['}
    assert snapshot_of(folder(tmp_path / "c", broken)).namespaces_with_events == frozenset()


@pytest.mark.parametrize("form", ["folder", "tar"])
def test_pods_that_must_gather_has_twice(form: str, tmp_path: Path) -> None:
    """They are read once, unless the list of them is broken, or there is none."""
    alone = f"gather/namespaces/shop/pods/{CRASHED['metadata']['name']}/app-1.yaml"
    twice = {**GATHERED, alone: b"{"}
    assert [str(each) for each in snapshot_of(FORMS[form](tmp_path, twice)).missing] == [
        "2 other files: of no kind that is read; skipped"
    ]
    content = {**GATHERED, alone: yaml.safe_dump(without_kind(CRASHED)).encode()}
    content["gather/namespaces/shop/core/pods.yaml"] = b"{"
    snapshot = snapshot_of(FORMS[form](tmp_path, content))
    assert [each.metadata.name for each in snapshot.pods] == ["app-1"]


def test_packed_file(tmp_path: Path) -> None:
    """A single file may be packed with gzip."""
    path = tmp_path / "pods.json.gz"
    path.write_bytes(gzip.compress(as_json(CRASHED)))
    assert len(snapshot_of(path).pods) == 1


def test_folder_of_what_somebody_saved(tmp_path: Path) -> None:
    """Files of any name are looked into; what holds no objects is skipped and counted."""
    content = {
        "one.yaml": as_yaml(CRASHED),
        "two.txt": b"apiVersion: v1\nkind: Pod\n" + yaml.safe_dump(without_kind(WAITS)).encode(),
        "three": as_json(ENDED),
        "notes.txt": b"it broke\n",
        "picture.png": b"\x89PNG\0",
        ".hidden.json": as_json(HEALTHY),
    }
    snapshot = snapshot_of(folder(tmp_path, content))
    assert len(snapshot.pods) == 3
    assert told(snapshot) == ["3 other files: of no kind that is read; skipped"]


def test_what_is_broken_is_told_and_the_rest_used(tmp_path: Path) -> None:
    """A line for each, with its name in quotes and why."""
    content = {
        "a.json": as_json(CRASHED),
        "b.json": as_json(WAITS)[:-20],
        "c.json": b"\x7fELF\0",
        'd "\x1b[31m.json': b"{]",
        "e.yaml": b"a: *b\n",
        "f.json": b'{"name": "package"}',
        "g.json": b"",
    }
    snapshot = snapshot_of(folder(tmp_path, content))
    assert [each.metadata.name for each in snapshot.pods] == ["app-1"]
    named = f'"{tmp_path}", file '
    assert told(snapshot) == [
        f'{named}"b.json": ends in the middle: it is cut off',
        f'{named}"c.json": binary, neither JSON nor YAML',
        f'{named}"d \'[31m.json": not valid JSON',
        f'{named}"e.yaml": YAML with aliases, which are not supported',
        f'{named}"f.json": no Kubernetes objects in it',
    ]


def test_file_that_is_cut_off_is_used_until_there(tmp_path: Path) -> None:
    """It is told."""
    path = tmp_path / "a.json"
    path.write_bytes(as_json(CRASHED, WAITS)[:-20])
    snapshot = snapshot_of(path)
    assert [each.metadata.name for each in snapshot.pods] == ["app-1"]
    assert told(snapshot) == [
        f'"{path}": ends in the middle: it is cut off; what comes before is used'
    ]


def test_many_broken_files_are_counted(tmp_path: Path) -> None:
    """Ten are named."""
    content = {f"{number:02}.json": b"{" for number in range(25)}
    snapshot = snapshot_of(folder(tmp_path, {**content, "a.json": as_json(CRASHED)}))
    assert len(told(snapshot)) == 11
    assert told(snapshot)[-1] == "15 more files: not readable either"


def test_nothing_could_be_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """That is an error, which says why; all that failed is told."""
    content = folder(tmp_path, {"a.json": b"{", "b.json": b"["})
    with pytest.raises(CommandError, match=r'file "b\.json": ends in the middle'):
        snapshot_of(content)
    assert 'file "a.json": ends in the middle' in capsys.readouterr().err
    unreadable: list[tuple[str | Path, str]] = [
        (folder(tmp_path / "w", {"a.png": b""}), "no Kubernetes objects in it"),
        (tmp_path / "none", "No such file or directory"),
        ("a\0b", "cannot be read"),
        (folder(tmp_path / "x", {"f": b"BZh91AY"}) / "f", "an archive of a form that is not read"),
        (folder(tmp_path / "y", {"f": gzip.compress(b"x" * 999)[:20]}) / "f", "a broken archive"),
        (folder(tmp_path / "z", {"f": b"PK\x03\x04" + b"x" * 99}) / "f", "a broken archive"),
    ]
    for name, reason in unreadable:
        with pytest.raises(CommandError, match=reason):
            snapshot_of(name)


def test_links_in_folders_are_not_followed(tmp_path: Path) -> None:
    """A dump of somebody else cannot have the files of this machine read."""
    secret = tmp_path / "secret.json"
    secret.write_bytes(as_json(CRASHED))
    dump = folder(tmp_path / "dump", {"a.json": as_json(WAITS)})
    (dump / "b.json").symlink_to(secret)
    (dump / "c").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(dump / "d.json")
    assert [each.metadata.name for each in snapshot_of(dump).pods] == ["web-1"]
    (tmp_path / "link").symlink_to(dump, target_is_directory=True)
    assert len(snapshot_of(tmp_path / "link").pods) == 1


def test_folders_and_logs_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are named, and the rest is read."""
    dump = folder(tmp_path / "dump", {**GATHERED, "closed/a.json": as_json(HEALTHY)})
    scan, open_regular = os.scandir, trees._open_regular

    def refuse_folder(path: str | Path) -> Any:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    def lose_file(path: str) -> Any:
        if path.endswith("web/logs/current.log"):
            raise FileNotFoundError(2, "No such file or directory")
        return open_regular(path)

    monkeypatch.setattr(os, "scandir", refuse_folder)
    monkeypatch.setattr(trees, "_open_regular", lose_file)
    snapshot = snapshot_of(dump)
    assert len(snapshot.pods) == 3
    assert {key[1] for key in snapshot.logs} == {"app-1", "job-1"}
    log = "gather/namespaces/shop/pods/web-1/web/web/logs/current.log"
    assert told(snapshot)[:2] == [
        f'"{dump}", folder "closed": Permission denied',
        f'"{dump}", file "{log}": No such file or directory',
    ]


def test_archives_write_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths that lead elsewhere are names like others, and are skipped."""
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    content = {"../evil.json": as_json(CRASHED), "/etc/evil.json": as_json(WAITS)}
    for make in (tar, zipped):
        path = make(tmp_path / "dump", content)
        assert [each.metadata.name for each in snapshot_of(path).pods] == ["web-1"]
        path.unlink()
    assert list(tmp_path.iterdir()) == [inside]
    assert list(inside.iterdir()) == []


@pytest.mark.parametrize("make", [lambda path, content: tar(path, content, "w:gz"), zipped])
def test_bombs(
    make: Callable[[Path, Files], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An archive that unpacks to far more than it is long is read until that is known."""
    monkeypatch.setattr(bounds, "FREE_BYTES", 100_000)
    monkeypatch.setattr(bounds, "MAX_RATIO", 2)
    path = make(tmp_path / "dump", {"a.json": as_json(CRASHED), "b.json": b" " * 10_000_000})
    snapshot = snapshot_of(path)
    assert len(snapshot.pods) == 1
    assert told(snapshot) == [f'"{path}": unpacks to far more than archives of clusters do']


def test_limits_of_size_and_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All files count together."""
    path = folder(tmp_path / "a", {f"{number}.json": as_json(CRASHED) for number in range(9)})
    monkeypatch.setattr(trees, "MAX_ENTRIES", 3)
    assert told(snapshot_of(path)) == [f'"{path}": more than a million files']
    monkeypatch.setattr(bounds, "MAX_BYTES", 2000)
    monkeypatch.setattr(trees, "MAX_ENTRIES", 30)
    assert told(snapshot_of(path)) == [f'"{path}": more than 8 GiB in all']


def test_encrypted_and_broken_files_of_a_zip_archive(tmp_path: Path) -> None:
    """They are named, the others are read."""
    path = zipped(tmp_path / "a.zip", {"a.json": as_json(CRASHED), "b.json": as_json(WAITS)})
    content = bytearray(path.read_bytes())
    second = content.rindex(b"PK\x01\x02")
    content[second + 8] |= 1  # a flag of the directory: encrypted
    path.write_bytes(content)
    snapshot = snapshot_of(path)
    assert [each.metadata.name for each in snapshot.pods] == ["app-1"]
    assert told(snapshot) == [f'"{path}", file "b.json": an encrypted file']


def test_many_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that come first are read whole, then their ends, then none; that is told."""
    monkeypatch.setattr(tails, "MAX_LONG_BYTES", 15)
    monkeypatch.setattr(tails, "SHORT_TAIL_BYTES", 5)
    monkeypatch.setattr(tails, "MAX_ALL_BYTES", 24)
    many = [
        pod({"name": "app", "state": {"terminated": terminated()}}, name=f"a-{n}", number=n)
        for n in range(4)
    ]
    base = "namespaces/shop/pods/"
    logs = {f"{base}a-{n}/app/app/logs/current.log": b"12345678\n1234\n" for n in range(4)}
    content = {"namespaces/shop/core/pods.yaml": as_yaml(*many, kind="PodList"), **logs}
    snapshot = snapshot_of(folder(tmp_path, content))
    assert [len(each.text) for each in snapshot.logs.values()] == [14, 14]
    assert told(snapshot) == ["2 logs: not read, since there are so many"]


def test_logs_of_few_pods_of_a_workload(tmp_path: Path) -> None:
    """They say much the same; those of a Pod that is asked for are read nevertheless."""
    owner = {"kind": "StatefulSet", "name": "db", "uid": "u", "controller": True}
    many = [
        pod(
            {"name": "app", "state": {"terminated": terminated()}},
            name=f"db-{n}",
            number=n,
            ownerReferences=[owner],
        )
        for n in range(9)
    ]
    text = as_json(*many) + b"\n"
    text += "".join(section(f"db-{n}", "app", f"panic: {n}\n") for n in range(9)).encode()
    path = tmp_path / "dump"
    path.write_bytes(text)
    assert [key[1] for key in snapshot_of(path).logs] == ["db-0", "db-1"]
    collector = Collector(lambda each: each.metadata.name == "db-8")
    files.read_files([str(path)], collector)
    assert ("shop", "db-8", "app") in collector.snapshot().logs


def test_logs_of_a_stream_that_come_before_their_pods_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are kept until the Pods are known."""
    monkeypatch.setattr(log_choice, "MAX_EARLY_BYTES", 12)
    path = tar(tmp_path / "dump", dict(reversed(GATHERED.items())))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    snapshot = snapshot_of("-")
    assert snapshot.logs == {}
    assert "3 logs: not read, since there are so many" in told(snapshot)
    path = tar(tmp_path / "in order", GATHERED)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    assert len(snapshot_of("-").logs) == 3


def test_forged_marks_in_a_stream(tmp_path: Path) -> None:
    """Reading stops there, and says how to dump so that nothing can be forged."""
    forged = END.format("job-1", "job") + "{}\n" + START.format("job-1", "job")
    content = as_json(*PODS, kind="PodList").decode() + "\n" + section("job-1", "job", forged)
    path = tmp_path / "dump"
    path.write_text(content + as_json(crashed(number=99)).decode(), encoding="utf-8")
    snapshot = snapshot_of(path)
    assert len(snapshot.pods) == 3
    assert "--output-directory" in told(snapshot)[0]


STARTS = [b"", b"\x1f\x8b\x08", b"PK\x03\x04", b'{"items": [', b"a:\n"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=3000),
    st.sampled_from([b"", b"\x1f\x8b\x08", b"PK\x03\x04", b'{"items": [', b"a:\n"]),
)
def test_any_file_is_read_or_refused(tmp_path: Path, content: bytes, start: bytes) -> None:
    """No other exception than that nothing could be looked at."""
    path = tmp_path / "any"
    path.write_bytes(start + content)
    with suppress(CommandError):
        assert all(each.isprintable() for each in told(snapshot_of(path)))
