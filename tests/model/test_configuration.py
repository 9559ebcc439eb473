"""Finding things in the configuration; what is not there is said with what is."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mcpgw.errors import NotFound
from mcpgw.model.alert import Alert
from mcpgw.model.configuration import Configuration
from mcpgw.model.key import DataKey, KeyKind
from mcpgw.model.secret import SealedSecret
from mcpgw.model.server import HttpLaunch, Server
from mcpgw.model.token import Role, Token
from mcpgw.model.workspace import Workspace

EMPTY = Configuration(0, "i", {}, {}, {}, {}, (), {})
DEMO = Workspace("w1", "demo", 1.0)
JIRA = Server("s1", "w1", "jira", "jira", HttpLaunch("https://jira.example/mcp"), True, 1.0)
TIME = Server("s2", "w1", "time", "time", HttpLaunch("https://time.example/mcp"), True, 2.0)
SECRET = SealedSecret("x1", "w1", "s1", "JIRA_TOKEN", 1, "d1", b"blob", "abcdef012345", 1.0)


def token(id: str, workspace_id: str, created_at: float) -> Token:
    return Token(id, workspace_id, "ana", Role.ADMIN, id.encode(), b"mac", created_at, None, None)


def datakey(id: str, kind: KeyKind, workspace_id: str, version: int) -> DataKey:
    return DataKey(id, kind, workspace_id, version, b"", 1.0)


TOKENS = [token("t2", "w1", 2.0), token("t1", "w1", 1.0), token("t9", "w9", 0.0)]
KEYS = [
    datakey("d1", KeyKind.WORKSPACE, "w1", 1),
    datakey("d3", KeyKind.WORKSPACE, "w1", 3),
    datakey("d2", KeyKind.WORKSPACE, "w1", 2),
    datakey("d9", KeyKind.WORKSPACE, "w9", 9),
    datakey("h1", KeyKind.TOKEN, "", 1),
]
ALERTS = tuple(
    Alert(id, "w1", "server_down", 600.0, "hooks.example", "d1", b"", 1.0) for id in ("a1", "a2")
)
FULL = replace(
    EMPTY,
    workspaces={"demo": DEMO, "alpha": Workspace("w9", "alpha", 0.0)},
    servers={"w1": (JIRA, TIME)},
    secrets={"s1": {"JIRA_TOKEN": SECRET}},
    tokens={one.index: one for one in TOKENS},
    datakeys={one.id: one for one in KEYS},
    alerts={"w1": ALERTS},
)


def test_what_is_there_is_found() -> None:
    assert FULL.workspace("demo") is DEMO
    assert FULL.server("w1", "time") is TIME
    assert FULL.secrets_of(JIRA) == {"JIRA_TOKEN": SECRET}
    assert FULL.secrets_of(TIME) == {}
    assert [FULL.alert("w1", one.id) for one in ALERTS] == list(ALERTS)


def test_tokens_of_a_workspace_stand_oldest_first() -> None:
    assert [one.id for one in FULL.tokens_of("w1")] == ["t1", "t2"]
    assert FULL.tokens_of("unknown") == ()


def test_the_newest_data_key_of_its_kind_and_workspace() -> None:
    assert FULL.datakey(KeyKind.WORKSPACE, "w1").id == "d3"
    assert FULL.datakey(KeyKind.TOKEN).id == "h1"


@pytest.mark.parametrize(
    ("look", "message", "hint"),
    [
        (lambda: FULL.workspace("x"), "no workspace 'x'", "workspaces: alpha, demo"),
        (lambda: EMPTY.workspace("y" * 99), f"no workspace '{'y' * 63}'", "workspaces: none yet"),
        (lambda: FULL.server("w1", "x"), "no server 'x'", "servers: jira, time"),
        (lambda: FULL.server("w9", "jira"), "no server 'jira'", "servers: none yet"),
        (lambda: FULL.datakey(KeyKind.TOKEN, "w1"), "no token key in the store", "run: mcpgw init"),
        (lambda: EMPTY.datakey(KeyKind.STATE), "no state key in the store", "run: mcpgw init"),
    ],
)
def test_what_is_missing_is_said_with_what_there_is(
    look: Callable[[], object], message: str, hint: str
) -> None:
    with pytest.raises(NotFound) as caught:
        look()
    assert (caught.value.message, caught.value.hint) == (message, hint)
