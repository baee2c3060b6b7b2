"""A cluster through kubectl: what is asked of it, and what is done where it fails."""

import io
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.cli import command, engine, terminal
from pod_diagnoser.cli.sources.kubectl import Kubectl, KubectlError, split_list
from pod_diagnoser.pods.observation import PodObservation, observe_pod
from tests.support.builders import (
    UID,
    after,
    container,
    crashed,
    diagnoser,
    kubelet_event,
    pod,
    terminated,
)
from tests.support.fake_kubectl import Answer, FakeKubectl, answers_of, listed, refused

Json = dict[str, Any]


class Shell:
    """Runs the command with a fake kubectl."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[bytes]) -> None:
        self.kubectl, self._capture = FakeKubectl(folder), capture

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Return exit code, standard output and standard error."""
        code = command.main(["--kubectl", self.kubectl.path, *arguments])
        out, err = self._capture.readouterr()
        return code, out.decode(), err.decode()


@pytest.fixture
def shell(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Shell:
    """Return a shell whose kubectl knows one crashed Pod."""
    found = Shell(tmp_path, capfdbinary)
    found.kubectl.answers.update(answers_of([crashed()], []))
    return found


def owned(name: str, number: int, last: Json | None = None) -> Json:
    """Return a Pod of the Deployment api."""
    labels = {"app": "api", "pod-template-hash": "6d5f8"}
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "api-6d5f8", "uid": "rs-1"}
    references = [{**owner, "controller": True}]
    return pod(
        container(last=last), name=name, number=number, labels=labels, ownerReferences=references
    )


def test_a_namespace_is_a_table_of_workloads(shell: Shell) -> None:
    """A row each, with how many of its Pods it is."""
    pods = [owned("api-1", 1, terminated()), owned("api-2", 2, terminated()), owned("api-3", 3)]
    shell.kubectl.answers.update(answers_of(pods, []))
    code, out, err = shell()
    assert (code, err) == (0, "")
    header, row = out.splitlines()
    assert header.split() == ["WORKLOAD", "PODS", "CAUSE", "LAST", "WHY"]
    assert row.split()[:3] == ["deploy/api", "2/3", "ApplicationError"]
    assert "Container app failed with exit code 1" in row


def test_kubectl_is_asked_in_chunks_with_the_users_options(shell: Shell) -> None:
    """Context, kubeconfig, namespace and selector go to kubectl as they are."""
    options = ("-n", "shop", "-l", "app=app", "--context", "c1", "--kubeconfig", "/k/c")
    assert shell(*options)[0] == 0
    calls = shell.kubectl.calls()
    start = "--context=c1 --kubeconfig=/k/c get --raw /api/v1/namespaces/shop"
    assert f"{start}/pods?labelSelector=app=app&limit=500" in calls
    assert f"{start}/events?fieldSelector=involvedObject.kind=Pod&limit=500" in calls
    assert len(calls) == 2


def test_all_namespaces(shell: Shell) -> None:
    """The namespace is a column; the Events of nodes are read too."""
    code, out, _ = shell("-A", "-o", "table")
    assert code == 0
    assert out.splitlines()[0].split()[:2] == ["NAMESPACE", "WORKLOAD"]
    calls = shell.kubectl.calls()
    assert "get --raw /api/v1/pods?limit=500" in calls
    nodes = "get --raw /api/v1/namespaces/default/events?fieldSelector=involvedObject.kind=Node"
    assert f"{nodes}&limit=500" in calls


def test_one_pod_with_the_log_of_its_former_run(shell: Shell) -> None:
    """The card says what, why, next, and its own words, which are masked."""
    log = 'Traceback (most recent call last):\n  File "/a.py", line 1, in <module>\n'
    log += "ValueError: password=hunter2secret \x1b]0;owned\x07refused\n"
    shell.kubectl.answers["logs"] = Answer(out=log)
    code, out, err = shell("app-1")
    assert (code, err) == (0, "")
    assert out.startswith("Pod shop/app-1\n")
    labels = [line.partition(":")[0] for line in out.splitlines() if line[:1].isupper()]
    assert labels[1:] == ["What", "Cause", "Why", "Next", "Its own words", "When"]
    assert 'What:          Container app exited with code 1: "ValueError: password=***' in out
    assert "the code alone does not say why" not in out
    assert "| ValueError: password=***" in out
    assert "hunter2secret" not in out
    assert "\x1b" not in out
    assert "logs -n shop app-1 -c app --tail=1000 --previous" in shell.kubectl.calls()


