"""Secrets and tokens are nowhere that they should not be."""

import base64
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import psutil  # type: ignore[import-untyped]  # it has no types
import pytest

from tests.e2e.conftest import Box, Served, server_command
from tests.web.conftest import modern_body, modern_headers

STDIO_SECRET = 'canary-stdio-+/=\\"-ünï'
HTTP_SECRET = "canary-http-7f3a"


def encodings(secret: str) -> list[bytes]:
    raw = secret.encode()
    return [
        raw,
        base64.b64encode(raw).rstrip(b"="),
        base64.urlsafe_b64encode(raw).rstrip(b"="),
        raw.hex().encode(),
        urllib.parse.quote(secret).encode(),
    ]


class Watch(threading.Thread):
    """Looks at every command line on the machine, over and over."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[str] = set()
        self.is_over = threading.Event()

    def run(self) -> None:
        while not self.is_over.wait(0.02):
            for process in psutil.process_iter(["cmdline"]):
                self.seen.update(process.info["cmdline"] or ())


@pytest.fixture
def watch() -> Iterator[Watch]:
    watching = Watch()
    watching.start()
    yield watching
    watching.is_over.set()
    watching.join()


@pytest.fixture
def printed(box: Box) -> list[str]:
    """Everything that commands print during the test but the issued token itself."""
    return []


async def everything_asked(served: Served, token: str) -> bytes:
    """Return all bodies and headers of good and bad requests to every path."""
    gathered = b""
    asked = [
        ("POST", "/ws/demo", modern_body("tools/list"), modern_headers("tools/list")),
        ("POST", "/ws/demo", modern_body("server/discover"), modern_headers("server/discover")),
        (
            "POST",
            "/ws/demo",
            modern_body("tools/call", name="everything__echo", arguments={"message": "x"}),
            modern_headers("tools/call", "everything__echo"),
        ),
        (
            "POST",
            "/ws/demo",
            modern_body("tools/call", name="down__x"),
            modern_headers("tools/call", "down__x"),
        ),
        ("POST", "/ws/demo", {"no": "message"}, {}),
        ("POST", "/ws/other", {}, {}),
        ("GET", "/ws/demo", None, {}),
        ("DELETE", "/ws/demo", None, {}),
        ("GET", "/healthz", None, {}),
        ("GET", "/nothing", None, {}),
        ("GET", "/api/v1/workspaces/demo", None, {}),
        *(
            ("GET", f"/api/v1/workspaces/demo/{path}", None, {})
            for path in (
                *("me", "settings", "servers", "servers/everything", "servers/down", "secrets"),
                *("servers/down/secrets/KEY", "tokens", "members", "tools", "calls"),
            )
        ),
        ("POST", "/api/v1/workspaces/demo/servers/down/test", None, {}),
    ]
    async with aiohttp.ClientSession() as http:
        for bearer in (token, token[:-1] + "x", "nonsense"):
            for method, path, body, headers in asked:
                auth = {"Authorization": f"Bearer {bearer}"}
                async with http.request(
                    method, served.url + path, json=body, headers={**headers, **auth}
                ) as response:
                    gathered += repr(response.headers).encode() + await response.read()
    return gathered


async def test_nowhere(box: Box, watch: Watch, printed: list[str]) -> None:
    def said(*arguments: str, given: str = "", exit_code: int = 0) -> None:
        done = box.run(*arguments, given=given, exit_code=exit_code)
        printed.extend((done.stdout, done.stderr))

    key = ("--env", "KEY=${secret:KEY}")
    said("server", "add", "everything", *key, "--", *server_command("server-everything"))
    said("secret", "set", "everything", "KEY", given=STDIO_SECRET)
    header = ("--header", "Authorization: Bearer ${secret:KEY}")
    said("server", "add", "down", "http://127.0.0.1:9/mcp", *header)
    said("secret", "set", "down", "KEY", given=HTTP_SECRET)
    token = box.token("admin")
    with box.serving() as served:
        answers = await everything_asked(served, token)
        said("server", "test", "everything")
        said("server", "test", "down", exit_code=6)
        said("call", "everything__echo", "message=x")
        for command in (
            ("server", "list"),
            ("server", "show", "everything"),
            ("secret", "list"),
            ("token", "list"),
            ("status",),
            ("logs",),
            ("workspace", "show", "demo"),
        ):
            said(*command)
            said(*command, "--json")
    places = {str(path): path.read_bytes() for path in box.home.rglob("*") if path.is_file()} | {
        "answers": answers,
        "output": "".join(printed).encode(),
        "command lines": "\0".join(watch.seen).encode(),
    }
    assert any(path.endswith("journal.db") for path in places)
    for secret in (STDIO_SECRET, HTTP_SECRET, token):
        for spelled in encodings(secret):
            found = [place for place, content in places.items() if spelled in content]
            assert found == [], (secret[:12], found)


def test_file_modes(box: Box) -> None:
    with box.serving():
        for path in Path(box.environment["MCPGW_HOME"]).rglob("*"):
            wide = path.stat().st_mode & 0o077
            assert wide == 0, (path, oct(path.stat().st_mode))
