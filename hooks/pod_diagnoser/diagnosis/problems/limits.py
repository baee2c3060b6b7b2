"""Limits that are too low for a container to start, and what the node has no more of."""

from typing import Final

from pod_diagnoser.diagnosis.problem_words import ProblemKind
from pod_diagnoser.diagnosis.problems.rule import CRIO, CRUN, RUNC, rows

LIMITS: Final = (
    *rows(
        ProblemKind.MEMORY_LIMIT_TOO_LOW,
        RUNC + "process_linux.go (initProcess.start, setnsProcess.start)",
        "init was oom-killed",
        "(memory limit too low?)",
        "(possibly oom-killed)",
    ),
    *rows(
        ProblemKind.START_KILLED,
        RUNC + "process_linux.go (initProcess.start): what a kill in its middle leaves",
        "can't get final child's pid from pipe: eof",
        "getting the final child's pid from pipe caused … eof",
        "read init-p: connection reset by peer",
        "cannot start a stopped process",
        "cannot start a container that has stopped",
        "exec fifo is empty",
        "write child: broken pipe",
        "write init-p: broken pipe",
    ),
    *rows(
        ProblemKind.MEMORY_LIMIT_TOO_LOW,
        CRUN + "container.c (wait_for_container_init…), cgroup-resources.c (write_memory)",
        "the memory limit could be too low",
        "cannot set the memory limit lower than its current usage",
    ),
    *rows(
        ProblemKind.MEMORY_LIMIT_TOO_LOW,
        "opencontainers/cgroups fs/memory.go (setMemory), fs2/fs2.go (CheckMemoryUsage)",
        "unable to set memory limit to … (current usage: ",
        "rejecting memory limit … <= usage",
        "memory.limit_in_bytes: device or resource busy",
        "memory.max: device or resource busy",
    ),
    *rows(
        ProblemKind.MEMORY_LIMIT_TOO_LOW,
        CRIO + "internal/config/cgmgr/cgmgr_linux.go (VerifyMemoryIsEnough)",
        "set memory limit … too low; should be at least",
        "cannot decrease memory limit to",
    ),
    *rows(
        ProblemKind.MEMORY_LIMIT_TOO_LOW,
        "moby daemon/daemon_unix.go (verifyPlatformContainerResources)",
        "minimum memory limit allowed is",
    ),
    *rows(
        ProblemKind.USER_NAMESPACE_UNSUPPORTED,
        "containerd pkg/netns, core/mount (a process in a new user namespace); unshare(2): ENOSPC "
        "for user.max_user_namespaces; containers/storage userns.go",
        "failed to start noop process for unshare",
        "not enough unused ids in user namespace",
        "cannot be mapped to a host id",
        "create mapped mount for",
    ),
    *rows(
        ProblemKind.KERNEL_KEYS_USED_UP,
        RUNC + "keys/keyctl.go (JoinSessionKeyring), " + CRUN + "linux.c (create keyring); "
        "keyrings(7): EDQUOT",
        "session key: disk quota exceeded",
        "session keyring: disk quota exceeded",
        "create keyring ``: disk quota exceeded",
    ),
    *rows(
        ProblemKind.CGROUP_FAILED,
        "opencontainers/cgroups fs2/create.go; cgroup(7): cgroup.max.descendants",
        " mkdir /sys/fs/cgroup/ … no space left on device",
        "cgroup … no space left on device",
    ),
    *rows(
        ProblemKind.CGROUP_FAILED,
        CRUN + "cgroup-systemd.c (enter_systemd_cgroup_scope)",
        "sd-bus call: ",
    ),
    *rows(
        ProblemKind.NODE_LIMIT_REACHED,
        "inotify(7), errno(3): EMFILE, EAGAIN, ENFILE; runc exec (Go runtime)",
        "inotify … no space left on device",
        "too many open files",
        "resource temporarily unavailable",
        "failed to create new os thread",
        "pthread_create failed",
    ),
    *rows(
        ProblemKind.DISK_FULL,
        "errno(3): ENOSPC, EDQUOT; Windows system errors 0x27, 0x70",
        "no space left on device",
        "disk quota exceeded",
        "there is not enough space on the disk",
    ),
)
"""What runtimes and the kernel say."""
