"""Ways to a server, and what stands in theirs."""

from typing import Any

import pytest

from mcpgw.model.catalog import (
    Auth,
    CatalogEntry,
    Field,
    Package,
    Remote,
    Way,
    fields_of,
    kind_of,
    obstacle,
    runtime_of,
    server_name,
)

SECRET = Field(is_secret=True, is_required=True)
HOSTED = Remote("https://x.example/mcp")
NPM, IMAGE = Package("npm", "x-server"), Package("oci", "x/server")


def entry(*ways: Way, prefers: str = "remote", **fields: Any) -> CatalogEntry:
    return CatalogEntry(
        "x",
        "X",
        "does x",
        prefers=prefers,
        remotes=tuple(way for way in ways if isinstance(way, Remote)),
        packages=tuple(way for way in ways if isinstance(way, Package)),
        fields=fields,
    )


def test_the_preferred_kind_comes_first_and_images_last() -> None:
    assert entry(IMAGE, NPM, HOSTED).ways == (HOSTED, NPM, IMAGE)
    assert entry(IMAGE, NPM, HOSTED, prefers="package").ways == (NPM, IMAGE, HOSTED)
    assert [kind_of(way) for way in (HOSTED, NPM, IMAGE)] == ["remote", "npm", "oci"]


@pytest.mark.parametrize(
    ("registry", "program"),
    [("npm", "npx"), ("pypi", "uvx"), ("git", "uvx"), ("oci", "docker"), ("command", "x")],
)
def test_what_runs_a_package(registry: str, program: str) -> None:
    assert runtime_of(Package(registry, "x")) == program


@pytest.mark.parametrize(
    ("way", "said"),
    [
        (HOSTED, ""),
        (Remote("https://x.example", auth=Auth.HEADER, headers={"A": "Bearer {KEY}"}), ""),
        (Remote("https://x.example", auth=Auth.OAUTH), "OAuth"),
        (Remote("https://x.example/{KEY}"), "in its URL"),
        (Remote("https://x.example", obstacle="is odd"), "is odd"),
        (NPM, ""),
        (Package("npm", "x", arguments=("--open", ("--at", "{PLACE}"))), ""),
        (Package("npm", "x", arguments=(("--key", "{KEY}"),)), "in its arguments"),
        (Package("oci", "x", mounts=("{KEY}:/key",)), "in its arguments"),
        (Package("npm", "x", transport="sse"), "serves HTTP itself"),
        (Package("npm", "x", obstacle="is odd"), "is odd"),
    ],
)
def test_obstacles(way: Way, said: str) -> None:
    found = obstacle(entry(way, KEY=SECRET, PLACE=Field()), way)
    assert said in found
    assert bool(said) == bool(found)


def test_a_way_has_the_fields_that_its_texts_name() -> None:
    remote = Remote("https://{HOST}/mcp", headers={"A": "Bearer {KEY}"})
    package = Package("oci", "x", env={"K": "{KEY}"}, arguments=("{ARG}",), mounts=("{DIR}:/d",))
    fields: dict[str, Any] = {name: Field() for name in ("HOST", "KEY", "ARG", "DIR", "OTHER")}
    both = entry(remote, package, **fields)
    assert list(fields_of(both, remote)) == ["HOST", "KEY"]
    assert list(fields_of(both, package)) == ["KEY", "ARG", "DIR"]


@pytest.mark.parametrize(
    ("slug", "name"),
    [
        ("github", "github"),
        ("io.github.User/My_Weather.Server", "my-weather-server"),
        ("playwright-executeautomation", "playwright-executeautoma"),
        ("x/---", "server"),
    ],
)
def test_names_of_servers(slug: str, name: str) -> None:
    assert server_name(slug) == name
