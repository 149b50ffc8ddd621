"""Where compiled programs are kept: folders that cannot be written, or that others may write."""

import pathlib
import pwd
import shutil
import tempfile

import jax
import pytest

from nmmjax.cli import session


@pytest.mark.parametrize("where", ["HOME", "XDG_CACHE_HOME", "JAX_COMPILATION_CACHE_DIR"])
@pytest.mark.parametrize("closed", [True, False])
def test_a_cache_that_cannot_be_written_is_one_line(where, closed, tmp_path, monkeypatch, capsys):
    """A file stands where a folder belongs: root, too, cannot write there."""
    (tmp_path / "file").write_text("")
    for name in ("XDG_CACHE_HOME", "JAX_COMPILATION_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(where, str(tmp_path / "file" / "below"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("file" if closed else "")))
    before = jax.config.jax_compilation_cache_dir
    try:
        session.start_jax()
        found = jax.config.jax_compilation_cache_dir
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
    (line,) = capsys.readouterr().err.splitlines()
    assert "Not a directory" in line
    if closed:
        assert found is None
        assert "compiled programs are not kept for the next start" in line
    else:
        assert f"compiled programs go to '{found}'" in line
        assert pathlib.Path(found).parent.stat().st_mode & 0o777 == 0o700


def test_a_user_without_a_home_keeps_programs_in_the_temporary_folder(
    tmp_path, monkeypatch, capsys
):
    """As a container runs an image under a number that no user has."""
    for name in ("HOME", "XDG_CACHE_HOME", "JAX_COMPILATION_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def nobody(number):
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    before = jax.config.jax_compilation_cache_dir
    try:
        session.start_jax()
        assert jax.config.jax_compilation_cache_dir == str(session.temporary_cache())
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
    (line,) = capsys.readouterr().err.splitlines()
    assert "there is no home directory" in line


def test_a_temporary_cache_that_others_may_write_is_not_used(tmp_path, monkeypatch):
    """What is read from it is run."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = session.temporary_cache()
    assert folder is not None
    folder.parent.chmod(0o777)
    assert session.temporary_cache() is None
    shutil.rmtree(folder.parent)
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.parent.symlink_to(tmp_path / "elsewhere")
    assert session.temporary_cache() is None
