"""What can be wrong by the message of a kubelet, runtime, plug-in or registry: the table. Pure.

`PROBLEM_RULES` is one ordered table: the first row whose pattern occurs in a message names the kind
of problem. A kind is worth its row where it changes what to do next; that is in `NEXT_STEPS`.

A pattern is plain text. It is looked for in a message that `messages` has made lower-case, with
single spaces, spaces at both ends, and with what stands between quotation marks taken out where it
is a name (no spaces): `configmap "" not found`. ` … ` stands for any text between two parts. Parts
with a space, or a quotation mark, cannot be imitated by the name of an image, Pod or volume. One
word of a pattern, the rarest in the table, has to stand in the message as a whole word.
"""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final


@unique
class ProblemKind(StrEnum):
    """A kind of what is wrong that changes the next step. In CamelCase, as Kubernetes' reasons."""

    # Refused or ended by the kubelet
    NODE_SHUTTING_DOWN = "NodeShuttingDown"
    NODE_LOW_ON_RESOURCE = "NodeLowOnResource"
    STORAGE_LIMIT_EXCEEDED = "StorageLimitExceeded"
    TOPOLOGY_REFUSED = "TopologyRefused"
    NODE_SELECTOR_REFUSED = "NodeSelectorRefused"
    NODE_OUT_OF_RESOURCE = "NodeOutOfResource"
    # Creating and starting a container
    MEMORY_LIMIT_TOO_LOW = "MemoryLimitTooLow"
    START_KILLED = "StartKilled"
    DEVICE_UNAVAILABLE = "DeviceUnavailable"
    RUNTIME_HANDLER_UNKNOWN = "RuntimeHandlerUnknown"
    WRONG_ARCHITECTURE = "WrongArchitecture"
    EXECUTABLE_NOT_FOUND = "ExecutableNotFound"
    EXECUTABLE_NOT_PERMITTED = "ExecutableNotPermitted"
    NO_COMMAND = "NoCommand"
    WORKING_DIRECTORY_UNUSABLE = "WorkingDirectoryUnusable"
    RUN_AS_NON_ROOT = "RunAsNonRoot"
    USER_UNKNOWN = "UserUnknown"
    CAPABILITY_REFUSED = "CapabilityRefused"
    SYSCTL_REFUSED = "SysctlRefused"
    SECURITY_PROFILE_UNUSABLE = "SecurityProfileUnusable"
    SELINUX_LABEL_FAILED = "SELinuxLabelFailed"
    CGROUP_FAILED = "CgroupFailed"
    HOST_PORT_TAKEN = "HostPortTaken"
    SANDBOX_GONE = "SandboxGone"
    # The node
    NODE_OVERLOADED = "NodeOverloaded"
    NODE_LIMIT_REACHED = "NodeLimitReached"
    RUNTIME_UNAVAILABLE = "RuntimeUnavailable"
    DISK_FULL = "DiskFull"
    # Mounts of a container
    SUB_PATH_UNUSABLE = "SubPathUnusable"
    MOUNT_TARGET_UNUSABLE = "MountTargetUnusable"
    READ_ONLY_FILE_SYSTEM = "ReadOnlyFileSystem"
    MOUNT_SOURCE_MISSING = "MountSourceMissing"
    HOST_PATH_UNUSABLE = "HostPathUnusable"
    MOUNT_PROPAGATION_REFUSED = "MountPropagationRefused"
    MOUNT_FAILED = "MountFailed"
    # What a Pod refers to
    CONFIG_MAP_MISSING = "ConfigMapMissing"
    SECRET_MISSING = "SecretMissing"  # noqa: S105  # a kind of problem
    KEY_MISSING = "KeyMissing"
    CLAIM_MISSING = "ClaimMissing"
    CLAIM_UNBOUND = "ClaimUnbound"
    SERVICE_ACCOUNT_MISSING = "ServiceAccountMissing"
    TOKEN_UNAVAILABLE = "TokenUnavailable"  # noqa: S105  # a kind of problem
    OBJECT_NOT_CACHED = "ObjectNotCached"
    SECRET_STORE_FAILED = "SecretStoreFailed"  # noqa: S105  # a kind of problem
    # Volumes
    VOLUME_ATTACHED_ELSEWHERE = "VolumeAttachedElsewhere"
    VOLUME_ATTACHMENT_DELETING = "VolumeAttachmentDeleting"
    ATTACH_TIMED_OUT = "AttachTimedOut"
    ATTACH_LIMIT_REACHED = "AttachLimitReached"
    ATTACH_FAILED = "AttachFailed"
    CSI_DRIVER_MISSING = "CSIDriverMissing"
    STORAGE_DRIVER_BUSY = "StorageDriverBusy"
    STORAGE_UNREACHABLE = "StorageUnreachable"
    STORAGE_DISCONNECTED = "StorageDisconnected"
    VOLUME_MISSING = "VolumeMissing"
    VOLUME_PERMISSION_DENIED = "VolumePermissionDenied"
    FILE_SYSTEM_DAMAGED = "FileSystemDamaged"
    MOUNT_HELPER_MISSING = "MountHelperMissing"
    VOLUME_SETUP_FAILED = "VolumeSetupFailed"
    VOLUMES_AWAITED = "VolumesAwaited"
    # Network of a Pod
    NO_IP_ADDRESS = "NoIPAddress"
    NETWORK_PLUGIN_NOT_READY = "NetworkPluginNotReady"
    NETWORK_PLUGIN_FAILED = "NetworkPluginFailed"
    # Windows
    WINDOWS_VERSION_MISMATCH = "WindowsVersionMismatch"
    WINDOWS_CONTAINER_STOPPED = "WindowsContainerStopped"
    WINDOWS_COMPUTE_FAILED = "WindowsComputeFailed"
    # Images
    IMAGE_NAME_AMBIGUOUS = "ImageNameAmbiguous"
    IMAGE_NAME_INVALID = "ImageNameInvalid"
    IMAGE_NOT_PRESENT = "ImageNotPresent"
    IMAGE_NOT_FOUND = "ImageNotFound"
    IMAGE_UNAUTHORIZED = "ImageUnauthorized"
    IMAGE_RATE_LIMITED = "ImageRateLimited"
    IMAGE_PULL_THROTTLED = "ImagePullThrottled"
    IMAGE_PLATFORM_MISSING = "ImagePlatformMissing"
    IMAGE_SIGNATURE_REJECTED = "ImageSignatureRejected"
    IMAGE_FORMAT_UNSUPPORTED = "ImageFormatUnsupported"
    IMAGE_DAMAGED = "ImageDamaged"
    IMAGE_STORE_DAMAGED = "ImageStoreDamaged"
    IMAGE_PULL_TIMED_OUT = "ImagePullTimedOut"
    REGISTRY_UNREACHABLE = "RegistryUnreachable"
    REGISTRY_CERTIFICATE_REFUSED = "RegistryCertificateRefused"
    REGISTRY_FAILED = "RegistryFailed"


UNSPECIFIC: Final = frozenset(
    {
        ProblemKind.VOLUMES_AWAITED,
        ProblemKind.VOLUME_SETUP_FAILED,
        ProblemKind.ATTACH_FAILED,
        ProblemKind.MOUNT_FAILED,
        ProblemKind.NETWORK_PLUGIN_FAILED,
        ProblemKind.WINDOWS_COMPUTE_FAILED,
        ProblemKind.NODE_OVERLOADED,
    }
)
"""Kinds that a message shows which is often the echo of a more specific one: prefer any other."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do about a kind of problem.

    Both are templates with the fields `node` (a phrase: "node n1", "the node"), `namespace`,
    `pod`, `container` and `image`.

    Attributes:
        step: what to do.
        named: the same where the message gives the name of what is wrong, as the field `name`;
            None where no name is looked for.
    """

    step: str
    named: str | None = None


@dataclass(frozen=True, slots=True)
class ProblemRule:
    """A row of the table of problems.

    Attributes:
        kind: what is wrong.
        pattern: the text that proves it (see the module).
        source: where the text is made.
        pull_only: whether it proves it only in a message about pulling an image, since it may mean
            something else anywhere else.
    """

    kind: ProblemKind
    pattern: str
    source: str
    pull_only: bool = False


