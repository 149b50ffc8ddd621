"""Run directories in a bad state, through the command: one clear line, nothing destroyed."""

import errno
import hashlib
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys

import h5py
import numpy as np
import pytest

from helpers import stored, tiny_model
from helpers.cases import one_quick
from nmmjax.cli import run_command
from nmmjax.samplers.store.verify import verify

pytestmark = pytest.mark.usefixtures("without_figures")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a run file and a finished run of 20 draws."""
    folder = tmp_path_factory.mktemp("directories")
    path = tiny_model.write(folder, draws=20)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("nmmjax.figures.draw.save_all", lambda *_: [])
        assert run_command(["run", str(path), "--out", str(folder / "run")]) == 0
    return folder


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of the finished run, to be harmed."""
    return shutil.copytree(finished / "run", tmp_path / "run")


@pytest.fixture
def go_on(finished, capsys):
    """`nmmjax run` on a directory, up to a number of draws: (exit code, lines on stderr)."""

    def run(directory, draws=40):
        arguments = ["run", str(finished / "tiny.toml"), "--out", str(directory)]
        code = run_command([*arguments, "--set", f"run.draws={draws}"])
        return code, capsys.readouterr().err.splitlines()

    return run


def fingerprints(directory):
    """Checksums of everything but the lock, which every writer signs."""
    return {
        p.relative_to(directory): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in directory.rglob("*")
        if p.is_file() and p.name != "run.lock"
    }


def draws_of(directory):
    with h5py.File(directory / "chains.h5") as file:
        committed = int(file.attrs["committed_draws"])
        return {
            name: np.asarray(file["posterior"][name])[:, :committed] for name in ("a", "b", "m_nu")
        }


def assert_starts_with(directory, before):
    for name, values in draws_of(directory).items():
        np.testing.assert_array_equal(values[:, : before[name].shape[1]], before[name])


def assert_refused(result, *pieces):
    code, lines = result
    assert code == 2
    assert lines[-1].startswith("nmmjax: ")
    assert not any("Traceback" in line for line in lines)
    assert len([line for line in lines if line.startswith("nmmjax: ")]) == 1, lines
    for piece in pieces:
        assert piece in lines[-1]


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path):
    path.write_bytes(b"")


def replaced_by_text(path):
    path.write_text("my thesis\n")


def foreign(path):
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(3.0)


def without_a_variable(path):
    with h5py.File(path, "r+") as file:
        del file["posterior/b"]


@pytest.mark.parametrize(
    ("harm", "piece"),
    [
        (truncated, "truncated"),
        (emptied, "chains.h5"),
        (replaced_by_text, "chains.h5"),
        (foreign, "is of another program: no committed_draws"),
        (without_a_variable, "has no variable 'posterior/b'"),
        (pathlib.Path.unlink, "has checkpoints but no chains.h5"),
    ],
)
def test_damaged_chains_are_named_and_left_alone(copy, go_on, harm, piece):
    harm(copy / "chains.h5")
    before = fingerprints(copy)
    assert_refused(go_on(copy), piece, str(copy))
    after = fingerprints(copy)
    for name in ("chains.h5", "manifest.json", "state-0.npz", "state-1.npz"):
        assert after.get(pathlib.Path(name)) == before.get(pathlib.Path(name)), name


def test_flipped_bytes_in_the_draws_are_found_by_their_checksum(copy, go_on):
    """Damage inside a chunk of a variable: refused, not shown or called saved."""
    data = bytearray((copy / "chains.h5").read_bytes())
    with h5py.File(copy / "chains.h5") as file:
        stored = file["posterior/b"].id.get_chunk_info(0)
    data[stored.byte_offset + 100] ^= 1
    (copy / "chains.h5").write_bytes(data)
    assert_refused(go_on(copy, 20), "chains.h5")


