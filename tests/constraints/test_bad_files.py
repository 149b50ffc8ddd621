"""Constraint files and curves: what is read, what is refused with its line, and random damage."""

import os
import socket
import tomllib

import jax.numpy as jnp
import pytest
from hypothesis import strategies as st

from helpers import damage
from nmmjax.constraints.library import load
from nmmjax.errors import InputError

GOOD = """
[mine]
observable = "mu_eff_reactor"
type = "upper_limit"
value = 1e-11
power = 2
cl = 0.9
units = "mu_B"
one_of = "GEMMA"
year = 2027
reference = "arXiv:0000.00000"
verified = "lookup"

[pair]
observable = ["s_param", "t_param"]
type = "gaussian_nd"
value = [0.1, 0.2]
sigma = [0.1, 0.1]
correlation = [0.9]
units = "1"
year = 2027
reference = "a"
verified = "b"

[region]
observable = ["eps", "m_aprime"]
type = "excluded_region"
mass = [1.0, 10.0, 10.0, 1.0]
coupling = [1e-4, 1e-4, 1e-3, 1e-3]
mass_units = "MeV"
units = "1"
year = 2027
reference = "a"
verified = "b"

[curve]
observable = ["eps", "m_aprime", "br_inv_aprime"]
type = "limit_curve"
file = "curve.csv"
columns = ["m_MeV", "eps90"]
mass_units = "MeV"
power = 2
cl = 0.90
units = "1"
year = 2027
reference = "a"
verified = "data"
"""
CURVE = "# table 3\nm_MeV,eps90,other\n1.0,3e-6,1\n10.0,1e-5,2\n100.0,9e-5,3\n"
TREE = tomllib.loads(GOOD)
KEYS = {key for entry in TREE.values() for key in entry} | {
    "extend",
    "beyond",
    "convention",
    "file",
}
TYPES = ("upper_limit", "upper_limit_band", "lower_limit", "smooth_bound", "window", "gaussian",
         "gaussian_nd", "limit_curve", "poisson_zero_curve", "one_sided_gaussian_curve",
         "excluded_region", "upper_limit_plasmon")  # fmt: skip
POINT = {"mu_eff_reactor": 1e-11, "s_param": 0.1, "t_param": 0.1, "eps": 1e-5, "m_aprime": 0.02,
         "br_inv_aprime": 0.5}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "my.toml").write_text(GOOD)
    (tmp_path / "curve.csv").write_text(CURVE)
    return tmp_path


def refusal(folder, name="curve"):
    with pytest.raises(InputError) as caught:
        load([name], files=[folder / "my.toml"])
    damage.one_line(str(caught.value))
    return str(caught.value)


def curve(folder):
    (found,) = load(["curve"], files=[folder / "my.toml"])
    return found.mass, found.limit


# What is read

READ = [
    b"\xef\xbb\xbfm_MeV,eps90\n1.0,3e-6\n10.0,1e-5\n100.0,9e-5\n",
    b"m_MeV;eps90\n1.0;3e-6\n10.0;1e-5\n100.0;9e-5\n",
    b"m_MeV\teps90\n1.0\t3e-6\n10.0\t1e-5\n100.0\t9e-5\n",
    b"  m_MeV   eps90\n\n 1.0  3e-6\n\t10.0 1e-5\n100.0   9e-5\n",
    b"# a table\n#   m_MeV   eps90\n 1.0  3e-6\n 10.0  1e-5\n 100.0  9e-5\n",
    b"#m_MeV,eps90\n#\n1.0,3e-6\n10.0,1e-5\n# end of page\n100.0,9e-5",
    b'"m_MeV", "eps90"\r\n1.0, 3e-6\r\n10.0,+1e-5\r\n1e2,.00009\r\n',
    b"m_MeV,eps90\r1.,3e-6\r10,1E-5\r100.0,9e-5\r",
    "Fläche,eps90,m_MeV\n5,3e-6,1\n5,1e-5,10\n5,9e-5,100\n".encode(),
]  # fmt: skip


@pytest.mark.parametrize("data", READ, ids=range(len(READ)))
def test_tables_that_can_be_read_in_one_way(folder, data):
    (folder / "curve.csv").write_bytes(data)
    mass, limit = curve(folder)
    assert mass == pytest.approx((1e-3, 1e-2, 1e-1), rel=1e-14)
    assert limit == pytest.approx((3e-6, 1e-5, 9e-5), rel=1e-14)


def test_a_constraint_file_may_begin_with_a_mark_of_its_encoding(folder):
    (folder / "my.toml").write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert len(curve(folder)[0]) == 3


# What is refused

