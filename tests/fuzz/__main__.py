"""Searches for bad input, guided by coverage: ``make fuzz SECONDS=60``, ``make fuzz INPUT=file``.

atheris (libFuzzer) keeps what reaches new branches of the hook, and changes that further. It
changes requests by their structure (`tests.fuzz.mutating`), and by their bytes now and then. What
fails is written to the corpus' folder, and can be sent again as INPUT; it is to become a test in
``tests/http/test_fuzz_found.py``.

An input is a byte that says which endpoint and how many things go wrong in the cluster, eight that
seed what is done there, and the body. Only the hook's own modules are instrumented: of pydantic's
core, which is not written in Python, nothing would be seen.
"""

import json
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

try:
    import atheris  # type: ignore[import-untyped]
except ImportError:
    sys.exit("make fuzz needs atheris: Linux on x86-64, and a Python from 3.11 to 3.13")

with atheris.instrument_imports(include=["pod_diagnoser"], enable_loader_override=False):
    from pod_diagnoser.server.settings import Settings
    from tests.fuzz.hostile import HostileApi, planned
    from tests.fuzz.mutating import Mutator, seeded
    from tests.fuzz.promises import check, check_reply
    from tests.fuzz.seeds import everything
    from tests.http.inprocess import Hook
    from tests.http.recorded import PATHS, Json, go_json

_HEADER: Final = 9
_MAX_BODY: Final = 200_000
_BY_BYTES: Final = 5
"""Each so many-th change is one of bytes."""

_ANEW: Final = 6
"""Each so many-th change begins with a request as it should be: most of what is kept is refused."""

_TOKEN: Final = "t" * 32
_REPORT_SECONDS: Final = 15.0


class Target:
    """What is run for each input.

    Attributes:
        answered: how many inputs had an answer.
        refused: how many had none.
        calls: how often the API server was called.
        deletions: how many of the calls were deletions and evictions.
    """

    def __init__(self) -> None:
        self.answered = self.refused = self.calls = self.deletions = 0
        self._reported = time.monotonic()
        # With tokens, container output is requested and shown.
        self._tokens = Path(tempfile.mkdtemp())
        (self._tokens / "token").write_text(_TOKEN)

    def __call__(self, data: bytes) -> None:
        """Send an input, alone and with a cluster, and check all that must hold."""
        if time.monotonic() - self._reported >= _REPORT_SECONDS:
            self._report()
        if len(data) <= _HEADER:
            return
        path, hostility = PATHS[data[0] % len(PATHS)], data[0] // len(PATHS) % 10
        body = data[_HEADER:]
        answer = check(path, body, Hook())
        self.answered += answer is not None
        self.refused += answer is None
        if answer is not None and path.endswith("/sync"):
            self._connected(path, body, hostility, int.from_bytes(data[1:_HEADER]))

    def _connected(self, path: str, body: bytes, hostility: int, seed: int) -> None:
        random = seeded(seed)
        api = HostileApi(random, Mutator(random), hostility=hostility)
        with suppress(ValueError, RecursionError):
            request = json.loads(body)
            if isinstance(request, dict):
                api.store_objects(request)
        hook = Hook(Settings(token_folder=self._tokens), parts=api.parts())
        for _ in range(2):
            reply = hook.post(path, body, environment={"HTTP_AUTHORIZATION": f"Bearer {_TOKEN}"})
            check_reply(path, body, reply, hook.take_log(), gone=api.denied)
        self.calls += len(api.calls)
        self.deletions += len(api.gone)

    def _report(self) -> None:
        """Print what was covered, to show that the inputs vary."""
        self._reported = time.monotonic()
        sys.stderr.write(
            f"{self.answered} inputs were answered, {self.refused} refused; "
            f"{self.calls} calls of the API server, {self.deletions} of them deletions\n"
        )


class Changer:
    """Changes inputs.

    Args:
        donors: requests of which parts are put in.
    """

    def __init__(self, donors: tuple[Json, ...]) -> None:
        self._donors = donors

    def __call__(self, data: bytes, max_size: int, seed: int) -> bytes:
        """Change an input, as libFuzzer's custom mutator."""
        random = seeded(seed)
        mutator = Mutator(random, self._donors)
        header, body = bytearray(data[:_HEADER].ljust(_HEADER, b"\0")), data[_HEADER:]
        if random.randrange(4) == 0:
            header[random.randrange(_HEADER)] = random.randrange(256)
        if random.randrange(_ANEW) == 0:
            body = go_json(random.choice(self._donors))
        try:
            request: Any = json.loads(body)
        except (ValueError, RecursionError):
            request = None
        changed = mutator.bytes_of(body)
        if request is not None and random.randrange(_BY_BYTES):
            with suppress(RecursionError):
                changed = mutator.body(request)
        return (bytes(header) + changed)[: min(max_size, _MAX_BODY)]


def write_seeds(folder: Path) -> None:
    """Write the requests that mutation begins with, as inputs."""
    folder.mkdir(parents=True, exist_ok=True)
    plans = (planned("RestartPod"), planned("EvictPod"))
    for number, seed in enumerate((*everything(), *plans)):
        for hostility in (0, 5):
            first = PATHS.index(seed.path) + hostility * len(PATHS)
            header = bytes([first]) + number.to_bytes(_HEADER - 1)
            (folder / f"{seed.name}-{hostility}").write_bytes(header + seed.body)


def main(seconds: int, corpus: Path) -> None:
    """Search.

    Args:
        seconds: for how long.
        corpus: a folder for what was found, which the next search begins with.
    """
    write_seeds(corpus / "seeds")
    (corpus / "found").mkdir(exist_ok=True)
    target = Target()
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={_MAX_BODY}",
        f"-artifact_prefix={corpus}/",
        "-timeout=30",
        "-rss_limit_mb=2048",
        "-reduce_inputs=0",
        "-print_final_stats=1",
    ]
    folders = [str(corpus / "found"), str(corpus / "seeds")]
    atheris.Setup(
        [sys.argv[0], *options, *folders],
        target,
        custom_mutator=Changer(tuple(seed.json for seed in everything())),
    )
    atheris.Fuzz()


if __name__ == "__main__":
    if len(sys.argv) > 3:
        Target()(Path(sys.argv[3]).read_bytes())
    else:
        main(int(sys.argv[1]), Path(sys.argv[2]))
