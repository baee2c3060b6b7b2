"""What a version of a template changed: names, images, quantities, and never a value."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pod_diagnoser.api.apps_v1 import MAX_CONTAINERS, ControllerRevision, PodTemplate, ReplicaSet
from pod_diagnoser.api.time import parse_time
from pod_diagnoser.diagnosis.change_words import change_line, mask_change
from pod_diagnoser.diagnosis.changes import (
    MAX_DIFFERENCES,
    Difference,
    How,
    Part,
    TemplateChange,
    compare,
    describe_version,
)
from pod_diagnoser.diagnosis.statement import MAX_LINE_BYTES
from pod_diagnoser.pods.history import MAX_CHANGE_BYTES, StoredChange, store_change
from tests.support.builders import Json
from tests.support.templates import container, controller_revision, replica_set, template

CRASHED = parse_time("2026-11-08T10:03:00Z")


def parsed(of: Json) -> PodTemplate:
    """Return a template as it is read."""
    return PodTemplate.model_validate(of)


def differences(before: Json, after: Json) -> list[tuple[str, str, str]]:
    """Return what differs: part, name and how."""
    found = compare(parsed(before), parsed(after))
    return [(each.part.value, each.name, each.how.value) for each in found]


def version(of: Json) -> ReplicaSet | ControllerRevision:
    """Return a version as it is read."""
    kind = ReplicaSet if of["kind"] == "ReplicaSet" else ControllerRevision
    return kind.model_validate(of)


def change(*versions: Json) -> TemplateChange:
    """Return what the last of some versions changed."""
    read = [version(each) for each in versions]
    found = describe_version(read[-1], read)
    assert found is not None
    return found


def line(*versions: Json, patterns: tuple[str, ...] = ()) -> str:
    """Return the line about the last of some versions."""
    return change_line(mask_change(change(*versions), patterns), CRASHED, "this crash")


CASES: list[tuple[Json, Json, list[tuple[str, str, str]]]] = [
    ({"image": "a:1"}, {"image": "a:2"}, [("image", "", "changed")]),
    ({}, {"command": ["/app"]}, [("command", "", "added")]),
    ({"args": ["serve"]}, {"args": ["run"]}, [("args", "", "changed")]),
    ({"args": ["--a=1"]}, {"args": ["--a=2"]}, [("args", "--a", "changed")]),
    ({"args": ["--a", "1"]}, {"args": ["--a", "2", "--b"]}, [
        ("args", "--b", "added"), ("args", "--a", "changed"),
    ]),
    ({"args": ["--a", "--b"]}, {"args": ["--b", "--a"]}, [("args", "", "changed")]),
    ({"args": ["-psecret"]}, {"args": ["-pother"]}, [("args", "", "changed")]),
    (
        {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]},
        {"env": [{"name": "B", "value": "2"}, {"name": "C", "value": "1"}]},
        [("env", "A", "removed"), ("env", "C", "added"), ("env", "B", "changed")],
    ),
    ({}, {"envFrom": [{"secretRef": {"name": "s"}}]}, [("envFrom", "", "added")]),
    (
        {"resources": {"limits": {"memory": "512Mi"}}},
        {"resources": {"limits": {"memory": "256Mi"}, "requests": {"cpu": "1"}}},
        [("limit", "memory", "changed"), ("request", "cpu", "added")],
    ),
    ({"resources": {"limits": {"cpu": "1"}}}, {}, [("limit", "cpu", "removed")]),
    ({"livenessProbe": {"periodSeconds": 1}}, {}, [("probe", "liveness", "removed")]),
    ({}, {"startupProbe": {"exec": {}}}, [("probe", "startup", "added")]),
    ({}, {"workingDir": "/srv"}, [("field", "workingDir", "added")]),
    ({"imagePullPolicy": "Always"}, {}, []),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "expected"), CASES)
def test_a_container_is_compared(
    before: Json, after: Json, expected: list[tuple[str, str, str]]
) -> None:
    """Image, command, arguments, environment, resources, probes, and some fields."""
    assert differences(template(container(**before)), template(container(**after))) == expected


def test_the_pod_s_own_fields_are_compared() -> None:
    """Volumes and containers by name, other fields by theirs."""
    sidecar = {"name": "sidecar", "image": "proxy:1"}
    before = template(
        container(),
        sidecar,
        volumes=[{"name": "data", "emptyDir": {}}, {"name": "old", "emptyDir": {}}],
        serviceAccountName="one",
    )
    after = template(
        container(),
        initContainers=[{"name": "migrate", "image": "web:1"}],
        volumes=[{"name": "data", "configMap": {"name": "x"}}, {"name": "new", "secret": {}}],
        serviceAccountName="two",
    )
    assert differences(before, after) == [
        ("volume", "old", "removed"),
        ("volume", "new", "added"),
        ("volume", "data", "changed"),
        ("container", "sidecar", "removed"),
        ("init container", "migrate", "added"),
        ("field", "serviceAccountName", "changed"),
    ]


def test_annotations_of_the_template_are_compared_at_last() -> None:
    """A restart by kubectl changes one, and so does a checksum of the configuration."""
    after = template()
    after["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "2026-11-08T10:00:00Z"}
    text = line(replica_set(6), replica_set(8, after))
    assert text == (
        "Revision 8 began 3 min before this crash: annotation kubectl.kubernetes.io/restartedAt "
        "added; revision 6 ran for 2 days"
    )


def test_the_order_of_variables_and_of_volumes_is_no_difference() -> None:
    """They are compared by name."""
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    volumes = [{"name": "a"}, {"name": "b"}]
    before = template(container(env=env), volumes=volumes)
    after = template(container(env=env[::-1]), volumes=volumes[::-1])
    assert differences(before, after) == []


def test_several_containers_are_named() -> None:
    """Where there is more than one, the line says in which."""
    other = {"name": "proxy", "image": "proxy:1"}
    found = change(
        replica_set(7, template(container("web:1"), other)),
        replica_set(8, template(container("web:2"), other)),
    )
    assert found.differences == (Difference(Part.IMAGE, How.CHANGED, "web", "", "web:1", "web:2"),)
    assert "image of web web:1 → web:2" in change_line(found, CRASHED, "this crash")


def test_it_is_said_what_changed_when() -> None:
    """Revision, when it began, how long the former one ran, and the difference."""
    env = [{"name": "LOG_LEVEL", "value": "hunter2"}]
    text = line(replica_set(6), replica_set(8, template(container("shop/web:1.5", env=env))))
    assert text == (
        "Revision 8 began 3 min before this crash: image shop/web:1.4 → shop/web:1.5, "
        "env LOG_LEVEL added; revision 6 ran for 2 days"
    )
    assert "hunter2" not in text


def test_the_version_before_is_the_latest_of_the_former_ones() -> None:
    """Not a later one, of which the Pod was not made; and not one without a number."""
    versions = [version(replica_set(number)) for number in (9, 5, 8, 6)]
    unnumbered = replica_set(7)
    unnumbered["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "x"}
    found = describe_version(versions[2], [*versions, version(unnumbered)])
    assert found is not None
    assert (found.revision, found.former) == (8, 6)


def test_without_a_former_version_only_its_beginning_is_said() -> None:
    """The first revision is called so."""
    assert line(replica_set(8)) == (
        "Revision 8 began 3 min before this crash; no former revision is kept"
    )
    assert line(replica_set(1)) == "Revision 1 began 7 days before this crash; it is the first"


def test_a_version_without_a_number_says_nothing() -> None:
    """No Deployment made it."""
    of = replica_set(7)
    of["metadata"]["annotations"] = {}
    assert describe_version(version(of), []) is None


def test_a_rollback_has_no_known_beginning() -> None:
    """When it was made is not since when it is the current one; an annotation tells."""
    back = replica_set(5)
    back["metadata"]["annotations"] = {
        "deployment.kubernetes.io/revision": "8",
        "deployment.kubernetes.io/revision-history": "5",
    }
    text = line(replica_set(7, template(container("web:2"))), back)
    assert text == "Revision 8: image web:2 → shop/web:1.4 from revision 7"


def test_a_rollback_of_a_stateful_set_leaves_a_gap() -> None:
    """Its ControllerRevision gets another number, and its time is not said."""
    back = controller_revision(5, number=8)
    assert change(controller_revision(6), controller_revision(7), back).began is None
    gap = (controller_revision(6), back, controller_revision(7, number=9))
    assert change(*gap).began is None
    found = change(controller_revision(6), controller_revision(7))
    assert found.began == parse_time("2026-11-07T10:00:00Z")
    assert found.former_ran == 86_400


def test_a_crash_before_it_began_is_not_said_to_be_after() -> None:
    """The clock of a node may be behind."""
    text = change_line(
        change(replica_set(6), replica_set(8)), parse_time("2026-11-08T09:59:59Z"), "this crash"
    )
    assert text == "Revision 8: no field that is compared has changed; revision 6 ran for 2 days"


def test_a_crash_at_once_is_said_to_follow_at_once() -> None:
    """Times are whole seconds."""
    began = parse_time("2026-11-08T10:00:00Z")
    text = change_line(change(replica_set(6), replica_set(8)), began, "this crash")
    assert text.startswith("Revision 8 began just before this crash: no field")


def test_what_has_no_room_is_counted() -> None:
    """Of a hundred variables the first are named."""
    env = [{"name": f"VARIABLE_{number}", "value": "x"} for number in range(100)]
    found = change(replica_set(6), replica_set(8, template(container(env=env))))
    assert len(found.differences) == MAX_DIFFERENCES
    assert found.more == 100 - MAX_DIFFERENCES
    text = change_line(found, CRASHED, "this crash")
    assert "VARIABLE_0" in text
    shown = text.count("VARIABLE_")
    assert f"added and {100 - shown} more" in text


def test_a_digest_is_shortened() -> None:
    """To what distinguishes it: two whole ones have no room."""
    before, after = (f"web@sha256:{digit * 64}" for digit in "ab")
    text = line(
        replica_set(6, template(container(before))), replica_set(8, template(container(after)))
    )
    assert "image web@sha256:aaaaaaaaaaaa → web@sha256:bbbbbbbbbbbb" in text


def test_long_images_lose_their_registry() -> None:
    """Then it is said that the image changed."""
    long = "registry.example.com/a-team/some/quite/long/path/"
    texts = [
        line(
            replica_set(6, template(container(f"{long}{name}:1"))),
            replica_set(8, template(container(f"{long}{name}:2"))),
        )
        for name in ("web", "w" * 100)
    ]
    assert "image web:1 → web:2" in texts[0]
    assert "image" in texts[1]


def test_texts_cannot_speak_in_our_voice() -> None:
    """What is no name that Kubernetes allows stands in quotation marks."""
    env = [{"name": 'X\x1b[31m; run "rm -rf /" now\n', "value": "x"}]
    text = line(replica_set(6), replica_set(8, template(container(env=env))))
    assert """env "X[31m; run 'rm -rf /' now" added""" in text


def test_secrets_in_names_are_masked() -> None:
    """By their form, and by the user's patterns."""
    env = [{"name": "ghp_" + "a1B2" * 9, "value": "x"}, {"name": "cust-123", "value": "y"}]
    after = replica_set(8, template(container(env=env)))
    text = line(replica_set(6), after, patterns=("cust-[0-9]+",))
    assert "ghp_" not in text
    assert "cust-123" not in text
    assert "***" in text


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = (
    st.sampled_from(("a", "A_B", "", "ä" * 40, "x" * 70_000, "\x00\x1b[2J", '"', "***")) | st.text()
)
VALUE = "the-value-of-a-variable"


