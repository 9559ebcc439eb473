"""Questions to the person at the terminal. Nothing is ever asked when stdin is no terminal."""

import getpass
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mcpgw.config import variable
from mcpgw.errors import InvalidInput
from mcpgw.model.secret import MAX_SECRET_BYTES, Secret

STDIN = "-"


def is_terminal() -> bool:
    """Say whether somebody is there to be asked."""
    return sys.stdin is not None and sys.stdin.isatty()


def ask(question: str, default: str) -> str:
    """Ask for a line; nothing typed means `default`."""
    print(f"{question} [{default}]: ", end="", file=sys.stderr, flush=True)
    return _line() or default


def ask_secret(name: str) -> Secret:
    """Ask for a value that is not shown as it is typed."""
    with _interruptible():
        return Secret(getpass.getpass(f"{name} (hidden): ", stream=sys.stderr))


def confirm(what: str, name: str, is_confirmed: bool) -> None:
    """Let a person type the name of what is about to be lost; `is_confirmed` is their `--yes`.

    Raises:
        InvalidInput: they typed something else, or nobody is there.
    """
    if is_confirmed:
        return
    if not is_terminal():
        raise InvalidInput(f"{what} must be confirmed", "add --yes")
    print(f"{what}. Type {name} to go on: ", end="", file=sys.stderr, flush=True)
    if _line() != name:
        raise InvalidInput("not confirmed: nothing was changed")


def agree(question: str, is_confirmed: bool) -> None:
    """Let a person stop what was just shown to them. Where nobody is, it goes on: it can be undone.

    Raises:
        InvalidInput: they said no.
    """
    if is_confirmed or not is_terminal():
        return
    if ask(f"{question} [y/n]", "y").lower() not in ("y", "yes"):
        raise InvalidInput("not confirmed: nothing was changed")


def read_secret(name: str, source: str, file: str | None, variable_name: str | None) -> Secret:
    """Take a value from where the person says it is, never from the command line.

    Args:
        name: the secret's name, for the question.
        source: `-` for stdin, else empty.
        file: a file that holds it.
        variable_name: a variable of the environment that holds it.

    Raises:
        InvalidInput: there is nothing, or several places are named.
    """
    if sum((bool(source), file is not None, variable_name is not None)) > 1:
        raise InvalidInput("name one place for the value: -, --from-file or --from-env")
    if file is not None:
        return _from_file(file)
    if variable_name is not None:
        value = variable(variable_name)
        if value is None:
            raise InvalidInput(f"there is no variable {variable_name[:80]}", "export it first")
        return Secret(value)
    if source or not is_terminal():
        return _decoded(sys.stdin.buffer.read(MAX_SECRET_BYTES + 3))
    return ask_secret(name)


def read_stdin() -> bytes:
    """Return all that is piped in."""
    return sys.stdin.buffer.read()


def _from_file(path: str) -> Secret:
    try:
        with Path(path).expanduser().open("rb") as file:
            return _decoded(file.read(MAX_SECRET_BYTES + 3))
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "no such place"
        raise InvalidInput(f"{path} cannot be read: {reason}", "name another file") from None


def _decoded(content: bytes) -> Secret:
    """Return a value without the line end that `echo` and editors add; other bytes survive."""
    text = content.decode("utf-8", "surrogateescape")
    return Secret(text.removesuffix("\r\n") if text.endswith("\r\n") else text.removesuffix("\n"))


def _line() -> str:
    with _interruptible():
        return sys.stdin.readline().strip()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end the question at once: asyncio would only take note of it until Enter."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
