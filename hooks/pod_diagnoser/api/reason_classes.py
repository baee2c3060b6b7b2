"""Reason classes: what kind of thing a program says it ended of.

A cause (`pod_diagnoser.api.causes`) is what Kubernetes proves; a reason class is read from the
program's own words, so it only ever stands beside a cause.
"""

from enum import StrEnum


class ReasonClass(StrEnum):
    """The classes that annotations, status and Events use, in CamelCase as Kubernetes' reasons."""

    MISSING_CONFIGURATION = "MissingConfiguration"
    INVALID_CONFIGURATION = "InvalidConfiguration"
    DEPENDENCY_UNREACHABLE = "DependencyUnreachable"
    NAME_RESOLUTION = "NameResolution"
    AUTHENTICATION_FAILED = "AuthenticationFailed"
    TLS_FAILURE = "TLSFailure"
    PORT_IN_USE = "PortInUse"
    PERMISSION_DENIED = "PermissionDenied"
    FILE_NOT_FOUND = "FileNotFound"
    DISK_FULL = "DiskFull"
    # The runtime's own heap; what the kernel kills is a cause.
    MEMORY_EXHAUSTED = "MemoryExhausted"
    # Open files, threads, vm.max_map_count
    RESOURCE_LIMIT = "ResourceLimit"
    TIME_LIMIT = "TimeLimit"
    MISSING_MODULE = "MissingModule"
    WRONG_ARCHITECTURE = "WrongArchitecture"
    VERSION_MISMATCH = "VersionMismatch"
    DATA_CORRUPT = "DataCorrupt"
    LOCK_HELD = "LockHeld"
    SCHEMA_MIGRATION = "SchemaMigration"
    LEADER_ELECTION_LOST = "LeaderElectionLost"
    UNCAUGHT_EXCEPTION = "UncaughtException"
    ASSERTION_OR_PANIC = "AssertionOrPanic"
    NATIVE_CRASH = "NativeCrash"
    # Not a failure: a signal or a request made it end.
    ASKED_TO_STOP = "AskedToStop"
    # The output does not explain the end.
    NOTHING = "Nothing"
