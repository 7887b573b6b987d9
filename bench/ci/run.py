#!/usr/bin/env python3
"""Local pipelines: `rialto ci` beside gitlab-ci-local, same files, same machine, interleaved.

    python3 bench/ci/run.py --rialto target/release/rialto

Prints one line per scenario: median of both, and how many times faster ours is. The peer runs with
its shell executor. It is installed from npm into the target folder.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PEER = "gitlab-ci-local@4.61.1"


def scenarios():
    """Name, file, whether to run (else list), goal ratio, rounds."""
    trivial = 'job:\n  script: ["true"]\n'
    many = "".join(f'job{i}:\n  script: ["true"]\n' for i in range(100))
    chain = "job0:\n  script: [\"true\"]\n" + "".join(
        f'job{i}:\n  needs: [job{i - 1}]\n  script: ["true"]\n' for i in range(1, 50)
    )
    listing = "stages: [build, test, deploy]\n" + "".join(
        f"job{i}:\n  stage: {('build', 'test', 'deploy')[i % 3]}\n  script: [\"echo {i}\"]\n"
        f'  rules:\n    - if: $CI_COMMIT_BRANCH == "main"\n'
        for i in range(1000)
    )
    return [
        ("list 1,000 jobs", listing, False, 100, 5),
        ("run 1 trivial job", trivial, True, 20, 7),
        ("run 100 independent trivial jobs", many, True, 10, 3),
        ("run a chain of 50 needs", chain, True, 20, 3),
    ]


def install_peer(folder):
    program = os.path.join(folder, "node_modules", ".bin", "gitlab-ci-local")
    if not os.path.exists(program):
        os.makedirs(folder, exist_ok=True)
        subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, PEER],
            check=True,
        )
    return program


def repository(folder, text):
    """A git repository with a remote, which the peer needs."""
    def git(*words):
        subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True)

    subprocess.run(["git", "init", "-q", "-b", "main", folder], check=True)
    with open(os.path.join(folder, ".gitlab-ci.yml"), "w", encoding="utf-8") as file:
        file.write(text)
    with open(os.path.join(folder, ".gitignore"), "w", encoding="utf-8") as file:
        file.write(".gitlab-ci-local/\n.rialto/\n")
    git("remote", "add", "origin", "git@example.invalid:bench/bench.git")
    git("add", "-A")
    git("-c", "user.name=bench", "-c", "user.email=bench@example.invalid", "commit", "-qm", "bench")


def timed(command, folder, environment):
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=300
    )
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"{command} ended with {done.returncode}:\n{done.stdout.decode()[-2000:]}{done.stderr.decode()[-2000:]}")
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rialto", required=True)
    parser.add_argument("--json", help="write the figures to this file")
    options = parser.parse_args()
    ours = os.path.abspath(options.rialto)
    if shutil.which("rsync") is None:
        sys.exit("gitlab-ci-local needs rsync: install the package `rsync`")
    peer = install_peer(os.path.join(os.path.dirname(os.path.dirname(ours)), "bench", "gitlab-ci-local"))
    figures = []
    print(f"{'scenario':<36}{'peer':>10}{'ours':>10}{'ratio':>9}{'goal':>8}")
    for name, text, runs, goal, rounds in scenarios():
        with tempfile.TemporaryDirectory() as folder:
            repository(folder, text)
            environment = dict(os.environ, HOME=folder, NO_COLOR="1")
            peer_command = [peer] + (
                ["--force-shell-executor"] if runs else ["--list-json"]
            )
            our_command = [ours, "ci", "run"] if runs else [ours, "ci", "list", "--output", "json"]
            peer_times, our_times = [], []
            timed(our_command, folder, environment)
            for _ in range(rounds):
                peer_times.append(timed(peer_command, folder, environment))
                our_times.append(timed(our_command, folder, environment))
        theirs, mine = statistics.median(peer_times), statistics.median(our_times)
        ratio = theirs / mine
        figures.append({"scenario": name, "peer_s": theirs, "ours_s": mine, "ratio": ratio, "goal": goal})
        print(f"{name:<36}{theirs:>9.3f}s{mine:>9.4f}s{ratio:>8.1f}x{goal:>7}x")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=1)


if __name__ == "__main__":
    main()
