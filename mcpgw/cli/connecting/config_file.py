"""The configuration file of a client: read with care, backed up, replaced as a whole.

It belongs to another program. It is written next to itself and moved into place, with its mode and
owner; a symbolic link stays one and its target is written. What changed since it was read is never
overwritten.
"""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mcpgw.errors import Conflict, InvalidInput, StorageError

MAX_FILE_BYTES = 64 << 20
"""Claude Code keeps its history in the same file, which grows to many megabytes."""

WRITE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, repr=False)
class ConfigFile:
    """A file as it was read. `path` is what people call it, `target` where it really is.

    `content` is None when there is no file; the others are then those of a new one.
    """

    path: Path
    target: Path
    content: bytes | None
    mode: int
    owner: int
    group: int

    @property
    def text(self) -> str:
        """Return the file as text, empty when there is none.

        Raises:
            InvalidInput: it is no UTF-8.
        """
        try:
            return (self.content or b"").decode("utf-8")
        except UnicodeDecodeError:
            raise InvalidInput(f"{self.path} is no UTF-8 text", "correct the file first") from None


def read_config(path: Path, inside: Path | None = None) -> ConfigFile:
    """Read a file, which may not be there.

    Args:
        path: the file.
        inside: a directory that a symbolic link may not lead out of: a project comes from others.

    Raises:
        StorageError: it cannot be read.
        InvalidInput: it is no regular file, is too large, or leads elsewhere.
    """
    with _told(path, "read"):
        target = Path(os.path.realpath(path))
        if inside is not None and not target.is_relative_to(os.path.realpath(inside)):
            raise InvalidInput(f"{path} leads out of the project", "look where its links point")
        try:
            descriptor = os.open(target, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return ConfigFile(path, target, None, 0o600, os.geteuid(), os.getegid())
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise InvalidInput(f"{path} is no regular file", "look what is there")
            if status.st_size > MAX_FILE_BYTES:
                raise InvalidInput(f"{path} is larger than 64 MiB", "look what is there")
            mode = stat.S_IMODE(status.st_mode)
            return ConfigFile(path, target, file.read(), mode, status.st_uid, status.st_gid)


def write_config(file: ConfigFile, text: str, *, is_secret: bool) -> None:
    """Replace a file by `text`, wholly or not at all.

    Args:
        file: the file as it was read.
        text: what it will hold.
        is_secret: whether a token is in it, so that nobody else may read it.

    Raises:
        StorageError: it cannot be written.
        Conflict: somebody changed it since it was read.
    """
    check_writable(file)
    with _told(file.path, "written"):
        file.target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.target.with_name(f".{file.target.name}.{secrets.token_hex(8)}")
        descriptor = os.open(unfinished, WRITE_FLAGS, 0o600)
        try:
            with open(descriptor, "wb") as stream:
                stream.write(text.encode("utf-8"))
                if (file.owner, file.group) != (os.geteuid(), os.getegid()):
                    os.fchown(descriptor, file.owner, file.group)
                os.fchmod(descriptor, 0o600 if is_secret else file.mode)
                stream.flush()
                os.fsync(descriptor)
            _check_unchanged(file)
            os.replace(unfinished, file.target)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        _sync_directory(file.target.parent)


def delete_config(file: ConfigFile) -> None:
    """Delete a file that we made. Raises as `write_config`."""
    check_writable(file)
    with _told(file.path, "deleted"):
        _check_unchanged(file)
        file.target.unlink()


def check_writable(file: ConfigFile) -> None:
    """Refuse a file that its owner keeps from being written: replacing it would get around that.

    Raises:
        StorageError: it is read-only.
    """
    if file.content is not None and not file.mode & stat.S_IWUSR:
        raise StorageError(
            f"{file.path} is read-only (mode {file.mode:04o}); nothing was changed",
            "chmod u+w it, or use --print and write it yourself",
        )


def back_up(file: ConfigFile, directory: Path, name: str) -> Path | None:
    """Copy a file, untouched, into our own directory; return the copy, None when there is no file.

    Raises:
        StorageError: it cannot be written.
    """
    if file.content is None:
        return None
    copy = directory / f"{name}-{file.path.name}"
    with _told(copy, "written"):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(copy, WRITE_FLAGS, 0o600), "wb") as stream:
            stream.write(file.content)
            stream.flush()
            os.fsync(stream.fileno())
    return copy


def _check_unchanged(file: ConfigFile) -> None:
    try:
        now: bytes | None = file.target.read_bytes()
    except FileNotFoundError:
        now = None
    if now != file.content:
        raise Conflict(
            f"{file.path} was changed by another program meanwhile; nothing was written",
            "run the command again",
        )


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _told(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StorageError(
            f"{path} cannot be {what}: {reason}; nothing was changed",
            "look at the rights of the file and its directory, or use --print",
        ) from None
