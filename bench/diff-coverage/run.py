#!/usr/bin/env python3
"""Coverage of new code: `rialto gate coverage` beside diff-cover, same inputs, interleaved.

    python3 bench/diff-coverage/run.py --rialto target/release/rialto

Makes a git repository with a change of 20,000 diff lines and a Cobertura report from a seed, lets
both programs find the coverage of the new lines, checks that they agree file by file (the change
moves no lines, which the peer would count as new) and prints the medians and the ratio. The peer is
installed from PyPI into the target folder.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import venv

PEER = "diff-cover==11.0.1"
GOAL = 20
SECONDS_PER_RUN = 60


def install_peer(folder):
    program = os.path.join(folder, "bin", "diff-cover")
    if not os.path.exists(program):
        venv.create(folder, with_pip=True, clear=True)
        pip = [os.path.join(folder, "bin", "pip"), "install", "--quiet"]
        subprocess.run([*pip, "--disable-pip-version-check", PEER], check=True, timeout=300)
    return program


class Change:
    """Files before and after, with the lines a tool would call executable."""

    def __init__(self, seed, diff_lines):
        self.random = random.Random(seed)
        self.before, self.after = {}, {}
        self.serial = 0
        changed = 0
        while changed < diff_lines:
            path = f"src/package{len(self.before) % 9}/module{len(self.before)}.py"
            old = [self.line() for _ in range(self.random.randint(200, 600))]
            new, at = [], 0
            while at < len(old):
                kept = self.random.randint(3, 30)
                new += old[at : at + kept]
                at += kept
                dropped = min(self.random.randint(0, 10), max(len(old) - at, 0))
                added = self.random.randint(0, 10)
                new += [self.line() for _ in range(added)]
                at += dropped
                changed += dropped + added
            self.before[path], self.after[path] = old, new

    def line(self):
        """A line unlike every other, or a blank or a comment, which no report calls executable."""
        self.serial += 1
        kind = self.random.random()
        if kind < 0.1:
            return ""
        if kind < 0.15:
            return f"    # note {self.serial}"
        return f"    value_{self.serial} = compute({self.random.randint(0, 10**9)}, price_{self.serial})"

    def cobertura(self):
        """A Cobertura report that adds up: a rate that its lines do not make is refused."""
        classes, covered, valid = [], 0, 0
        for path, lines in self.after.items():
            hits = {
                number: self.random.choice([0, 1, 1, 7])
                for number, line in enumerate(lines, 1)
                if line.strip() and not line.strip().startswith("#")
            }
            hit = sum(1 for count in hits.values() if count)
            covered, valid = covered + hit, valid + len(hits)
            rate = hit / max(len(hits), 1)
            classes.append(f'<class name="m" filename="{path}" line-rate="{rate:.4f}"><methods/><lines>')
            classes += [f'<line number="{number}" hits="{count}"/>' for number, count in hits.items()]
            classes.append("</lines></class>")
        head = f'<coverage version="7.6" line-rate="{covered / valid:.4f}" branch-rate="0">'
        sources = "<sources><source>.</source></sources><packages><package><classes>"
        tail = "</classes></package></packages></coverage>"
        return "\n".join(['<?xml version="1.0" ?>', head, sources, *classes, tail])


def git(folder, *words):
    identity = ["-c", "user.name=bench", "-c", "user.email=bench@example.invalid"]
    done = subprocess.run(
        ["git", "-C", folder, *identity, *words], check=True, capture_output=True, timeout=60
    )
    return done.stdout


def commit(folder, files, message):
    for path, lines in files.items():
        full = os.path.join(folder, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", message)


def world(folder, seed, diff_lines):
    """The repository, its diff and its report; returns the lines of the diff."""
    change = Change(seed, diff_lines)
    subprocess.run(["git", "init", "-q", "-b", "main", folder], check=True, timeout=60)
    commit(folder, change.before, "before")
    git(folder, "branch", "base")
    commit(folder, change.after, "after")
    diff = git(folder, "diff", "-M", "--no-color", "-U0", "base...HEAD")
    # Inside .git, so that the working copy stays clean.
    with open(os.path.join(folder, ".git", "change.diff"), "wb") as file:
        file.write(diff)
    with open(os.path.join(folder, ".git", "coverage.xml"), "w", encoding="utf-8") as file:
        file.write(change.cobertura())
    return diff.count(b"\n")


def timed(command, folder):
    """Seconds, peak memory in MB and output of a command that must succeed."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        deadline = start + SECONDS_PER_RUN
        while True:
            done, status, usage = os.wait4(process.pid, 0 if deadline is None else os.WNOHANG)
            if done:
                seconds = time.perf_counter() - start
                break
            if time.perf_counter() > deadline:
                process.kill()
                deadline = None
            time.sleep(0.0002)
        process.returncode = os.waitstatus_to_exitcode(status)
        for file in (out, err):
            file.seek(0)
        told = out.read()
        if process.returncode != 0:
            sys.exit(f"{command} ended with {process.returncode}:\n{err.read().decode()[-2000:]}")
    return seconds, usage.ru_maxrss / 1024, told


