"""Changes of a file all at once or not at all, whatever moment a process dies at."""

import random
import shutil
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

from helpers.cases import one_quick
from helpers.places import TESTS
from nmmjax.samplers.store import journal as _journal
from nmmjax.samplers.store import patched
from nmmjax.samplers.store.files import Folder
from nmmjax.samplers.store.store import Store

GROUPS = np.repeat(np.arange(4), 4)
DRAWS = 5


def block(number):
    rng = np.random.default_rng(number)
    names = [f"v{k}" for k in range(12)]
    return {
        "posterior": {name: rng.normal(size=(16, DRAWS)) for name in names},
        "sample_stats": {"lp": rng.normal(size=(16, DRAWS))},
    }


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "run"
    with Store.create(path, GROUPS, {}) as store:
        store.append(block(0), 0)
    return path


def read(chains):
    """Everything in a file, and how many draws it counts."""
    found = {}
    with h5py.File(chains, locking=False) as file:
        file.visititems(
            lambda name, x: found.update({name: x[()]}) if isinstance(x, h5py.Dataset) else None
        )
        return found, int(file.attrs["committed_draws"])


def assert_blocks(found, draws):
    for number in range(draws // DRAWS):
        for group, variables in block(number).items():
            for name, values in variables.items():
                here = found[f"{group}/{name}"][:, number * DRAWS : (number + 1) * DRAWS]
                np.testing.assert_array_equal(here, values)


def append_forever(path):
    with Store.open(path) as store:
        while True:
            store.append(block(store.committed // DRAWS), store.committed)
            if store.committed % 100 == 0:
                print(store.committed, flush=True)  # noqa: T201


CHILD = f"""
import pathlib, runpy, sys
sys.path.insert(0, {str(TESTS)!r})
runpy.run_path({__file__!r})["append_forever"](pathlib.Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_a_process_killed_while_it_appends_leaves_a_file_that_reads_and_grows(run):
    """Killed at random moments of appending without end; each time everything is read."""
    rng = random.Random(5)
    for _ in range(16):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(run)], stdout=subprocess.PIPE, text=True
        )
        with child:
            assert int(child.stdout.readline()) > 0  # it could go on
            time.sleep(rng.uniform(0.0, 0.1))
            child.kill()
        assert child.returncode == -signal.SIGKILL
        assert_blocks(*read(run / "chains.h5"))


def interrupted(run, monkeypatch):
    """A block appended up to its journal, which is not carried out."""
    with Store.open(run) as store, monkeypatch.context() as context:
        context.setattr(_journal, "carry_out", lambda *given: None)
        store.append(block(store.committed // DRAWS), store.committed)
    return run / "chains.h5", run / ".chains.h5.journal"


def carried_out_bit_by_bit(chains, journal):
    """The journal carried out change by change: yields after each of them."""
    for number, change in enumerate(_journal.Journal.unpack(journal.read_bytes()).changes):
        with chains.open("r+b") as file:
            file.seek(change.offset)
            file.write(change.new)
        yield number


def test_a_journal_that_was_not_carried_out_is_at_the_next_start(run, monkeypatch):
    before = (run / "chains.h5").read_bytes()
    chains, journal = interrupted(run, monkeypatch)
    assert chains.read_bytes()[: len(before)] == before
    assert read(chains)[1] == DRAWS
    with Store.open(run) as store:
        assert store.committed == 2 * DRAWS
    assert not journal.exists()
    assert_blocks(*read(chains))


def test_a_journal_carried_out_in_part_is_carried_out_again(run, monkeypatch, tmp_path):
    chains, journal = interrupted(run, monkeypatch)
    cuts = 0
    for at in carried_out_bit_by_bit(chains, journal):
        copy = tmp_path / f"cut-{at}"
        shutil.copytree(run, copy)
        with Store.open(copy) as store:
            assert store.committed == 2 * DRAWS
        assert_blocks(*read(copy / "chains.h5"))
        cuts += 1
    assert cuts > 12


@pytest.mark.parametrize("blocks", one_quick([1, 17, 62, 126]))  # where an index of chunks grows
def test_a_reader_of_a_journal_carried_out_in_part_finds_what_is_counted(run, monkeypatch, blocks):
    with Store.open(run) as store:
        for number in range(1, blocks):
            store.append(block(number), number * DRAWS)
    for number in range(blocks, blocks + 4):
        chains, journal = interrupted(run, monkeypatch)
        counted = []
        for _ in carried_out_bit_by_bit(chains, journal):
            found, committed = read(chains)
            assert_blocks(found, committed)
            counted.append(committed)
        assert set(counted) == {number * DRAWS, (number + 1) * DRAWS}
        assert counted == sorted(counted)
        assert len(counted) > 12


def test_an_error_leaves_the_file_as_it_was(run):
    chains = run / "chains.h5"
    before = chains.read_bytes()

    def change(raw):
        with h5py.File(raw, "r+") as file:
            file["posterior/v0"].resize(50, axis=1)
            file["posterior/v0"][...] = 1.0
            file.flush()
            assert file["posterior/v0"][3, 40] == 1.0  # it reads its own changes
            raise ZeroDivisionError

    with (
        Folder(run) as folder,
        pytest.raises(ZeroDivisionError),
        patched.changed(folder / "chains.h5") as raw,
    ):
        change(raw)
    assert chains.read_bytes() == before
    assert not (run / ".chains.h5.journal").exists()


def test_without_a_journal_the_same_kill_is_fatal(run):
    """The negative control: HDF5's own writes, cut before the last of them."""
    chains = run / "chains.h5"
    before = chains.read_bytes()
    with h5py.File(chains, "r+") as file:
        for name, values in block(1)["posterior"].items():
            file[f"posterior/{name}"].resize(2 * DRAWS, axis=1)
            file[f"posterior/{name}"][:, DRAWS:] = values
    after = bytearray(chains.read_bytes())
    after[:48] = before[:48]  # where the file ends, written last
    chains.write_bytes(after)
    with pytest.raises(OSError, match="addr overflow"):
        read(chains)


def test_a_damaged_journal_is_refused(run, monkeypatch):
    _, journal = interrupted(run, monkeypatch)
    journal.write_bytes(journal.read_bytes()[:-3])
    with pytest.raises(ValueError, match=r"cannot use .*chains.h5': its journal .* is damaged"):
        Store.open(run)