NEXT_STEPS: Final[dict[ProblemKind, NextStep]] = {
    ProblemKind.NODE_SHUTTING_DOWN: NextStep(
        "nothing, if a controller made another Pod; else create it anew"
    ),
    ProblemKind.NODE_LOW_ON_RESOURCE: NextStep(
        "set requests near real use for what used most; see kubectl describe on {node}"
    ),
    ProblemKind.STORAGE_LIMIT_EXCEEDED: NextStep(
        "find what the Pod writes to disk, then write less or raise its ephemeral-storage limit"
    ),
    ProblemKind.TOPOLOGY_REFUSED: NextStep(
        "ask for CPUs and devices that one NUMA node of {node} has free, or choose other nodes"
    ),
    ProblemKind.NODE_SELECTOR_REFUSED: NextStep(
        "compare the Pod's nodeSelector, affinity and OS with the labels of {node}"
    ),
    ProblemKind.NODE_OUT_OF_RESOURCE: NextStep(
        "compare the Pod's requests with what is free on {node} (kubectl describe node)"
    ),
    ProblemKind.MEMORY_LIMIT_TOO_LOW: NextStep(
        "raise the memory limit of container {container}: it is too low even to start"
    ),
    ProblemKind.START_KILLED: NextStep(
        "raise the memory limit of container {container}; if it is ample, look at load of {node}"
    ),
    ProblemKind.DEVICE_UNAVAILABLE: NextStep(
        "look at the device driver and its plug-in on {node}: logs of its Pod there"
    ),
    ProblemKind.RUNTIME_HANDLER_UNKNOWN: NextStep(
        "set up the RuntimeClass's handler in the runtime of {node}, or choose other nodes",
        "set up runtime handler {name} (RuntimeClass) on {node}, or choose other nodes",
    ),
    ProblemKind.WRONG_ARCHITECTURE: NextStep(
        "build {image} for the architecture of {node}; a script needs #! in its first line"
    ),
    ProblemKind.EXECUTABLE_NOT_FOUND: NextStep(
        "correct command and args of container {container}, or the image: the file is not in it"
    ),
    ProblemKind.EXECUTABLE_NOT_PERMITTED: NextStep(
        "make the file executable in the image, or correct command of container {container}"
    ),
    ProblemKind.NO_COMMAND: NextStep("set command for container {container}: its image names none"),
    ProblemKind.WORKING_DIRECTORY_UNUSABLE: NextStep(
        "correct workingDir of container {container}, or let its user enter that directory"
    ),
    ProblemKind.RUN_AS_NON_ROOT: NextStep(
        "set runAsUser to a number other than 0, or a numeric USER in {image}"
    ),
    ProblemKind.USER_UNKNOWN: NextStep(
        "use a user or group that the image has, or a number, as runAsUser"
    ),
    ProblemKind.CAPABILITY_REFUSED: NextStep(
        "correct capabilities in securityContext of container {container}"
    ),
    ProblemKind.SYSCTL_REFUSED: NextStep(
        "remove the sysctl from securityContext, or allow it in the kubelet of {node}"
    ),
    ProblemKind.SECURITY_PROFILE_UNUSABLE: NextStep(
        "load the AppArmor or seccomp profile on {node}, or correct securityContext"
    ),
    ProblemKind.SELINUX_LABEL_FAILED: NextStep(
        "correct seLinuxOptions, or use a volume of {node} that supports SELinux labels"
    ),
    ProblemKind.CGROUP_FAILED: NextStep(
        "look at cgroups and systemd on {node}: cgroup driver, kernel, journalctl -u kubelet"
    ),
    ProblemKind.HOST_PORT_TAKEN: NextStep(
        "choose another hostPort, or a node where it is free: something on {node} uses it"
    ),
    ProblemKind.SANDBOX_GONE: NextStep(
        "wait, the kubelet tries again; if it lasts, look at {node}"
    ),
    ProblemKind.NODE_OVERLOADED: NextStep(
        "look at load, disk and container runtime of {node}, not the Pod"
    ),
    ProblemKind.NODE_LIMIT_REACHED: NextStep(
        "find what uses up processes, open files or inotify watches on {node}, or raise that limit"
    ),
    ProblemKind.RUNTIME_UNAVAILABLE: NextStep(
        "look at the container runtime on {node}: journalctl -u containerd or -u crio"
    ),
    ProblemKind.DISK_FULL: NextStep(
        "free disk space on {node} (images, logs, emptyDir), or enlarge its disk"
    ),
    ProblemKind.SUB_PATH_UNUSABLE: NextStep(
        "check that subPath is in the volume; after a change of its ConfigMap delete the Pod"
    ),
    ProblemKind.MOUNT_TARGET_UNUSABLE: NextStep(
        "use another mountPath in container {container}: a file is in the way, or a directory"
    ),
    ProblemKind.READ_ONLY_FILE_SYSTEM: NextStep(
        "mount at a path that exists in the image, or on a volume that may be written"
    ),
    ProblemKind.MOUNT_SOURCE_MISSING: NextStep(
        "check that what the volume mounts still exists on {node}; a new Pod mounts it again"
    ),
    ProblemKind.HOST_PATH_UNUSABLE: NextStep(
        "check path and type of the hostPath volume on {node}"
    ),
    ProblemKind.MOUNT_PROPAGATION_REFUSED: NextStep(
        "make that path a shared mount on {node} (mount --make-rshared), or drop mountPropagation"
    ),
    ProblemKind.MOUNT_FAILED: NextStep(
        "check that volume and its mountPath in container {container}"
    ),
    ProblemKind.CONFIG_MAP_MISSING: NextStep(
        "create the ConfigMap in namespace {namespace}, or correct its name",
        "create ConfigMap {name} in namespace {namespace}, or correct its name",
    ),
    ProblemKind.SECRET_MISSING: NextStep(
        "create the Secret in namespace {namespace}, or correct its name",
        "create Secret {name} in namespace {namespace}, or correct its name",
    ),
    ProblemKind.KEY_MISSING: NextStep(
        "add the key to the ConfigMap or Secret, or correct its name in the Pod",
        "add key {name} to the ConfigMap or Secret, or correct its name in the Pod",
    ),
    ProblemKind.CLAIM_MISSING: NextStep(
        "create the PersistentVolumeClaim in namespace {namespace}, or correct its name",
        "create PersistentVolumeClaim {name} in namespace {namespace}, or correct its name",
    ),
    ProblemKind.CLAIM_UNBOUND: NextStep(
        "kubectl describe pvc -n {namespace}: why it is not bound",
        "kubectl describe pvc -n {namespace} {name}: why it is not bound",
    ),
    ProblemKind.SERVICE_ACCOUNT_MISSING: NextStep(
        "create the ServiceAccount in namespace {namespace}, or correct serviceAccountName",
        "create ServiceAccount {name} in namespace {namespace}, or correct its name",
    ),
    ProblemKind.TOKEN_UNAVAILABLE: NextStep(
        "check that the API server issues projected tokens, and that the kubelet of {node} may ask"
    ),
    ProblemKind.OBJECT_NOT_CACHED: NextStep(
        "wait a minute; if it lasts, look at the kubelet of {node} and its way to the API server"
    ),
    ProblemKind.SECRET_STORE_FAILED: NextStep(
        "check the SecretProviderClass, and the Pod's identity at the secret store"
    ),
    ProblemKind.VOLUME_ATTACHED_ELSEWHERE: NextStep(
        "stop the Pod that uses it on the other node; if that node is dead: kubectl delete node"
    ),
    ProblemKind.VOLUME_ATTACHMENT_DELETING: NextStep(
        "kubectl get volumeattachments: why is it not detached? See the CSI driver's log"
    ),
    ProblemKind.ATTACH_TIMED_OUT: NextStep(
        "look at the volume's CSI controller: does its attacher run, what does its log say?",
        "look at the controller of CSI driver {name}: does its attacher run, what does it log?",
    ),
    ProblemKind.ATTACH_LIMIT_REACHED: NextStep(
        "use other nodes: {node} has as many volumes as it can attach"
    ),
    ProblemKind.ATTACH_FAILED: NextStep(
        "look at the log of the volume's CSI controller, and kubectl get volumeattachments"
    ),
    ProblemKind.CSI_DRIVER_MISSING: NextStep(
        "look at the CSI driver's Pod on {node}: it is not registered there",
        "look at the Pod of CSI driver {name} on {node}: it is not registered there",
    ),
    ProblemKind.STORAGE_DRIVER_BUSY: NextStep(
        "wait; if it lasts, look at the storage driver on {node} and at the storage behind it"
    ),
    ProblemKind.STORAGE_UNREACHABLE: NextStep(
        "check that {node} reaches the storage server (name, port, firewall)"
    ),
    ProblemKind.STORAGE_DISCONNECTED: NextStep(
        "restart the storage driver's Pod on {node}, then delete the Pod: a mount there is dead"
    ),
    ProblemKind.VOLUME_MISSING: NextStep(
        "check that the PersistentVolume's disk or share still exists at the storage provider"
    ),
    ProblemKind.VOLUME_PERMISSION_DENIED: NextStep(
        "check rights at the volume's storage (export, owner, fsGroup) and SELinux on {node}"
    ),
    ProblemKind.FILE_SYSTEM_DAMAGED: NextStep(
        "check fsType and the volume's file system (fsck) before anything writes to it"
    ),
    ProblemKind.MOUNT_HELPER_MISSING: NextStep(
        "install the mount helper on {node} (nfs-common, cifs-utils …) or its kernel module"
    ),
    ProblemKind.VOLUME_SETUP_FAILED: NextStep(
        "look at the volume's storage and its driver on {node}"
    ),
    ProblemKind.VOLUMES_AWAITED: NextStep(
        "look for FailedMount and FailedAttachVolume: kubectl describe pod -n {namespace} {pod}"
    ),
    ProblemKind.NO_IP_ADDRESS: NextStep(
        "free or add Pod IP addresses (subnet, IP pool, range of {node}); fewer Pods there",
        "free or add Pod IP addresses of CNI plug-in {name} (subnet, pool); fewer Pods on {node}",
    ),
    ProblemKind.NETWORK_PLUGIN_NOT_READY: NextStep(
        "look at the network plug-in's Pod on {node}: it does not run or is not ready",
        "look at the Pod of network plug-in {name} on {node}: it does not run or is not ready",
    ),
    ProblemKind.NETWORK_PLUGIN_FAILED: NextStep(
        "look at the network plug-in's log on {node}",
        "look at the log of network plug-in {name} on {node}",
    ),
    ProblemKind.WINDOWS_VERSION_MISMATCH: NextStep(
        "use an image of the Windows build of {node}, or nodes of the image's build"
    ),
    ProblemKind.WINDOWS_CONTAINER_STOPPED: NextStep(
        "look at {node}: the container was stopped from outside, or its host service restarted"
    ),
    ProblemKind.WINDOWS_COMPUTE_FAILED: NextStep(
        "look at the Windows host services (hcs, hns) on {node}"
    ),
    ProblemKind.IMAGE_NAME_AMBIGUOUS: NextStep(
        "write the whole image name with its registry (docker.io/library/…)"
    ),
    ProblemKind.IMAGE_NAME_INVALID: NextStep("correct the image name of container {container}"),
    ProblemKind.IMAGE_NOT_PRESENT: NextStep(
        "load {image} on {node}, or change imagePullPolicy Never"
    ),
    ProblemKind.IMAGE_NOT_FOUND: NextStep(
        "check name and tag of {image}: the registry has none such"
    ),
    ProblemKind.IMAGE_UNAUTHORIZED: NextStep(
        "check imagePullSecrets and rights for {image}; a wrong name looks the same"
    ),
    ProblemKind.IMAGE_RATE_LIMITED: NextStep(
        "wait, or pull with an account (imagePullSecrets) or through a mirror"
    ),
    ProblemKind.IMAGE_PULL_THROTTLED: NextStep(
        "wait: {node} pulls many images; see registryPullQPS of its kubelet"
    ),
    ProblemKind.IMAGE_PLATFORM_MISSING: NextStep(
        "build or choose {image} for the architecture and OS of {node}"
    ),
    ProblemKind.IMAGE_SIGNATURE_REJECTED: NextStep(
        "sign {image}, or correct the signature policy (policy.json) of {node}"
    ),
    ProblemKind.IMAGE_FORMAT_UNSUPPORTED: NextStep(
        "rebuild or re-push {image} with a current builder"
    ),
    ProblemKind.IMAGE_DAMAGED: NextStep(
        "push {image} again, or look at the registry's mirror or cache"
    ),
    ProblemKind.IMAGE_STORE_DAMAGED: NextStep(
        "remove the image on {node} (crictl rmi), then let it be pulled again"
    ),
    ProblemKind.IMAGE_PULL_TIMED_OUT: NextStep(
        "look at size of {image}, and at network and disk of {node}: the pull took too long"
    ),
    ProblemKind.REGISTRY_UNREACHABLE: NextStep(
        "check that {node} reaches the registry: DNS, proxy, firewall"
    ),
    ProblemKind.REGISTRY_CERTIFICATE_REFUSED: NextStep(
        "make {node} trust the registry's certificate (CA, name, clock), or use https there"
    ),
    ProblemKind.REGISTRY_FAILED: NextStep(
        "try later, or look at the registry: it answers with an error"
    ),
}
"""What to do about each kind of problem."""


