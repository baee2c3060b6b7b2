"""The API server's rules: versions, conflicts, subresources, generation, deletion, schemas."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from dev.simulator.errors import ApiError
from dev.simulator.objects import Object, copy
from dev.simulator.resources import EVENT, NAMESPACE, POD, Resource, load_crds
from dev.simulator.scheduling import Clock
from dev.simulator.store import Store
from dev.simulator.tables import EventType, WatchEvent
from dev.simulator.writes import DeleteOptions
from tests.support.cluster_fixture import ApiFixture

CRDS = {kind.plural: kind for kind in load_crds(Path(__file__).parents[3] / "crds")}
DIAGNOSER, TARGET = CRDS["poddiagnosers"], CRDS["diagnosistargets"]
KEY = ("default", "one")


class WatchedStore(ApiFixture):
    """An API server, and its watch events."""

    events: list[WatchEvent]

    def __init__(self) -> None:
        super().__init__(CRDS.values())
        self.events = []

    def watch(self, resource: Resource) -> None:
        """Collect the events of a kind."""
        self.store.watch(resource, self.events.append)

    def diagnoser(self, **spec: object) -> Object:
        """Create a PodDiagnoser."""
        return self.store.create(
            DIAGNOSER, {"metadata": {"name": "one", "namespace": "default"}, "spec": spec}
        )

    def pod(self, *, node: bool = True, **metadata: object) -> Object:
        """Create a Pod, on a node or not yet."""
        spec: Object = {"containers": [{"name": "app", "image": "app"}]}
        if node:
            spec["nodeName"] = "node1"
        return self.store.create(
            POD, {"metadata": {"name": "one", "namespace": "default", **metadata}, "spec": spec}
        )


@pytest.fixture
def cluster() -> WatchedStore:
    """Return an empty store."""
    return WatchedStore()


def refused(error: pytest.ExceptionInfo[ApiError]) -> tuple[int, str]:
    """Return code and reason of a refusal."""
    return error.value.code, error.value.reason


# Creation


def test_creation_fills_in_what_the_system_owns(cluster: WatchedStore) -> None:
    """A new object has uid, version, generation and time; a status that came along is dropped."""
    made = cluster.store.create(
        DIAGNOSER,
        {
            "metadata": {"name": "one", "namespace": "default", "uid": "mine", "generation": 9},
            "spec": {},
            "status": {"diagnosedPods": 7},
        },
    )
    assert made["metadata"]["uid"] != "mine"
    assert made["metadata"]["generation"] == 1
    assert made["metadata"]["creationTimestamp"] == "2026-01-01T00:00:00Z"
    assert made["metadata"]["resourceVersion"] == str(cluster.store.version)
    assert "status" not in made


def test_defaults_of_the_schema_are_filled_in(cluster: WatchedStore) -> None:
    """An empty spec gets enableAnnotations, remediationAction and all safeguards."""
    spec = cluster.diagnoser()["spec"]
    assert (spec["enableAnnotations"], spec["remediationAction"]) == (True, "")
    assert spec["remediation"]["budget"] == {"pods": 5, "windowSeconds": 600}


def test_unknown_fields_are_pruned(cluster: WatchedStore) -> None:
    """A field that the schema does not know is not stored."""
    assert "colour" not in cluster.diagnoser(colour="red")["spec"]


def test_a_new_pod_is_pending(cluster: WatchedStore) -> None:
    """A Pod begins Pending, whatever status came along, with the defaults of its spec."""
    pod = cluster.pod()
    assert pod["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert pod["spec"]["restartPolicy"] == "Always"
    assert pod["spec"]["terminationGracePeriodSeconds"] == 30


def test_a_second_object_of_the_name_is_refused(cluster: WatchedStore) -> None:
    """AlreadyExists is a 409 of its own reason."""
    cluster.pod()
    with pytest.raises(ApiError) as error:
        cluster.pod()
    assert refused(error) == (409, "AlreadyExists")
    assert str(error.value) == 'pods "one" already exists'


def test_a_missing_namespace_is_refused(cluster: WatchedStore) -> None:
    """Nothing is created in a namespace that does not exist."""
    with pytest.raises(ApiError) as error:
        cluster.store.create(EVENT, {"metadata": {"name": "x", "namespace": "nowhere"}})
    assert refused(error) == (404, "NotFound")


def test_generate_name_appends_a_suffix(cluster: WatchedStore) -> None:
    """A generateName becomes a name that is not taken."""
    names = {
        cluster.store.create(
            TARGET,
            {
                "metadata": {"generateName": "t-", "namespace": "default"},
                "spec": {"diagnoser": {"name": "d", "uid": "u"}, "since": "2026-01-01T00:00:00Z"},
            },
        )["metadata"]["name"]
        for _ in range(3)
    }
    assert len(names) == 3
    assert all(len(name) == 7 for name in names)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"remediationAction": "Explode"}, 'Unsupported value: "Explode": supported values: ""'),
        ({"enableAnnotations": "yes"}, "must be of type boolean"),
        ({"targetLabels": {"app": 5}}, "must be of type string"),
        ({"targetLabels": {"app": "x" * 64}}, "Too long: may not be more than 63 bytes"),
        ({"targetLabels": {"app": "-x"}}, "not a label value"),
        ({"targetLabels": {"-app": "x"}}, "not a label key"),
        ({"targetLabels": {"diagnostics.local.io/x": "y"}}, "cannot be selected by labels"),
    ],
)
def test_the_schema_is_enforced(cluster: WatchedStore, spec: Object, message: str) -> None:
    """What breaks the CRD's schema or its rules is refused with a message that says why."""
    with pytest.raises(ApiError) as error:
        cluster.diagnoser(**spec)
    assert refused(error) == (422, "Invalid")
    assert message in str(error.value)
    refusal = str(error.value).replace("[", "", 1)  # around several
    assert refusal.startswith('PodDiagnoser.diagnostics.local.io "one" is invalid: spec.')