def test_logs_have_no_other_pod_diagnosed_again(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three Pods of a workload one log is read."""
    pods = [owned(f"api-{number}", number, terminated()) for number in (1, 2, 3)]
    shell.kubectl.answers.update(answers_of(pods, []) | {"logs": Answer(out="panic: oh\n")})
    shell.kubectl.answers["get replicasets.apps"] = listed()
    seen: list[str] = []

    def observe(pod: OwnedPod, *arguments: Any) -> PodObservation:
        seen.append(pod.metadata.name)
        return observe_pod(pod, *arguments)

    monkeypatch.setattr(engine, "observe_pod", observe)
    assert shell("deploy/api")[0] == 0
    # Once without its log; then again, of which the second time is with it.
    assert sorted(seen) == ["api-1", "api-1", "api-1", "api-2", "api-3"]


def test_logs_of_many_pods_are_read_when_asked_for(shell: Shell) -> None:
    """One log for a workload and cause."""
    pods = [owned("api-1", 1, terminated()), owned("api-2", 2, terminated())]
    shell.kubectl.answers.update(answers_of(pods, []) | {"logs": Answer(out="panic: oh\n")})
    shell.kubectl.answers["get replicasets.apps"] = listed()
    assert shell("-o", "table")[0] == 0
    assert not [call for call in shell.kubectl.calls() if call.startswith("logs")]
    assert shell("-o", "table", "--logs")[0] == 0
    assert len([call for call in shell.kubectl.calls() if call.startswith("logs")]) == 1


def test_logs_of_more_workloads_than_are_read(shell: Shell) -> None:
    """Twenty are; a line says how many are not."""
    pods = [crashed(number=n, name=f"app-{n}") for n in range(1, 24)]
    shell.kubectl.answers.update(answers_of(pods, []) | {"logs": Answer(out="")})
    code, _, err = shell("-o", "table", "--logs")
    assert len([call for call in shell.kubectl.calls() if call.startswith("logs")]) == 20
    said = "kubectl-diagnose: 3 logs: not read, since there are so many: name the Pods\n"
    assert (code, err) == (0, said)


def test_a_table_shows_what_containers_said(shell: Shell) -> None:
    """In quotation marks, where the log of one of the Pods was read; as the operator says it."""
    shell.kubectl.answers["logs"] = Answer(out="panic: \x1b[31moh no\n\ngoroutine 1 [running]:\n")
    code, out, _ = shell("-o", "table", "--logs")
    assert code == 0
    assert 'Container app exited with code 1: "panic: oh no" (' in out
    assert "it said" not in out  # not twice


def test_a_pod_that_may_be_read_where_none_may_be_listed(shell: Shell) -> None:
    """It is read by its name; one line says what is missing."""
    answers = {"get pods": refused("pods"), "get pod app-1": Answer(json.dumps(crashed()))}
    shell.kubectl.answers = {**answers, "logs": Answer(), "get events": listed()}
    code, out, err = shell("-n", "shop", "app-1")
    assert code == 0
    assert out.startswith("Pod shop/app-1\n")
    assert err.startswith("kubectl-diagnose: Pods of namespace shop: (Forbidden)")
    assert err.endswith("; of its siblings nothing is told\n")
    assert shell("-n", "shop", "deploy/api")[0] == 2


def test_watching_prints_what_has_changed(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for each change; an error in between is told, and does not end it."""
    looks = iter(["same", "refused", "changed", "same", "interrupted"])

    def sleep(_: float) -> None:
        look = next(looks)
        if look == "interrupted":
            raise KeyboardInterrupt
        if look == "changed":
            two = [crashed(), crashed(name="app-2", number=2)]
            shell.kubectl.answers.update(answers_of(two, []))
        if look == "refused":
            shell.kubectl.answers["get pods"] = refused("pods")
        assert shell.kubectl.path  # writes the answers

    monkeypatch.setattr("time.sleep", sleep)
    code, out, err = shell("--watch", "-o", "name")
    assert code == 130
    assert err.count("\n") == 1
    assert "(Forbidden): pods is forbidden" in err
    first, second = out.split("\n\n")
    assert len(first.splitlines()) + 1 == len(second.splitlines())


def test_progress_is_shown_at_a_terminal_and_removed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only after a while, and nowhere else."""
    clock = iter([0.0, 0.5, 2.0, 2.05, 3.0])
    monkeypatch.setattr(terminal, "monotonic", lambda: next(clock))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with terminal.Progress() as progress:
        for number in (100, 200, 300, 400):
            progress.show("Pods", number)
    shown = capsys.readouterr().err
    assert shown == "\r\x1b[Kreading: 200 Pods\r\x1b[Kreading: 400 Pods\r\x1b[K"


def test_a_workload_shows_its_worst_pod_and_its_siblings(shell: Shell) -> None:
    """`deploy/api` is the Deployment of its Pods by their names."""
    pods = [owned("api-1", 1), owned("api-2", 2, terminated()), crashed(number=9, name="other")]
    shell.kubectl.answers.update(answers_of(pods, []) | {"logs": Answer(out="")})
    shell.kubectl.answers["get replicasets.apps"] = listed()
    code, out, _ = shell("deploy/api")
    assert code == 0
    assert out.startswith("Pod shop/api-2\n")
    assert "1 of 2 Pods of Deployment api has a diagnosis: ApplicationError 1" in out
    assert "other" not in out


def test_a_healthy_pod_that_is_asked_for(shell: Shell) -> None:
    """It is told that nothing is wrong."""
    shell.kubectl.answers.update(answers_of([pod(container())], []))
    code, out, err = shell("pod/app-1")
    assert code == 0
    assert "Nothing:" in out
    assert err == "kubectl-diagnose: nothing found in 1 Pod\n"


def test_a_pod_that_does_not_exist(shell: Shell) -> None:
    """Nothing could be looked at: exit code 2."""
    code, out, err = shell("app-7")
    assert (code, out, err) == (2, "", "kubectl-diagnose: pod/app-7: not found\n")


def test_one_of_two_pods_does_not_exist(shell: Shell) -> None:
    """The other one is shown, and a line tells of the one that is not there."""
    shell.kubectl.answers |= {"logs": Answer(out=""), "diagnostics.local.io": listed()}
    code, out, err = shell("app-1", "deploy/app-7", "-o", "name")
    assert (code, out, err) == (0, "pod/app-1\n", "kubectl-diagnose: deployment/app-7: not found\n")
    assert shell("why-not", "app-1", "app-7")[2] == "kubectl-diagnose: pod/app-7: not found\n"
    _, _, err = shell("report", "app-1", "app-7", "-o", "-")
    assert "kubectl-diagnose: pod/app-7: not found\n" in err


def test_a_workload_as_two_words(shell: Shell) -> None:
    """As `kubectl describe deploy api` takes them; here each word is a Pod."""
    code, _, err = shell("deploy", "api")
    assert code == 2
    assert err == "kubectl-diagnose: pod/deploy, pod/api: not found; did you mean deploy/api?\n"


def test_a_healthy_pod_among_siblings_that_are_not(shell: Shell) -> None:
    """What is counted is what was asked for: in its siblings something was found."""
    pods = [owned("api-1", 1), owned("api-2", 2, terminated())]
    shell.kubectl.answers.update(answers_of(pods, []))
    shell.kubectl.answers["get replicasets.apps"] = listed()
    _, out, err = shell("api-1")
    assert "1 of 2 Pods of Deployment api has a diagnosis" in out
    assert err == "kubectl-diagnose: nothing found in 1 Pod\n"


@pytest.mark.parametrize(
    "options", [("-n", "shop"), ("-nshop",), ("--namespace=shop",), ("--namespace", "shop")]
)
def test_options_before_a_command(shell: Shell, options: tuple[str, ...]) -> None:
    """As with kubectl itself. A Pod with the name of a command is `pod/NAME`."""
    shell.kubectl.answers |= {"get poddiagnosers": listed(), "logs": Answer(out="")}
    code, out, _ = shell(*options, "why-not", "app-1")
    assert code == 0
    assert "namespace shop has no PodDiagnoser" in out
    assert shell(*options, "pod/why-not")[2] == "kubectl-diagnose: pod/why-not: not found\n"
    assert shell(*options, "--", "why-not")[2] == "kubectl-diagnose: pod/why-not: not found\n"
    err = shell(*options, "app-1", "why-not", "-o", "name")[2]
    assert err == "kubectl-diagnose: pod/why-not: not found\n"


def test_events_prove_a_cause(shell: Shell) -> None:
    """They are matched by the Pod's uid; those of other Pods are not kept."""
    of = pod(container(last=terminated(after(), code=137)))
    of["spec"]["containers"][0]["livenessProbe"] = {}
    event = {"apiVersion": "v1", "kind": "Event", **kubelet_event()}
    event["metadata"] = {"namespace": "shop", "name": "one"}
    event["involvedObject"]["uid"] = UID.format(1)
    event["firstTimestamp"] = event["lastTimestamp"] = "2026-11-23T09:59:59Z"
    shell.kubectl.answers.update(answers_of([of], [event]))
    code, out, _ = shell("-o", "json")
    assert code == 0
    assert [each["cause"] for each in json.loads(out)["items"]] == ["LivenessProbeFailed"]


def test_events_that_may_not_be_read(shell: Shell) -> None:
    """The Pods are diagnosed without them; one line says so."""
    shell.kubectl.answers["get events involvedObject.kind=Pod"] = refused("events")
    code, out, err = shell("-n", "shop", "-o", "table")
    assert code == 0
    assert "ApplicationError" in out
    assert err.startswith("kubectl-diagnose: Events of namespace shop: (Forbidden): events is")
    assert err.endswith("; a probe's kill may look like a crash\n")
    assert err.count("\n") == 1


def test_pods_that_may_not_be_read(shell: Shell) -> None:
    """Nothing could be looked at: kubectl's reason, exit code 2."""
    shell.kubectl.answers["get pods"] = refused("pods")
    code, out, err = shell()
    assert (code, out) == (2, "")
    assert err.startswith("kubectl-diagnose: (Forbidden): pods is forbidden")
    assert err.count("\n") == 1


def test_one_of_two_namespaces_may_not_be_read(shell: Shell) -> None:
    """The other one is shown."""
    answers = {"get namespaces/closed/pods": refused("pods"), **shell.kubectl.answers}
    shell.kubectl.answers = answers
    code, out, err = shell("-n", "closed", "-n", "shop", "-o", "table")
    assert code == 0
    assert "shop" in out
    assert err.startswith("kubectl-diagnose: Pods of namespace closed: (Forbidden)")
    assert err.endswith("; done without them\n")


def test_a_log_that_is_gone(shell: Shell) -> None:
    """The card is printed without its own words; one line says why."""
    said = 'Error from server (BadRequest): previous terminated container "app" not found\n'
    shell.kubectl.answers["logs"] = Answer(err=said, code=1)
    code, out, err = shell("app-1")
    assert code == 0
    assert "own words" not in out
    assert err.startswith("kubectl-diagnose: log of shop/app-1, container app: (BadRequest)")


def test_what_kubectl_says_is_masked(shell: Shell) -> None:
    """A report is handed on, and proxies and plug-ins for credentials may be quoted in it."""
    secret = "hunter" + "2"
    shell.kubectl.answers["logs"] = Answer(
        err=f"error: proxyconnect http://me:{secret}@proxy:3128: \x1b[2Jrefused\n", code=1
    )
    code, out, err = shell("app-1")
    assert code == 0
    assert "proxyconnect http://***@proxy:3128: refused" in err
    assert secret not in out + err


def test_no_kubectl(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """It is said what to do without."""
    assert command.main(["--kubectl", "/nowhere/kubectl"]) == 2
    out, err = capfdbinary.readouterr()
    assert out == b""
    assert err.decode() == (
        "kubectl-diagnose: /nowhere/kubectl: not found. "
        "kubectl reads the cluster; without it, diagnose files: -f FILE\n"
    )


def test_a_kubectl_that_does_not_answer(shell: Shell) -> None:
    """It is ended after a while."""
    shell.kubectl.answers["get pods"] = Answer(seconds=60)
    start = time.monotonic()
    code, out, err = shell("--timeout", "0.3")
    assert (code, out) == (2, "")
    assert err == "kubectl-diagnose: kubectl did not answer within 0.3 s\n"
    assert time.monotonic() - start < 30


def run_through(folder: Path, script: str) -> str:
    """Write a kubectl that is a shell script; return its path."""
    program = folder / "kubectl-wrapper"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
    program.chmod(0o755)
    return str(program)


def test_what_a_kubectl_without_an_answer_has_started(tmp_path: Path) -> None:
    """A plug-in for credentials that hangs keeps the pipes of kubectl open: nobody waits for it."""
    started = tmp_path / "started"
    kubectl = run_through(tmp_path, f"sleep 600 & echo $! > {started}\nwait")
    try:
        with pytest.raises(KubectlError) as error, Kubectl(kubectl, (), 0.3).get("pods") as call:
            list(call.objects())
        assert str(error.value) == "kubectl did not answer within 0.3 s"
    finally:
        os.kill(int(started.read_text()), signal.SIGKILL)


def test_what_runs_on_when_kubectl_has_answered(tmp_path: Path) -> None:
    """An agent, say; what kubectl printed and said is used."""
    fake = FakeKubectl(tmp_path, {"get": listed(crashed())})
    started = tmp_path / "started"
    kubectl = run_through(
        tmp_path, f'sleep 600 & echo $! > {started}\necho Warning >&2\nexec {fake.path} "$@"'
    )
    try:
        with Kubectl(kubectl, (), 60).get("pods") as call:
            assert len(list(call.objects())) == 1
        assert call.warnings == ("Warning",)
    finally:
        os.kill(int(started.read_text()), signal.SIGKILL)


def test_what_waits_to_be_read_is_no_slow_answer(tmp_path: Path) -> None:
    """As the Events do until ten thousand Pods are diagnosed."""
    items = [{"kind": "Event", "text": "x" * 3000, "n": n} for n in range(200)]
    fake = FakeKubectl(tmp_path, {"get": listed(*items)})
    with Kubectl(fake.path, (), 0.5).get("events") as call:
        call.read(0)
        time.sleep(1.2)
        assert len(list(call.objects())) == 200


def test_no_server(shell: Shell) -> None:
    """Of what kubectl repeats, the last line counts."""
    retry = (
        "E1128 10:00:00.000000  12 memcache.go:265] couldn't get current server API group list\n"
    )
    last = (
        "The connection to the server localhost:8080 was refused - did you specify the right host?"
    )
    shell.kubectl.answers = {"get": Answer(err=retry * 5 + last + "\n", code=1)}
    code, _, err = shell()
    hint = " (without a cluster, diagnose files: -f FILE)"
    assert (code, err) == (2, f"kubectl-diagnose: {last}{hint}\n")


def test_warnings_of_kubectl_go_to_standard_error(shell: Shell) -> None:
    """Each once, without what steers a terminal."""
    answer = listed(crashed())
    warning = "Warning: version skew \x1b[31mred\n"
    shell.kubectl.answers["get pods"] = Answer(out=answer.out, err=warning * 3)
    code, out, err = shell("-o", "json")
    assert code == 0
    assert len(json.loads(out)["items"]) == 1
    assert err == "kubectl-diagnose: Warning: version skew red\n"


@pytest.mark.parametrize("out", ["{", "no JSON", '{"a": ' + "[" * 100_000])
def test_a_kubectl_that_prints_something_else(shell: Shell, out: str) -> None:
    """That is an error, and no traceback."""
    shell.kubectl.answers["get pods"] = Answer(out=out)
    code, said, err = shell()
    assert (code, said) == (2, "")
    assert err == "kubectl-diagnose: kubectl printed something else than JSON\n"


def test_compact_json_of_another_version(shell: Shell) -> None:
    """Only the speed depends on how kubectl indents."""
    document = {"apiVersion": "v1", "kind": "PodList", "items": [crashed()]}
    shell.kubectl.answers["get pods"] = Answer(out=json.dumps(document))
    code, out, err = shell("-o", "json")
    assert (code, err) == (0, "")
    assert len(json.loads(out)["items"]) == 1


def test_diagnosers_are_read_where_pods_show_one(shell: Shell) -> None:
    """Not where nothing tells of the operator, which would cost a call."""
    assert shell("-o", "table")[0] == 0
    assert not [call for call in shell.kubectl.calls() if "poddiagnosers" in call]
    of = crashed(labels={"diagnostics.local.io/diagnoser": "diag"})
    shell.kubectl.answers.update(answers_of([of], []))
    missing = 'error: the server doesn\'t have a resource type "poddiagnosers"\n'
    shell.kubectl.answers["poddiagnosers"] = Answer(err=missing, code=1)
    code, _, err = shell("-o", "table")
    assert (code, err) == (0, "")
    assert [call for call in shell.kubectl.calls() if "poddiagnosers" in call]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-A", "-n", "shop"), "--all-namespaces and --namespace exclude each other"),
        (("-f", "-", "--context", "c"), "--context needs a cluster, and --filename reads files"),
        (("-f", "-", "-w"), "--watch needs a cluster"),
        (("--at", "2026-11-23T10:00:00Z"), "--at is for files: name one"),
        (("service/api",), "service/api: unknown type; TYPE/NAME takes pod, deployment"),
        (("--", "-rf"), "-rf: not a valid name; give POD or TYPE/NAME"),
        (("--since", "5"), "Invalid value for '--since': not a duration such as 90s"),
        (("--timeout", "0"), "Invalid value for '--timeout'"),
    ],
)
def test_wrong_command_lines(shell: Shell, arguments: tuple[str, ...], said: str) -> None:
    """One line on standard error, exit code 2; kubectl is not called."""
    code, out, err = shell(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"kubectl-diagnose: {said}")
    assert err.count("\n") == 1
    assert shell.kubectl.calls() == []


