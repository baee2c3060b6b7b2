"""Make the CRD of ClusterPodDiagnoser from that of PodDiagnoser: ``make crds``.

Both kinds are one definition: what is described, bounded or refused there is so here. Only what
differs stands below.
"""

import copy
import sys
from pathlib import Path
from typing import Any, Final

import yaml

FOLDER: Final = Path(__file__).parents[1] / "crds"
SOURCE: Final = FOLDER / "poddiagnosers.yaml"
MADE: Final = FOLDER / "clusterpoddiagnosers.yaml"

Json = dict[str, Any]

HEADING: Final = (
    "# Made from poddiagnosers.yaml by `make crds` (dev/cluster_crd.py): change it there.\n"
)

DESCRIPTION: Final = (
    "ClusterPodDiagnoser diagnoses the crashed Pods of all namespaces that it selects, as a "
    "PodDiagnoser does those of its own: what the Pods get is the same, and beside it the "
    "annotation diagnostics.local.io/diagnosed-by with the name of this object. In each namespace "
    "the operator creates a DiagnosisTarget for it (kubectl get dtarget). PodDiagnosers come "
    "first: a Pod that one in its namespace selects is not this one's, also where that is switched "
    "off, which is how a namespace declines. Of several ClusterPodDiagnosers the oldest that "
    "selects a Pod diagnoses it. One of them applies as a whole; nothing is merged. It can create "
    "Events for crashes, or replace the Pods. The status lists namespaces and workloads, and no "
    "text that applications wrote. The name may have at most 63 characters, because the Pods carry "
    "it as the value of the label diagnostics.local.io/cluster-diagnoser."
)

LABEL_KEY: Final = (
    "^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
    "([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$"
)

VALUES_RULE: Final = {
    "rule": "self.operator in ['In', 'NotIn'] ? has(self.values) && self.values.size() > 0"
    " : !has(self.values) || self.values.size() == 0",
    "message": "In and NotIn need values; Exists and DoesNotExist have none",
}

COLUMNS: Final[list[Json]] = [
    {
        "name": "Namespaces",
        "type": "integer",
        "description": "How many namespaces it selects.",
        "jsonPath": ".status.selectedNamespaces",
    },
    {
        "name": "Last Namespace",
        "type": "string",
        "description": "The namespace of the Pod that was diagnosed last.",
        "jsonPath": ".status.recentDiagnoses[0].namespace",
    },
]

NAMESPACE: Final[Json] = {
    "description": "Namespace of the Pods.",
    "type": "string",
    "maxLength": 63,
}


def cluster_crd(source: Json) -> Json:
    """Return the CRD of ClusterPodDiagnoser.

    Args:
        source: the CRD of PodDiagnoser.
    """
    crd = copy.deepcopy(source)
    crd["metadata"]["name"] = "clusterpoddiagnosers.diagnostics.local.io"
    spec = crd["spec"]
    spec["scope"] = "Cluster"
    spec["names"] = {
        "kind": "ClusterPodDiagnoser",
        "listKind": "ClusterPodDiagnoserList",
        "plural": "clusterpoddiagnosers",
        "singular": "clusterpoddiagnoser",
        "shortNames": ["cpdiag"],
        "categories": spec["names"]["categories"],
    }
    (version,) = spec["versions"]
    version["additionalPrinterColumns"] = _columns(version["additionalPrinterColumns"])
    schema = version["schema"]["openAPIV3Schema"]
    schema["description"] = DESCRIPTION
    properties = schema["properties"]
    properties["kind"]["description"] = "The kind of this object, ClusterPodDiagnoser."
    properties["metadata"]["properties"]["name"]["description"] = "Name of this object."
    _change_spec(properties["spec"])
    _change_status(properties["status"])
    return crd


def _columns(columns: list[Json]) -> list[Json]:
    """Add the namespaces; leave out the texts, which the status does not have."""
    namespaces, last = COLUMNS
    changed = []
    for column in columns:
        if column["name"] == "Diagnosis":
            continue
        if column["name"] == "Diagnosed":
            changed.append(namespaces)
        if column["name"] == "Last Pod":
            changed.append(last)
        changed.append(
            {
                **column,
                "description": column["description"]
                .replace("PodDiagnoser", "object")
                .replace("of the namespace", "of the selected namespaces"),
            }
        )
    selector = {
        "name": "Namespace Selector",
        "type": "string",
        "priority": 1,
        "description": "Labels of the namespaces. Empty means all namespaces.",
        "jsonPath": ".spec.namespaceSelector",
    }
    at = next(i for i, column in enumerate(changed) if column["name"] == "Target Labels")
    return [*changed[:at], selector, *changed[at:]]