def test_names_of_diagnosers_have_63_characters_at_most(cluster: WatchedStore) -> None:
    """The rule on the name holds at its limit and not beyond."""
    for length, fits in ((63, True), (64, False)):
        manifest = {"metadata": {"name": "n" * length, "namespace": "default"}, "spec": {}}
        if fits:
            cluster.store.create(DIAGNOSER, manifest)
        else:
            with pytest.raises(ApiError, match="at most 63 characters"):
                cluster.store.create(DIAGNOSER, manifest)


# Updates


def test_an_update_of_an_old_version_is_a_conflict(cluster: WatchedStore) -> None:
    """Optimistic concurrency: only the stored version can be replaced."""
    old = cluster.diagnoser()
    cluster.store.update(DIAGNOSER, {**old, "spec": {"targetLabels": {"a": "b"}}})
    with pytest.raises(ApiError) as error:
        cluster.store.update(DIAGNOSER, {**old, "spec": {}})
    assert refused(error) == (409, "Conflict")
    assert "the object has been modified" in str(error.value)


def test_an_update_of_another_uid_is_a_conflict(cluster: WatchedStore) -> None:
    """An object that was re-created under its name is not the one that is meant."""
    pod = copy(cluster.pod())
    pod["metadata"]["uid"] = "another"
    del pod["metadata"]["resourceVersion"]
    with pytest.raises(ApiError) as error:
        cluster.store.update(POD, pod)
    assert refused(error) == (409, "Conflict")


def test_a_custom_resource_needs_its_version(cluster: WatchedStore) -> None:
    """A custom resource cannot be overwritten blindly; a Pod can."""
    diagnoser, pod = copy(cluster.diagnoser()), copy(cluster.pod())
    del diagnoser["metadata"]["resourceVersion"]
    del pod["metadata"]["resourceVersion"]
    with pytest.raises(ApiError) as error:
        cluster.store.update(DIAGNOSER, diagnoser)
    assert refused(error) == (422, "Invalid")
    assert cluster.store.update(POD, pod)


def test_an_update_without_a_change_does_nothing(cluster: WatchedStore) -> None:
    """A no-op raises no version and causes no event."""
    diagnoser = cluster.diagnoser()
    cluster.watch(DIAGNOSER)
    version = cluster.store.version
    assert cluster.store.update(DIAGNOSER, diagnoser) == diagnoser
    assert cluster.store.version == version
    assert not cluster.events


def test_the_generation_rises_with_the_spec_alone(cluster: WatchedStore) -> None:
    """Labels, annotations and status leave the generation; the spec raises it."""
    cluster.diagnoser()
    labelled = cluster.store.patch(DIAGNOSER, KEY, {"metadata": {"labels": {"a": "b"}}})
    reported = cluster.store.patch(
        DIAGNOSER, KEY, {"status": {"diagnosedPods": 1}}, subresource="status"
    )
    changed = cluster.store.patch(DIAGNOSER, KEY, {"spec": {"enableAnnotations": False}})
    generations = [one["metadata"]["generation"] for one in (labelled, reported, changed)]
    assert generations == [1, 1, 2]


