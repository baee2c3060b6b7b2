"""What an administrator does: installs the manifests, rotates tokens, removes everything again."""

import contextlib
import itertools
import json
import operator
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from dev.envtest import installation
from dev.envtest.build import Binaries
from dev.envtest.client import (
    CLUSTERPODDIAGNOSERS,
    DECORATOR_CONTROLLERS,
    EVENTS,
    NAMESPACES,
    PODDIAGNOSERS,
    PODS,
    Json,
)
from dev.envtest.cluster import Cluster
from dev.envtest.control_plane import ControlPlane, KubectlError
from dev.envtest.installation import MANIFESTS, PROJECT
from dev.envtest.pods import Termination
from pod_diagnoser.server.auth import REREAD_SECONDS
from tests.e2e.administration import make
from tests.e2e.workspace import COMPLETED, ERROR, Workspace, eventually, shown_metadata

SYSTEM = "pod-diagnoser-system"
FULL = PROJECT / "tests" / "manifests" / "status.yaml"
LONG_NAME = "k" * 63
LONG_PREFIX = "p" * 253
ROLE = "pod-diagnoser-remediation"
REMEDIATOR = f"system:serviceaccount:{SYSTEM}:pod-diagnoser-poddiagnosers"


@pytest.fixture
def own_cluster(binaries: Binaries) -> Iterator[Cluster]:
    """A cluster that may be taken apart."""
    with Cluster(binaries) as running:
        yield running


def test_pod_security_admits_the_hooks_pods(cluster: Cluster) -> None:
    """The namespace enforces the restricted standard, and each Deployment gets its two Pods."""
    namespace = cluster.admin.get(NAMESPACES, SYSTEM)
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for component in ("pods", "poddiagnosers"):
        selector = f"app.kubernetes.io/component={component}"
        eventually(
            partial(cluster.admin.list, PODS, SYSTEM, selector), lambda found: len(found) == 2
        )


def test_pod_security_admits_fragile_app(cluster: Cluster, shop: Workspace) -> None:
    """The sample application runs in a namespace that enforces the restricted standard too."""
    label = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    cluster.admin.patch(NAMESPACES, shop.namespace, label)
    shop.kubectl("apply", "-k", str(PROJECT / "fragile-app"))
    eventually(
        lambda: cluster.admin.list(PODS, shop.namespace, "app=fragile-app"),
        lambda found: len(found) == 1,
    )


def test_no_field_of_a_status_is_pruned(shop: Workspace) -> None:
    """The API server keeps each field of the full status, and kubectl prints what happened."""
    wanted: Json = yaml.safe_load(FULL.read_text(encoding="utf-8"))
    text = yaml.safe_dump(wanted)
    shop.kubectl("create", "-f", "-", stdin=text)

    def replace() -> str:
        options = ("--subresource=status", "--dry-run=server", "-o=yaml", "-f", "-")
        try:
            return shop.kubectl("replace", *options, stdin=text)
        except KubectlError as error:
            if "Conflict" in str(error):  # Metacontroller writes it, too
                return ""
            raise

    stored = yaml.safe_load(eventually(replace, bool))
    assert stored["status"] == wanted["status"]


@pytest.mark.parametrize(
    ("labels", "refusal"),
    [
        ({"app": None}, "a label has no value"),
        ({"app": "x", "tier": None}, "a label has no value"),
        ({"": "x"}, "not a label key"),
        ({f"{LONG_NAME}k": "x"}, "not a label key"),
        ({"a/b/c": "x"}, "not a label key"),
        ({"Example.com/app": "x"}, "not a label key"),
        ({f"p{LONG_PREFIX}/app": "x"}, "not a label key"),
        ({"app": "ends-"}, "not a label value"),
        ({"app": "two\nlines"}, "not a label value"),
        ({"app": "v" * 64}, "Too long"),
        ({"app": ""}, None),
        ({"app": "v" * 63}, None),
        ({LONG_NAME: "x"}, None),
        ({f"{LONG_PREFIX}/{LONG_NAME}": "x"}, None),
        ({"app.kubernetes.io/name": "A_b-c.9"}, None),
        ({str(number): "" for number in range(32)}, None),
        ({str(number): "" for number in range(33)}, "at most 32"),
    ],
)
def test_labels_are_those_that_pods_can_have(
    shop: Workspace, labels: dict[str, str | None], refusal: str | None
) -> None:
    """What no Pod can carry, or what would quietly mean every Pod, is refused with the reason."""
    manifest = {
        "apiVersion": PODDIAGNOSERS.version,
        "kind": "PodDiagnoser",
        "metadata": {"name": "x"},
        "spec": {"targetLabels": labels},
    }
    output = shop.kubectl(
        "create", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(manifest), check=False
    )
    if refusal is None:
        assert "poddiagnoser.diagnostics.local.io/x created" in output
    else:
        assert refusal in output
        assert "created" not in output


