"""The true cause of each golden Pod, written from what was done to it, not from the diagnosis.

For ``kubelet-*`` Pods it is known, since each was brought into its state on a real cluster.
``hand-*`` Pods were written from the source of Kubernetes, for states that are hard to bring about.
"""

import copy
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.core_v1 import ContainerKind, Pod
from pod_diagnoser.api.diagnostics_v1 import DiagnosisTargetSpec, TargetDiagnoser
from pod_diagnoser.diagnosis.cause_rules import CAUSE_RULES, rule_for
from pod_diagnoser.diagnosis.detection import detect_symptoms
from pod_diagnoser.diagnosis.diagnose import (
    Diagnosis,
    diagnose,
    diagnose_lasting_conditions,
    diagnose_symptom,
)
from pod_diagnoser.diagnosis.evidence import EventFinding, EventLookup, Evidence
from pod_diagnoser.diagnosis.lasting_conditions import detect_lasting_conditions
from pod_diagnoser.diagnosis.statement import MAX_LINE_BYTES
from pod_diagnoser.diagnosis.symptoms import (
    CRASH_LOOP_BACK_OFF,
    NODE_SHUTDOWN_REASONS,
    POST_START_HOOK_ERROR,
    LastingCondition,
    Symptom,
    SymptomKind,
)
from pod_diagnoser.pods.keys import CAUSE, DIAGNOSIS
from pod_diagnoser.pods.metadata import NO_OUTPUT, desired_metadata
from pod_diagnoser.pods.observation import observe_pod
from tests.support import corpus
from tests.unit.test_sync_properties import ODD, mutated_pods, places

CLAIM = DiagnosisTargetSpec(
    diagnoser=TargetDiagnoser(name="everything", uid="0c7a3f7e-0000-4000-8000-000000000001"),
    since="2026-11-01T00:00:00Z",
)
NOW = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
"""Twenty minutes after most of it happened."""

Truth = tuple[tuple[str, Cause], ...]
"""The container, or an empty string for the Pod as a whole, and the cause; empty for no crash."""


def app(cause: Cause) -> Truth:
    """The one container is called app."""
    return (("app", cause),)


def pod_level(cause: Cause) -> Truth:
    """The Pod as a whole, with a cause."""
    return (("", cause),)


NOTHING: Truth = ()

KUBELET: dict[str, Truth] = {
    "00-healthy-running": NOTHING,
    "01-completed-exit0-first-seen": app(Cause.COMPLETED),
    "01-completed-exit0-never": NOTHING,
    "01-completed-exit0-restarted": app(Cause.COMPLETED),
    "02-exit1-never": app(Cause.APPLICATION_ERROR),
    "02-exit1-restarted": app(Cause.APPLICATION_ERROR),
    "03-oomkilled-never": app(Cause.OUT_OF_MEMORY),
    "03-oomkilled-restarted": app(Cause.OUT_OF_MEMORY),
    "04-sigkill-outside-restarted": app(Cause.KILLED),
    "05-crashloop-0-terminated": app(Cause.APPLICATION_ERROR),
    "05-crashloop-1-waiting": app(Cause.APPLICATION_ERROR),
    "05-crashloop-2-waiting-3restarts": app(Cause.APPLICATION_ERROR),
    "06-command-not-found-crashloop": app(Cause.START_FAILED),
    "06-command-not-found-never": app(Cause.START_FAILED),
    "06-command-not-found-runcontainererror": app(Cause.START_FAILED),
    "06-sh-command-not-found-127": app(Cause.COMMAND_NOT_FOUND),
    "07-liveness-kill-137": app(Cause.LIVENESS_PROBE_FAILED),
    "07-liveness-kill-term-143": app(Cause.LIVENESS_PROBE_FAILED),
    "07-readiness-only-not-ready": app(Cause.NOT_READY),
    "08-init-failing-crashloop": (("init", Cause.APPLICATION_ERROR),),
    "08-init-failing-never": (("init", Cause.APPLICATION_ERROR),),
    "08-init-failing-terminated": (("init", Cause.APPLICATION_ERROR),),
    "09-sidecar-crash-crashloop": (("sidecar", Cause.APPLICATION_ERROR),),
    "09-sidecar-crash-restarted": (("sidecar", Cause.APPLICATION_ERROR),),
    "10-errimageneverpull": app(Cause.IMAGE_MISSING),
    "10-errimagepull": app(Cause.IMAGE_PULL_FAILED),
    "10-imagepullbackoff": app(Cause.IMAGE_PULL_FAILED),
    "11-createcontainerconfigerror": app(Cause.CONFIGURATION_ERROR),
    "11-missing-configmap-volume-containercreating": app(Cause.VOLUME_NOT_MOUNTED),
    "12-activedeadlineseconds": pod_level(Cause.POD_DEADLINE_EXCEEDED),
    "12-evicted-ephemeral-storage": pod_level(Cause.EVICTED),
    "12-evicted-ephemeral-storage-statusunknown": pod_level(Cause.EVICTED),
    "13-job-pod-failed": app(Cause.APPLICATION_ERROR),
    "14-terminating": NOTHING,
    "15-unschedulable": pod_level(Cause.UNSCHEDULABLE),
    "16-termination-message": app(Cause.APPLICATION_ERROR),
    "17-poststart-hook-error": app(Cause.POST_START_HOOK_FAILED),
    "20-onfailure-exit4-restarted": app(Cause.APPLICATION_ERROR),
    "22-power-cut-never": app(Cause.EXIT_STATUS_LOST),
    "23-runtime-data-lost-never": app(Cause.CONTAINER_STATUS_UNKNOWN),
    "24-node-unreachable-not-ready": pod_level(Cause.NODE_NOT_READY),
}

