"""`nmmjax`, and `python -m nmmjax`: signals are handled before anything heavy is imported."""

import sys

from nmmjax import signals


def main() -> None:
    """Run the command line."""
    signals.install(sys.argv[1:])
    from nmmjax.cli import main

    main()


if __name__ == "__main__":
    main()