def _change_spec(spec: Json) -> None:
    spec["description"] = (
        "Of which namespaces which Pods are diagnosed, which of their crashes are reported, and "
        "what is done about them. Write {} to diagnose every Pod of the cluster."
    )
    fields = spec["properties"]
    _change_remediation(fields["remediation"])
    fields["targetLabels"]["description"] = (
        "Labels that a Pod must have, all of them, to be diagnosed, for example app: fragile-app. "
        "Empty or absent means every Pod of the selected namespaces."
    )
    fields["enableAnnotations"]["description"] = (
        "Whether Pods are diagnosed. With false this ClusterPodDiagnoser is inactive: it claims no "
        "Pod, and the annotations of those that it claimed are removed again. Its status is kept."
    )
    action = fields["remediationAction"]
    action["description"] = (
        "What is done about a fresh crash, at most half an hour old, besides diagnosing it. Empty "
        "(the default): nothing. LogEvent: the operator creates an Event with the diagnosis, in "
        "the Pod's namespace; none for a crash that another PodDiagnoser diagnosed first. "
        "RestartPod: the Pod is deleted, so that its controller replaces it. EvictPod: the same by "
        "eviction, as far as PodDisruptionBudgets allow it. Setting one of these needs the "
        "permission to delete pods, or to create pods/eviction, in all namespaces. Pods of "
        "namespaces with names like kube-*, and of those of the operator and of Metacontroller, "
        "are replaced only where namespaceSelector names the namespace: by "
        "kubernetes.io/metadata.name in matchLabels, or in matchExpressions with the operator In. "
        "Not replaced are Pods that crashed before this object claimed them; remediation has "
        "further safeguards."
    )
    spec["properties"] = {"namespaceSelector": _selector(fields["targetLabels"]), **fields}


def _change_remediation(remediation: Json) -> None:
    """Add the budget for each namespace."""
    budget = remediation["properties"]["budget"]
    budget["description"] = (
        "How many Pods this ClusterPodDiagnoser may replace within a time window, whichever owners "
        "they have, so that many crashes do not cause as many deletions. Both numbers hold."
    )
    pods = budget["properties"]["pods"]
    pods["description"] = (
        "How many Pods are replaced within the window at most, in all namespaces together. 1 to "
        "50; the default is 5."
    )
    per_namespace = {
        **pods,
        "description": (
            "How many Pods of one namespace are replaced within the window at most. 1 to 50; the "
            "default is 2."
        ),
        "default": 2,
    }
    budget["properties"] = {
        "pods": pods,
        "podsPerNamespace": per_namespace,
        "windowSeconds": budget["properties"]["windowSeconds"],
    }


def _selector(labels: Json) -> Json:
    """Return the schema of a label selector, with the bounds of targetLabels."""
    match_labels = copy.deepcopy(labels)
    match_labels["description"] = "Labels that a namespace must have, all of them."
    match_labels["additionalProperties"]["description"] = (
        "Value that the namespace's label must have, exactly."
    )
    keys, values, _ = match_labels["x-kubernetes-validations"]
    match_labels["x-kubernetes-validations"] = [keys, values]
    return {
        "description": (
            "The namespaces whose Pods are diagnosed, by their labels. Empty or absent means all "
            "namespaces. One by its name: kubernetes.io/metadata.name. Namespaces that come to "
            "match are diagnosed from then on; from those that no longer match the annotations are "
            "removed."
        ),
        "type": "object",
        "default": {},
        "properties": {
            "matchLabels": match_labels,
            "matchExpressions": {
                "description": "Requirements that a namespace must meet, all of them.",
                "type": "array",
                "maxItems": 32,
                "x-kubernetes-list-type": "atomic",
                "items": {
                    "description": "One requirement.",
                    "type": "object",
                    "required": ["key", "operator"],
                    "properties": {
                        "key": {
                            "description": "Key of the label.",
                            "type": "string",
                            "maxLength": 317,
                            "pattern": LABEL_KEY,
                        },
                        "operator": {
                            "description": (
                                "In, NotIn: whether the value is one of values; a namespace "
                                "without the label meets NotIn. Exists, DoesNotExist: whether the "
                                "label is there."
                            ),
                            "type": "string",
                            "enum": ["In", "NotIn", "Exists", "DoesNotExist"],
                        },
                        "values": {
                            "description": "Values, for In and NotIn.",
                            "type": "array",
                            "maxItems": 64,
                            "x-kubernetes-list-type": "atomic",
                            "items": {
                                "description": "One value.",
                                "type": "string",
                                "maxLength": 63,
                                "pattern": "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$",
                            },
                        },
                    },
                    "x-kubernetes-validations": [dict(VALUES_RULE)],
                },
            },
        },
    }


