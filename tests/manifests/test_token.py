"""``metacontroller/token.sh``, against a stand-in for kubectl; the real one is in ``tests/e2e``."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.manifests.kustomize import COMPONENTS, PROJECT, SERVED_BY

SCRIPT = PROJECT / "metacontroller" / "token.sh"
FAKE = Path(__file__).with_name("fake_kubectl.py")
NEVER = 1_000_000

Cluster = dict[str, Any]
Run = Callable[..., tuple[subprocess.CompletedProcess[str], Cluster]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the script on a cluster, and return its output and the cluster after it."""

    def run_script(
        command: str, cluster: Cluster, calls: int = NEVER
    ) -> tuple[subprocess.CompletedProcess[str], Cluster]:
        state = tmp_path / "cluster.json"
        state.write_text(json.dumps({**cluster, "calls_left": calls}), encoding="utf-8")
        done = subprocess.run(
            ["/bin/sh", SCRIPT, command],
            env={
                **os.environ,
                "KUBECTL": f"{sys.executable} -I -S {FAKE}",
                "FAKE_CLUSTER": str(state),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert "AssertionError" not in done.stderr, done.stderr
        return done, json.loads(state.read_text())

    return run_script


def empty() -> Cluster:
    """Return a cluster with nothing of ours in it."""
    return {
        "namespace": False,
        "secret": None,
        "retiring": "",
        "keys": {},
        "held": {},
        "known": {component: [] for component in COMPONENTS},
        "restarted": [],
        "refused": [],
        "commands": [],
    }


def installed(used: str = "token-a", **tokens: str) -> Cluster:
    """Return a cluster whose hook knows the Secret; Metacontroller uses one of its keys."""
    secret = tokens or {"token-a": "a" * 64, "token-b": "b" * 64}
    return {
        **empty(),
        "namespace": True,
        "secret": secret,
        "keys": dict.fromkeys(SERVED_BY, used),
        "held": dict.fromkeys(SERVED_BY, secret.get(used, "")),
        "known": {component: [sorted(secret.values())] for component in COMPONENTS},
    }


def test_create_makes_two_random_tokens(run: Run) -> None:
    """Namespace and Secret are made where there are none, each time with other values."""
    done, cluster = run("create", empty())
    assert done.returncode == 0, done.stderr
    assert cluster["namespace"]
    tokens = cluster["secret"]
    assert list(tokens) == ["token-a", "token-b"]
    _, other = run("create", empty())
    assert len({*tokens.values(), *other["secret"].values()}) == 4
    for token in tokens.values():
        assert len(bytes.fromhex(token)) == 32


def test_create_leaves_what_is_there(run: Run) -> None:
    """A second call changes nothing."""
    done, cluster = run("create", installed())
    assert done.returncode == 0
    assert "is there already" in done.stdout
    assert cluster["secret"] == installed()["secret"]


@pytest.mark.parametrize(("used", "other"), [("token-a", "token-b"), ("token-b", "token-a")])
def test_rotate_uses_the_other_and_replaces_the_used_one(run: Run, used: str, other: str) -> None:
    """Metacontroller is never refused, and in the end the old token is not accepted."""
    before = installed(used)
    done, after = run("rotate", before)
    assert done.returncode == 0, done.stderr
    assert after["refused"] == []
    assert after["keys"] == dict.fromkeys(SERVED_BY, other)
    assert after["secret"][other] == before["secret"][other]
    assert len(bytes.fromhex(after["secret"][used])) == 32
    assert after["held"] == dict.fromkeys(SERVED_BY, before["secret"][other])
    assert after["known"] == {c: [sorted(after["secret"].values())] for c in COMPONENTS}
    assert before["secret"][used] not in after["secret"].values()


def test_rotate_twice_replaces_both(run: Run) -> None:
    """Two rotations replace both tokens, for when somebody may have read the Secret."""
    _, once = run("rotate", installed())
    done, twice = run("rotate", once)
    assert done.returncode == 0, done.stderr
    assert twice["refused"] == []
    assert not set(twice["secret"].values()) & set(installed()["secret"].values())
    assert twice["keys"] == dict.fromkeys(SERVED_BY, "token-a")


COMMANDS = 30
"""How many commands of kubectl a rotation is."""


@pytest.mark.parametrize("last", range(1, COMMANDS + 1))
def test_rotate_goes_on_after_an_interruption(run: Run, last: int) -> None:
    """Whichever command fails, or is not reached: the next run finishes the rotation."""
    start = installed()
    broken, between = run("rotate", start, last)
    assert broken.returncode != 0
    assert len(between["commands"]) == last
    done, after = run("rotate", between)
    assert done.returncode == 0, done.stderr
    assert after["refused"] == []
    assert after["retiring"] == ""
    assert after["keys"] == dict.fromkeys(SERVED_BY, "token-b")
    assert after["secret"]["token-b"] == start["secret"]["token-b"]
    assert after["secret"]["token-a"] != start["secret"]["token-a"]
    assert after["known"] == {c: [sorted(after["secret"].values())] for c in COMPONENTS}


def test_interruptions_are_tried_at_each_command(run: Run) -> None:
    """The test above has interrupted every command."""
    _, after = run("rotate", installed())
    assert len(after["commands"]) == COMMANDS


def test_rotate_with_one_token_only(run: Run) -> None:
    """A Secret that somebody made with one key gets the other one, which the hook learns first."""
    done, after = run("rotate", installed(**{"token-a": "a" * 64}))
    assert done.returncode == 0, done.stderr
    assert after["refused"] == []
    assert after["keys"] == dict.fromkeys(SERVED_BY, "token-b")
    assert "a" * 64 not in after["secret"].values()


def test_rotate_brings_controllers_together(run: Run) -> None:
    """If the manifests are applied in between, the last step has the right key named again."""
    cluster = installed()
    _, between = run("rotate", cluster, COMMANDS - 2)
    assert between["keys"] == dict.fromkeys(SERVED_BY, "token-b")
    between["keys"]["pods"] = "token-a"
    between["held"]["pods"] = between["secret"]["token-a"]
    done, after = run("rotate", between)
    assert done.returncode == 0, done.stderr
    assert after["keys"] == dict.fromkeys(SERVED_BY, "token-b")
    assert set(after["held"].values()) == {cluster["secret"]["token-b"]}


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"pods": "token-a", "recall-pods": "token-b"}, "name different keys"),
        (dict.fromkeys(SERVED_BY, "mine"), 'the key "mine", neither token-a nor token-b'),
        (dict.fromkeys(SERVED_BY, ""), 'the key "", neither token-a nor token-b'),
    ],
)
def test_rotate_touches_nothing_that_it_does_not_know(
    run: Run, keys: dict[str, str], problem: str
) -> None:
    """Where the DecoratorControllers are not as ours, it says so and changes nothing."""
    start = installed()
    before = {**start, "keys": {**start["keys"], **keys}}
    done, after = run("rotate", before)
    assert done.returncode == 1
    assert problem in done.stderr
    for field in ("secret", "keys", "retiring", "restarted"):
        assert after[field] == before[field]


def test_no_token_is_shown(run: Run) -> None:
    """Neither as a command's argument, where others on the machine see it, nor in the output."""
    created, first = run("create", empty())
    rotated, then = run("rotate", installed())
    again, last = run("rotate", then)
    shown = "".join(one.stdout + one.stderr for one in (created, rotated, again))
    for cluster in (first, then, last):
        for token in cluster["secret"].values():
            assert token not in shown
            assert token not in json.dumps(cluster["commands"])


def test_usage(run: Run) -> None:
    """Any other word is refused."""
    done, cluster = run("renew", installed())
    assert done.returncode == 1
    assert "create | rotate" in done.stderr
    assert cluster["commands"] == []
