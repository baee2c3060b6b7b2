"""Which class the words of a program belong to. Pure."""

import re
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass

_WORDS: Final = (
    (ReasonClass.DISK_FULL, r"ENOSPC|no space left on device|disk quota exceeded"),
    (
        ReasonClass.PORT_IN_USE,
        r"EADDRINUSE|address already in use|port \d{1,5} (?:is|was) already (?:in use|allocated)",
    ),
    (ReasonClass.TLS_FAILURE, r"x509: |certificate verify failed|SSLHandshakeException"),
    (ReasonClass.AUTHENTICATION_FAILED, r"password authentication failed|access denied for user"),
    (
        ReasonClass.NAME_RESOLUTION,
        (
            r"ENOTFOUND|EAI_AGAIN|UnknownHostException|no such host|name or service not known"
            r"|temporary failure in name resolution|host not found in upstream"
        ),
    ),
    (ReasonClass.DEPENDENCY_UNREACHABLE, r"ECONNREFUSED|connection refused|connection timed out"),
    (ReasonClass.PERMISSION_DENIED, r"EACCES|EPERM|permission denied|operation not permitted"),
    (
        ReasonClass.MISSING_MODULE,
        r"ModuleNotFoundError|no module named|cannot find module|ClassNotFoundException",
    ),
    (ReasonClass.MISSING_CONFIGURATION, r"KeyError: '[A-Z][A-Z0-9_]{2,64}'|unbound variable"),
    (ReasonClass.FILE_NOT_FOUND, r"ENOENT|no such file or directory|FileNotFound"),
)

_JOINED: Final = tuple((name, re.compile(words, re.IGNORECASE)) for name, words in _WORDS)


def classify(text: str) -> ReasonClass | None:
    """Return the class that the words of a text tell, or None where they tell none."""
    for name, pattern in _JOINED:
        if pattern.search(text):
            return name
    return None
