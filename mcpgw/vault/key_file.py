"""The master key in a file: read with the care of ssh, written once and never over another.

Owner and mode are those of POSIX.
"""

import errno
import os
import secrets
import stat
from pathlib import Path

from mcpgw.errors import VaultLocked
from mcpgw.model.secret_file import exposure
from mcpgw.vault.key import MasterKey

MAX_FILE_BYTES = 1024

READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""O_NONBLOCK: opening a FIFO would wait for a writer for ever."""
WRITE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class KeyFile:
    """The key in a file.

    Our own file and its directory are ours alone, and no symbolic links. A file that the user named
    (`is_given`) may also belong to root, then with group access for reading (0440), and be reached
    by symbolic links: so systemd, Docker and Kubernetes hand out secrets. Docker's default mode
    0444 is refused: in a secret's long form, `mode: 0400` and `uid` are set.
    """

    source = "file"

    def __init__(self, path: Path, is_given: bool) -> None:
        self.place = str(path)
        self.title = f"the key file {path}"
        self._is_given = is_given
        self._path = Path(os.path.realpath(path)) if is_given else path

    def read(self) -> MasterKey | None:
        """Return the key, None when there is no file. Raises VaultLocked."""
        try:
            self._check_directory()
            descriptor = os.open(self._path, READ_FLAGS)
            try:
                self._check_file(os.fstat(descriptor))
                content = os.read(descriptor, MAX_FILE_BYTES)
            finally:
                os.close(descriptor)
        except FileNotFoundError:
            return None
        except OSError as error:
            is_link = error.errno == errno.ELOOP
            reason = "it is a symbolic link" if is_link else error.strerror
            raise VaultLocked(f"cannot be read: {reason}") from None
        return MasterKey.parse(content.decode("ascii", "replace"))

    def make(self) -> MasterKey:
        """Return the key of the file, which is written if it is not there. Raises VaultLocked."""
        found = self.read()
        if found is not None:
            return found
        key = MasterKey.new()
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_directory()
            _write_new_file(self._path, f"{key.text}\n".encode())
        except OSError as error:
            raise VaultLocked(f"cannot be written: {error.strerror}") from None
        return key

    def _check_directory(self) -> None:
        """Refuse a directory in which others can replace the file."""
        directory = self._path.parent
        status = os.lstat(directory)
        if not stat.S_ISDIR(status.st_mode):
            raise VaultLocked(f"cannot be used: {directory} is no directory")
        if status.st_uid not in (os.geteuid(), 0):
            raise VaultLocked(f"cannot be used: {directory} belongs to user {status.st_uid}")
        mode = stat.S_IMODE(status.st_mode)
        if mode & 0o022:
            raise VaultLocked(
                f"cannot be used: others can write in {directory} (mode {mode:04o}; chmod go-w)"
            )

    def _check_file(self, status: os.stat_result) -> None:
        exposed = exposure(status, os.geteuid(), may_be_of_root=self._is_given)
        if exposed:
            raise VaultLocked(f"cannot be read: {exposed}")


def _write_new_file(path: Path, content: bytes) -> None:
    """Write a file wholly or not at all, and never over another. Raises OSError."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(unfinished, WRITE_FLAGS, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        # Unlike a rename, a link replaces nothing.
        os.link(unfinished, path)
    finally:
        unfinished.unlink()
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
