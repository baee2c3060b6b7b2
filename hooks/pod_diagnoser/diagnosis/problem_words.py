"""What can be wrong by a message, in words: what each kind of problem means and what to do. Pure.

The words are templates, as those of the table of causes: `[groups]` are left out where one of their
`{placeholders}` is empty. Placeholders are of two kinds: `SYMPTOM_PLACEHOLDERS` are filled by
whoever shows a diagnosis, all others by what the message itself gives (`messages.Message.fields`).
"""

import re
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final


@unique
class ProblemKind(StrEnum):
    """A kind of what is wrong that changes the next step. In CamelCase, as Kubernetes' reasons."""

    # The scheduler finds no node
    NODES_LACK_RESOURCE = "NodesLackResource"
    NODES_FULL_OF_PODS = "NodesFullOfPods"
    NODES_TAINTED = "NodesTainted"
    NODES_NOT_MATCHED = "NodesNotMatched"
    NODES_CORDONED = "NodesCordoned"
    NODES_LACK_FEATURE = "NodesLackFeature"
    NODES_NOT_READY = "NodesNotReady"
    NODES_UNDER_PRESSURE = "NodesUnderPressure"
    POD_AFFINITY_UNMET = "PodAffinityUnmet"
    SPREAD_UNMET = "SpreadUnmet"
    HOST_PORT_TAKEN_EVERYWHERE = "HostPortTakenEverywhere"
    VOLUME_ELSEWHERE = "VolumeElsewhere"
    VOLUME_NOT_FOUND_FOR_CLAIM = "VolumeNotFoundForClaim"
    VOLUME_LIMIT_ON_NODES = "VolumeLimitOnNodes"
    DEVICE_CLAIM_UNMET = "DeviceClaimUnmet"
    DEVICE_CLAIM_MISSING = "DeviceClaimMissing"
    DEVICE_CLASS_MISSING = "DeviceClassMissing"
    NO_NODES = "NoNodes"
    SCHEDULING_GATED = "SchedulingGated"
    READINESS_GATE_UNSET = "ReadinessGateUnset"
    # Refused or ended by the kubelet
    NODE_SHUTTING_DOWN = "NodeShuttingDown"
    NODE_LOW_ON_MEMORY = "NodeLowOnMemory"
    NODE_REFUSES_BEST_EFFORT = "NodeRefusesBestEffort"
    NODE_LOW_ON_DISK = "NodeLowOnDisk"
    NODE_LOW_ON_INODES = "NodeLowOnInodes"
    NODE_LOW_ON_PROCESSES = "NodeLowOnProcesses"
    NODE_LOW_ON_RESOURCE = "NodeLowOnResource"
    EMPTY_DIR_LIMIT_EXCEEDED = "EmptyDirLimitExceeded"
    STORAGE_LIMIT_EXCEEDED = "StorageLimitExceeded"
    TOPOLOGY_REFUSED = "TopologyRefused"
    NODE_SELECTOR_REFUSED = "NodeSelectorRefused"
    NODE_TAINT_REFUSED = "NodeTaintRefused"
    NODE_OS_REFUSED = "NodeOSRefused"
    NODE_UNKNOWN_TO_KUBELET = "NodeUnknownToKubelet"
    NODE_FEATURE_MISSING = "NodeFeatureMissing"
    NODE_WITHOUT_RESOURCE = "NodeWithoutResource"
    NODE_OUT_OF_RESOURCE = "NodeOutOfResource"
    # Creating and starting a container
    MEMORY_LIMIT_TOO_LOW = "MemoryLimitTooLow"
    START_KILLED = "StartKilled"
    RUNTIME_CLASS_MISSING = "RuntimeClassMissing"
    RUNTIME_HANDLER_UNKNOWN = "RuntimeHandlerUnknown"
    RUNTIME_PROGRAM_MISSING = "RuntimeProgramMissing"
    VIRTUALIZATION_MISSING = "VirtualizationMissing"
    RESOLV_CONF_MISSING = "ResolvConfMissing"
    WRONG_ARCHITECTURE = "WrongArchitecture"
    EXECUTABLE_NOT_FOUND = "ExecutableNotFound"
    EXECUTABLE_NEEDS_LIBRARY = "ExecutableNeedsLibrary"
    EXECUTABLE_NOT_PERMITTED = "ExecutableNotPermitted"
    NO_COMMAND = "NoCommand"
    WORKING_DIRECTORY_UNUSABLE = "WorkingDirectoryUnusable"
    RUN_AS_NON_ROOT = "RunAsNonRoot"
    RUN_AS_USER_ROOT = "RunAsUserRoot"
    NON_ROOT_USER_NAMED = "NonRootUserNamed"
    USER_UNKNOWN = "UserUnknown"
    USER_NAMESPACE_UNSUPPORTED = "UserNamespaceUnsupported"
    CAPABILITY_REFUSED = "CapabilityRefused"
    SYSCTL_REFUSED = "SysctlRefused"
    SYSCTL_UNKNOWN = "SysctlUnknown"
    APPARMOR_OFF = "AppArmorOff"
    SECURITY_PROFILE_UNUSABLE = "SecurityProfileUnusable"
    SELINUX_LABEL_FAILED = "SELinuxLabelFailed"
    RLIMIT_REFUSED = "RlimitRefused"
    CGROUP_FAILED = "CgroupFailed"
    HOST_PORT_TAKEN = "HostPortTaken"
    SANDBOX_GONE = "SandboxGone"
    RUNTIME_MOUNT_FAILED = "RuntimeMountFailed"
    # Devices
    DEVICE_LOST = "DeviceLost"
    DEVICES_TAKEN = "DevicesTaken"
    DEVICE_PLUGIN_MISSING = "DevicePluginMissing"
    CDI_DEVICE_MISSING = "CDIDeviceMissing"
    DRA_DRIVER_MISSING = "DRADriverMissing"
    DRA_FAILED = "DRAFailed"
    DEVICE_DRIVER_MISMATCH = "DeviceDriverMismatch"
    DEVICE_UNAVAILABLE = "DeviceUnavailable"
    # The node
    NODE_OVERLOADED = "NodeOverloaded"
    NODE_LIMIT_REACHED = "NodeLimitReached"
    KERNEL_KEYS_USED_UP = "KernelKeysUsedUp"
    NODE_DISK_FAILED = "NodeDiskFailed"
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
    CLAIM_DELETING = "ClaimDeleting"
    SERVICE_ACCOUNT_MISSING = "ServiceAccountMissing"
    TOKEN_UNAVAILABLE = "TokenUnavailable"  # noqa: S105  # a kind of problem
    OBJECT_NOT_CACHED = "ObjectNotCached"
    SECRET_PROVIDER_MISSING = "SecretProviderMissing"  # noqa: S105  # a kind of problem
    SECRET_STORE_FAILED = "SecretStoreFailed"  # noqa: S105  # a kind of problem
    # Volumes
    VOLUME_ATTACHED_ELSEWHERE = "VolumeAttachedElsewhere"
    VOLUME_ATTACHMENT_DELETING = "VolumeAttachmentDeleting"
    ATTACH_TIMED_OUT = "AttachTimedOut"
    ATTACH_LIMIT_REACHED = "AttachLimitReached"
    STORAGE_UNAUTHORIZED = "StorageUnauthorized"
    ATTACH_FAILED = "AttachFailed"
    CSI_DRIVER_MISSING = "CSIDriverMissing"
    CSI_DRIVER_NOT_INSTALLED = "CSIDriverNotInstalled"
    OWNERSHIP_CHANGE_SLOW = "OwnershipChangeSlow"
    STORAGE_DRIVER_BUSY = "StorageDriverBusy"
    STORAGE_DEVICE_BUSY = "StorageDeviceBusy"
    STORAGE_UNREACHABLE = "StorageUnreachable"
    STORAGE_DISCONNECTED = "StorageDisconnected"
    VOLUME_MISSING = "VolumeMissing"
    LOCAL_PATH_MISSING = "LocalPathMissing"
    VOLUME_MODE_WRONG = "VolumeModeWrong"
    VOLUME_PERMISSION_DENIED = "VolumePermissionDenied"
    FILE_SYSTEM_DAMAGED = "FileSystemDamaged"
    MOUNT_HELPER_MISSING = "MountHelperMissing"
    VOLUME_NOT_GROWN = "VolumeNotGrown"
    KERNEL_MODULE_MISSING = "KernelModuleMissing"
    VOLUME_FEATURE_UNSUPPORTED = "VolumeFeatureUnsupported"
    VOLUME_SETUP_FAILED = "VolumeSetupFailed"
    VOLUMES_AWAITED = "VolumesAwaited"
    # Network of a Pod
    NETWORK_DEFINITION_MISSING = "NetworkDefinitionMissing"
    NO_IP_ADDRESS = "NoIPAddress"
    NETWORK_ADDRESS_TAKEN = "NetworkAddressTaken"
    NETWORK_PLUGIN_NOT_READY = "NetworkPluginNotReady"
    NETWORK_PLUGIN_MISSING = "NetworkPluginMissing"
    NETWORK_PLUGIN_CUT_OFF = "NetworkPluginCutOff"
    NETWORK_BRIDGE_OUTDATED = "NetworkBridgeOutdated"
    NETWORK_PLUGIN_UNAUTHORIZED = "NetworkPluginUnauthorized"
    NETWORK_PLUGIN_FAILED = "NetworkPluginFailed"
    # Windows
    WINDOWS_VERSION_MISMATCH = "WindowsVersionMismatch"
    WINDOWS_CONTAINER_STOPPED = "WindowsContainerStopped"
    WINDOWS_OUT_OF_MEMORY = "WindowsOutOfMemory"
    WINDOWS_COMPUTE_FAILED = "WindowsComputeFailed"
    # Images
    SANDBOX_IMAGE_FAILED = "SandboxImageFailed"
    IMAGE_NAME_AMBIGUOUS = "ImageNameAmbiguous"
    IMAGE_NAME_INVALID = "ImageNameInvalid"
    IMAGE_NOT_PRESENT = "ImageNotPresent"
    IMAGE_NOT_FOUND = "ImageNotFound"
    IMAGE_UNAUTHORIZED = "ImageUnauthorized"
    IMAGE_REFUSED_BY_POLICY = "ImageRefusedByPolicy"
    IMAGE_RATE_LIMITED = "ImageRateLimited"
    IMAGE_PULL_THROTTLED = "ImagePullThrottled"
    IMAGE_PULL_SECRET_MISSING = "ImagePullSecretMissing"  # noqa: S105  # a kind of problem
    IMAGE_PLATFORM_MISSING = "ImagePlatformMissing"
    IMAGE_SIGNATURE_REJECTED = "ImageSignatureRejected"
    IMAGE_FORMAT_UNSUPPORTED = "ImageFormatUnsupported"
    IMAGE_DAMAGED = "ImageDamaged"
    IMAGE_STORE_DAMAGED = "ImageStoreDamaged"
    IMAGE_NOT_UNPACKED = "ImageNotUnpacked"
    IMAGE_DOWNLOAD_BROKEN_OFF = "ImageDownloadBrokenOff"
    IMAGE_PULL_TIMED_OUT = "ImagePullTimedOut"
    REGISTRY_NAME_UNKNOWN = "RegistryNameUnknown"
    REGISTRY_PROXY_FAILED = "RegistryProxyFailed"
    REGISTRY_UNREACHABLE = "RegistryUnreachable"
    REGISTRY_CERTIFICATE_EXPIRED = "RegistryCertificateExpired"
    REGISTRY_CERTIFICATE_REFUSED = "RegistryCertificateRefused"
    REGISTRY_WITHOUT_TLS = "RegistryWithoutTLS"
    REGISTRY_ANSWERS_WEB_PAGE = "RegistryAnswersWebPage"
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
        ProblemKind.SANDBOX_GONE,
        ProblemKind.OBJECT_NOT_CACHED,
        ProblemKind.STORAGE_DRIVER_BUSY,
        ProblemKind.IMAGE_PULL_SECRET_MISSING,
    }
)
"""Kinds that a message shows which is often the echo of a more specific one: prefer any other."""

