"""``metacontroller/credentials.sh`` with a stand-in for kubectl; the real one: ``tests/e2e``."""

import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.manifests.kustomize import COMPONENTS, PROJECT, SERVED_BY

SCRIPT = PROJECT / "metacontroller" / "credentials.sh"
FAKE = Path(__file__).with_name("fake_kubectl.py")
OPENSSL = shutil.which("openssl")
NEVER = 1_000_000
CA = "CA 0\n"

Cluster = dict[str, Any]
Run = Callable[..., tuple[subprocess.CompletedProcess[str], Cluster]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the script on a cluster, and return its output and the cluster after it.

    Without ``real_openssl`` certificates are texts that name the number of their CA.
    """
    openssl = tmp_path / "bin" / "openssl"
    openssl.parent.mkdir()
    openssl.write_text(FAKE_OPENSSL.format(counter=tmp_path / "counter"), encoding="ascii")
    openssl.chmod(0o755)

    def run_script(
        command: str, cluster: Cluster, calls: int = NEVER, *, real_openssl: bool = False
    ) -> tuple[subprocess.CompletedProcess[str], Cluster]:
        state = tmp_path / "cluster.json"
        path = os.environ["PATH"] if real_openssl else f"{openssl.parent}:{os.environ['PATH']}"
        state.write_text(json.dumps({**cluster, "calls_left": calls}), encoding="utf-8")
        done = subprocess.run(
            ["/bin/sh", SCRIPT, command],
            env={
                **os.environ,
                "PATH": path,
                "TMPDIR": str(tmp_path),
                "EXTRA_NAMES": "DNS:localhost",
                "KUBECTL": f"{sys.executable} -I -S {FAKE}",
                "FAKE_CLUSTER": str(state),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert "AssertionError" not in done.stderr, done.stderr
        assert not list(tmp_path.glob("tmp.*")), "keys are left behind"
        return done, json.loads(state.read_text())

    return run_script


FAKE_OPENSSL = """\
#!/bin/sh
# Files with the number of their CA in place of certificates.
while [ "$1" ]; do
	case $1 in
	-out) out=$2 ;;
	ecparam | req | x509 | rand) verb=$1 ;;
	esac
	shift
done
case $out in
ca.crt) echo x >>{counter}; echo "CA $(($(wc -l <{counter})))" >$out ;;
tls.crt) echo "issued by $(cat ca.crt)." >$out ;;
"") echo 00ff ;;
*) echo secret >$out ;;
esac
"""


def empty() -> Cluster:
    """Return a cluster with nothing of ours in it."""
    return {
        "namespace": False,
        "secret": None,
        "tls": None,
        "cas": None,
        "ca_keys": {},
        "trusted": {},
        "served": {component: [] for component in COMPONENTS},
        "retiring": "",
        "keys": {},
        "held": {},
        "known": {component: [] for component in COMPONENTS},
        "restarted": [],
        "refused": [],
        "mistrusted": [],
        "commands": [],
    }


def installed(used: str = "token-a", **tokens: str) -> Cluster:
    """Return a cluster whose hook knows the Secret; Metacontroller uses one of its keys."""
    secret = tokens or {"token-a": "a" * 64, "token-b": "b" * 64}
    return {
        **empty(),
        "namespace": True,
        "secret": secret,
        "tls": {"tls.crt": "issued by CA 0.", "tls.key": "k", "ca-a.crt": CA, "ca-b.crt": CA},
        "cas": {"ca-a.crt": CA, "ca-b.crt": CA},
        "ca_keys": dict.fromkeys(SERVED_BY, "ca-a.crt"),
        "trusted": dict.fromkeys(SERVED_BY, CA),
        "served": {component: ["issued by CA 0."] for component in COMPONENTS},
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
    done, after = run("rotate-token", before)
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
    _, once = run("rotate-token", installed())
    done, twice = run("rotate-token", once)
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
    broken, between = run("rotate-token", start, last)
    assert broken.returncode != 0
    assert len(between["commands"]) == last
    done, after = run("rotate-token", between)
    assert done.returncode == 0, done.stderr
    assert after["refused"] == []
    assert after["retiring"] == ""
    assert after["keys"] == dict.fromkeys(SERVED_BY, "token-b")
    assert after["secret"]["token-b"] == start["secret"]["token-b"]
    assert after["secret"]["token-a"] != start["secret"]["token-a"]
    assert after["known"] == {c: [sorted(after["secret"].values())] for c in COMPONENTS}


def test_interruptions_are_tried_at_each_command(run: Run) -> None:
    """The test above has interrupted every command."""
    _, after = run("rotate-token", installed())
    assert len(after["commands"]) == COMMANDS


def test_rotate_with_one_token_only(run: Run) -> None:
    """A Secret that somebody made with one key gets the other one, which the hook learns first."""
    done, after = run("rotate-token", installed(**{"token-a": "a" * 64}))
    assert done.returncode == 0, done.stderr
    assert after["refused"] == []
    assert after["keys"] == dict.fromkeys(SERVED_BY, "token-b")
    assert "a" * 64 not in after["secret"].values()


def test_rotate_brings_controllers_together(run: Run) -> None:
    """If the manifests are applied in between, the last step has the right key named again."""
    cluster = installed()
    _, between = run("rotate-token", cluster, COMMANDS - 2)
    assert between["keys"] == dict.fromkeys(SERVED_BY, "token-b")
    between["keys"]["pods"] = "token-a"
    between["held"]["pods"] = between["secret"]["token-a"]
    done, after = run("rotate-token", between)
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
    done, after = run("rotate-token", before)
    assert done.returncode == 1
    assert problem in done.stderr
    for field in ("secret", "keys", "retiring", "restarted"):
        assert after[field] == before[field]


def test_no_token_is_shown(run: Run) -> None:
    """Neither as a command's argument, where others on the machine see it, nor in the output."""
    created, first = run("create", empty())
    rotated, then = run("rotate-token", installed())
    again, last = run("rotate-token", then)
    shown = "".join(one.stdout + one.stderr for one in (created, rotated, again))
    for cluster in (first, then, last):
        for token in cluster["secret"].values():
            assert token not in shown
            assert token not in json.dumps(cluster["commands"])


