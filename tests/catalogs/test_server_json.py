"""What a registry says of a server, honest or not, becomes an entry or nothing."""

import json
from typing import Any

import pytest

from mcpgw.catalogs.server_json import read_entry
from mcpgw.errors import InvalidInput
from mcpgw.model.catalog import Auth, CatalogEntry, Confidence, Field, Origin, obstacle
from mcpgw.model.catalog_launch import launch
from mcpgw.model.server import HttpLaunch, StdioLaunch


def read(meta: Any = None, **server: Any) -> CatalogEntry:
    named = {"name": "io.example/weather", "description": "the weather", "version": "1.0.0"}
    answer: dict[str, Any] = {"server": named | server}
    if meta is not None:
        answer["_meta"] = {"io.modelcontextprotocol.registry/official": meta}
    return read_entry(json.dumps(answer).encode())


def npm(**more: Any) -> dict[str, Any]:
    usual = {"registryType": "npm", "identifier": "@x/weather", "version": "1.2.3"}
    return usual | {"transport": {"type": "stdio"}} | more


def test_a_package() -> None:
    key = {"name": "WEATHER_KEY", "isRequired": True, "isSecret": True, "description": "key\x1b"}
    unit = {"name": "UNIT", "default": "metric"}
    fixed = {"name": "MODE", "value": "stdio"}
    arguments = [
        {"type": "positional", "value": "serve"},
        {"type": "positional", "valueHint": "city", "isRequired": True},
        {"type": "named", "name": "--zone", "value": "{zone}", "variables": {"zone": {}}},
        {"type": "named", "name": "--depth", "default": "3"},
    ]
    entry = read(
        title="Weather",
        websiteUrl="https://weather.example",
        repository={"url": "https://github.com/x/weather", "source": "github"},
        packages=[npm(environmentVariables=[key, unit, fixed], packageArguments=arguments)],
    )
    assert (entry.origin, entry.confidence) == (Origin.REGISTRY, Confidence.LOW)
    assert (entry.title, entry.maintainer) == ("Weather", "io.example")
    assert entry.homepage == "https://weather.example"
    (package,) = entry.packages
    assert package.version == "1.2.3"
    assert entry.fields["WEATHER_KEY"] == Field(True, True, "key ")
    assert launch(entry, package, {"city": "Oslo"}, ["WEATHER_KEY"], "1.2.3") == StdioLaunch(
        ("npx", "-y", "@x/weather@1.2.3", "serve", "Oslo", "--depth=3"),
        (("WEATHER_KEY", "${secret:WEATHER_KEY}"), ("UNIT", "metric"), ("MODE", "stdio")),
    )


def test_a_hosted_server() -> None:
    headers = [
        {
            "name": "Authorization",
            "value": "Bearer {api_key}",
            "variables": {"api_key": {"isRequired": True, "isSecret": True}},
        },
        {"name": "X-Tenant", "isRequired": True},
    ]
    remote = {
        "type": "streamable-http",
        "url": "https://{region}.weather.example/mcp",
        "headers": headers,
        "variables": {"region": {"isRequired": True}},
    }
    entry = read(remotes=[remote])
    (way,) = entry.remotes
    assert (way.auth, obstacle(entry, way)) == (Auth.HEADER, "")
    answers = {"region": "eu", "X_Tenant": "t"}
    assert launch(entry, way, answers, ["api_key"]) == HttpLaunch(
        "https://eu.weather.example/mcp",
        (("Authorization", "Bearer ${secret:api_key}"), ("X-Tenant", "t")),
    )
    assert read(remotes=[{"type": "sse", "url": "https://w.example/sse"}]).remotes[0].auth == "none"


def test_names_that_no_variable_can_have() -> None:
    argument = {"type": "positional", "valueHint": "1st file"}
    entry = read(packages=[npm(packageArguments=[argument, {"type": "positional"}])])
    assert set(entry.fields) == {"_1st_file", "VALUE"}


def test_a_credential_that_is_not_called_one_is_one_all_the_same() -> None:
    entry = read(packages=[npm(environmentVariables=[{"name": "API_TOKEN", "default": "x"}])])
    assert entry.fields["API_TOKEN"] == Field(is_secret=True, is_required=False)


