import logging

import pytest

from mcpgw.web.sampling import EVERY_S, Sampled


def test_of_many_lines_one_is_written(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    log = Sampled(logging.getLogger("mcpgw.test"), monotonic=lambda: now)
    with caplog.at_level(logging.INFO):
        for number in range(100):
            log.say("%s knocks", number)
        now = EVERY_S
        log.say("%s knocks", "another")
        now = 2 * EVERY_S
        log.say("%s knocks", "a last")
    assert caplog.messages == [
        "0 knocks",
        "another knocks (99 more like it since the last line)",
        "a last knocks",
    ]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
