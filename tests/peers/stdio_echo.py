"""An MCP server over stdio in raw JSON-RPC, without any SDK: echoes, and misbehaves on demand.

    python stdio_echo.py legacy|modern|dual [habit...]

Habits: `silent` answers nothing; `deaf` ignores EOF and signals; `chatty` prints a banner to stdout;
`broken` complains and exits at once; `touchy` exits over any request before `initialize`;
`slow-probe` answers `server/discover` only after `initialize` came, and is modern from then on;
`mute-probe` never answers `server/discover`; `brief` exits after its first call.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

ERA, HABITS = sys.argv[1], set(sys.argv[2:])
MODERN, LEGACY = "2026-07-28", "2025-11-25"
CAPABILITIES = {"tools": {"listChanged": True}}
ME = {"name": "echo", "version": "1.0"}

lock = threading.Lock()
heard: dict[object, Any] = {}
has_heard = threading.Condition()
held_probe: list[object] = []
is_locked_modern = False
is_initialized = False


def write(message: object) -> None:
    write_line(json.dumps(message))


def write_line(line: str) -> None:
    with lock:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def answer(request_id: object, result: object) -> None:
    write({"jsonrpc": "2.0", "id": request_id, "result": result})


def refuse(request_id: object, code: int, message: str, data: object = None) -> None:
    error = {"code": code, "message": message, "data": data}
    write({"jsonrpc": "2.0", "id": request_id, "error": error})


def notify(method: str, params: object) -> None:
    write({"jsonrpc": "2.0", "method": method, "params": params})


def say(request_id: object, text: str) -> None:
    answer(request_id, {"content": [{"type": "text", "text": text}], "isError": False})


def ask(request_id: str, method: str) -> Any:
    """Ask the client and return its whole answer."""
    write({"jsonrpc": "2.0", "id": request_id, "method": method, "params": {}})
    with has_heard:
        has_heard.wait_for(lambda: request_id in heard, 5)
        return heard.get(request_id)


def call(request_id: Any, params: Any) -> None:
    name, given = params["name"], params.get("arguments", {})
    token = params.get("_meta", {}).get("progressToken")
    if name == "echo":
        time.sleep(given.get("delay_ms", 0) / 1000)
        say(request_id, given["text"])
    elif name == "progress":
        for step in range(given["steps"]):
            notify("notifications/progress", {"progressToken": token, "progress": step})
        say(request_id, "done")
    elif name == "never":
        notify("notifications/progress", {"progressToken": token, "progress": 0})
    elif name == "die":
        print("dying of", os.environ.get("CANARY", "nothing"), file=sys.stderr, flush=True)
        os._exit(7)
    elif name == "big":
        say(request_id, "x" * given["size"])
    elif name == "big-backwards":
        text = json.dumps({"text": "x" * given["size"]})
        write_line(f'{{"result":{text},"jsonrpc":"2.0","id":{request_id}}}')
    elif name == "big-notice":
        notify("notifications/message", {"level": "info", "data": "x" * given["size"]})
        say(request_id, "after")
    elif name == "twice":
        say(request_id, "first")
        say(request_id, "second")
    elif name == "strangers":
        for stranger in (request_id + 100_000, "no-such-id", None, 1.5):
            say(stranger, "not yours")
        write_line("this is no JSON")
        write_line("")
        notify("notifications/progress", {"progressToken": 999_999, "progress": 1})
        notify("notifications/unheard-of", {})
        notify("notifications/tools/list_changed", {})
        say(request_id, "yours")
    elif name == "questions":
        methods = ("ping", "roots/list", "sampling/createMessage", "elicitation/create")
        say(request_id, json.dumps([ask(f"q{n}", method) for n, method in enumerate(methods)]))
    elif name == "neither":
        write({"jsonrpc": "2.0", "id": request_id})
    elif name == "era-error":
        refuse(request_id, -32022, "not like this", {"supported": [LEGACY]})
    elif name == "environment":
        say(request_id, json.dumps({**os.environ, "cwd": os.getcwd()}))
    elif name == "breed":
        pids = [os.getpid()]
        for is_own_session in (False, True):
            script = "import signal,time;signal.signal(15,1);signal.signal(1,1);time.sleep(60)"
            child = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", script], start_new_session=is_own_session
            )
            pids.append(child.pid)
        say(request_id, json.dumps(pids))
    elif name == "stall":
        time.sleep(given["seconds"])
    elif name == "close-stdout":
        os.close(1)
    else:
        refuse(request_id, -32602, f"unknown tool {name}")


def discover(request_id: object) -> None:
    result = {
        "supportedVersions": [MODERN],
        "capabilities": CAPABILITIES,
        "instructions": "say something",
        "_meta": {"io.modelcontextprotocol/serverInfo": ME},
    }
    answer(request_id, result)


def initialize(request_id: object) -> None:
    global is_initialized
    if ERA == "modern" or is_locked_modern:
        refuse(request_id, -32022, "too old", {"supported": [MODERN], "requested": LEGACY})
        return
    is_initialized = True
    answer(
        request_id,
        {
            "protocolVersion": LEGACY,
            "capabilities": CAPABILITIES,
            "instructions": "say something",
            "serverInfo": ME,
        },
    )


def take(message: Any) -> None:
    global is_locked_modern
    request_id, method = message.get("id"), message.get("method")
    if method is None:
        with has_heard:
            heard[request_id] = message
            has_heard.notify_all()
    elif "silent" in HABITS:
        return
    elif method == "notifications/cancelled":
        print("cancelled", message["params"]["requestId"], file=sys.stderr, flush=True)
    elif method == "server/discover":
        if "touchy" in HABITS:
            os._exit(1)
        if "mute-probe" in HABITS:
            return
        if "slow-probe" in HABITS and not is_locked_modern:
            is_locked_modern = True
        elif ERA == "legacy":
            refuse(request_id, -32601, "method not found")
        else:
            discover(request_id)
    elif method == "initialize":
        initialize(request_id)
    elif method == "tools/call":
        if message["params"]["name"] == "stall":
            call(request_id, message["params"])  # Reads nothing in the meantime.
        else:
            threading.Thread(target=call, args=(request_id, message["params"]), daemon=True).start()
        if "brief" in HABITS:
            time.sleep(0.05)
            os._exit(0)
    elif request_id is not None:
        refuse(request_id, -32601, "method not found")


def main() -> None:
    if "broken" in HABITS:
        print("warming up", file=sys.stderr)
        print("fatal: bad key", os.environ.get("CANARY", ""), file=sys.stderr)
        sys.exit(3)
    if "chatty" in HABITS:
        write_line("Welcome to Echo 1.0!")
    if "deaf" in HABITS:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
    for line in sys.stdin:
        take(json.loads(line))
    while "deaf" in HABITS:
        time.sleep(1)


if __name__ == "__main__":
    main()