def _rows(
    kind: ProblemKind, source: str, *patterns: str, pull_only: bool = False
) -> tuple[ProblemRule, ...]:
    return tuple(ProblemRule(kind, pattern, source, pull_only) for pattern in patterns)


_KUBELET = "kubernetes pkg/kubelet/"
_VOLUME = "kubernetes pkg/volume/"
_RUNC = "runc libcontainer/"
_CRUN = "crun src/libcrun/"
_CONTAINERD = "containerd internal/cri/"
_CRIO = "cri-o "
_CNI = "containernetworking "

_REFUSED: Final = (
    *_rows(
        ProblemKind.NODE_SHUTTING_DOWN,
        _KUBELET + "nodeshutdown/nodeshutdown_manager.go (nodeShutdownMessage)",
        "in response to imminent node shutdown",
        "pod was rejected as the node is shutting down",
        "node is in progress of shutting down, not admitting any new pods",
    ),
    *_rows(
        ProblemKind.NODE_LOW_ON_RESOURCE,
        _KUBELET + "eviction/helpers.go (nodeLowMessageFmt, nodeConditionMessageFmt)",
        "the node was low on resource: ",
        "the node had condition: [",
    ),
    *_rows(
        ProblemKind.STORAGE_LIMIT_EXCEEDED,
        _KUBELET + "eviction/eviction_manager.go (emptyDirMessageFmt, containerEphemeralStorage…)",
        'usage of emptydir volume "" exceeds the limit',
        "exceeded its local ephemeral storage limit",
        "pod ephemeral local storage usage exceeds the total limit",
    ),
    *_rows(
        ProblemKind.TOPOLOGY_REFUSED,
        _KUBELET + "cm/topologymanager/topology_manager.go (TopologyAffinityError), cm/cpumanager",
        "resources cannot be allocated with topology locality",
        "smt alignment error: ",
    ),
    *_rows(
        ProblemKind.NODE_SELECTOR_REFUSED,
        _KUBELET + "lifecycle/predicate.go (PredicateFailureError, rejectPodAdmissionBasedOnOS…)",
        "predicate nodeaffinity failed",
        "predicate matchnodeselector failed",
        "predicate tainttoleration failed",
        "failed to admit pod as the os field doesn't match node os",
        "failed to admit pod as the `` label doesn't match node label",
    ),
    *_rows(
        ProblemKind.HOST_PORT_TAKEN,
        _KUBELET + "lifecycle/predicate.go (PredicateFailureError)",
        "predicate nodeports failed",
        "predicate podfitshostports failed",
    ),
    *_rows(
        ProblemKind.NODE_OUT_OF_RESOURCE,
        _KUBELET + "lifecycle/predicate.go (InsufficientResourceError)",
        "node didn't have enough resource: ",
    ),
    *_rows(
        ProblemKind.SYSCTL_REFUSED,
        _KUBELET + "sysctl/allowlist.go (Admit)",
        "forbidden sysctl: ",
    ),
    *_rows(
        ProblemKind.SECURITY_PROFILE_UNUSABLE,
        "kubernetes pkg/security/apparmor/validate.go, " + _KUBELET + "kubelet.go",
        "cannot enforce apparmor",
    ),
)

