"""A running gateway tells a webhook what it watches for, once, across a restart."""

import sys
import time

from tests.e2e.conftest import Box
from tests.peers.hook import Hook, listening

CANARY = "canary-in-a-call"


def wait_for(hook: Hook, number: int) -> None:
    deadline = time.monotonic() + 20
    while len(hook.bodies) < number:
        assert time.monotonic() < deadline, hook.bodies
        time.sleep(0.05)


def test_a_server_that_fails(box: Box) -> None:
    box.run("server", "add", "broken", "--no-test", "--", sys.executable, "-c", "")
    for _ in range(2):
        box.run("call", "broken__x", "--args", f'{{"text": "{CANARY}"}}', exit_code=6)
    with listening("/secret-path") as hook:
        for when in ("calls(1h) > 1", "disk_nearly_full", "errors(1h) > 9"):
            box.run("alert", "add", "--when", when, "--webhook", "-", given=hook.url)
        with box.serving():
            wait_for(hook, 1)
        (body,) = hook.bodies
        assert body["text"] == "mcpgw demo: calls(1h) > 1: 2 of 2 calls"
        assert CANARY not in str(body)
        with box.serving():
            time.sleep(1)
        assert len(hook.bodies) == 1
    sent = {one["when"]: one["sent_at"] for one in box.read("alert", "list")}
    assert [when for when, moment in sent.items() if moment] == ["calls(1h) > 1"]
    assert "secret-path" not in (box.home / "serve.log").read_text()
