"""A reverse proxy as one writes it with aiohttp in an afternoon: the yardstick of the gateway.

Passes everything on and does nothing else. It has what the gateway has, so that it is a fair one:
uvloop, no access log, connections enough. `python -m bench.bare_proxy http://127.0.0.1:PORT` prints
its own port and ends when its stdin does.
"""

import sys

import uvloop
from aiohttp import ClientSession, DummyCookieJar, TCPConnector, web

from bench.lifetime import stdin_ends

HOP_BY_HOP = frozenset(
    {"host", "connection", "keep-alive", "transfer-encoding", "content-length", "upgrade", "te"}
)


async def main(origin: str) -> None:
    """Serve until stdin ends."""
    connector = TCPConnector(limit=1000)
    async with ClientSession(connector=connector, cookie_jar=DummyCookieJar()) as session:

        async def forward(request: web.Request) -> web.Response:
            sent = {n: v for n, v in request.headers.items() if n.lower() not in HOP_BY_HOP}
            async with session.request(
                request.method, origin + request.path_qs, headers=sent, data=await request.read()
            ) as answer:
                got = {n: v for n, v in answer.headers.items() if n.lower() not in HOP_BY_HOP}
                return web.Response(status=answer.status, headers=got, body=await answer.read())

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", forward)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        sys.stdout.write(f"{runner.addresses[0][1]}\n")
        sys.stdout.flush()
        await stdin_ends()
        await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
