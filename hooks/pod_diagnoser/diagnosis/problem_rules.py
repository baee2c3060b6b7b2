"""What proves which kind of problem: the table of the words in messages. Pure.

`PROBLEM_RULES` is one ordered table: the first row whose pattern occurs in a message names the kind
of problem (`problem_words`). Its rows are in `problems`, by what they are about; so are those of
`problems.scheduling.SCHEDULING_RULES`, for the reasons that the scheduler gives for its nodes.

A pattern is plain text. It is looked for in a message that `messages` has made lower-case, with
single spaces, spaces at both ends, and with what stands between quotation marks taken out where it
is a name (no spaces): `configmap "" not found`; a few names that mean something have a word instead
(`message_text.NAMED`). ` … ` stands for any text between two parts. Parts
with a space, or a quotation mark, cannot be imitated by the name of an image, Pod or volume. One
word of a pattern, the rarest in the table, has to stand in the message as a whole word.
"""

from typing import Final

from pod_diagnoser.diagnosis.problems import (
    admission,
    devices,
    images,
    limits,
    network,
    node,
    references,
    runtimes,
    scheduling,
    start,
    storage,
    volumes,
)

PROBLEM_RULES: Final = (
    *scheduling.SCHEDULED,
    *admission.REFUSED,
    *limits.LIMITS,
    *devices.DEVICES,
    *runtimes.RUNTIMES_OWN,
    *runtimes.RUNTIME_HANDLER,
    *runtimes.WINDOWS,
    *storage.NODE_DISK,
    *storage.STORAGE,
    *references.MISSING,
    *volumes.ATTACH,
    *volumes.MOUNTS,
    *images.REFUSED_IMAGES,
    *network.NETWORK,
    *images.PULLS,
    *start.EXEC,
    *node.NODE,
    *images.IMAGES_BY_ID,
    *node.TIMEOUTS,
)
"""The table of problems, most specific first: what a message proves where no row above does."""

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