def test_an_image_is_not_pinned_by_what_the_registry_says() -> None:
    image = {"registryType": "oci", "identifier": "ghcr.io/x/y:1.0", "version": "1.0"}
    assert read(packages=[image]).packages[0].version == ""


@pytest.mark.parametrize(
    ("package", "said"),
    [
        (npm(runtimeArguments=[{"type": "named", "name": "-c", "value": "sh"}]), "npx itself"),
        (npm(transport={"type": "streamable-http", "url": "http://x"}), "serves HTTP itself"),
        (
            npm(packageArguments=[{"type": "named", "name": "--key", "isSecret": True}]),
            "in its arguments",
        ),
    ],
)
def test_ways_that_no_registry_may_send_us(package: dict[str, Any], said: str) -> None:
    entry = read(packages=[package])
    assert said in obstacle(entry, entry.packages[0])


def test_the_program_that_runs_it_is_not_the_registrys_choice() -> None:
    entry = read(packages=[npm(runtimeHint="sh", registryBaseUrl="https://evil.example/npm")])
    made = launch(entry, entry.packages[0], {}, [], "1.2.3")
    assert made == StdioLaunch(("npx", "-y", "@x/weather@1.2.3"))
    assert "evil.example" in entry.packages[0].note


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://weather.example/mcp", "not reached by https"),
        ("https://127.0.0.1/mcp", "private network"),
        ("https://[::1]/mcp", "private network"),
        ("https://169.254.169.254/latest", "private network"),
        ("https://10.0.0.7/mcp", "private network"),
        ("https://localhost/mcp", "private network"),
        ("https://db.internal/mcp", "private network"),
        ("https://[::1/mcp", "address that is none"),
        ("https://8.8.8.8/mcp", ""),
    ],
)
def test_places_that_no_registry_may_send_us(url: str, said: str) -> None:
    entry = read(remotes=[{"type": "streamable-http", "url": url}])
    found = obstacle(entry, entry.remotes[0])
    assert said in found
    assert bool(said) == bool(found)


def test_notes() -> None:
    other = {"registryType": "mcpb", "identifier": "https://x.example/a.mcpb"}
    entry = read({"status": "deprecated", "statusMessage": "use y"}, packages=[other, npm()])
    assert entry.notes == (
        "also comes as mcpb, which this version does not run",
        "deprecated use y",
    )
    assert len(entry.packages) == 1


@pytest.mark.parametrize(
    "lie",
    [
        {"name": "no slash"},
        {"name": "../../x"},
        {"name": 7},
        {"title": "\x1b]0;owned\x07"},
        {"description": "a\nb"},
        {"meta": {"status": "deleted"}},
        {"packages": [npm(identifier="-c")]},
        {"packages": [npm(identifier="https://evil.example/x.tgz")]},
        {"packages": [npm(version="latest")]},
        {"packages": [npm(environmentVariables=[{"name": "A B"}])] * 2 + [{}]},
        {"packages": [npm(environmentVariables=[{"name": "X", "value": "${secret:KEY}"}])]},
        {"packages": [npm(environmentVariables=[{"name": "X", "value": "{unknown}"}])]},
        {"packages": [npm()] * 100},
        {"packages": [npm(environmentVariables=[{"name": f"V{n}"} for n in range(64)])] * 1
            + [npm(packageArguments=[{"type": "positional", "valueHint": "one-more"}])]},
        {"remotes": [{"type": "streamable-http", "url": "https://u:p@x.example/"}]},
        {"remotes": [{"type": "streamable-http", "url": "https://x.example/", "headers": [
            {"name": "Host", "value": "y"}]}]},
    ],
)  # fmt: skip
def test_lies(lie: dict[str, Any]) -> None:
    meta = lie.pop("meta", None)
    with pytest.raises(InvalidInput):
        read(meta, **lie)


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"server":{}}', b"[" * 100_000, b"\xff"])
def test_what_is_no_entry(raw: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_entry(raw)