def test_create_makes_a_certificate_that_clients_accept(run: Run, tmp_path: Path) -> None:
    """For the hosts of the DecoratorControllers and the names that were asked for; openssl's own.

    The key fits, TLS 1.3 is spoken, and the CA trusts nothing else: its key is nowhere.
    """
    if OPENSSL is None:
        pytest.skip("no openssl here")
    done, cluster = run("create", empty(), real_openssl=True)
    assert done.returncode == 0, done.stderr
    assert cluster["cas"] == {"ca-a.crt": cluster["tls"]["ca-a.crt"]} | {
        "ca-b.crt": cluster["tls"]["ca-b.crt"]
    }
    assert set(cluster["tls"]) == {"tls.crt", "tls.key", "ca-a.crt", "ca-b.crt"}
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).write_text(cluster["tls"][name], encoding="ascii")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    client = ssl.create_default_context(cadata=cluster["cas"]["ca-a.crt"])
    hosts = [f"pod-diagnoser-{component}.pod-diagnoser-system.svc" for component in COMPONENTS]
    for host in (*hosts, "localhost"):
        assert handshake(client, server, host) == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(client, server, "pod-diagnoser-pods.elsewhere.svc")


def handshake(client: ssl.SSLContext, server: ssl.SSLContext, host: str) -> str | None:
    """Have a client and a server meet in memory; return the version that they agreed on."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(back, there, server_hostname=host),
        server.wrap_bio(there, back, server_side=True),
    ]
    for side in (*sides, *sides):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return sides[0].version()


def test_create_completes_a_certificate_that_was_interrupted(run: Run) -> None:
    """Whichever command failed: the Secret and the ConfigMap fit each other in the end."""
    complete, whole = run("create", empty())
    assert complete.returncode == 0
    for last in range(1, len(whole["commands"]) + 1):
        _, between = run("create", empty(), last)
        done, cluster = run("create", between)
        assert done.returncode == 0, done.stderr
        assert cluster["tls"]["ca-a.crt"] == cluster["cas"]["ca-a.crt"]
        assert cluster["tls"]["tls.crt"] == f"issued by {cluster['cas']['ca-a.crt'].strip()}.\n"


@pytest.mark.parametrize("used", ["ca-a.crt", "ca-b.crt"])
def test_rotate_certificate_replaces_it_and_its_authority(run: Run, used: str) -> None:
    """Metacontroller trusts what the hook shows at each step; in the end the new one alone."""
    start = installed()
    done, after = run("rotate-certificate", {**start, "ca_keys": dict.fromkeys(SERVED_BY, used)})
    assert done.returncode == 0, done.stderr
    assert after["mistrusted"] == []
    assert set(after["trusted"].values()) == {"CA 1\n"}
    assert after["tls"]["tls.crt"] == "issued by CA 1.\n"
    assert after["served"] == {component: ["issued by CA 1.\n"] for component in COMPONENTS}
    # What a later apply of the manifests names holds the same.
    assert after["cas"] == {"ca-a.crt": "CA 1\n", "ca-b.crt": "CA 1\n"}
    assert after["secret"] == start["secret"]


CERTIFICATE_COMMANDS = 39
"""How many commands of kubectl a rotation of the certificate is."""


@pytest.mark.parametrize("last", range(1, CERTIFICATE_COMMANDS + 1, 2))
def test_rotate_certificate_goes_on_after_an_interruption(run: Run, last: int) -> None:
    """Wherever it stops: nothing is mistrusted, and the next run ends it. Half of all commands."""
    broken, between = run("rotate-certificate", installed(), last)
    assert broken.returncode != 0
    done, after = run("rotate-certificate", between)
    assert done.returncode == 0, done.stderr
    assert after["mistrusted"] == []
    (trusted,) = set(after["trusted"].values())
    assert after["cas"] == {"ca-a.crt": trusted, "ca-b.crt": trusted}
    assert after["tls"]["tls.crt"] == f"issued by {trusted.strip()}.\n"


def test_interruptions_of_the_certificate_are_tried_to_the_end(run: Run) -> None:
    """The test above has interrupted the last command, too."""
    _, after = run("rotate-certificate", installed())
    assert len(after["commands"]) == CERTIFICATE_COMMANDS


def test_rotate_certificate_without_one_says_so(run: Run) -> None:
    """It changes nothing then, nor where the manifests name another key."""
    done, after = run("rotate-certificate", {**installed(), "cas": None})
    assert done.returncode == 1
    assert "There is no certificate yet" in done.stderr
    assert after["tls"] == installed()["tls"]


def test_no_key_is_shown(run: Run) -> None:
    """Neither as a command's argument nor in the output."""
    created, first = run("create", empty())
    rotated, then = run("rotate-certificate", installed())
    for done, cluster in ((created, first), (rotated, then)):
        assert cluster["tls"]["tls.key"] == "secret\n"
        assert "secret\n" not in done.stdout + done.stderr
        assert "secret\\n" not in json.dumps(cluster["commands"])


def test_usage(run: Run) -> None:
    """Any other word is refused."""
    done, cluster = run("renew", installed())
    assert done.returncode == 1
    assert "create | rotate-token | rotate-certificate" in done.stderr
    assert cluster["commands"] == []
