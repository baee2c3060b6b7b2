"""Disks of a node and what storage is made of, whatever a volume is."""

from typing import Final

from pod_diagnoser.diagnosis.problem_words import ProblemKind
from pod_diagnoser.diagnosis.problems.rule import rows

NODE_DISK: Final = (
    *rows(
        ProblemKind.NODE_DISK_FAILED,
        "errno(3): EIO, EROFS, EUCLEAN, where the runtime keeps images and containers",
        "input/output error",
        "read-only file system",
        "structure needs cleaning",
        pull_only=True,
    ),
    *rows(
        ProblemKind.NODE_DISK_FAILED,
        "errno(3): EIO, EROFS; containerd core/mount (WithTempMount), snapshots",
        "mount callback failed … input/output error",
        "/var/lib/containerd/ … input/output error",
        "/var/lib/containerd/ … read-only file system",
    ),
)
"""What the disk of the node fails with."""

STORAGE: Final = (
    *rows(
        ProblemKind.VOLUME_NOT_GROWN,
        "kubernetes pkg/volume/util/operationexecutor (expandVolumeDuringMount)",
        "setup failed while expanding volume",
        "expander.nodeexpand failed to expand",
    ),
    *rows(
        ProblemKind.STORAGE_DEVICE_BUSY,
        "errno(3): EBUSY; mount(8), mkfs(8)",
        "mountvolume … resource busy",
        "mountvolume … mount point busy",
        "mountvolume … is apparently in use by the system",
    ),
    *rows(
        ProblemKind.STORAGE_DISCONNECTED,
        "errno(3): ENOTCONN of a FUSE mount, ESTALE of NFS",
        "transport endpoint is not connected",
        "stale file handle",
        "stale nfs file handle",
    ),
    *rows(
        ProblemKind.FILE_SYSTEM_DAMAGED,
        "mount(8), k8s.io/mount-utils mount_linux.go (formatAndMountSensitive, checkAndRepair…)",
        "structure needs cleaning",
        "wrong fs type, bad option, bad superblock on /dev/",
        "can't read superblock",
        "'fsck' found errors on device",
        "unexpected inconsistency; run fsck manually",
        "failed to mount the volume as … it already contains",
        "mountvolume … input/output error",
        "mapvolume … input/output error",
        'mounting "" to rootfs … input/output error',
        'error mounting "" … input/output error',
        "mount `` to `` … input/output error",
    ),
    *rows(
        ProblemKind.MOUNT_HELPER_MISSING,
        "mount(8): helper programs; k8s.io/mount-utils mount_linux.go",
        "you might need a /sbin/mount.",
        "rpc.statd is not running",
        "unknown filesystem type",
        "mountvolume … executable file not found in $path",
        "mount.cifs: not found",
    ),
    *rows(
        ProblemKind.VOLUME_PERMISSION_DENIED,
        "nfs-utils mount.nfs, cifs-utils mount.cifs",
        "access denied by server while mounting",
        "mount error(13): permission denied",
        "mount.nfs: operation not permitted",
    ),
    *rows(
        ProblemKind.VOLUME_MISSING,
        "nfs-utils mount.nfs, cifs-utils mount.cifs: ENOENT of the server",
        "reason given by server: no such file or directory",
        "mount error(2): no such file or directory",
    ),
    *rows(
        ProblemKind.STORAGE_UNREACHABLE,
        "nfs-utils mount.nfs, cifs-utils mount.cifs, open-iscsi iscsiadm",
        "mount.nfs … timed out",
        "mount.nfs … connection refused",
        "mount.nfs … no route to host",
        "mount.nfs: failed to resolve server",
        'mountvolume … output: failed to resolve ""',
        "mount.nfs … requested nfs version or transport protocol is not supported",
        "mount error(110)",
        "mount error(113)",
        "mount error(111)",
        "mount error(112)",
        "mount error(115)",
        "mount error: could not resolve address",
        "iscsiadm: cannot make connection to",
        "iscsiadm: no records found",
    ),
)
"""What file systems, network storage and its servers fail with."""
