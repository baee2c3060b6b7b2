"""Two interpreters of Argo CD's health scripts: gopher-lua, as Argo CD has it, and plain Lua."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HEALTH = Path(__file__).parents[2] / "contrib" / "argocd" / "health.lua"

_GO_MODULE = Path(__file__).parent / "gopherlua"

_PLAIN = """\
local open, write = loadfile, io.write
dofile(arg[1])
local script = assert(open(arg[2]))
getmetatable("").__index = nil
string, math, io, os, debug, coroutine, utf8, bit32, package, require = nil
for key, value in pairs(script()) do write(key, "\\t", value, "\\n") end
"""
"""Runs a script without the libraries that Argo CD does not open; a message has no tab in it."""


def lua(value: Any) -> str:
    """Write a JSON value as Lua does: null is nil, and so a field that is not there."""
    match value:
        case None:
            return "nil"
        case bool():
            return "true" if value else "false"
        case dict():
            return f"{{{','.join(f'[{lua(key)}]={lua(each)}' for key, each in value.items())}}}"
        case list():
            return f"{{{','.join(map(lua, value))}}}"
        case str():
            return '"' + "".join(f"\\{byte:03d}" for byte in value.encode()) + '"'
        case _:
            return str(value)


@dataclass(frozen=True, slots=True)
class Interpreter:
    """Runs the health script.

    Attributes:
        command: what is started, without the files.
        folder: where files may be written.
    """

    command: tuple[str, ...]
    folder: Path

    def health(self, of: Any) -> dict[str, str]:
        """Return what the script says of an object: ``status`` and ``message``.

        Raises:
            AssertionError: it failed, with the interpreter's words.
        """
        document = self.folder / "object.lua"
        document.write_text(f"obj = {lua(of)}\n", encoding="ascii")
        done = subprocess.run(
            [*self.command, str(document), str(HEALTH)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        if done.stdout.startswith("{"):
            return dict(json.loads(done.stdout))
        return dict(line.split("\t") for line in done.stdout.splitlines())


def gopher_lua(folder: Path) -> Interpreter:
    """Build the first; skip the test where there is no Go, or its module is out of reach."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("gopher-lua takes Go")
    environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [go, *arguments],
            cwd=_GO_MODULE,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    loaded = run("mod", "download")
    if loaded.returncode:
        pytest.skip(f"gopher-lua cannot be downloaded: {loaded.stderr.strip()}")
    program = folder / "gopherlua"
    built = run("build", "-buildvcs=false", "-o", str(program), ".")
    assert built.returncode == 0, built.stderr
    return Interpreter((str(program),), folder)


def plain_lua(folder: Path) -> Interpreter:
    """Find the second; skip the test where there is none."""
    found = next(filter(None, map(shutil.which, ("lua5.1", "lua"))), None)
    if found is None:
        pytest.skip("there is no lua5.1 or lua on PATH")
    program = folder / "plain.lua"
    program.write_text(_PLAIN, encoding="ascii")
    return Interpreter((found, str(program)), folder)