_LIMITS: Final = (
    *_rows(
        ProblemKind.MEMORY_LIMIT_TOO_LOW,
        _RUNC + "process_linux.go (initProcess.start, setnsProcess.start)",
        "init was oom-killed",
        "(memory limit too low?)",
        "(possibly oom-killed)",
    ),
    *_rows(
        ProblemKind.START_KILLED,
        _RUNC + "process_linux.go (initProcess.start): what a kill in its middle leaves",
        "can't get final child's pid from pipe: eof",
        "getting the final child's pid from pipe caused … eof",
        "read init-p: connection reset by peer",
        "write init-p: broken pipe",
    ),
    *_rows(
        ProblemKind.MEMORY_LIMIT_TOO_LOW,
        _CRUN + "container.c (wait_for_container_init…), cgroup-resources.c (write_memory)",
        "the memory limit could be too low",
        "cannot set the memory limit lower than its current usage",
    ),
    *_rows(
        ProblemKind.MEMORY_LIMIT_TOO_LOW,
        "opencontainers/cgroups fs/memory.go (setMemory), fs2/fs2.go (CheckMemoryUsage)",
        "unable to set memory limit to … (current usage: ",
        "rejecting memory limit … <= usage",
        "memory.limit_in_bytes: device or resource busy",
        "memory.max: device or resource busy",
    ),
    *_rows(
        ProblemKind.MEMORY_LIMIT_TOO_LOW,
        _CRIO + "internal/config/cgmgr/cgmgr_linux.go (VerifyMemoryIsEnough)",
        "set memory limit … too low; should be at least",
        "cannot decrease memory limit to",
    ),
    *_rows(
        ProblemKind.MEMORY_LIMIT_TOO_LOW,
        "moby daemon/daemon_unix.go (verifyPlatformContainerResources)",
        "minimum memory limit allowed is",
    ),
    *_rows(
        ProblemKind.CGROUP_FAILED,
        "opencontainers/cgroups fs2/create.go; cgroup(7): cgroup.max.descendants",
        " mkdir /sys/fs/cgroup/ … no space left on device",
        "cgroup … no space left on device",
    ),
    *_rows(
        ProblemKind.CGROUP_FAILED,
        _CRUN + "cgroup-systemd.c (enter_systemd_cgroup_scope)",
        "sd-bus call: ",
    ),
    *_rows(
        ProblemKind.NODE_LIMIT_REACHED,
        "inotify(7), errno(3): EMFILE, EAGAIN, ENFILE; runc exec (Go runtime)",
        "inotify … no space left on device",
        "too many open files",
        "resource temporarily unavailable",
        "failed to create new os thread",
        "pthread_create failed",
    ),
    *_rows(
        ProblemKind.DISK_FULL,
        "errno(3): ENOSPC, EDQUOT; Windows system errors 0x27, 0x70",
        "no space left on device",
        "disk quota exceeded",
        "there is not enough space on the disk",
    ),
)

_DEVICES: Final = (
    *_rows(
        ProblemKind.DEVICE_UNAVAILABLE,
        "container-device-interface pkg/cdi/cache.go (InjectDevices); containerd, cri-o",
        "unresolvable cdi devices",
        "cdi device injection failed",
        "requested but cdi support is explicitly disabled",
        "failed to parse cdi device annotations",
    ),
    *_rows(
        ProblemKind.DEVICE_UNAVAILABLE,
        _KUBELET + "cm/devicemanager/manager.go (devicesToAllocate, callGetPreferredAllocation…)",
        "no healthy devices present; cannot allocate",
        "previously allocated devices are no longer healthy",
        "cannot allocate unregistered device",
        "can't allocate unregistered device",
        "requested number of devices unavailable for",
        "due to device plugin … rpc failed",
    ),
    *_rows(
        ProblemKind.DEVICE_UNAVAILABLE,
        _KUBELET + "cm/dra/manager.go (PrepareResources), cm/dra/plugin/registration.go",
        "dra driver … is not registered",
        "plugin name … not found in the list of registered dra plugins",
        "prepare dynamic resources: ",
        "noderesourceprepare",
        "nodeprepareresources",
    ),
    *_rows(
        ProblemKind.DEVICE_UNAVAILABLE,
        "NVIDIA/libnvidia-container src/cli, NVIDIA/nvidia-container-toolkit, go-nvml",
        "nvidia-container-cli: ",
        "nvidia-container-runtime … failed",
        "gpu is lost",
        " nvml: ",
        "driver/library version mismatch",
        "could not select device driver",
        "error gathering device information while adding custom device",
    ),
)

_RUNTIME_HANDLER: Final = (
    *_rows(
        ProblemKind.RUNTIME_HANDLER_UNKNOWN,
        _CONTAINERD
        + "config/config.go (GetSandboxRuntime); cri-dockerd core (IsRuntimeConfigured)",
        'no runtime for "" is configured',
    ),
    *_rows(
        ProblemKind.RUNTIME_HANDLER_UNKNOWN,
        _CRIO + "internal/oci/oci.go (ValidateRuntimeHandler)",
        "failed to find runtime handler",
        "empty runtime path for runtime handler",
    ),
    *_rows(
        ProblemKind.RUNTIME_HANDLER_UNKNOWN,
        "containerd core/runtime/v2/shim_manager.go (resolveRuntimePath)",
        'runtime "" binary not installed',
    ),
    *_rows(
        ProblemKind.RUNTIME_HANDLER_UNKNOWN,
        "moby daemon; " + _KUBELET + "runtimeclass/runtimeclass_manager.go (LookupRuntimeHandler)",
        "unknown or invalid runtime name",
        "unknown runtime specified",
        'runtimehandler "" not supported',
        'runtimeclass.node.k8s.io "" not found',
        "failed to get runtimeclass",
    ),
)

_WINDOWS: Final = (
    *_rows(
        ProblemKind.WINDOWS_VERSION_MISMATCH,
        "hcsshim internal/hcs (0xc0370101), moby distribution (checkImageCompatibility)",
        "the container operating system does not match the host operating system",
        "(0xc0370101)",
        "a windows version … is incompatible with a",
        "no matching manifest for windows/",
    ),
    *_rows(
        ProblemKind.WINDOWS_CONTAINER_STOPPED,
        "hcsshim internal/hcs/errors.go (ErrVmcompute…, ErrProcessAlreadyStopped)",
        "(0xc0370105)",
        "(0xc0370106)",
        "(0xc037010e)",
        "(0xc0370110)",
        "(0x80370105)",
        "(0x80370110)",
        "(0x8037011f)",
    ),
    *_rows(
        ProblemKind.EXECUTABLE_NOT_FOUND,
        "hcsshim internal/hcs/system.go (CreateProcess): Windows errors 2 and 3",
        "createprocess … the system cannot find the file specified",
        "createprocess … the system cannot find the path specified",
    ),
    *_rows(
        ProblemKind.NETWORK_PLUGIN_FAILED,
        "hcsshim hcn, internal/hns (HNSResponse)",
        "hns failed with error",
        "hnscall failed in win32",
        "hcncreateendpoint failed",
    ),
    *_rows(
        ProblemKind.WINDOWS_COMPUTE_FAILED,
        "hcsshim errors.go, internal/hcs/system.go, service.go",
        "hcs::",
        "failure in a windows system call: ",
    ),
)

_STORAGE: Final = (
    *_rows(
        ProblemKind.STORAGE_DISCONNECTED,
        "errno(3): ENOTCONN of a FUSE mount, ESTALE of NFS",
        "transport endpoint is not connected",
        "stale file handle",
        "stale nfs file handle",
    ),
    *_rows(
        ProblemKind.FILE_SYSTEM_DAMAGED,
        "mount(8), k8s.io/mount-utils mount_linux.go (formatAndMountSensitive, checkAndRepair…)",
        "structure needs cleaning",
        "wrong fs type, bad option, bad superblock on /dev/",
        "can't read superblock",
        "'fsck' found errors on device",
        "unexpected inconsistency; run fsck manually",
        "failed to mount the volume as … it already contains",
        "input/output error",
    ),
    *_rows(
        ProblemKind.MOUNT_HELPER_MISSING,
        "mount(8): helper programs; k8s.io/mount-utils mount_linux.go",
        "you might need a /sbin/mount.",
        "unknown filesystem type",
        "mountvolume … executable file not found in $path",
        "mount.cifs: not found",
    ),
    *_rows(
        ProblemKind.VOLUME_PERMISSION_DENIED,
        "nfs-utils mount.nfs, cifs-utils mount.cifs",
        "access denied by server while mounting",
        "mount error(13): permission denied",
        "mount.nfs: operation not permitted",
    ),
    *_rows(
        ProblemKind.STORAGE_UNREACHABLE,
        "nfs-utils mount.nfs, cifs-utils mount.cifs, open-iscsi iscsiadm",
        "mount.nfs … timed out",
        "mount.nfs … connection refused",
        "mount.nfs … no route to host",
        "mount.nfs: failed to resolve server",
        "mount.nfs … requested nfs version or transport protocol is not supported",
        "mount error(110)",
        "mount error(113)",
        "mount error(111)",
        "mount error: could not resolve address",
        "iscsiadm: cannot make connection to",
        "iscsiadm: no records found",
    ),
)

