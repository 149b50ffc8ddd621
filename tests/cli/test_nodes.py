"""A compute node as bare as they come: a whole run by the command, in namespaces of its own."""

import os
import subprocess
import sys

import h5py
import pytest

from helpers import tiny_model

pytestmark = [
    pytest.mark.slow,  # a process with imports, compilation, summary and figures
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount file systems"),
]

# no network; HOME cannot be written; what lies in the temporary folder cannot be executed
BARE = """
set -e
mount -t tmpfs -o noexec,size=64m tmpfs "$TMPDIR"
mount --bind "$HOME" "$HOME"
mount -o remount,ro,bind "$HOME"
cp /bin/true "$TMPDIR/true"
if "$TMPDIR/true" 2>/dev/null; then echo executed; exit 9; fi
if touch "$HOME/x" 2>/dev/null; then echo written; exit 9; fi
exec "$@"
"""


def on_a_bare_node(tmp_path, *command):
    """The finished process of a command on such a node; no cache but what it makes itself."""
    places = {"HOME": tmp_path / "home", "TMPDIR": tmp_path / "tmp"}
    for place in places.values():
        place.mkdir(exist_ok=True)
    caches = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "JAX_COMPILATION_CACHE_DIR", "MPLCONFIGDIR")
    kept = {name: x for name, x in os.environ.items() if name not in caches}
    return subprocess.run(
        ["unshare", "--mount", "--net", "sh", "-c", BARE, "sh", *command],
        env=kept | {name: str(x) for name, x in places.items()} | {"JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_without_network_home_and_executable_temporary_folder_a_run_ends(tmp_path):
    if subprocess.run(["unshare", "--mount", "--net", "true"], check=False).returncode:
        pytest.skip("namespaces are not permitted here")
    path, out = tiny_model.write(tmp_path), tmp_path / "run"
    command = [sys.executable, "-m", "nmmjax", "run", str(path), "--out", str(out)]
    done = on_a_bare_node(tmp_path, *command)
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stderr.splitlines() if "Read-only file system" in line]
    assert len(told) == 1, done.stderr
    assert told[0].startswith("nmmjax: compiled programs go to")
    assert not any(word in done.stderr for word in ("Traceback", "Warning", "Matplotlib"))
    assert (out / "summary.txt").stat().st_size > 0
    assert list((out / "figures").glob("*.pdf")) + list((out / "figures").glob("*.png"))
    with h5py.File(out / "chains.h5") as file:
        assert file.attrs["committed_draws"] == 10
