"""Lists as the API server sends them: chunk by chunk, whatever is in them, and where that fails."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.cli.collector import Collector
from pod_diagnoser.cli.selection import Selection
from pod_diagnoser.cli.sources import api_lists
from pod_diagnoser.cli.sources.api_lists import ApiList
from pod_diagnoser.cli.sources.kubectl import Call, Kubectl, KubectlError
from pod_diagnoser.cli.sources.lists import context_namespace, path_of
from pod_diagnoser.cli.sources.live import LiveSource, Scope
from tests.support.builders import crashed
from tests.support.fake_kubectl import Answer, FakeKubectl, answers_of, as_sent, listed

PATH = "/api/v1/namespaces/shop/pods"
EXPIRED = Answer(
    err="Error from server (Expired): The provided continue parameter is too old\n", code=1
)


class Recorder(Kubectl):
    """Notes what is started, when it is."""

    def __init__(self, executable: str) -> None:
        super().__init__(executable, (), 60)
        self.started: list[str] = []

    def start(self, *arguments: str) -> Call:
        """Note it, and start it."""
        self.started.append(" ".join(arguments))
        return super().start(*arguments)


def recorder(folder: Path, answers: dict[str, Answer]) -> Recorder:
    """Return a kubectl that answers so."""
    return Recorder(FakeKubectl(folder, answers).path)


def chunk(*names: str, rest: str = "") -> Answer:
    """Return a part of a list of Pods."""
    return Answer(as_sent(listed(*(crashed(name=name) for name in names)).out, rest))


def names_of(items: Sequence[bytes]) -> list[str]:
    """Return the names of objects."""
    return [json.loads(each)["metadata"]["name"] for each in items]


def test_the_next_chunk_is_asked_for_while_one_is_read(tmp_path: Path) -> None:
    """So that kubectl's start, which may take a plug-in for credentials, costs no time."""
    answers = {"continue=t1": chunk("c", rest="t2"), "continue=t2": chunk("d")}
    kubectl = recorder(tmp_path, {**answers, "get": chunk("a", "b", rest="t1")})
    with ApiList(kubectl, PATH, {"labelSelector": "app=api,env in (a,b),!c&d"}) as pods:
        items = pods.objects()
        first = next(items)
        start = f"get --raw {PATH}?labelSelector=app=api,env+in+%28a,b%29,%21c%26d&limit=500"
        assert kubectl.started == [start, f"{start}&continue=t1"]
        assert names_of([first, *items]) == ["a", "b", "c", "d"]
    assert kubectl.started[2:] == [f"{start}&continue=t2"]


def test_a_list_of_which_the_rest_is_forgotten(tmp_path: Path) -> None:
    """The API server keeps it for minutes only; then it is read at once."""
    answers = {"continue=t1": EXPIRED, "limit=500": chunk("a", "b", rest="t1")}
    kubectl = recorder(tmp_path, {**answers, "get": chunk("a", "b", "c")})
    with ApiList(kubectl, PATH, {}) as pods:
        assert set(names_of(list(pods.objects()))) == {"a", "b", "c"}
    assert kubectl.started[-1] == f"get --raw {PATH}"


def test_a_list_that_is_forgotten_again(tmp_path: Path) -> None:
    """That is an error, and nothing is asked for ever again."""
    kubectl = recorder(tmp_path, {"get": EXPIRED})
    with ApiList(kubectl, PATH, {}) as pods, pytest.raises(KubectlError, match="Expired"):
        list(pods.objects())
    assert len(kubectl.started) == 2


def test_a_list_that_is_cut_off(tmp_path: Path) -> None:
    """What is there counts; that the rest is missing is an error, although kubectl says nothing."""
    kubectl = recorder(tmp_path, {"get": Answer(chunk("a", "b", "c").out[:-200])})
    found: list[bytes] = []
    with ApiList(kubectl, PATH, {}) as pods, pytest.raises(KubectlError, match="cut off"):
        found.extend(pods.objects())
    assert names_of(found) == ["a", "b"]


def test_a_part_of_the_pods_is_better_than_none(tmp_path: Path) -> None:
    """One line says that it is a part."""
    failing = Answer(err="error: stream error: INTERNAL_ERROR\n", code=1)
    pods = [crashed(name=name, number=number) for number, name in enumerate("ab", 1)]
    first = Answer(as_sent(listed(*pods).out, "t1"))
    answers = {"pods continue=t1": failing, "namespaces/shop/pods": first}
    collector = Collector()
    kubectl = recorder(tmp_path, {**answers, "get events": listed()})
    LiveSource(kubectl, Scope(("shop",)), Selection(), collector).read_overview()
    snapshot = collector.snapshot()
    assert [each.metadata.name for each in snapshot.pods] == ["a", "b"]
    assert [str(each) for each in snapshot.missing] == [
        "Pods of namespace shop: stream error: INTERNAL_ERROR; only a part of them is looked at"
    ]


