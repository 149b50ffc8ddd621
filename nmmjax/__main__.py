"""`python -m nmmjax` is the `nmmjax` command."""

from nmmjax.cli import main

main()