def create(shop: Workspace, *arguments: str, name: str = "x", **spec: Any) -> str:
    """Have the API server look at a new PodDiagnoser; return what kubectl said."""
    manifest = {
        "apiVersion": PODDIAGNOSERS.version,
        "kind": "PodDiagnoser",
        "metadata": {"name": name},
        "spec": spec,
    }
    text = yaml.safe_dump(manifest)
    return shop.kubectl("create", *arguments, "-f", "-", stdin=text, check=False)


@pytest.mark.parametrize(
    ("remediation", "refusal"),
    [
        ({"dryRun": "yes"}, "spec.remediation.dryRun in body must be of type boolean"),
        ({"causes": ["OOMKilled"]}, 'Unsupported value: "OOMKilled": supported values: "Aborted"'),
        ({"causes": []}, "spec.remediation.causes in body should have at least 1 items"),
        ({"causes": ["Killed", "Killed"]}, 'causes[1]: Duplicate value: "Killed"'),
        ({"include": ["DaemonSet"]}, 'supported values: "DaemonSetPods", "JobPods"'),
        ({"minPodAgeSeconds": -1}, "greater than or equal to 0"),
        ({"minPodAgeSeconds": 86401}, "less than or equal to 86400"),
        ({"coolDownSeconds": 9}, "greater than or equal to 10"),
        ({"coolDownSeconds": 3601}, "less than or equal to 3600"),
        ({"coolDownSeconds": "1m"}, "spec.remediation.coolDownSeconds in body must be of type int"),
        ({"maxAttempts": 0}, "greater than or equal to 1"),
        ({"maxAttempts": 101}, "less than or equal to 100"),
        ({"budget": {"pods": 0}}, "greater than or equal to 1"),
        ({"budget": {"pods": 51}}, "less than or equal to 50"),
        ({"budget": {"windowSeconds": 59}}, "greater than or equal to 60"),
        ({"budget": {"windowSeconds": 86401}}, "less than or equal to 86400"),
        ({"dryrun": True}, 'unknown field "spec.remediation.dryrun"'),
    ],
)
def test_a_wrong_safeguard_is_refused(
    shop: Workspace, remediation: dict[str, Any], refusal: str
) -> None:
    """A safeguard that would not be what its author meant is refused, with what is right."""
    output = create(shop, "--dry-run=server", remediation=remediation)
    assert refusal in output
    assert "created" not in output


@pytest.mark.parametrize(
    ("written", "different"),
    [
        (None, {}),
        ({}, {}),
        ({"budget": None, "causes": None, "coolDownSeconds": None}, {}),
        ({"dryRun": True}, {"dryRun": True}),
        ({"causes": ["Killed"]}, {"causes": ["Killed"]}),
        ({"budget": {"pods": 1}}, {"budget": {"pods": 1, "windowSeconds": 600}}),
    ],
)
def test_what_is_not_written_is_filled_in(
    shop: Workspace, written: dict[str, Any] | None, different: dict[str, Any]
) -> None:
    """``kubectl get -o yaml`` shows every safeguard, also those that its author left out."""
    output = create(shop, "--dry-run=server", "-o", "yaml", remediation=written)
    (crd,) = (
        one
        for one in installation.render(shop.cluster.control_plane, PROJECT / "crds")
        if one["metadata"]["name"] == "poddiagnosers.diagnostics.local.io"
    )
    (version,) = crd["spec"]["versions"]
    fields = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    properties = fields["remediation"]["properties"]
    defaults = {
        name: field["default"]
        for name, field in properties.items()
        if name != "causes"  # the operator's own, and too many to be shown
    }
    defaults["budget"] = {"pods": 5, "windowSeconds": 600}
    assert yaml.safe_load(output)["spec"]["remediation"] == {**defaults, **different}


