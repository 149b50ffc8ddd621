"""Every call of the system fails in turn; every order in which a disk may keep what was written.

After the manner of SQLite's tests: an I/O error or Ctrl-C at each call of append, save, replace
and write_status; and power that fails after each call, where writes that were not waited for are
lost, torn into sectors or kept in any combination, names of files included.
"""

import pytest

from helpers import stored
from helpers.stored import DRAWS, Disk, begun, block, checkpoint, copied, counted, table
from nmmjax.samplers.store.store import Store, StoreError
from nmmjax.samplers.store.verify import verify


def session(store):
    """What a driver does, from two blocks on; yields how many blocks are safe by now."""
    yield 2
    store.append(block(2), 2 * DRAWS)
    yield 3
    store.save(checkpoint(3))
    store.write_status({"draws": 9})
    store.append(block(3), 3 * DRAWS)
    yield 4
    store.replace(table(1))
    store.save(checkpoint(4))
    yield 4


def after_failure(path, disk, at, error, late):
    """(calls made, blocks that were safe) of a session in which one call fails."""
    safe = 2
    with Store.open(path) as store:
        store.load()
        disk.fail(at, error, late)
        try:
            for safe in session(store):  # noqa: B007
                pass
        except (StoreError, KeyboardInterrupt):
            pass
        calls = disk.calls
        disk.fail(None, None, False)
    return calls, safe


def assert_intact(path, safe):
    """Readers are right before recovery, it resumes, and every checksum is right in the end."""
    before = counted(path)
    assert safe <= before <= safe + 1
    plain = stored.counted_by_hdf5(path)
    assert plain is None or plain <= before
    stored.resumed(path)
    assert counted(path) == 5
    assert verify(path).faults == ()


def fail_everywhere(tmp_path, monkeypatch, names, faults):
    """Sessions with one failure each; `faults(at)` are the failures to try at a call."""
    begun(tmp_path / "base")
    disk = Disk(monkeypatch, names)
    whole = copied(tmp_path / "base", tmp_path / "whole")
    total, safe = after_failure(whole, disk, None, None, False)
    assert safe == 4
    tried = 0
    for at in range(1, total + 1):
        for error, late in faults(at):
            path = copied(tmp_path / "base", tmp_path / f"{at}-{tried}")
            _, safe = after_failure(path, disk, at, error, late)
            assert_intact(path, safe)
            tried += 1
    return total, tried


KINDS = [(error, late) for error in stored.errors() for late in (False, True)]


@pytest.mark.slow
def test_an_error_or_an_interrupt_at_any_change_of_the_disk_loses_nothing(tmp_path, monkeypatch):
    """What goes wrong takes turns."""
    total, tried = fail_everywhere(
        tmp_path, monkeypatch, stored.CHANGING, lambda at: [KINDS[at % len(KINDS)]]
    )
    assert tried == total > 60


@pytest.mark.slow
@pytest.mark.long
def test_each_error_at_each_call_loses_nothing(tmp_path, monkeypatch):
    total, tried = fail_everywhere(tmp_path, monkeypatch, stored.CALLS, lambda at: KINDS)
    assert tried == len(KINDS) * total > 2000
