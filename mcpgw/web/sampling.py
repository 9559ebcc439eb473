"""A log that strangers cannot fill: of many lines alike one, and how many it stands for."""

import logging
import time
from collections.abc import Callable

EVERY_S = 10.0
"""Time between two lines."""


class Sampled:
    """Writes a line at most every `EVERY_S` seconds."""

    def __init__(
        self,
        logger: logging.Logger,
        level: int = logging.WARNING,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._logger = logger
        self._level = level
        self._monotonic = monotonic
        self._next_at = -EVERY_S
        self._left_out = 0

    def say(self, message: str, *values: object) -> None:
        """Write a line, or count it."""
        now = self._monotonic()
        if now < self._next_at:
            self._left_out += 1
            return
        if self._left_out:
            message += f" ({self._left_out} more like it since the last line)"
        self._next_at = now + EVERY_S
        self._left_out = 0
        self._logger.log(self._level, message, *values)