def contains(stored: object, written: object) -> bool:
    """Return whether all that was written is stored; defaults may have come to it."""
    if isinstance(stored, dict) and isinstance(written, dict):
        return all(contains(stored.get(name), value) for name, value in written.items())
    return stored == written


def test_the_samples_are_accepted(shop: Workspace) -> None:
    """Each sample is applied over the one before, and is what ``kubectl get`` then shows."""
    for path in sorted((PROJECT / "crds" / "samples").glob("*.yaml")):
        sample = yaml.safe_load(path.read_text(encoding="utf-8"))
        written = sample["spec"]
        if sample["kind"] == "ClusterPodDiagnoser":  # not at work in the namespaces of other tests
            output = shop.kubectl("apply", "--dry-run=server", "-f", str(path), "-o", "yaml")
            assert contains(yaml.safe_load(output)["spec"], written)
            continue
        assert "Warning" not in shop.kubectl("apply", "-f", str(path))
        stored = shop.diagnoser("fragileapp-diagnoser")["spec"]
        assert {**stored, **written} == stored


def permissions(plane: ControlPlane, user: str, namespace: str) -> set[str]:
    """Return what a user may do in a namespace: lines of resources, names and verbs."""
    output = plane.kubectl(
        *("auth", "can-i", "--list", "--no-headers", "--as", user, "--namespace", namespace)
    )
    return {" ".join(line.split()) for line in output.splitlines() if line.strip()}


def test_permissions_are_those_that_remediation_takes(shop: Workspace) -> None:
    """Beyond what every ServiceAccount may, the one of the PodDiagnosers' hook has six rules."""
    plane = shop.cluster.control_plane
    anyone = permissions(plane, "system:serviceaccount:default:default", shop.namespace)
    for namespace in (shop.namespace, SYSTEM, "kube-system"):
        assert permissions(plane, REMEDIATOR, namespace) - anyone == {
            "pods [] [] [get delete]",
            "pods/eviction [] [] [create]",
            "events [] [] [create]",
            "poddiagnosers.diagnostics.local.io [] [] [get]",
            "clusterpoddiagnosers.diagnostics.local.io [] [] [get]",
            "namespaces [] [] [get]",
        }
        hook_of_pods = f"system:serviceaccount:{SYSTEM}:pod-diagnoser-pods"
        assert permissions(plane, hook_of_pods, namespace) == anyone
    shop.start_pod("fragile-app-1")
    for tried in (
        ("get", "pods"),
        ("get", "secrets", "-n", SYSTEM),
        ("label", "pod", "fragile-app-1", "a=b"),
        ("delete", "pods", "--all"),
        ("get", "events"),
    ):
        output = shop.kubectl(*tried, "--as", REMEDIATOR, check=False)
        assert "Forbidden" in output, tried


