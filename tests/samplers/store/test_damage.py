"""Damaged files: no wrong number, traceback or hang; `status --verify` names what it is."""

import contextlib
import importlib
import json
import random
import re
import shutil

import h5py
import pytest

from helpers import stored
from helpers.stored import DRAWS, begun, copied, extend
from helpers.synthetic_run import RESOLVED
from nmmjax.cli import run_command
from nmmjax.errors import InputError
from nmmjax.results.rundir import open_run
from nmmjax.samplers.store import files, reading
from nmmjax.samplers.store.store import Store, StoreError
from nmmjax.samplers.store.verify import verify

status = importlib.import_module("nmmjax.cli.status")  # in `nmmjax.cli` it is the command
PROGRESS = {"phase": "sampling", "draws": 9, "target": 9, "rate": 1.5, "rhat": None}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = begun(tmp_path_factory.mktemp("damage") / "run", 3)
    with Store.open(path) as store:
        store.write_text("resolved.toml", RESOLVED)
        store.write_status(PROGRESS)
    return path


@pytest.fixture
def run(sound, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "sync", lambda descriptor: None)
    return copied(sound, tmp_path / "run")


def flipped(path, position, bit):
    data = bytearray(path.read_bytes())
    data[position % len(data)] ^= 1 << bit
    path.write_bytes(data)


def everything(path):
    """All numbers, their axes and attributes; KeyError and the like where they do not read."""
    found = {}

    def put(name, item):
        for key, value in item.attrs.items():
            if key not in ("DIMENSION_LIST", "REFERENCE_LIST"):
                found[name, key] = repr(value)
        if isinstance(item, h5py.Dataset):
            axes = [[scale.name for scale in axis.values()] for axis in item.dims]
            found[name] = item.shape, item.dtype, item[()].tobytes(), axes

    with reading.chains(path) as file:
        reading.refuse_other_attributes(path, file)
        put("/", file)
        file.visititems(put)
    return found


def flip_chains(run, count, seed):
    """(flips that change what is read, of these not found by --verify) of so many."""
    rng, whole = random.Random(seed), (run / "chains.h5").read_bytes()
    before, silent, missed = everything(run), 0, 0
    for _ in range(count):
        flipped(run / "chains.h5", rng.randrange(len(whole)), rng.randrange(8))
        changed = True
        with contextlib.suppress(OSError, KeyError, RuntimeError, ValueError, TypeError):
            changed = everything(run) != before
            silent += changed
        missed += changed and not verify(run).faults
        (run / "chains.h5").write_bytes(whole)
    return silent, missed


def test_flipped_bits_of_the_chains_are_found(run):
    silent, missed = flip_chains(run, 60, 1)
    assert missed == 0
    assert silent <= 1  # HDF5 does not check how texts and axes are tied to their objects


@pytest.mark.slow
@pytest.mark.long
def test_many_flipped_bits_of_the_chains_are_found(run):
    silent, missed = flip_chains(run, 3000, 2)
    assert missed == 0
    assert silent <= 30


def test_flipped_bits_of_the_manifest_are_refused(run):
    rng, whole = random.Random(3), (run / "manifest.json").read_bytes()
    for _ in range(150):
        flipped(run / "manifest.json", rng.randrange(len(whole)), rng.randrange(8))
        with pytest.raises(StoreError, match=r"is damaged|has format") as caught:
            Store.open(run)
        assert "\n" not in str(caught.value)
        (run / "manifest.json").write_bytes(whole)


def test_verification_names_what_is_wrong(run, capsys):
    assert run_command(["status", str(run), "--verify"]) == 0
    assert "sound; compared with their checksums: 3 blocks of 5" in capsys.readouterr().out
    with h5py.File(run / "chains.h5", "r+") as file:
        file["posterior/m"][1, DRAWS] += 1e-9  # with a right checksum of HDF5's own
        file["posterior/m"].attrs["units"] = "keV"
        file["modes/x"][0] = 7.0
        at = file["posterior/w"].id.get_chunk_info(2).byte_offset
    flipped(run / "chains.h5", at + 3, 2)
    flipped(run / "state-0.npz", 200, 1)
    assert run_command(["status", str(run), "--verify"]) == 1
    out = capsys.readouterr().out
    for piece in (
        "draws 3 to 5 of posterior/m: not what was written",
        "draws 6 to 8 of posterior/w: ",
        "modes/x: not what was written",
        "attribute 'units' of /posterior/m is not what the manifest says",
        "state-0.npz is damaged",
    ):
        assert piece in out
    assert "draws 0 to 2 of" not in out
    assert "sample_stats/lp" not in out


def test_a_run_of_a_version_without_checksums_is_continued(run):
    (run / "checksums.jsonl").unlink()
    about = json.loads((run / "manifest.json").read_text())
    del about["sha256"]
    for state in about["generations"]:
        del state["bytes"]
    (run / "manifest.json").write_text(json.dumps(about))
    assert any("draws 0 to 8 have no checksum" in line for line in verify(run).faults)
    with Store.open(run) as store:
        assert store.load()[0].draws == 3 * DRAWS
        extend(store, 3, 5)
    assert stored.counted(run) == 5


def bits(data, rng):
    changed = bytearray(data)
    for _ in range(rng.choice([1, 3, 20])):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(data, rng):
    return data[: rng.randrange(len(data))]


def spliced(data, rng):
    at = rng.randrange(len(data))
    return data[:at] + rng.randbytes(rng.randrange(1, 40)) + data[at + rng.randrange(40) :]


ODD = (b"null", b"-1", b"1e999", b"[]", b"{}", b'""', b'"\\ud800"', b"[[[[]]]]", b"true",
       b"9" * 400, b"NaN", b"[" * 5000, b'"\\u001b[2J"', b"inf", b"1979-05-27", b"'x'")  # fmt: skip


def value(data, rng):
    """Another value in the place of one: of JSON and TOML both."""
    places = [m.span(1) for m in re.finditer(rb'[:=]\s*("[^"]*"|[\d.eE+-]+|\[[^\]]*\])', data)]
    if not places:
        return bits(data, rng)
    first, last = rng.choice(places)
    return data[:first] + rng.choice(ODD) + data[last:]


NAMES = ("manifest.json", "state-0.npz", "state-1.npz", "status.json", "chains.h5",
         "resolved.toml", "checksums.jsonl")  # fmt: skip


def use(path):
    """What commands do with a directory; every refusal is one line."""

    def opened():
        with Store.open(path) as store:
            store.load()

    for call in (opened, lambda: open_run(path), lambda: status.to_text(status.look(path)),
                 lambda: verify(path)):  # fmt: skip
        try:
            call()
        except (StoreError, InputError) as error:
            yield str(error)


def fuzz(run, count, seed):
    """Damage one file after another; the number of refusals."""
    rng, refused = random.Random(seed), 0
    whole = {name: (run / name).read_bytes() for name in NAMES}
    assert not [*use(run)]
    for number in range(count):
        name = NAMES[number % len(NAMES)]
        harm = rng.choice([bits, cut, spliced, value])
        (run / name).write_bytes(harm(whole[name], rng))
        for line in use(run):
            assert "\n" not in InputError(line).args[0]
            refused += 1
        for path in run.iterdir():
            if path.name not in whole:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for other, data in whole.items():
            (run / other).write_bytes(data)
    return refused


def test_damaged_files_of_every_kind_give_one_line(run):
    assert fuzz(run, 42, 5) > 30


@pytest.mark.slow
@pytest.mark.long
def test_thousands_of_damaged_files_give_one_line(run):
    assert fuzz(run, 4000, 6) > 4000
