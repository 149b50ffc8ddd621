"""One writer at a time, and only in the directory that it opened; copies and locks that are odd."""

import errno
import fcntl
import os
import platform
import shutil
import subprocess
import sys

import pytest

from helpers import stored
from helpers.stored import ABOUT, DRAWS, GROUPS, begun, block, checkpoint, copied, counted, extend
from nmmjax.samplers.store import files, journal
from nmmjax.samplers.store.store import Store, StoreError
from nmmjax.samplers.store.verify import verify


def writes(store):
    """Everything that a writer does."""
    number = store.committed // DRAWS
    return (
        lambda: store.append(block(number, 7), number * DRAWS),
        lambda: store.replace(stored.table(9)),
        lambda: store.save(checkpoint(number)),
        lambda: store.write_status({"draws": 1}),
        lambda: store.write_text("summary.txt", "mine"),
    )


def assert_stopped(store, message):
    for write in writes(store):
        with pytest.raises(StoreError, match=message) as caught:
            write()
        assert "\n" not in str(caught.value)


def test_without_its_lock_file_a_writer_stops_and_no_second_one_gets_in(tmp_path):
    path = tmp_path / "run"
    with Store.create(path, GROUPS, ABOUT) as store:
        extend(store, 0, 2)
        (path / "run.lock").unlink()
        with pytest.raises(StoreError, match=r"being written by .* run.lock was removed"):
            Store.open(path)
        assert_stopped(store, "lock file of .* was removed or replaced while this run wrote it")
    stored.resumed(path)
    assert counted(path) == 5


def test_where_directories_cannot_be_locked_the_first_writer_stops(tmp_path, monkeypatch):
    """As on NFS. The second writer has the run, and the first one does not touch it."""
    real = files.lock

    def of_files(descriptor, shared=False):
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):  # noqa: PTH112
            raise OSError(errno.EBADF, "Bad file descriptor")
        real(descriptor, shared)

    monkeypatch.setattr(files, "lock", of_files)
    path = tmp_path / "run"
    with Store.create(path, GROUPS, ABOUT) as first:
        extend(first, 0, 2)
        (path / "run.lock").unlink()
        with Store.open(path) as second:
            extend(second, 2, 4)
            assert_stopped(first, "removed or replaced")
            extend(second, 4, 5)
        assert counted(path) == 5
    assert verify(path).faults == ()


def test_another_count_in_the_file_stops_a_writer(tmp_path):
    """Whatever let it in: a writer whose count is not the file's own appends nothing."""
    with Store.create(tmp_path / "run", GROUPS, ABOUT) as store:
        extend(store, 0, 3)
        store.committed = 2 * DRAWS
        for write in writes(store)[:2]:
            with pytest.raises(StoreError, match="counts 9 draws where this process stored 6"):
                write()
    assert counted(tmp_path / "run") == 3


def test_a_directory_that_was_moved_is_not_written_nor_the_one_in_its_place(tmp_path):
    path, moved = tmp_path / "run", tmp_path / "old"
    with Store.create(path, GROUPS, ABOUT) as first:
        extend(first, 0, 3)
        path.rename(moved)
        assert_stopped(first, "was moved, removed or replaced while this run wrote it")
        with Store.create(path, GROUPS, ABOUT) as second:
            second.append(block(0), 0)
            assert_stopped(first, "was moved, removed or replaced")
            second.append(block(1), DRAWS)
    assert (counted(path), counted(moved)) == (2, 3)
    stored.resumed(moved)
    assert counted(moved) == 5


def test_chains_that_were_replaced_and_a_directory_that_is_gone_stop_a_writer(tmp_path):
    path = tmp_path / "run"
    with Store.create(path, GROUPS, ABOUT) as store:
        extend(store, 0, 2)
        shutil.copy(path / "chains.h5", tmp_path / "other")
        (tmp_path / "other").replace(path / "chains.h5")
        assert_stopped(store, r"chains.h5' was removed or replaced")
        shutil.rmtree(path)
        assert_stopped(store, "was moved, removed or replaced")


def test_the_lock_file_goes_at_a_clean_end_and_says_what_it_is(tmp_path):
    path = tmp_path / "run"
    with Store.create(path, GROUPS, ABOUT):
        text = (path / "run.lock").read_text()
        assert text.startswith(f"process {os.getpid()} on {platform.node()} since ")
        assert "no sign of life" in " ".join(text.split())
    assert not (path / "run.lock").exists()
    (path / "run.lock").write_text("process 1 on elsewhere since now\n")  # of one that was killed
    Store.open(path).close()
    assert not (path / "run.lock").exists()


RACER = """
import sys
from helpers.stored import ABOUT, GROUPS, extend
from nmmjax.samplers.store.store import Store, StoreError
import pathlib
print("ready", flush=True)
sys.stdin.readline()
wins = 0
for number in range(30):
    try:
        with Store.create(pathlib.Path(sys.argv[1]) / str(number), GROUPS, ABOUT) as store:
            extend(store, 0, 2)
            wins += 1
    except StoreError:
        pass
print(wins)
"""


