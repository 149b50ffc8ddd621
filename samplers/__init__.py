"""Sampling engines, imported as `nmmjax.samplers`; they know no physics."""

if __name__ != "nmmjax.samplers":
    raise ImportError("these engines are the package 'nmmjax.samplers': import that name")
