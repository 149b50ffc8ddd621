"""Inputs damaged at random: trees with keys removed, renamed, replaced; texts cut and spliced."""

import copy
import datetime
import functools
import resource

import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NAMES = (
    "weak_triplet", "dark_dipole", "sm_dirac", "nuts", "ensemble", "emcee_", "base", "driver",
    "@default", "@astro", "xenonnt_2022", "katrin_2025", "mu_e_gamma_meg2_2025", "rho0", "m_W",
    "numpy:ndarray", "nmmjax.target.model:Model", "no.such:Thing", ":", "x:", ":x", ".x:Y", "..:Y",
    "a.py:B", "auto", "box", "inf", "nan", "true", "", " ", "\0", "\0:x", "a\nb", "\x1b[31m", "é",
    "\N{GREEK SMALL LETTER MU}", "\u202e", "x" * 5000, "../" * 50, "%s{0}", "/dev/zero", "..",
)  # fmt: skip
_deep = "v"
for _ in range(40):
    _deep = [_deep]
scalars = st.one_of(
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([10**6, 2**31, 2**63 - 1, -(2**63), 10**30, 10**400]),
    st.floats(),
    st.sampled_from([0.0, -1.0, 1e-320, 1e308, 1e-12, 0.5]),
    st.text(max_size=8),
    st.sampled_from(NAMES),
    st.dates(datetime.date(1, 1, 1)),
    st.just(_deep),
)


def words(keys):
    """Names of keys: known ones, names of other things, anything."""
    return st.one_of(st.sampled_from(sorted(keys)), st.sampled_from(NAMES), st.text(max_size=6))


def values(keys):
    """Values of every type, nested a little."""
    return st.recursive(
        scalars,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(words(keys), inner, max_size=3)
        ),
        max_leaves=6,
    )


def places(tree, path=()):
    """Every key of a tree, as a path."""
    for key, value in tree.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from places(value, (*path, key))


@st.composite
def trees(draw, tree, keys):
    """A good tree with one to three keys removed, renamed, replaced, added or moved."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.integers(1, 3))):
        paths = sorted(places(tree), key=repr)
        if not paths:
            break
        *above, key = draw(st.sampled_from(paths))
        node = tree
        for part in above:
            node = node[part]
        match draw(st.sampled_from(["remove", "rename", "replace", "add", "item", "move"])):
            case "remove":
                del node[key]
            case "rename":
                at = draw(st.integers(0, len(key)))
                node[draw(st.one_of(words(keys), st.just(key[:at] + "x" + key[at:])))] = node.pop(
                    key
                )
            case "replace":
                node[key] = draw(values(keys))
            case "add":
                node[draw(words(keys))] = draw(values(keys))
            case "item":
                old = node[key] if isinstance(node[key], list) else [node[key]]
                node[key] = [*old, draw(values(keys))]
            case "move":
                tree[key] = node.pop(key)
    return tree


@st.composite
def texts(draw, text, nested="x = {}\n"):
    """A good text cut, spliced, repeated, nested, or in another encoding, as bytes."""
    data = text.encode()
    at = draw(st.integers(0, len(data)))
    match draw(st.sampled_from(["cut", "splice", "encode", "repeat", "flip", "nest", "line"])):
        case "cut":
            return data[:at]
        case "splice":
            return data[:at] + draw(st.binary(min_size=1, max_size=6)) + data[at:]
        case "encode":
            return text.encode(draw(st.sampled_from(["utf-16", "utf-32", "utf-8-sig", "cp500"])))
        case "repeat":
            return data * draw(st.sampled_from([2, 100]))
        case "flip":
            return data[:at] + bytes([draw(st.integers(0, 255))]) + data[at + 1 :]
        case "nest":
            depth = draw(st.sampled_from([10, 2000, 50_000]))
            deep = draw(st.sampled_from(["[" * depth + "]" * depth, "9" * depth, "a." * depth]))
            return data[:at] + nested.format(deep).encode() + data[at:]
        case _:
            lines = text.splitlines()
            i = draw(st.integers(0, len(lines) - 1))
            return "\n".join([*lines[:i], draw(st.text(max_size=20)), *lines[i:]]).encode(
                "utf-8", "surrogatepass"
            )


def toml(tree):
    """The bytes of a tree, where TOML has any for it."""
    try:
        return tomli_w.dumps(tree).encode("utf-8", "surrogatepass")
    except (TypeError, ValueError):
        return b"[model]\n"


def examples(count, data):
    """Run a test of `data` on that many examples; ten seconds or 512 MB for one of them fail."""
    slowest = datetime.timedelta(seconds=10)
    quiet = list(HealthCheck)

    def decorate(test):
        @functools.wraps(test)
        def bounded(*args, **kwargs):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            test(*args, **kwargs)
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            assert grown < 2**19, f"{grown / 2**10:.0f} MB"

        options = settings(
            max_examples=count, deadline=slowest, suppress_health_check=quiet, database=None
        )
        return options(given(data=data)(bounded))

    return decorate


def one_line(line):
    """Assert that a refusal is one line, of printable signs, not too long."""
    assert len(line.splitlines()) == 1, line
    assert len(line) < 1000, line
    assert line.isprintable(), line
