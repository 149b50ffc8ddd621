"""Files of one directory, held by its descriptor: every change of the disk goes through here.

A directory that is renamed meanwhile is still the one written. Links are not followed, what is
no regular file is not opened, and new files get names that nobody can have prepared. What a
killed process leaves is the old file or the new one, never half of one.
"""

import contextlib
import dataclasses
import errno
import fcntl
import os
import pathlib
import re
import secrets
import stat
from collections.abc import Iterator
from typing import Any

_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_UNFINISHED = re.compile(r"\..+\.new")
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


class StoreError(ValueError):
    """Fault of a run directory, in one line."""


class Folder:
    """A directory by its descriptor; `folder / name` is a file in it."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self._whole = pathlib.Path(os.path.abspath(path))  # noqa: PTH100  keeps links as given
        self.descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __truediv__(self, name: str) -> "File":
        return File(self, name)

    def __enter__(self) -> "Folder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def in_place(self) -> bool:
        """Tell whether the path of the folder still leads to this folder."""
        try:
            found = os.stat(self._whole)  # noqa: PTH116
        except (FileNotFoundError, NotADirectoryError):
            return False
        return identity(found) == identity(os.fstat(self.descriptor))

    def names(self) -> list[str]:
        return sorted(os.listdir(self.descriptor))  # noqa: PTH208  a descriptor has no path

    def sweep(self) -> None:
        """Remove the temporary files that killed writes have left."""
        for name in filter(unfinished, self.names()):
            with contextlib.suppress(OSError):
                (self / name).unlink()

    def sync(self) -> None:
        """Wait until the names in the folder are on disk."""
        sync(self.descriptor)

    def close(self) -> None:
        os.close(self.descriptor)


@dataclasses.dataclass(frozen=True)
class File:
    """A name in a folder, whether there is such a file or not."""

    folder: Folder
    name: str

    def __str__(self) -> str:
        return str(self.folder.path / self.name)

    def stat(self) -> os.stat_result | None:
        """Return the status of the name itself, without following links; None if there is none."""
        try:
            return os.stat(self.name, dir_fd=self.folder.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    @contextlib.contextmanager
    def opened(self, mode: int = os.O_RDONLY) -> Iterator[int]:
        """Open the descriptor of the file. Raises StoreError for anything but a regular file."""
        found = self.stat()
        if found is not None:
            self._refuse_odd(found)
        descriptor = os.open(self.name, mode | _FLAGS, 0o666, dir_fd=self.folder.descriptor)
        try:
            self._refuse_odd(os.fstat(descriptor))
            yield descriptor
        finally:
            os.close(descriptor)

    def _refuse_odd(self, found: os.stat_result) -> None:
        kind = stat.S_IFMT(found.st_mode)
        if kind != stat.S_IFREG:
            raise StoreError(f"'{self}' is {_KINDS.get(kind, 'something')}, not a regular file")

    def read(self, most: int) -> bytes:
        """Read the whole file. Raises StoreError for one above `most` bytes."""
        with self.opened() as descriptor:
            size = os.fstat(descriptor).st_size
            if size > most:
                raise StoreError(f"'{self}' has {size} bytes; at most {most} belong there")
            return read(descriptor, size, 0)

    def read_text(self, most: int) -> str:
        """Read the whole file as UTF-8 text. Raises StoreError if it is not."""
        try:
            return self.read(most).decode()
        except UnicodeDecodeError:
            raise StoreError(f"'{self}' is not UTF-8 text") from None

    @contextlib.contextmanager
    def made(self) -> Iterator[int]:
        """Make a new file, by descriptor, that takes this name if the block ends well."""
        folder = self.folder.descriptor
        name = f".{self.name.removeprefix('.')}.{secrets.token_hex(8)}.new"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS
        descriptor = os.open(name, flags, 0o666, dir_fd=folder)
        try:
            yield descriptor
            sync(descriptor)
            os.replace(name, self.name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=folder)
            raise
        finally:
            os.close(descriptor)
        self.folder.sync()

    def replace(self, data: bytes) -> None:
        """Write the file so that either the old or the whole new content has its name."""
        with self.made() as descriptor:
            write(descriptor, data, 0)

    def unlink(self) -> None:
        """Take the name away, on disk too."""
        os.unlink(self.name, dir_fd=self.folder.descriptor)
        self.folder.sync()


def unfinished(name: str) -> bool:
    """Tell whether a file name is that of a write that is going on or was killed."""
    return _UNFINISHED.fullmatch(name) is not None


def identity(found: os.stat_result) -> tuple[int, int]:
    """Return the device and inode, which tell a file from every other."""
    return found.st_dev, found.st_ino


def write(descriptor: int, data: Any, at: int) -> None:
    """Write all of the data, in one system call where possible."""
    view = memoryview(data)
    while view:
        count = os.pwrite(descriptor, view, at)
        view, at = view[count:], at + count


def read(descriptor: int, size: int, at: int) -> bytes:
    """Read the bytes [at, at + size), fewer where the file ends."""
    pieces = []
    while size and (piece := os.pread(descriptor, size, at)):
        pieces.append(piece)
        size, at = size - len(piece), at + len(piece)
    return b"".join(pieces)


def truncate(descriptor: int, size: int) -> None:
    os.ftruncate(descriptor, size)


def sync(descriptor: int) -> None:
    """Wait until a file, or the names in a folder, are on disk."""
    os.fsync(descriptor)


@contextlib.contextmanager
def explained(path: object) -> Iterator[None]:
    """Turn refusals of the operating system and of HDF5 into a StoreError of one line."""
    try:
        yield
    except StoreError:
        raise
    except (OSError, RuntimeError) as error:
        if getattr(error, "errno", None) == errno.ELOOP:
            raise StoreError(f"'{path}' is a symbolic link, not a regular file") from error
        reason = getattr(error, "strerror", None) or (str(error).splitlines() or ["?"])[0]
        raise StoreError(f"cannot use '{path}': {reason}") from error


def lock(descriptor: int, shared: bool = False) -> None:
    """Lock an open file for this process alone; BlockingIOError if another one has it."""
    fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
