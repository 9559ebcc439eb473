"""Posts JSON to a URL that somebody else watches, and which no message names: it may hold a secret.

Follows no redirect, uses no proxy of the environment, reads no answer.
"""

from typing import Any

import msgspec

from mcpgw.errors import UpstreamError

TIMEOUT_S, CONNECT_TIMEOUT_S = 10.0, 5.0


async def post(url: str, body: Any) -> bool:
    """Post `body` as JSON; say whether that was acknowledged.

    Without an answer it may have been taken all the same.

    Raises:
        UpstreamError: it was certainly not taken; the message says why, and not where.
    """
    import aiohttp  # late: it takes longer to import than most commands take

    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S)
    headers = {"Content-Type": "application/json", "User-Agent": "mcpgw"}
    data = msgspec.json.encode(body)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.post(url, data=data, headers=headers, allow_redirects=False) as response,
        ):
            status = response.status
    except (
        aiohttp.ClientConnectorError,
        aiohttp.ConnectionTimeoutError,
        aiohttp.InvalidURL,
        aiohttp.NonHttpUrlClientError,
        ValueError,
    ) as error:
        raise UpstreamError(
            f"the webhook cannot be reached: {type(error).__name__}", "check its URL"
        ) from None
    except (aiohttp.ClientError, OSError):
        return False
    if not 200 <= status < 300:
        raise UpstreamError(f"the webhook answered with status {status}", "check its URL", status)
    return True
