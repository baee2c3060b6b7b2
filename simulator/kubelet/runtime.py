"""What the kubelet needs of a container runtime and of the network."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from simulator.objects import Object

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
            StartError: it does not start.
        """


class Prober(Protocol):
    """Asks a container how it is."""

    def get(
        self, pod: Object, container: Object, probe: Object, done: Callable[[bool], None]
    ) -> None:
        """Carry out an HTTP probe and call back, on the scheduler, whether it succeeded."""