CSV = [
    ("m_MeV,eps90,eps90\n1,2,3\n2,3,4\n", "line 1: columns 2 and 3 have the same name"),
    ("m_MeV,eps90\n1,0,3e-6\n", "line 2: 3 cells, but the header has 2"),
    ("m_MeV,eps90\n1,0,3,5\n", "line 2: 4 cells, but the header has 2 (decimal commas?)"),
    ("m_MeV;eps90\n1,0;3e-6\n", "line 2: no number in column 1: a decimal comma"),
    ("m_MeV,eps90\n1_0.0,3e-6\n", "line 2: no number in column 1: an underscore"),
    ("m_MeV,eps90\n1,3D-6\n", "line 2: no number in column 2: an exponent with d"),
    ("m_MeV,eps90\n1,2\n2,inf\n", "line 3: no number in column 2: it is not finite"),
    ("m_MeV,eps90\n1,2\n2,1e999\n", "line 3: no number in column 2: it is not finite"),
    ("m_MeV,eps90\n1,2\n2,\n", "line 3: no number in column 2: the cell is empty"),
    ("m_MeV,eps90\n1,2\n2,secret\n", "line 3: no number in column 2"),
    ("m_MeV,eps90\n1,٣\n2,3\n", "line 2: no number in column 2"),
    ("m_MeV,eps90\n1;2\n", "line 2: separated by semicolons, but the header by commas"),
    ("m_MeV,eps90\n1 2\n", "line 2: separated by blanks, but the header by commas"),
    ("m_MeV eps90\n1, 2\n", "line 2: no number in column 1: the header has blanks"),
    ("m_MeV,eps90;x\n1,2\n", "line 1: the header has both commas and semicolons"),
    ("1,2\n2,3\n", "line 1: numbers where the names of the columns should stand"),
    ("# other things\n1,2\n2,3\n", "line 2: numbers where the names of the columns"),
    ("secret,names\n1,2\n2,3\n", "has no column 'm_MeV' among the 2 there"),
    ("m_MeV,eps9\n1,2\n2,3\n", "has no column 'eps90'; did you mean 'eps9'?"),
    ("", "curve.csv is empty"),
    ("# nothing\n\n", "curve.csv holds nothing but comments"),
    ("m_MeV,eps90\n", "curve.csv has a header and no row"),
    ("m_MeV,eps90\n1,2\n", "curve.csv has one row of numbers"),
    ("m_MeV,eps90\n1,2\n3,4\n2,3\n", "line 4: masses must increase"),
    ("m_MeV,eps90\n1,2\n1,3\n", "line 3: masses must increase"),
    ("m_MeV,eps90\n-1,2\n1,3\n", "line 2: mass must be > 0"),
    ("m_MeV,eps90\n1,2\n2,-3\n", "line 3: limit must be > 0"),
    ("m_MeV,eps90\n1,2\n2,0\n", "line 3: limit must be > 0"),
    ("m_MeV,eps90\n0,2\n1,3\n", "mass must be > 0"),
    ("m_MeV,eps90\n" + "1,2\n" * 20_001, "has more than 20000 rows"),
    (",".join(map(str, range(-1001, 0))) + "\n1\n", "numbers where the names"),
    (",".join(f"a{i}" for i in range(1001)) + "\n1\n", "or 1000 columns"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), CSV, ids=[said for _, said in CSV])
def test_a_table_is_refused_with_its_line(folder, text, said):
    (folder / "curve.csv").write_text(text, encoding="utf-8")
    line = refusal(folder)
    assert said in line
    assert "secret" not in line


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("m_MeV,eps90\n1,2\n3,4\n".encode("utf-16"), "it is UTF-16, not UTF-8 text"),
        ("m_MeV,eps90\n1,2\n3,4\n".encode("utf-16-le"), "it holds zero bytes"),
        ("m_MeV,eps90,ä\n1,2\n".encode("latin-1"), "line 1 is not UTF-8 text (Latin-1?)"),
        (b"m_MeV,eps90\n" + b"#" * 2**22, "it is larger than 4 MB"),
    ],
)
def test_a_table_in_another_encoding(folder, data, said):
    (folder / "curve.csv").write_bytes(data)
    assert said in refusal(folder)


