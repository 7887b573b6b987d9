#!/usr/bin/env python3
"""What fails, how long it is felt, and what is lost: prints figures.

    python3 tests/recovery/run.py --rialto target/release/rialto --snapshots target/release/rialto-bench-esb \\
        --database postgres://postgres@127.0.0.1:5432/empty [--pg-ctl "pg_ctl -D DATA"]

`cargo xtask recovery` runs it with a database of its own. Two servers share the database; a client asks
both every 5 ms whether they serve and writes whenever one does, and what was acknowledged has to be there
at the end. A gateway serves without any of them. Exit code 1: something was lost, answered wrongly, or
took longer than its goal.
"""

import argparse
import os
import sys
import tempfile

from control_plane import partitions, take_overs
from data_plane import data_plane
from parts import failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rialto", required=True)
    parser.add_argument("--snapshots", required=True, help="the program rialto-bench-esb")
    parser.add_argument("--database", required=True, help="an empty database, postgres://…")
    parser.add_argument("--pg-ctl", help="command that controls its server, without the verb")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    options.rialto, options.snapshots = map(os.path.abspath, (options.rialto, options.snapshots))
    with tempfile.TemporaryDirectory() as folder:
        take_overs(options, folder)
        # One house: the database knows its folder.
        partitions(options, folder)
    data_plane(options)
    for failure in failures:
        print(f"FAILED: {failure}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
