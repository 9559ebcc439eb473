"""The real command, asked in ways that it must not fall for: nothing of that reaches a server.

Expectations stand here by themselves: they are not computed by the code that is tested.
"""

from itertools import product

import psutil  # type: ignore[import-untyped]  # it has no types

from tests.e2e.door import Door, door

__all__ = ["door"]

HOSTS = {
    "127.0.0.1:PORT": 200,
    "LOCALHOST:PORT": 200,
    "[::1]:PORT": 200,
    "gw.example.com": 200,
    "gw.example.com:443": 200,
    "localhost.evil.com:PORT": 403,
    "127.0.0.1.nip.io:PORT": 403,
    "localhost.:PORT": 403,
    "localhost:1": 403,
    "0.0.0.0:PORT": 403,
    "evil.example": 403,
    "x/public?": 400,
    "": 400,
}
ORIGINS = {
    None: 200,
    "https://gw.example.com": 200,
    "http://127.0.0.1:PORT": 200,
    "http://localhost:PORT": 200,
    "http://gw.example.com": 403,
    "http://localhost:1": 403,
    "https://localhost:PORT": 403,
    "http://localhost.evil.com:PORT": 403,
    "null": 403,
}
SITES = {None: 200, "same-origin": 200, "none": 200, "same-site": 403, "cross-site": 403, "x": 403}
ROUTES = {
    ("GET", "/healthz"): 200,
    ("POST", "/ws/demo"): 200,
    ("POST", "/ws/demo/mcp"): 200,
    ("GET", "/ws/demo"): 405,
    ("DELETE", "/ws/demo"): 405,
    ("GET", "/ws/demo/sse"): 200,
    ("POST", "/ws/demo/messages"): 404,
    ("POST", "/ws/other"): 401,
    ("GET", "/nothing"): 404,
    ("OPTIONS", "/ws/demo"): 405,
}
"""What each route says to a modern client with a good token."""


async def test_hosts_origins_and_sites_at_every_route(door: Door) -> None:
    """13 hosts, 9 origins, 6 kinds of site, 10 routes."""
    before, wanted, deviations, cases = door.calls, 0, [], 0
    combinations = product(HOSTS, ORIGINS, SITES, ROUTES)
    for number, (host, origin, site, (method, path)) in enumerate(combinations):
        if number % 11:  # prime to all four numbers, so that every pair of values is met
            continue
        verdicts = (HOSTS[host], ORIGINS[origin], SITES[site], ROUTES[method, path])
        expected = next((one for one in verdicts if one != 200), 200)
        headers = [f"Origin: {origin}"] if origin is not None else []
        headers += [f"Sec-Fetch-Site: {site}"] if site is not None else []
        request = door.request(path, *headers, method=method, host=host)
        status = await door.status(request.replace(b"PORT", str(door.port).encode()))
        cases += 1
        wanted += method == "POST" and expected == 200
        if status != expected:
            deviations.append((host, origin, site, method, path, expected, status))
    assert deviations == []
    assert cases > 600
    assert door.calls - before == wanted > 0


PATHS = {
    "/ws/demo": 200,
    "/ws/demo?x=/ws/other": 200,
    "/ws/demo?": 200,
    "/ws/demo/../demo": 400,
    "/x/../ws/demo": 400,
    "/ws/./demo": 400,
    "/./ws/demo": 400,
    "/ws/demo/.": 400,
    "/ws/demo/..": 400,
    "//ws/demo": 400,
    "/ws//demo": 400,
    "///ws/demo": 400,
    "//127.0.0.1/ws/demo": 400,
    "/ws/demo/": 400,
    "/ws/%64emo": 400,
    "/ws/demo%2f": 400,
    "/ws/demo%2fmcp": 400,
    "/ws%2fdemo": 400,
    "/ws/%2e%2e/ws/demo": 400,
    "/ws/demo%00": 400,
    "/ws/demo%0d%0aX:y": 400,
    "/%77s/demo": 400,
    "/ws/demo#": 400,
    "/ws/demo#?x": 400,
    "/ws/demo;x=1": 400,
    "/ws/demo\\mcp": 400,
    "\\ws\\demo": 400,
    "ws/demo": 400,
    "?/ws/demo": 400,
    "*": 400,
    "http://evil.example/ws/demo": 400,
    "http://localhost/ws/demo": 400,
    "HTTP://localhost/ws/demo": 400,
    "https://gw.example.com/ws/demo": 400,
    "localhost:80": 400,
    "/ws/d\u00e9mo": 400,
    "/ws/demo\udcff": 400,
    "/ws/demo\u0000": 400,
    "/ws/{slug}": 400,
    "/ws/demo mcp": 400,
    "/WS/demo": 404,
    "/ws": 404,
    "/ws/demo/mcp/x": 404,
    "/ws/demo/sse/..mcp": 404,
    "/ws/Demo": 401,
    "/ws/~": 404,
    "/ws/...": 404,
}


async def test_a_path_means_one_thing(door: Door) -> None:
    """All with a good token, so that nothing but the path decides."""
    before = door.calls
    found = {path: await door.status(door.request(path)) for path in PATHS}
    assert found == PATHS
    assert door.calls - before == list(PATHS.values()).count(200)


NESTED = b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":'
HURTING = {
    "deep objects": (NESTED + b'{"a":' * 100_000, 400),
    "deep arrays": (NESTED + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    "a huge number": (NESTED + b'{"x":' + b"9" * 5_000 + b"}}", 400),
    "not a number": (NESTED + b'{"x":NaN}}', 400),
    "infinity": (NESTED + b'{"x":-Infinity}}', 400),
    "a key twice": (NESTED + b'{},"method":"tools/call"}', 400),
    "half a surrogate": (b'{"jsonrpc":"2.0","id":1,"method":"\\ud800"}', 400),
    "a byte order mark": (b"\xef\xbb\xbf" + NESTED + b"{}}", 400),
    "UTF-16": ((NESTED + b"{}}").decode().encode("utf-16"), 400),
    "Latin-1": (b'{"jsonrpc":"2.0","id":1,"method":"t\xe9"}', 400),
    "a NUL": (NESTED + b"{}}\0", 400),
    "two bodies": (NESTED + b"{}}" + NESTED + b"{}}", 400),
    "nothing": (b"", 400),
    "too large": (NESTED + b'{"x":"' + b"x" * (5 << 20) + b'"}}', 413),
    "a long string": (NESTED + b'{"x":"' + b"x" * (3 << 20) + b'"}}', 400),
    "many keys": (NESTED + b"{" + b'"k":1,' * 400_000 + b'"k":1}}', 400),
}
"""All of it without the metadata that a modern request must have, so that none is served."""


async def test_bodies_that_are_meant_to_hurt(door: Door) -> None:
    process = psutil.Process(door.served.process.pid)
    before = process.memory_info().rss
    for name, (body, expected) in HURTING.items():
        head, _, _ = door.request(method="GET").partition(b"Content-Length")
        head = head.replace(b"GET", b"POST", 1) + b"Content-Length: %d\r\n\r\n" % len(body)
        assert await door.status(head + body) == expected, name
    grown_mb = (process.memory_info().rss - before) / 1e6
    print(f"\nthe gateway grew by {grown_mb:.1f} MB")  # noqa: T201
    assert grown_mb < 150
    assert await door.status(door.request()) == 200


async def test_a_bomb_is_not_unpacked(door: Door) -> None:
    for encoding in ("gzip", "deflate", "br", "zstd", "identity", "x-unknown"):
        bomb = door.request("/ws/demo", f"Content-Encoding: {encoding}")
        assert await door.status(bomb) == 415
