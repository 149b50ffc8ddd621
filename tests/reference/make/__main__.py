"""Make the reference numbers again, or check that they can be made.

    python tests/reference/make                     write every file
    python tests/reference/make zee dark_loops      write the tables of these topics
    python tests/reference/make --check             compare a few rows of every table
    python tests/reference/make --check --seed 3    others of them
    python tests/reference/make --check --all       every row
    python tests/reference/make --out FOLDER        write elsewhere

Exit code 1 if a number differs.
"""

import argparse
import importlib
import pathlib
import random
import sys
import time

import oracle

TOPICS = sorted(p.stem for p in pathlib.Path(__file__).parent.glob("[a-z]*.py"))
TOPICS.remove("oracle")


def main() -> int:
    parser = argparse.ArgumentParser(description="Make reference numbers again, or check them.")
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help=", ".join(TOPICS))
    parser.add_argument("--check", action="store_true", help="compare a few rows of every table")
    parser.add_argument("--seed", type=int, help="of the rows that a check takes; random if absent")
    parser.add_argument("--all", action="store_true", help="check every row")
    parser.add_argument("--out", type=pathlib.Path, default=oracle.HERE, help="where files lie")
    given = parser.parse_args()
    unknown = {*given.topics} - {*TOPICS}
    if unknown:
        parser.error(f"no topic {', '.join(sorted(unknown))}; there are {', '.join(TOPICS)}")
    seed = random.randrange(10**6) if given.seed is None else given.seed
    misses = [miss for topic in given.topics or TOPICS for miss in work(topic, given, seed)]
    sys.stdout.writelines(f"{line}\n" for line in misses or [f"nothing differs (seed {seed})"])
    return 1 if misses else 0


def work(topic: str, given: argparse.Namespace, seed: int) -> list[str]:
    """Write the tables of a topic, or check them; what differs."""
    began, misses = time.process_time(), []
    for table in importlib.import_module(topic).TABLES:
        if given.check:
            rows = None if given.all else table.rows
            misses += oracle.check(table, random.Random(seed), rows, given.out)
        else:
            oracle.write(table, given.out)
    sys.stdout.write(f"{topic}: {time.process_time() - began:.1f} s\n")
    return misses


if __name__ == "__main__":
    sys.exit(main())
