"""From an entry and values to the command or the URL."""

from typing import Any

import pytest

from mcpgw.errors import InvalidInput
from mcpgw.model.catalog import Field, Package, ReadOnly, Remote, Way
from mcpgw.model.catalog_launch import launch
from mcpgw.model.server import HttpLaunch, Launch, StdioLaunch
from tests.model.test_catalog import SECRET, entry

FIELDS: dict[str, Any] = {
    "KEY": SECRET,
    "TOKEN": Field(is_secret=True),
    "HOST": Field(is_required=True, description="the host"),
    "ZONE": Field(),
    "LEVEL": Field(default="low"),
}


def made(way: Way, *secrets: str, version: str = "", read_only: bool = False, **more: str) -> Any:
    return launch(entry(way, **FIELDS), way, more, secrets, version, is_read_only=read_only)


def test_a_hosted_server_with_its_key() -> None:
    way = Remote(
        "https://{HOST}/mcp", headers={"Authorization": "Bearer {KEY}", "X-Zone": "{ZONE}"}
    )
    assert made(way, "KEY", HOST="x.example") == HttpLaunch(
        "https://x.example/mcp", (("Authorization", "Bearer ${secret:KEY}"),)
    )
    assert made(way, "KEY", HOST="x.example", ZONE="eu").headers[1] == ("X-Zone", "eu")


@pytest.mark.parametrize(
    ("package", "version", "command"),
    [
        (Package("npm", "@a/b"), "1.2.3", ("npx", "-y", "@a/b@1.2.3")),
        (Package("npm", "b"), "", ("npx", "-y", "b")),
        (Package("pypi", "b", arguments=("mcp",)), "2026.1", ("uvx", "b@2026.1", "mcp")),
        (
            Package("git", "git+https://h/a/b", arguments=("run",)),
            "c" * 40,
            ("uvx", "--from", f"git+https://h/a/b@{'c' * 40}", "run"),
        ),
        (Package("nuget", "A.B"), "1.0", ("dnx", "A.B@1.0", "--yes")),
        (Package("command", "php", arguments=("artisan",)), "", ("php", "artisan")),
        (
            Package("npm", "b", arguments=("-x", ("--zone", "{ZONE}"), "--level={LEVEL}")),
            "1.0.0",
            ("npx", "-y", "b@1.0.0", "-x", "--level=low"),
        ),
    ],
)
def test_commands(package: Package, version: str, command: tuple[str, ...]) -> None:
    assert made(package, version=version) == StdioLaunch(command)


def test_an_image_gets_names_of_variables_and_never_their_values() -> None:
    package = Package(
        "oci",
        "ghcr.io/a/b",
        env={"KEY": "{KEY}", "TOKEN": "{TOKEN}", "MODE": "stdio"},
        mounts=("{HOST}:/data", "cache:/cache"),
        arguments=("serve",),
    )
    digest = f"sha256:{'a' * 64}"
    made_of_it: StdioLaunch = made(package, "KEY", version=digest, HOST="/srv")
    assert made_of_it.command == (
        *("docker", "run", "-i", "--rm", "-e", "KEY", "-e", "MODE"),
        *("-v", "/srv:/data", "-v", "cache:/cache", f"ghcr.io/a/b@{digest}", "serve"),
    )
    assert made_of_it.env == (("KEY", "${secret:KEY}"), ("MODE", "stdio"))


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        (
            Remote("https://x.example/mcp", read_only=ReadOnly(headers={"X-Readonly": "true"})),
            HttpLaunch("https://x.example/mcp", (("X-Readonly", "true"),)),
        ),
        (
            Remote("https://x.example/mcp", read_only=ReadOnly(url="https://x.example/read")),
            HttpLaunch("https://x.example/read"),
        ),
        (
            Package("npm", "b", env={"R": "{ZONE}"}, read_only=ReadOnly(env={"R": "1"})),
            StdioLaunch(("npx", "-y", "b"), (("R", "1"),)),
        ),
        (
            Package("npm", "b", arguments=("go",), read_only=ReadOnly(arguments=("--read",))),
            StdioLaunch(("npx", "-y", "b", "go", "--read")),
        ),
        (Package("npm", "b", read_only=ReadOnly(is_default=True)), StdioLaunch(("npx", "-y", "b"))),
    ],
)
def test_read_only_switches(way: Way, expected: Launch) -> None:
    assert made(way, read_only=True) == expected
    assert made(way).__class__ is expected.__class__


@pytest.mark.parametrize(
    ("way", "more", "said"),
    [
        (Remote("https://{HOST}/mcp"), {}, "x needs HOST"),
        (Remote("https://x.example", headers={"A": "{KEY}"}), {}, "x needs KEY"),
        (Remote("https://{HOST}/mcp"), {"HOST": "a b"}, "a space"),
        (Remote("https://{HOST}/mcp"), {"HOST": "user:pw@h"}, "must not hold credentials"),
        (Remote("https://{HOST}/mcp"), {"HOST": "${secret:KEY}"}, "a reference"),
        (Package("npm", "b", arguments=("{ZONE}",)), {"ZONE": "a\nb"}, "control character"),
        (Package("npm", "b"), {"ZONE": "x"}, "nothing called 'ZONE'"),
        (Package("npm", "b", env={"K": "{KEY}"}), {"KEY": "canary"}, "is a secret"),
        (Package("npm", "b"), {"read_only": True}, "no read-only switch"),
    ],
)
def test_refused(way: Way, more: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        made(way, **more)
    assert "canary" not in caught.value.message + caught.value.hint


def test_who_lacks_a_value_is_told_how_to_give_it() -> None:
    way = Remote("https://{HOST}/mcp", headers={"A": "{KEY}"})
    with pytest.raises(InvalidInput) as caught:
        made(way)
    assert caught.value.hint == "--from-env KEY; --set HOST=VALUE (the host)"