def _change_status(status: Json) -> None:
    fields = status["properties"]
    del fields["countedPods"]
    _change_remediations(fields)
    fields["conditions"]["description"] = (
        "The state in a few statements, each with a reason and a message. Active: Pods are being "
        "diagnosed, or why not. NamespacesSelected: whether namespaceSelector could be evaluated, "
        "and selects any. Overlapping: who may diagnose the same Pods first. Complete: all recent "
        "crashes could be read. Remediating: what is done about crashes, or why nothing is. "
        "CommonFactor: what most of at least three Pods that crashed within one minute have in "
        "common and others do not; a hint, and no cause."
    )
    recent = fields["recentDiagnoses"]["items"]
    recent["description"] = "One crash of one container. The Pod has more about it."
    recent["required"] = ["namespace", *(one for one in recent["required"] if one != "diagnosis")]
    for name in ("diagnosis", "evidence", "nextStep"):
        del recent["properties"][name]
    recent["properties"] = {"namespace": dict(NAMESPACE), **recent["properties"]}
    workload = fields["workloads"]["items"]
    workload["required"] = ["namespace", *workload["required"]]
    del workload["properties"]["template"]
    workload["properties"] = {"namespace": dict(NAMESPACE), **workload["properties"]}
    count = {"type": "integer", "format": "int64", "minimum": 0}
    added = {
        "selectedNamespaces": {"description": "How many namespaces it selects.", **count},
        "namespaces": {
            "description": "Namespaces whose Pods show a recent crash, the most first.",
            "type": "array",
            "maxItems": 50,
            "x-kubernetes-list-type": "atomic",
            "items": {
                "description": "One namespace whose Pods crash.",
                "type": "object",
                "required": ["name", "crashingPods", "workloads"],
                "properties": {
                    "name": {**NAMESPACE, "description": "Name of the namespace."},
                    "crashingPods": {
                        "description": "How many of its Pods show a recent crash now.",
                        **count,
                    },
                    "workloads": {"description": "To how many workloads they belong.", **count},
                },
            },
        },
    }
    status["properties"] = {**added, **fields, **_claims()}


def _change_remediations(fields: Json) -> None:
    """Add the namespaces, and leave out the texts."""
    entry = fields["remediations"]["items"]
    entry["required"] = ["namespace", *(one for one in entry["required"] if one != "diagnosis")]
    del entry["properties"]["diagnosis"]
    entry["properties"] = {"namespace": dict(NAMESPACE), **entry["properties"]}
    owner = fields["owners"]["items"]
    owner["properties"] = {
        "namespace": {**NAMESPACE, "description": "Its namespace."},
        **owner["properties"],
    }
    examples = fields["withheld"]["items"]["properties"]["examples"]
    examples["description"] = "A few of the Pods, as namespace/name."
    examples["items"] = {"description": "One Pod.", "type": "string", "maxLength": 317}


def _claims() -> Json:
    """Return the schemas of what is kept of its claims."""
    return {
        "claims": {
            "description": (
                "Where Pods are to be replaced: namespaces that it claims anew, since they came to "
                "match, or since what comes first there changed. Crashes from before that time are "
                "not acted on. Kept for 35 minutes. The namespace * stands for all of them."
            ),
            "type": "array",
            "maxItems": 100,
            "x-kubernetes-list-type": "atomic",
            "items": {
                "description": "One namespace.",
                "type": "object",
                "required": ["namespace", "since"],
                "properties": {
                    "namespace": {**NAMESPACE, "description": "Name of the namespace, or *."},
                    "since": {
                        "description": "Since when it claims the Pods of it.",
                        "type": "string",
                        "format": "date-time",
                    },
                },
            },
        },
        "writerNamespaces": {
            "description": (
                "What the operator needs to notice changes of claims: short hashes of the selected "
                "namespaces and of what comes first there. Of no interest to people."
            ),
            "type": "string",
            "maxLength": 80_000,
        },
    }


class _Dumper(yaml.SafeDumper):
    """Writes no anchors: kubectl reads them, people do not."""

    def ignore_aliases(self, data: object) -> bool:
        """Return that nothing is written as a reference to an equal part."""
        del data
        return True


def made() -> str:
    """Return the text of the CRD's file."""
    source = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    crd = cluster_crd(source)
    return HEADING + yaml.dump(crd, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


if __name__ == "__main__":
    MADE.write_text(made(), encoding="utf-8")
    sys.stdout.write(f"{MADE.name} is made\n")