def test_what_waited_for_long_is_asked_for_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API server ends a request after a minute, and Events wait until all Pods are read."""
    kubectl = recorder(tmp_path, {"get": chunk("a")})
    with ApiList(kubectl, PATH, {}) as pods:
        monkeypatch.setattr(api_lists, "STALE_SECONDS", -1.0)
        assert names_of(list(pods.objects())) == ["a"]
    assert len(kubectl.started) == 2


def test_an_object_that_no_api_server_writes_is_counted(tmp_path: Path) -> None:
    """Although the items of the API server's lists do not say what they are."""
    answers = answers_of([{"metadata": {"name": {}}}, crashed()], [{"involvedObject": 1}])
    collector = Collector()
    kubectl = recorder(tmp_path, answers)
    LiveSource(kubectl, Scope(("shop",)), Selection(), collector).read_overview()
    assert len(list(collector.pods)) == 1
    assert collector.snapshot().unreadable == 2


@pytest.mark.parametrize(
    ("said", "environment", "namespace"),
    [
        (Answer("shop\n"), {}, "shop"),
        (Answer(""), {}, "default"),
        (Answer("shop"), {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "shop"),
        # In a Pod kubectl takes the Pod's namespace, and without a kubeconfig it says what it does.
        (Answer(""), {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, ""),
        (Answer(err="error: current-context must exist\n", code=1), {}, ""),
    ],
)
def test_namespace_of_the_context(
    said: Answer, environment: dict[str, str], namespace: str, tmp_path: Path
) -> None:
    """As kubectl takes it; empty where it has to be left to kubectl."""
    kubectl = recorder(tmp_path, {"config view --minify": said})
    assert context_namespace(kubectl, environment) == namespace


@pytest.mark.parametrize("namespaces", [(), ("../../x",), ("",)])
def test_what_only_kubectl_can_tell_is_left_to_it(
    namespaces: tuple[str, ...], tmp_path: Path
) -> None:
    """Where it takes the namespace from, and what it says of one that is none."""
    answers = {"config view": Answer(code=1), "get pods": listed(crashed()), "get": listed()}
    kubectl = recorder(tmp_path, answers)
    collector = Collector()
    LiveSource(kubectl, Scope(namespaces, selector="a=b"), Selection(), collector).read_overview()
    place = [f"-n {each}" for each in namespaces]
    pods = " ".join(["get pods -o json --chunk-size=500", *place, "--selector=a=b"])
    assert pods in kubectl.started
    assert not [each for each in kubectl.started if "--raw" in each]
    assert len(list(collector.pods)) == 1


@pytest.mark.parametrize(
    ("namespace", "path"),
    [
        (None, "/api/v1/pods"),
        ("shop", "/api/v1/namespaces/shop/pods"),
        *((each, None) for each in ("", "..", "a/b", "a?b", "a%2fb", "-n", "A", "a\n")),
    ],
)
def test_paths(namespace: str | None, path: str | None) -> None:
    """None where the name would change what is asked for."""
    assert path_of("pods", namespace) == path


_TEXTS = st.sampled_from(['},{"metadata":{', "}]}", '"', "\\", "é", "\u2028", "{", "]"]) | st.text(
    max_size=4
)
_TREES = st.recursive(
    _TEXTS | st.integers() | st.none(),
    lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
_ITEMS = st.lists(
    st.builds(
        lambda name, more: {"metadata": {"name": name}, **more},
        _TEXTS,
        st.dictionaries(st.sampled_from(["spec", "status"]), _TREES),
    ),
    max_size=4,
)


class _Bytes(Call):
    """What kubectl printed, and ended well."""

    def __init__(self, content: bytes) -> None:
        self._stream = io.BytesIO(content)

    def read(self, size: int, /) -> bytes:
        """Read on."""
        return self._stream.read(size)

    def check(self) -> None:
        """Nothing is wrong."""


@given(_ITEMS, st.integers(1, 200), st.booleans())
def test_a_list_is_split_into_its_items(items: list[Any], size: int, escaped: bool) -> None:
    """Whatever texts are in it, and wherever it is read to."""
    head = '{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":['
    each = [json.dumps(item, separators=(",", ":"), ensure_ascii=escaped) for item in items]
    call = _Bytes(f"{head}{','.join(each)}]}}\n".encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api_lists, "READ_BYTES", len(head) + size)
        assert [json.loads(found) for found in api_lists._Chunk(call).items()] == items
