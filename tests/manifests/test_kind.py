"""The make targets for clusters name what exists."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pod_diagnoser.poddiagnosers.namespace_selection import SELECTED_NAMESPACES
from pod_diagnoser.pods.keys import ANNOTATIONS, LABELS
from pod_diagnoser.pods.recall import PODS_RECALLED, RECALLED
from tests.manifests.kustomize import (
    BASE,
    COMPONENTS,
    DEFAULT,
    KIND,
    PROJECT,
    Object,
    build_overlay,
    containers,
    of_kind,
    render,
)

INCLUDES = (PROJECT / "mk" / "deploy.mk", PROJECT / "mk" / "kind.mk")
TEXT = "".join(path.read_text(encoding="utf-8") for path in INCLUDES)
TARGETS = re.findall(r"^([a-z-]+):.*## ", TEXT, re.MULTILINE)


@pytest.fixture
def recipe(tmp_path: Path) -> dict[str, str]:
    """Return the commands of each target, as make would run them."""
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is missing: it prints the targets' commands")
    makefile = tmp_path / "Makefile"
    makefile.write_text("".join(f"include {path}\n" for path in INCLUDES), encoding="utf-8")
    return {
        target: subprocess.run(
            [make, "--no-print-directory", "-n", "-f", makefile, target],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for target in TARGETS
    }


def test_targets_are_those_that_are_documented() -> None:
    """Each has its line in ``make help``."""
    assert {"kind-up", "kind-load", "kind-deploy", "kind-reset", "kind-down"} <= set(TARGETS)
    assert {"kind-crash", "kind-logs", "install", "uninstall", "leftovers"} <= set(TARGETS)
    assert {"credentials", "rotate-token", "rotate-certificate"} <= set(TARGETS)
    phony = re.findall(r"^\.PHONY: (\S+)$", TEXT, re.MULTILINE)
    assert sorted(phony) == sorted(TARGETS)


def test_files_exist(recipe: dict[str, str]) -> None:
    """All that is applied or built is in the project."""
    paths = {
        path
        for commands in recipe.values()
        for path in re.findall(r" (?:-k|-f|sh \S+/install.sh) (\S+)", commands)
        + re.findall(r"docker build --tag \S+ (\S+)", commands)
    }
    assert {KIND, BASE, "fragile-app", "."} <= paths
    for path in paths:
        assert (PROJECT / path).exists(), path
        if path in re.findall(r" -k (\S+)", "".join(recipe.values())):
            assert (PROJECT / path / "kustomization.yaml").is_file(), path
    for folder in (".", "fragile-app"):
        assert (PROJECT / folder / "Dockerfile").is_file()


def test_images_that_run_are_those_that_are_loaded(recipe: dict[str, str]) -> None:
    """There is no registry in kind: what the Pods name has to be what was built and loaded."""
    objects = [*render(KIND), *render("fragile-app")]
    used = set()
    for deployment in of_kind(objects, "Deployment").values():
        for container in containers(deployment):
            assert container["imagePullPolicy"] == "Never"
            used.add(container["image"])
    built = re.findall(r"docker build --tag (\S+)", recipe["kind-load"])
    loaded = re.findall(r"kind load docker-image --name \S+ (.+)", recipe["kind-load"])
    assert used == set(built) == set(loaded[0].split())


def test_one_replica_of_each_on_a_laptop() -> None:
    """The kind overlay has one replica; nothing else of the workloads differs."""
    small = of_kind(render(KIND), "Deployment")
    full = of_kind(render(DEFAULT), "Deployment")
    assert small.keys() == full.keys() == {f"pod-diagnoser-{name}" for name in COMPONENTS}
    for name, deployment in small.items():
        assert deployment["spec"]["replicas"] == 1
        (ours,), (theirs,) = containers(deployment), containers(full[name])
        same = {key: value for key, value in ours.items() if not key.startswith("image")}
        assert same == {key: value for key, value in theirs.items() if not key.startswith("image")}


def test_only_the_kind_cluster_is_touched(recipe: dict[str, str]) -> None:
    """Each kubectl of a kind-* target names the cluster that kind-up makes."""
    (cluster,) = re.findall(r"kind create cluster --name (\S+)", recipe["kind-up"])
    assert recipe["kind-down"] == f"kind delete cluster --name {cluster}\n"
    calls = 0
    for target, commands in recipe.items():
        if target.startswith("kind-"):
            for call in re.findall(r"\bkubectl (.*)", commands):
                assert re.match(rf'--context kind-{cluster}[ "]', call), call
                calls += 1
    assert calls > 15


def test_overlays_are_installed_by_the_script(recipe: dict[str, str]) -> None:
    """It knows in which order; kind-deploy has Metacontroller before it."""
    for target, overlay in (("install", DEFAULT), ("kind-deploy", KIND)):
        assert f" sh metacontroller/install.sh {overlay}\n" in recipe[target]
        assert f"-k {overlay}" not in recipe[target]
    before, _, _ = recipe["kind-deploy"].partition("install.sh")
    assert "apply -k metacontroller/upstream/overlays/tuned" in before
    for verb in ("rotate-token", "rotate-certificate"):
        assert f"credentials.sh {verb}" in recipe[verb]


def test_removal_names_our_controllers_and_keeps_the_kinds(recipe: dict[str, str]) -> None:
    """First the PodDiagnosers' controller, then the Pods' one; users' objects are not touched."""
    commands = recipe["uninstall"]
    lines = re.findall(r"delete decoratorcontroller (.+?) --", commands)
    assert [line.split() for line in lines] == [
        ["pod-diagnoser-poddiagnosers", "pod-diagnoser-clusterpoddiagnosers-targets"],
        ["pod-diagnoser-pods"],
    ]
    deleted = " ".join(lines).split()
    assert set(deleted) < set(of_kind(render(BASE), "DecoratorController"))
    assert re.findall(r"delete -k (\S+)", commands) == [BASE]
    assert not re.search(r"delete (poddiagnosers?|pdiag|crds?)\b", commands)