HAND: dict[str, Truth] = {
    # After a rollout
    "crash-long-after-the-rollout": (("web", Cause.APPLICATION_ERROR),),
    "hostile-template": (("web", Cause.APPLICATION_ERROR),),
    "new-image-and-less-memory": (("web", Cause.OUT_OF_MEMORY),),
    "stateful-set-without-a-variable": (("db", Cause.APPLICATION_ERROR),),
    # The Pod as a whole
    "deadline-two-containers": pod_level(Cause.POD_DEADLINE_EXCEEDED),
    "deadline-after-crash": (
        ("app", Cause.APPLICATION_ERROR),
        ("", Cause.POD_DEADLINE_EXCEEDED),
    ),
    "evicted-before-it-ran": pod_level(Cause.NOT_ADMITTED),
    "evicted-empty-dir": pod_level(Cause.EVICTED),
    "evicted-node-memory": pod_level(Cause.EVICTED),
    "node-lost": pod_level(Cause.NODE_LOST),
    "node-lost-deleted": pod_level(Cause.NODE_LOST),
    "node-shutdown": pod_level(Cause.NODE_SHUTDOWN),
    "node-shutdown-exit-0": pod_level(Cause.NODE_SHUTDOWN),
    "node-shutdown-of-kubernetes-1-20": pod_level(Cause.NODE_SHUTDOWN),
    "node-shutdown-refused": pod_level(Cause.NOT_ADMITTED),
    "pod-failed-for-a-reason-of-the-future": pod_level(Cause.POD_FAILED),
    "preempted-by-kubelet": pod_level(Cause.PREEMPTED),
    "refused-node-affinity": pod_level(Cause.NOT_ADMITTED),
    "refused-out-of-cpu": pod_level(Cause.NOT_ADMITTED),
    "refused-out-of-gpu": pod_level(Cause.NOT_ADMITTED),
    "refused-reason-of-the-future": pod_level(Cause.NOT_ADMITTED),
    "refused-unexpected-error": pod_level(Cause.NOT_ADMITTED),
    # What was meant to end
    "ephemeral-container-exit-0": NOTHING,
    "planned-deletion-after-pre-stop-ran-out": NOTHING,
    "planned-deletion-container-never-found": NOTHING,
    "planned-disruption-revoked-then-crash": app(Cause.APPLICATION_ERROR),
    "planned-drain": NOTHING,
    "planned-drain-after-crash": app(Cause.APPLICATION_ERROR),
    "planned-drain-before-deletion": NOTHING,
    "planned-init-container-completed": NOTHING,
    "planned-job-completed": NOTHING,
    "planned-job-completed-sidecar-stopped": NOTHING,
    "planned-on-failure-exit-0": NOTHING,
    "planned-pod-gc": NOTHING,
    "planned-scheduler-preemption": NOTHING,
    "planned-taint-eviction": NOTHING,
    # Containers that ended
    "ephemeral-container-failed": (("debugger", Cause.APPLICATION_ERROR),),
    "child-oom-then-liveness-kill-0": app(Cause.LIVENESS_PROBE_FAILED),
    "child-oom-then-liveness-kill-1": app(Cause.LIVENESS_PROBE_FAILED),
    "child-oom-then-liveness-kill-143": app(Cause.LIVENESS_PROBE_FAILED),
    "child-oom-then-own-exit": app(Cause.CHILD_OUT_OF_MEMORY),
    "exit-0-long-ago": app(Cause.COMPLETED),
    "exit-137-node-out-of-memory": app(Cause.NODE_OUT_OF_MEMORY),
    "exit-137-node-out-of-memory-at-another-time": app(Cause.KILLED),
    "exit-137-node-out-of-memory-by-node-problem-detector": app(Cause.NODE_OUT_OF_MEMORY),
    "exit-137-older-kernel-node-out-of-memory": app(Cause.NODE_OUT_OF_MEMORY),
    "exit-137-out-of-memory-of-another-cgroup": app(Cause.KILLED),
    "image-changed-in-place": app(Cause.DEFINITION_CHANGED),
    "init-container-run-again": (("app", Cause.SANDBOX_CHANGED), ("setup", Cause.COMPLETED)),
    "killed-after-the-node-was-rebooted": app(Cause.KILLED),
    "liveness-failed-but-not-killed": app(Cause.KILLED),
    "liveness-kill-dropped-by-the-recorder-0": app(Cause.COMPLETED),
    "liveness-kill-dropped-by-the-recorder-137": app(Cause.KILLED),
    "liveness-kill-dropped-by-the-recorder-143": app(Cause.TERMINATED),
    "liveness-kill-dropped-without-a-hint": app(Cause.KILLED),
    "liveness-kill-during-out-of-memory": app(Cause.OUT_OF_MEMORY),
    "liveness-kill-exit-0": app(Cause.LIVENESS_PROBE_FAILED),
    "liveness-kill-exit-0-backing-off": app(Cause.LIVENESS_PROBE_FAILED),
    "liveness-kill-exit-1": app(Cause.LIVENESS_PROBE_FAILED),
    "liveness-kill-in-the-second-before-then-own-exit": app(Cause.APPLICATION_ERROR),
    "liveness-kill-then-own-exit": app(Cause.APPLICATION_ERROR),
    "liveness-kill-of-sidecar": (("proxy", Cause.LIVENESS_PROBE_FAILED),),
    "never-liveness-kill-137": app(Cause.LIVENESS_PROBE_FAILED),
    "never-one-of-three-failed": app(Cause.APPLICATION_ERROR),
    "node-not-ready-status-lost": app(Cause.EXIT_STATUS_LOST),
    "node-rebooted-137": app(Cause.NODE_REBOOTED),
    "node-rebooted-255": app(Cause.NODE_REBOOTED),
    "node-rebooted-container-lost": app(Cause.NODE_REBOOTED),
    "node-rebooted-status-lost": app(Cause.NODE_REBOOTED),
    "on-failure-exit-0-after-crash": app(Cause.APPLICATION_ERROR),
    "post-start-hook-backing-off": app(Cause.POST_START_HOOK_FAILED),
    "resize-restart-137": app(Cause.RESTARTED_FOR_RESIZE),
    "resize-restart-143": app(Cause.RESTARTED_FOR_RESIZE),
    "resize-restart-143-in-progress": app(Cause.TERMINATED),
    "resize-restart-143-without-events": app(Cause.TERMINATED),
    "sandbox-changed-137": app(Cause.SANDBOX_CHANGED),
    "sandbox-changed-after-node-restart": app(Cause.EXIT_STATUS_LOST),
    "sandbox-changed-after-own-exit": app(Cause.APPLICATION_ERROR),
    "sandbox-changed-exit-0": app(Cause.SANDBOX_CHANGED),
    "sidecar-out-of-memory": (("proxy", Cause.OUT_OF_MEMORY),),
    "startup-probe-kill-137": app(Cause.STARTUP_PROBE_FAILED),
    "startup-probe-kill-143": app(Cause.STARTUP_PROBE_FAILED),
    "stopped-by-kubelet-unexplained": app(Cause.STOPPED_BY_KUBELET),
    "stopped-after-own-exit": app(Cause.COMPLETED),
    # Restart rules
    "restart-all-containers-removed": (
        ("app", Cause.APPLICATION_ERROR),
        ("worker", Cause.RESTARTED_WITH_ALL),
    ),
    "restart-all-containers-restarted": (
        ("app", Cause.RESTARTED_WITH_ALL),
        ("worker", Cause.RESTARTED_WITH_ALL),
    ),
    "restart-all-containers-trigger": app(Cause.APPLICATION_ERROR),
    "restart-rule-first-seen": app(Cause.APPLICATION_ERROR),
    "restart-rule-in": app(Cause.APPLICATION_ERROR),
    "restart-rule-not-in": app(Cause.APPLICATION_ERROR),
    "restart-rule-not-matching": app(Cause.APPLICATION_ERROR),
    # Containers that are not started
    "crash-loop-back-off-exit-0": app(Cause.COMPLETED),
    "crash-loop-back-off-without-last-state": app(Cause.CRASH_LOOP_BACK_OFF),
    "waiting-container-creating": app(Cause.SANDBOX_NOT_CREATED),
    "waiting-container-creating-while-pulling": app(Cause.IMAGE_PULL_SLOW),
    "waiting-container-creating-unexplained": app(Cause.NOT_CREATED),
    "waiting-create-container-config-error-secret-key": app(Cause.CONFIGURATION_ERROR),
    "waiting-create-container-error": app(Cause.CREATION_FAILED),
    "waiting-image-inspect-error": app(Cause.IMAGE_UNUSABLE),
    "waiting-image-of-init-container": (("setup", Cause.IMAGE_PULL_FAILED),),
    "waiting-image-of-sidecar": (("proxy", Cause.IMAGE_PULL_FAILED),),
    "waiting-invalid-image-name": app(Cause.INVALID_IMAGE_NAME),
    "waiting-post-start-hook-error": app(Cause.POST_START_HOOK_FAILED),
    "waiting-pre-create-hook-error": app(Cause.CREATION_FAILED),
    "waiting-pre-start-hook-error": app(Cause.START_FAILED),
    "waiting-registry-unavailable": app(Cause.IMAGE_PULL_FAILED),
    "waiting-run-container-error": app(Cause.START_FAILED),
    "waiting-run-container-error-after-another-crash": (
        ("app", Cause.APPLICATION_ERROR),
        ("app", Cause.START_FAILED),
    ),
    "waiting-signature-validation-failed": app(Cause.IMAGE_UNUSABLE),
    "waiting-signature-validation-failed-backing-off": app(Cause.IMAGE_UNUSABLE),
    # What does not start, lasts, was refused; codes of Windows
    "always-one-done-is-restarted": app(Cause.COMPLETED),
    "cgroup-not-created": app(Cause.NOT_CREATED),
    "deletion-kubelet-cannot-stop-a-container": pod_level(Cause.NOT_DELETED),
    "deletion-node-stopped-reporting": pod_level(Cause.NOT_DELETED),
    "deletion-nothing-runs-any-more": pod_level(Cause.NOT_DELETED),
    "deletion-waits-for-finalizer": pod_level(Cause.NOT_DELETED),
    "deletion-waits-for-finalizers-of-a-failed-pod": pod_level(Cause.NOT_DELETED),
    "deletion-within-two-minutes": NOTHING,
    "devices-claim-not-allocated": app(Cause.DEVICES_NOT_PREPARED),
    "devices-claim-not-prepared": app(Cause.DEVICES_NOT_PREPARED),
    "devices-dra-driver-not-registered": app(Cause.DEVICES_NOT_PREPARED),
    "evicted-without-container-statuses": pod_level(Cause.EVICTED),
    "exit-1-at-once": app(Cause.APPLICATION_ERROR),
    "exit-1-within-a-second": app(Cause.APPLICATION_ERROR),
    "exit-255-at-once": app(Cause.APPLICATION_ERROR),
    "exit-3-at-once": app(Cause.APPLICATION_ERROR),
    "held-open-by-one-of-three": (("proxy", Cause.NOT_COMPLETED),),
    "held-open-by-proxy": (("proxy", Cause.NOT_COMPLETED),),
    "held-open-on-failure": (("proxy", Cause.NOT_COMPLETED),),
    "init-container-removed-and-run-again": (("setup", Cause.INIT_CONTAINER_RUN_AGAIN),),
    "init-container-removed-and-running-again": (("setup", Cause.INIT_CONTAINER_RUN_AGAIN),),
    "init-container-run-again-for-the-third-time": (("setup", Cause.INIT_CONTAINER_RUN_AGAIN),),
    "init-container-runs-for-four-minutes": NOTHING,
    "init-container-runs-on-after-a-sidecar": (("wait-for-db", Cause.NOT_INITIALIZED),),
    "init-container-runs-on": (("wait-for-db", Cause.NOT_INITIALIZED),),
    "initializing-configmap-missing": (("setup", Cause.VOLUME_NOT_MOUNTED),),
    "initializing-second-container-not-created": (("migrate", Cause.IMAGE_PULL_SLOW),),
    "initializing-sidecar-first": (("proxy", Cause.SANDBOX_NOT_CREATED),),
    "initializing-status-of-old-kubelets": (("setup", Cause.VOLUME_NOT_MOUNTED),),
    "node-shutdown-and-back-again": app(Cause.NODE_SHUTDOWN),
    "node-shutdown-long-before-a-crash": app(Cause.TERMINATED),
    "node-shutdown-phase-left-running-two-containers": pod_level(Cause.NODE_SHUTDOWN),
    "node-shutdown-phase-left-running": pod_level(Cause.NODE_SHUTDOWN),
    "node-shutdown-without-container-statuses": pod_level(Cause.NODE_SHUTDOWN),
    "one-done-for-four-minutes": NOTHING,
    "pull-certificate-refused": app(Cause.IMAGE_PULL_FAILED),
    "pull-done-and-still-not-created": app(Cause.NOT_CREATED),
    "pull-for-five-minutes": app(Cause.IMAGE_PULL_SLOW),
    "pull-for-four-minutes": NOTHING,
    "pull-for-twenty-minutes": app(Cause.IMAGE_PULL_SLOW),
    "pull-no-space-on-the-node": app(Cause.IMAGE_PULL_FAILED),
    "pull-not-found-by-events-alone": app(Cause.IMAGE_PULL_FAILED),
    "pull-not-found-in-the-other-turn": app(Cause.IMAGE_PULL_FAILED),
    "pull-not-found": app(Cause.IMAGE_PULL_FAILED),
    "pull-of-another-container": app(Cause.IMAGE_PULL_SLOW),
    "pull-platform-missing": app(Cause.IMAGE_PULL_FAILED),
    "pull-rate-limited-by-events-alone": app(Cause.IMAGE_PULL_FAILED),
    "pull-rate-limited-dockershim": app(Cause.IMAGE_PULL_FAILED),
    "pull-rate-limited": app(Cause.IMAGE_PULL_FAILED),
    "pull-registry-refused": app(Cause.IMAGE_PULL_FAILED),
    "pull-registry-timed-out": app(Cause.IMAGE_PULL_FAILED),
    "pull-registry-unreachable": app(Cause.IMAGE_PULL_FAILED),
    "pull-short-name-not-resolved": app(Cause.IMAGE_PULL_FAILED),
    "pull-unauthorized-by-events-alone": app(Cause.IMAGE_PULL_FAILED),
    "pull-unauthorized-crio": app(Cause.IMAGE_PULL_FAILED),
    "pull-unauthorized": app(Cause.IMAGE_PULL_FAILED),
    "claim-template-missing": pod_level(Cause.NOT_SCHEDULED),
    "no-scheduler": pod_level(Cause.NOT_SCHEDULED),
    "resize-below-usage": pod_level(Cause.RESIZE_FAILED),
    "resize-deferred": pod_level(Cause.RESIZE_PENDING),
    "resize-infeasible": pod_level(Cause.RESIZE_PENDING),
    "readiness-gate-false": pod_level(Cause.READINESS_GATE_NOT_SET),
    "readiness-gate-without-condition": pod_level(Cause.READINESS_GATE_NOT_SET),
    "readiness-gates-one-of-two": pod_level(Cause.READINESS_GATE_NOT_SET),
    "refused-app-armor": pod_level(Cause.NOT_ADMITTED),
    "refused-device-lost-of-old-kubelets": pod_level(Cause.NOT_ADMITTED),
    "refused-device-lost": pod_level(Cause.NOT_ADMITTED),
    "refused-node-affinity-of-old-kubelets": pod_level(Cause.NOT_ADMITTED),
    "refused-node-selector-of-old-kubelets": pod_level(Cause.NOT_ADMITTED),
    "refused-node-shutting-down-1-20": pod_level(Cause.NOT_ADMITTED),
    "refused-os": pod_level(Cause.NOT_ADMITTED),
    "refused-smt-alignment": pod_level(Cause.NOT_ADMITTED),
    "refused-topology-of-old-kubelets": pod_level(Cause.NOT_ADMITTED),
    "refused-topology": pod_level(Cause.NOT_ADMITTED),
    "refused-volume-attach-limit": pod_level(Cause.NOT_ADMITTED),
    "refused-without-a-reason": pod_level(Cause.NOT_ADMITTED),
    "sandbox-network-not-ready": app(Cause.SANDBOX_NOT_CREATED),
    "sandbox-runtime-handler-unknown": app(Cause.SANDBOX_NOT_CREATED),
    "second-init-container-runs-on": (("migrate", Cause.NOT_INITIALIZED),),
    "short-name-ambiguous": app(Cause.INVALID_IMAGE_NAME),
    "startup-probe-of-sidecar-pending": (("proxy", Cause.NOT_STARTED),),
    "startup-probe-pending-for-a-minute": NOTHING,
    "startup-probe-pending-without-events": app(Cause.NOT_STARTED),
    "startup-probe-pending": app(Cause.NOT_STARTED),
    "volume-attach-timed-out": app(Cause.VOLUME_NOT_MOUNTED),
    "volume-ownership-change": app(Cause.VOLUME_NOT_MOUNTED),
    "volume-driver-without-permission": app(Cause.VOLUME_NOT_MOUNTED),
    "volume-attached-to-another-node": app(Cause.VOLUME_NOT_MOUNTED),
    "volume-block-device-not-mapped": app(Cause.VOLUME_NOT_MOUNTED),
    "volume-csi-driver-missing": app(Cause.VOLUME_NOT_MOUNTED),
    "volume-only-the-echo": app(Cause.VOLUME_NOT_MOUNTED),
    "volume-secret-missing-then-sandbox": app(Cause.SANDBOX_NOT_CREATED),
    "volume-used-by-another-pod": app(Cause.VOLUME_NOT_MOUNTED),
    "windows-access-violation": app(Cause.SEGMENTATION_FAULT),
    "windows-breakpoint": app(Cause.TRACE_TRAP),
    "windows-cpp-exception": app(Cause.ABORTED),
    "windows-divide-by-zero": app(Cause.ARITHMETIC_ERROR),
    "windows-dll-init-failed": app(Cause.NOT_EXECUTABLE),
    "windows-dll-not-found": app(Cause.NOT_EXECUTABLE),
    "windows-dotnet-exception": app(Cause.ABORTED),
    "windows-entry-point-not-found": app(Cause.NOT_EXECUTABLE),
    "windows-exit-1000": app(Cause.APPLICATION_ERROR),
    "windows-exit-minus-one": app(Cause.APPLICATION_ERROR),
    "windows-fail-fast": app(Cause.ABORTED),
    "windows-heap-corruption": app(Cause.ABORTED),
    "windows-illegal-instruction": app(Cause.ILLEGAL_INSTRUCTION),
    "windows-image-not-valid": app(Cause.NOT_EXECUTABLE),
    "windows-no-memory": app(Cause.WINDOWS_ERROR),
    "windows-stack-overflow": app(Cause.SEGMENTATION_FAULT),
    "windows-stopped-with-its-sandbox": app(Cause.SANDBOX_CHANGED),
    "windows-stopped": app(Cause.TERMINATED),
    "windows-unknown-status": app(Cause.WINDOWS_ERROR),
    "deletion-of-one-not-picked-up": pod_level(Cause.NOT_DELETED),
    "failed-sync-alone": app(Cause.NOT_CREATED),
    "failed-sync-beside-a-sandbox-that-fails": app(Cause.SANDBOX_NOT_CREATED),
    "init-container-forgotten-and-begun-again": (("setup", Cause.INIT_CONTAINER_RUN_AGAIN),),
    "init-container-forgotten-and-running-again": (("setup", Cause.INIT_CONTAINER_RUN_AGAIN),),
    "exec-format-error-255": app(Cause.NOT_EXECUTABLE),
    "exec-format-error-after-a-minute": app(Cause.APPLICATION_ERROR),
    "exec-format-error-of-crun": app(Cause.NOT_EXECUTABLE),
    "exec-format-error-of-docker": app(Cause.NOT_EXECUTABLE),
    "exec-format-error-of-old-runc": app(Cause.NOT_EXECUTABLE),
    "exec-format-error-quoted-by-an-application": app(Cause.APPLICATION_ERROR),
    "exec-format-error": app(Cause.NOT_EXECUTABLE),
    "said-why-it-aborted": app(Cause.ABORTED),
    "asked-to-stop": app(Cause.APPLICATION_ERROR),
    "go-panic": app(Cause.APPLICATION_ERROR),
    "imitates-our-words": app(Cause.APPLICATION_ERROR),
    "killed-while-it-said-why": app(Cause.KILLED),
    "message-alone": app(Cause.APPLICATION_ERROR),
    "message-on-purpose": app(Cause.APPLICATION_ERROR),
    "missing-variable": app(Cause.APPLICATION_ERROR),
    "not-explained": app(Cause.APPLICATION_ERROR),
    "secret-in-reason": app(Cause.APPLICATION_ERROR),
    "unreachable-in-json": app(Cause.APPLICATION_ERROR),
    "two-containers-wait-for-one-volume": (
        ("app", Cause.VOLUME_NOT_MOUNTED),
        ("proxy", Cause.VOLUME_NOT_MOUNTED),
    ),
    "init-container-forgotten-and-failed-again": (("setup", Cause.APPLICATION_ERROR),),
    "init-container-forgotten-and-run-again": (("setup", Cause.INIT_CONTAINER_RUN_AGAIN),),
    "init-container-run-once-before-the-pod": NOTHING,
    "not-picked-up-for-a-minute": NOTHING,
    "not-picked-up-with-init-containers": pod_level(Cause.NOT_PICKED_UP),
    "not-picked-up": pod_level(Cause.NOT_PICKED_UP),
    "sandbox-not-made-anew-after-a-restart-of-the-node": (
        ("app", Cause.EXIT_STATUS_LOST),
        ("app", Cause.SANDBOX_NOT_CREATED),
    ),
    # What a message tells apart
    "device-cdi-missing-crio": app(Cause.CREATION_FAILED),
    "runtime-program-missing": app(Cause.CREATION_FAILED),
    "kernel-keys-used-up": app(Cause.CREATION_FAILED),
    "mount-of-the-runtime-refused": app(Cause.CREATION_FAILED),
    "device-driver-library-missing": app(Cause.START_FAILED),
    "device-driver-too-old": app(Cause.START_FAILED),
    "exec-format-error-crun": app(Cause.CREATION_FAILED),
    "exec-format-error-runc": app(Cause.START_FAILED),
    "executable-not-found-crun": app(Cause.CREATION_FAILED),
    "memory-limit-too-low-cgroup-v1": app(Cause.START_FAILED),
    "memory-limit-too-low-containerd": app(Cause.START_FAILED),
    "memory-limit-too-low-for-the-cgroup": app(Cause.START_FAILED),
    "mount-of-a-changed-sub-path": app(Cause.START_FAILED),
    "mount-of-a-directory-onto-a-file": app(Cause.START_FAILED),
    "mount-on-a-read-only-file-system": app(Cause.START_FAILED),
    "node-slow-container-name-reserved": app(Cause.CREATION_FAILED),
    "node-slow-crio-under-load": app(Cause.CREATION_FAILED),
    "node-slow-deadline-exceeded": app(Cause.CREATION_FAILED),
    "pull-plain-http-by-events-alone": app(Cause.IMAGE_PULL_FAILED),
    "refused-disk-pressure-of-old-kubelets": pod_level(Cause.NOT_ADMITTED),
    "refused-host-port-of-old-kubelets": pod_level(Cause.NOT_ADMITTED),
    "refused-sysctl": pod_level(Cause.NOT_ADMITTED),
    "refused-unhealthy-devices": pod_level(Cause.NOT_ADMITTED),
    "run-as-non-root-user-by-name": app(Cause.CONFIGURATION_ERROR),
    "sandbox-no-ip-address": app(Cause.SANDBOX_NOT_CREATED),
    "sandbox-resolv-conf-missing": app(Cause.SANDBOX_NOT_CREATED),
    "sandbox-user-namespaces-switched-off": app(Cause.SANDBOX_NOT_CREATED),
    "sandbox-network-definition-missing": app(Cause.SANDBOX_NOT_CREATED),
    "sandbox-address-agent-down": app(Cause.SANDBOX_NOT_CREATED),
    "sandbox-pause-image-not-pulled": app(Cause.SANDBOX_NOT_CREATED),
    "sandbox-plug-in-of-multus": app(Cause.SANDBOX_NOT_CREATED),
    "sandbox-plug-in-unauthorized": app(Cause.SANDBOX_NOT_CREATED),
    "sandbox-windows-build-of-another-host": app(Cause.SANDBOX_NOT_CREATED),
    "seccomp-not-supported": app(Cause.START_FAILED),
    "sub-path-not-prepared": app(Cause.CONFIGURATION_ERROR),
    "user-not-in-the-image": app(Cause.START_FAILED),
    "volume-file-system-damaged": app(Cause.VOLUME_NOT_MOUNTED),
    "volume-in-another-zone": app(Cause.VOLUME_NOT_MOUNTED),
    "volume-mount-helper-missing": app(Cause.VOLUME_NOT_MOUNTED),
    "volume-nfs-access-denied": app(Cause.VOLUME_NOT_MOUNTED),
    "volume-object-not-registered": app(Cause.VOLUME_NOT_MOUNTED),
    "volume-secret-store-denied": app(Cause.VOLUME_NOT_MOUNTED),
    "volume-token-refused": app(Cause.VOLUME_NOT_MOUNTED),
    "working-directory-not-permitted": app(Cause.START_FAILED),
    # Events that mislead, or try to
    "events-after-the-end": app(Cause.KILLED),
    "events-among-many-kills": app(Cause.KILLED),
    "events-between-two-kills": app(Cause.APPLICATION_ERROR),
    "events-forged-change-of-an-unchanged-spec": app(Cause.TERMINATED),
    "events-forged-hook-failure-without-a-hook": app(Cause.KILLED),
    "events-forged-liveness-kill-without-a-probe": app(Cause.TERMINATED),
    "events-forged-resize-of-an-unchanged-spec": app(Cause.TERMINATED),
    "events-forged-resize-without-a-policy": app(Cause.TERMINATED),
    "events-forged-startup-kill-without-a-probe": app(Cause.TERMINATED),
    "events-hostile-probe-output": app(Cause.LIVENESS_PROBE_FAILED),
    "events-naming-another-container-in-the-message": app(Cause.KILLED),
    "events-of-another-component": app(Cause.KILLED),
    "events-of-another-container": app(Cause.KILLED),
    "events-of-another-time": app(Cause.KILLED),
    "events-of-another-uid": app(Cause.KILLED),
    "events-of-the-newer-api": app(Cause.LIVENESS_PROBE_FAILED),
    "events-with-nulls": app(Cause.KILLED),
}