def test_spec_and_status_are_written_apart(cluster: WatchedStore) -> None:
    """The main resource keeps the status, the status subresource keeps everything else."""
    diagnoser = cluster.diagnoser()
    both = {**diagnoser, "spec": {"targetLabels": {"a": "b"}}, "status": {"diagnosedPods": 3}}
    main = cluster.store.update(DIAGNOSER, both)
    assert "status" not in main
    assert main["spec"]["targetLabels"] == {"a": "b"}
    changed = {
        **main,
        "metadata": {**main["metadata"], "labels": {"x": "y"}},
        "spec": {"targetLabels": {"c": "d"}},
        "status": {"diagnosedPods": 3},
    }
    reported = cluster.store.update(DIAGNOSER, changed, subresource="status")
    assert reported["status"] == {"diagnosedPods": 3}
    assert reported["spec"]["targetLabels"] == {"a": "b"}
    assert "labels" not in reported["metadata"]


def test_labels_of_a_pod_may_change_with_its_status(cluster: WatchedStore) -> None:
    """A Pod's status subresource lets metadata through, unlike that of a custom resource."""
    pod = copy(cluster.pod())
    pod["metadata"]["labels"] = {"a": "b"}
    pod["status"]["phase"] = "Running"
    stored = cluster.store.update(POD, pod, subresource="status")
    assert stored["metadata"]["labels"] == {"a": "b"}
    assert stored["status"] == {"phase": "Running", "qosClass": "BestEffort"}


def test_a_kind_without_status_has_no_such_subresource(cluster: WatchedStore) -> None:
    """DiagnosisTargets have no status."""
    with pytest.raises(ApiError) as error:
        cluster.store.patch(TARGET, KEY, {}, subresource="status")
    assert refused(error) == (404, "NotFound")


def test_a_pods_spec_cannot_change(cluster: WatchedStore) -> None:
    """Of a Pod's spec little more than the image may change, and then the generation rises."""
    cluster.pod()
    with pytest.raises(ApiError, match="pod updates may not change fields"):
        cluster.store.patch(POD, KEY, {"spec": {"restartPolicy": "Never"}})
    pod = copy(cluster.store.get(POD, KEY))
    pod["spec"]["containers"][0]["image"] = "another"
    assert cluster.store.update(POD, pod)["metadata"]["generation"] == 2


def test_a_status_is_pruned_and_checked(cluster: WatchedStore) -> None:
    """A status is read by the schema: unknown fields go, wrong ones are refused."""
    cluster.diagnoser()
    stored = cluster.store.patch(
        DIAGNOSER, KEY, {"status": {"diagnosedPods": 1, "mood": "good"}}, subresource="status"
    )
    assert stored["status"] == {"diagnosedPods": 1}
    with pytest.raises(ApiError, match=': diagnosedPods in body must be of type integer: "string"'):
        cluster.store.patch(
            DIAGNOSER, KEY, {"status": {"diagnosedPods": "many"}}, subresource="status"
        )


def test_whole_floats_are_stored_as_integers(cluster: WatchedStore) -> None:
    """1.0 is written as 1, so that sending 1.0 again is a difference each time."""
    cluster.diagnoser()
    stored = cluster.store.patch(
        DIAGNOSER, KEY, {"status": {"diagnosedPods": 1.0}}, subresource="status"
    )
    assert type(stored["status"]["diagnosedPods"]) is int


def test_a_status_write_and_the_put_of_the_old_copy_both_count(cluster: WatchedStore) -> None:
    """The second PUT carries managedFields from before the first: that alone is a change."""
    before = cluster.diagnoser()
    reported = cluster.store.update(
        DIAGNOSER, {**before, "status": {"diagnosedPods": 1}}, subresource="status", manager="m"
    )
    assert [one["manager"] for one in reported["metadata"]["managedFields"]] == ["kubectl", "m"]
    metadata = {
        **before["metadata"],
        "resourceVersion": reported["metadata"]["resourceVersion"],
    }
    again = cluster.store.update(DIAGNOSER, {**before, "metadata": metadata}, manager="m")
    assert int(again["metadata"]["resourceVersion"]) == cluster.store.version
    assert again["metadata"]["resourceVersion"] != reported["metadata"]["resourceVersion"]
    assert [one["manager"] for one in again["metadata"]["managedFields"]] == ["kubectl"]


def test_annotations_have_a_limit(cluster: WatchedStore) -> None:
    """256 KiB of annotations, keys and values together, fit; one byte more does not."""
    size = 256 * 1024 - len("key")
    cluster.pod(annotations={"key": "x" * size})
    with pytest.raises(ApiError, match="Too long: may not be more than 262144 bytes"):
        cluster.store.patch(POD, KEY, {"metadata": {"annotations": {"key": "x" * (size + 1)}}})


# Deletion


