"""Largest relative errors of every kernel over the instruction sets, rounded up to one digit.

A test fails above MARGIN times an entry; `python -m benchmarks errors` measures them again under
several instruction sets and reports entries that have become too good or too bad.
"""

MARGIN = 3.0

# name: (value, first derivatives; None: not measured)
ERRORS: dict[str, tuple[float, float | None]] = {
    "L": (5e-16, 8e-16),
    "G": (6e-16, 8e-16),
    "Gm": (2e-15, 3e-15),
    "I_F": (9e-16, 2e-15),
    "I_S": (7e-16, 5e-15),
    "N_F": (2e-15, 9e-15),
    "N_S": (8e-16, 8e-15),
    "df_SM": (7e-16, 3e-15),
    "f_SM": (4e-16, 3e-15),
    "K_LR": (3e-16, 2e-15),
    "B_F": (4e-15, 5e-14),
    "B_S": (2e-15, 1e-15),
    "F": (5e-16, None),
    "Fsplit": (3e-16, None),
    "dL": (7e-15, 7e-15),
    "dL_pair": (4e-15, 4e-15),
    "mass_split": (2e-16, None),
    "mass_split_ew": (6e-16, None),
    "F_T": (3e-16, None),
    "mass_step": (3e-16, 4e-16),
    "moment_step": (9e-16, 3e-14),
    "fW": (4e-16, 2e-15),
    "L0": (5e-16, None),
    "B0": (2e-14, 5e-16),
    "dB0": (9e-16, None),
    "rho_loop": (5e-16, None),
    "J": (2e-15, 3e-15),
    "J_printed": (2e-15, 2e-15),
    "delta_J": (6e-15, 7e-16),
    "delta_J_printed": (6e-15, 6e-16),
    "F_lepton": (8e-16, 2e-15),
    "G_lepton": (8e-16, 4e-16),
    "J_equal": (6e-16, 2e-16),
    "f_split": (2e-15, 2e-15),
    "delta_B": (1e-16, None),
    "mediator_factor": (9e-16, None),
    "D3": (3e-16, 2e-15),
    "J_up": (3e-16, 4e-16),
    "J_down": (3e-16, 2e-16),
    "J_scalar": (6e-16, 5e-15),
    "gauge_amplitude": (2e-15, 3e-15),
    "dipoles": (2e-15, None),
    "det2": (2e-16, None),
    "svd2": (4e-16, 4e-16),
    "light_block": (2e-14, 7e-16),
    "takagi_masses": (4e-15, None),
    "takagi": (2e-15, None),
    "svd3": (2e-15, None),
}

# name: (module of nmmjax.physics, function whose docstring states the error)
HOMES = {
    **dict.fromkeys(("L", "G", "Gm", "I_F", "I_S", "F", "dL", "dL_pair", "Fsplit"), "one_loop"),
    **dict.fromkeys(("mass_split",), "one_loop"),
    **dict.fromkeys(("N_F", "N_S", "f_SM", "df_SM", "K_LR"), "moment_loops"),
    **dict.fromkeys(("F_T", "mass_step", "moment_step"), "moment_loops"),
    **dict.fromkeys(("B_F", "B_S", "mass_split_ew"), "electroweak"),
    **dict.fromkeys(("fW", "L0", "B0", "dB0", "rho_loop"), "bridge_loops"),
    **dict.fromkeys(("J", "J_printed", "delta_J", "delta_J_printed", "delta_B"), "dark_loops"),
    **dict.fromkeys(("F_lepton", "G_lepton", "J_equal", "f_split"), "dark_loops"),
    **dict.fromkeys(("mediator_factor",), "dark_loops"),
    **dict.fromkeys(("D3", "J_up", "J_down", "J_scalar"), "two_loop"),
    **dict.fromkeys(("gauge_amplitude", "dipoles"), "flavour_violation"),
    **dict.fromkeys(("det2", "svd2", "light_block"), "matrices"),
    **dict.fromkeys(("takagi_masses", "takagi"), "takagi"),
    **dict.fromkeys(("svd3",), "svd3"),
}
FUNCTIONS = {"takagi_masses": "factorise", "takagi": "factorise"}
HOMES = {name: (module, FUNCTIONS.get(name, name)) for name, module in HOMES.items()}


def claim(name: str) -> str:
    """What the docstring says: "Error 6e-16 / 9e-16", the slope after the slash."""
    value, slope = ERRORS[name]
    return f"rror {value:.0e}" + (f" / {slope:.0e}" if slope is not None else "")


def page() -> str:
    """The page docs/accuracy.md."""
    return _HEAD + "".join(_row(name) for name in ERRORS)


def _row(name):
    value, slope = ERRORS[name]
    module, function = HOMES[name]
    slope = "" if slope is None else f"{slope:.0e}"
    return f"| `{name}` | `physics/{module}.{function}` | {value:.0e} | {slope} |\n"


_HEAD = """\
# Accuracy of the kernels

Largest relative errors against 30 to 120 digits, over grids that cover the domain of each
function and crowd at its seams, and over the instruction sets of x86 processors (SSE4.2, AVX2,
AVX-512). A relative error means of the value; where two parts of a result may cancel, of the
parts (`F`, `Fsplit`, `dL_pair`, `mass_split_ew`); of B_S, which crosses zero, of max(|B_S|, 1).
Derivatives are the first ones, forward and in reverse. `takagi` and `svd3`: unitarity of the
vectors, and the matrix they give back, of its largest entry.

The tests (`tests/physics/test_errors.py`) allow three times these numbers; `python -m benchmarks
errors` measures them again. This page is written from `tests/helpers/accuracy/errors.py`.

| kernel | function | value | derivatives |
|---|---|---|---|
"""