TRUTHS = {
    **{f"kubelet-{name}": truth for name, truth in KUBELET.items()},
    **{f"hand-{name}": truth for name, truth in HAND.items()},
}

BY_STATUS_ALONE: dict[str, Truth] = {
    "kubelet-07-liveness-kill-137": app(Cause.KILLED),
    "kubelet-07-liveness-kill-term-143": app(Cause.TERMINATED),
    "kubelet-11-missing-configmap-volume-containercreating": app(Cause.NOT_CREATED),
    "hand-events-hostile-probe-output": app(Cause.KILLED),
    "hand-events-of-the-newer-api": app(Cause.KILLED),
    "hand-child-oom-then-liveness-kill-0": app(Cause.CHILD_OUT_OF_MEMORY),
    "hand-child-oom-then-liveness-kill-1": app(Cause.CHILD_OUT_OF_MEMORY),
    "hand-child-oom-then-liveness-kill-143": app(Cause.CHILD_OUT_OF_MEMORY),
    "hand-exit-137-node-out-of-memory": app(Cause.KILLED),
    "hand-exit-137-node-out-of-memory-by-node-problem-detector": app(Cause.KILLED),
    "hand-exit-137-older-kernel-node-out-of-memory": app(Cause.KILLED),
    "hand-image-changed-in-place": app(Cause.TERMINATED),
    "hand-init-container-run-again": (("app", Cause.COMPLETED), ("setup", Cause.COMPLETED)),
    "hand-liveness-kill-exit-0": app(Cause.COMPLETED),
    "hand-liveness-kill-exit-0-backing-off": app(Cause.COMPLETED),
    "hand-liveness-kill-exit-1": app(Cause.APPLICATION_ERROR),
    "hand-liveness-kill-of-sidecar": (("proxy", Cause.KILLED),),
    "hand-never-liveness-kill-137": app(Cause.KILLED),
    "hand-node-rebooted-137": app(Cause.KILLED),
    "hand-node-rebooted-255": app(Cause.APPLICATION_ERROR),
    "hand-node-rebooted-container-lost": app(Cause.CONTAINER_STATUS_UNKNOWN),
    "hand-node-rebooted-status-lost": app(Cause.EXIT_STATUS_LOST),
    "hand-post-start-hook-backing-off": app(Cause.KILLED),
    "hand-resize-restart-137": app(Cause.KILLED),
    "hand-resize-restart-143": app(Cause.TERMINATED),
    "hand-sandbox-changed-137": app(Cause.KILLED),
    "hand-sandbox-changed-exit-0": app(Cause.COMPLETED),
    "hand-startup-probe-kill-137": app(Cause.KILLED),
    "hand-startup-probe-kill-143": app(Cause.TERMINATED),
    "hand-stopped-by-kubelet-unexplained": app(Cause.COMPLETED),
    "hand-waiting-container-creating-while-pulling": app(Cause.NOT_CREATED),
    "hand-devices-claim-not-allocated": app(Cause.NOT_CREATED),
    "hand-devices-claim-not-prepared": app(Cause.NOT_CREATED),
    "hand-devices-dra-driver-not-registered": app(Cause.NOT_CREATED),
    "hand-initializing-configmap-missing": (("setup", Cause.NOT_CREATED),),
    "hand-initializing-second-container-not-created": (("migrate", Cause.NOT_CREATED),),
    "hand-initializing-sidecar-first": (("proxy", Cause.NOT_CREATED),),
    "hand-initializing-status-of-old-kubelets": (("setup", Cause.NOT_CREATED),),
    "hand-pull-for-five-minutes": app(Cause.NOT_CREATED),
    "hand-pull-for-four-minutes": app(Cause.NOT_CREATED),
    "hand-pull-for-twenty-minutes": app(Cause.NOT_CREATED),
    "hand-pull-of-another-container": (
        ("app", Cause.NOT_CREATED),
        ("proxy", Cause.NOT_CREATED),
    ),
    "hand-sandbox-network-not-ready": app(Cause.NOT_CREATED),
    "hand-sandbox-runtime-handler-unknown": app(Cause.NOT_CREATED),
    "hand-volume-attach-timed-out": app(Cause.NOT_CREATED),
    "hand-volume-ownership-change": app(Cause.NOT_CREATED),
    "hand-volume-driver-without-permission": app(Cause.NOT_CREATED),
    "hand-volume-attached-to-another-node": app(Cause.NOT_CREATED),
    "hand-volume-block-device-not-mapped": app(Cause.NOT_CREATED),
    "hand-volume-csi-driver-missing": app(Cause.NOT_CREATED),
    "hand-volume-only-the-echo": app(Cause.NOT_CREATED),
    "hand-volume-secret-missing-then-sandbox": app(Cause.NOT_CREATED),
    "hand-volume-used-by-another-pod": app(Cause.NOT_CREATED),
    "hand-sandbox-no-ip-address": app(Cause.NOT_CREATED),
    "hand-sandbox-resolv-conf-missing": app(Cause.NOT_CREATED),
    "hand-sandbox-user-namespaces-switched-off": app(Cause.NOT_CREATED),
    "hand-sandbox-network-definition-missing": app(Cause.NOT_CREATED),
    "hand-sandbox-address-agent-down": app(Cause.NOT_CREATED),
    "hand-sandbox-pause-image-not-pulled": app(Cause.NOT_CREATED),
    "hand-sandbox-plug-in-of-multus": app(Cause.NOT_CREATED),
    "hand-sandbox-plug-in-unauthorized": app(Cause.NOT_CREATED),
    "hand-sandbox-windows-build-of-another-host": app(Cause.NOT_CREATED),
    "hand-volume-file-system-damaged": app(Cause.NOT_CREATED),
    "hand-volume-in-another-zone": app(Cause.NOT_CREATED),
    "hand-volume-mount-helper-missing": app(Cause.NOT_CREATED),
    "hand-volume-nfs-access-denied": app(Cause.NOT_CREATED),
    "hand-volume-object-not-registered": app(Cause.NOT_CREATED),
    "hand-volume-secret-store-denied": app(Cause.NOT_CREATED),
    "hand-volume-token-refused": app(Cause.NOT_CREATED),
    "hand-failed-sync-beside-a-sandbox-that-fails": app(Cause.NOT_CREATED),
    "hand-exec-format-error-255": app(Cause.APPLICATION_ERROR),
    "hand-exec-format-error-of-crun": app(Cause.APPLICATION_ERROR),
    "hand-exec-format-error-of-docker": app(Cause.APPLICATION_ERROR),
    "hand-exec-format-error-of-old-runc": app(Cause.APPLICATION_ERROR),
    "hand-exec-format-error": app(Cause.APPLICATION_ERROR),
    "hand-two-containers-wait-for-one-volume": (
        ("app", Cause.NOT_CREATED),
        ("proxy", Cause.NOT_CREATED),
    ),
    "hand-sandbox-not-made-anew-after-a-restart-of-the-node": (
        ("app", Cause.EXIT_STATUS_LOST),
        ("app", Cause.NOT_CREATED),
    ),
    "hand-windows-stopped-with-its-sandbox": app(Cause.TERMINATED),
    "hand-waiting-container-creating": app(Cause.NOT_CREATED),
}
"""Where the status proves less than the Events do; elsewhere both prove the same."""