def test_exit_code_where_something_is_found(shell: Shell) -> None:
    """Only if it is asked for, and only if something is."""
    assert shell("--exit-code")[0] == 1
    shell.kubectl.answers.update(answers_of([pod(container())], []))
    assert shell("--exit-code")[0] == 0


def test_since_leaves_out_what_is_long_ago(shell: Shell) -> None:
    """By when it happened."""
    assert shell("--since", "1m", "-o", "json")[1].count("ApplicationError") == 0
    assert shell("--since", "9999d", "-o", "json")[1].count("ApplicationError") == 1


def test_called_by_kubectl(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Usage and notes name what was typed."""
    monkeypatch.setenv("_", "/usr/local/bin/kubectl")
    _, _, err = shell("app-7")
    assert err == "kubectl diagnose: pod/app-7: not found\n"
    _, out, _ = shell("--help")
    assert out.startswith("Usage: kubectl diagnose [OPTIONS]")


_NAMES = st.text(max_size=8)
_ITEMS = st.lists(
    st.dictionaries(_NAMES, st.recursive(_NAMES | st.integers(), st.lists, max_leaves=4)).map(
        lambda each: {"kind": "Pod", **each}
    ),
    max_size=4,
)


@given(_ITEMS, st.sampled_from([4, None, 2]))
def test_a_list_is_split_into_its_items(items: list[Json], indent: int | None) -> None:
    """Whatever texts are in it: as kubectl indents it, and else."""
    document = {"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"a": "}"}}
    stream = io.BytesIO(json.dumps(document, indent=indent).encode())
    assert [json.loads(each) for each in split_list(stream)] == items


def test_a_long_list_is_read_piece_by_piece() -> None:
    """No piece of it is longer than an item and what is read at once."""
    items = [{"kind": "Pod", "text": "x" * 100_000, "n": n} for n in range(50)]
    stream = io.BytesIO(json.dumps({"apiVersion": "v1", "items": items}, indent=4).encode())
    assert [json.loads(each)["n"] for each in split_list(stream)] == list(range(50))


def test_a_call_ends_with_its_block(tmp_path: Path) -> None:
    """Kubectl does not run on when nobody reads it."""
    fake = FakeKubectl(tmp_path, {"get": Answer(seconds=60)})
    start = time.monotonic()
    with pytest.raises(ZeroDivisionError), Kubectl(fake.path, (), 60).get("pods") as call:
        _ = 1 / 0
    assert time.monotonic() - start < 30
    assert call.warnings == ()


def test_error_without_words(tmp_path: Path) -> None:
    """The exit code is all there is."""
    fake = FakeKubectl(tmp_path, {"get": Answer(code=3)})
    with Kubectl(fake.path, (), 60).get("pods") as call, pytest.raises(KubectlError) as error:
        list(call.objects())
    assert str(error.value) == "kubectl ended with exit code 3 and said nothing"


def test_a_kubectl_that_is_killed(tmp_path: Path) -> None:
    """For lack of memory, say: a negative exit code is Python's word for it."""
    kubectl = run_through(tmp_path, "kill -9 $$")
    with Kubectl(kubectl, (), 60).get("pods") as call, pytest.raises(KubectlError) as error:
        list(call.objects())
    assert str(error.value) == "kubectl was killed by signal 9 and said nothing"


def replica_set(name: str, number: int, image: str, **spec: Any) -> Json:
    """Return a ReplicaSet of the Deployment api."""
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api", "uid": "deploy-1"}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"rs-{number}",
            "creationTimestamp": f"2026-11-23T09:{10 * number:02}:00Z",
            "annotations": {"deployment.kubernetes.io/revision": str(number)},
            "ownerReferences": [{**owner, "controller": True}],
        },
        "spec": {"template": {"spec": {"containers": [{"name": "app", "image": image, **spec}]}}},
    }


