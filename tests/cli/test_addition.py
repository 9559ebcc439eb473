"""From the catalog to a server, with package managers that scripts play."""

import os
import shlex
import sys
from pathlib import Path

import pytest

from mcpgw.cli.addition import where
from mcpgw.model.server import HttpLaunch, StdioLaunch
from tests.cli.conftest import PEER, Cli
from tests.cli.hosted import KEY, hosted

PINNED = "1.2.3"


class Programs:
    """The only programs on the machine, but those of the system."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()

    def install(self, name: str, script: str) -> None:
        path = self.directory / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


@pytest.fixture
def programs(cli: Cli) -> Programs:
    """Without npx, uvx and docker, whatever the machine has."""
    made = Programs(cli.directory / "bin")
    made.install("sh", 'exec /bin/sh "$@"')
    cli.monkeypatch.setenv("PATH", str(made.directory))
    return made


@pytest.fixture
def node(programs: Programs) -> Programs:
    """With npm and npx, which runs our peer whatever it is told."""
    programs.install("npm", f"echo '\"{PINNED}\"'")
    programs.install("npx", f"exec {shlex.join(PEER)}")
    return programs


def names(cli: Cli) -> list[str]:
    return [one["name"] for one in cli.json("server", "list")]


def test_a_package_is_pinned_and_tried(cli: Cli, node: Programs) -> None:
    done = cli("server", "add", "memory", "--json")
    assert done.data["command"] == ["npx", "-y", f"@modelcontextprotocol/server-memory@{PINNED}"]
    assert (done.data["entry"], done.data["version"]) == ("memory", PINNED)
    assert done.data["test"]["tools"] > 1
    assert f"runs npx -y @modelcontextprotocol/server-memory@{PINNED}" in done.err


def test_settings_and_another_name(cli: Cli, node: Programs) -> None:
    complaint = cli.refused(2, "server", "add", "filesystem")
    assert "--set DIRECTORY=VALUE" in complaint
    cli("server", "add", "docs", "--catalog", "filesystem", "--set", "DIRECTORY=/srv/docs")
    shown = cli.json("server", "show", "docs")
    assert shown["command"][-1] == "/srv/docs"
    assert "no '='" in cli.refused(2, "server", "add", "filesystem", "--set", "DIRECTORY")
    assert "nothing called" in cli.refused(2, "server", "add", "memory", "--set", "A=B")


def test_settings_are_asked_for_at_a_terminal(cli: Cli, node: Programs) -> None:
    done = cli("server", "add", "filesystem", typed="/srv/asked\n")
    assert "A directory that it may read and write" in done.err
    assert cli.json("server", "show", "filesystem")["command"][-1] == "/srv/asked"


GENIE = ("genie", "--catalog", "databricks-genie", "--set", "DATABRICKS_GENIE_SPACE_ID=1")


def test_a_hosted_server_with_a_bearer(cli: Cli) -> None:
    with hosted() as network:
        place = ("--set", f"DATABRICKS_WORKSPACE_URL={network.url}")
        refused = cli("server", "add", *GENIE, *place, typed="wrong\n", exit_code=6)
        assert names(cli) == []
        assert "wrong" not in refused.err
        done = cli("server", "add", *GENIE, *place, typed=f"{KEY}\n")
        assert "added genie to default: 1 tool," in done.err
        assert KEY not in done.out + done.err
        assert cli("server", "test", "genie").out.startswith("genie: 1 tool,")
        assert set(network.seen) == {"/api/2.0/mcp/genie/1"}
    shown = cli.json("server", "show", "genie")
    assert shown["headers"] == {"Authorization": "Bearer ${secret:DATABRICKS_GENIE_TOKEN}"}
    assert shown["missing_secrets"] == []


def test_a_secret_from_the_environment(cli: Cli) -> None:
    with hosted() as network:
        place = ("--set", f"DATABRICKS_WORKSPACE_URL={network.url}")
        source = ("--from-env", "DATABRICKS_GENIE_TOKEN")
        assert "export it" in cli.refused(2, "server", "add", *GENIE, *place, *source)
        cli.monkeypatch.setenv("DATABRICKS_GENIE_TOKEN", KEY)
        assert "1 tool" in cli("server", "add", *GENIE, *place, *source).err


def test_a_secret_may_come_later(cli: Cli) -> None:
    done = cli("server", "add", "github", "--read-only")
    assert "next: mcpgw secret set github GITHUB_PERSONAL_ACCESS_TOKEN -w default" in done.err
    headers = cli.json("server", "show", "github")["headers"]
    assert headers["X-MCP-Readonly"] == "true"


def test_the_question_says_where_to_get_it(cli: Cli) -> None:
    done = cli("server", "add", "github", "--no-test", typed="canary\n")
    assert "get it: https://github.com/settings/personal-access-tokens/new" in done.err
    assert "canary" not in done.err
    assert cli.json("server", "show", "github")["missing_secrets"] == []
    complaint = cli.refused(2, "server", "add", "hub", "--catalog", "github", typed="\n")
    assert "GITHUB_PERSONAL_ACCESS_TOKEN is needed" in complaint


def test_optional_secrets(cli: Cli, node: Programs) -> None:
    """Of sentry one is needed, one optional; whether a docker entry needs its own, nobody says."""
    done = cli("server", "add", "sentry", typed="canary\n")
    assert "left out: OPENAI_API_KEY" in done.err
    assert "not https://mcp.sentry.dev/mcp: it needs a login in the browser" in done.err
    assert cli.json("server", "show", "sentry")["secrets"] == ["SENTRY_ACCESS_TOKEN"]
    cli("server", "add", "s2", "--catalog", "sentry", "--secret", "OPENAI_API_KEY", typed="a\nb\n")
    assert len(cli.json("server", "show", "s2")["secrets"]) == 2
    node.install("docker", "exit 1")
    done = cli("server", "add", "a", "--catalog", "airtable-community", typed="\n", exit_code=6)
    assert "(Enter leaves it out)" in done.err


def test_a_value_in_the_arguments_is_refused(cli: Cli, node: Programs) -> None:
    for arguments in (
        ("--secret", "SENTRY_ACCESS_TOKEN=canary"),
        ("--from-env", "SENTRY_ACCESS_TOKEN=canary"),
        ("--set", "SENTRY_ACCESS_TOKEN=canary"),
    ):
        complaint = cli.refused(2, "server", "add", "sentry", *arguments)
        assert "canary" not in complaint
    assert names(cli) == []


def test_a_login_is_refused_plainly(cli: Cli) -> None:
    complaint = cli.refused(2, "server", "add", "notion")
    assert "needs a login in the browser (OAuth), which this version does not do yet" in complaint


def test_an_image_without_docker(cli: Cli, programs: Programs) -> None:
    complaint = cli.refused(3, "server", "add", "aks")
    assert "aks runs with docker, which is not installed here" in complaint
    assert "install Docker: https://" in complaint
    programs.install(
        "docker", "echo 'Cannot connect to the Docker daemon at unix:///x' >&2; exit 1"
    )
    settings = ("--set", "AZURE_DIR=/a", "--set", "KUBECONFIG=/k")
    assert "its daemon does not answer" in cli.refused(6, "server", "add", "aks", *settings)


def test_a_package_without_its_program(cli: Cli, programs: Programs) -> None:
    programs.install("docker", "exit 1")
    done = cli("server", "add", "time", exit_code=6)
    assert "not mcp-server-time: it needs uvx, which is not installed" in done.err
    complaint = cli.refused(3, "server", "add", "time", "--via", "pypi")
    assert "install uv" in complaint
    complaint = cli.refused(2, "server", "add", "time", "--via", "npm")
    assert "its ways: pypi, oci" in complaint


def test_a_package_that_is_gone(cli: Cli, node: Programs) -> None:
    node.install("npm", """echo '{"error":{"code":"E404"}}'; exit 1""")
    complaint = cli.refused(3, "server", "add", "memory")
    assert "npm has no @modelcontextprotocol/server-memory" in complaint
    assert names(cli) == []


def test_a_version_of_ones_own(cli: Cli, node: Programs) -> None:
    assert "does not pin" in cli.refused(2, "server", "add", "memory", "--pin", "latest")
    done = cli("server", "add", "memory", "--pin", PINNED)
    assert "asking for the version" in done.err


def test_a_server_that_does_not_start_is_not_added(cli: Cli, node: Programs) -> None:
    node.install("npx", "exit 3")
    cli.refused(6, "server", "add", "memory")
    assert names(cli) == []
    cli("server", "add", "memory", "--no-test")
    assert names(cli) == ["memory"]


def test_an_entry_of_the_registry_needs_consent(cli: Cli, node: Programs) -> None:
    package = {"registryType": "npm", "identifier": "weather-server", "version": PINNED}
    entry = {"name": "io.example/weather", "description": "d", "version": PINNED}
    with hosted() as network:
        cli.monkeypatch.setenv("MCPGW_REGISTRY_URL", network.url)
        path = "/v0.1/servers/io.example%2Fweather/versions/latest"
        network.registry[path] = {"server": entry | {"packages": [package]}}
        complaint = cli.refused(2, "server", "add", "io.example/weather")
        assert "--yes" in complaint
        cli.refused(2, "server", "add", "io.example/weather", typed="no\n")
        assert names(cli) == []
        done = cli("server", "add", "io.example/weather", typed="weather\n")
        assert f"runs npx -y weather-server@{PINNED}" in done.err
        cli("server", "add", "w2", "--catalog", "io.example/weather", "--yes")
    assert names(cli) == ["weather", "w2"]


def test_an_entry_that_nobody_is_sure_of_needs_consent_too(cli: Cli, node: Programs) -> None:
    assert "--yes" in cli.refused(2, "server", "add", "repomix")
    cli("server", "add", "repomix", "--yes")


def test_what_belongs_together_and_what_not(cli: Cli, node: Programs) -> None:
    for arguments in (
        ("memory", "--env", "A=B"),
        ("memory", "--catalog", "memory", "--", "sh"),
        ("memory", "--header", "A: B"),
    ):
        assert "an entry takes --set" in cli.refused(2, "server", "add", *arguments)
    for option in (["--pin", PINNED], ["--read-only"], ["--set", "A=B"], ["--via", "npm"]):
        complaint = cli.refused(2, "server", "add", "x", *option, "--", "sh")
        assert "belong to the catalog" in complaint


def test_a_taken_name_is_said_before_anything_is_asked(cli: Cli) -> None:
    cli("server", "add", "github")
    complaint = cli.refused(5, "server", "add", "github", typed="canary\n")
    assert "mcpgw server add NAME --catalog github" in complaint
    cli("server", "add", "hub", "--catalog", "github")


def test_a_name_that_nothing_has(cli: Cli) -> None:
    assert "did you mean" in cli.refused(3, "server", "add", "aws")
    assert "catalog search" in cli.refused(3, "server", "add", "zzzz")


def test_where() -> None:
    assert where(HttpLaunch("https://x.example")) == "https://x.example"
    assert where(StdioLaunch(("a", "b c"))) == "a 'b c'"


def test_what_is_run_sees_no_more_of_us_than_any_server(cli: Cli, node: Programs) -> None:
    """Package managers too are given the few variables that children get."""
    cli.monkeypatch.setenv("MCPGW_CANARY", "canary")
    node.install("npm", f'env > "{cli.directory}/seen"; echo \'"{PINNED}"\'')
    node.install("env", f"exec {sys.executable} -c 'import os; print(dict(os.environ))'")
    cli("server", "add", "memory")
    assert "canary" not in (cli.directory / "seen").read_text()
    assert os.sep in (cli.directory / "seen").read_text()