def test_chosen_namespaces(binaries: Binaries, tmp_path: Path) -> None:
    """With the component and a RoleBinding, remediation has its permissions there and only there.

    The commands are those of metacontroller/README.md.
    """
    with ControlPlane(binaries) as plane:
        for name in ("chosen", "other", SYSTEM):
            plane.kubectl("create", "namespace", name)
        anyone = permissions(plane, REMEDIATOR, "other")
        base = installation.render(plane, MANIFESTS / "base")
        roles = [one for one in base if one["kind"].startswith("ClusterRole")]
        assert len(roles) == 4
        installation.apply(plane, roles)
        everywhere = permissions(plane, REMEDIATOR, "other")
        assert len(everywhere - anyone) == 6

        text = (PROJECT / "metacontroller/README.md").read_text(encoding="utf-8")
        (section,) = (part for part in text.split("\n### ") if part.startswith("Only in chosen"))
        commands = section.split("```sh\n")[1].split("```")[0].replace("NAMESPACE", "chosen")
        script = tmp_path / "commands.sh"
        kubectl = f"{plane.binaries.kubectl} --kubeconfig {plane.kubeconfig}"
        script.write_text(f'kubectl() {{ {kubectl} "$@"; }}\n{commands}', encoding="utf-8")
        subprocess.run(["/bin/sh", "-eu", script], check=True, timeout=60, capture_output=True)

        of_cluster = {
            "clusterpoddiagnosers.diagnostics.local.io [] [] [get]",
            "namespaces [] [] [get]",
        }
        assert permissions(plane, REMEDIATOR, "other") == anyone | of_cluster
        assert permissions(plane, REMEDIATOR, "chosen") == everywhere


def test_who_may_not_delete_pods_cannot_have_it_done(shop: Workspace) -> None:
    """A PodDiagnoser that replaces Pods is taken only from those who may do so themselves."""

    def may(name: str, verb: str, resource: str) -> None:
        shop.kubectl("create", "role", name, f"--verb={verb}", f"--resource={resource}")
        shop.kubectl("create", "rolebinding", name, f"--role={name}", "--user=author")

    author = ("--as", "author")
    may("write", "get,create,update,patch,delete", "poddiagnosers.diagnostics.local.io")
    for action in ("", "LogEvent"):
        output = create(shop, *author, "--dry-run=server", remediationAction=action)
        assert "x created" in output
    for action, permission, verb, resource in (
        ("RestartPod", "delete pods", "delete", "pods"),
        ("EvictPod", "create pods/eviction", "create", "pods/eviction"),
    ):
        output = create(shop, *author, remediationAction=action)
        assert "Forbidden" in output
        assert f"you need the permission to {permission} in this namespace" in output
        create(shop, *author, name=action.lower())
        edit = ("patch", "pdiag", action.lower(), "--type=merge", *author, "--patch")
        change = f'{{"spec": {{"remediationAction": "{action}"}}}}'
        assert f"the permission to {permission}" in shop.kubectl(*edit, change, check=False)

        may(resource.replace("/", "-"), verb, resource)
        assert "patched" in shop.kubectl(*edit, change)
        shop.kubectl("delete", "role", resource.replace("/", "-"))
        # What is no change of the spec, and what replaces no Pods, needs nothing.
        assert "labeled" in shop.kubectl("label", "pdiag", action.lower(), "a=b", *author)
        wider = '{"spec": {"targetLabels": {"app": "other"}}}'
        assert f"the permission to {permission}" in shop.kubectl(*edit, wider, check=False)
        assert "patched" in shop.kubectl(*edit, '{"spec": {"remediationAction": null}}')

    # Who may edit a namespace may delete and evict its Pods, and so have it done.
    shop.kubectl("create", "rolebinding", "editor", "--clusterrole=edit", "--user=editor")
    for action in ("RestartPod", "EvictPod"):
        output = create(shop, "--as", "editor", "--dry-run=server", remediationAction=action)
        assert "x created" in output