def diagnoses_of(name: str, *, with_events: bool) -> tuple[Diagnosis, ...]:
    """Diagnose a golden Pod: what ended in it, and its lasting conditions."""
    pod = corpus.pod(name)
    fetched = corpus.fetched_for(name, pod) if with_events else None
    now = corpus.moment(name, NOW)
    evidence = corpus.evidence(pod, fetched, now)
    return (*diagnose(pod, evidence), *diagnose_lasting_conditions(pod, now, evidence)[0])


def truth_of(diagnoses: tuple[Diagnosis, ...]) -> Truth:
    """Return diagnoses in the form of the tables."""
    return tuple((diagnosis.container, diagnosis.cause) for diagnosis in diagnoses)


def test_every_recorded_pod_has_a_true_cause() -> None:
    """No Pod that a kubelet reported is left out; nor is one with Events made by hand."""
    assert {name for name in corpus.names() if name.startswith("kubelet-")} == {
        f"kubelet-{name}" for name in KUBELET
    }
    assert len(KUBELET) == 41
    assert {name for name in corpus.names() if corpus.event_items(name) is not None} <= set(TRUTHS)


@pytest.mark.parametrize("name", sorted(TRUTHS))
def test_causes_with_events_are_the_true_ones(name: str) -> None:
    """Each container gets the cause that its Pod and its Events prove."""
    assert truth_of(diagnoses_of(name, with_events=True)) == TRUTHS[name]


