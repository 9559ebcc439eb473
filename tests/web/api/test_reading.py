"""What is sent is read strictly, and never quoted back."""

import asyncio
import json
from typing import Any

import pytest

from tests.web.api.conftest import DEMO, ApiClient

CANARY = "mgwu_" + "C" * 49
TOKENS = DEMO + "/tokens"


async def send(
    admin: ApiClient, body: bytes, content_type: str | None = "application/json"
) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {admin.token}"}
    if content_type is not None:
        headers["Content-Type"] = content_type
    answered = await admin.client.ask("POST", TOKENS, data=body, headers=headers)
    return answered.status, answered.text


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/yaml",
        "application/jsonp",
        "application/json, text/plain",
    ],
)
async def test_what_is_no_json_by_its_own_word(admin: ApiClient, content_type: str | None) -> None:
    body = json.dumps({"member": "b", "role": "developer"}).encode()
    status, text = await send(admin, body, content_type)
    assert (status, json.loads(text)["type"]) == (415, "urn:mcpgw:error:unsupported_media_type")


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON", "application/json; charset=UTF-8"]
)
async def test_json_by_its_own_word(admin: ApiClient, content_type: str) -> None:
    body = json.dumps({"member": "b", "role": "developer"}).encode()
    assert (await send(admin, body, content_type))[0] == 201


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"member":"b","role":"developer"} x',
        b'\xef\xbb\xbf{"member":"b","role":"developer"}',
        '{"member":"b","role":"developer"}'.encode("utf-16"),
        b'{"member":"\xff","role":"developer"}',
        b'{"member":"\\ud800","role":"developer"}',
        b'{"member":"b","role":"developer","ttl_s":NaN}',
        b'{"member":"b","role":"developer","ttl_s":1e999}',
        b'{"member":"b","role":"developer","ttl_s":' + b"9" * 5000 + b"}",
        b'{"member":"b","role":"developer","bounds":' + b"[" * 3000 + b"]" * 3000 + b"}",
        b"[" * 9000,
    ],
)
async def test_what_cannot_be_read(admin: ApiClient, body: bytes) -> None:
    status, text = await send(admin, body)
    assert (status, json.loads(text)["type"]) == (400, "urn:mcpgw:error:invalid")


@pytest.mark.parametrize(
    "body",
    [
        {"member": "b", "role": CANARY},
        {"member": "b", "role": f"x' - {CANARY}"},
        {"member": "b", "role": f"\n'{CANARY}"},
        {"member": "b", "role": "developer", CANARY: 1},
        {"member": "b", "role": "developer", f"x` {CANARY}": 1},
        {"member": {CANARY: CANARY}, "role": "developer"},
        {"member": "b", "role": "developer", "ttl_s": CANARY},
    ],
)
async def test_nothing_of_it_is_quoted(
    admin: ApiClient, body: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    status, text = await send(admin, json.dumps(body).encode())
    assert status == 400
    assert CANARY not in text + caplog.text


async def test_an_unknown_field_is_named_with_what_is_known(admin: ApiClient) -> None:
    _, text = await send(admin, b'{"member":"b","role":"developer","command":["sh"]}')
    problem = json.loads(text)
    assert "unknown field command" in problem["detail"]
    assert "member, role, ttl_s" in problem["hint"]
    problem = await admin.refused(400, "GET", "/me", command="sh")
    assert problem["hint"] == "it takes: nothing"


async def test_a_body_where_none_is_taken(admin: ApiClient) -> None:
    for method, path in (("GET", "/me"), ("DELETE", f"/tokens/{admin.token_id}")):
        problem = await admin.refused(400, method, path, {"command": ["sh"]})
        assert "no body" in problem["detail"]
    assert (await admin.ask("GET", "/me")).status == 200


async def test_a_body_too_large_and_one_that_trickles(
    admin: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await send(admin, b'"' + b"x" * 10_001 + b'"'))[0] == 413
    monkeypatch.setattr("mcpgw.web.body.BODY_TIME_S", 0.05)
    host, port = admin.client.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {TOKENS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Bearer {admin.token}\r\nContent-Length: 50\r\n\r\n{{"
    writer.write(head.encode())
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert b" 408 " in answer
    assert b"application/problem+json" in answer
    writer.close()
