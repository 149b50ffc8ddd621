"""Formulas: numbers in, numbers out; no parameters, no priors, no files of measurements."""