@pytest.mark.parametrize("name", sorted(TRUTHS))
def test_causes_without_events_are_what_the_status_proves(name: str) -> None:
    """Nothing is claimed that only Events can prove."""
    assert truth_of(diagnoses_of(name, with_events=False)) == BY_STATUS_ALONE.get(
        name, TRUTHS[name]
    )


@pytest.mark.parametrize("name", sorted(TRUTHS))
def test_status_cause_never_depends_on_events(name: str) -> None:
    """Events, which can be made up, do not decide what is done about a crash.

    They may show that a lasting condition is no failure, which is then not diagnosed.
    """
    alone = {
        diagnosis.id: diagnosis.status_cause for diagnosis in diagnoses_of(name, with_events=False)
    }
    with_events = {
        diagnosis.id: diagnosis.status_cause for diagnosis in diagnoses_of(name, with_events=True)
    }
    assert with_events.items() <= alone.items()


WORDS: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = [
    ("kubelet-03-oomkilled-restarted", ("OOMKilled", "128Mi"), ("probe",)),
    ("kubelet-04-sigkill-outside-restarted", ("137", "not OOMKilled"), ("128Mi",)),
    (
        "kubelet-06-command-not-found-never",
        ("never ran", "/no/such/program", "no such file"),
        ("--previous",),
    ),
    (
        "kubelet-07-liveness-kill-137",
        ("liveness probe", "can't open '/tmp/ok'", "137"),
        ("memory", "Canceled", "startup"),
    ),
    ("kubelet-07-liveness-kill-term-143", ("liveness probe", "statuscode: 500", "143"), ("137",)),
    ("kubelet-08-init-failing-never", ("Init container init", "code 7"), ("--previous",)),
    ("kubelet-09-sidecar-crash-restarted", ("Sidecar container sidecar", "9"), ("Init container",)),
    ("kubelet-10-errimageneverpull", ("localhost/not-there:1", "Never"), ("registry",)),
    ("kubelet-10-errimagepull", ("localhost:1/not-there:1",), ("logs",)),
    ("kubelet-11-createcontainerconfigerror", ("configmap 'not-there' not found",), ("logs",)),
    (
        "kubelet-11-missing-configmap-volume-containercreating",
        ("volume 'v'", "configmap 'not-there' not found"),
        ("logs",),
    ),
    ("kubelet-12-activedeadlineseconds", ("activeDeadlineSeconds",), ("exited",)),
    (
        "kubelet-12-evicted-ephemeral-storage",
        ("ephemeral local storage usage exceeds",),
        ("137", "memory"),
    ),
    ("kubelet-15-unschedulable", ("finds no node", "0/1 nodes"), ("logs",)),
    ("kubelet-16-termination-message", ("exit code 5",), ("farewell",)),
    ("kubelet-17-poststart-hook-error", ("postStart hook",), ("memory", "probe")),
    ("kubelet-22-power-cut-never", ("255", "placeholder", "node1"), ("exit(-1)", "entrypoint")),
    ("kubelet-23-runtime-data-lost-never", ("not known", "placeholder"), ("SIGKILL", "memory")),
    ("kubelet-24-node-unreachable-not-ready", ("node1",), ("exited", "logs")),
    ("hand-evicted-node-memory", ("low on resource: memory",), ("137",)),
    ("hand-evicted-before-it-ran", ("DiskPressure", "never ran"), ("exited",)),
    ("hand-liveness-kill-exit-0", ("liveness probe", "statuscode: 503", "code 0"), ("Job",)),
    ("hand-liveness-kill-of-sidecar", ("Sidecar container proxy", "liveness"), ("Init container",)),
    ("hand-liveness-kill-during-out-of-memory", ("OOMKilled", "128Mi"), ("probe",)),
    ("hand-startup-probe-kill-143", ("startup probe", "connection refused"), ("liveness",)),
    ("hand-restart-rule-in", ("restart rule", "42"), ()),
    ("hand-restart-rule-not-matching", ("exit code 1",), ("restart rule",)),
    ("hand-resize-restart-143-without-events", ("143", "resize"), ("on purpose",)),
    ("hand-crash-loop-back-off-without-last-state", ("how it ended is no longer",), ("exit code",)),
    ("hand-init-container-run-again", ("Init container setup", "run again"), ("foreground", "Job")),
    ("hand-events-among-many-kills", ("137", "liveness probe"), ("no Event of",)),
    ("hand-exit-0-long-ago", ("exited with code 0", "liveness probe"), ("no Event of",)),
    ("hand-ephemeral-container-failed", ("Ephemeral container debugger",), ("--previous",)),
    ("hand-waiting-signature-validation-failed-backing-off", ("signature",), ("logs",)),
    ("hand-waiting-image-of-sidecar", ("Sidecar container proxy", "proxy:9"), ("logs",)),
    ("hand-never-one-of-three-failed", ("exit code 3",), ("--previous",)),
]