_MISSING: Final = (
    *_rows(
        ProblemKind.KEY_MISSING,
        _KUBELET + "kubelet_pods.go (makeEnvironmentVariables); " + _VOLUME + "configmap, secret",
        "couldn't find key",
        "references non-existent config key",
        "references non-existent secret key",
    ),
    *_rows(
        ProblemKind.CONFIG_MAP_MISSING,
        "apimachinery pkg/api/errors (NewNotFound) for configmaps; " + _VOLUME + "configmap",
        'configmap "" not found',
        'configmaps "" not found',
    ),
    *_rows(
        ProblemKind.SECRET_MISSING,
        "apimachinery pkg/api/errors (NewNotFound) for secrets; " + _VOLUME + "secret",
        'secret "" not found',
        'secrets "" not found',
    ),
    *_rows(
        ProblemKind.CLAIM_MISSING,
        "apimachinery pkg/api/errors (NewNotFound) for PVCs; scheduler volumebinding",
        'persistentvolumeclaim "" not found',
        'persistentvolumeclaims "" not found',
    ),
    *_rows(
        ProblemKind.CLAIM_UNBOUND,
        _KUBELET + "volumemanager/populator (getPVCExtractPV); scheduler volumebinding",
        "has non-bound phase",
        "because pvc … is being deleted",
        "pvc is being deleted",
        "unbound immediate persistentvolumeclaims",
    ),
    *_rows(
        ProblemKind.SERVICE_ACCOUNT_MISSING,
        "apimachinery pkg/api/errors (NewNotFound) for serviceaccounts",
        'serviceaccount "" not found',
        'serviceaccounts "" not found',
    ),
    *_rows(
        ProblemKind.OBJECT_NOT_CACHED,
        "kubernetes plugin/pkg/auth/authorizer/node/node_authorizer.go",
        "no relationship found between node",
    ),
    *_rows(
        ProblemKind.TOKEN_UNAVAILABLE,
        _VOLUME + "projected/projected.go (collectData), " + _KUBELET + "token/token_manager.go",
        "failed to fetch token: ",
        "failed to get service account token attributes",
    ),
    *_rows(
        ProblemKind.OBJECT_NOT_CACHED,
        _KUBELET + "util/manager/watch_based_manager.go, cache_based_manager.go",
        'object ""/"" not registered',
        "failed to sync configmap cache",
        "failed to sync secret cache",
    ),
    *_rows(
        ProblemKind.SECRET_STORE_FAILED,
        "kubernetes-sigs/secrets-store-csi-driver pkg/secrets-store/nodeserver.go",
        "failed to mount secrets store objects",
        "failed to get secretproviderclass",
        "secretproviderclasses.secrets-store.csi.x-k8s.io",
    ),
)

_ATTACH: Final = (
    *_rows(
        ProblemKind.VOLUME_ATTACHED_ELSEWHERE,
        "kubernetes pkg/controller/volume/attachdetach/reconciler (reportMultiAttachError)",
        "multi-attach error for volume",
        "volume is already exclusively attached",
        "volume is already used by pod(s)",
        "volume is already used by … pod(s) in different namespaces",
    ),
    *_rows(
        ProblemKind.VOLUME_ATTACHED_ELSEWHERE,
        "drivers: aws-ebs (VolumeInUse), gcp-pd, azuredisk, cinder, vsphere, rbd",
        "volumeinuse",
        "is already attached to an instance",
        "resource_in_use_by_another_resource",
        "already attached to node",
        "is attached to a different instance",
        "disk(s) currently being attached to another",
        "rbd image … is still being used",
    ),
    *_rows(
        ProblemKind.VOLUME_ATTACHMENT_DELETING,
        _VOLUME + "csi/csi_attacher.go (verifyAttachmentStatus)",
        "volume attachment is being deleted",
    ),
    *_rows(
        ProblemKind.ATTACH_TIMED_OUT,
        _VOLUME + "csi/csi_attacher.go (waitForVolumeAttachDetachStatusWithLister)",
        "attachdetachment timeout for volume",
        "timed out waiting for external-attacher",
        "attachvolume.attach failed … deadlineexceeded",
        "attachvolume.attach failed … context deadline exceeded",
        "attachvolume.attach failed … timed out",
    ),
    *_rows(
        ProblemKind.ATTACH_LIMIT_REACHED,
        "drivers: aws-ebs (AttachmentLimitExceeded), azuredisk, gcp-pd",
        "attachmentlimitexceeded",
        "attachment limit exceeded",
        "the maximum number of data disks allowed to be attached",
        "exceeds max volume count",
        "exceeded limit … on persistent disks per",
    ),
    *_rows(
        ProblemKind.CSI_DRIVER_MISSING,
        _VOLUME + "csi/csi_client.go (newCsiDriverClient), csi_plugin.go, plugins.go",
        "not found in the list of registered csi drivers",
        "csinode … does not contain driver",
        "no volume plugin matched",
        "dial unix … csi.sock",
        "dial unix /var/lib/kubelet/plugins/",
    ),
    *_rows(
        ProblemKind.STORAGE_DRIVER_BUSY,
        "csi-lib-utils and drivers (ceph-csi internal/util/idlocker.go, aws-ebs inflight)",
        "an operation with the given volume",
        "operation with the given volume … already exists",
    ),
    *_rows(
        ProblemKind.VOLUME_MISSING,
        "drivers: aws-ebs (InvalidVolume.NotFound), azuredisk, gcp-pd, ceph-csi",
        "invalidvolume.notfound",
        "attachvolume.attach failed … does not exist",
        "attachvolume.attach failed … not found",
        "mountvolume … volume … does not exist",
        "mountvolume … code = notfound",
        "rbd: ret=-2, no such file or directory",
    ),
    *_rows(
        ProblemKind.ATTACH_FAILED,
        "kubernetes pkg/volume/util/operationexecutor (GenerateAttachVolumeFunc)",
        "attachvolume.attach failed",
        "attachvolume.newattacher failed",
    ),
)