SYMPTOM_PLACEHOLDERS: Final = frozenset(
    {"subject", "node", "image", "namespace", "describe", "describe_node", "describe_claim"}
)
"""Placeholders that a message does not fill: phrases such as "node n1" or "its node", and commands.
"""

_GROUP: Final = re.compile(r"\[[^\[\]]*\]")
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class ProblemWords:
    """What to say of a kind of problem.

    Attributes:
        meaning: what is wrong, as one clause in plain words; empty where the message itself says
            more than any words for its kind.
        next_step: one thing to do.
    """

    meaning: str
    next_step: str

    @property
    def needs(self) -> frozenset[str]:
        """The placeholders outside of groups that a message has to fill."""
        outside = _GROUP.sub("", f"{self.meaning} {self.next_step}")
        return frozenset(_PLACEHOLDER.findall(outside)) - SYMPTOM_PLACEHOLDERS


PROBLEM_WORDS: Final[dict[ProblemKind, ProblemWords]] = {
    # The scheduler finds no node
    ProblemKind.NODES_LACK_RESOURCE: ProblemWords(
        "not enough {resource} left[ on {which}]",
        "request less {resource}, add nodes, or free some: kubectl describe nodes shows what is "
        "allocated",
    ),
    ProblemKind.NODES_FULL_OF_PODS: ProblemWords(
        "no room for more Pods[ on {which}]",
        "add nodes, remove Pods, or raise maxPods of the kubelets",
    ),
    ProblemKind.NODES_TAINTED: ProblemWords(
        "it does not tolerate the taint[ {taint}][ of {which}]",
        "add a toleration[ for {taint}], or nodes without that taint",
    ),
    ProblemKind.NODES_NOT_MATCHED: ProblemWords(
        "its nodeSelector or node affinity excludes {which}",
        "compare nodeSelector and affinity with: kubectl get nodes --show-labels",
    ),
    ProblemKind.NODES_CORDONED: ProblemWords(
        "nodes are cordoned (unschedulable)[: {which}]",
        "uncordon a node, or add one: kubectl get nodes shows which are cordoned",
    ),
    ProblemKind.NODES_LACK_FEATURE: ProblemWords(
        "a feature that it needs is missing[ on {which}]",
        "upgrade the nodes or their kubelets, or do without that feature of the Pod",
    ),
    ProblemKind.NODES_NOT_READY: ProblemWords(
        "nodes are not ready or not reachable[: {which}]",
        "find out why nodes are not ready: kubectl get nodes, then kubectl describe node",
    ),
    ProblemKind.NODES_UNDER_PRESSURE: ProblemWords(
        "nodes are low on memory, disk or process ids[ ({taint})][: {which}]",
        "free what the nodes are low on: kubectl describe nodes shows their conditions",
    ),
    ProblemKind.POD_AFFINITY_UNMET: ProblemWords(
        "its pod affinity or anti-affinity excludes {which}",
        "relax podAffinity or podAntiAffinity (preferred, not required), or add nodes",
    ),
    ProblemKind.SPREAD_UNMET: ProblemWords(
        "its topology spread constraints exclude {which}",
        "relax topologySpreadConstraints (ScheduleAnyway), or add nodes where Pods are missing",
    ),
    ProblemKind.HOST_PORT_TAKEN_EVERYWHERE: ProblemWords(
        "its hostPort is in use[ on {which}]",
        "use a Service instead of hostPort, or another port, or fewer replicas than nodes",
    ),
    ProblemKind.VOLUME_ELSEWHERE: ProblemWords(
        "its volume can be used only on other nodes or in another zone",
        "add a node in the volume's zone: kubectl describe pv shows its node affinity",
    ),
    ProblemKind.VOLUME_NOT_FOUND_FOR_CLAIM: ProblemWords(
        "no persistent volume fits its claim[ {claim}]",
        "[create a PersistentVolume that fits, or correct the claim: ]{describe_claim}",
    ),
    ProblemKind.VOLUME_LIMIT_ON_NODES: ProblemWords(
        "no more volumes can be attached[ to {which}]",
        "add nodes: the others cannot attach more volumes",
    ),
    ProblemKind.DEVICE_CLAIM_UNMET: ProblemWords(
        "no node has the devices free that its ResourceClaim asks for",
        "compare its ResourceClaim with what nodes offer: kubectl get resourceslices",
    ),
    ProblemKind.DEVICE_CLAIM_MISSING: ProblemWords(
        "its ResourceClaim[ {claim}] does not exist",
        "create ResourceClaim[ {claim}] in namespace {namespace}, or correct its name",
    ),
    ProblemKind.DEVICE_CLASS_MISSING: ProblemWords(
        "DeviceClass[ {device_class}] does not exist",
        "install the DRA driver that brings DeviceClass[ {device_class}], or correct the claim",
    ),
    ProblemKind.NO_NODES: ProblemWords(
        "the cluster has no nodes",
        "add nodes, or find out why they do not register: kubectl get nodes",
    ),
    ProblemKind.SCHEDULING_GATED: ProblemWords(
        "its scheduling gates hold it back",
        "look at the controller that should remove spec.schedulingGates",
    ),
    ProblemKind.READINESS_GATE_UNSET: ProblemWords(
        "readiness gate[ {gate}] is not set to True",
        "look at the controller that sets readiness gate[ {gate}], such as a load balancer's",
    ),
    # Refused or ended by the kubelet
    ProblemKind.NODE_SHUTTING_DOWN: ProblemWords(
        "the node was being shut down",
        "nothing, if a controller made another Pod; otherwise create it again",
    ),
    ProblemKind.NODE_LOW_ON_MEMORY: ProblemWords(
        "the node was low on memory[ ({available} left)]"
        "[; container {hungry} used {used}][; it used {pod_used}][, its request is {requested}]",
        "set memory requests near real use, and limits[, first for container {hungry}]",
    ),
    ProblemKind.NODE_REFUSES_BEST_EFFORT: ProblemWords(
        "the node is low on memory, and takes no Pods without memory requests",
        "give it a memory request, and find what uses up the memory of {node}",
    ),
    ProblemKind.NODE_LOW_ON_DISK: ProblemWords(
        "the node was low on disk space[ ({available} left)]"
        "[; container {hungry} used {used}][; it used {pod_used}][, its request is {requested}]",
        "find what fills the disk of {node} (images, logs, other Pods or this one)",
    ),
    ProblemKind.NODE_LOW_ON_INODES: ProblemWords(
        "the node was running out of inodes (files)[: {available} left]",
        "find what makes so many small files on {node}: df -i there; images, logs, emptyDir",
    ),
    ProblemKind.NODE_LOW_ON_PROCESSES: ProblemWords(
        "the node was running out of process ids[: {available} left]",
        "find what starts so many processes on {node}; set podPidsLimit in its kubelet",
    ),
    ProblemKind.NODE_LOW_ON_RESOURCE: ProblemWords(
        "the node was low on a resource[: {resource}]",
        "[set requests near real use, and see what the node is low on: ]{describe_node}",
    ),
    ProblemKind.EMPTY_DIR_LIMIT_EXCEEDED: ProblemWords(
        "its emptyDir volume[ {volume}] grew past its sizeLimit[ of {limit}]",
        "write less to emptyDir volume[ {volume}], or raise its sizeLimit",
    ),
    ProblemKind.STORAGE_LIMIT_EXCEEDED: ProblemWords(
        "it wrote more to local disk than its ephemeral-storage limit[ of {limit}]"
        "[, in container {hungry}]",
        "write less to disk (logs, temporary files)[ in container {hungry}], or raise its "
        "ephemeral-storage limit",
    ),
    ProblemKind.TOPOLOGY_REFUSED: ProblemWords(
        "no NUMA node there has the CPUs and devices free that it requests",
        "request what one NUMA node of {node} has free, or relax its kubelet's "
        "topologyManagerPolicy",
    ),
    ProblemKind.NODE_SELECTOR_REFUSED: ProblemWords(
        "the node's labels do not match its nodeSelector or node affinity",
        "[compare its nodeSelector and affinity with the node's labels: ]{describe_node}",
    ),
    ProblemKind.NODE_TAINT_REFUSED: ProblemWords(
        "the node has a taint that it does not tolerate",
        "add a toleration for the taint of {node}, or use other nodes",
    ),
    ProblemKind.NODE_OS_REFUSED: ProblemWords(
        "the node has another operating system than it asks for",
        "correct spec.os and the label kubernetes.io/os in its nodeSelector",
    ),
    ProblemKind.NODE_UNKNOWN_TO_KUBELET: ProblemWords(
        "the kubelet did not know its own Node object",
        "nothing, if a controller made another Pod; if it lasts, look at the kubelet of {node}",
    ),
    ProblemKind.NODE_FEATURE_MISSING: ProblemWords(
        "the node does not support a feature that it asks for",
        "use nodes that support it, or remove it from the Pod",
    ),
    ProblemKind.NODE_WITHOUT_RESOURCE: ProblemWords(
        "the node has no {resource} at all[: {requested} requested]",
        "look at the device plug-in's Pod on {node}: it has not announced {resource} there",
    ),
    ProblemKind.NODE_OUT_OF_RESOURCE: ProblemWords(
        "the node does not have enough {resource} left[: {requested} requested, {used} of "
        "{capacity} in use]",
        "[compare its requests with what is free on the node: ]{describe_node}",
    ),
    # Creating and starting a container
    ProblemKind.MEMORY_LIMIT_TOO_LOW: ProblemWords(
        "its memory limit is too low even to start",
        "raise the memory limit of {subject}[ to {least} at least]",
    ),
    ProblemKind.START_KILLED: ProblemWords(
        "it was killed while it was starting",
        "raise the memory limit of {subject}; if that is ample, look at the load of {node}",
    ),
    ProblemKind.RUNTIME_CLASS_MISSING: ProblemWords(
        "RuntimeClass[ {runtime_class}] does not exist",
        "create RuntimeClass[ {runtime_class}], or correct runtimeClassName",
    ),
    ProblemKind.RUNTIME_HANDLER_UNKNOWN: ProblemWords(
        "the node's runtime does not have the handler[ {handler}] of its RuntimeClass",
        "set up runtime handler[ {handler}] on {node}, or correct runtimeClassName",
    ),
    ProblemKind.RUNTIME_PROGRAM_MISSING: ProblemWords(
        "the node lacks a program that its container runtime needs[: {executable}]",
        "install that program on {node}, or correct its path in the runtime's configuration there",
    ),
    ProblemKind.VIRTUALIZATION_MISSING: ProblemWords(
        "the node cannot run virtual machines (KVM), which the handler of its RuntimeClass needs",
        "use nodes with KVM (/dev/kvm, nested virtualization), or another runtimeClassName",
    ),
    ProblemKind.RESOLV_CONF_MISSING: ProblemWords(
        "the resolv.conf[ {path}] of the kubelet is missing on the node",
        "restore that file on {node}, or correct resolvConf in the configuration of its kubelet",
    ),
    ProblemKind.WRONG_ARCHITECTURE: ProblemWords(
        "its executable is for another processor, or a script without #! in its first line",
        "build {image} for the architecture of {node}; a script needs #! in its first line",
    ),
    ProblemKind.EXECUTABLE_NOT_FOUND: ProblemWords(
        "its executable[ {executable}] is not in the image",
        "correct command and args of {subject}, or put the file into the image",
    ),
    ProblemKind.EXECUTABLE_NEEDS_LIBRARY: ProblemWords(
        "its executable[ {executable}], or an interpreter or library of it, is not in the image",
        "check the #! line and the libraries of its executable (ldd): is all of it in the image?",
    ),
    ProblemKind.EXECUTABLE_NOT_PERMITTED: ProblemWords(
        "its command[ {executable}] is not executable",
        "make the file executable in the image (chmod +x), or correct its command",
    ),
    ProblemKind.NO_COMMAND: ProblemWords(
        "neither it nor its image names a command",
        "set command for {subject}: its image names none",
    ),
    ProblemKind.WORKING_DIRECTORY_UNUSABLE: ProblemWords(
        "its working directory[ {path}] cannot be used",
        "correct workingDir of {subject}, or let its user enter that directory",
    ),
    ProblemKind.RUN_AS_NON_ROOT: ProblemWords(
        "runAsNonRoot is set, but its image runs as root",
        "set runAsUser to a number other than 0, or a numeric USER in {image}",
    ),
    ProblemKind.RUN_AS_USER_ROOT: ProblemWords(
        "runAsNonRoot is set, but its runAsUser is 0, which is root",
        "set runAsUser to a number other than 0, or remove runAsNonRoot",
    ),
    ProblemKind.NON_ROOT_USER_NAMED: ProblemWords(
        "runAsNonRoot is set, but its image names its user[ {user}], and a name may be root's",
        "set runAsUser to the number of user[ {user}], or a numeric USER in {image}",
    ),
    ProblemKind.USER_UNKNOWN: ProblemWords(
        "its user or group[ {user}] is not in the image",
        "use a user and group that {image} has, or numbers (runAsUser, runAsGroup)",
    ),
    ProblemKind.USER_NAMESPACE_UNSUPPORTED: ProblemWords(
        "the node cannot give it a user namespace",
        "set hostUsers: true, or use nodes whose kernel, file system and runtime support it",
    ),
    ProblemKind.CAPABILITY_REFUSED: ProblemWords(
        "a capability of its securityContext was refused",
        "correct capabilities in securityContext of {subject}",
    ),
    ProblemKind.SYSCTL_REFUSED: ProblemWords(
        "sysctl[ {sysctl}] of its securityContext was refused",
        "remove sysctl[ {sysctl}] from securityContext, or allow it in the kubelet of {node}",
    ),
    ProblemKind.SYSCTL_UNKNOWN: ProblemWords(
        "the kernel of the node does not have sysctl[ {sysctl}] for a Pod",
        "remove sysctl[ {sysctl}] from securityContext or the runtime's configuration, or use "
        "another kernel",
    ),
    ProblemKind.APPARMOR_OFF: ProblemWords(
        "AppArmor is not enabled on the node",
        "use nodes with AppArmor, or remove the AppArmor profile from the Pod",
    ),
    ProblemKind.SECURITY_PROFILE_UNUSABLE: ProblemWords(
        "its AppArmor or seccomp profile cannot be used on the node",
        "load the AppArmor or seccomp profile on {node}, or correct securityContext",
    ),
    ProblemKind.SELINUX_LABEL_FAILED: ProblemWords(
        "its SELinux label could not be set",
        "correct seLinuxOptions, or use a volume that supports SELinux labels",
    ),
    ProblemKind.RLIMIT_REFUSED: ProblemWords(
        "a resource limit (rlimit), such as for open files, could not be set",
        "look at the limits of the container runtime on {node} (LimitNOFILE of its systemd unit)",
    ),
    ProblemKind.CGROUP_FAILED: ProblemWords(
        "the node could not make its cgroup",
        "look at cgroups and systemd on {node}: cgroup driver, kernel, journalctl -u kubelet",
    ),
    ProblemKind.HOST_PORT_TAKEN: ProblemWords(
        "its hostPort is in use on the node",
        "choose another hostPort, or a node where it is free: something on {node} uses it",
    ),
    ProblemKind.SANDBOX_GONE: ProblemWords(
        "its sandbox was gone when it should start",
        "look at load, disk and container runtime of {node}; the Pod is not the cause",
    ),
    ProblemKind.RUNTIME_MOUNT_FAILED: ProblemWords(
        "the runtime could not mount a file system of the kernel[ at {path}]",
        "look at kernel, runtime and nesting of {node}; privileged or procMount with hostUsers: "
        "false may be why",
    ),
    # Devices
    ProblemKind.DEVICE_LOST: ProblemWords(
        "a GPU of the node is lost",
        "drain and reboot {node}: until then none of its GPUs can be used",
    ),
    ProblemKind.DEVICES_TAKEN: ProblemWords(
        "the node has too few healthy devices[ {resource}] free"
        "[: {requested} requested, {available} available]",
        "look at the device plug-in's Pod on {node}, and at what uses its devices",
    ),
    ProblemKind.DEVICE_PLUGIN_MISSING: ProblemWords(
        "the device plug-in[ for {resource}] is not registered on the node",
        "look at the Pod of the device plug-in[ for {resource}] on {node}; then create a new Pod",
    ),
    ProblemKind.CDI_DEVICE_MISSING: ProblemWords(
        "the node's CDI files do not describe its device",
        "restart the device driver's Pod on {node}, so that it writes its CDI files again",
    ),
    ProblemKind.DRA_DRIVER_MISSING: ProblemWords(
        "DRA driver[ {driver}] is not registered on the node",
        "check that the Pod of DRA driver[ {driver}] runs and is ready on {node}",
    ),
    ProblemKind.DRA_FAILED: ProblemWords(
        "the DRA driver could not prepare its devices",
        "look at the log of the DRA driver's Pod on {node}",
    ),
    ProblemKind.DEVICE_DRIVER_MISMATCH: ProblemWords(
        "kernel module and library of the node's device driver have different versions",
        "drain and reboot {node}, so that its new device driver is loaded",
    ),
    ProblemKind.DEVICE_UNAVAILABLE: ProblemWords(
        "the node's device driver refused its device",
        "look at the device driver and its plug-in on {node}: logs of its Pod there",
    ),
    # The node
    ProblemKind.NODE_OVERLOADED: ProblemWords(
        "the node or its container runtime was too slow",
        "look at load, disk and container runtime of {node}; the Pod is not the cause",
    ),
    ProblemKind.NODE_LIMIT_REACHED: ProblemWords(
        "the node has used up processes, open files or inotify watches",
        "find what uses up processes, open files or inotify watches on {node}, or raise the limit",
    ),
    ProblemKind.KERNEL_KEYS_USED_UP: ProblemWords(
        "the node has used up the kernel's quota of keys (kernel.keys)",
        "raise sysctls kernel.keys.maxkeys and kernel.keys.maxbytes on {node}",
    ),
    ProblemKind.NODE_DISK_FAILED: ProblemWords(
        "the node's disk with images and containers fails or is read-only",
        "look at the disk of {node}: its kernel log (dmesg) and file system",
    ),
    ProblemKind.RUNTIME_UNAVAILABLE: ProblemWords(
        "the node's container runtime did not answer",
        "look at the container runtime on {node}: journalctl -u containerd, or -u crio",
    ),
    ProblemKind.DISK_FULL: ProblemWords(
        "a disk of the node, or a volume, is full",
        "free disk space on {node} (images, logs, emptyDir), or enlarge disk or volume",
    ),
    # Mounts of a container
    ProblemKind.SUB_PATH_UNUSABLE: ProblemWords(
        "the subPath of a mount[ at {path}] is not in its volume",
        "check that the volume has that subPath; if its ConfigMap changed, only a new Pod helps",
    ),
    ProblemKind.MOUNT_TARGET_UNUSABLE: ProblemWords(
        "a file is where a directory should be mounted, or the reverse[: {path}]",
        "use another mountPath[ than {path}] in {subject}: the image has a file there",
    ),
    ProblemKind.READ_ONLY_FILE_SYSTEM: ProblemWords(
        "a mount[ at {path}] needs a file or directory in a read-only file system",
        "mount at a path that exists in the image, or on a volume that may be written",
    ),
    ProblemKind.MOUNT_SOURCE_MISSING: ProblemWords(
        "what it mounts[ at {path}] is gone from the node",
        "delete the Pod: a new one mounts its volumes again (a hostPath has to exist on {node})",
    ),
    ProblemKind.HOST_PATH_UNUSABLE: ProblemWords(
        "a hostPath volume's path[ {path}] is missing or of another type on the node",
        "create[ {path}] on {node}, or correct path and type of the hostPath volume",
    ),
    ProblemKind.MOUNT_PROPAGATION_REFUSED: ProblemWords(
        "the node does not share the mount that mountPropagation needs",
        "make that path a shared mount on {node} (mount --make-rshared), or drop mountPropagation",
    ),
    ProblemKind.MOUNT_FAILED: ProblemWords(
        "a mount[ at {path}] failed",
        "check volume[ {volume}] and its mountPath in {subject}",
    ),
    # What a Pod refers to
    ProblemKind.CONFIG_MAP_MISSING: ProblemWords(
        "ConfigMap[ {config_map}] does not exist",
        "create ConfigMap[ {config_map}] in namespace {namespace}, or correct its name in the Pod",
    ),
    ProblemKind.SECRET_MISSING: ProblemWords(
        "Secret[ {secret}] does not exist",
        "create Secret[ {secret}] in namespace {namespace}, or correct its name in the Pod",
    ),
    ProblemKind.KEY_MISSING: ProblemWords(
        "key[ {key}] is missing[ in {holder}][ {object}]",
        "add key[ {key}][ to {holder}][ {object}], or correct it in the Pod",
    ),
    ProblemKind.CLAIM_MISSING: ProblemWords(
        "PersistentVolumeClaim[ {claim}] does not exist",
        "create PersistentVolumeClaim[ {claim}] in namespace {namespace}, or correct its name",
    ),
    ProblemKind.CLAIM_UNBOUND: ProblemWords(
        "its PersistentVolumeClaim[ {claim}] is not bound to a volume",
        "[find out why it is not bound: ]{describe_claim}",
    ),
    ProblemKind.CLAIM_DELETING: ProblemWords(
        "PersistentVolumeClaim[ {claim}] is being deleted",
        "wait until PersistentVolumeClaim[ {claim}] is gone, then create it again",
    ),
    ProblemKind.SERVICE_ACCOUNT_MISSING: ProblemWords(
        "ServiceAccount[ {service_account}] does not exist",
        "create ServiceAccount[ {service_account}] in namespace {namespace}, or correct its name",
    ),
    ProblemKind.TOKEN_UNAVAILABLE: ProblemWords(
        "the kubelet could not fetch a service account token[ for volume {volume}]",
        "check that the API server issues service account tokens, and the kubelet of {node}",
    ),
    ProblemKind.OBJECT_NOT_CACHED: ProblemWords(
        "the kubelet could not yet read an object that the Pod needs",
        "wait a minute; if it lasts, check that the kubelet of {node} reaches the API server",
    ),
    ProblemKind.SECRET_PROVIDER_MISSING: ProblemWords(
        "the Secrets Store provider[ {provider}] does not run on the node",
        "check that the Pod of the Secrets Store provider[ {provider}] runs and is ready on {node}",
    ),
    ProblemKind.SECRET_STORE_FAILED: ProblemWords(
        "the secret store did not deliver its secrets",
        "check the SecretProviderClass, and the Pod's identity at the secret store",
    ),
    # Volumes
    ProblemKind.VOLUME_ATTACHED_ELSEWHERE: ProblemWords(
        "its volume[ {volume}] is still attached to another node",
        "stop what uses it[: Pod {other_pod}]; the node that has it: kubectl get volumeattachments",
    ),
    ProblemKind.VOLUME_ATTACHMENT_DELETING: ProblemWords(
        "its volume[ {volume}] is still being detached",
        "see the log of the volume's CSI controller, and: kubectl get volumeattachments",
    ),
    ProblemKind.ATTACH_TIMED_OUT: ProblemWords(
        "its volume[ {volume}] was not attached in time",
        "check that the CSI controller[ of {driver}] runs, and what its external-attacher logs",
    ),
    ProblemKind.ATTACH_LIMIT_REACHED: ProblemWords(
        "the node has as many volumes as it can attach",
        "use other nodes: {node} has as many volumes as it can attach",
    ),
    ProblemKind.STORAGE_UNAUTHORIZED: ProblemWords(
        "the storage driver lacks a permission for its volume[ {volume}]",
        "give the driver's account (its role at the cloud) the permission that its log names",
    ),
    ProblemKind.ATTACH_FAILED: ProblemWords(
        "its volume[ {volume}] could not be attached",
        "see the log of the volume's CSI controller, and: kubectl get volumeattachments",
    ),
    ProblemKind.CSI_DRIVER_MISSING: ProblemWords(
        "CSI driver[ {driver}] is not registered on the node",
        "check that the Pod of CSI driver[ {driver}] runs and is ready on {node}",
    ),
    ProblemKind.CSI_DRIVER_NOT_INSTALLED: ProblemWords(
        "CSI driver[ {driver}] has no CSIDriver object in the cluster",
        "install CSI driver[ {driver}] with its CSIDriver object, or correct the volume",
    ),
    ProblemKind.OWNERSHIP_CHANGE_SLOW: ProblemWords(
        "the kubelet is still changing the owner of the files in its volume (fsGroup)",
        "wait; set fsGroupChangePolicy: OnRootMismatch, so that it is not done each time",
    ),
    ProblemKind.STORAGE_DRIVER_BUSY: ProblemWords(
        "the storage driver was still busy with its volume[ {volume}]",
        "wait; if it lasts, look at the storage driver's Pod on {node} and the storage behind it",
    ),
    ProblemKind.STORAGE_DEVICE_BUSY: ProblemWords(
        "the device of its volume[ {volume}] is in use on the node",
        "find what holds the volume's device on {node}: multipathd, LVM, an old mount",
    ),
    ProblemKind.STORAGE_UNREACHABLE: ProblemWords(
        "the node cannot reach the storage of its volume[ {volume}]",
        "check that {node} reaches the storage server: name, port, firewall",
    ),
    ProblemKind.STORAGE_DISCONNECTED: ProblemWords(
        "a mount of its volume[ {volume}] on the node is dead",
        "restart the storage driver's Pod on {node}, then delete this Pod",
    ),
    ProblemKind.VOLUME_MISSING: ProblemWords(
        "the disk or share behind its volume[ {volume}] does not exist",
        "check that the disk or share still exists at the storage provider: kubectl describe pv",
    ),
    ProblemKind.LOCAL_PATH_MISSING: ProblemWords(
        "the directory[ {path}] of its local volume[ {volume}] is not on the node",
        "mount the disk[ of {path}] again on {node}, or make a new PersistentVolume",
    ),
    ProblemKind.VOLUME_MODE_WRONG: ProblemWords(
        "its volume[ {volume}] has another volumeMode than it is used with",
        "use volumeDevices for volumeMode Block, volumeMounts for Filesystem; or correct the claim",
    ),
    ProblemKind.VOLUME_PERMISSION_DENIED: ProblemWords(
        "the storage of its volume[ {volume}] denies access",
        "check rights at the volume's storage (export, owner, fsGroup), and SELinux on {node}",
    ),
    ProblemKind.FILE_SYSTEM_DAMAGED: ProblemWords(
        "the file system of its volume[ {volume}] is damaged or of another type",
        "check fsType and the volume's file system (fsck) before anything writes to it",
    ),
    ProblemKind.MOUNT_HELPER_MISSING: ProblemWords(
        "the node lacks the program or kernel module to mount its volume[ {volume}]",
        "install the mount helper on {node} (nfs-common, cifs-utils …) or its kernel module",
    ),
    ProblemKind.VOLUME_NOT_GROWN: ProblemWords(
        "its volume[ {volume}] was resized, and its file system cannot be grown to that size",
        "check the volume's file system (fsck, free space), and its driver's log on {node}",
    ),
    ProblemKind.KERNEL_MODULE_MISSING: ProblemWords(
        "the kernel of the node lacks the module[ {module}] that this needs",
        "load kernel module[ {module}] on {node} (modprobe), or use nodes that have it",
    ),
    ProblemKind.VOLUME_FEATURE_UNSUPPORTED: ProblemWords(
        "the kernel of the node lacks a feature that its volume[ {volume}] has",
        "use a newer kernel on {node}, or a StorageClass without that feature (imageFeatures)",
    ),
    ProblemKind.VOLUME_SETUP_FAILED: ProblemWords(
        "its volume[ {volume}] could not be mounted",
        "look at the storage of volume[ {volume}] and its driver's Pod on {node}",
    ),
    ProblemKind.VOLUMES_AWAITED: ProblemWords(
        "its volume[ {volume}] was not ready in time",
        "[see Events FailedMount and FailedAttachVolume: ]{describe}",
    ),
    # Network of a Pod
    ProblemKind.NETWORK_DEFINITION_MISSING: ProblemWords(
        "NetworkAttachmentDefinition[ {definition}] does not exist[ in namespace {in_namespace}]",
        "create NetworkAttachmentDefinition[ {definition}], or correct the annotation of the Pod "
        "that names it",
    ),
    ProblemKind.NO_IP_ADDRESS: ProblemWords(
        "the network plug-in[ {plugin}] has no IP address left for it",
        "add Pod IP addresses (subnet, IP pool, range of {node}), or run fewer Pods there",
    ),
    ProblemKind.NETWORK_ADDRESS_TAKEN: ProblemWords(
        "the IP address[ {address}] that the network plug-in chose for it is in use already",
        "find what else has that address: an address that leaked, another machine, a second pool",
    ),
    ProblemKind.NETWORK_PLUGIN_NOT_READY: ProblemWords(
        "the network plug-in[ {plugin}] is not ready on the node",
        "check that the network plug-in's Pod[ ({plugin})] runs and is ready on {node}",
    ),
    ProblemKind.NETWORK_PLUGIN_MISSING: ProblemWords(
        "CNI plug-in[ {plugin}] is not installed on the node",
        "install CNI plug-in[ {plugin}] in /opt/cni/bin of {node}, or look at the Pod that should",
    ),
    ProblemKind.NETWORK_PLUGIN_CUT_OFF: ProblemWords(
        "the network plug-in[ {plugin}] of the node cannot reach the API server",
        "check that {node} reaches the API server's Service: kube-proxy, firewall",
    ),
    ProblemKind.NETWORK_BRIDGE_OUTDATED: ProblemWords(
        "a network bridge of the node[, {bridge},] has an address of another Pod range",
        "on {node}: ip link delete[ {bridge}]; the network plug-in makes it again",
    ),
    ProblemKind.NETWORK_PLUGIN_UNAUTHORIZED: ProblemWords(
        "the network plug-in[ {plugin}] of the node was refused by the API server (Unauthorized)",
        "restart the network plug-in's Pod[ ({plugin})] on {node}, so that it gets new credentials",
    ),
    ProblemKind.NETWORK_PLUGIN_FAILED: ProblemWords(
        "the network plug-in[ {plugin}] could not set up its network",
        "look at the log of the network plug-in's Pod[ ({plugin})] on {node}",
    ),
    # Windows
    ProblemKind.WINDOWS_VERSION_MISMATCH: ProblemWords(
        "its image is for another Windows build than the node's",
        "use an image of the Windows build of {node}, or nodes of the image's build",
    ),
    ProblemKind.WINDOWS_CONTAINER_STOPPED: ProblemWords(
        "Windows had stopped it, or its host service was restarted",
        "look for a restart of the Windows host service (hcs) on {node}",
    ),
    ProblemKind.WINDOWS_OUT_OF_MEMORY: ProblemWords(
        "the Windows node has too little memory or too small a paging file",
        "run fewer Pods on {node}, set memory requests, or enlarge its paging file",
    ),
    ProblemKind.WINDOWS_COMPUTE_FAILED: ProblemWords(
        "the Windows host service failed",
        "look at the Windows host services (hcs, hns) on {node}",
    ),
    # Images
    ProblemKind.SANDBOX_IMAGE_FAILED: ProblemWords(
        "the node cannot pull the runtime's own sandbox image[ {sandbox_image}]",
        "check sandbox_image in the runtime's configuration on {node}, and that registry",
    ),
    ProblemKind.IMAGE_NAME_AMBIGUOUS: ProblemWords(
        "its image name has no registry, and the node cannot choose one",
        "write the whole image name with its registry, such as docker.io/library/…",
    ),
    ProblemKind.IMAGE_NAME_INVALID: ProblemWords(
        "its image name is not valid",
        "correct the image name of {subject}: registry/repository:tag, lower case",
    ),
    ProblemKind.IMAGE_NOT_PRESENT: ProblemWords(
        "its image is not on the node, and its imagePullPolicy is Never",
        "load {image} on {node}, or change imagePullPolicy",
    ),
    ProblemKind.IMAGE_NOT_FOUND: ProblemWords(
        "the registry[ {registry}] does not have this image or tag",
        "correct the name or tag of {image}, or push it",
    ),
    ProblemKind.IMAGE_UNAUTHORIZED: ProblemWords(
        "the registry[ {registry}] refused access to the image",
        "check imagePullSecrets and rights for {image}; a wrong name looks the same",
    ),
    ProblemKind.IMAGE_REFUSED_BY_POLICY: ProblemWords(
        "a policy of the registry forbids pulling this image",
        "look at the registry's policy and scan of {image}: fix the image, or allow it there",
    ),
    ProblemKind.IMAGE_RATE_LIMITED: ProblemWords(
        "the registry[ {registry}] refused: too many requests (rate limit)",
        "wait, or pull with an account (imagePullSecrets) or through a mirror",
    ),
    ProblemKind.IMAGE_PULL_THROTTLED: ProblemWords(
        "the kubelet pulls more images than its own limit allows",
        "wait: {node} pulls many images; see registryPullQPS of its kubelet",
    ),
    ProblemKind.IMAGE_PULL_SECRET_MISSING: ProblemWords(
        "its imagePullSecret[ {secret}] could not be read",
        "create Secret[ {secret}] in namespace {namespace}, or correct imagePullSecrets",
    ),
    ProblemKind.IMAGE_PLATFORM_MISSING: ProblemWords(
        "its image does not exist for the node's architecture or operating system",
        "build or choose {image} for the architecture and OS of {node}",
    ),
    ProblemKind.IMAGE_SIGNATURE_REJECTED: ProblemWords(
        "its image has no signature that the node accepts",
        "sign {image}, or correct the signature policy (policy.json) of {node}",
    ),
    ProblemKind.IMAGE_FORMAT_UNSUPPORTED: ProblemWords(
        "its image has a format that the node's runtime does not support",
        "rebuild {image} with a current builder, and push it again",
    ),
    ProblemKind.IMAGE_DAMAGED: ProblemWords(
        "its image arrived damaged",
        "push {image} again, or look at the registry's mirror or cache",
    ),
    ProblemKind.IMAGE_STORE_DAMAGED: ProblemWords(
        "the node's store of images is damaged",
        "remove the image on {node} (crictl rmi), then let it be pulled again",
    ),
    ProblemKind.IMAGE_DOWNLOAD_BROKEN_OFF: ProblemWords(
        "the download of its image broke off",
        "wait: it is tried again; if it lasts, look at network and proxy of {node} to the registry",
    ),
    ProblemKind.IMAGE_NOT_UNPACKED: ProblemWords(
        "the node could not unpack its image",
        "pull {image} with crictl on {node}, and elsewhere: is it the image, or this node?",
    ),
    ProblemKind.IMAGE_PULL_TIMED_OUT: ProblemWords(
        "the pull was given up: it took too long",
        "look at the size of {image}, and at network and disk of {node}",
    ),
    ProblemKind.REGISTRY_NAME_UNKNOWN: ProblemWords(
        "the node cannot resolve the registry's name[ {registry}]",
        "check the registry's name in {image}, and the DNS of {node}",
    ),
    ProblemKind.REGISTRY_PROXY_FAILED: ProblemWords(
        "the proxy between node and registry does not answer",
        "check the proxy that the container runtime of {node} uses (HTTPS_PROXY, NO_PROXY)",
    ),
    ProblemKind.REGISTRY_UNREACHABLE: ProblemWords(
        "the node cannot reach the registry[ {registry}]",
        "check that {node} reaches the registry: DNS, proxy, firewall",
    ),
    ProblemKind.REGISTRY_CERTIFICATE_EXPIRED: ProblemWords(
        "the certificate of the registry[ {registry}] has expired or is not valid yet",
        "renew the registry's certificate; or set the clock of {node}, if that is wrong",
    ),
    ProblemKind.REGISTRY_CERTIFICATE_REFUSED: ProblemWords(
        "the node does not trust the certificate of the registry[ {registry}]",
        "add the CA of the registry's certificate on {node}, or use a name that it has",
    ),
    ProblemKind.REGISTRY_WITHOUT_TLS: ProblemWords(
        "the registry[ {registry}] speaks plain HTTP, but the node uses HTTPS",
        "serve the registry with HTTPS, or allow plain HTTP for it in the runtime of {node}",
    ),
    ProblemKind.REGISTRY_ANSWERS_WEB_PAGE: ProblemWords(
        "what answers for the registry sent a web page, and no image",
        "check the address of {image}, and the proxy or mirror of {node}: a login page may answer",
    ),
    ProblemKind.REGISTRY_FAILED: ProblemWords(
        "the registry[ {registry}] answered with an error",
        "look at the registry, or wait: the kubelet tries again",
    ),
}
"""What to say of each kind of problem."""
