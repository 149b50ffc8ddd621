"""Results of runs, for Python: `open_run(DIR)` and `tree(DIR, by="ensemble")`.

Both take the directory of a run, or that of the shards of many tasks as one run.
"""

from nmmjax.results.shards import open_run
from nmmjax.results.trees import to_tree, tree

__all__ = ["open_run", "to_tree", "tree"]
