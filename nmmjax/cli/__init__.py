"""The `nmmjax` command: arguments are in `arguments`, `sampling`, `reading` and `asking`.

Work and heavy imports are in the modules beside. User errors end as one line on stderr and exit
code 2; bugs keep their traceback.
"""

import sys  # noqa: I001  (commands are listed by the help in the order of their import)

import typer

from nmmjax import signals
from nmmjax.cli import sampling, reading, asking, terminal
from nmmjax.cli.arguments import app
from nmmjax.errors import InputError

__all__ = ["app", "asking", "main", "reading", "run_command", "sampling"]


def main() -> None:
    """Entry point: run the command and turn user errors into one line and exit code 2."""
    code = run_command(sys.argv[1:])
    signals.enter(signals.Stage.ENDED)
    terminal.flush()
    sys.exit(code)


def run_command(arguments: list[str]) -> int:
    """Run `nmmjax ARGUMENTS` and return its exit code."""

    def refuse(message: str, code: int) -> int:
        if message:  # none after the help that `nmmjax` alone prints
            terminal.say(f"nmmjax: {' '.join(message.split())}")
        return code

    try:
        return app(arguments, standalone_mode=False, prog_name="nmmjax") or 0
    except typer.TyperException as error:  # bad command line
        return refuse(str(InputError(error.format_message())), error.exit_code)
    except InputError as error:
        return refuse(str(error), 2)
    except KeyboardInterrupt:
        return refuse("interrupted; what was committed is saved", signals.AT_ONCE)
    except BrokenPipeError:
        return 0
