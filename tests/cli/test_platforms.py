"""A command that only reads computes on the CPU; the next of its process has JAX's choice again."""

import jax
import pytest

from nmmjax.cli import session


@pytest.fixture
def platforms(monkeypatch):
    """Set what JAX was to use before; all is put back afterwards."""
    before = jax.config.jax_platforms
    monkeypatch.setattr(session, "_asked", {})
    yield lambda name: jax.config.update("jax_platforms", name)
    jax.config.update("jax_platforms", before)


@pytest.mark.parametrize("asked", ["", "cuda,cpu", "cpu"])
def test_a_command_that_reads_leaves_no_trace(asked, platforms):
    platforms(asked)
    session.start_jax(reads=True)
    session.start_jax(reads=True)
    assert jax.config.jax_platforms == "cpu"
    session.start_jax()
    assert jax.config.jax_platforms == asked


@pytest.mark.parametrize(("gpu", "asked", "said"), [("/", "", 1), ("/", "cpu", 0), ("/no", "", 0)])
def test_sampling_where_jax_has_started_on_the_cpu_is_told(
    gpu, asked, said, platforms, monkeypatch, capsys
):
    """Only where there is a GPU that the process would have used."""
    monkeypatch.setattr(session, "_GPU", (gpu,))
    platforms(asked)
    session.start_jax(reads=True)
    assert jax.default_backend() == "cpu"
    session.start_jax()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == said
    assert all("start another process to sample on the GPU" in line for line in lines)
