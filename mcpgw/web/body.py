"""The body of a request: JSON, as it is, in time and within its size. Every route reads it here."""

import asyncio

from aiohttp import StreamReader, web

from mcpgw.web.refusal import Refused

BODY_TIME_S = 10.0
"""How long a body may take that did not come with its headers."""

BYTES_PER_S = 100 << 10
"""What has come at this rate extends that time, so that a large body may come over a slow line."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


async def read_body(request: web.BaseRequest, max_body_bytes: int) -> bytes:
    """Return the body.

    Raises:
        Refused: it is no JSON by its own word, too large, malformed, or did not arrive in time.
    """
    _check_content_type(request.headers.get("Content-Type", ""))
    content = request.content
    if content.is_eof():
        # It came with its headers, as most do: no need to wait in turns for its pieces.
        body = content.read_nowait()
        if len(body) > max_body_bytes:
            raise _too_large(max_body_bytes)
        return body
    if (request.content_length or 0) > max_body_bytes:
        raise _too_large(max_body_bytes)
    if "Expect" in request.headers and request.transport is not None:
        request.transport.write(CONTINUE)
    try:
        return await _read_slowly(content, max_body_bytes)
    except TimeoutError:
        raise Refused(408, "the request body did not arrive in time") from None
    except web.RequestPayloadError:
        raise Refused(400, "the request body is malformed") from None


async def _read_slowly(content: StreamReader, max_body_bytes: int) -> bytes:
    body = bytearray()
    began = asyncio.get_running_loop().time()
    async with asyncio.timeout(BODY_TIME_S) as limit:
        while chunk := await content.readany():
            body += chunk
            if len(body) > max_body_bytes:
                raise _too_large(max_body_bytes)
            limit.reschedule(began + BODY_TIME_S + len(body) / BYTES_PER_S)
    return bytes(body)


def _check_content_type(given: str) -> None:
    if given == "application/json":
        return
    if given.partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "the request body must be JSON", "send Content-Type: application/json")


def _too_large(max_body_bytes: int) -> Refused:
    return Refused(413, f"the request body has more than {max_body_bytes} bytes")
