"""An MCP server over stdio in raw JSON-RPC, without any SDK, that has news of its resources.

python stdio_news.py legacy|modern|dual [habit...]

The tool `touch` says that a resource changed to all who want to know, and returns who they are:
the open subscriptions and the resources subscribed to; `die` ends the process. Habits: `no-listen`
knows no subscriptions.
"""

import json
import os
import sys
from typing import Any

ERA, HABITS = sys.argv[1], set(sys.argv[2:])
MODERN, LEGACY = "2026-07-28", "2025-11-25"
CAPABILITIES = {"tools": {}, "resources": {"subscribe": True}}
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"

listens: dict[Any, Any] = {}
subscribed: set[str] = set()


def write(**message: object) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def notify(method: str, **params: object) -> None:
    write(method="notifications/" + method, params=params)


def refuse(request_id: object, code: int) -> None:
    write(id=request_id, error={"code": code, "message": "no"})


def discover(request_id: Any, params: Any) -> None:
    if ERA != "legacy":
        write(id=request_id, result={"supportedVersions": [MODERN], "capabilities": CAPABILITIES})
    else:
        refuse(request_id, -32601)


def initialize(request_id: Any, params: Any) -> None:
    if ERA != "modern":
        write(id=request_id, result={"protocolVersion": LEGACY, "capabilities": CAPABILITIES})
    else:
        refuse(request_id, -32601)


def listen(request_id: Any, params: Any) -> None:
    if "no-listen" in HABITS:
        refuse(request_id, -32601)
        return
    wanted = listens[request_id] = params["notifications"]
    acknowledged = "subscriptions/acknowledged"
    notify(acknowledged, notifications=wanted, _meta={SUBSCRIPTION: request_id})


def subscribe(request_id: Any, params: Any) -> None:
    subscribed.add(params["uri"])
    write(id=request_id, result={})


def unsubscribe(request_id: Any, params: Any) -> None:
    subscribed.discard(params["uri"])
    write(id=request_id, result={})


def cancelled(request_id: Any, params: Any) -> None:
    listens.pop(params["requestId"], None)


def call(request_id: Any, params: Any) -> None:
    if params["name"] == "die":
        os._exit(7)
    uri = params["arguments"]["uri"]
    for listen_id, wanted in listens.items():
        if uri in wanted.get("resourceSubscriptions", []):
            notify("resources/updated", uri=uri, _meta={SUBSCRIPTION: listen_id})
    if uri in subscribed:
        notify("resources/updated", uri=uri)
    open_now = [wanted.get("resourceSubscriptions", []) for wanted in listens.values()]
    text = json.dumps({"listens": open_now, "subscribed": sorted(subscribed)})
    write(id=request_id, result={"content": [{"type": "text", "text": text}]})


METHODS = {
    "server/discover": discover,
    "initialize": initialize,
    "subscriptions/listen": listen,
    "resources/subscribe": subscribe,
    "resources/unsubscribe": unsubscribe,
    "notifications/cancelled": cancelled,
    "tools/call": call,
}


def main() -> None:
    for line in sys.stdin:
        message = json.loads(line)
        method = METHODS.get(message.get("method"))
        if method is not None:
            method(message.get("id"), message.get("params", {}))
        elif "id" in message:
            refuse(message["id"], -32601)


if __name__ == "__main__":
    main()
