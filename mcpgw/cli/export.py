"""`mcpgw logs export`: calls as a file for other programs. Never what they carried."""

import csv
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from mcpgw.cli.audit import described
from mcpgw.cli.duration import parse_moment
from mcpgw.cli.invocation import Invocation
from mcpgw.cli.output import counted, nearest, say
from mcpgw.cli.place import in_workspace
from mcpgw.errors import InvalidInput, StorageError
from mcpgw.model.audit import AuditEvent, CallFilter
from mcpgw.model.token import OPERATOR

EXAMPLES = [
    "logs export --since 30d > calls.ndjson",
    "logs export --format csv --server jira -o calls.csv",
    "logs export --format parquet -o calls.parquet",
]

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What begins a formula in a spreadsheet; a tool's name must not be one."""

Row = Mapping[str, Any]
Write = Callable[[Sequence[Row]], None]


async def export(  # noqa: PLR0913  (a parameter for each option)
    asked: Invocation,
    format_: Annotated[
        str, typer.Option("--format", metavar="WORD", help="ndjson, csv or parquet.")
    ] = "ndjson",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Else to stdout.")
    ] = None,
    tool: Annotated[
        str, typer.Option("--tool", metavar="TEXT", help="Part or glob of a tool or server.")
    ] = "",
    member: Annotated[str, typer.Option("--member", metavar="NAME", help="Whose calls.")] = "",
    server: Annotated[str, typer.Option("--server", metavar="NAME", help="To which server.")] = "",
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="7d, 24h, 2026-11-01, 2026-11-01T10:00Z.")
    ] = "",
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="As --since.")] = "",
) -> None:
    """Write every call that matches, oldest first, with the fields of `logs --json`."""
    writing = _FORMATS.get(format_)
    if writing is None:
        hint = f"{nearest(format_, _FORMATS)} use one of: {', '.join(_FORMATS)}"
        raise InvalidInput(f"no such format: {format_[:40]!r}", hint.strip())
    if output is None and writing is _parquet:
        raise InvalidInput("parquet is no text", "name a file: -o calls.parquet")
    written = 0
    async with in_workspace(asked) as place:
        wanted = CallFilter(
            target=tool,
            member=member,
            server=server,
            since=parse_moment(since, place.now, "--since") if since else None,
            until=parse_moment(until, place.now, "--until") if until else None,
        )
        with _opened(output) as file, writing(file) as write:
            async for page in place.gateway.audit.pages(OPERATOR, place.slug, wanted):
                write([described(event, place.slug) for event in page])
                written += len(page)
    say(f"{counted(written, 'call')} written")


@contextmanager
def _opened(path: Path | None) -> Iterator[IO[bytes]]:
    """Open the file that is there under its name only once it is whole; only we can read it."""
    if path is None:
        yield sys.stdout.buffer
        return
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        descriptor = os.open(unfinished, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield file
        os.replace(unfinished, path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        with suppress(OSError):
            unfinished.unlink()


@contextmanager
def _ndjson(file: IO[bytes]) -> Iterator[Write]:
    def write(rows: Sequence[Row]) -> None:
        file.writelines(json.dumps(row).encode() + b"\n" for row in rows)
        file.flush()

    yield write


@contextmanager
def _csv(file: IO[bytes]) -> Iterator[Write]:
    def line(values: Sequence[Any]) -> None:
        lines.writerow([_plain(value) for value in values])

    class Encoder:
        def write(self, text: str) -> int:
            return file.write(text.encode())

    lines = csv.writer(Encoder())
    line(_columns())

    def write(rows: Sequence[Row]) -> None:
        for row in rows:
            line([row[name] for name in _columns()])
        file.flush()

    yield write


@contextmanager
def _parquet(file: IO[bytes]) -> Iterator[Write]:
    try:
        import pyarrow as arrow  # type: ignore[import-untyped]  # it has no types
        from pyarrow.parquet import ParquetWriter  # type: ignore[import-untyped]
    except ImportError:
        raise InvalidInput("parquet needs pyarrow", "pip install 'mcpgw-server[parquet]'") from None
    schema = arrow.schema([(name, _kind(name, arrow)) for name in _columns()])
    with ParquetWriter(file, schema) as writer:

        def write(rows: Sequence[Row]) -> None:
            writer.write_table(arrow.Table.from_pylist(list(rows), schema))

        yield write


_FORMATS = {"ndjson": _ndjson, "csv": _csv, "parquet": _parquet}


def _columns() -> list[str]:
    names = AuditEvent.__struct_fields__
    return ["workspace" if name == "workspace_id" else name for name in names]


def _kind(name: str, arrow: Any) -> Any:
    is_number = AuditEvent.__annotations__.get(name) is int
    return arrow.int64() if is_number else arrow.string()


def _plain(value: Any) -> Any:
    """Return a cell that a spreadsheet takes for what it is."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
