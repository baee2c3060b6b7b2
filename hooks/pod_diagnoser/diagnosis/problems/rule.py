"""A row of the table of problems, and the names of the sources whose words are in it."""

from dataclasses import dataclass
from typing import Final

from pod_diagnoser.diagnosis.problem_words import ProblemKind

KUBELET: Final = "kubernetes pkg/kubelet/"
VOLUME: Final = "kubernetes pkg/volume/"
RUNC: Final = "runc libcontainer/"
CRUN: Final = "crun src/libcrun/"
CONTAINERD: Final = "containerd internal/cri/"
CRIO: Final = "cri-o "
CNI: Final = "containernetworking "
SCHEDULER: Final = "kubernetes pkg/scheduler/framework/plugins/"


@dataclass(frozen=True, slots=True)
class ProblemRule:
    """A row of the table of problems.

    Attributes:
        kind: what is wrong.
        pattern: the text that proves it (see `pod_diagnoser.diagnosis.problem_rules`).
        source: where the text is made.
        pull_only: whether it proves it only in a message about pulling an image, since it may mean
            something else anywhere else.
    """

    kind: ProblemKind
    pattern: str
    source: str
    pull_only: bool = False


def rows(
    kind: ProblemKind, source: str, *patterns: str, pull_only: bool = False
) -> tuple[ProblemRule, ...]:
    """Return a row for each of the patterns that prove a kind of problem.

    Args:
        kind: what is wrong.
        source: where the texts are made.
        patterns: the texts.
        pull_only: whether they prove it only in a message about pulling an image.
    """
    return tuple(ProblemRule(kind, pattern, source, pull_only) for pattern in patterns)
