"""JSON-RPC as servers send it: read leniently, routed strictly."""

import json

import pytest
from msgspec import Raw

from mcpgw.protocol.exchange import Reply
from mcpgw.upstream.frame import (
    Frame,
    answer_frame,
    cancelled_frame,
    read_frame,
    reply_frame,
    request_frame,
)

DEEP = b'{"id":1,"result":' + b"[" * 200_000


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"[1]",
        b'"text"',
        b"{",
        b'{"id":1} {"id":2}',
        b'{"id":true,"result":{}}',
        b'{"id":1.5,"result":{}}',
        b'{"id":{},"result":{}}',
        b'{"id":NaN}',
        b'{"id":1,"method":7}',
        b'{"id":1,"method":"\xff"}',
        b'{"id":1,"result":"\xff"}',
        b"\xfe\xff\x00{",
        b"<html></html>",
        DEEP,
    ],
    ids=lambda data: repr(data[:30]),
)
def test_what_is_not_one_message_reads_as_none(data: bytes) -> None:
    assert read_frame(data) is None


@pytest.mark.parametrize(
    ("data", "result", "error"),
    [
        (b'{"id":1,"result":{"a":1.0}}', b'{"a":1.0}', None),
        (b'{"id":1,"result":{},"error":null}', b"{}", None),
        (b'{"id":1,"error":{"code":-1,"x":[ 1 ]}}', None, b'{"code":-1,"x":[ 1 ]}'),
        (
            b'\r{"id":1,"result":123456789012345678901234567890}\r',
            b"123456789012345678901234567890",
            None,
        ),
    ],
)
def test_a_reply_carries_result_or_error_verbatim(
    data: bytes, result: bytes | None, error: bytes | None
) -> None:
    frame = read_frame(data)
    assert frame is not None
    reply = frame.reply()
    assert reply is not None
    if result is None:
        assert reply.result is None
        assert reply.error is not None
        assert bytes(reply.error) == error
    else:
        assert reply.error is None
        assert reply.result is not None
        assert bytes(reply.result).startswith(result)


@pytest.mark.parametrize("error", [b"null", b'"not found"', b"{}", b'{"code":"x"}', b"[]"])
def test_an_error_without_a_code_is_no_reply(error: bytes) -> None:
    frame = read_frame(b'{"id":1,"error":%b}' % error)
    assert frame is not None
    assert frame.reply() is None
    assert frame.error_code() is None
    assert frame.supported_versions() == ()


def test_an_unsupported_version_lists_what_is_supported() -> None:
    frame = read_frame(b'{"id":1,"error":{"code":-32022,"data":{"supported":["a","b"]}}}')
    assert frame is not None
    assert frame.supported_versions() == ("a", "b")


@pytest.mark.parametrize(
    ("params", "token"),
    [
        (b'{"progressToken":7,"progress":1}', 7),
        (b'{"progressToken":"seven"}', "seven"),
        (b'{"progressToken":null}', None),
        (b"{}", None),
        (b"[]", None),
    ],
)
def test_a_progress_token_is_found(params: bytes, token: object) -> None:
    frame = read_frame(b'{"method":"notifications/progress","params":%b}' % params)
    assert frame is not None
    assert frame.progress_token() == token


@pytest.mark.parametrize(
    ("params", "request_id"),
    [
        (b'{"requestId":7,"reason":"x"}', 7),
        (b'{"requestId":"seven"}', "seven"),
        (b"{}", None),
        (b"[]", None),
    ],
)
def test_a_cancelled_request_is_named(params: bytes, request_id: object) -> None:
    frame = read_frame(b'{"method":"notifications/cancelled","params":%b}' % params)
    assert frame is not None
    assert frame.cancelled_id() == request_id


@pytest.mark.parametrize(
    ("reply", "wanted"),
    [
        (Reply(Raw(b'{"a":[ 1.0 ]}'), None), b'"result":{"a":[ 1.0 ]}}'),
        (Reply(None, Raw(b'{ "code":1 }')), b'"error":{ "code":1 }}'),
        (Reply(None, None), b'"result":{}}'),
    ],
)
@pytest.mark.parametrize("request_id", [3, -3, "3", 'a"b'])
def test_a_clients_answer_goes_back_verbatim(
    reply: Reply, wanted: bytes, request_id: int | str
) -> None:
    body = reply_frame(Frame(id=request_id, method="roots/list"), reply)
    assert body.endswith(wanted)
    assert json.loads(body)["id"] == request_id


def test_what_we_send_is_json_rpc() -> None:
    assert json.loads(request_frame(5, 'odd"method', b'{"a":1}')) == {
        "jsonrpc": "2.0",
        "id": 5,
        "method": 'odd"method',
        "params": {"a": 1},
    }
    assert json.loads(cancelled_frame(5)) == {
        "jsonrpc": "2.0",
        "method": "notifications/cancelled",
        "params": {"requestId": 5},
    }


@pytest.mark.parametrize("request_id", [3, "3", 'a"b'])
def test_what_a_server_asks_without_a_client_is_answered_in_the_negative(
    request_id: int | str,
) -> None:
    results = {"ping": {}, "roots/list": {"roots": []}, "elicitation/create": {"action": "cancel"}}
    for method, result in results.items():
        answer = json.loads(answer_frame(Frame(id=request_id, method=method)))
        assert answer == {"jsonrpc": "2.0", "id": request_id, "result": result}
    other = json.loads(answer_frame(Frame(id=request_id, method="sampling/createMessage")))
    assert (other["id"], other["error"]["code"]) == (request_id, -32601)