def test_what_changed_before(shell: Shell) -> None:
    """The version of the template of a Pod that is named, beside the former one; no values."""
    secret = [{"name": "TOKEN", "value": "hunter2secret"}]
    versions = [
        replica_set("api-7c9", 1, "shop/api:1.0"),
        replica_set("api-6d5f8", 2, "shop/api:1.1", env=secret),
    ]
    of = owned("api-1", 1, terminated())
    of["metadata"]["ownerReferences"][0]["uid"] = "rs-2"
    shell.kubectl.answers.update(answers_of([of], []))
    shell.kubectl.answers |= {"logs": Answer(), "get replicasets.apps": listed(*versions)}
    code, out, err = shell("api-1")
    assert (code, err) == (0, "")
    (changed,) = [line for line in out.splitlines() if line.startswith("Changed:")]
    assert "Revision 2 began 40 min before this crash: image" in changed
    assert "TOKEN" in changed
    assert "hunter2secret" not in out


def test_versions_that_may_not_be_read(shell: Shell) -> None:
    """The card is printed without them; one line says so."""
    shell.kubectl.answers.update(answers_of([owned("api-1", 1, terminated())], []))
    shell.kubectl.answers |= {"logs": Answer(), "get replicasets.apps": refused("replicasets")}
    code, out, err = shell("api-1")
    assert code == 0
    assert "Changed:" not in out
    assert err.startswith("kubectl-diagnose: replicasets.apps of namespace shop: (Forbidden)")
    assert err.endswith("; what changed before is not told\n")


