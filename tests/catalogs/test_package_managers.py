"""Package managers as scripts play them: what they say, refuse, and how long they take."""

import json
import os
from pathlib import Path

import pytest

from mcpgw.catalogs import package_managers as module
from mcpgw.catalogs.package_managers import PackageManagers
from mcpgw.errors import NotFound, UpstreamError
from mcpgw.model.catalog import Package
from tests.process import gone

NPM, PYPI = Package("npm", "@x/weather"), Package("pypi", "weather")
IMAGE, GIT = Package("oci", "ghcr.io/x/weather"), Package("git", "git+https://h.example/x/weather")
COMMIT, DIGEST = "c" * 40, f"sha256:{'d' * 64}"


class Machine(PackageManagers):
    """A machine with no programs but those that a test installs as shell scripts."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        super().__init__({"PATH": f"{directory}:{os.defpath}"})

    def install(self, program: str, script: str) -> None:
        path = self.directory / program
        path.write_text(f'#!/bin/sh\necho "{program} $*" >> {self.directory}/asked\n{script}\n')
        path.chmod(0o755)

    @property
    def asked(self) -> list[str]:
        return (self.directory / "asked").read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def says(text: str, *, code: int = 0, err: str = "") -> str:
    return f"cat <<'END'\n{text}\nEND\ncat >&2 <<'END'\n{err}\nEND\nexit {code}"


async def test_npm(machine: Machine) -> None:
    machine.install("npm", says('"1.2.3"'))
    assert await machine.pin(NPM, "") == "1.2.3"
    assert await machine.pin(NPM, "1.2.3") == "1.2.3"
    assert [line.split()[-2:] for line in machine.asked] == [
        ["@x/weather", "version"],
        ["@x/weather@1.2.3", "version"],
    ]


async def test_uv(machine: Machine) -> None:
    machine.install("uv", f'read spec\necho "$spec" > {machine.directory}/spec\necho weather==2.0')
    assert await machine.pin(PYPI, "2.0") == "2.0"
    assert (machine.directory / "spec").read_text() == "weather==2.0\n"
    assert await machine.pin(PYPI, "") == "2.0"
    assert (machine.directory / "spec").read_text() == "weather\n"


async def test_docker(machine: Machine) -> None:
    machine.install("docker", says(f"[ghcr.io/x/weather@{DIGEST}]"))
    assert await machine.pin(IMAGE, "") == DIGEST
    assert await machine.pin(IMAGE, DIGEST) == DIGEST
    assert machine.asked[0] == "docker pull --quiet ghcr.io/x/weather"
    assert machine.asked[2] == f"docker pull --quiet ghcr.io/x/weather@{DIGEST}"


async def test_git(machine: Machine) -> None:
    machine.install("git", says(f"{COMMIT}\tHEAD"))
    assert await machine.pin(GIT, "") == COMMIT
    assert await machine.pin(GIT, "e" * 40) == "e" * 40
    assert machine.asked == ["git ls-remote https://h.example/x/weather HEAD"]


async def test_what_nobody_can_be_asked_for(machine: Machine) -> None:
    assert await machine.pin(Package("command", "railway"), "") == ""
    assert await machine.pin(Package("nuget", "X"), "1.0") == "1.0"
    with pytest.raises(UpstreamError, match="nuget cannot be asked") as caught:
        await machine.pin(Package("nuget", "X"), "")
    assert "--pin" in caught.value.hint


GONE = json.dumps({"error": {"code": "E404", "summary": "secret-canary"}})


@pytest.mark.parametrize(
    ("package", "program", "script"),
    [
        (NPM, "npm", says(GONE, code=1)),
        (PYPI, "uv", says("", code=1, err="error: No solution found when resolving")),
        (IMAGE, "docker", says("", code=1, err="Error: pull access denied for x")),
        (IMAGE, "docker", says("", code=1, err="manifest unknown")),
    ],
)
async def test_a_package_that_is_gone(
    machine: Machine, package: Package, program: str, script: str
) -> None:
    machine.install(program, script)
    with pytest.raises(NotFound, match=package.identifier) as caught:
        await machine.pin(package, "")
    assert "canary" not in caught.value.message
    assert "homepage" in caught.value.hint


@pytest.mark.parametrize(
    ("package", "program", "script", "said"),
    [
        (NPM, "npm", says('{"error":{"code":"ECONNREFUSED"}}', code=1), "ECONNREFUSED"),
        (NPM, "npm", says("<html>", code=1), "npm view failed"),
        (NPM, "npm", says('{"error":7}', code=1), "npm view failed"),
        (NPM, "npm", says('["1.0.0","1.1.0"]'), "npm view failed"),
        (NPM, "npm", says("[" * 100_000), "npm view failed"),
        (PYPI, "uv", says("", code=2, err="error sending request"), "uv pip compile failed"),
        (PYPI, "uv", says("nothing"), "uv pip compile failed"),
        (IMAGE, "docker", says("", code=1, err="Cannot connect to the Docker daemon"), "daemon"),
        (IMAGE, "docker", says("", code=1, err="no space left"), "docker pull failed"),
        (IMAGE, "docker", says("[]"), "docker pull failed"),
        (GIT, "git", says("", code=128, err="fatal"), "git ls-remote failed"),
    ],
)
async def test_what_cannot_be_told(
    machine: Machine, package: Package, program: str, script: str, said: str
) -> None:
    machine.install(program, script)
    with pytest.raises(UpstreamError, match=said) as caught:
        await machine.pin(package, "")
    assert "--pin VERSION" in caught.value.hint


async def test_one_that_hangs_is_ended_with_its_children(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.3)
    machine.install("npm", f"sleep 60 &\necho $! > {machine.directory}/child\nwait")
    with pytest.raises(UpstreamError, match="took longer"):
        await machine.pin(NPM, "")
    await gone(int((machine.directory / "child").read_text()))


async def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    machine = PackageManagers({"PATH": str(tmp_path)})
    assert not machine.has("npm")
    with pytest.raises(NotFound, match="npm is not installed"):
        await machine.pin(NPM, "")


async def test_what_is_there(machine: Machine) -> None:
    assert not machine.has("weather")
    machine.install("weather", "")
    assert machine.has("weather")