_MOUNTS: Final = (
    *_rows(
        ProblemKind.SUB_PATH_UNUSABLE,
        _KUBELET + "kubelet_pods.go (makeMounts), " + _VOLUME + "util/subpath",
        "failed to create subpath directory for volumemount",
        "failed to prepare subpath for volumemount",
        "error mounting volume-subpath … no such file or directory",
        "error mounting volume-subpath … not a directory",
        "mounting volume-subpath … no such file or directory",
        "mounting volume-subpath … not a directory",
        "mount volume-subpath … no such file or directory",
        "mount volume-subpath … not a directory",
        "only directory subpath is supported",
    ),
    *_rows(
        ProblemKind.MOUNT_TARGET_UNUSABLE,
        _RUNC + "rootfs_linux.go (mountToRootfs); moby (mount a directory onto a file)",
        'error mounting "" … not a directory',
        'mounting "" to rootfs … not a directory',
        "are you trying to mount a directory onto a file",
        "to rootfs … is outside of rootfs",
        "create mountpoint for … not a directory",
    ),
    *_rows(
        ProblemKind.MOUNT_TARGET_UNUSABLE,
        _CRUN + "linux.c (do_mount, do_mounts)",
        "mount `` to `` … not a directory",
        "mount `` to `` … is a directory",
        "creating `` … not a directory",
        "create directory `` … not a directory",
        "open `` … not a directory",
    ),
    *_rows(
        ProblemKind.READ_ONLY_FILE_SYSTEM,
        "errno(3): EROFS; " + _RUNC + "rootfs_linux.go, " + _CRUN + "linux.c",
        "read-only file system",
    ),
    *_rows(
        ProblemKind.HOST_PATH_UNUSABLE,
        _VOLUME + "hostpath/host_path.go; containerd internal/cri/opts (WithMounts); moby volume",
        "hostpath type check failed",
        'failed to generate spec: failed to stat ""',
        'failed to stat "" … no such file or directory',
        'failed to mkdir ""',
        'spec: failed to generate spec: failed to resolve symlink ""',
        "bind source path does not exist",
        "invalid mount config for type",
    ),
    *_rows(
        ProblemKind.MOUNT_PROPAGATION_REFUSED,
        _CONTAINERD
        + "opts/spec_linux_opts.go (ensureShared…); cri-o server/container_create_linux",
        "but it is not a shared mount",
        "but it is not a shared or slave mount",
        "recursive read-only mount",
    ),
    *_rows(
        ProblemKind.MOUNT_SOURCE_MISSING,
        _RUNC + "rootfs_linux.go (mountToRootfs), " + _CRUN + "linux.c (do_mount)",
        'error mounting "" … no such file or directory',
        'mounting "" to rootfs … no such file or directory',
        "mount `` to `` … no such file or directory",
    ),
    *_rows(
        ProblemKind.VOLUME_PERMISSION_DENIED,
        _RUNC + "rootfs_linux.go (mountToRootfs), " + _CRUN + "linux.c (do_mount)",
        'error mounting "" … permission denied',
        'error mounting "" … operation not permitted',
        'mounting "" to rootfs … permission denied',
        "mount `` to `` … permission denied",
        "mount `` to `` … operation not permitted",
    ),
    *_rows(
        ProblemKind.MOUNT_FAILED,
        _RUNC + "rootfs_linux.go (prepareRootfs), " + _CRUN + "linux.c (do_mount)",
        'error mounting ""',
        'mounting "" to rootfs',
        "mount `` to ``",
    ),
    *_rows(
        ProblemKind.VOLUME_PERMISSION_DENIED,
        "kubernetes pkg/volume/util/operationexecutor (GenerateMountVolumeFunc), volume_linux.go",
        "mountvolume … permission denied",
        "mountvolume … operation not permitted",
        "mapvolume … permission denied",
        "applyfsgroup failed",
    ),
    *_rows(
        ProblemKind.STORAGE_DRIVER_BUSY,
        "kubernetes pkg/volume/util/operationexecutor (GenerateMountVolumeFunc); CSI drivers",
        "mountvolume … deadlineexceeded",
        "mountvolume … context deadline exceeded",
        "mountvolume … timed out waiting for the condition",
        "mapvolume … context deadline exceeded",
    ),
    *_rows(
        ProblemKind.STORAGE_UNREACHABLE,
        "Go net (OpError) in CSI drivers",
        "mountvolume … i/o timeout",
        "mountvolume … connection refused",
        "mountvolume … no route to host",
        "mountvolume … no such host",
    ),
    *_rows(
        ProblemKind.VOLUME_SETUP_FAILED,
        "kubernetes pkg/volume/util/operationexecutor (GenerateMountVolumeFunc)",
        "mountvolume.",
        "mapvolume.",
        "verifycontrollerattachedvolume failed",
    ),
    *_rows(
        ProblemKind.VOLUMES_AWAITED,
        _KUBELET + "volumemanager/volume_manager.go (WaitForAttachAndMount), kubelet.go (syncPod)",
        "unable to attach or mount volumes: ",
        "unable to mount volumes for pod",
        "timeout expired waiting for volumes to attach or mount",
    ),
)

_EXEC: Final = (
    *_rows(
        ProblemKind.WRONG_ARCHITECTURE,
        "errno(3): ENOEXEC, exec(3)",
        "exec format error",
        "exec user process caused … exec format error",
    ),
    *_rows(
        ProblemKind.WORKING_DIRECTORY_UNUSABLE,
        _RUNC + "init_linux.go (finalizeNamespace, verifyCwd), " + _CRUN + "container.c (chdir)",
        "chdir to cwd",
        " chdir ``",
        "possible container breakout detected: cwd is",
        "mkdir cwd",
    ),
    *_rows(
        ProblemKind.EXECUTABLE_NOT_FOUND,
        "Go os/exec (ErrNotFound), runc libcontainer/standard_init_linux.go (Init)",
        "executable file not found in $path",
        "executable file not found in %path%",
        'exec: "": stat … no such file or directory',
        'exec: "": no such file or directory',
    ),
    *_rows(
        ProblemKind.EXECUTABLE_NOT_FOUND,
        _CRUN + "utils.c (find_executable)",
        "executable file `` not found",
        "executable file `` … no such file or directory",
        "cannot find `` in $path",
        "open executable: no such file or directory",
    ),
    *_rows(
        ProblemKind.EXECUTABLE_NOT_PERMITTED,
        "Go os/exec (findExecutable), " + _RUNC + "standard_init_linux.go (Init)",
        'exec: "": permission denied',
        'exec: "": is a directory',
        'exec: "": stat … permission denied',
        'exec: "": operation not permitted',
    ),
    *_rows(
        ProblemKind.EXECUTABLE_NOT_PERMITTED,
        _CRUN + "utils.c (find_executable)",
        "the path `` exists but it is not executable",
        "the path `` is not a regular file",
        "open executable: permission denied",
    ),
    *_rows(
        ProblemKind.NO_COMMAND,
        _CONTAINERD + "server/container_create.go (WithProcessArgs); moby daemon; cri-o",
        "no command specified",
    ),
    *_rows(
        ProblemKind.RUN_AS_NON_ROOT,
        _KUBELET + "kuberuntime/security_context_others.go (verifyRunAsNonRoot)",
        "container has runasnonroot and image",
        "runasuser breaks non-root policy",
        "cannot verify user is non-root",
    ),
    *_rows(
        ProblemKind.USER_UNKNOWN,
        "moby/sys user/user.go (GetExecUser); containerd pkg/oci/spec_opts.go (WithUser)",
        "unable to find user",
        "unable to find group",
        "no matching entries in passwd file",
        "no matching entries in group file",
        ": no users found",
        "invalid user value",
        "cannot setuid to unmapped uid",
        "cannot setgid to unmapped gid",
    ),
    *_rows(
        ProblemKind.CAPABILITY_REFUSED,
        _RUNC + "init_linux.go (finalizeNamespace); cri-o internal/factory/container",
        "unable to apply caps",
        "unable to apply bounding set",
        "unknown capability",
    ),
    *_rows(
        ProblemKind.SYSCTL_REFUSED,
        _RUNC + "configs/validate/validator.go (sysctl), standard_init_linux.go (Init)",
        "open /proc/sys/",
        "write sysctl key",
        'sysctl "" is not',
        'sysctl "" not allowed',
        "the sysctl `` requires",
    ),
    *_rows(
        ProblemKind.SECURITY_PROFILE_UNUSABLE,
        _RUNC + "apparmor/apparmor_linux.go, seccomp; " + _CRUN + "seccomp.c",
        "apparmor failed to apply profile",
        "unable to apply apparmor profile",
        "unable to init seccomp",
        "error loading seccomp filter",
        "seccomp: config provided but seccomp not supported",
        "error adding seccomp",
        "seccomp unknown",
        "unknown seccomp",
        "write file `/proc/thread-self/attr/apparmor/exec`",
    ),
    *_rows(
        ProblemKind.SECURITY_PROFILE_UNUSABLE,
        _CONTAINERD + "server/container_create_linux.go; cri-o internal/config/apparmor, seccomp",
        "failed to generate apparmor spec opts",
        "failed to generate seccomp spec opts",
        "applying apparmor profile to container",
        "cannot load seccomp profile",
        "decoding seccomp profile failed",
        "setup seccomp: ",
        "failed to generate seccomp security options",
        "apparmor is not supported",
    ),
    *_rows(
        ProblemKind.SELINUX_LABEL_FAILED,
        "opencontainers/selinux go-selinux; containerd internal/cri, cri-o, runc validator.go",
        'relabel "" with',
        "relabel failed",
        "unable to relabel",
        "selinux label is specified in config",
        "failed to init selinux options",
        "failed to set selinux",
        "/attr/keycreate",
        "/attr/exec: invalid argument",
    ),
)