def test_of_racing_processes_one_makes_the_run(tmp_path):
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(tmp_path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"PYTHONPATH": str(stored.pathlib.Path(stored.__file__).parents[1])},
        )
        for _ in range(2)
    ]  # fmt: skip
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("\n")
        racer.stdin.flush()
    assert sum(int(racer.communicate()[0]) for racer in racers) == 30
    for number in range(30):
        assert counted(tmp_path / str(number)) == 2
        assert verify(tmp_path / str(number)).faults == ()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_without_flock_a_file_that_one_process_can_create_is_the_lock(
    tmp_path, monkeypatch, number
):
    def refuse(descriptor, operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    path = tmp_path / "run"
    with Store.create(path, GROUPS, ABOUT) as store:
        _, (line,) = store.load()
        assert "cannot lock files" in line
        assert os.strerror(number) in line
        assert "run.lock.exclusive" in line
        with pytest.raises(StoreError, match=f"being written by process {os.getpid()} on"):
            Store.open(path)
        extend(store, 0, 2)
        (path / "run.lock.exclusive").unlink()
        assert_stopped(store, "lock file of")
    assert not list(path.glob("run.lock*"))
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        pass
    left = path / "run.lock.exclusive"
    left.write_text(f"process {dead.pid} on {platform.node()} since 2020-01-01T00:00:00+00:00\n")
    with pytest.raises(StoreError, match="which no longer runs: remove that file and start again"):
        Store.open(path)
    left.write_text("process 1 on elsewhere since 2020-01-01T00:00:00+00:00\n")
    with pytest.raises(StoreError, match=r"on elsewhere .*; if that process no longer runs, rem"):
        Store.open(path)
    left.unlink()
    stored.resumed(path)
    assert counted(path) == 5


def test_without_flock_a_requeued_job_takes_over_what_its_killed_session_left(
    tmp_path, monkeypatch
):
    """Of one job only one session runs; of another job, or of this session, nothing is taken."""

    def refuse(descriptor, operation):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setenv("SLURM_JOB_ID", "5")
    monkeypatch.delenv("SLURM_RESTART_COUNT", raising=False)
    path = tmp_path / "run"
    with Store.create(path, GROUPS, ABOUT) as store:
        extend(store, 0, 2)
        text = (path / "run.lock.exclusive").read_text().replace(platform.node(), "elsewhere")
    left = path / "run.lock.exclusive"
    for job, restart in (("5", "0"), ("6", "1"), ("", "1")):
        left.write_text(text)
        monkeypatch.setenv("SLURM_JOB_ID", job)
        monkeypatch.setenv("SLURM_RESTART_COUNT", restart)
        with pytest.raises(StoreError, match="on elsewhere"):
            Store.open(path)
    monkeypatch.setenv("SLURM_JOB_ID", "5")
    stored.resumed(path)
    assert counted(path) == 5
    assert not left.exists()


def journalled(path, monkeypatch):
    """One more block, decided on and not carried out."""
    with Store.open(path) as store, monkeypatch.context() as patched:
        patched.setattr(journal, "carry_out", lambda *given: None)
        number = store.committed // DRAWS
        store.append(block(number), number * DRAWS)


@pytest.mark.parametrize("behind", [1, 2, 5])
def test_a_copy_of_a_live_run_whose_journal_is_newer_is_refused(tmp_path, monkeypatch, behind):
    """`cp -r` reads chains.h5 first, and the journal some blocks later."""
    path = begun(tmp_path / "run", 3)
    old = (path / "chains.h5").read_bytes()
    with Store.open(path) as store:
        extend(store, 3, 3 + behind)
    journalled(path, monkeypatch)
    copy = copied(path, tmp_path / "copy")
    (copy / "chains.h5").write_bytes(old)
    before = {p.name: p.read_bytes() for p in copy.iterdir()}
    for opened in (Store.open, counted):
        with pytest.raises(
            StoreError, match="copied while a run wrote it; copy it again"
        ) as caught:
            opened(copy)
        assert "\n" not in str(caught.value)
    assert {p.name: p.read_bytes() for p in copy.iterdir()} == before
    (copy / ".chains.h5.journal").unlink()  # as the line says
    assert counted(copy) == 3
    assert counted(path) == 4 + behind
    stored.resumed(path, 9)
    assert counted(path) == 9


def test_a_copy_whose_parts_are_of_different_moments_is_refused(tmp_path):
    """No journal to see: the numbers of chains.h5 are not those of checksums.jsonl."""
    path = begun(tmp_path / "run", 2)
    with Store.open(path) as store:
        old = (path / "chains.h5").read_bytes()
        extend(store, 2, 4)
    new = (path / "chains.h5").read_bytes()
    copy = copied(path, tmp_path / "copy")
    (copy / "chains.h5").write_bytes(new[: len(old)] + bytes(len(new) - len(old)))
    with pytest.raises(StoreError, match=r"chains.h5"):
        Store.open(copy)
    assert verify(copy).faults
