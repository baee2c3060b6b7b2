"""The scenarios."""

from typing import Any

from tests.conformance.script import (
    CLUSTER_DIAGNOSER,
    DIAGNOSER,
    NAMESPACE,
    POD,
    POD_SPEC,
    RECREATE,
    TARGET,
    Adopt,
    Create,
    Delete,
    Json,
    Patch,
    Reply,
    Restart,
    Scenario,
    Step,
)

_KEY = "parity.example/note"
_POD = Create(POD, "p", {"spec": POD_SPEC})
_HELD = {"metadata": {"finalizers": ["example.com/hold"]}}
_DIAGNOSER = Create(DIAGNOSER, "d", {"spec": {}})


def _pods(*replies: Reply) -> dict[str, tuple[Reply, ...]]:
    return {"pods/sync": replies}


def _diagnosers(*replies: Reply) -> dict[str, tuple[Reply, ...]]:
    return {"poddiagnosers/sync": replies}


def _noted(value: str | None) -> Json:
    return {"metadata": {"annotations": {"somebody.example/note": value}}}


def _target(name: str, labels: Json | None = None, **metadata: Any) -> Json:
    return {
        "apiVersion": TARGET.api_version,
        "kind": TARGET.name,
        "metadata": {"name": name, **metadata},
        "spec": {
            "diagnoser": {"name": "d", "uid": "a-uid"},
            "since": "2020-01-01T00:00:00Z",
            **({"targetLabels": labels} if labels is not None else {}),
        },
    }


def _listed(**spec: Any) -> Json:
    target = _target("t")
    return {**target, "spec": {**target["spec"], **spec}}


def _related(name: str, value: str = "x") -> Create:
    target = _target(name, {"app": value})
    return Create(TARGET, name, {"spec": target["spec"]})


def _rules(*rules: Json) -> Reply:
    """Answer a customize request; rules are about DiagnosisTargets, unless they say otherwise."""
    kind = {"apiVersion": TARGET.api_version, "resource": TARGET.plural}
    return Reply({"relatedResources": [{**kind, **rule} for rule in rules]})


def _selecting(operator: str, values: list[str] | None = None) -> Json:
    expression: Json = {"key": "a", "operator": operator}
    if values is not None:
        expression["values"] = values
    return {"labelSelector": {"matchExpressions": [expression]}}


_CLUSTER = "parity-cluster-kind"
"""The ClusterPodDiagnoser has the name of the scenario's namespace, since it is in none."""

_TEAM = {"parity.example/team": "x"}


def _team(namespace: str, team: str | None = "x") -> Patch:
    """Have a namespace match, or not any more."""
    return Patch(NAMESPACE, namespace, {"metadata": {"labels": {"parity.example/team": team}}})


def _published(*namespaces: str) -> dict[str, tuple[Reply, ...]]:
    targets = [_target("t", namespace=namespace) for namespace in namespaces]
    return {"targets/sync": (Reply({"attachments": targets}),)}


def _counted(pods: int, namespaces: int) -> dict[str, tuple[Reply, ...]]:
    status = {"diagnosedPods": pods, "selectedNamespaces": namespaces}
    return {"clusters/sync": (Reply({"status": status}),)}


_WRONG = (
    Reply(b"internal error", 500),
    Reply(b"no", 404),
    Reply({}, 201),
    Reply(b"oops"),
    Reply({"unknown": 1}),
    Reply(b'{"labels": {"a": "1", "a": "2"}}'),
    Reply({"annotations": {"a": 5}}),
    Reply({"status": "fine"}),
)