_NODE: Final = (
    *_rows(
        ProblemKind.NODE_OVERLOADED,
        _RUNC + "container_linux.go (newInitConfig, namespace path): the sandbox's process is gone",
        "lstat /proc/",
        "namespace path: stat /proc/",
        "namespace path … no such file or directory",
    ),
    *_rows(
        ProblemKind.NODE_OVERLOADED,
        _CONTAINERD + "server/container_create.go, sandbox_run.go; cri-o internal/resourcestore",
        "failed to reserve container name",
        "failed to reserve sandbox name",
        "is reserved for",
        "error reserving ctr name",
        "error reserving pod name",
        "will be provided to the kubelet on next retry",
        "waited too long for request to timeout or",
        "is already in use by container",
    ),
    *_rows(
        ProblemKind.SANDBOX_GONE,
        _CONTAINERD + "server (container_start.go, sandbox_stop.go); cri-o server",
        'network namespace for sandbox "" is closed',
        'sandbox container "" is not running',
        "as the sandbox was stopped",
        'sandbox "" not found',
        'failed to find sandbox id ""',
        "podsandbox with id starting with",
        "cannot join network of a non running container",
        "cannot join network namespace of",
        "sandbox … is not running",
    ),
    *_rows(
        ProblemKind.RUNTIME_UNAVAILABLE,
        "grpc-go, ttrpc; containerd core/runtime/v2 (shim.go), moby client",
        "containerd.sock",
        "crio.sock",
        "dockershim.sock",
        "cri-dockerd.sock",
        "cannot connect to the docker daemon",
        "ttrpc: closed",
        "error reading from server: eof",
        "transport is closing",
        "failed to start shim",
        "shim killed after",
    ),
    *_rows(
        ProblemKind.CGROUP_FAILED,
        "opencontainers/cgroups systemd/common.go, fs2; " + _CRUN + "cgroup-systemd.c",
        "unable to apply cgroup configuration",
        "error creating systemd unit",
        "error `` systemd unit",
        "timeout waiting for systemd to create",
        "cannot open sd-bus",
        "failed to connect to dbus",
        "dial unix /run/systemd/private",
        "was already loaded or has a fragment file",
        "cannot enter cgroupv2",
        "expected cgroupspath to be of format",
        "container's cgroup is not empty",
        "container's cgroup unexpectedly frozen",
        "unable to freeze",
        "limit: container could not join or create cgroup",
        "cpu.cfs_quota_us: invalid argument",
        "requested cgroup controller",
        "is not available under /sys/fs/cgroup",
        "error setting cgroup config",
        "no cgroup mount found in mountinfo",
        "cgroups: cgroup mountpoint does not exist",
    ),
    *_rows(
        ProblemKind.CGROUP_FAILED,
        _KUBELET + "cm/pod_container_manager_linux.go; containerd internal/cri/opts (huge pages)",
        "cgroups exist and are correctly applied",
        "failed to create container for [kubepods",
        "hugetlb cgroup controller is missing",
    ),
)

_NETWORK: Final = (
    *_rows(
        ProblemKind.NO_IP_ADDRESS,
        _CNI + "plugins plugins/ipam/host-local/backend/allocator (Get)",
        "no ip addresses available in range set",
    ),
    *_rows(
        ProblemKind.NO_IP_ADDRESS,
        "amazon-vpc-cni-k8s cmd/routed-eni-cni-plugin/cni.go (add), pkg/ipamd/datastore",
        "failed to assign an ip address to container",
        "no free ip available in the prefix",
        "insufficientfreeaddressesinsubnet",
    ),
    *_rows(
        ProblemKind.NO_IP_ADDRESS,
        "cilium pkg/ipam, plugins/cilium-cni; calico cni-plugin ipam; whereabouts; azure-ipam",
        "no ips currently available on the node",
        "range is full",
        "all cidr ranges are exhausted",
        "assigned 0 out of 1 requested ipv4 addresses",
        "assigned 0 out of 1 requested ipv6 addresses",
        "no ips available in pools",
        "no more free affine blocks",
        "no configured calico pools",
        "could not allocate ip in range",
        "failed to allocate address",
        "no available addresses",
        "no available ip",
        "no address allocated to pod",
    ),
    *_rows(
        ProblemKind.NETWORK_PLUGIN_NOT_READY,
        "containerd go-cni errors.go, opts.go; cri-o (ocicni); kubelet runtime_state",
        "cni config uninitialized",
        "cni config not initialized",
        "cni plugin not initialized",
        "network plugin is not ready",
        "network is not ready: ",
        "networkpluginnotready",
        "no networks found in",
        "no network config found in",
        "no valid networks found in",
        "no cni configuration file in",
    ),
    *_rows(
        ProblemKind.NETWORK_PLUGIN_NOT_READY,
        _CNI + "cni pkg/invoke/find.go (FindInPath)",
        'failed to find plugin ""',
    ),
    *_rows(
        ProblemKind.NETWORK_PLUGIN_NOT_READY,
        "calico cni-plugin (nodename), flannel (subnet.env), cilium-cni, aws-cni, multus",
        "check that the calico/node container is running",
        "open /run/flannel/subnet.env",
        "unable to connect to cilium",
        "unable to create cilium client",
        "is the agent running?",
        "cilium.sock",
        "failed to connect to backend server",
        "add cmd: error received from addnetwork grpc call … connection refused",
        "127.0.0.1:50051: connect: connection refused",
        "error waiting for pod: … multus",
        "readinessindicatorfile",
        "cni request failed with status 400",
        "multus-shim … connect: ",
        "no podcidr set",
        "node … pod cidr not assigned",
        "ovs-ovn … not ready",
    ),
    *_rows(
        ProblemKind.HOST_PORT_TAKEN,
        "errno(3): EADDRINUSE; " + _CNI + "plugins portmap; cri-o internal/hostport; moby",
        "cannot open hostport",
        "cannot open port … for pod",
        "port is already allocated",
        "hostport … address already in use",
        "host port … already",
        "bind: address already in use",
    ),
    *_rows(
        ProblemKind.NETWORK_PLUGIN_FAILED,
        _CONTAINERD + "server/sandbox_run.go; cri-o server; dockershim and cri-dockerd network/cni",
        "failed to setup network for sandbox",
        "failed to set up sandbox container",
        "failed to set up pod … network",
        "failed to create pod network sandbox",
        "failed to teardown pod",
        "failed (add): ",
        "error adding pod … to cni network",
        "failed to destroy network for sandbox",
        "add cmd: ",
        "networkplugin cni failed",
    ),
)

_REFUSED_IMAGES: Final = (
    *_rows(
        ProblemKind.IMAGE_NOT_PRESENT,
        _KUBELET + "images/image_manager.go (imagePullPrecheck)",
        "is not present with pull policy of never",
    ),
    *_rows(
        ProblemKind.IMAGE_PULL_THROTTLED,
        _KUBELET + "images/helpers.go (throttledImageService.PullImage)",
        "pull qps exceeded",
    ),
    *_rows(
        ProblemKind.IMAGE_NAME_AMBIGUOUS,
        _CRIO
        + "internal/storage/image.go; containers/image pkg/shortnames/shortnames.go (Resolve)",
        "short name mode is enforcing",
        "returns ambiguous list",
        "did not resolve to an alias and no",
        "short-name resolution enforced but cannot prompt",
    ),
    *_rows(
        ProblemKind.IMAGE_NAME_INVALID,
        "distribution/reference (Parse); " + _KUBELET + "images/image_manager.go (applyDefault…)",
        "couldn't parse image",
        "invalid reference format",
        "failed to parse image reference",
        "failed to parse image name",
        "failed to apply default image tag",
        "repository name must be lowercase",
        "parse image name: ",
    ),
    *_rows(
        ProblemKind.IMAGE_RATE_LIMITED,
        "distribution registry/api/errcode (TOOMANYREQUESTS); containers/image docker/errors.go",
        " toomanyrequests: ",
        "429 too many requests",
        "too many requests to registry",
        "reached your pull rate limit",
        "reached your unauthenticated pull rate limit",
        "status code 429",
        "statuscode: 429",
    ),
    *_rows(
        ProblemKind.IMAGE_SIGNATURE_REJECTED,
        "containers/image copy/single.go, signature/policy_eval…; cri-api errors",
        "signature validation failed",
        "signaturevalidationfailed",
        "source image rejected: ",
        "a signature was required, but no signature exists",
        "none of the signatures were accepted",
        "is rejected by policy",
    ),
    *_rows(
        ProblemKind.IMAGE_PLATFORM_MISSING,
        "containerd core/images (Manifest), containers/image internal/manifest; moby distribution",
        "no match for platform in manifest",
        "no matching manifest for",
        "no image found in manifest list for architecture",
        "no image found in image index for architecture",
        "image operating system … cannot be used on this platform",
        "does not match the specified platform",
    ),
    *_rows(
        ProblemKind.IMAGE_FORMAT_UNSUPPORTED,
        "containerd core/remotes/docker/resolver.go, client/pull.go, core/transfer/local/pull.go",
        "is no longer supported since containerd",
        "schema 1 image manifests are no longer supported",
        "schema 1 not supported",
        "[deprecation notice] docker image format v1",
        "unsupported manifest media type",
        "mediatype … not supported",
        "media type … not supported",
    ),
)

