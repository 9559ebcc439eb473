"""Asks package managers, each by its own ordinary client, which exact version a package has now.

Only the operator gets here: it starts processes. Names come checked (`model/catalog.check_entry`),
no shell is used, and nothing of the package itself is run.
"""

import asyncio
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from mcpgw.errors import NotFound, UpstreamError
from mcpgw.model.catalog import Package

PATIENCE_S = 60.0
"""A package manager that has not answered by then does not know."""

PULL_PATIENCE_S = 600.0
"""An image is fetched to learn its digest: hundreds of megabytes."""

MAX_OUTPUT_BYTES = 1 << 20

NPM = ("view", "--json", "--fetch-retries=0", "--fetch-timeout=20000")
UV = ("pip", "compile", "-", "--no-deps", "--no-header", "--no-annotate", "--no-build", "--quiet")

_DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})")
_COMMIT = re.compile(r"([0-9a-f]{40})\s")
_GONE_IMAGE = re.compile(r"not found|unknown|denied|does not exist", re.I)


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a client ended, and what it said."""

    code: int
    out: str
    err: str


class PackageManagers:
    """The clients on this machine. `environment` is what they see of ours."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {**environment, "GIT_TERMINAL_PROMPT": "0", "NO_COLOR": "1"}

    def has(self, program: str) -> bool:
        """Say whether a program is installed."""
        return self._path(program) is not None

    async def pin(self, package: Package, version: str) -> str:
        """Return the newest version of a package, or `version` if the package has it.

        Raises:
            NotFound: the package is gone, or has no such version.
            UpstreamError: it cannot be told.
        """
        ask = {"npm": self._npm, "pypi": self._uv, "oci": self._docker, "git": self._git}
        known = ask.get(package.registry)
        if known is not None:
            return await known(package.identifier, version)
        if version or package.registry == "command":
            return version
        raise _untold(package.identifier, f"{package.registry} cannot be asked by this version")

    async def _npm(self, name: str, version: str) -> str:
        spec = f"{name}@{version}" if version else name
        ended = await self._run("npm", *NPM, spec, "version")
        said = _json(ended.out)
        if ended.code == 0 and isinstance(said, str):
            return said
        problem = said.get("error") if isinstance(said, dict) else None
        code = str(problem.get("code")) if isinstance(problem, dict) else ""
        if code == "E404":
            raise _gone("npm", spec)
        raise _untold(spec, f"npm view failed {code}".rstrip())

    async def _uv(self, name: str, version: str) -> str:
        spec = f"{name}=={version}" if version else name
        ended = await self._run("uv", *UV, given=f"{spec}\n")
        found = re.search(r"==([^\s;]+)", ended.out)
        if ended.code == 0 and found:
            return found[1]
        if "No solution found" in ended.err:
            raise _gone("the Python package index", spec)
        raise _untold(spec, "uv pip compile failed")

    async def _docker(self, image: str, version: str) -> str:
        name = f"{image}@{version}" if version else image
        ended = await self._run("docker", "pull", "--quiet", name, patience_s=PULL_PATIENCE_S)
        if ended.code != 0 and "daemon" in ended.err and "connect" in ended.err.lower():
            raise _untold(name, "docker is installed, but its daemon does not answer")
        if ended.code != 0 and _GONE_IMAGE.search(ended.err):
            raise _gone("the image's registry", name)
        if ended.code == 0 and version:
            return version
        ended = await self._run("docker", "image", "inspect", "--format={{.RepoDigests}}", name)
        found = _DIGEST.search(ended.out)
        if ended.code == 0 and found:
            return found[1]
        raise _untold(name, "docker pull failed")

    async def _git(self, name: str, version: str) -> str:
        url = name.removeprefix("git+")
        if version:
            return version
        found = _COMMIT.match((await self._run("git", "ls-remote", url, "HEAD")).out)
        if found:
            return found[1]
        raise _untold(url, "git ls-remote failed")

    async def _run(
        self, program: str, *arguments: str, given: str = "", patience_s: float | None = None
    ) -> _Ended:
        patience_s = patience_s or PATIENCE_S
        path = self._path(program)
        if path is None:
            raise NotFound(f"{program} is not installed", f"install {program}, and try again")
        process = await asyncio.create_subprocess_exec(
            path,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
            limit=MAX_OUTPUT_BYTES,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(patience_s):
                out, err = await process.communicate(given.encode())
        except TimeoutError:
            raise _untold(arguments[-1], f"{program} took longer than {patience_s:.0f} s") from None
        finally:
            if process.returncode is None:
                _kill(process)
                await process.wait()
        return _Ended(process.returncode or 0, _text(out), _text(err))

    def _path(self, program: str) -> str | None:
        return shutil.which(program, path=self._environment.get("PATH"))


def _kill(process: asyncio.subprocess.Process) -> None:
    """End a client and the processes that it started."""
    with suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)


def _gone(where: str, spec: str) -> NotFound:
    return NotFound(
        f"{where} has no {spec}", "the entry is outdated; look at its homepage: mcpgw catalog show"
    )


def _untold(spec: str, why: str) -> UpstreamError:
    return UpstreamError(
        f"which version of {spec} is the newest cannot be told: {why}",
        "try again, or name one: --pin VERSION",
    )


def _text(output: bytes) -> str:
    return output[:MAX_OUTPUT_BYTES].decode(errors="replace")


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