@st.composite
def containers(draw: st.DrawFn) -> Json:
    """Draw a container of any names, whose values are all the same word with a number."""
    names = draw(st.lists(NAMES, max_size=4))
    values = st.integers(0, 3).map(lambda number: f"{VALUE}-{number}")
    return {
        "name": draw(NAMES),
        "image": draw(NAMES | st.sampled_from(("a:1", f"a@sha256:{'0' * 64}"))),
        "command": draw(st.lists(values, max_size=2)),
        "args": draw(st.lists(values | values.map(lambda text: f"--opt={text}"), max_size=3)),
        "env": [
            {"name": name, draw(st.sampled_from(("value", "valueFrom"))): draw(values)}
            for name in names
        ],
        "envFrom": draw(JSON_VALUES),
        "livenessProbe": draw(st.none() | values),
        "resources": {"limits": {draw(NAMES): draw(JSON_VALUES)}},
    }  # fmt: skip


TEMPLATES = st.builds(
    lambda of, volumes: template(*of, volumes=[{"name": name} for name in volumes]),
    st.lists(containers(), min_size=1, max_size=3),
    st.lists(NAMES, max_size=3),
)


@given(TEMPLATES, TEMPLATES)
def test_no_template_shows_a_value_or_is_too_long(before: Json, after: Json) -> None:
    """Whatever stands in a template, and also after it was stored."""
    found = change(replica_set(6, before), replica_set(8, after))
    masked = mask_change(found, ())
    stored = store_change(masked)
    assert len(stored.__pydantic_serializer__.to_json(stored)) <= MAX_CHANGE_BYTES
    read_back = StoredChange.model_validate_json(stored.model_dump_json(exclude_defaults=True))
    assert store_change(read_back.to_change()) == stored
    for each in (masked, read_back.to_change()):
        text = change_line(each, CRASHED, "this crash")
        assert VALUE not in text
        assert len(text.encode()) <= MAX_LINE_BYTES
        assert text.isprintable()
        assert text.startswith("Revision 8 began 3 min before this crash")
    assert VALUE not in stored.model_dump_json()