@pytest.mark.parametrize(("name", "present", "absent"), WORDS, ids=[name for name, _, _ in WORDS])
def test_sentence_has_the_facts_and_no_others(
    name: str, present: tuple[str, ...], absent: tuple[str, ...]
) -> None:
    """What the others get wrong is right here, word for word."""
    said = words_of(diagnoses_of(name, with_events=True)[-1])
    for words in present:
        assert words in said
    for words in absent:
        assert words not in said


def words_of(diagnosis: Diagnosis) -> str:
    """Join the lines of a diagnosis."""
    lines = diagnosis.statement
    return f"{lines.diagnosis} | {lines.evidence} | {lines.next_step}"


def test_a_planned_restart_hides_no_crash() -> None:
    """Where one container's exit has all restarted, that exit is what is shown."""
    pod = corpus.pod("hand-restart-all-containers-removed")
    observation = observe_pod(pod, CLAIM, NOW)
    assert observation.latest is not None
    assert observation.latest.container == "app"


@pytest.mark.parametrize("name", corpus.names())
def test_whatever_is_diagnosed_is_shown(name: str) -> None:
    """A Pod with a diagnosis shows a cause and a sentence at its first observation.

    They are about a crash, if there is one, and not about a restart that was requested.
    """
    pod = corpus.pod(name)
    observation = observe_pod(pod, CLAIM, NOW, corpus.fetched_for(name, pod))
    shown = desired_metadata(pod, CLAIM, observation, NOW, NO_OUTPUT).annotations
    assert (CAUSE in shown) == (DIAGNOSIS in shown) == bool(observation.diagnoses)
    diagnoses = observation.diagnoses
    crashes = [each for each in diagnoses if not each.was_requested] or diagnoses
    assert not diagnoses or shown[CAUSE] in {each.cause.value for each in crashes}


