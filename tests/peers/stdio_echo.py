"""An MCP server over stdio in raw JSON-RPC, without any SDK: echoes, and misbehaves on demand.

    python stdio_echo.py legacy|modern|dual [habit...]

Habits: `silent` answers nothing; `deaf` ignores EOF and signals; `chatty` begins with a banner on
stdout; `broken` complains and exits at once; `touchy` exits when it is probed; `mute-probe` leaves
the probe unanswered; `slow-probe` too, and is modern from then on; `brief` exits after a call;
`no-past` exits when it is initialized; `mute-past` does not answer that.
"""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

ERA, HABITS = sys.argv[1], set(sys.argv[2:])
MODERN, LEGACY = "2026-07-28", "2025-11-25"
CAPABILITIES = {"tools": {"listChanged": True}}
ME = {"name": "echo", "version": "1.0"}
ENVIRONMENT = dict(os.environ)  # noqa: TID251  (no part of mcpgw)

STUBBORN = "import signal,time;signal.signal(15,1);signal.signal(1,1);time.sleep(60)"

state: dict[str, Any] = {"is_locked_modern": False}
answers: dict[object, Any] = {}
has_answers = threading.Condition()
writing = threading.Lock()


def write_line(line: str) -> None:
    with writing:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def write(**message: object) -> None:
    write_line(json.dumps({"jsonrpc": "2.0", **message}))


