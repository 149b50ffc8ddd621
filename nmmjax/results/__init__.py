"""Results of runs. `open_run(DIR)` opens a run, or the shards of many tasks as one run."""

from nmmjax.results.shards import open_run

__all__ = ["open_run"]
