"""Lock of a run directory: one process at a time may write.

The file run.lock is locked (`flock`), and so is the directory itself: the lock holds even if
somebody removes the file. On a file system without `flock` a file that only one process can
create takes its place; a killed process leaves that one behind. A job that Slurm has requeued takes
over what its own earlier session has left: of one job only one session runs.
"""

import contextlib
import datetime
import errno
import os
import platform
import re
from typing import NamedTuple, NoReturn

from . import files
from .files import File, Folder, StoreError

NAME = "run.lock"
INSTEAD = "run.lock.exclusive"
MOST = 4096  # bytes of a lock file
_NO_FLOCK = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL)
_HOLDER = re.compile(r"process (\d+) on ([\w.-]+) since [\w:.+-]+")
_JOB = re.compile(r"^Slurm job (\S+) restart (\d+)$", re.MULTILINE)
_NO_SIGN = (
    "This file is locked (flock) while that process writes the directory, and removed when it\n"
    "ends well. It is no sign of life: a process that was killed leaves it behind.\n"
)


class Holder(NamedTuple):
    """The process that a lock file names."""

    process: int
    host: str
    text: str

    def dead(self) -> bool:
        """Tell whether the process is known to have ended; False for one on another host."""
        if self.host != platform.node():
            return False
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        except (PermissionError, OverflowError):
            return False
        return False


def holder(file: File) -> Holder | None:
    """Return the process named in a lock file; None if there is no file, or no name in it."""
    try:
        match = _HOLDER.match(file.read(MOST).decode(errors="replace"))
    except (OSError, StoreError):
        return None
    return None if match is None else Holder(int(match[1]), match[2], match[0])


def is_held(folder: Folder) -> bool:
    """Tell whether a process holds the lock of a folder; without `flock`, whether one says so."""
    try:
        with (folder / NAME).opened() as descriptor:
            files.lock(descriptor, shared=True)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    except OSError as error:
        return error.errno in _NO_FLOCK and (folder / INSTEAD).stat() is not None
    return False


class Lock:
    """Lock held from its making to `release`. Raises StoreError if another process holds it.

    notes  lines for the user
    """

    def __init__(self, folder: Folder) -> None:
        self.notes: tuple[str, ...] = ()
        self._held: dict[str, int] = {}  # descriptors of the lock files by name
        self._folder = folder
        try:
            if not self._by_flock():
                self._by_creation()
        except BaseException:
            self.release()
            raise

    def intact(self) -> bool:
        """Tell whether the lock files are still those that were locked."""
        return all(self._is_ours(name) for name in self._held)

    def release(self) -> None:
        """Remove the lock files and let other processes write."""
        for name in self._held:
            with contextlib.suppress(OSError):  # while the lock is held: nobody else has it
                if self._is_ours(name):
                    (self._folder / name).unlink()
        self._forget()

    def _forget(self) -> None:
        """Close the lock files, which are of another process."""
        while self._held:
            os.close(self._held.popitem()[1])

    def _is_ours(self, name: str) -> bool:
        found = (self._folder / name).stat()
        ours = files.identity(os.fstat(self._held[name]))
        return found is not None and files.identity(found) == ours

    def _open(self, name: str, flags: int) -> None:
        file = self._folder / name
        with files.explained(file), file.opened(os.O_RDWR | os.O_CREAT | flags) as descriptor:
            self._held[name] = os.dup(descriptor)

    def _by_flock(self) -> bool:
        """Lock the file and the directory; whether the file system can."""
        while True:
            self._open(NAME, 0)
            try:
                files.lock(self._held[NAME])
            except BlockingIOError:
                self._forget()
                self._refuse(NAME, "; wait for it or stop it")
            except OSError as error:
                if error.errno not in _NO_FLOCK:
                    raise StoreError(f"cannot lock '{self._folder / NAME}': {error}") from error
                self._note(f"flock: {os.strerror(error.errno)}")
                return False
            if self._is_ours(NAME):
                break
            os.close(self._held.pop(NAME))  # removed by its holder between opening and locking
        try:
            files.lock(self._folder.descriptor)
        except BlockingIOError:
            self._refuse(INSTEAD, f" (its {NAME} was removed meanwhile); stop it")
        except OSError:
            pass  # NFS locks no directories
        self._sign(NAME, _NO_SIGN)
        return True

    def _by_creation(self) -> None:
        try:
            self._open(INSTEAD, os.O_EXCL)
        except StoreError:
            if (self._folder / INSTEAD).stat() is None:
                raise
            if not _left_by_this_job(self._folder / INSTEAD):
                self._forget()
                self._refuse_left()
            (self._folder / INSTEAD).unlink()
            self._open(INSTEAD, os.O_EXCL)
        self._sign(INSTEAD, _this_job())
        self._sign(NAME, f"The file {INSTEAD} is the lock: the file system has no flock.\n")

    def _refuse_left(self) -> NoReturn:
        file = self._folder / INSTEAD
        found = holder(file)
        if found is not None and found.dead():
            raise StoreError(
                f"'{file}' was left by {found.text}, which no longer runs: remove that file and "
                "start again"
            )
        self._refuse(INSTEAD, f"; if that process no longer runs, remove '{file}'")

    def _refuse(self, name: str, more: str) -> NoReturn:
        found = holder(self._folder / name)
        who = found.text if found else "another process"
        raise StoreError(f"'{self._folder.path}' is being written by {who}{more}")

    def _note(self, reason: str) -> None:
        self.notes = (
            f"'{self._folder.path}': this file system cannot lock files ({reason}): "
            f"{INSTEAD} keeps other processes out; remove it if the run is killed",
        )

    def _sign(self, name: str, more: str) -> None:
        since = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        text = f"process {os.getpid()} on {platform.node()} since {since}\n{more}"
        with files.explained(self._folder / name):
            files.truncate(self._held[name], 0)
            files.write(self._held[name], text.encode(), 0)


def _this_job() -> str:
    """Name the job of Slurm and how often it was restarted, in a line; "" outside of one."""
    job = os.environ.get("SLURM_JOB_ID", "")
    return f"Slurm job {job} restart {os.environ.get('SLURM_RESTART_COUNT', '0')}\n" if job else ""


def _left_by_this_job(file: File) -> bool:
    """Tell whether a lock file is of an earlier session of the job that this process is in."""
    ours = _JOB.search(_this_job())
    with contextlib.suppress(OSError, StoreError):
        found = _JOB.search(file.read(MOST).decode(errors="replace"))
        if ours is not None and found is not None:
            return found[1] == ours[1] and int(found[2]) < int(ours[2])
    return False