def test_what_the_operator_does_about_a_pod(shell: Shell) -> None:
    """The PodDiagnoser that claims it, its entries for this Pod, and why it is withheld."""
    of = crashed(labels={"app": "app", "diagnostics.local.io/diagnoser": "diag"})
    entry = {"id": "0" * 16, "action": "RestartPod", "pod": "app-1", "podUID": UID.format(1)}
    entry |= {"owner": "", "container": "app", "cause": "ApplicationError", "diagnosis": ""}
    entry["plannedAt"] = "2026-11-23T10:00:00Z"
    entry |= {"phase": "Failed", "reason": "Forbidden", "message": "may not \x1b[2J delete Pods"}
    withheld = {"reason": "CoolingDown", "message": "wait", "crashes": 1, "examples": ["app-1"]}
    claim = diagnoser(
        remediationAction="RestartPod",
        targetLabels={"app": "app"},
        status={"remediations": [entry], "withheld": [withheld]},
    )
    shell.kubectl.answers.update(answers_of([of], []))
    shell.kubectl.answers |= {"logs": Answer(), "poddiagnosers": listed(claim)}
    code, out, err = shell("app-1")
    assert (code, err) == (0, "")
    told = out[out.index("Remediation:") :]
    assert "PodDiagnoser diag has remediationAction RestartPod" in told
    assert 'RestartPod Failed (Forbidden): "may not [2J delete Pods"' in told
    assert 'withheld (CoolingDown): "wait"' in told
