"""`python -m compare SUITE --threads N --out DIR --worker PROGRAM`: one suite; run.sh calls this."""

import argparse
import importlib
import sys
from pathlib import Path

from .harness import run_suite


def main():
    parser = argparse.ArgumentParser(prog="compare", description=__doc__)
    parser.add_argument("suite")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("."))
    parser.add_argument("--worker", type=Path, help="the program of this workspace")
    parser.add_argument("--only", default="", help="works whose name contains this")
    parser.add_argument("--rounds", type=int, help="runs of each side at least, instead of the work's own number")
    parser.add_argument("--seconds", type=float, help="seconds per work, instead of the work's own number")
    parser.add_argument("--peer", help="do this one memory work on the peer's side and end")
    options = parser.parse_args()
    suite = importlib.import_module(f"compare.{options.suite}")
    if options.peer is not None:
        suite.use_memory(options.peer, options.threads)
        return 0
    failed = run_suite(suite, options.threads, options.out, options.worker, options.only, options.rounds, options.seconds)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
