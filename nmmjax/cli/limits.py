"""Errors that are limits of the machine, told from faults of the program."""

from nmmjax.errors import InputError
from nmmjax.samplers.store.store import StoreError

_NO_ROOM = ("RESOURCE_EXHAUSTED", "out of memory", "Cannot allocate memory")
_LIMITS = (*_NO_ROOM, "failed to map segment", "Too many open files", "can't start new thread")


def limit(error: Exception) -> str:
    """Name the limit of the machine that an error is about; "" for a fault of the program."""
    text = " ".join(str(error).split())
    if isinstance(error, InputError | StoreError):
        return text
    if isinstance(error, MemoryError) or any(sign in text for sign in _NO_ROOM):
        return "not enough memory"
    if isinstance(error, OSError):
        return error.strerror or text
    return text if any(sign in text for sign in _LIMITS) else ""