@given(st.lists(containers(), min_size=1, max_size=4))
def test_a_template_does_not_differ_from_itself(of: list[Json]) -> None:
    """Not even one whose containers have the same name."""
    unique = {each["name"]: each for each in of}
    assert differences(template(*unique.values()), template(*unique.values())) == []


def test_thousands_of_variables_are_compared_in_linear_work() -> None:
    """Each is looked at once: the number of comparisons grows with their number."""

    class Counting:
        compared = 0

        def __init__(self, value: int) -> None:
            self.value = value

        def __eq__(self, other: object) -> bool:
            Counting.compared += 1
            return isinstance(other, Counting) and self.value == other.value

        __hash__ = None  # type: ignore[assignment]  # a value is no key

    work = []
    for number in (1_000, 4_000):
        before, after = (
            parsed(
                template(
                    container(
                        env=[
                            {"name": f"V{each}", "value": Counting(value)} for each in range(number)
                        ]
                    )
                )
            )
            for value in (1, 2)
        )
        Counting.compared = 0
        assert sum(1 for _ in compare(before, after)) == number
        work.append(Counting.compared)
    assert work[0] >= 1_000
    assert work[1] <= 4.5 * work[0]


def test_a_template_with_too_many_containers_is_not_read() -> None:
    """No Pod has so many but to keep the hook busy."""
    of = [{"name": f"c{each}", "image": "web:1"} for each in range(MAX_CONTAINERS + 1)]
    parsed(template(*of[1:]))
    with pytest.raises(ValidationError):
        parsed(template(*of))


def test_a_stored_change_is_read_as_it_was_written() -> None:
    """Its keys are part of what is on Pods."""
    found = change(replica_set(6), replica_set(8, template(container("shop/web:1.5"))))
    text = store_change(found).model_dump_json(exclude_defaults=True)
    assert json.loads(text) == {
        "revision": 8,
        "began": "2026-11-08T10:00:00Z",
        "former": 6,
        "ran": 172800,
        "differences": [
            {"part": "image", "how": "changed", "before": "shop/web:1.4", "after": "shop/web:1.5"}
        ],
    }
    assert StoredChange.model_validate_json(text).to_change() == found
