"""What the kubelet needs of a container runtime and of the network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dev.simulator.objects import Object

SIGNAL_OFFSET = 128
"""Exit code of a process that a signal ended: this and the signal's number."""


@dataclass(frozen=True)
class Exit:
    """How a container's process ended.

    Attributes:
        code: exit code, or minus the signal's number as subprocess.Popen has it.
        reason: what the runtime says; "" is Completed for exit code 0 and Error otherwise.
        message: termination message, "" for none.
    """

    code: int
    reason: str = ""
    message: str = ""

    @property
    def exit_code(self) -> int:
        """The exit code as Kubernetes reports it: a signal is 128 + n."""
        return SIGNAL_OFFSET - self.code if self.code < 0 else self.code


class StartError(Exception):
    """The runtime could not start the container; the message is the runtime's."""


class ImageError(Exception):
    """The container's image is missing; the message is the kubelet's or the registry's.

    Attributes:
        reason: ErrImagePull, which is tried again after a back-off, or ErrImageNeverPull.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    @classmethod
    def absent(cls, container: Object, answer: str) -> "ImageError":
        """Say that an image is not there.

        Args:
            container: the container, of spec.containers.
            answer: the registry's answer, if it is queried.
        """
        if container.get("imagePullPolicy") != "Never":
            return cls("ErrImagePull", answer)
        text = f'Container image "{container["image"]}" is not present with pull policy of Never'
        return cls("ErrImageNeverPull", text)


class Process(Protocol):
    """A container that runs."""

    def signal(self, number: int) -> None:
        """Send a signal to the main process."""


class Runtime(Protocol):
    """Starts containers."""

    def start(self, pod: Object, container: Object, exited: Callable[[Exit], None]) -> Process:
        """Start a container.

        Args:
            pod: the Pod.
            container: the container, of spec.containers.
            exited: called once, on the scheduler, when the main process is gone.

        Raises:
            ImageError: there is no image.
            StartError: it does not start.
        """

    def execute(
        self,
        pod: Object,
        container: Object,
        command: Sequence[str],
        done: Callable[[int, str], None],
    ) -> None:
        """Run a command in a container that runs, and call back, on the scheduler.

        Args:
            pod: the Pod.
            container: the container.
            command: program and arguments.
            done: called once, with exit code and output.
        """


class Prober(Protocol):
    """Executes probes."""

    def ask(
        self, pod: Object, container: Object, probe: Object, done: Callable[[str | None], None]
    ) -> None:
        """Execute a probe and call back, on the scheduler: None, or how it failed."""
