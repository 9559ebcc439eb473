"""From a client's entry to a launch without credentials."""

from typing import Any

import pytest

from mcpgw.client_configs.reading import Read, read_entry
from mcpgw.model.server import HttpLaunch, StdioLaunch

CANARY = "canary-7f3a-9c1e"
SET = {"GH": CANARY, "HOME": "/h", "DIR": "/srv/docs", "HOST": "api.example.com"}


def read(**entry: Any) -> Read:
    found = read_entry(entry, SET.get)
    assert CANARY not in repr(found)
    return found


def values(found: Read) -> dict[str, str | None]:
    return {name: one.reveal() if one else None for name, one in found.secrets.items()}


def test_a_command() -> None:
    found = read(command="npx", args=["-y", "pkg"], env={"TOKEN": CANARY, "MODE": "dev"}, cwd="/w")
    assert found.launch == StdioLaunch(
        ("npx", "-y", "pkg"), (("TOKEN", "${secret:TOKEN}"), ("MODE", "dev")), "/w"
    )
    assert values(found) == {"TOKEN": CANARY}
    assert [(one.where, one.is_secret) for one in found.decisions] == [
        ("variable TOKEN", True),
        ("variable MODE", False),
    ]


def test_a_url() -> None:
    found = read(
        url="https://x.example/mcp",
        headers={"Authorization": f"Bearer {CANARY}", "X-Key": CANARY, "Accept": "text/html"},
    )
    assert found.launch == HttpLaunch(
        "https://x.example/mcp",
        (("Authorization", "Bearer ${secret:AUTHORIZATION}"), ("X-Key", "${secret:X_KEY}")),
    )
    assert values(found) == {"AUTHORIZATION": CANARY, "X_KEY": CANARY}
    assert "dropped" in found.decisions[-1].why


def test_references_become_secrets() -> None:
    found = read(
        url="https://x.example/mcp",
        headers={
            "Authorization": "Bearer ${GH}",
            "X-Other": "${env:NOT_SET}",
            "X-Asked": "${input:my-key}",
        },
    )
    assert isinstance(found.launch, HttpLaunch)
    assert [value for _, value in found.launch.headers] == [
        "Bearer ${secret:GH}",
        "${secret:NOT_SET}",
        "${secret:MY_KEY}",
    ]
    assert values(found) == {"GH": CANARY, "NOT_SET": None, "MY_KEY": None}


def test_where_one_is_needs_no_secret() -> None:
    found = read(command="x", args=["${HOME}/a", "$DIR"], env={"DATA": "${HOME}/data"})
    assert found.launch == StdioLaunch(("x", "/h/a", "/srv/docs"), (("DATA", "/h/data"),))
    assert found.secrets == {}


def test_a_credential_with_a_reference_in_it_is_sealed_as_a_whole() -> None:
    found = read(command="x", env={"TOKEN": "prefix-${DIR}"})
    assert isinstance(found.launch, StdioLaunch)
    assert found.launch.env == (("TOKEN", "${secret:TOKEN}"),)
    assert values(found) == {"TOKEN": "prefix-/srv/docs"}
    refused = read(command="x", env={"TOKEN": "prefix-${NOT_SET}"})
    assert "NOT_SET, which is not set" in refused.refusal
    url = read(command="x", env={"DATABASE_URL": "postgres://u:${GH}@db.example/x"})
    assert isinstance(url.launch, StdioLaunch)
    assert url.launch.env == (("DATABASE_URL", "postgres://u:${secret:GH}@db.example/x"),)


def test_two_values_of_one_name_are_two_secrets() -> None:
    found = read(url="https://x.example/", headers={"X-A": "one", "x_a": "two", "X_A": "one"})
    assert values(found) == {"X_A": "one", "X_A_2": "two"}


def test_a_bridge_to_a_url_becomes_that_url() -> None:
    found = read(
        command="npx",
        args=["-y", "mcp-remote", "https://x.example/mcp", "--header", "Authorization:${AUTH}"],
        env={"AUTH": f"Bearer {CANARY}"},
    )
    assert found.launch == HttpLaunch(
        "https://x.example/mcp", (("Authorization", "Bearer ${secret:AUTHORIZATION}"),)
    )


def test_a_containers_variables_leave_its_arguments() -> None:
    found = read(command="docker", args=["run", "-e", f"TOKEN={CANARY}", "image"])
    assert found.launch == StdioLaunch(
        ("docker", "run", "-e", "TOKEN", "image"), (("TOKEN", "${secret:TOKEN}"),)
    )


def test_a_user_in_a_url_becomes_a_header() -> None:
    found = read(url=f"https://me:{CANARY}@x.example/mcp")
    assert found.launch == HttpLaunch(
        "https://x.example/mcp", (("Authorization", "Basic ${secret:BASIC_AUTH}"),)
    )
    both = read(url="https://me:pw@x.example/mcp", headers={"authorization": "Bearer x"})
    assert isinstance(both.launch, HttpLaunch)
    assert len(both.launch.headers) == 1


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"command": "x", "disabled": True}, "switched off"),
        ({"command": "x", "enabled": False}, "switched off"),
        ({"command": "x", "envFile": ".env"}, "another file"),
        ({"command": "x", "args": ["a", f"--token={CANARY}"]}, "its argument 2 is a credential"),
        ({"command": "x", "args": ["${GH}"]}, "refers to GH, which is a credential"),
        ({"command": "x", "args": ["${NOT_SET}"]}, "NOT_SET, which is not set"),
        ({"command": "x", "args": ["${workspaceFolder}"]}, "only the editor knows"),
        ({"command": "x", "env": {"A": "${workspaceFolder}"}}, "only the editor knows"),
        ({"url": f"https://x.example/?token={CANARY}"}, "would end in logs"),
        ({"url": "https://${NOT_SET}/"}, "its URL refers to NOT_SET"),
        ({"url": "ftp://x.example/"}, "no http"),
        ({"command": ""}, "no command given"),
        ({"command": "x", "env": {"A B": "1"}}, "no environment variable"),
    ],
)
def test_what_cannot_be_taken_over(entry: dict[str, Any], reason: str) -> None:
    found = read(**entry)
    assert found.launch is None
    assert reason in found.refusal


def test_what_a_url_refers_to_is_filled_in() -> None:
    found = read(url="https://${HOST}/mcp")
    assert found.launch == HttpLaunch("https://api.example.com/mcp")