def test_removal_covers_what_components_add_to_the_cluster(
    recipe: dict[str, str], tmp_path: Path
) -> None:
    """All objects without a namespace that any overlay or component has go, but for the kinds'."""
    components = PROJECT / "metacontroller/pod-diagnoser/components"
    names = {each.name for each in components.iterdir()}
    names -= {"evidence", "without-token", "chosen-namespaces"}  # the latter two take away
    everything = build_overlay(tmp_path, "default", "evidence", *sorted(names))
    everything += render("metacontroller/pod-diagnoser/overlays/together-evidence")
    removed = {identity(one) for one in [*render(BASE), *render("crds")]}
    more = [one for one in everything if identity(one) not in removed]
    readme = (PROJECT / "metacontroller/README.md").read_text(encoding="utf-8")
    for text in (recipe["uninstall"], readme):
        (names,) = re.findall(r"delete clusterrole,clusterrolebinding (.+?) --ignore", text)
        named = {
            (kind, name) for kind in ("ClusterRole", "ClusterRoleBinding") for name in names.split()
        }
        assert named == {identity(one) for one in more if "namespace" not in one["metadata"]}


def identity(one: Object) -> tuple[str, str]:
    """Return kind and name of an object."""
    return one["kind"], one["metadata"]["name"]


def test_leftovers_are_our_own_keys(recipe: dict[str, str]) -> None:
    """What the owner of a Pod wrote under our prefix stays, and is not waited for."""
    readme = (PROJECT / "metacontroller/README.md").read_text(encoding="utf-8")
    for text in (recipe["leftovers"], readme):
        (pattern,) = re.findall(r"grep -E '(.+?)'", text)
        for key in (*ANNOTATIONS, *LABELS):
            assert re.search(pattern, f'shop/web {{"a":"b","{key}":"x"}} ')
        for other in (
            '{"diagnostics.local.io/remediate":"false"}',
            '{"diagnostics.local.io/causes":"x"}',
            '{"a":"{\\"diagnostics.local.io/cause\\":\\"x\\"}"}',
        ):
            assert not re.search(pattern, f"shop/web {other} ")


def test_readme_has_the_same_commands(recipe: dict[str, str]) -> None:
    """Each file, folder and object that metacontroller/README.md's commands name exists."""
    readme = (PROJECT / "metacontroller/README.md").read_text(encoding="utf-8")
    commands = readme.replace("\\\n", " ")
    paths = re.findall(r"kubectl (?:apply|delete)[^\n`]* -[kf] ([^\s`]+)", commands)
    assert len(paths) >= 5
    for path in paths:
        assert (PROJECT / path).exists(), path
    for names in re.findall(r"delete decoratorcontroller ([\w -]+)", commands):
        assert f"delete decoratorcontroller {names}" in recipe["uninstall"]
    (shown,) = re.findall(r"-o jsonpath='(.+?)'", commands)
    assert shown in recipe["leftovers"]
    for folder in re.findall(r"^\| `([a-z.][\w./-]*)` \|", readme, re.MULTILINE):
        assert (PROJECT / "metacontroller" / folder).resolve().is_dir(), folder


def test_readme_names_every_annotation_and_the_label() -> None:
    """The commands that clean by hand name all annotations and labels, also of PodDiagnosers."""
    readme = (PROJECT / "metacontroller/README.md").read_text(encoding="utf-8")
    named = re.findall(r"(diagnostics\.local\.io/[a-z-]+)-(?=[ \n`])", readme)
    of_diagnosers = [RECALLED, PODS_RECALLED, SELECTED_NAMESPACES]
    assert sorted(named) == sorted([*ANNOTATIONS, *LABELS, *of_diagnosers])
