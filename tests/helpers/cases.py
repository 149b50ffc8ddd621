"""Families of parametrised cases of which one is a quick test and the rest are slow ones."""

import pytest


def one_quick(cases, chosen=0):
    """The cases with `slow` on every one but number `chosen`."""
    return [
        case if i == chosen else pytest.param(case, marks=pytest.mark.slow)
        for i, case in enumerate(cases)
    ]
