"""What a lying registry could name, and what honest ones do."""

from dataclasses import replace

import pytest

from mcpgw.errors import InvalidInput
from mcpgw.model.catalog import CatalogEntry, Field, Package, Remote, Way
from mcpgw.model.catalog_check import check_entry, check_version
from tests.model.test_catalog import SECRET, entry

HONEST = [
    Remote("https://x.example/mcp"),
    Remote("{HOST}/mcp"),
    Remote("https://{HOST}.example/mcp", headers={"Authorization": "Bearer {KEY}"}),
    Package("npm", "@scope/name.js"),
    Package("npm", "Name_1"),
    Package("pypi", "awslabs.aws-api-mcp-server"),
    Package("oci", "ghcr.io/a-b/c__d/e.f:v1.2"),
    Package("oci", "localhost:5000/a"),
    Package("git", "git+https://github.com/a/b"),
    Package("nuget", "NuGet.Mcp.Server"),
    Package("command", "railway"),
    Package("npm", "b", version="1.2.3-rc.1"),
]


@pytest.mark.parametrize("way", HONEST)
def test_honest(way: Way) -> None:
    honest = entry(way, HOST=Field(), KEY=SECRET)
    assert check_entry(honest) is honest


LIES = [
    *(
        Package("npm", name)
        for name in (
            *("", "-c", "--call=sh", "../x", "/srv/x", "file:x", "https://e.example/x.tgz"),
            *("git+ssh://e.example/x", "user/repo", "a b", "a@1", "a;b", "@/b", "x" * 215, "b\n"),
        )
    ),
    *(Package("pypi", name) for name in ("-r", "a[b]", "a @ https://e.example", "a==1", "a/b")),
    *(Package("oci", name) for name in ("-v", "--privileged", "A/b", "a b", "a/../b", "a@b")),
    *(Package("git", name) for name in ("git+ssh://h/a", "git+file:///a", "git+https://h/a?b")),
    *(Package("command", name) for name in ("sh -c", "/bin/sh", "../x", "-c")),
    Package("cargo", "x"),
    Package("npm", "b", version="latest"),
    Package("npm", "b", version="^1.0.0"),
    Package("npm", "b", arguments=("{NOWHERE}",)),
    Package("npm", "b", arguments=("a\nb",)),
    Package("npm", "b", env={"A": "${secret:KEY}"}),
    Package("npm", "b", env={"A-B": "x"}),
    Package("npm", "b", env={"LD PRELOAD": "x"}),
    Remote("file:///etc/passwd"),
    Remote("https://user:pw@x.example/mcp"),
    Remote("https://x.example/mcp#a"),
    Remote("https://x.example/mcp", headers={"Host": "y"}),
    Remote("https://x.example/mcp", headers={"A\r\nB": "y"}),
    Remote("https://x.example/mcp", headers={"A": "{NOWHERE}"}),
]


@pytest.mark.parametrize("way", LIES)
def test_lies(way: Way) -> None:
    with pytest.raises(InvalidInput):
        check_entry(entry(way, KEY=SECRET))


@pytest.mark.parametrize(
    "lie",
    [
        {"slug": "../x"},
        {"slug": "a/b/c"},
        {"slug": "A B"},
        {"title": "\x1b[2Jx"},
        {"description": "a\nb"},
        {"notes": ("\x07",)},
        {"fields": {"api-key": SECRET}},
    ],
)
def test_lies_about_the_entry(lie: dict[str, object]) -> None:
    honest = CatalogEntry("io.example/x", "X", "does x", fields={"api-key": Field()})
    check_entry(honest)
    with pytest.raises(InvalidInput):
        check_entry(replace(honest, **lie))  # type: ignore[arg-type]  # of many kinds


@pytest.mark.parametrize(
    ("registry", "version"),
    [
        ("npm", "1.2.3"),
        ("pypi", "2026.10.19"),
        ("pypi", "1.0rc1+local"),
        ("git", "0" * 40),
        ("oci", f"sha256:{'0' * 64}"),
        ("nuget", "1.0.0-beta"),
        ("command", ""),
    ],
)
def test_versions_that_pin(registry: str, version: str) -> None:
    assert check_version(Package(registry, "x"), version) == version


@pytest.mark.parametrize(
    ("registry", "version"),
    [
        *(("npm", one) for one in ("", "latest", "1", "1.x", "^1.2.3", "1.2.3 || 2.0.0", "-1.2.3")),
        *(("pypi", one) for one in ("", ">=1", "1.*", "1 ", "-1")),
        ("git", "main"),
        ("oci", "latest"),
        ("nuget", "*"),
        ("command", "1.0"),
        ("npm", "1.2.3-" + "a" * 200),
    ],
)
def test_versions_that_do_not(registry: str, version: str) -> None:
    with pytest.raises(InvalidInput):
        check_version(Package(registry, "x"), version)
