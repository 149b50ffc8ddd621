"""Directories that came by mail: nothing outside is written or read, nothing odd is opened."""

import os
import stat

import h5py
import numpy as np
import pytest

from helpers.stored import DRAWS, begun, block, checkpoint, counted, table
from helpers.synthetic_run import RESOLVED, draw_groups, write_run
from nmmjax.cli import run_command
from nmmjax.figures import draw
from nmmjax.results.rundir import open_run
from nmmjax.samplers.store import files, manifest
from nmmjax.samplers.store.store import Store, StoreError
from nmmjax.samplers.store.verify import verify

SECRET = b"root:x:0:0 secret of somebody\n" * 40
WRITTEN = ("run.lock", ".status.json.new", ".manifest.json.new", ".state-0.npz.new",
           ".state-1.npz.new", ".chains.h5.new", ".chains.h5.journal", ".chains.h5.journal.new",
           ".run.toml.new", ".resolved.toml.new", ".summary.txt.new", ".checksums.jsonl.new",
           "status.json", "manifest.json", "state-0.npz", "state-1.npz", "chains.h5", "run.toml",
           "resolved.toml", "summary.txt", "checksums.jsonl")  # fmt: skip


@pytest.fixture
def outside(tmp_path):
    path = tmp_path / "outside"
    path.write_bytes(SECRET)
    return path


def work(path):
    """All that a session writes."""
    with Store.open(path) as store:
        store.load()
        for number in (2, 3):
            store.append(block(number), number * DRAWS)
            store.replace(table(number))
            store.save(checkpoint(number + 1))
        for name in ("run.toml", "resolved.toml", "summary.txt"):
            store.write_text(name, "text\n")
        store.write_status({"draws": 1})


def messages(path):
    """Refuse what load() has a word about, too."""
    with Store.open(path) as store:
        raise StoreError(" ".join(store.load()[1]))


def refusal(action, path):
    """The line in which it is refused; empty if it is not."""
    try:
        action(path)
    except StoreError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("there", [True, False])
def test_a_link_in_the_place_of_a_file_leads_nothing_outside(tmp_path, outside, name, there):
    """Either the link is replaced by a file or the directory is refused in one line."""
    path = begun(tmp_path / "run")
    target = outside if there else tmp_path / "absent"
    (path / name).unlink(missing_ok=True)
    (path / name).symlink_to(target)
    said = refusal(work, path)
    assert "\n" not in said
    assert said or not (path / name).is_symlink()
    assert outside.read_bytes() == SECRET
    assert not (tmp_path / "absent").exists()


def test_new_files_have_names_that_nobody_can_prepare(tmp_path, monkeypatch):
    """O_EXCL alone would let a file of a known name stop a run."""
    path = begun(tmp_path / "run")
    opened = []
    real = os.open

    def note(name, flags, *more, **options):
        if flags & os.O_CREAT:
            opened.append((str(name), flags))
        return real(name, flags, *more, **options)

    monkeypatch.setattr(os, "open", note)
    work(path)
    made = [name for name, flags in opened if flags & os.O_EXCL]
    assert len(made) == len(set(made)) > 10
    assert all(flags & os.O_NOFOLLOW for _, flags in opened)
    assert {name for name, flags in opened if not flags & os.O_EXCL} <= {"run.lock", "chains.h5"}


@pytest.mark.parametrize("name", ["figures", "shards"])
def test_directories_that_are_links_are_refused(tmp_path, name):
    (tmp_path / "elsewhere").mkdir()
    path = begun(tmp_path / "run")
    (path / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match=rf"{name}' is a symbolic link: a run writes into its own"):
        Store.open(path)
    assert verify(path).faults
    made = write_run(tmp_path / "made", draw_groups())
    (made / name).symlink_to(tmp_path / "elsewhere")
    for command in ("summary", "plot", "status"):
        assert run_command([command, str(made)]) == 2
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_figure_that_is_a_link_is_replaced(tmp_path, outside):
    run = open_run(write_run(tmp_path / "run", draw_groups()))
    folder = tmp_path / "run" / "figures"
    folder.mkdir()
    (folder / "trace.png").symlink_to(outside)
    draw.save(draw.draw(run, ["trace"], []), folder, ("png",))
    assert outside.read_bytes() == SECRET
    assert (folder / "trace.png").read_bytes()[:4] == b"\x89PNG"
    assert [p.name for p in folder.iterdir()] == ["trace.png"]


