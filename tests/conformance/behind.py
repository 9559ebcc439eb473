"""What the suite starts as client in its client scenarios: the reference client, behind a gateway.

    python -m tests.conformance.behind GATEWAY_URL SERVER_URL

Puts the server into a new workspace of the gateway whose data directory the environment names, and
lets the reference client talk to that workspace.
"""

import json
import os
import subprocess
import sys

from tests.peers.conformance_client import run


def mcpgw(*arguments: str) -> str:
    """Run a command against the gateway of the environment; returns what it printed."""
    command = [sys.executable, "-m", "mcpgw", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout


def main() -> None:
    gateway_url, server_url = sys.argv[1:]
    slug = f"client-{os.getpid()}"
    mcpgw("workspace", "create", slug)
    mcpgw("server", "add", "suite", server_url, "--prefix", "", "--no-test", "--workspace", slug)
    token = json.loads(mcpgw("token", "issue", "--workspace", slug, "--json"))["token"]
    run(f"{gateway_url}/ws/{slug}", token)


if __name__ == "__main__":
    main()
