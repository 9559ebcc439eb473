import json

import pytest
from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.protocol.jsonrpc import INVALID_PARAMS
from mcpgw.protocol.subscription import (
    MAX_URIS,
    Wanted,
    acknowledgement,
    list_changed,
    listen_result,
    read_wanted,
    tagged,
    updated_params,
)

SUBSCRIPTION_ID = "io.modelcontextprotocol/subscriptionId"


def wanted(*kinds: str, uris: tuple[str, ...] = ()) -> Wanted:
    return Wanted(frozenset(kinds), uris)


@pytest.mark.parametrize(
    ("notifications", "expected"),
    [
        ({}, wanted()),
        ({"toolsListChanged": True}, wanted("tools")),
        ({"toolsListChanged": False, "promptsListChanged": True}, wanted("prompts")),
        (
            {"toolsListChanged": True, "promptsListChanged": True, "resourcesListChanged": True},
            wanted("tools", "prompts", "resources"),
        ),
        ({"resourceSubscriptions": ["b", "a", "b"]}, wanted(uris=("b", "a"))),
        ({"resourceSubscriptions": None, "toolsListChanged": None}, wanted()),
        ({"taskIds": ["t"], "somethingNew": 5, "toolsListChanged": True}, wanted("tools")),
        (
            {"resourceSubscriptions": [f"u{i}" for i in range(MAX_URIS)] * 2},
            wanted(uris=tuple(f"u{i}" for i in range(MAX_URIS))),
        ),
    ],
)
def test_what_a_client_wants_to_hear_of(notifications: object, expected: Wanted) -> None:
    assert read_wanted({"notifications": Raw(json.dumps(notifications).encode())}) == expected


@pytest.mark.parametrize(
    "notifications",
    [
        None,
        b"null",
        b"[]",
        b'{"toolsListChanged":1}',
        b'{"toolsListChanged":"true"}',
        b'{"resourceSubscriptions":"u"}',
        b'{"resourceSubscriptions":[5]}',
        b'{"x":' * 100_000,
        json.dumps({"resourceSubscriptions": [f"u{i}" for i in range(MAX_URIS + 1)]}).encode(),
    ],
)
def test_what_cannot_be_listened_to(notifications: bytes | None) -> None:
    with pytest.raises(ProtocolError) as refusal:
        read_wanted({} if notifications is None else {"notifications": Raw(notifications)})
    assert refusal.value.rpc_code == INVALID_PARAMS


@pytest.mark.parametrize("request_id", [b"5", b'"5"'])
@pytest.mark.parametrize(
    ("honoured", "expected"),
    [
        (wanted(), {}),
        (wanted("tools"), {"toolsListChanged": True}),
        (
            wanted("prompts", "resources", uris=("u", "v")),
            {
                "promptsListChanged": True,
                "resourcesListChanged": True,
                "resourceSubscriptions": ["u", "v"],
            },
        ),
    ],
)
def test_the_acknowledgement_says_what_is_honoured(
    request_id: bytes, honoured: Wanted, expected: dict[str, object]
) -> None:
    assert json.loads(acknowledgement(request_id, honoured)) == {
        "jsonrpc": "2.0",
        "method": "notifications/subscriptions/acknowledged",
        "params": {"notifications": expected, "_meta": {SUBSCRIPTION_ID: json.loads(request_id)}},
    }


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (b"{}", b'{"_meta":{"%b":7}}'),
        (b'{"uri":"\\u0041"}', b'{"uri":"\\u0041","_meta":{"%b":7}}'),
        (b'{"_meta":{"a":1.0}}', b'{"_meta":{"a":1.0,"%b":7}}'),
        (b'{"_meta":{"io.modelcontextprotocol/subscriptionId":"theirs"}}', b'{"_meta":{"%b":7}}'),
        (b'{"_meta":5}', b'{"_meta":{"%b":7}}'),
    ],
)
def test_notifications_name_their_subscription(params: bytes, expected: bytes) -> None:
    message = tagged(list_changed("tools"), Raw(params), b"7")
    assert message == (
        b'{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":'
        + expected % SUBSCRIPTION_ID.encode()
        + b"}"
    )


def test_notifications_without_an_object_are_refused() -> None:
    with pytest.raises(ProtocolError):
        tagged(list_changed("tools"), b"[]", b"7")


def test_the_end_of_a_subscription_is_its_result() -> None:
    assert json.loads(listen_result(b'"x"', b'{"name":"mcpgw"}')) == {
        "jsonrpc": "2.0",
        "id": "x",
        "result": {
            "resultType": "complete",
            "_meta": {
                SUBSCRIPTION_ID: "x",
                "io.modelcontextprotocol/serverInfo": {"name": "mcpgw"},
            },
        },
    }


def test_updated_params() -> None:
    assert json.loads(updated_params('demo://"1"')) == {"uri": 'demo://"1"'}
