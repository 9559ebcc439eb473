"""Servers travel without what may hold a credential."""

import msgspec

from mcpgw.gateway.server import ServerSeen, Tried
from mcpgw.model.server import HttpLaunch, Launch, StdioLaunch
from mcpgw.model.server import Server as ServerRecord
from mcpgw.web.wire.server import NewServer, Server, ServerTest

NOW = 1_800_000_000.0


def there_and_back(launch: Launch) -> ServerSeen:
    record = ServerRecord("srv_1", "ws", "git", "git", launch, False, NOW, True, False)
    told = Server.of(ServerSeen(record, ("A", "B"), ("B",)))
    sent = msgspec.json.encode(told)
    assert b"canary" not in sent
    return msgspec.json.decode(sent, type=Server).seen()


def test_by_url() -> None:
    headers = (("X-A", "${secret:A}"), ("X-B", "canary"))
    seen = there_and_back(HttpLaunch("https://mcp.example.com/mcp?key=canary", headers))
    hidden = HttpLaunch("https://mcp.example.com/mcp?***", (("X-A", "${secret:A}"), ("X-B", "***")))
    assert seen.server == ServerRecord("srv_1", "", "git", "git", hidden, False, NOW, True, False)
    assert (seen.secret_names, seen.missing_secrets) == (("A", "B"), ("B",))


def test_by_program() -> None:
    seen = there_and_back(StdioLaunch(("/canary/npx", "canary"), (("A", "canary"),), "/canary"))
    assert seen.server.launch == StdioLaunch(("npx", "***"))


def test_a_new_one_is_reached_by_url() -> None:
    body = b'{"name":"x","url":"https://e.org","headers":[{"name":"A","value":"b"}]}'
    new = msgspec.json.decode(body, type=NewServer)
    assert new.launch() == HttpLaunch("https://e.org", (("A", "b"),))


def test_a_trial() -> None:
    record = ServerRecord("srv_1", "ws", "git", "git", HttpLaunch("https://e.org"), True, NOW)
    tried = Tried(record, 3, 2, 1, 1234)
    assert ServerTest.of(tried).tried(record) == tried