@pytest.mark.parametrize("which", one_quick(["newest", "both"]))
def test_a_flipped_byte_in_a_checkpoint_falls_back_and_says_so(copy, finished, go_on, which):
    whole = draws_of(shutil.copytree(finished / "run", copy.parent / "whole"))
    names = ("state-0.npz", "state-1.npz")
    newest = max(names, key=lambda name: (copy / name).stat().st_mtime_ns)
    for name in names if which == "both" else (newest,):
        data = bytearray((copy / name).read_bytes())
        data[len(data) // 2] ^= 4
        (copy / name).write_bytes(data)
    code, lines = go_on(copy)
    assert code == 0
    assert any(f"{newest} is damaged: falling back to an older state" in line for line in lines)
    assert_starts_with(copy, whole)
    assert_same_as_unbroken(copy, finished, go_on)


def assert_same_as_unbroken(directory, finished, go_on):
    other = shutil.copytree(finished / "run", directory.parent / "unbroken")
    assert go_on(other)[0] == 0
    assert_starts_with(directory, draws_of(other))


def test_more_draws_and_other_stop_rules_on_resume(copy, finished, capsys):
    before = draws_of(copy)
    command = ["run", str(finished / "tiny.toml"), "--out", str(copy), "--set", "run.draws=60"]
    assert run_command([*command, "--set", "run.until.max_minutes=1e-9"]) == 0
    assert "minutes are over" in capsys.readouterr().err
    assert draws_of(copy)["a"].shape[1] == 25
    assert run_command(command) == 0
    assert draws_of(copy)["a"].shape[1] == 60
    assert_starts_with(copy, before)


def test_a_finished_run_is_sound(finished, capsys):
    assert run_command(["status", str(finished / "run"), "--verify"]) == 0
    assert "sound; compared with their checksums: 4 blocks" in capsys.readouterr().out


def test_missing_directories(finished, tmp_path, capsys, go_on):
    for command in (["summary", str(tmp_path / "none")], ["summary", str(finished)]):
        assert run_command(command) == 2
        err = capsys.readouterr().err
        assert err.startswith("nmmjax: ")
        assert err.count("\n") == 1
    code, _ = go_on(tmp_path / "made" / "below", 5)
    assert code == 0
    code, lines = go_on(finished / "tiny.toml" / "below", 5)
    assert (code, len(lines)) == (2, 1)


HOLDER = """
import fcntl, sys, time
file = open(sys.argv[1], "a+")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_two_processes_on_one_directory(copy, go_on):
    before = fingerprints(copy)
    command = [sys.executable, "-c", HOLDER, str(copy / "run.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        assert_refused(go_on(copy), "is being written by", "wait for it or stop it")
        assert fingerprints(copy) == before
        holder.communicate()
    assert go_on(copy)[0] == 0


POLLER = """
import sys, time, h5py
seen = 0
print("ready", flush=True)
deadline = time.monotonic() + 60.0
while time.monotonic() < deadline and seen < 40:
    try:
        with h5py.File(sys.argv[1], "r") as file:
            committed = int(file.attrs["committed_draws"])
            values = file["posterior/b"][:, :committed]
    except OSError:
        continue
    assert committed >= seen and values.shape[1] == committed and (values > 0.0).all()
    seen = committed
print(seen, flush=True)
"""
KEEPER = """
import sys, h5py
with h5py.File(sys.argv[1], "r") as file:
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("reader", one_quick([POLLER, KEEPER]))
def test_readers_do_not_stop_a_run(copy, go_on, reader):
    before = draws_of(copy)
    command = [sys.executable, "-c", reader, str(copy / "chains.h5")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        assert go_on(copy)[0] == 0
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out in (b"", b"40\n")
    assert_starts_with(copy, before)


@pytest.mark.parametrize("room", one_quick([0, 20_000], 1))
def test_full_disk_loses_nothing(copy, go_on, room):
    """No file may grow beyond `room` bytes more than chains.h5 has: writing fails midway."""
    before = draws_of(copy)
    limit = (copy / "chains.h5").stat().st_size + room
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        code, lines = go_on(copy, 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert code == 2
    assert "chains.h5" in lines[-1]
    assert "File too large" in lines[-1]
    assert_starts_with(copy, before)
    done = draws_of(copy)["a"].shape[1]
    assert go_on(copy, done + 20)[0] == 0
    assert_starts_with(copy, before)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
@pytest.mark.parametrize("kilobytes", one_quick([300, 700]))
def test_full_file_system_loses_nothing(finished, copy, go_on, tmp_path, kilobytes):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        moved = disk / "run"
        moved.mkdir()
        for name in ("chains.h5", "manifest.json", "resolved.toml", "state-0.npz", "state-1.npz"):
            shutil.copy(copy / name, moved / name)
        before = draws_of(moved)
        code, lines = go_on(moved, 5000)
        assert code == 2
        assert "No space left on device" in lines[-1]
        assert not any("Traceback" in line for line in lines)
        assert_starts_with(moved, before)
        roomy = shutil.copytree(moved, tmp_path / "roomy")
        assert go_on(roomy, draws_of(moved)["a"].shape[1] + 20)[0] == 0
        assert_starts_with(roomy, before)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("number", [errno.EDQUOT, errno.ENOSPC])
@pytest.mark.parametrize("at", [1, 4, 7])
def test_a_quota_used_up_halfway_through_a_write_is_one_line(copy, go_on, monkeypatch, number, at):
    before = draws_of(copy)
    with monkeypatch.context() as patched:
        disk = stored.Disk(patched, ("pwrite",))
        disk.fail(at, OSError(number, os.strerror(number)), late=False)
        assert_refused(go_on(copy), os.strerror(number))
        assert disk.calls >= at
    assert_starts_with(copy, before)
    assert go_on(copy)[0] == 0
    assert_starts_with(copy, before)
    assert verify(copy).faults == ()


# root may write anywhere: give that right up, then become the command
UNPRIVILEGED = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
os.execv(sys.executable, [sys.executable, "-m", "nmmjax", *sys.argv[1:]])
"""


def test_read_only_directory(copy, finished, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir()
    for path in (closed, copy, *copy.iterdir()):
        path.chmod(path.stat().st_mode & ~0o222)
    before = fingerprints(copy)
    command = [sys.executable, "-c", UNPRIVILEGED, "run", str(finished / "tiny.toml"), "--out"]
    processes = [
        subprocess.Popen(
            [*command, str(out), "--set", "run.draws=40"], stderr=subprocess.PIPE, text=True
        )
        for out in (copy, closed / "run")
    ]
    for process in processes:
        _, err = process.communicate()
        assert process.returncode == 2, err
        assert err.splitlines()[-1].startswith("nmmjax: cannot use")
        assert "Permission denied" in err.splitlines()[-1]
        assert "Traceback" not in err
    assert fingerprints(copy) == before
    for path in (closed, copy):
        path.chmod(0o755)