_PULLS: Final = (
    *_rows(
        ProblemKind.REGISTRY_CERTIFICATE_REFUSED,
        "Go crypto/x509, crypto/tls, net/http",
        " x509: ",
        "tls: failed to verify certificate",
        "remote error: tls: ",
        "first record does not look like a tls handshake",
        "server gave http response to https client",
        pull_only=True,
    ),
    *_rows(
        ProblemKind.REGISTRY_UNREACHABLE,
        "Go net (OpError, DNSError), net/http (Transport)",
        "no such host",
        "server misbehaving",
        "temporary failure in name resolution",
        "i/o timeout",
        "connect: connection refused",
        "connection timed out",
        "connection reset by peer",
        "no route to host",
        "network is unreachable",
        "tls handshake timeout",
        "proxyconnect tcp",
        "request canceled while waiting for connection",
        "client.timeout exceeded while awaiting headers",
        "timeout awaiting response headers",
        pull_only=True,
    ),
    *_rows(
        ProblemKind.REGISTRY_UNREACHABLE,
        "cri-api pkg/errors (ErrRegistryUnavailable), kubelet images",
        "because the registry is unavailable",
        "registryunavailable",
    ),
    *_rows(
        ProblemKind.REGISTRY_FAILED,
        "net/http status texts; containerd core/remotes/errors; containers/image docker/errors.go",
        "500 internal server error",
        "502 bad gateway",
        "503 service unavailable",
        "504 gateway timeout",
        "504 gateway time-out",
        "received unexpected http status: 5",
        "statuscode: 50",
        pull_only=True,
    ),
    *_rows(
        ProblemKind.IMAGE_UNAUTHORIZED,
        "containerd core/remotes/docker (resolver.go, authorizer.go)",
        "may require authorization",
        "insufficient_scope",
        "401 unauthorized",
        "403 forbidden",
        "authorization failed",
        "no basic auth credentials",
        pull_only=True,
    ),
    *_rows(
        ProblemKind.IMAGE_UNAUTHORIZED,
        "distribution errcode (UNAUTHORIZED, DENIED); containers/image docker/errors.go; moby",
        " unauthorized: ",
        ": denied: ",
        "authentication required",
        "pull access denied",
        "requested access to the resource is denied",
        "invalid username/password",
        "incorrect username or password",
        "may require 'docker login'",
        "(403 forbidden)",
        "403 (forbidden)",
        "401 (unauthorized)",
        "statuscode: 401",
        "statuscode: 403",
        "your authorization token has expired",
        "is not authorized to perform: ecr:",
        pull_only=True,
    ),
    *_rows(
        ProblemKind.IMAGE_STORE_DAMAGED,
        "containerd core/metadata, core/unpack; containers/storage errors.go",
        "failed to prepare extraction snapshot",
        "parent snapshot … does not exist",
        "failed to get reader from content store",
        "content digest … not found",
        "blob not found",
        "layer not known",
        "failed to unpack image on snapshotter",
        "snapshot … already exists",
        pull_only=True,
    ),
    *_rows(
        ProblemKind.IMAGE_NOT_FOUND,
        "distribution errcode (MANIFEST_UNKNOWN, NAME_UNKNOWN); containerd; containers/image; moby",
        "manifest unknown",
        "manifest_unknown",
        "name unknown",
        "name_unknown",
        "404 not found",
        "statuscode: 404",
        "manifest for … not found",
        "failed to resolve reference … : not found",
        "failed to pull and unpack image … : not found",
        "failed to resolve image … : not found",
        "repository … not found",
        "image … not found",
        "tag … was deleted or has expired",
        "requested image not found",
        "image not known",
        "artifact … not found",
        pull_only=True,
    ),
    *_rows(
        ProblemKind.IMAGE_DAMAGED,
        "containerd core/metadata/content.go, core/unpack, archive; moby; containers/image",
        "failed size validation",
        "failed to extract layer",
        "failed to register layer",
        "unexpected eof",
        "invalid tar header",
        "unexpected commit digest",
        "digest did not match",
        "digest mismatch",
        "filesystem layer verification failed",
        "mismatched image rootfs and manifest layers",
        pull_only=True,
    ),
    *_rows(
        ProblemKind.IMAGE_PULL_TIMED_OUT,
        "Go context; containerd internal/cri/server/images/image_pull.go (pullProgressReporter)",
        "context canceled",
        "context deadline exceeded",
        "deadlineexceeded",
        "cancel pulling image … because of no progress",
        pull_only=True,
    ),
)

_IMAGES_BY_ID: Final = (
    *_rows(
        ProblemKind.IMAGE_STORE_DAMAGED,
        _CONTAINERD + "server/container_create.go; containers/storage errors.go",
        "rootfs not created for container",
        "failed to get image from containerd",
        "parent snapshot … does not exist",
        "content digest … not found",
        "layer not known",
        "failed to create prepare snapshot dir",
    ),
)

_TIMEOUTS: Final = (
    *_rows(
        ProblemKind.NODE_OVERLOADED,
        "Go context, grpc-go (DeadlineExceeded); cri-o internal/oci/runtime_oci.go; moby client",
        "context deadline exceeded",
        "deadlineexceeded",
        "context canceled",
        "operation timeout: ",
        "create container timeout",
        "container creation timeout",
        "cannot allocate memory",
        "signal: killed",
        "container is already in starting state",
    ),
    *_rows(
        ProblemKind.VOLUMES_AWAITED,
        "apimachinery pkg/util/wait (ErrWaitTimeout)",
        "timed out waiting for the condition",
    ),
)

PROBLEM_RULES: Final = (
    *_REFUSED,
    *_LIMITS,
    *_DEVICES,
    *_RUNTIME_HANDLER,
    *_WINDOWS,
    *_STORAGE,
    *_MISSING,
    *_ATTACH,
    *_MOUNTS,
    *_REFUSED_IMAGES,
    *_NETWORK,
    *_PULLS,
    *_EXEC,
    *_NODE,
    *_IMAGES_BY_ID,
    *_TIMEOUTS,
)
"""The table of problems, most specific first: what a message proves where no row above does."""

PULL_PATTERNS: Final = (
    "failed to pull",
    "pull image",
    "pulling image",
    "errimagepull",
    "failed to resolve reference",
    "failed to resolve image",
    "failed to copy: httpread",
    "failed to fetch anonymous token",
    "failed to fetch oauth token",
    "failed to authorize",
    "failed to do request: ",
    "pinging container registry",
    "initializing source docker://",
    "reading manifest",
    "reading blob",
    "error response from daemon: get ",
    "error response from daemon: head ",
    "error response from daemon: manifest",
    "error response from daemon: pull",
    "error response from daemon: unauthorized",
    "error response from daemon: denied",
    "copying system image",
    "image pull failed",
    "failed to inspect image",
    "failed to extract layer",
    "failed to get sandbox image",
)
"""What shows that a message is about pulling an image."""

OTHERS_WORDS: Final = (
    "liveness probe failed: ",
    "readiness probe failed: ",
    "startup probe failed: ",
    "liveness probe errored",
    "readiness probe errored",
    "startup probe errored",
    "exec lifecycle hook ",
    "http lifecycle hook ",
    "httpget lifecycle hook ",
)
"""How messages begin that are about a probe or a hook, which prove nothing about the node."""