def complain(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def refuse(request_id: object, code: int, message: str, data: object = None) -> None:
    write(id=request_id, error={"code": code, "message": message, "data": data})


def notify(method: str, **params: object) -> None:
    write(method=method, params=params)


def say(request_id: object, text: str) -> None:
    write(id=request_id, result={"content": [{"type": "text", "text": text}], "isError": False})


# The tools: each takes the id of its request, its arguments and its progress token.


def echo(request_id: int, given: Any, token: object) -> None:
    time.sleep(given.get("delay_ms", 0) / 1000)
    say(request_id, given["text"])


def progress(request_id: int, given: Any, token: object) -> None:
    for step in range(given["steps"]):
        notify("notifications/progress", progressToken=token, progress=step)
    say(request_id, "done")


def never(request_id: int, given: Any, token: object) -> None:
    notify("notifications/progress", progressToken=token, progress=0)


def die(request_id: int, given: Any, token: object) -> None:
    complain("dying of " + ENVIRONMENT.get("CANARY", "nothing"))
    os._exit(7)


def big(request_id: int, given: Any, token: object) -> None:
    say(request_id, "x" * given["size"])


def big_backwards(request_id: int, given: Any, token: object) -> None:
    text = json.dumps({"text": "x" * given["size"]})
    write_line(f'{{"result":{text},"jsonrpc":"2.0","id":{request_id}}}')


def big_notice(request_id: int, given: Any, token: object) -> None:
    notify("notifications/message", level="info", data="x" * given["size"])
    say(request_id, "after")


def twice(request_id: int, given: Any, token: object) -> None:
    say(request_id, "first")
    say(request_id, "second")


def strangers(request_id: int, given: Any, token: object) -> None:
    for stranger in (request_id + 100_000, "no-such-id", None, 1.5):
        say(stranger, "not yours")
    write_line("this is no JSON")
    write_line("")
    notify("notifications/progress", progressToken=999_999, progress=1)
    notify("notifications/unheard-of")
    notify("notifications/tools/list_changed")
    say(request_id, "yours")


def questions(request_id: int, given: Any, token: object) -> None:
    methods = ("ping", "roots/list", "sampling/createMessage", "elicitation/create")
    for method in methods:
        write(id=method, method=method, params={})
    with has_answers:
        has_answers.wait_for(lambda: answers.keys() >= set(methods), 5)
    say(request_id, json.dumps([answers.get(method) for method in methods]))


def ask(request_id: int, given: Any, token: object) -> None:
    """Ask once, and say what came back."""
    question_id = given.get("id", f"question-{request_id}")
    write(id=question_id, method=given["method"], params=given.get("params", {}))
    if given.get("is_withdrawn"):
        notify("notifications/cancelled", requestId=question_id)
    with has_answers:
        has_answers.wait_for(lambda: question_id in answers, 5)
        say(request_id, json.dumps(answers.pop(question_id, None)))


def ask_later(request_id: int, given: Any, token: object) -> None:
    """Ask when the call is over."""
    say(request_id, "soon")
    time.sleep(0.05)
    write(id=given["id"], method=given["method"], params={})


def said(request_id: int, given: Any, token: object) -> None:
    """Say what our questions were answered."""
    with has_answers:
        has_answers.wait_for(lambda: given["id"] in answers, 5)
        say(request_id, json.dumps(answers.get(given["id"])))


def offered(request_id: int, given: Any, token: object) -> None:
    """Say who we are and what our client can be asked for."""
    say(request_id, json.dumps({"pid": os.getpid(), "offered": state.get("offered")}))


def log(request_id: int, given: Any, token: object) -> None:
    notify("notifications/message", level="info", data=given["text"])
    time.sleep(given.get("delay_ms", 0) / 1000)
    say(request_id, "logged")


def flood(request_id: int, given: Any, token: object) -> None:
    """Report progress without end."""
    for step in itertools.count():
        notify("notifications/progress", progressToken=token, progress=step)
        time.sleep(0.0001)


def neither(request_id: int, given: Any, token: object) -> None:
    write(id=request_id)


def era_error(request_id: int, given: Any, token: object) -> None:
    refuse(request_id, -32022, "not like this", {"supported": [LEGACY]})


def header_error(request_id: int, given: Any, token: object) -> None:
    refuse(request_id, -32020, "not these headers")


def environment(request_id: int, given: Any, token: object) -> None:
    say(request_id, json.dumps({**ENVIRONMENT, "cwd": os.getcwd()}))


def breed(request_id: int, given: Any, token: object) -> None:
    """Start a child in our own group and one that leaves it; tell all three pids."""
    command = [sys.executable, "-I", "-S", "-c", STUBBORN]
    children = [subprocess.Popen(command, start_new_session=leaves) for leaves in (False, True)]
    say(request_id, json.dumps([os.getpid(), *[child.pid for child in children]]))


def stall(request_id: int, given: Any, token: object) -> None:
    """Read nothing for a while."""
    time.sleep(given["seconds"])


def close_stdout(request_id: int, given: Any, token: object) -> None:
    os.close(1)


TOOLS: dict[str, Callable[[int, Any, object], None]] = {
    tool.__name__.replace("_", "-"): tool
    for tool in (
        *(echo, progress, never, die, big, big_backwards, big_notice, twice, strangers, questions),
        *(neither, era_error, header_error, environment, breed, stall, close_stdout),
        *(ask, ask_later, said, offered, log, flood),
    )
}

# The protocol: each takes the id of the message, if it has one, and its parameters.


def call(request_id: Any, params: Any) -> None:
    tool = TOOLS.get(params["name"])
    given, token = params.get("arguments", {}), params.get("_meta", {}).get("progressToken")
    if tool is None:
        refuse(request_id, -32602, "unknown tool")
    elif tool is stall:
        stall(request_id, given, token)
    else:
        threading.Thread(target=tool, args=(request_id, given, token), daemon=True).start()
    if "brief" in HABITS:
        time.sleep(0.05)
        os._exit(0)


def discover(request_id: Any, params: Any) -> None:
    if "touchy" in HABITS:
        os._exit(1)
    if "mute-probe" in HABITS:
        return
    if "slow-probe" in HABITS and not state["is_locked_modern"]:
        state["is_locked_modern"] = True
        return
    if ERA == "legacy":
        refuse(request_id, -32601, "method not found")
        return
    write(
        id=request_id,
        result={
            "supportedVersions": [MODERN],
            "capabilities": CAPABILITIES,
            "instructions": "say something",
            "_meta": {"io.modelcontextprotocol/serverInfo": ME},
        },
    )


def initialize(request_id: Any, params: Any) -> None:
    if "no-past" in HABITS:
        os._exit(1)
    if "mute-past" in HABITS:
        return
    state["offered"] = params["capabilities"]
    if ERA == "modern" or state["is_locked_modern"]:
        refuse(request_id, -32022, "too old", {"supported": [MODERN], "requested": LEGACY})
        return
    write(
        id=request_id,
        result={
            "protocolVersion": LEGACY,
            "capabilities": CAPABILITIES,
            "instructions": "say something",
            "serverInfo": ME,
        },
    )


def cancelled(request_id: Any, params: Any) -> None:
    complain(f"cancelled {params['requestId']}")


METHODS = {
    "tools/call": call,
    "server/discover": discover,
    "initialize": initialize,
    "notifications/cancelled": cancelled,
}


def take(message: Any) -> None:
    request_id, method = message.get("id"), message.get("method")
    if method is None:
        with has_answers:
            answers[request_id] = message
            has_answers.notify_all()
    elif "silent" in HABITS:
        return
    elif method in METHODS:
        METHODS[method](request_id, message.get("params", {}))
    elif request_id is not None:
        refuse(request_id, -32601, "method not found")


def main() -> None:
    if "broken" in HABITS:
        complain("warming up")
        complain("fatal: bad key " + ENVIRONMENT.get("CANARY", ""))
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
