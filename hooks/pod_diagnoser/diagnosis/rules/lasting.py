"""Rows about conditions that last, in which a Pod does not do its work."""

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.diagnosis import phrases
from pod_diagnoser.diagnosis.evidence import EventFinding
from pod_diagnoser.diagnosis.rules.row import (
    KUBELET_MANAGER,
    CauseRule,
    Predicate,
    all_of,
    has_finding,
)
from pod_diagnoser.diagnosis.symptoms import LastingCondition, SymptomKind


def _is_in_condition(condition: LastingCondition, description: str) -> Predicate:
    return Predicate(
        description,
        lambda symptom: symptom.reason == condition,
        ("reason",),
        SymptomKind.LASTING_CONDITION,
    )


_NOT_SCHEDULED = _is_in_condition(
    LastingCondition.NOT_SCHEDULED, "no node and no condition PodScheduled, for two minutes"
)


_NOT_CREATED = _is_in_condition(
    LastingCondition.NOT_CREATED, "waiting, reason ContainerCreating or PodInitializing"
)


LASTING_RULES: tuple[CauseRule, ...] = (
    CauseRule(
        Cause.UNSCHEDULABLE,
        _is_in_condition(
            LastingCondition.UNSCHEDULABLE,
            "condition PodScheduled is False, reason Unschedulable or SchedulerError",
        ),
        phrases.by_problem("{Subject} finds no node: ", "{Subject} finds no node[: {message}]"),
        "not scheduled[: {message}][, since {since}]",
        phrases.step_by_problem(
            "compare its requests, affinity, tolerations and volumes with what nodes have"
        ),
        "pkg/scheduler/schedule_one.go",
    ),
    CauseRule(
        Cause.SCHEDULING_GATED,
        _is_in_condition(
            LastingCondition.SCHEDULING_GATED,
            "condition PodScheduled is False, reason SchedulingGated, for five minutes",
        ),
        "{Subject} is held back from scheduling by its scheduling gate {names}",
        "condition PodScheduled is False, reason SchedulingGated[, since {since}]",
        "look at the controller that removes this gate, such as the queue that admits the Pod",
        "KEP-3521",
    ),
    CauseRule(
        Cause.NOT_SCHEDULED,
        all_of(
            _NOT_SCHEDULED,
            has_finding(
                EventFinding.CLAIM_FAILED,
                "an Event FailedResourceClaimCreation",
                SymptomKind.LASTING_CONDITION,
            ),
        ),
        "{Subject} is not scheduled: its ResourceClaim could not be made[: {event_detail}]",
        "Event {event}[: {event_detail}][, since {since}]",
        "create what is missing, or correct resourceClaims in the Pod's spec",
        "pkg/controller/resourceclaim/controller.go",
    ),
    CauseRule(
        Cause.NOT_SCHEDULED,
        _NOT_SCHEDULED,
        "{Subject} has no node, and no scheduler has said why[; it waits for scheduler {names}]",
        "phase Pending, no condition PodScheduled[, since {since}][; {unread_events}]",
        "[check spec.schedulerName and that this scheduler runs, and its Events: ]{describe}",
        "pkg/scheduler/schedule_one.go, pkg/scheduler/backend/queue (PreEnqueue)",
    ),
    CauseRule(
        Cause.VOLUME_NOT_MOUNTED,
        all_of(
            _NOT_CREATED,
            has_finding(
                EventFinding.MOUNT_FAILED,
                "an Event FailedMount, FailedAttachVolume, FailedMapVolume or "
                "VolumePermissionChangeInProgress",
                SymptomKind.LASTING_CONDITION,
            ),
        ),
        phrases.volume_not_mounted,
        "Event {event}: {event_detail}[, since {since}]",
        phrases.step_by_problem("[look at the volume, its claim and its driver: ]{describe}"),
        "pkg/kubelet/events/event.go (FailedMountVolume, FailedAttachVolume, FailedMapVolume), "
        "pkg/volume/volume_linux.go",
    ),
    CauseRule(
        Cause.SANDBOX_NOT_CREATED,
        all_of(
            _NOT_CREATED,
            has_finding(
                EventFinding.SANDBOX_FAILED,
                "an Event FailedCreatePodSandBox or NetworkNotReady",
                SymptomKind.LASTING_CONDITION,
            ),
        ),
        phrases.sandbox_not_created,
        "Event {event}: {event_detail}[, since {since}]",
        phrases.step_by_problem(
            "[look at the container runtime of the node, and its log: ]{describe_node}"
        ),
        "pkg/kubelet/events/event.go (FailedCreatePodSandBox, NetworkNotReady)",
    ),
    CauseRule(
        Cause.DEVICES_NOT_PREPARED,
        all_of(
            _NOT_CREATED,
            has_finding(
                EventFinding.DEVICES_FAILED,
                "an Event FailedPrepareDynamicResources",
                SymptomKind.LASTING_CONDITION,
            ),
        ),
        phrases.by_problem(
            "{Subject} cannot start: ",
            "{Subject} cannot start: its devices could not be prepared[: {event_detail}]",
        ),
        "Event {event}[: {event_detail}][, since {since}]",
        phrases.step_by_problem(
            "[look at the driver of the Pod's resource claims on the node: ]{describe_node}"
        ),
        "pkg/kubelet/events/event.go (FailedPrepareDynamicResources)",
    ),
    CauseRule(
        Cause.IMAGE_PULL_SLOW,
        all_of(
            _NOT_CREATED,
            has_finding(
                EventFinding.PULLING,
                "an Event Pulling, and none of its end, for five minutes",
                SymptomKind.LASTING_CONDITION,
            ),
        ),
        "{Subject} cannot start yet: its node has been pulling {image}[ since {pull_since}]",
        "Event Pulling, and no Event says that this pull has ended",
        "[look at the size of the image, and at network and disk of the node: ]{describe_node}",
        "pkg/kubelet/images/image_manager.go",
    ),
    CauseRule(
        Cause.NOT_CREATED,
        all_of(
            _NOT_CREATED,
            has_finding(
                EventFinding.SETUP_FAILED,
                "an Event FailedCreatePodContainer or FailedSync",
                SymptomKind.LASTING_CONDITION,
            ),
        ),
        phrases.by_problem(
            "{Subject} cannot start: ",
            "{Subject} cannot start: the kubelet cannot set up the Pod[: {event_detail}]",
        ),
        "Event {event}[: {event_detail}][, since {since}]",
        phrases.step_by_problem(
            "[look at the kubelet and the runtime of the node: ]{describe_node}"
        ),
        "pkg/kubelet/events/event.go (FailedToCreatePodContainer)",
    ),
    CauseRule(
        Cause.NOT_CREATED,
        _is_in_condition(
            LastingCondition.NOT_CREATED,
            "waiting, reason ContainerCreating or PodInitializing, for two minutes",
        ),
        "{Subject} has not been created for minutes; the Pod's status does not say why",
        "it waits, and no init container runs[, since {since}][; {unread_events}]",
        "[see its Events (volumes, image, network): ]{describe}",
        "pkg/kubelet/kubelet_pods.go (ContainerCreating)",
    ),
    CauseRule(
        Cause.INIT_CONTAINER_RUN_AGAIN,
        _is_in_condition(
            LastingCondition.INIT_CONTAINER_RUNS_AGAIN,
            "an init container begins or runs, and a container of the Pod has run since before",
        ),
        "{Subject} had succeeded, and is begun again while the Pod's containers run on",
        "begun again at {since}; not proved: what was left of it on the node was removed",
        "find what removes ended containers on {node}, such as docker system prune or crictl rm",
        KUBELET_MANAGER,
    ),
    CauseRule(
        Cause.NOT_PICKED_UP,
        _is_in_condition(
            LastingCondition.NOT_PICKED_UP,
            "condition PodScheduled is True, and no container has a status, for two minutes",
        ),
        "{Subject} was assigned to {node}, whose kubelet has not begun with it",
        "condition PodScheduled is True[ since {since}], and no container has a status",
        "[look at the node and its kubelet: ]{describe_node}",
        "pkg/kubelet/kubelet.go (syncLoop): the kubelet writes the first status",
    ),
    CauseRule(
        Cause.NOT_INITIALIZED,
        _is_in_condition(
            LastingCondition.NOT_INITIALIZED,
            "an init container runs for five minutes, and all others wait for it",
        ),
        "{Subject} has been running since {since}, and the Pod waits for it to end",
        "it is running; the Pod's own containers wait with reason PodInitializing",
        "[see what it waits for or works on: ]{logs}",
        "pkg/kubelet/kuberuntime/kuberuntime_container.go (computeInitContainerActions)",
    ),
    CauseRule(
        Cause.NOT_STARTED,
        _is_in_condition(
            LastingCondition.NOT_STARTED,
            "running for two minutes, and not started by its startup probe",
        ),
        "{Subject} has been running since {since}, but its startup probe has not succeeded yet",
        "started is false[; Event {event}][: {event_detail}][; {unread_events}]",
        "[see what it does at its start: ]{logs}",
        "pkg/kubelet/prober/prober_manager.go (UpdatePodStatus)",
    ),
    CauseRule(
        Cause.NOT_READY,
        _is_in_condition(
            LastingCondition.NOT_READY,
            "running and not ready for two minutes, with a readiness probe",
        ),
        phrases.not_ready,
        "condition Ready is False[ since {since}][; Event {event}]",
        "[see what the probe asks for, and what it gets: ]{describe}",
        "pkg/kubelet/prober/worker.go",
    ),
    CauseRule(
        Cause.READINESS_GATE_NOT_SET,
        _is_in_condition(
            LastingCondition.READINESS_GATE_NOT_SET,
            "condition Ready is False, reason ReadinessGatesNotReady, for two minutes",
        ),
        "{Subject} is not ready, though its containers are: readiness gate {names} is not True",
        "reason ReadinessGatesNotReady[ since {since}][; condition of the gate: {message}]",
        "look at the controller that sets this condition, for instance that of the load balancer",
        "pkg/kubelet/status/generate.go (GeneratePodReadyCondition)",
    ),
    CauseRule(
        Cause.NODE_NOT_READY,
        _is_in_condition(
            LastingCondition.NODE_NOT_READY,
            "condition Ready is False without a reason while ContainersReady is True",
        ),
        "{Subject} counts as not ready because {node} stopped reporting",
        "the node controller set Ready to False[ at {since}]; its containers may still run",
        "[look at the node and its kubelet: ]{describe_node}",
        "pkg/controller/nodelifecycle, pkg/controller/util/node (MarkPodsNotReady)",
    ),
    CauseRule(
        Cause.RESIZE_PENDING,
        _is_in_condition(
            LastingCondition.RESIZE_INFEASIBLE,
            "condition PodResizePending is True, reason Infeasible, for two minutes",
        ),
        "{Subject} keeps its size: {node} can never give it what its resize asks for[: {message}]",
        "condition PodResizePending is True, reason Infeasible[: {message}][, since {since}]",
        "ask for less than the node has, or let a new Pod of that size find another node",
        "KEP-1287; pkg/kubelet/allocation",
    ),
    CauseRule(
        Cause.RESIZE_PENDING,
        _is_in_condition(
            LastingCondition.RESIZE_DEFERRED,
            "condition PodResizePending is True, reason Deferred, for five minutes",
        ),
        "{Subject} keeps its size: {node} has no room now for its resize[: {message}]",
        "condition PodResizePending is True, reason Deferred[: {message}][, since {since}]",
        "[it is tried again; to help: free resources, or ask for less: ]{describe_node}",
        "KEP-1287; pkg/kubelet/allocation",
    ),
    CauseRule(
        Cause.RESIZE_FAILED,
        _is_in_condition(
            LastingCondition.RESIZE_FAILED,
            "condition PodResizeInProgress is True, reason Error, for two minutes",
        ),
        "{Subject} is not resized: its kubelet cannot carry the resize out[: {message}]",
        "condition PodResizeInProgress is True, reason Error[: {message}][, since {since}]",
        "correct the new size; a memory limit cannot go below what is in use",
        "KEP-1287; pkg/kubelet/kuberuntime/kuberuntime_manager.go (doPodResizeAction)",
    ),
    CauseRule(
        Cause.NOT_COMPLETED,
        _is_in_condition(
            LastingCondition.NOT_COMPLETED,
            "containers that are done (exit code 0, not started again) and one that runs on, for "
            "five minutes",
        ),
        "{Subject} still runs and keeps the Pod from completing; {names} completed at {since}",
        "{names} ended with exit code 0 and will not be started again; {subject} is running",
        "make it a sidecar (init container with restartPolicy Always), or end it after the work",
        "pkg/kubelet/kubelet_pods.go (getPhase); KEP-753",
    ),
    CauseRule(
        Cause.NOT_DELETED,
        _is_in_condition(
            LastingCondition.NOT_DELETED,
            "deletionTimestamp, the end of the grace period, was two minutes ago",
        ),
        phrases.not_deleted,
        "its grace period ended at {since}[; Event {event}][: {event_detail}][; {unread_events}]",
        phrases.not_deleted_step,
        "ObjectMeta in apimachinery/pkg/apis/meta/v1/types.go",
    ),
)
