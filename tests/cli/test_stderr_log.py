import json
import logging

import pytest

from mcpgw.cli.stderr_log import log_to_stderr


def test_one_line_for_ours_and_none_for_others(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("info")
    logging.getLogger("mcpgw.web").info("refused %s", "a\nb")
    logging.getLogger("mcpgw.web").debug("not said")
    logging.getLogger("aiohttp.server").error("GET /?token=canary")
    logging.getLogger("asyncio").critical("canary")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].endswith("Z info mcpgw.web: refused a\ufffdb")


def test_no_exception_is_formatted(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("error")
    try:
        raise ValueError("canary")
    except ValueError:
        logging.getLogger("mcpgw").exception("failed")
    assert "canary" not in capsys.readouterr().err


def test_json_with_the_fields_on_the_list_only(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("info", "json")
    more = {"call_id": "call_1", "server": "a\nb", "token": "canary", "workspace": ["canary"]}
    try:
        raise ValueError("canary")
    except ValueError:
        logging.getLogger("mcpgw.web").exception("said %s\n", "x", extra=more)
    (line,) = capsys.readouterr().err.splitlines()
    assert "canary" not in line
    said = json.loads(line)
    assert said.pop("time").endswith("Z")
    assert said == {
        "level": "error",
        "logger": "mcpgw.web",
        "message": "said x\ufffd",
        "call_id": "call_1",
        "server": "a\ufffdb",
    }
