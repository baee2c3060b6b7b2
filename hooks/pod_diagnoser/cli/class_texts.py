"""What each reason class means, in words: for ``explain``. Pure."""

from collections.abc import Mapping
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass

CLASS_TEXTS: Final[Mapping[ReasonClass, str]] = {
    ReasonClass.MISSING_CONFIGURATION: "a setting that it needs is not there, such as a variable",
    ReasonClass.INVALID_CONFIGURATION: "a setting, an option or a configuration file is wrong",
    ReasonClass.DEPENDENCY_UNREACHABLE: "it could not connect to something that it needs",
    ReasonClass.NAME_RESOLUTION: "the name of a host could not be resolved (DNS)",
    ReasonClass.AUTHENTICATION_FAILED: "what it connects to refused its user, password or token",
    ReasonClass.TLS_FAILURE: "a certificate or the TLS handshake failed",
    ReasonClass.PORT_IN_USE: "the port that it listens on is in use already",
    ReasonClass.PERMISSION_DENIED: "the system did not allow it to use a file, a port or a call",
    ReasonClass.FILE_NOT_FOUND: "a file or a folder that it needs is not there",
    ReasonClass.DISK_FULL: "there was no space left on a disk or a volume",
    ReasonClass.MEMORY_EXHAUSTED: "its runtime's own heap was full; this is not the kernel's kill",
    ReasonClass.RESOURCE_LIMIT: "it met a limit of the system, such as that of open files",
    ReasonClass.TIME_LIMIT: "something took longer than a limit of its own",
    ReasonClass.MISSING_MODULE: "a module, class or library that it loads is not in the image",
    ReasonClass.WRONG_ARCHITECTURE: "a program or library is built for another processor",
    ReasonClass.VERSION_MISMATCH: "the versions of two parts do not fit together",
    ReasonClass.DATA_CORRUPT: "data that it read is damaged",
    ReasonClass.LOCK_HELD: "another process holds a lock that it needs",
    ReasonClass.SCHEMA_MIGRATION: "a database's schema does not fit, or its migration failed",
    ReasonClass.LEADER_ELECTION_LOST: "it lost the leadership among its replicas, and ended",
    ReasonClass.UNCAUGHT_EXCEPTION: "an exception that the program did not handle",
    ReasonClass.ASSERTION_OR_PANIC: "the program found that something was wrong, and ended itself",
    ReasonClass.NATIVE_CRASH: "native code crashed, as by an access to memory that is not its own",
    ReasonClass.ASKED_TO_STOP: "it says that it was asked to stop: that is no failure of its own",
    ReasonClass.NOTHING: "its output does not say why it ended",
}
"""A class is read from words, so a text says what the program said, not what is proved."""

_BY_NAME: Final = {each.value.lower(): each for each in ReasonClass}


def find_class(text: str) -> ReasonClass | None:
    """Return the class of a name, in upper or lower case; None if there is none."""
    return _BY_NAME.get(text.lower())