def check(peer_report, our_report):
    """Both must have found the same; returns covered and total new lines."""
    with open(peer_report, encoding="utf-8") as file:
        theirs = json.load(file)
    ours = json.loads(our_report)
    total = theirs["total_num_lines"]
    covered = total - theirs["total_num_violations"]
    found = ours["new_lines"]
    if (covered, total) != (found["covered"], found["total"]):
        sys.exit(f"they disagree: peer {covered}/{total}, ours {found['covered']}/{found['total']}")
    if ours["moved_lines"] != 0:
        sys.exit(f"the change was to move nothing, but {ours['moved_lines']} lines count as moved")
    by_file = {file["path"]: file["uncovered_new_lines"] for file in ours["files"]}
    for path, stats in theirs["src_stats"].items():
        if sorted(stats["violation_lines"]) != by_file.get(path):
            sys.exit(f"they disagree about the uncovered lines of {path}")
    return covered, total


def scenarios(ours, peer, report):
    """Name, goal, peer's command, our command. Asking git costs both the same time, most of ours."""
    coverage = os.path.join(".git", "coverage.xml")
    diff = os.path.join(".git", "change.diff")
    theirs = [peer, coverage, "--quiet", "--format", f"json:{report}"]
    mine = [ours, "gate", "coverage", "--output", "json", "--coverage", coverage]
    return [
        ("20,000-line diff from a file", GOAL, [*theirs, "--diff-file", diff], [*mine, "--diff", diff]),
        ("the same, asking git", None, [*theirs, "--compare-branch", "base"], [*mine, "--base", "base"]),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rialto", required=True)
    parser.add_argument("--json", help="write the figures to this file")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--lines", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=20261122)
    options = parser.parse_args()
    ours = os.path.abspath(options.rialto)
    peer = install_peer(os.path.join(os.path.dirname(os.path.dirname(ours)), "bench", "diff-cover"))
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        diff_lines = world(folder, options.seed, options.lines)
        report = os.path.join(folder, ".git", "peer.json")
        print(f"{'scenario':<36}{'peer':>10}{'ours':>10}{'ratio':>9}{'goal':>8}")
        for name, goal, peer_command, our_command in scenarios(ours, peer, report):
            timed(peer_command, folder)
            timed(our_command, folder)
            peer_runs, our_runs = [], []
            for _ in range(options.rounds):
                peer_runs.append(timed(peer_command, folder))
                our_runs.append(timed(our_command, folder))
            covered, total = check(report, our_runs[-1][2])
            theirs = statistics.median(run[0] for run in peer_runs)
            mine = statistics.median(run[0] for run in our_runs)
            ratio = theirs / mine
            wanted = f"{goal}x" if goal else "-"
            print(f"{name:<36}{theirs:>9.3f}s{mine:>9.4f}s{ratio:>8.1f}x{wanted:>8}")
            figures.append(
                {
                    "scenario": name,
                    "peer_s": theirs,
                    "ours_s": mine,
                    "ratio": ratio,
                    "goal": goal,
                    "peer_mb": max(run[1] for run in peer_runs),
                    "ours_mb": max(run[1] for run in our_runs),
                    "diff_lines": diff_lines,
                    "new_covered": covered,
                    "new_total": total,
                }
            )
    last = figures[-1]
    print(
        f"both agree: {last['new_covered']} of {last['new_total']} new executable lines covered; "
        f"{last['diff_lines']} diff lines; peak memory {last['peer_mb']:.0f} MB against "
        f"{last['ours_mb']:.0f} MB"
    )
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=1)


if __name__ == "__main__":
    main()