def fifo(path):
    os.mkfifo(path)


def device(path):
    path.symlink_to("/dev/zero")


def folder(path):
    path.mkdir()


def huge(path):
    with path.open("wb") as file:
        file.truncate(10**8)


def true_device(path):
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))  # /dev/zero
    except PermissionError:
        pytest.skip("making a device is not permitted here")


ODD = (fifo, device, folder, huge, true_device)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", ["manifest.json", "state-0.npz", "chains.h5", "checksums.jsonl"])
def test_what_is_no_file_of_a_run_is_refused_unread(tmp_path, name, odd):
    path = begun(tmp_path / "run", 3)
    (path / name).unlink()
    odd(path / name)
    said = refusal(messages, path)
    assert name in said
    assert "\n" not in said
    assert any(name in line for line in verify(path).faults)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", ["resolved.toml", "status.json", "chains.h5"])
def test_readers_refuse_it_too(tmp_path, name, odd, capsys):
    path = write_run(tmp_path / "run", draw_groups(8, 20))
    (path / name).unlink(missing_ok=True)
    odd(path / name)
    for command in ("status", "summary")[: 1 if name == "status.json" else 2]:
        assert run_command([command, str(path)]) == 2
        err = capsys.readouterr().err
        assert name in err
        assert err.count("\n") == 1


def external(path, outside):
    with h5py.File(path, "r+") as file:
        ensemble = file["posterior/m"]
        shape = ensemble.shape
        del file["posterior/m"]
        file["posterior"].create_dataset(
            "m", shape, "f8", external=[(str(outside), 0, 8 * int(np.prod(shape)))]
        )


def external_link(path, outside):
    with h5py.File(outside, "w") as file:
        file["secret"] = np.arange(8.0)
    with h5py.File(path, "r+") as file:
        file["modes/here"] = h5py.ExternalLink(str(outside), "/secret")


def soft_link(path, outside):
    external_link(path, outside)
    with h5py.File(path, "r+") as file:
        del file["modes/here"]
        file["away"] = h5py.ExternalLink(str(outside), "/")
        file["modes/here"] = h5py.SoftLink("/away/secret")


def virtual(path, outside):
    external_link(path, outside)
    with h5py.File(path, "r+") as file:
        del file["modes/here"]
        shown = h5py.VirtualLayout((8,), "f8")
        shown[:] = h5py.VirtualSource(str(outside), "secret", (8,))
        file["modes"].create_virtual_dataset("here", shown)


@pytest.mark.parametrize("harm", [external, external_link, soft_link, virtual])
def test_numbers_of_other_files_are_not_read(tmp_path, outside, harm, capsys):
    path = begun(tmp_path / "run")
    harm(path / "chains.h5", outside)
    (path / "resolved.toml").write_text(RESOLVED)
    for command in (["summary", str(path)], ["status", str(path)]):
        assert run_command(command) == 2
        err = capsys.readouterr().err
        assert "a run directory holds its numbers itself: not read" in err
        assert err.count("\n") == 1
        assert "secret of somebody" not in err
    with pytest.raises(StoreError, match="holds its numbers itself"):
        Store.open(path)
    assert any("holds its numbers itself" in line for line in verify(path).faults)


def test_a_size_with_nothing_behind_it_is_refused(tmp_path, capsys):
    """10^13 draws that no chunk holds: their size is not asked of the memory."""
    path = begun(tmp_path / "run")
    (path / "resolved.toml").write_text(RESOLVED)
    with h5py.File(path / "chains.h5", "r+") as file:
        for name in ("posterior/m", "posterior/w", "sample_stats/lp", "sample_stats/n"):
            file[name].resize(10**13, axis=1)
        file.attrs.modify("committed_draws", 10**13)
    assert run_command(["summary", str(path)]) == 2
    assert "is not all there" in capsys.readouterr().err
    with pytest.raises(StoreError, match="is not all there"):
        Store.open(path)


def test_a_manifest_cannot_name_files_elsewhere(tmp_path, outside):
    """Even under a right checksum of its own."""
    path = begun(tmp_path / "run")
    with files.Folder(path) as folder:
        about = manifest.read(folder / "manifest.json")
        about["generations"][0]["file"] = "../outside"
        manifest.write(folder / "manifest.json", about)
    with pytest.raises(StoreError, match="damaged, or of another program"):
        Store.open(path)
    assert outside.read_bytes() == SECRET
    assert counted(path) == 2