def test_hostile_probe_output_is_shown_harmless() -> None:
    """No control or bidirectional character of a probe's output is passed on, and little of it."""
    (diagnosis,) = diagnoses_of("hand-events-hostile-probe-output", with_events=True)
    assert words_of(diagnosis).isprintable()
    assert "y" * 200 not in words_of(diagnosis)


# No cause without its evidence


EMPTY: dict[str, Any] = {
    "reason": "",
    "exit_code": None,
    "evidence": None,
    "message": "",
    "kind": SymptomKind.LASTING_CONDITION,
    "problem": None,
    "never_ran": False,
    "ran_on": False,
}
"""The value of a field that proves nothing."""

EITHER = {Cause.NOT_ADMITTED}
"""Causes that either field proves alone: the reason, or that no container ever ran."""


SYMPTOMS = [symptom for name in corpus.names() for symptom in corpus.symptoms(name, NOW)]
"""All symptoms of the golden Pods."""


def test_every_rule_names_the_fields_that_prove_it() -> None:
    """Each row names fields of a symptom; only the last one, which proves nothing, names none."""
    known = set(Symptom._fields)
    for rule in CAUSE_RULES[:-1]:
        assert rule.predicate.fields, rule.cause
        assert set(rule.predicate.fields) <= known & set(EMPTY)
    assert CAUSE_RULES[-1].cause is Cause.UNRECOGNIZED


def test_every_rule_has_a_golden_symptom() -> None:
    """The tests below need an example of each rule."""
    shown = {id(first_rule(symptom)) for symptom in SYMPTOMS}
    assert [rule.cause for rule in CAUSE_RULES if id(rule) not in shown] == []


def first_rule(symptom: Symptom) -> Any:
    """Find the first row that holds for a symptom, without `rule_for`'s preselection."""
    return next(
        rule
        for rule in CAUSE_RULES
        if rule.predicate.kind in (None, symptom.kind) and rule.predicate.holds(symptom)
    )


@pytest.mark.parametrize("number", range(len(CAUSE_RULES) - 1))
def test_no_cause_without_a_field_that_proves_it(number: int) -> None:
    """Without one of the fields that a row rests on, another row holds."""
    rule = CAUSE_RULES[number]
    for symptom in SYMPTOMS:
        if first_rule(symptom) is not rule:
            continue
        ways = (
            [rule.predicate.fields]
            if rule.cause in EITHER
            else [(each,) for each in rule.predicate.fields]
        )
        for way in ways:
            without = symptom._replace(**{field: EMPTY[field] for field in way})
            assert first_rule(without) is not rule, (symptom, way)


def without_proof(of: Any, field: str, other: Any) -> Any:
    """Return a Pod without what one field of its symptoms is made of."""
    key = {"exit_code": "exitCode"}.get(field, field)
    changed = copy.deepcopy(of)
    places = [changed["status"], *changed["status"].get("conditions", ())]
    for kind in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for status in changed["status"].get(kind) or ():
            for state in ("state", "lastState"):
                places += [each for each in (status.get(state) or {}).values() if each]
    for place in places:
        if field == "evidence" and place.get("reason") == POST_START_HOOK_ERROR:
            place["reason"] = CRASH_LOOP_BACK_OFF  # as a moment later, which proves nothing
        elif field == "evidence" and place.get("reason") in NODE_SHUTDOWN_REASONS:
            del place["reason"]
        elif key in place:
            if other is None:
                del place[key]
            else:
                place[key] = other
    return changed


