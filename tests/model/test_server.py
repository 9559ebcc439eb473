"""Servers: names, prefixes, launches that can work, and what identifies a connection."""

from dataclasses import replace

import pytest

from mcpgw.errors import InvalidInput
from mcpgw.model.server import (
    MAX_NAME,
    HttpLaunch,
    Launch,
    Server,
    StdioLaunch,
    check_launch,
    check_prefix,
    check_server_name,
)

HTTP = HttpLaunch("https://jira.example/mcp", (("Authorization", "Bearer ${secret:JIRA}"),))
STDIO = StdioLaunch(("npx", "pkg"), (("A", "${secret:B}${secret:A}"), ("C", "${secret:B}")))
SERVER = Server("s1", "w1", "jira", "jira", HTTP, True, 1.0)


@pytest.mark.parametrize("name", ["jira", "a", "0", "jira-cloud", "a_b-c", "a" * MAX_NAME])
def test_a_name_that_fits(name: str) -> None:
    assert check_server_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "Jira", "-a", "a-", "a--b", "a__b", "a_-b", "a b", "ä", "a\n", "a" * (MAX_NAME + 1)],
)
def test_a_name_that_does_not_fit(name: str) -> None:
    with pytest.raises(InvalidInput, match="is no server name"):
        check_server_name(name)


@pytest.mark.parametrize("prefix", ["", "jira", "J-x_1", "a" * 31])
def test_a_prefix_that_fits(prefix: str) -> None:
    assert check_prefix(prefix) == prefix


@pytest.mark.parametrize("prefix", ["1a", "_a", "a__b", "a.b", "a\n", "\n", "a" * 32])
def test_a_prefix_that_does_not_fit(prefix: str) -> None:
    with pytest.raises(InvalidInput, match="is no prefix"):
        check_prefix(prefix)


@pytest.mark.parametrize(
    "launch",
    [
        HTTP,
        STDIO,
        HttpLaunch("http://127.0.0.1:8080/mcp?x=1"),
        HttpLaunch("http://[::1]:1/"),
        HttpLaunch("https://host", (("X-Key", ""),)),
        StdioLaunch(("server",)),
        StdioLaunch(("server", "", "--flag=ü"), (("_a1", "plain\nvalue"),), "/tmp"),  # noqa: S108  (only a path)
    ],
)
def test_a_launch_that_can_work(launch: Launch) -> None:
    assert check_launch(launch) is launch


@pytest.mark.parametrize(
    ("launch", "message"),
    [
        (StdioLaunch(()), "no command given"),
        (StdioLaunch(("",)), "no command given"),
        (StdioLaunch(("x", "a\0b")), "an argument holds a NUL byte"),
        (StdioLaunch(("x", "--key=${secret:K}")), "a secret cannot stand in a command's arguments"),
        (StdioLaunch(("x",), (("1A", "v"),)), "'1A' is no environment variable"),
        (StdioLaunch(("x",), (("A\n", "v"),)), r"'A\\n' is no environment variable"),
        (StdioLaunch(("x",), (("A", "v\0"),)), "'A' is no environment variable"),
        (StdioLaunch(("x",), (("A", "${secret:b-c}"),)), "is no secret name"),
        (HttpLaunch(""), "no http"),
        (HttpLaunch("ftp://host/"), "no http"),
        (HttpLaunch("https://"), "or no host"),
        (HttpLaunch("https://:80/"), "or no host"),
        (HttpLaunch("http://host:0/"), "or no host"),
        (HttpLaunch("http://host:99999/"), "cannot be parsed"),
        (HttpLaunch("http://[::1/"), "cannot be parsed"),
        (HttpLaunch("https://ana:pw@host/"), "must not hold credentials"),
        (HttpLaunch("https://ana@host/"), "must not hold credentials"),
        (HttpLaunch("https://:pw@host/"), "must not hold credentials"),
        (HttpLaunch("https://host/#part"), "a fragment, a space"),
        (HttpLaunch("https://host/#"), "a fragment, a space"),
        (HttpLaunch("https://host/a b"), "a fragment, a space"),
        (HttpLaunch("https://host/a\r\nX: y"), "a fragment, a space"),
        (HttpLaunch("https://hôst/"), "not ASCII"),
        (HttpLaunch("https://host/${secret:K}"), "a secret cannot stand in a URL"),
        (HttpLaunch("https://host", (("X Y", "v"),)), "'X Y' is no HTTP header"),
        (HttpLaunch("https://host", (("X", "a\r\nb"),)), "'X' is no HTTP header"),
        (HttpLaunch("https://host", (("Content-Length", "1"),)), "written by the gateway itself"),
        (HttpLaunch("https://host", (("X", "${secret:K"),)), "has no end"),
    ],
)
def test_a_launch_that_can_never_work(launch: Launch, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        check_launch(launch)


@pytest.mark.parametrize(
    "launch",
    [
        HttpLaunch("https://ana:canary@host/"),
        HttpLaunch("http://[canary/"),
        HttpLaunch("https://host/?canary x"),
        HttpLaunch("https://host", (("X Y", "canary"),)),
        StdioLaunch(("x", "canary${secret:K}")),
        StdioLaunch(("x",), (("1", "canary"),)),
    ],
)
def test_no_refusal_repeats_a_value(launch: Launch) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_launch(launch)
    assert "canary" not in caught.value.message + caught.value.hint


def test_transport_and_secret_names() -> None:
    assert (SERVER.transport, SERVER.secret_names) == ("http", ("JIRA",))
    stdio = replace(SERVER, launch=STDIO)
    assert (stdio.transport, stdio.secret_names) == ("stdio", ("B", "A"))


def test_the_fingerprint_changes_with_launch_secret_and_server_and_with_nothing_else() -> None:
    same = SERVER.fingerprint((("JIRA", 1),))
    assert replace(SERVER, name="other", is_enabled=False).fingerprint((("JIRA", 1),)) == same
    others = [
        SERVER.fingerprint(),
        SERVER.fingerprint((("JIRA", 2),)),
        replace(SERVER, id="s2").fingerprint((("JIRA", 1),)),
        replace(SERVER, launch=STDIO).fingerprint((("JIRA", 1),)),
        replace(SERVER, launch=replace(HTTP, headers=())).fingerprint((("JIRA", 1),)),
    ]
    assert len({same, *others}) == 1 + len(others)
