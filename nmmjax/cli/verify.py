"""`nmmjax status --verify`: a whole run directory read and compared with its checksums."""

import pathlib
import sys

from nmmjax.errors import InputError
from nmmjax.results.rundir import open_run
from nmmjax.samplers.store import reading
from nmmjax.samplers.store.files import StoreError
from nmmjax.samplers.store.verify import verify


def show_verification(directory: pathlib.Path) -> int:
    """Check a whole run directory and print what is wrong; 1 if anything is."""
    if not directory.is_dir() or not reading.exists(directory, "chains.h5"):
        open_run(directory)  # says what is missing
    try:
        found = verify(directory)
    except StoreError as error:
        raise InputError(str(error)) from None
    faults = list(found.faults)
    try:
        open_run(directory)
    except InputError as error:
        faults.append(str(error))
    looked = (
        f"{found.blocks} blocks of {found.variables} variables, {found.checkpoints} checkpoints"
    )
    for fault in faults:
        sys.stdout.write(f"{InputError(fault)}\n")
    state = f"{len(faults)} faults" if faults else "sound"
    sys.stdout.write(f"{directory}: {state}; compared with their checksums: {looked}\n")
    return 1 if faults else 0
