"""The run file: TOML in, a posterior out."""
