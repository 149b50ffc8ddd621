"""`nmmjax plot`: options, files, styles and refusals."""

import matplotlib
import pytest

from helpers.synthetic_run import draw_groups, write_run
from nmmjax.cli import run_command
from nmmjax.cli.plot import read_style
from nmmjax.errors import InputError


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "good", draw_groups(8, 50))


@pytest.fixture
def refuse(capsys):
    def run(*arguments):
        assert run_command(["plot", *(str(a) for a in arguments)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("nmmjax: ")
        assert err.count("\n") == 1
        return err

    return run


@pytest.mark.slow
def test_figures_are_written_in_the_formats_asked_for(directory, tmp_path, capsys):
    out = tmp_path / "a" / "b"
    command = ["plot", str(directory), "--what", "map,rank", "--params", "m_psi,mu_nu"]
    assert run_command([*command, "--format", "png,svg,pdf", "--out", str(out)]) == 0
    stems = ("map_m_psi_mu_nu", "rank_m_psi_mu_nu")
    names = {f"{stem}.{suffix}" for stem in stems for suffix in ("png", "svg", "pdf")}
    assert {path.name for path in out.iterdir()} == names
    assert set(capsys.readouterr().out.split()) == {str(out / name) for name in names}


def test_default_is_everything_that_can_be_drawn_into_the_run_directory(directory):
    assert run_command(["plot", str(directory)]) == 0
    made = {path.name for path in (directory / "figures").iterdir()}
    assert made == {f"{name}.png" for name in ("corner", "region_map", "trace", "rank")}


def test_style_changes_the_figure(directory, tmp_path):
    style = tmp_path / "a.toml"
    style.write_text('"savefig.dpi" = 40\n[font]\nsize = 5\n')
    assert read_style(style) == {"savefig.dpi": 40, "font.size": 5}
    sheet = tmp_path / "b.mplstyle"
    sheet.write_text("savefig.dpi: 40  # small\nfont.size: 5\n")
    assert read_style(sheet) == {"savefig.dpi": 40.0, "font.size": 5.0}
    sizes = []
    before = matplotlib.rcParams["font.size"]
    for option in ([], ["--style", str(style)], ["--style", str(sheet)]):
        command = ["plot", str(directory), "--what", "trace", "--out", str(tmp_path / "out")]
        assert run_command([*command, *option]) == 0
        sizes.append((tmp_path / "out" / "trace.png").stat().st_size)
    assert sizes[1] < 0.5 * sizes[0]
    assert abs(sizes[1] - sizes[2]) < 100
    assert matplotlib.rcParams["font.size"] == before


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "font.sizee = 5", "'font.sizee' is not a parameter .*did you mean 'font.size'"),
        ("a.toml", 'font.size = "x"', "'font.size': .*x"),
        ("a.toml", "font.size = ", "not valid TOML"),
        ("b.mplstyle", "font.sizee: 5\n", "font.sizee"),
        ("b.mplstyle", "font.size: x\n", "Bad value.*font.size"),
        ("b.mplstyle", "\n", "sets nothing"),
    ],
)
def test_bad_styles(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_style(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_refusals(directory, refuse, tmp_path):
    assert "cannot draw 'corne'; did you mean 'corner'" in refuse(directory, "--what", "corne")
    assert "has no 'mu_n'; did you mean 'mu_nu'" in refuse(directory, "--params", "m_psi,mu_n")
    assert "--format: 'jpg' is unknown" in refuse(directory, "--format", "jpg")
    assert "--params takes names with commas" in refuse(directory, "--params", "a,,b")
    assert "cannot read style file" in refuse(directory, "--style", tmp_path / "none.toml")
    assert "no run directory" in refuse(tmp_path / "none")
    (tmp_path / "file").write_text("")
    line = refuse(directory, "--what", "trace", "--out", tmp_path / "file" / "below")
    assert "cannot write figures to" in line
    empty = write_run(tmp_path / "empty", draw_groups(8, 50), committed=0)
    assert "holds no draws yet" in refuse(empty)
