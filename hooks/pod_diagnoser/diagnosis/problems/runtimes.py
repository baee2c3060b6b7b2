"""Container runtimes other than the usual: virtual machines, sandboxes of their own, Windows."""

from typing import Final

from pod_diagnoser.diagnosis.problem_words import ProblemKind
from pod_diagnoser.diagnosis.problems.rule import CONTAINERD, CRIO, CRUN, KUBELET, RUNC, rows

RUNTIMES_OWN: Final = (
    *rows(
        ProblemKind.VIRTUALIZATION_MISSING,
        "qemu accel/kvm (kvm_init), kata-containers src/runtime/virtcontainers",
        "could not access kvm kernel module",
        "failed to initialize kvm",
    ),
    *rows(
        ProblemKind.RESOLV_CONF_MISSING,
        KUBELET + "network/dns/dns.go (GetPodDNS, parseResolvConf)",
        " pod sandbox: open / … resolv.conf: no such file or directory",
    ),
    *rows(
        ProblemKind.RUNTIME_PROGRAM_MISSING,
        "containerd contrib/apparmor, runc libcontainer/configs (Command.Run): programs that the "
        "runtime runs itself",
        'apparmor_parser version: exec: ""',
        "load apparmor profile … executable file not found",
        "error running … hook … fork/exec … no such file or directory",
    ),
    *rows(
        ProblemKind.RUNTIME_MOUNT_FAILED,
        RUNC + "rootfs_linux.go (mountToRootfs), " + CRUN + "linux.c (do_mount): what each "
        "container gets, and no volume",
        "mounting kernel-file-system to rootfs",
        "mount kernel-file-system to",
    ),
)
"""What such a runtime says of itself."""

RUNTIME_HANDLER: Final = (
    *rows(
        ProblemKind.RUNTIME_CLASS_MISSING,
        "apimachinery pkg/api/errors (NewNotFound) for RuntimeClasses; kubelet runtimeclass",
        'runtimeclass.node.k8s.io "" not found',
        'runtimeclass "" not found',
    ),
    *rows(
        ProblemKind.RUNTIME_PROGRAM_MISSING,
        "containerd go-runc (extractRuntimeError), cmd/containerd-shim-runc-v2",
        "unable to retrieve oci runtime error … no such file or directory): fork/exec",
        "unable to retrieve oci runtime error … executable file not found in $path",
    ),
    *rows(
        ProblemKind.RUNTIME_HANDLER_UNKNOWN,
        CONTAINERD + "config/config.go (GetSandboxRuntime); cri-dockerd core (IsRuntimeConfigured)",
        'no runtime for "" is configured',
    ),
    *rows(
        ProblemKind.RUNTIME_HANDLER_UNKNOWN,
        CRIO + "internal/oci/oci.go (ValidateRuntimeHandler)",
        "failed to find runtime handler",
        "empty runtime path for runtime handler",
    ),
    *rows(
        ProblemKind.RUNTIME_HANDLER_UNKNOWN,
        "containerd core/runtime/v2/shim_manager.go (resolveRuntimePath)",
        'runtime "" binary not installed',
    ),
    *rows(
        ProblemKind.RUNTIME_HANDLER_UNKNOWN,
        "moby daemon; " + KUBELET + "runtimeclass/runtimeclass_manager.go (LookupRuntimeHandler)",
        "unknown or invalid runtime name",
        "unknown runtime specified",
        'runtimehandler "" not supported',
        "failed to get runtimeclass",
    ),
)
"""What says that a node does not have the runtime that a Pod asks for."""

WINDOWS: Final = (
    *rows(
        ProblemKind.WINDOWS_VERSION_MISMATCH,
        "hcsshim internal/hcs (0xc0370101), moby distribution (checkImageCompatibility)",
        "the container operating system does not match the host operating system",
        "(0xc0370101)",
        "a windows version … is incompatible with a",
        "no matching manifest for windows/",
    ),
    *rows(
        ProblemKind.WINDOWS_OUT_OF_MEMORY,
        "Windows system errors 0x5af, 0x5aa, 0x8 in hcsshim",
        "the paging file is too small for this operation to complete",
        "insufficient system resources exist to complete the requested service",
        "not enough memory resources are available to process this command",
    ),
    *rows(
        ProblemKind.WINDOWS_CONTAINER_STOPPED,
        "hcsshim internal/hcs/errors.go (ErrVmcompute…, ErrProcessAlreadyStopped)",
        "(0xc0370105)",
        "(0xc0370106)",
        "(0xc037010e)",
        "(0xc0370110)",
        "(0x80370105)",
        "(0x80370110)",
        "(0x8037011f)",
        ": unexpected container exit",
        "lost communication with compute service",
    ),
    *rows(
        ProblemKind.EXECUTABLE_NOT_FOUND,
        "hcsshim internal/hcs/system.go (CreateProcess): Windows errors 2 and 3",
        "createprocess … the system cannot find the file specified",
        "createprocess … the system cannot find the path specified",
    ),
    *rows(
        ProblemKind.NETWORK_PLUGIN_FAILED,
        "hcsshim hcn, internal/hns (HNSResponse)",
        "hns failed with error",
        "hnscall failed in win32",
        "hcncreateendpoint failed",
    ),
    *rows(
        ProblemKind.WINDOWS_COMPUTE_FAILED,
        "hcsshim errors.go, internal/hcs/system.go, service.go",
        "hcs::",
        "failure in a windows system call: ",
        "hcsshim: timeout waiting for notification",
    ),
)
"""What Windows nodes say."""