def test_a_pod_on_a_node_ends_gracefully(cluster: WatchedStore) -> None:
    """It becomes terminating, its generation rises, and it stays until the kubelet removes it."""
    cluster.pod()
    cluster.watch(POD)
    cluster.scheduler.run_for(5)
    terminating = cluster.store.delete(POD, KEY)
    assert terminating["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:35Z"
    assert terminating["metadata"]["deletionGracePeriodSeconds"] == 30
    assert terminating["metadata"]["generation"] == 2
    cluster.store.delete(POD, KEY)  # pending: changes nothing
    cluster.scheduler.run_for(2)
    cluster.store.delete(POD, KEY, DeleteOptions(grace=0))
    assert cluster.store.peek(POD, KEY) is None
    assert [event.type for event in cluster.events] == [
        EventType.MODIFIED,
        EventType.MODIFIED,
        EventType.DELETED,
    ]
    shortened = cluster.events[1].object["metadata"]
    assert shortened["deletionTimestamp"] == "2026-01-01T00:00:07Z"
    assert shortened["generation"] == 2
    assert cluster.events[2].version > cluster.events[1].version


def test_a_pod_without_a_node_goes_at_once(cluster: WatchedStore) -> None:
    """No kubelet runs it, so there is nothing to wait for."""
    cluster.pod(node=False)
    cluster.store.delete(POD, KEY)
    assert cluster.store.peek(POD, KEY) is None


def test_a_custom_resource_goes_at_once(cluster: WatchedStore) -> None:
    """Without finalizers there is no terminating state."""
    cluster.diagnoser()
    cluster.watch(DIAGNOSER)
    cluster.store.delete(DIAGNOSER, KEY)
    assert [event.type for event in cluster.events] == [EventType.DELETED]


def test_finalizers_keep_an_object_until_they_are_gone(cluster: WatchedStore) -> None:
    """A deleted object with a finalizer is terminating, and removed with the last finalizer."""
    cluster.store.create(
        DIAGNOSER,
        {
            "metadata": {"name": "one", "namespace": "default", "finalizers": ["x.io/y"]},
            "spec": {},
        },
    )
    terminating = cluster.store.delete(DIAGNOSER, KEY)
    assert terminating["metadata"]["deletionTimestamp"]
    cluster.store.patch(DIAGNOSER, KEY, {"metadata": {"finalizers": None}})
    assert cluster.store.peek(DIAGNOSER, KEY) is None


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("uid", lambda value: DeleteOptions(uid=value)),
        ("resourceVersion", lambda value: DeleteOptions(version=value)),
    ],
    ids=["uid", "version"],
)
def test_deletion_preconditions_are_checked(
    cluster: WatchedStore, field: str, options: Callable[[str], DeleteOptions]
) -> None:
    """Another uid or resourceVersion than the stored one is a conflict; the right one deletes."""
    pod = cluster.pod()
    right = pod["metadata"][field]
    with pytest.raises(ApiError) as error:
        cluster.store.delete(POD, KEY, options("wrong"))
    assert refused(error) == (409, "Conflict")
    assert cluster.store.delete(POD, KEY, options(right))


# Watching and the audit log


def test_a_watch_replays_what_happened_since(cluster: WatchedStore) -> None:
    """A watch from a version gets every later change, in order, and then the new ones."""
    cluster.pod()
    since = cluster.store.version
    cluster.store.patch(POD, KEY, {"metadata": {"labels": {"a": "b"}}})
    seen: list[int] = []
    stop = cluster.store.watch(POD, lambda event: seen.append(event.version), since)
    cluster.store.patch(POD, KEY, {"metadata": {"labels": {"a": "c"}}})
    stop()
    cluster.store.patch(POD, KEY, {"metadata": {"labels": {"a": "d"}}})
    assert seen == [since + 1, since + 2]


def test_a_watch_from_too_long_ago_is_refused() -> None:
    """History is kept for a while only: 410."""
    cluster = WatchedStore()
    store = Store(
        Clock(cluster.scheduler),
        random.Random(0),
        history_limit=4,
    )
    for number in range(8):
        store.create(NAMESPACE, {"metadata": {"name": f"n{number}"}})
    with pytest.raises(ApiError) as error:
        store.watch(NAMESPACE, lambda _: None, since=1)
    assert error.value.code == 410


def test_every_write_is_in_the_audit_log(cluster: WatchedStore) -> None:
    """Who wrote what with which outcome, refusals and no-ops included."""
    pod = cluster.pod()
    cluster.store.update(POD, pod, manager="someone")
    with pytest.raises(ApiError):
        cluster.store.delete(POD, KEY, DeleteOptions(uid="wrong"))
    entries = [
        (one.call.manager, one.call.verb, one.code, one.version) for one in cluster.store.audit[1:]
    ]
    created = int(pod["metadata"]["resourceVersion"])
    assert entries == [
        ("kubectl", "create", 201, created),
        ("someone", "update", 200, None),
        ("kubectl", "delete", 409, None),
    ]
