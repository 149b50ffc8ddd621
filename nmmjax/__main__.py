"""`nmmjax`, and `python -m nmmjax`: signals are handled before anything heavy is imported."""

import os
import sys

from nmmjax import signals


def main() -> None:
    """Run the command line.

    XLA logs alarms about slow compilation as errors; its own errors come as exceptions. It reads
    how much to log before anything else, so that this is set before JAX is imported.
    """
    signals.install(sys.argv[1:])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from nmmjax.cli import main

    main()


if __name__ == "__main__":
    main()