@pytest.mark.parametrize("action", ["RestartPod", "EvictPod"])
@pytest.mark.parametrize(
    "harmless",
    [
        {"enableAnnotations": False},
        {"remediation": {"paused": True}},
        {"remediation": {"dryRun": True}},
    ],
)
def test_what_cannot_act_may_be_written_by_anybody(
    shop: Workspace, action: str, harmless: dict[str, Any]
) -> None:
    """Who may not delete Pods may switch off, pause or try out; whatever then acts is refused."""
    verbs = ("--verb=get,create,patch", "--resource=poddiagnosers.diagnostics.local.io")
    shop.kubectl("create", "role", "write", *verbs)
    shop.kubectl("create", "rolebinding", "write", "--role=write", "--user=author")
    shop.kubectl("create", "rolebinding", "editor", "--clusterrole=edit", "--user=editor")
    by_author = ("--type=merge", "--as", "author", "--patch")
    changed = json.dumps({"spec": harmless})

    # One that acts is stopped by anybody, and set going again by those who may delete Pods.
    assert "created" in create(shop, "--as", "editor", name="acts", remediationAction=action)
    assert "patched" in shop.kubectl("patch", "pdiag", "acts", *by_author, changed)
    assert "created" in create(shop, "--as", "author", remediationAction=action, **harmless)
    acting = {"enableAnnotations": True, "remediation": {"paused": False, "dryRun": False}}
    for name in ("acts", "x"):
        change = json.dumps({"spec": {"targetLabels": {"app": "other"}}})
        assert "patched" in shop.kubectl("patch", "pdiag", name, *by_author, change)
        for resumed in (acting, dict.fromkeys(harmless)):
            change = json.dumps({"spec": resumed})
            refused = shop.kubectl("patch", "pdiag", name, *by_author, change, check=False)
            assert "you need the permission to" in refused
            tried = ("--type=merge", "--as", "editor", "--dry-run=server", "--patch")
            assert "patched" in shop.kubectl("patch", "pdiag", name, *tried, change)


def test_who_may_not_read_logs_cannot_have_them_shown(shop: Workspace) -> None:
    """Only those who may read a log may have its lines shown on a Pod."""
    shop.kubectl(
        *(
            "create",
            "role",
            "w",
            "--verb=get,create",
            "--resource=poddiagnosers.diagnostics.local.io",
        )
    )
    shop.kubectl("create", "rolebinding", "w", "--role=w", "--user=author")
    tried = ("--as", "author", "--dry-run=server")
    for evidence in ({}, None, {"logLines": 0}, {"reason": False}, {"terminationMessage": True}):
        assert "x created" in create(shop, *tried, evidence=evidence)
    for evidence in ({"logLines": 1}, {"reason": True}):
        output = create(shop, *tried, evidence=evidence)
        assert "Forbidden" in output
        assert "you need the permission to get pods/log in this namespace" in output
        assert "x created" in create(shop, *tried, evidence=evidence, enableAnnotations=False)
        assert "Forbidden" in create(
            shop, *tried, evidence=evidence, remediation={"paused": True, "dryRun": True}
        )
    shop.kubectl("create", "rolebinding", "reader", "--clusterrole=view", "--user=author")
    for evidence in ({"logLines": 1}, {"reason": True}):
        assert "x created" in create(shop, *tried, evidence=evidence)


def test_the_policy_lets_the_operator_write(shop: Workspace) -> None:
    """Metacontroller may not delete Pods, and writes the status of a PodDiagnoser that does."""
    shop.diagnose("diagnoser", remediationAction="RestartPod", remediation={"dryRun": True})
    shop.start_pod("fragile-app-1")
    shop.crash("fragile-app-1", COMPLETED)
    shop.counted(1)
    heading, row = shop.kubectl("get", "pdiag").splitlines()
    assert heading.split()[:4] == ["NAME", "ACTIVE", "REMEDIATING", "DIAGNOSED"]
    assert row.split()[:4] == ["diagnoser", "True", "DryRun", "1"]
    policy = yaml.safe_load(shop.kubectl("get", "validatingadmissionpolicy", ROLE, "--output=yaml"))
    assert policy["status"]["observedGeneration"] == policy["metadata"]["generation"]
    assert not policy["status"].get("typeChecking")


def keys_in_use(cluster: Cluster) -> set[str]:
    """Return the keys of the Secret that the DecoratorControllers name."""
    return {
        endpoint["authorization"]["secretRef"]["key"]
        for controller in cluster.admin.list(DECORATOR_CONTROLLERS)
        for endpoint in controller["spec"]["endpointConfigs"]
    }


