"""Calls tools with a client that was generated from the workspace's OpenAPI document.

Runs in an environment of its own, with the directory of the generated package as argument. On
stdin a JSON array of [url, token]; prints what the calls returned.
"""

import json
import sys

sys.path.insert(0, sys.argv[1])
from generated import AuthenticatedClient
from generated.api.everything import everything_echo, everything_get_structured_content
from generated.models import (
    EverythingEchoArguments,
    EverythingGetStructuredContentArguments,
    EverythingGetStructuredContentArgumentsLocation,
)

if __name__ == "__main__":
    url, token = json.load(sys.stdin)
    client = AuthenticatedClient(base_url=url, token=token, raise_on_unexpected_status=True)
    said = everything_echo.sync(client=client, body=EverythingEchoArguments(message="generated"))
    where = EverythingGetStructuredContentArgumentsLocation.CHICAGO
    weather = everything_get_structured_content.sync(
        client=client, body=EverythingGetStructuredContentArguments(location=where)
    )
    wrong = everything_echo.sync_detailed(
        client=client, body=EverythingEchoArguments.from_dict({"message": 7})
    )
    found = [[type(one).__name__, one.to_dict()] for one in (said, weather, wrong.parsed)]
    json.dump([*found, wrong.status_code], sys.stdout)
