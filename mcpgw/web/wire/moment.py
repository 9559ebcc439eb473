"""Times: UTC seconds in records, RFC 3339 in JSON."""

from datetime import UTC, datetime
from typing import Annotated, overload

from msgspec import Meta

Moment = Annotated[datetime, Meta(tz=True)]


@overload
def moment(seconds: float) -> datetime: ...
@overload
def moment(seconds: float | None) -> datetime | None: ...
def moment(seconds: float | None) -> datetime | None:
    """Return a time as JSON has it."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


@overload
def seconds_of(time: datetime) -> float: ...
@overload
def seconds_of(time: datetime | None) -> float | None: ...
def seconds_of(time: datetime | None) -> float | None:
    """Return a time as records have it."""
    return None if time is None else time.timestamp()
