"""The run directory: what readers see, what a kill leaves, what is refused."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import warnings

import h5py
import numpy as np
import pytest

from nmmjax.samplers.store.store import Checkpoint, Store, StoreError

GROUPS = np.repeat([0, 1], 3)
BLOCK = 5
ATTRIBUTES = {
    "/": {"model": "toy", "seed": 3},
    "/posterior/m_nu": {"role": "observable", "units": "eV", "latex": r"m_\nu"},
    "/log_likelihood": {"note": "not for LOO"},
}


def block(start, draws=BLOCK, seed=0):
    rng = np.random.default_rng([seed, start])
    return {
        "posterior": {
            "m_nu": rng.normal(size=(6, draws)),
            "mixing": rng.normal(size=(6, draws, 3)),
        },
        "sample_stats": {"lp": rng.normal(size=(6, draws)), "moved": rng.random((6, draws)) < 0.5},
        "log_likelihood": {"limit": rng.normal(size=(6, draws))},
    }


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "run"


@pytest.fixture
def store(directory):
    with Store.create(directory, GROUPS, ATTRIBUTES) as store:
        yield store


def checkpoint(draws, fill):
    return Checkpoint(draws, (np.full(4, fill), np.array(draws)), (6, 2))


def appended(store, blocks):
    for i in range(blocks):
        store.append(block(BLOCK * i), BLOCK * i)
        store.save(checkpoint(BLOCK * (i + 1), float(i)))


def joined(blocks, group, name):
    return np.concatenate([block(BLOCK * i)[group][name] for i in range(blocks)], axis=1)


def test_appended_blocks_are_read_back(store, directory):
    appended(store, 3)
    with h5py.File(directory / "chains.h5") as file:
        assert file.attrs["committed_draws"] == 15
        assert file.attrs["model"] == "toy"
        for group, variables in block(0).items():
            np.testing.assert_array_equal(file[group]["draw"], np.arange(15))
            for name in variables:
                np.testing.assert_array_equal(file[group][name], joined(3, group, name))
                assert file[group][name].fletcher32
                assert file[group][name].chunks[:2] == (6, BLOCK)
        assert file["sample_stats/moved"].dtype == np.int8
        assert dict(file["posterior/m_nu"].attrs)["units"] == "eV"
        assert file["log_likelihood"].attrs["note"] == "not for LOO"
        np.testing.assert_array_equal(file["posterior/ensemble"], GROUPS)
    found = store.read(("m_nu", "mixing"))
    np.testing.assert_array_equal(found["mixing"], joined(3, "posterior", "mixing"))


def arviz_reads(path):
    """A process of its own: importing arviz here would cost every test its warnings."""
    code = (
        "import sys, arviz as az\n"
        "tree = az.from_netcdf(sys.argv[1])\n"
        "print(tree['posterior'].sizes['draw'], sorted(tree['posterior'].coords),\n"
        "      tree['posterior']['mixing'].shape, tree['sample_stats']['moved'].dtype)\n"
        "print(az.summary(tree, var_names=['m_nu']).shape[0])\n"
    )
    command = [sys.executable, "-W", "error::UserWarning", "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_arviz_opens_the_file_as_it_is(store, directory):
    appended(store, 2)
    store.replace({"evidence": {"log_z": np.array(-9.5), "trace": np.ones((4, 2))}})
    found = arviz_reads(directory / "chains.h5")
    assert found.startswith("10 ['chain', 'draw', 'ensemble', 'mixing_dim_0'] (6, 10, 3) int8")
    assert found.splitlines()[1] == "1"


def test_a_reader_that_keeps_the_file_open_disturbs_nothing(store, directory):
    appended(store, 1)
    code = (
        "import h5py, sys\n"
        "with h5py.File(sys.argv[1]) as file:\n"
        "    print(file['posterior/m_nu'][:].sum(), flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code, str(directory / "chains.h5")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline()
        for i in range(1, 4):
            store.append(block(BLOCK * i), BLOCK * i)
        reader.communicate("")
    np.testing.assert_array_equal(store.read(("m_nu",))["m_nu"], joined(4, "posterior", "m_nu"))


def test_tables_are_replaced_and_draws_stay(store, directory):
    store.replace({"modes": {"x": np.arange(3.0)}})
    appended(store, 2)
    store.replace({"modes": {"x": np.arange(4.0), "covariance": np.ones((4, 2, 2))}})
    with h5py.File(directory / "chains.h5") as file:
        np.testing.assert_array_equal(file["modes/x"], np.arange(4.0))
        np.testing.assert_array_equal(file["posterior/m_nu"], joined(2, "posterior", "m_nu"))
        assert file["posterior/m_nu"].dims[0][0].name == "/posterior/chain"


def test_a_block_computed_again_must_be_the_stored_one(store):
    appended(store, 3)
    store.append(block(5), 5)
    assert store.committed == 15
    with pytest.raises(StoreError, match=r"draws 5 to 9 of posterior/m_nu, computed again .* diff"):
        store.append(block(5, seed=1), 5)
    with pytest.raises(StoreError, match="draw 20 cannot follow the 15 that are stored"):
        store.append(block(20), 20)


def test_draws_that_a_kill_left_uncounted_are_dropped(store, directory):
    appended(store, 2)
    with h5py.File(directory / "chains.h5", "r+", locking=False) as file:
        file["posterior/m_nu"].resize(15, axis=1)
        file["posterior/m_nu"][:, 10:] = 7.0
        file["posterior/draw"].resize((15,))
    store.append(block(10), 10)
    np.testing.assert_array_equal(store.read(("m_nu",))["m_nu"], joined(3, "posterior", "m_nu"))


def test_newest_checkpoint_is_loaded(directory):
    with Store.create(directory, GROUPS, ATTRIBUTES) as store:
        assert store.load() == (None, ())
        appended(store, 3)
    with Store.open(directory) as store:
        found, messages = store.load()
        assert messages == ()
        assert (found.draws, found.starts, found.done) == (15, (6, 2), False)
        np.testing.assert_array_equal(found.leaves[0], np.full(4, 2.0))


def test_a_flipped_byte_falls_back_to_the_other_generation(directory):
    with Store.create(directory, GROUPS, ATTRIBUTES) as store:
        appended(store, 3)
    newest = directory / "state-0.npz"
    data = bytearray(newest.read_bytes())
    data[100] ^= 1
    newest.write_bytes(data)
    with Store.open(directory) as store:
        found, messages = store.load()
        assert found.draws == 10
        assert messages == ("state-0.npz is damaged: falling back to an older state",)
        store.save(checkpoint(15, 9.0))  # over the damaged one, not over the sound one
        assert {g["draws"] for g in store._manifest["generations"]} == {10, 15}
        assert store.load()[0].draws == 15


def test_without_a_sound_checkpoint_the_run_starts_over(directory):
    with Store.create(directory, GROUPS, ATTRIBUTES) as store:
        appended(store, 2)
    (directory / "state-0.npz").unlink()
    (directory / "state-1.npz").write_bytes(b"")
    with Store.open(directory) as store:
        found, messages = store.load()
        assert found is None
        assert messages[-1] == "no sound checkpoint: stored draws are computed again and compared"


def test_a_checkpoint_ahead_of_the_chains_is_not_used(store):
    appended(store, 2)
    store.save(checkpoint(15, 3.0))
    found, messages = store.load()
    assert found.draws == 10
    assert messages == ("state-0.npz is ahead of chains.h5 (15 draws against 10): not used",)


def test_second_process_is_refused(store, directory):
    with pytest.raises(StoreError, match=rf"written by process {os.getpid()} on .* since 2"):
        Store.open(directory)
    store.close()
    Store.open(directory).close()


def test_foreign_directories_are_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(StoreError, match=r"not empty and not a run directory .*'notes.txt'"):
        Store.create(tmp_path, GROUPS, {})
    with pytest.raises(StoreError, match="is not a run directory: it has no manifest"):
        Store.open(tmp_path)
    with pytest.raises(StoreError, match="there is no run directory"):
        Store.open(tmp_path / "absent")
    with pytest.raises(StoreError, match=r"notes\.txt' is a file; give a directory"):
        Store.create(tmp_path / "notes.txt", GROUPS, {})
    with pytest.raises(StoreError, match=r"cannot use .*Not a directory"):
        Store.create(tmp_path / "notes.txt" / "run", GROUPS, {})
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_a_run_is_not_created_twice(store, directory):
    with pytest.raises(StoreError, match="holds a run already: resume it"):
        Store.create(directory, GROUPS, {})


def test_empty_directory_and_one_killed_at_birth_can_be_used(directory):
    directory.mkdir()
    (directory / "run.lock").touch()
    (directory / ".manifest.json.new").write_text("{")
    Store.create(directory, GROUPS, {}).close()
    (directory / "chains.h5").unlink()
    with Store.open(directory) as store:
        assert store.committed == 0
        appended(store, 1)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("chains.h5", b"not hdf5", r"cannot use .*chains\.h5"),
        ("chains.h5", None, "has checkpoints but no chains.h5"),
        ("manifest.json", b"{", "manifest.json' is damaged, or of another program"),
        ("manifest.json", b"[]", "manifest.json' is damaged, or of another program"),
        ("manifest.json", b'{"format": 99}', "has format 99; this version writes format 1"),
    ],
)
def test_damage_is_named(directory, name, content, message):
    with Store.create(directory, GROUPS, {}) as store:
        appended(store, 1)
    (directory / name).unlink()
    if content is not None:
        (directory / name).write_bytes(content)
    with pytest.raises(StoreError, match=message) as caught:
        Store.open(directory)
    assert "\n" not in str(caught.value)
    with pytest.raises(StoreError, match=message):  # and the lock was let go
        Store.open(directory)


def test_truncated_chains_are_named(directory):
    with Store.create(directory, GROUPS, {}) as store:
        appended(store, 2)
    data = (directory / "chains.h5").read_bytes()
    (directory / "chains.h5").write_bytes(data[: len(data) // 2])
    with pytest.raises(StoreError, match=r"cannot use .*chains\.h5.*truncated"):
        Store.open(directory)


def test_status_is_strict_json(store, directory):
    store.write_status({"rhat": float("nan"), "ess": 12.5, "draws": 3, "phase": "sampling"})
    text = (directory / "status.json").read_text()
    assert json.loads(text) == {"rhat": None, "ess": 12.5, "draws": 3, "phase": "sampling"}
    store.write_text("summary.txt", "µ\n")
    assert (directory / "summary.txt").read_text(encoding="utf-8") == "µ\n"
    assert not list(directory.glob(".*"))


WRITER = """
import pathlib, sys
sys.path.insert(0, {tests!r})
from test_store import *
directory = pathlib.Path(sys.argv[1])
store = Store.open(directory) if (directory / "manifest.json").exists() else \\
    Store.create(directory, GROUPS, ATTRIBUTES)
found, _ = store.load()
done = 0 if found is None else found.draws
print("go", flush=True)
while True:
    store.append(block(done), done)
    done += BLOCK
    store.save(checkpoint(done, float(done)))
"""


@pytest.mark.slow
def test_killed_at_any_moment_it_opens_and_goes_on(directory):
    """SIGKILL at 30 random moments of one run: committed draws are all there, in order."""
    rng = np.random.default_rng(4)
    code = WRITER.format(tests=str(pathlib.Path(__file__).parent))
    committed = 0
    for _ in range(30):
        with subprocess.Popen(
            [sys.executable, "-c", code, str(directory)], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"go\n"
            time.sleep(rng.uniform(0.0, 0.3))
            writer.send_signal(signal.SIGKILL)
        with Store.open(directory) as store, warnings.catch_warnings():
            assert store.committed >= committed
            committed = store.committed
            if committed:
                found = store.read(("m_nu",))["m_nu"]
                np.testing.assert_array_equal(
                    found, joined(committed // BLOCK, "posterior", "m_nu")
                )
    assert committed > 0
