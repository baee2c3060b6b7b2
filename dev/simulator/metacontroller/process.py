"""The Metacontroller process: what its controllers share, and how it starts and is killed."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from dev.simulator.client import Client, Network
from dev.simulator.events import EventRecorder
from dev.simulator.gojson import dumps
from dev.simulator.metacontroller.decorator import DecoratorController
from dev.simulator.metacontroller.definition import Definition
from dev.simulator.metacontroller.hooks import HookCaller
from dev.simulator.metacontroller.informers import InformerFactory
from dev.simulator.objects import Object, uid_of, version_of
from dev.simulator.scheduling import Clock
from dev.simulator.timing import TokenBucket
from dev.simulator.webhooks import Transport

_ENCODED_OBJECTS = 20_000  # how many are kept as text: a storm sends the same ones often


@dataclass(frozen=True)
class Flags:
    """Metacontroller's flags.

    The defaults are those of our metacontroller-flags component; Metacontroller's own are 5
    workers, 5 requests a second with bursts of 10, and 30 minutes.

    Attributes:
        workers: of each controller.
        qps: requests a second to the API server.
        burst: of requests.
        cache_flush_interval: seconds between resyncs of all informers. In spite of the flag's name
            and help nothing is listed again (client-go's resync).
    """

    workers: int = 20
    qps: float = 500.0
    burst: int = 1000
    cache_flush_interval: float = 600.0


class Metacontroller:
    """A running Metacontroller, from its start to its death; another start is another object.

    Attributes:
        controllers: its DecoratorControllers.
        informers: its caches.
    """

    def __init__(
        self,
        network: Network,
        clock: Clock,
        definitions: Sequence[Definition],
        transport: Transport,
        flags: Flags,
    ) -> None:
        """Start it.

        Raises:
            ValueError: a definition names a kind that does not exist.
        """
        scheduler = network.scheduler
        limiter = TokenBucket(scheduler, flags.qps, flags.burst)
        client = Client(network, "metacontroller", limiter)
        encode = _Encoder()
        caller = HookCaller(scheduler, clock, transport)
        self.informers = InformerFactory(client, flags.cache_flush_interval)
        # client-go's Events have a client, and a limit, of their own.
        events = Client(network, "metacontroller", TokenBucket(scheduler, flags.qps, flags.burst))
        self._recorder = EventRecorder(events, clock, "metacontroller")
        self.controllers = [
            DecoratorController(definition, client, self.informers, caller, encode)
            for definition in definitions
        ]
        for controller in self.controllers:
            controller.start(self._recorder, flags.workers)

    @property
    def idle(self) -> bool:
        """Whether no event, sync or retry is under way; requested deadlines may be."""
        return all(informer.synced and informer.idle for informer in self.informers.all) and all(
            controller.queue.idle for controller in self.controllers
        )

    def stop(self) -> None:
        """Die, in the middle of whatever is under way; requests already sent are executed."""
        for controller in self.controllers:
            controller.stop()
        self.informers.stop()
        self._recorder.stop()


class _Encoder:
    """Writes objects as JSON, and caches the latest: an object of one version never changes."""

    def __init__(self) -> None:
        self._texts: OrderedDict[tuple[str, str], str] = OrderedDict()

    def __call__(self, obj: Object) -> str:
        key = (uid_of(obj), version_of(obj))
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = dumps(obj)
            if len(self._texts) > _ENCODED_OBJECTS:
                self._texts.popitem(last=False)
        return text