SCENARIOS = (
    Scenario(
        "nothing-wanted",
        "A Pod that comes, changes and goes while the hook wants nothing: no write.",
        (
            Step((_POD,)),
            Step((Patch(POD, "p", _noted("changed")),), _pods(Reply(None))),
            Step((Patch(POD, "p", _noted("changed")),)),  # no change, no event
            Step(
                (Patch(POD, "p", {"status": {"phase": "Running"}}, "status"),),
                _pods(Reply({"labels": None, "annotations": {}, "status": None})),
            ),
            Step((Delete(POD, "p"),)),
        ),
    ),
    Scenario(
        "labels",
        "Labels and annotations are set, kept, changed and removed by null.",
        (
            Step((_POD,), _pods(Reply({"labels": {"a": "1"}, "annotations": {_KEY: "one"}}))),
            Step((Patch(POD, "p", _noted("x")),)),
            Step(
                (Patch(POD, "p", _noted("y")),),
                _pods(Reply({"labels": {"a": "2", "b": ""}, "annotations": {_KEY: "two"}})),
            ),
            Step(
                (Patch(POD, "p", _noted("z")),),
                _pods(Reply({"labels": {"a": None}, "annotations": {_KEY: None, "none": None}})),
            ),
            Step(
                (Patch(POD, "p", _noted(None)),),
                _pods(Reply({"labels": {"b": None, "none": None}})),
            ),
        ),
    ),
    Scenario(
        "labels-of-others",
        "What others have set stays, unless the hook sets it otherwise or names it with null.",
        (
            Step(
                (
                    Create(
                        POD,
                        "p",
                        {
                            "metadata": {
                                "labels": {"app": "x", "tier": "1"},
                                "annotations": {"theirs": "yes"},
                            },
                            "spec": POD_SPEC,
                        },
                    ),
                ),
                _pods(Reply({"labels": {"a": "1", "app": "x"}})),
            ),
            Step(
                (Patch(POD, "p", _noted("x")),),
                _pods(Reply({"labels": {"app": "y"}, "annotations": {"theirs": None}})),
            ),
            Step(
                (Patch(POD, "p", {"metadata": {"labels": {"tier": "2"}}}),),
                _pods(Reply({"labels": {"tier": None}})),
            ),
        ),
    ),
    Scenario(
        "label-undone",
        "A label that somebody takes away is set again.",
        (
            Step((_POD,), _pods(Reply({"labels": {"a": "1"}}))),
            Step((Patch(POD, "p", {"metadata": {"labels": {"a": None}}}),)),
            Step((Patch(POD, "p", {"metadata": {"labels": {"a": "2"}}}),)),
        ),
    ),
    Scenario(
        "conflict",
        "The Pod changes while the hook thinks: the write is refused, and a new sync follows.",
        (
            Step(
                (_POD,),
                _pods(
                    Reply({"labels": {"a": "1"}}, meanwhile=(Patch(POD, "p", _noted("x")),)),
                    Reply({"labels": {"a": "1"}}),
                ),
            ),
        ),
    ),
    Scenario(
        "conflict-of-status",
        "A PodDiagnoser changes while the hook thinks: neither of the two writes is made.",
        (
            Step(
                (_DIAGNOSER,),
                _diagnosers(
                    Reply(
                        {"status": {"diagnosedPods": 1}, "attachments": [_target("t")]},
                        meanwhile=(Patch(DIAGNOSER, "d", _noted("x")),),
                    ),
                    Reply({}),
                ),
            ),
        ),
    ),
    Scenario(
        "replaced-meanwhile",
        "The Pod is replaced under its own name while the hook thinks.",
        (
            Step(
                (_POD,),
                _pods(
                    Reply({"labels": {"a": "1"}}, meanwhile=(Delete(POD, "p"), _POD)),
                    Reply({}),
                ),
            ),
        ),
    ),
    Scenario(
        "deleted-meanwhile",
        "The Pod, and a PodDiagnoser, are deleted while the hook thinks.",
        (
            Step(
                (_POD,),
                _pods(Reply({"labels": {"a": "1"}}, meanwhile=(Delete(POD, "p"),))),
            ),
            Step(
                (_DIAGNOSER,),
                _diagnosers(
                    Reply(
                        {"status": {"diagnosedPods": 1}, "attachments": [_target("t")]},
                        meanwhile=(Delete(DIAGNOSER, "d"),),
                    )
                ),
            ),
        ),
    ),
    Scenario(
        "terminating",
        "An object that is on its way out is synced, and written, but gets no attachments.",
        (
            Step(
                (
                    Create(
                        DIAGNOSER,
                        "d",
                        {"metadata": {"finalizers": ["example.com/hold"]}, "spec": {}},
                    ),
                )
            ),
            Step(
                (Delete(DIAGNOSER, "d"),),
                _diagnosers(
                    Reply({"labels": {"a": "1"}, "attachments": [_target("t")]}),
                ),
            ),
            Step((Patch(DIAGNOSER, "d", {"metadata": {"finalizers": None}}),)),
        ),
    ),
    Scenario(
        "terminating-pod",
        "A Pod that is on its way out is synced, and written.",
        (
            Step(
                (
                    Create(
                        POD,
                        "p",
                        {"metadata": {"finalizers": ["example.com/hold"]}, "spec": POD_SPEC},
                    ),
                )
            ),
            Step((Delete(POD, "p"),), _pods(Reply({"labels": {"a": "1"}}))),
            Step((Patch(POD, "p", {"metadata": {"finalizers": None}}),)),
        ),
    ),
    Scenario(
        "wrong-answers",
        "Answers that are errors: each is reported in an Event, and the sync is tried again.",
        (Step((_POD,), _pods(*_WRONG, Reply({"labels": {"a": "1"}}))),),
    ),
    Scenario(
        "same-error",
        "An error that stays is one Event that counts.",
        (Step((_POD,), _pods(*[Reply(b"internal error", 500)] * 5, Reply({}))),),
    ),
    Scenario(
        "many-errors",
        "More than ten Events that differ in the message alone become one.",
        (
            Step(
                (_POD,),
                _pods(*[Reply(f"error {n}".encode(), 500) for n in range(11)], Reply({})),
                seconds=30,
            ),
        ),
    ),
    Scenario(
        "too-many-requests",
        "429 with Retry-After is waited for quietly.",
        (
            Step(
                (_POD,),
                _pods(
                    Reply(b"later", 429, {"Retry-After": "1"}),
                    Reply(b"later", 429, {"Retry-After": "2"}),
                    Reply({"labels": {"a": "1"}}),
                ),
                seconds=6,
            ),
        ),
    ),
    Scenario(
        "too-many-requests-bare",
        "429 without a Retry-After that can be read is tried again at once, without an Event.",
        (
            Step(
                (_POD,),
                _pods(
                    Reply(b"later", 429),
                    Reply(b"later", 429, {"Retry-After": "soon"}),
                    Reply(b"later", 429, {"Retry-After": "-5"}),
                    Reply(b"later", 429, {"Retry-After": "0.5"}),
                    Reply(b"later", 429),
                    Reply({}),
                ),
            ),
        ),
    ),
    Scenario(
        "too-many-requests-customize",
        "429 of the customize hook, and its errors.",
        (
            Step(
                (_POD,),
                {
                    "pods/customize": (
                        Reply(b"later", 429, {"Retry-After": "1"}),
                        Reply(b"internal error", 500),
                        Reply({"unknown": 1}),
                        Reply(b"[]"),
                        Reply({"relatedResources": []}),
                    )
                },
                seconds=5,
            ),
        ),
    ),
    Scenario(
        "no-answer",
        "The connection ends, or time is up.",
        (
            Step((_POD,), _pods(Reply(cut=True), Reply(cut=True), Reply({}))),
            Step(
                (Patch(POD, "p", _noted("x")),),
                _pods(Reply({"labels": {"a": "1"}}, delay=6.0), Reply({"labels": {"b": "1"}})),
                seconds=15,
            ),
        ),
    ),
    Scenario(
        "resync",
        "resyncAfterSeconds brings one more sync.",
        (
            Step(
                (_POD,),
                _pods(
                    Reply({"resyncAfterSeconds": 1.5}), Reply({"resyncAfterSeconds": 1}), Reply()
                ),
                seconds=6,
            ),
            Step(
                (Patch(POD, "p", _noted("x")),),
                _pods(
                    Reply({"resyncAfterSeconds": 1, "labels": {"a": "1"}}),
                    Reply({"labels": {"a": "1"}}),
                ),
                seconds=6,
            ),
        ),
    ),
    Scenario(
        "status",
        "A status is two writes; the same one again is none; null leaves it; {} empties it.",
        (
            Step((_DIAGNOSER,), _diagnosers(Reply({"status": {"diagnosedPods": 1}}))),
            Step((Patch(DIAGNOSER, "d", _noted("x")),)),
            Step((Patch(DIAGNOSER, "d", _noted("y")),), _diagnosers(Reply({"status": None}))),
            Step((Patch(DIAGNOSER, "d", _noted("z")),), _diagnosers(Reply({"status": {}}))),
        ),
    ),
    Scenario(
        "status-of-others",
        "A status is replaced whole, with what others have written of it.",
        (
            Step((_DIAGNOSER,)),
            Step(
                (
                    Patch(
                        DIAGNOSER,
                        "d",
                        {"status": {"diagnosedPods": 7, "lastProcessedPod": "theirs"}},
                        "status",
                    ),
                ),
                _diagnosers(Reply({"status": {"diagnosedPods": 1}})),
            ),
            Step((Patch(DIAGNOSER, "d", {"status": {"diagnosedPods": 9}}, "status"),)),
            Step((Patch(DIAGNOSER, "d", {"status": None}, "status"),)),
        ),
    ),
    Scenario(
        "status-and-labels",
        "A status and a label at once: the status goes first, and the label with the second write.",
        (
            Step(
                (_DIAGNOSER,),
                _diagnosers(
                    Reply(
                        {
                            "status": {"diagnosedPods": 1, "lastProcessedPod": "p"},
                            "labels": {"a": "1"},
                            "annotations": {_KEY: "one"},
                        }
                    )
                ),
            ),
            Step(
                (Patch(DIAGNOSER, "d", {"spec": {"enableAnnotations": False}}),),
                _diagnosers(
                    Reply(
                        {
                            "status": {"diagnosedPods": 2, "observedGeneration": 2},
                            "labels": {"a": None},
                        }
                    )
                ),
            ),
        ),
    ),
    Scenario(
        "status-pruned",
        "What the schema does not know is dropped: it always differs, and is written each time.",
        (
            Step(
                (_DIAGNOSER,),
                _diagnosers(Reply({"status": {"diagnosedPods": 1, "unknown": {"a": 1}}})),
            ),
            Step((Patch(DIAGNOSER, "d", _noted("x")),)),
            Step((Patch(DIAGNOSER, "d", _noted("y")),), _diagnosers(Reply({"status": {"a": 1}}))),
        ),
    ),
    Scenario(
        "status-of-other-types",
        "1.0 is not 1, and null is not absent, so both are written each time.",
        (
            Step((_DIAGNOSER,), _diagnosers(Reply(b'{"status": {"diagnosedPods": 1.0}}'))),
            Step((Patch(DIAGNOSER, "d", _noted("x")),)),
            Step(
                (Patch(DIAGNOSER, "d", _noted("y")),),
                _diagnosers(Reply({"status": {"diagnosedPods": 1, "conditions": None}})),
            ),
        ),
    ),
    Scenario(
        "status-refused",
        "A status that breaks the schema is an error.",
        (
            Step(
                (_DIAGNOSER,),
                _diagnosers(
                    Reply({"status": {"diagnosedPods": "many"}, "labels": {"a": "1"}}),
                    Reply({"status": {"diagnosedPods": 1}, "labels": {"a": "1"}}),
                ),
            ),
        ),
    ),
    Scenario(
        "label-refused",
        "A label that is none is an error, of a Pod and of a PodDiagnoser after its status.",
        (
            Step(
                (_POD,),
                _pods(Reply({"labels": {"a": "not a value"}}), Reply({"labels": {"a": "1"}})),
            ),
            Step(
                (_DIAGNOSER,),
                _diagnosers(
                    Reply({"status": {"diagnosedPods": 1}, "labels": {"not a key": "1"}}),
                    Reply({}),
                ),
            ),
        ),
    ),
    Scenario(
        "status-of-a-pod",
        "The status of a Pod is replaced whole.",
        (
            Step((_POD,), _pods(Reply({"status": {"phase": "Running", "message": "so"}}))),
            Step((Patch(POD, "p", _noted("x")),), _pods(Reply({"status": {"phase": "Running"}}))),
        ),
    ),
    Scenario(
        "attachments",
        "An attachment is created, left, changed, put right, and deleted.",
        (
            Step(
                (_DIAGNOSER,),
                _diagnosers(
                    Reply(
                        {
                            "status": {"diagnosedPods": 1},
                            "attachments": [_target("t", {"app": "x"})],
                        }
                    )
                ),
            ),
            Step((Patch(DIAGNOSER, "d", _noted("x")),)),
            Step(
                (Patch(DIAGNOSER, "d", _noted("y")),),
                _diagnosers(Reply({"attachments": [_target("t", {"app": "y", "tier": "1"})]})),
            ),
            Step((Patch(TARGET, "t", {"spec": {"targetLabels": {"app": "z"}}}),)),
            Step((Patch(TARGET, "t", {"spec": {"evidence": {"events": True}}}),)),
            Step((Patch(TARGET, "t", {"metadata": {"labels": {"mine": "yes"}}}),)),
            Step(
                (Patch(DIAGNOSER, "d", _noted("z")),),
                _diagnosers(Reply({"attachments": [_target("t")]})),
            ),
            Step((Patch(DIAGNOSER, "d", _noted("0")),), _diagnosers(Reply({"attachments": []}))),
        ),
    ),
    Scenario(
        "attachments-left-out",
        "An answer without attachments deletes them; one that somebody deleted is made again.",
        (
            Step((_DIAGNOSER,), _diagnosers(Reply({"attachments": [_target("t")]}))),
            Step((Delete(TARGET, "t"),)),
            Step((Patch(DIAGNOSER, "d", _noted("x")),), _diagnosers(Reply({}))),
        ),
    ),
    Scenario(
        "attachments-exchanged",
        "One attachment goes, another comes: deletions are first.",
        (
            Step(
                (_DIAGNOSER,),
                _diagnosers(Reply({"attachments": [_target("t1"), _target("t2")]})),
            ),
            Step(
                (Patch(DIAGNOSER, "d", _noted("x")),),
                _diagnosers(Reply({"attachments": [_target("t2"), _target("t3")]})),
            ),
        ),
    ),
    Scenario(
        "attachments-of-a-parent-deleted",
        "Attachments go with their parent, by the garbage collector.",
        (
            Step((_DIAGNOSER,), _diagnosers(Reply({"attachments": [_target("t")]}))),
            Step((Delete(DIAGNOSER, "d"),)),
        ),
    ),
    Scenario(
        "attachments-with-labels",
        "Labels, annotations and owners of the hook's own choice stay on an attachment.",
        (
            Step(
                (_DIAGNOSER,),
                _diagnosers(
                    Reply(
                        {
                            "attachments": [
                                _target("t", labels={"a": "1"}, annotations={_KEY: "one"})
                            ]
                        }
                    )
                ),
            ),
            Step(
                (Patch(DIAGNOSER, "d", _noted("x")),),
                _diagnosers(Reply({"attachments": [_target("t", labels={"b": "1"})]})),
            ),
        ),
    ),
    Scenario(
        "attachment-taken",
        "The name of an attachment is taken by an object of somebody else: nothing comes of it.",
        (
            Step((_related("t"),)),
            Step((_DIAGNOSER,), _diagnosers(Reply({"attachments": [_target("t")]}))),
            Step((Delete(TARGET, "t"), Patch(DIAGNOSER, "d", _noted("x")))),
        ),
    ),
    Scenario(
        "attachment-of-two",
        "Two PodDiagnosers want the same attachment: the second gets it when it is synced again.",
        (
            Step((_DIAGNOSER,), _diagnosers(Reply({"attachments": [_target("t", {"a": "1"})]}))),
            Step(
                (Create(DIAGNOSER, "d2", {"spec": {}}),),
                _diagnosers(Reply({"attachments": [_target("t", {"a": "2"})]})),
            ),
            Step((Delete(DIAGNOSER, "d"),), seconds=8),
            Step((Patch(DIAGNOSER, "d2", _noted("x")),)),
        ),
    ),
    Scenario(
        "attachment-refused",
        "An attachment that breaks the schema is an error, but the parent is written before.",
        (
            Step(
                (_DIAGNOSER,),
                _diagnosers(
                    Reply(
                        {
                            "labels": {"a": "1"},
                            "attachments": [
                                {**_target("t"), "spec": {"since": "2020-01-01T00:00:00Z"}},
                                _target("t2"),
                            ],
                        }
                    ),
                    Reply({"labels": {"a": "1"}, "attachments": [_target("t"), _target("t2")]}),
                ),
            ),
        ),
    ),
    Scenario(
        "attachment-of-no-kind",
        "An attachment of a kind that does not exist is an error, but the rest is written.",
        (
            Step(
                (_DIAGNOSER,),
                _diagnosers(
                    Reply(
                        {
                            "labels": {"a": "1"},
                            "attachments": [
                                {**_target("t"), "kind": "Nothing"},
                                _target("t2"),
                            ],
                        }
                    ),
                    Reply({"labels": {"a": "1"}, "attachments": [_target("t2")]}),
                ),
            ),
        ),
    ),
    Scenario(
        "attachment-terminating",
        "An attachment that is being deleted is not changed.",
        (
            Step(
                (_DIAGNOSER,),
                _diagnosers(
                    Reply({"attachments": [_target("t", finalizers=["example.com/hold"])]})
                ),
            ),
            Step((Delete(TARGET, "t"),)),
            Step((Patch(DIAGNOSER, "d", _noted("x")),), _diagnosers(Reply({}))),
            Step((Patch(TARGET, "t", {"metadata": {"finalizers": None}}),)),
        ),
    ),
    Scenario(
        "attachment-conflict",
        "An attachment changes, or goes, while the hook thinks.",
        (
            Step((_DIAGNOSER,), _diagnosers(Reply({"attachments": [_target("t", {"app": "x"})]}))),
            Step(
                (Patch(DIAGNOSER, "d", _noted("x")),),
                _diagnosers(
                    Reply(
                        {"attachments": [_target("t", {"app": "y"})]},
                        meanwhile=(Patch(TARGET, "t", {"metadata": {"labels": {"a": "1"}}}),),
                    ),
                    Reply({"attachments": [_target("t", {"app": "y"})]}),
                ),
            ),
            Step(
                (Patch(DIAGNOSER, "d", _noted("y")),),
                _diagnosers(
                    Reply(
                        {"attachments": [_target("t", {"app": "z"})]},
                        meanwhile=(Delete(TARGET, "t"),),
                    ),
                    Reply({"attachments": [_target("t", {"app": "z"})]}),
                ),
            ),
        ),
    ),
    Scenario(
        "attachments-made-anew",
        "Where the method is Recreate, an attachment that changes is deleted and made again.",
        (
            Step(
                (
                    Create(
                        DIAGNOSER,
                        "d",
                        {
                            "metadata": {
                                "labels": {"parity": RECREATE},
                                "annotations": {"parity": "yes"},
                            },
                            "spec": {},
                        },
                    ),
                ),
                {"recreate/sync": (Reply({"attachments": [_target("t", {"app": "x"})]}),)},
            ),
            Step(
                (Patch(DIAGNOSER, "d", _noted("x")),),
                {"recreate/sync": (Reply({"attachments": [_target("t", {"app": "y"})]}),)},
            ),
        ),
    ),
    Scenario(
        "selected",
        "What a controller's selectors do not select is no concern of it; a status may be none.",
        (
            Step(
                (
                    Create(
                        DIAGNOSER, "d", {"metadata": {"labels": {"parity": RECREATE}}, "spec": {}}
                    ),
                )
            ),
            Step((Patch(DIAGNOSER, "d", {"metadata": {"annotations": {"parity": "yes"}}}),)),
            Step((Patch(DIAGNOSER, "d", {"status": {"diagnosedPods": 3}}, "status"),)),
            Step((Patch(DIAGNOSER, "d", {"spec": {"enableAnnotations": False}}),)),
            Step((Patch(DIAGNOSER, "d", {"metadata": {"annotations": {"parity": "no"}}}),)),
            Step((Patch(DIAGNOSER, "d", {"metadata": {"labels": {"parity": None}}}),)),
        ),
    ),
    Scenario(
        "foreign-child",
        "An object that somebody gave to a PodDiagnoser causes syncs, and is no attachment.",
        (
            Step((_DIAGNOSER,)),
            Step((_related("t"),)),
            Step((Adopt(DIAGNOSER, "d", TARGET, "t"),)),
            Step((Patch(TARGET, "t", {"spec": {"targetLabels": {"app": "y"}}}),)),
            Step((Delete(TARGET, "t"),)),
        ),
    ),
    Scenario(
        "owned-pod",
        "A Pod with an owner: the reference stays when a label is set, and it goes with its owner.",
        (
            Step((_DIAGNOSER, _POD)),
            Step((Adopt(DIAGNOSER, "d", POD, "p"),), _pods(Reply({"labels": {"a": "1"}}))),
            Step((Delete(DIAGNOSER, "d"),)),
        ),
    ),
    Scenario(
        "related",
        "Related objects come, change and go: each time their parent is synced.",
        (
            Step(
                (_POD,),
                {"pods/customize": (_rules({"namespace": "parity-related"}),)},
            ),
            Step((_related("t"),)),
            Step((Patch(TARGET, "t", {"spec": {"targetLabels": {"app": "y"}}}),)),
            Step((Create(TARGET, "t", {"spec": _target("t")["spec"]}, apart=True),)),
            Step((Patch(POD, "p", _noted("x")),)),
            Step((Delete(TARGET, "t"),)),
        ),
    ),
    Scenario(
        "related-by-label",
        "Pods related by a label: those that lose it, too; a changed spec is customized again.",
        (
            Step(
                (_DIAGNOSER,),
                {
                    "poddiagnosers/customize": (
                        Reply(
                            {
                                "relatedResources": [
                                    {
                                        "apiVersion": "v1",
                                        "resource": "pods",
                                        "namespace": "parity-related-by-label",
                                        "labelSelector": {"matchLabels": {"a": "1"}},
                                    }
                                ]
                            }
                        ),
                        Reply(
                            {
                                "relatedResources": [
                                    {
                                        "apiVersion": "v1",
                                        "resource": "pods",
                                        "namespace": "parity-related-by-label",
                                        "labelSelector": {
                                            "matchExpressions": [
                                                {
                                                    "key": "a",
                                                    "operator": "In",
                                                    "values": ["1", "2"],
                                                }
                                            ]
                                        },
                                    },
                                    {
                                        "apiVersion": TARGET.api_version,
                                        "resource": TARGET.plural,
                                        "namespace": "parity-related-by-label",
                                        "names": ["t1"],
                                    },
                                ]
                            }
                        ),
                    )
                },
            ),
            Step((_POD,)),
            Step((Patch(POD, "p", {"metadata": {"labels": {"a": "1"}}}),)),
            Step((Patch(POD, "p", {"metadata": {"labels": {"a": "2"}}}),)),
            Step((Patch(DIAGNOSER, "d", {"spec": {"enableAnnotations": False}}),)),
            Step((_related("t1"),)),
            Step((_related("t2"),)),
            Step((Patch(POD, "p", {"metadata": {"labels": {"a": "3"}}}),)),
        ),
    ),
    Scenario(
        "related-elsewhere",
        "Rules without a namespace, and with a selector of namespaces, reach other namespaces.",
        (
            Step(
                (_POD,),
                {
                    "pods/customize": (
                        Reply(
                            {
                                "relatedResources": [
                                    {
                                        "apiVersion": TARGET.api_version,
                                        "resource": TARGET.plural,
                                        "namespaceSelector": {
                                            "matchLabels": {
                                                "kubernetes.io/metadata.name": (
                                                    "parity-related-elsewhere-apart"
                                                )
                                            }
                                        },
                                        "labelSelector": {"matchLabels": {"a": "1"}},
                                    },
                                    {
                                        "apiVersion": TARGET.api_version,
                                        "resource": TARGET.plural,
                                        "labelSelector": {"matchLabels": {"everywhere": "1"}},
                                    },
                                ]
                            }
                        ),
                    )
                },
            ),
            Step(
                (
                    Create(
                        TARGET,
                        "t1",
                        {"metadata": {"labels": {"a": "1"}}, "spec": _target("t")["spec"]},
                        apart=True,
                    ),
                )
            ),
            Step(
                (
                    Create(
                        TARGET,
                        "t2",
                        {"metadata": {"labels": {"a": "1"}}, "spec": _target("t")["spec"]},
                    ),
                )
            ),
            Step((Patch(TARGET, "t2", {"metadata": {"labels": {"everywhere": "1"}}}),)),
        ),
    ),
    Scenario(
        "related-wrongly",
        "Rules that cannot be followed are errors, again and again.",
        (
            Step((_POD,), {"pods/customize": (_rules({"resource": "nothings"}),)}),
            Step((Delete(POD, "p"),)),
            Step(
                (_DIAGNOSER,),
                {
                    "poddiagnosers/customize": (
                        _rules({"names": ["t"], "labelSelector": {"matchLabels": {"a": "1"}}}),
                    )
                },
            ),
            Step(
                (Delete(DIAGNOSER, "d"), Create(DIAGNOSER, "d2", {"spec": {}})),
                {"poddiagnosers/customize": (_rules({"namespace": "x", "namespaceSelector": {}}),)},
            ),
            Step(
                (Delete(DIAGNOSER, "d2"), Create(DIAGNOSER, "d3", {"spec": {}})),
                {"poddiagnosers/customize": (_rules(_selecting("Like", ["1"])),)},
            ),
            Step(
                (Delete(DIAGNOSER, "d3"), Create(DIAGNOSER, "d4", {"spec": {}})),
                {"poddiagnosers/customize": (_rules(_selecting("In")),)},
            ),
            Step(
                (Delete(DIAGNOSER, "d4"), Create(DIAGNOSER, "d5", {"spec": {}})),
                {"poddiagnosers/customize": (_rules(_selecting("Exists", ["1"])),)},
            ),
        ),
        endless=True,
    ),
    Scenario(
        "error-without-end",
        "An error that stays is tried again for good.",
        (Step((_POD,), _pods(Reply(b"internal error", 500))),),
        endless=True,
    ),
    Scenario(
        "several",
        "What one object causes is a matter of all that relate to it.",
        (
            Step(
                tuple(Create(POD, f"p{n}", {"spec": POD_SPEC}) for n in range(2)),
                {"pods/customize": (_rules({"namespace": "parity-several"}),)},
            ),
            Step((_related("t"),)),
            Step((Patch(POD, "p1", _noted("x")),), _pods(Reply({"labels": {"a": "1"}}))),
            Step((Delete(TARGET, "t"),)),
        ),
    ),
    Scenario(
        "our-rules",
        "The two controllers as ours use them: rules, label, status and attachment.",
        (
            Step(
                (_POD,),
                {
                    "pods/customize": (_rules({"namespace": "parity-our-rules"}),),
                    "poddiagnosers/customize": (
                        Reply(
                            {
                                "relatedResources": [
                                    {
                                        "apiVersion": "v1",
                                        "resource": "pods",
                                        "namespace": "parity-our-rules",
                                        "labelSelector": {"matchLabels": {"a": "1"}},
                                    },
                                    {
                                        "apiVersion": TARGET.api_version,
                                        "resource": TARGET.plural,
                                        "namespace": "parity-our-rules",
                                    },
                                ]
                            }
                        ),
                    ),
                },
            ),
            Step((_DIAGNOSER,), _diagnosers(Reply({"attachments": [_target("t")]}))),
            Step(
                (Patch(POD, "p", _noted("crashed")),),
                _pods(Reply({"labels": {"a": "1"}, "annotations": {_KEY: "why"}})),
            ),
            Step(
                (Patch(DIAGNOSER, "d", _noted("x")),),
                _diagnosers(Reply({"status": {"diagnosedPods": 1}, "attachments": [_target("t")]})),
            ),
            Step(
                (Patch(POD, "p", _noted("old")),),
                _pods(Reply({"labels": {"a": None}})),
            ),
        ),
    ),
    Scenario(
        "related-by-name",
        "A rule by names reaches every namespace where it names none; two rules are one set.",
        (
            Step(
                (_related("t1"), Create(TARGET, "t1", {"spec": _target("t")["spec"]}, apart=True))
            ),
            Step(
                (_POD,),
                {
                    "pods/customize": (
                        _rules({"names": ["t1", "t2"]}, {"namespace": "parity-related-by-name"}),
                    )
                },
            ),
            Step((Create(TARGET, "t2", {"spec": _target("t")["spec"]}, apart=True),)),
            Step((Create(TARGET, "t3", {"spec": _target("t")["spec"]}, apart=True),)),
            Step((_related("t3"),)),
        ),
    ),
    Scenario(
        "deadlines",
        "The earliest of two deadlines counts, and there is never more than one.",
        (
            Step(
                (_POD,),
                _pods(
                    Reply({"resyncAfterSeconds": 3}, meanwhile=(Patch(POD, "p", _noted("x")),)),
                    Reply({"resyncAfterSeconds": 1}),
                    Reply(),
                ),
                seconds=8,
                quiet=4,
            ),
            Step(
                (Patch(POD, "p", _noted("y")),),
                _pods(
                    Reply({"resyncAfterSeconds": 1}, meanwhile=(Patch(POD, "p", _noted("z")),)),
                    Reply({"resyncAfterSeconds": 3}),
                    Reply(),
                ),
                seconds=8,
                quiet=4,
            ),
            Step(
                (Patch(POD, "p", _noted("0")),),
                _pods(Reply({"resyncAfterSeconds": -1}), Reply()),
            ),
        ),
    ),
    Scenario(
        "replaced-diagnoser",
        "A PodDiagnoser is replaced under its own name: the name of its attachment is taken first.",
        (
            Step((_DIAGNOSER,), _diagnosers(Reply({"attachments": [_target("t")]}))),
            Step((Delete(DIAGNOSER, "d"), _DIAGNOSER), seconds=8),
            Step((Patch(DIAGNOSER, "d", _noted("x")),)),
        ),
    ),
    Scenario(
        "replaced-diagnoser-related",
        "The same where attachments are related objects, too: it is synced when the old one goes.",
        (
            Step(
                (_DIAGNOSER,),
                {
                    **_diagnosers(Reply({"attachments": [_target("t")]})),
                    "poddiagnosers/customize": (
                        _rules({"namespace": "parity-replaced-diagnoser-related"}),
                    ),
                },
            ),
            Step((Delete(DIAGNOSER, "d"), _DIAGNOSER), seconds=8),
        ),
    ),
    Scenario(
        "attachments-with-lists",
        "Lists of an attachment are replaced whole; nulls always differ.",
        (
            Step(
                (_DIAGNOSER,),
                _diagnosers(
                    Reply({"attachments": [_listed(thresholds=[{"container": "a"}, {}])]}),
                ),
            ),
            Step(
                (
                    Patch(
                        TARGET,
                        "t",
                        {"spec": {"thresholds": [{"container": "a", "restarts": 2}, {}, {}]}},
                    ),
                )
            ),
            Step(
                (Patch(DIAGNOSER, "d", _noted("x")),),
                _diagnosers(
                    Reply(
                        {
                            "attachments": [
                                _listed(
                                    thresholds=[{"container": "b", "restarts": 3}],
                                    ignore={"exitCodes": [1, 2]},
                                )
                            ]
                        }
                    ),
                ),
            ),
            Step(
                (Patch(DIAGNOSER, "d", _noted("y")),),
                _diagnosers(
                    Reply(
                        {
                            "attachments": [
                                _listed(ignore={"exitCodes": [2.0], "causes": None}),
                            ]
                        }
                    ),
                ),
            ),
            Step((Patch(DIAGNOSER, "d", _noted("z")),)),
        ),
    ),
    Scenario(
        "attachments-twice",
        "Of two attachments of one name the last counts; one without a name or a version is none.",
        (
            Step(
                (_DIAGNOSER,),
                _diagnosers(
                    Reply({"attachments": [_target("t", {"a": "1"}), _target("t", {"a": "2"})]})
                ),
            ),
            Step(
                (Patch(DIAGNOSER, "d", _noted("x")),),
                _diagnosers(
                    Reply({"attachments": [{**_target("t"), "metadata": {}}]}),
                    Reply({"attachments": [{"kind": "DiagnosisTarget"}]}),
                    Reply({"attachments": [{}]}),
                    Reply({"attachments": [_target("t")], "finalized": True}),
                ),
            ),
        ),
    ),
    Scenario(
        "more-wrong-answers",
        "Bodies that are empty, or end too late.",
        (
            Step(
                (_POD,),
                _pods(
                    Reply(b""),
                    Reply(b"", 204),
                    Reply(b"{} {}"),
                    Reply([]),
                    Reply({"labels": []}),
                    Reply({"resyncAfterSeconds": "1"}),
                    Reply({"labels": {"a": None, "b": 1}}),
                    Reply({"Labels": {"a": "1"}}),
                    Reply(),
                ),
            ),
        ),
    ),
    Scenario(
        "away",
        "What happens while Metacontroller is away is seen when it is back, as it is then.",
        (
            Step(
                (_POD, Create(POD, "p2", {"spec": POD_SPEC}), _DIAGNOSER),
                _diagnosers(Reply({"attachments": [_target("t")]})),
            ),
            Step(
                (
                    Restart(
                        (
                            Delete(POD, "p2"),
                            Patch(POD, "p", _noted("x")),
                            Patch(POD, "p", _noted("y")),
                            Delete(TARGET, "t"),
                        )
                    ),
                ),
                _pods(Reply({"labels": {"a": "1"}})),
            ),
        ),
    ),
    Scenario(
        "restart",
        "Metacontroller restarts: all that is there is synced, and nothing is written.",
        (
            Step(
                (_POD, _DIAGNOSER),
                {
                    **_pods(Reply({"labels": {"a": "1"}})),
                    **_diagnosers(
                        Reply({"status": {"diagnosedPods": 1}, "attachments": [_target("t")]})
                    ),
                },
            ),
            Step((Restart(),)),
        ),
    ),
    Scenario(
        "restart-related",
        "The first rule about a kind has Metacontroller list it, and the sync waits for that.",
        (
            Step((Restart(),)),
            Step(
                (_POD,),
                {
                    "pods/customize": (
                        Reply(
                            {
                                "relatedResources": [
                                    {
                                        "apiVersion": "v1",
                                        "resource": "namespaces",
                                        "names": ["parity-restart-related"],
                                    }
                                ]
                            }
                        ),
                    )
                },
            ),
        ),
    ),
    Scenario(
        "cluster-kind",
        "A parent in no namespace, of two controllers: targets in namespaces that match; a status.",
        (
            Step((Restart(),)),
            Step(
                (
                    _POD,
                    Create(
                        CLUSTER_DIAGNOSER,
                        _CLUSTER,
                        {"spec": {"namespaceSelector": {"matchLabels": _TEAM}}},
                    ),
                ),
                {
                    "clusters/customize": (
                        Reply(
                            {
                                "relatedResources": [
                                    {
                                        "apiVersion": POD.api_version,
                                        "resource": POD.plural,
                                        "labelSelector": {"matchLabels": {"a": "1"}},
                                    }
                                ]
                            }
                        ),
                    ),
                    "targets/customize": (
                        Reply(
                            {
                                "relatedResources": [
                                    {
                                        "apiVersion": NAMESPACE.api_version,
                                        "resource": NAMESPACE.plural,
                                        "labelSelector": {"matchLabels": _TEAM},
                                    }
                                ]
                            }
                        ),
                    ),
                    **_counted(0, 0),
                    **_published(),
                },
            ),
            Step((_team(_CLUSTER),), _published(_CLUSTER)),
            Step((_team(f"{_CLUSTER}-apart"),), _published(_CLUSTER, f"{_CLUSTER}-apart")),
            Step(
                (Patch(POD, "p", _noted("crashed")),),
                {
                    **_pods(Reply({"labels": {"a": "1"}, "annotations": {_KEY: "why"}})),
                    **_counted(1, 2),
                },
            ),
            Step((_team(f"{_CLUSTER}-apart", None),), _published(_CLUSTER)),
            Step((Delete(CLUSTER_DIAGNOSER, _CLUSTER),)),
        ),
    ),
)
"""All of them."""