def knock(url: str, token: str, authority: str) -> int:
    """Call a hook with a token; return the status code: 401, or 400 if it was let in."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = authority
        headers = {"Authorization": f"Bearer {token}"}
        return session.post(url, json={}, headers=headers, timeout=5).status_code


def mount_and_await(cluster: Cluster) -> dict[str, str]:
    """Bring the Secret to the hooks as kubelets do, and wait until they have read it."""
    tokens = cluster.mount_tokens()
    time.sleep(REREAD_SECONDS + 0.5)
    return tokens


def refusals(cluster: Cluster) -> list[str]:
    """Return the hooks' counters of requests without a valid token."""
    text = cluster.pods_hook.metrics() + cluster.poddiagnosers_hook.metrics()
    counted = [line for line in text.splitlines() if 'status="401"' in line and "_total" in line]
    return [line for line in counted if not line.endswith(" 0.0")]


@contextlib.contextmanager
def repeating(pause: float, what: Callable[[], object]) -> Iterator[None]:
    """Do something again and again beside the context, with a pause in seconds before each."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(pause):
            what()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def crashing(shop: Workspace, number: int) -> contextlib.AbstractContextManager[None]:
    """Let Pods crash one after the other, ten a second."""
    names = itertools.cycle(f"fragile-app-{each}" for each in range(number))
    return repeating(0.1, lambda: shop.crash(next(names), COMPLETED))


def open_shop(cluster: Cluster, number: int) -> Workspace:
    """Start Pods in a namespace with a PodDiagnoser."""
    cluster.create_namespace("shop")
    shop = Workspace(cluster, "shop")
    shop.diagnose()
    for each in range(number):
        shop.start_pod(f"fragile-app-{each}")
    return shop


def await_syncs(cluster: Cluster) -> None:
    """Wait until Metacontroller has synced five times more, Pods and PodDiagnosers."""
    for controller in ("pod-diagnoser-pods", "pod-diagnoser-poddiagnosers"):
        syncs = partial(cluster.metacontroller.sync_requests, controller)
        eventually(syncs, partial(operator.lt, syncs() + 5))


def check_sync_errors(cluster: Cluster) -> None:
    """Check that no sync failed but those that Metacontroller cancels itself, and does again.

    It does so with what is under way when it reads a token or a CA.
    """
    for event in cluster.admin.list(EVENTS, "shop"):
        if event["reason"] == "SyncError":
            assert event["message"].endswith("context canceled")


def crashed_and_diagnosed(shop: Workspace, number: int, how: Termination) -> None:
    """Let each Pod crash once more, and wait until all of them say so."""
    for each in range(number):
        shop.crash(f"fragile-app-{each}", how)
    for each in range(number):
        shop.annotated(f"fragile-app-{each}", f"{how.reason} (Exit Code: {how.exit_code})")


def test_rotating_the_token_refuses_no_request(own_cluster: Cluster) -> None:
    """Pods crash all the while; Metacontroller shows the other token at once, the old one dies.

    The hooks learn of the Secret only when a rotation is over, as late as a kubelet may mount it.
    """
    shop = open_shop(own_cluster, 10)
    before = mount_and_await(own_cluster)
    assert keys_in_use(own_cluster) == {"token-a"}

    with crashing(shop, 10):
        assert "Metacontroller uses token-b" in make(own_cluster, "rotate-token")
        assert keys_in_use(own_cluster) == {"token-b"}
        await_syncs(own_cluster)
        after = mount_and_await(own_cluster)
        assert "Metacontroller uses token-a" in make(own_cluster, "rotate-token")
        assert keys_in_use(own_cluster) == {"token-a"}
    shop.settled()
    last = mount_and_await(own_cluster)
    crashed_and_diagnosed(shop, 10, ERROR)
    assert refusals(own_cluster) == []

    assert after["token-b"] == before["token-b"]  # known to the hook before it was used
    assert last["token-a"] == after["token-a"]
    assert len({*before.values(), *after.values(), *last.values()}) == 4
    check_sync_errors(own_cluster)
    for gone in (before["token-a"], before["token-b"], ""):
        for component, url in own_cluster.urls.items():
            answer = knock(f"{url}/{component}/sync", gone, str(own_cluster.authority))
            assert answer == requests.codes.unauthorized


def test_rotating_the_certificate_loses_no_request(own_cluster: Cluster) -> None:
    """Pods crash all the while; Metacontroller trusts the new authority alone, in the end."""
    shop = open_shop(own_cluster, 10)
    assert own_cluster.authority is not None
    former = own_cluster.control_plane.folder / "former-ca.crt"
    shutil.copy(own_cluster.authority, former)

    # The Pods of a rollout get the new certificate; these processes are given it all the while.
    with crashing(shop, 10), repeating(0.2, own_cluster.mount_certificate):
        for _ in range(2):
            assert "has a new certificate" in make(own_cluster, "rotate-certificate")
            await_syncs(own_cluster)
    shop.settled()
    crashed_and_diagnosed(shop, 10, ERROR)

    check_sync_errors(own_cluster)
    for component, url in own_cluster.urls.items():
        trusted = knock(f"{url}/{component}/sync", "", str(own_cluster.authority))
        assert trusted == requests.codes.unauthorized
        with pytest.raises(requests.exceptions.SSLError):
            knock(f"{url}/{component}/sync", "", str(former))


def test_applying_again_after_a_rotation_is_harmless(own_cluster: Cluster) -> None:
    """The DecoratorControllers name the first key again, which is as valid as the other."""
    shop = open_shop(own_cluster, 3)
    make(own_cluster, "rotate-token")
    mount_and_await(own_cluster)
    assert keys_in_use(own_cluster) == {"token-b"}
    plane = own_cluster.control_plane
    manifests = installation.render(plane, MANIFESTS / "base")
    installation.apply(plane, installation.redirected(manifests, own_cluster.urls))
    assert "is there already" in make(own_cluster, "credentials")
    assert keys_in_use(own_cluster) == {"token-a"}
    crashed_and_diagnosed(shop, 3, ERROR)
    assert refusals(own_cluster) == []


def test_removal_leaves_nothing_on_any_pod(own_cluster: Cluster) -> None:
    """``make uninstall`` leaves Pods as they were, and PodDiagnosers as their users wrote them."""
    own_cluster.create_namespace("shop")
    shop = Workspace(own_cluster, "shop")
    shop.diagnose("fragileapp-diagnoser")
    for number in range(5):
        shop.start_pod(f"fragile-app-{number}")
        shop.crash(f"fragile-app-{number}", COMPLETED)
    for number in range(5):
        shop.annotated(f"fragile-app-{number}")
    own_cluster.create_namespace("web")
    web = Workspace(own_cluster, "web")
    whole = {"apiVersion": CLUSTERPODDIAGNOSERS.version, "kind": "ClusterPodDiagnoser"}
    body = {**whole, "metadata": {"name": "cluster"}, "spec": {}}
    own_cluster.admin.create(CLUSTERPODDIAGNOSERS, body)
    web.start_pod("fragile-app-0")
    web.crash("fragile-app-0", COMPLETED)
    web.annotated("fragile-app-0")
    assert make(own_cluster, "leftovers").split() == [
        *(f"shop/fragile-app-{n}" for n in range(5)),
        "web/fragile-app-0",
    ]
    spec = shop.diagnoser("fragileapp-diagnoser")["spec"]

    make(own_cluster, "uninstall")

    assert make(own_cluster, "leftovers") == ""
    for pod in [*own_cluster.admin.list(PODS, "shop"), *own_cluster.admin.list(PODS, "web")]:
        assert shown_metadata(pod) == ({}, {})
        assert "finalizers" not in pod["metadata"]
    assert shop.diagnoser("fragileapp-diagnoser")["spec"] == spec
    assert "No resources found" in shop.kubectl("get", "decoratorcontrollers")
    for kind in ("clusterrole", "clusterrolebinding"):
        assert "NotFound" in shop.kubectl("get", kind, ROLE, check=False)
    eventually(lambda: own_cluster.admin.find(NAMESPACES, SYSTEM) is None)
