"""The run directory as it is written."""