ENTRIES = [
    ('["m_MeV", "eps90"]', '["m_MeV", "m_MeV"]', "one column for each of mass, limit"),
    ('["m_MeV", "eps90"]', '["m_MeV", 3]', "columns must name those for mass, limit"),
    ('"MeV"\npower', '"GeV"\npower', "'m_MeV' says MeV, but mass_units is 'GeV': MeV or GeV?"),
    ('"curve.csv"', '"../curve.csv"', "file 'curve.csv' is not below the folder"),
    ('"curve.csv"', '"/etc/passwd"', "file must name a CSV file below"),
    ('"curve.csv"', '"link.csv"', "file 'link.csv' is not below the folder"),
    ('"curve.csv"', '"none.csv"', "No such file or directory"),
    ('"curve.csv"', '"."', "Is a directory"),
    ('"curve.csv"', '"pipe"', "it is a pipe, not a file"),
    ('"curve.csv"', '"socket"', "No such device or address"),
    ('"curve.csv"', '"a\\u0000b"', "that is no name of a file"),
    ('"curve.csv"', '"loop"', "cannot read curve file"),
    ('"curve.csv"', '""', "file must name a CSV file"),
    ('one_of = "GEMMA"', 'one_of = ["a"]', "'mine': one_of must be a text"),
    ("value = 1e-11", "value = 0x" + "f" * 5000, "'mine.value': a whole number of at most 64"),
    ("value = 1e-11", "value = 1" + "0" * 5000, "a whole number has more than 64 bits"),
    ("value = 1e-11", f"{'a.' * 50}a = 1", "a key has more than 16 parts"),
    ("value = 1e-11", f"value = {'[' * 20}{']' * 20}", "is nested more than 16 deep"),
    ("power = 2\ncl = 0.90", 'power = 2\nextend = "above"\ncl = 0.9', "extend must be 'below'"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), ENTRIES, ids=[said for *_, said in ENTRIES])
def test_an_entry_is_refused(folder, old, new, said, monkeypatch):
    inner = folder / "inner"
    inner.mkdir()
    os.mkfifo(inner / "pipe")
    monkeypatch.chdir(inner)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        (inner / "link.csv").symlink_to(folder / "curve.csv")
        (inner / "loop").symlink_to(inner / "loop")
        (inner / "curve.csv").write_text(CURVE)
        assert GOOD.count(old) == 1
        (inner / "my.toml").write_text(GOOD.replace(old, new))
        assert said in refusal(inner)


def test_links_that_stay_below_the_folder_are_followed(folder):
    (folder / "data").mkdir()
    (folder / "curve.csv").rename(folder / "data" / "v2.csv")
    (folder / "curve.csv").symlink_to("data/v2.csv")
    assert len(curve(folder)[0]) == 3


@pytest.mark.parametrize(
    ("columns", "masses", "asked"),
    [
        ("m,eps90", (1.0, 1000.0), True),  # MeV, taken as GeV
        ("m,eps90", (0.001, 1.0), False),
        ("m_GeV,eps90", (1.0, 1000.0), False),
        ("m [GeV],eps90", (1.0, 1000.0), False),
        ("m,eps90", (1e-9, 1e-6), True),
    ],
)
def test_masses_far_from_those_of_other_curves_ask_for_their_unit(folder, columns, masses, asked):
    name = columns.partition(",")[0]
    text = GOOD.replace('"m_MeV"', f'"{name}"').replace('"MeV"\npower', '"GeV"\npower')
    (folder / "my.toml").write_text(text)
    (folder / "curve.csv").write_text(f"{columns}\n{masses[0]},1e-5\n{masses[1]},1e-4\n")
    if asked:
        assert "MeV or GeV?" in refusal(folder)
    else:
        assert curve(folder)[0] == pytest.approx(masses)


def test_the_file_of_constraints_itself(folder):
    for name in ("pipe", "toml"):
        (folder / "my.toml").unlink()
        if name == "pipe":
            os.mkfifo(folder / "my.toml")
            assert "it is a pipe, not a file" in refusal(folder)
        else:
            (folder / "my.toml").write_bytes(b"#" * (2**20 + 1))
            assert "it is larger than 1 MB" in refusal(folder)


# Random damage


def check(folder, name):
    """Load one constraint and evaluate it: None, or the one line of the refusal."""
    try:
        (found,) = load([name], files=[folder / "my.toml"])
    except InputError as error:
        return str(error)
    point = {key: jnp.asarray(POINT.get(key, 0.1)) for key in found.requires}
    assert float(found.log_likelihood(point)) <= 1e-9
    assert "\n" not in found.describe()
    return None


entries = st.sampled_from(TYPES).flatmap(
    lambda kind: damage.trees(TREE | {"curve": TREE["curve"] | {"type": kind}}, KEYS)
)
damaged = st.tuples(
    st.one_of(entries.map(damage.toml), damage.texts(GOOD), st.just(GOOD.encode())),
    st.one_of(damage.texts(CURVE, "{}\n"), st.just(CURVE.encode())),
    st.sampled_from(sorted(TREE)),
)


def refused_or_good(factory, data):
    folder = factory.getbasetemp() / "damaged_constraints"
    folder.mkdir(exist_ok=True)
    toml, csv, name = data
    (folder / "my.toml").write_bytes(toml)
    (folder / "curve.csv").write_bytes(csv)
    if (line := check(folder, name)) is not None:
        damage.one_line(line)


@damage.examples(30, damaged)
def test_damaged_files_are_refused_in_one_line(tmp_path_factory, data):
    refused_or_good(tmp_path_factory, data)


@pytest.mark.slow
@pytest.mark.long
@damage.examples(8_000, damaged)
def test_thousands_of_damaged_files(tmp_path_factory, data):
    refused_or_good(tmp_path_factory, data)