@given(
    st.sampled_from([name for name in corpus.names() if TRUTHS.get(name)]),
    st.sampled_from(["reason", "exit_code", "evidence", "message"]),
    st.data(),
)
def test_a_pod_without_the_proof_is_not_given_the_cause(
    name: str, field: str, data: st.DataObject
) -> None:
    """Whatever stands in its place, that container is not given the cause."""
    before = diagnoses_of(name, with_events=True)
    resting = {
        (each.container, each.cause)
        for each in before
        if each.symptom.kind is not SymptomKind.LASTING_CONDITION and each.cause not in EITHER
        if field in first_rule(each.symptom).predicate.fields
    }
    other: Any = None
    if field in ("reason", "message"):
        other = data.draw(st.sampled_from([None, "", "Other", "Completely different"]))
    elif field == "exit_code":
        other = data.draw(st.sampled_from([None, 17]))
    document = without_proof(corpus.document(name), field, other)
    pod = Pod.model_validate(document)
    fetched = None if field == "evidence" else corpus.fetched_for(name, pod)
    evidence = corpus.evidence(pod, fetched, NOW)
    after = (*diagnose(pod, evidence), *diagnose_lasting_conditions(pod, NOW, evidence)[0])
    for each in after:
        key = (each.container, each.cause)
        assert key not in resting or each.exit_code == 17, key


@pytest.mark.parametrize("name", sorted(TRUTHS))
def test_lasting_conditions_need_pod_conditions(name: str) -> None:
    """Without conditions, no Pod has a lasting condition, but for those that times alone show.

    And a Pod without a node: no scheduler has said anything of it then.
    """
    document = corpus.document(name)
    document["status"].pop("conditions", None)
    found = diagnose_lasting_conditions(Pod.model_validate(document), corpus.moment(name, NOW))[0]
    allowed = {Cause.NOT_DELETED, Cause.INIT_CONTAINER_RUN_AGAIN}
    if not document["spec"].get("nodeName"):
        allowed.add(Cause.NOT_SCHEDULED)
    assert {each.cause for each in found} <= allowed


CLAIMS: list[tuple[str, Any]] = [
    ("for lack of memory", lambda e: e.reason == "OOMKilled"),
    (
        "ran out of memory",
        lambda e: (
            (e.reason == "OOMKilled" and e.exit_code == 137)
            or e.event_finding is EventFinding.NODE_OUT_OF_MEMORY
        ),
    ),
    ("its limit is ", lambda e: e.reason == "OOMKilled" and e.memory_limit),
    ("; limit ", lambda e: e.memory_limit),
    (
        "only a placeholder",
        lambda e: e.reason in ("ContainerStatusUnknown", "Unknown", "RestartingAllContainers"),
    ),
    (
        "the runtime could not start it",
        lambda e: e.reason in ("StartError", "ContainerCannotRun", "RunContainerError"),
    ),
    ("| Event ", lambda e: e.event_finding is not None),
    ("its liveness probe failed", lambda e: e.event_finding is EventFinding.LIVENESS_PROBE),
    ("its startup probe failed", lambda e: e.event_finding is EventFinding.STARTUP_PROBE),
    (
        "its postStart hook failed",
        lambda e: (
            e.event_finding is EventFinding.POST_START_HOOK or e.reason == "PostStartHookError"
        ),
    ),
    (
        "on purpose",
        lambda e: e.event_finding in (EventFinding.RESIZED, EventFinding.DEFINITION_CHANGED),
    ),
    (
        "no Event of a stop",
        lambda e: e.evidence is not None and e.evidence.lookup is EventLookup.SILENT,
    ),
    ("was evicted", lambda e: e.kind is SymptomKind.POD and e.reason == "Evicted"),
    ("cannot be pulled", lambda e: e.kind is SymptomKind.WAITING),
    ("was refused by", lambda e: e.kind is SymptomKind.POD),
    ("has been pulling", lambda e: e.event_finding is EventFinding.PULLING),
    ("startup probe has not succeeded yet", lambda e: e.reason == LastingCondition.NOT_STARTED),
    ("readiness gate", lambda e: e.reason == LastingCondition.READINESS_GATE_NOT_SET),
    ("waits for it to end", lambda e: e.reason == LastingCondition.NOT_INITIALIZED),
    ("keeps the Pod from completing", lambda e: e.reason == LastingCondition.NOT_COMPLETED),
    ("is not deleted", lambda e: e.reason == LastingCondition.NOT_DELETED),
    ("has not stopped container", lambda e: e.still_runs),
    ("until finalizer", lambda e: e.names and not e.still_runs),
    ("has not begun with it", lambda e: e.reason == LastingCondition.NOT_PICKED_UP),
    ("could not be executed", lambda e: e.event_finding is EventFinding.EXEC_FORMAT),
    ("was run again while", lambda e: e.ran_on and e.exit_code == 0),
    ("was started again with it", lambda e: e.event_finding is EventFinding.NODE_SHUTDOWN),
    ("Windows status 0x", lambda e: e.windows_status is not None),
    ("the registry does not have", lambda e: e.known_problem is not None),
    ("by a restart rule", lambda e: e.restart_rule),
    ("Sidecar container", lambda e: e.container_kind is ContainerKind.SIDECAR),
    ("Ephemeral container", lambda e: e.container_kind is ContainerKind.EPHEMERAL),
    ("Init container", lambda e: e.container_kind is ContainerKind.INIT),
]
"""Words of a sentence, and what has to be true for them."""

EVIDENCE = st.none() | st.builds(
    Evidence,
    lookup=st.sampled_from(EventLookup),
    finding=st.none(),
    lookups=st.integers(1, 2),
)
PROVED = st.builds(
    Evidence,
    lookup=st.just(EventLookup.FOUND),
    finding=st.sampled_from(EventFinding),
    detail=st.sampled_from(["", "HTTP probe failed with statuscode: 500"]),
)


@given(mutated_pods(), EVIDENCE | PROVED)
def test_no_sentence_claims_what_nothing_proves(document: Any, evidence: Evidence | None) -> None:
    """Whatever a Pod and its Events look like: each claim has its evidence."""
    try:
        pod = Pod.model_validate(document)
    except ValidationError:
        return
    for symptom in (*detect_symptoms(pod), *(state for state, _ in detect_lasting_conditions(pod))):
        diagnosis = diagnose_symptom(symptom, evidence)
        explained = diagnosis.symptom
        assert rule_for(explained) is first_rule(explained)
        said = re.sub('"[^"]*"', '"…"', words_of(diagnosis))
        for words, proved in CLAIMS:
            assert words not in said or proved(explained), said


WITH_EVENTS = [name for name in corpus.names() if corpus.event_items(name)]


@st.composite
def mutated_events(draw: st.DrawFn) -> tuple[str, list[Any]]:
    """The Events of a golden Pod with up to three places changed or removed."""
    name = draw(st.sampled_from(WITH_EVENTS))
    items = copy.deepcopy(corpus.event_items(name)) or []
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from(places(items)))
        node: Any = items
        for step in path[:-1]:
            node = node[step]
        if draw(st.booleans()):
            node[path[-1]] = draw(ODD | st.text(max_size=300))
        else:
            del node[path[-1]]
        if not items:
            break
    return name, items


@given(mutated_events())
def test_no_event_breaks_or_disfigures_a_diagnosis(which: tuple[str, list[Any]]) -> None:
    """Whatever Events look like: there is a sentence, printable and not too long."""
    name, items = which
    pod = corpus.pod(name)
    alone = {each.id: each.status_cause for each in diagnoses_of(name, with_events=False)}
    now = corpus.moment(name, NOW)
    evidence = corpus.evidence(pod, corpus.fetched(pod, items), now)
    for each in (*diagnose(pod, evidence), *diagnose_lasting_conditions(pod, now, evidence)[0]):
        lines = each.statement
        for line in (lines.diagnosis, lines.evidence, lines.next_step):
            assert line.isprintable()
            assert len(line.encode()) <= MAX_LINE_BYTES
        assert each.status_cause == alone[each.id]
