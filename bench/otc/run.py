#!/usr/bin/env python3
"""The OTC engine beside QuantLib 1.44 and pricelib 1.3.0: time and error of both, and the ratio.

    python3 bench/otc/run.py --ours target/release/rialto-bench-otc

Every side is a process of its own that answers questions, pinned to the same core with one thread;
the sides take turns. Peers come from PyPI into environments under the target folder; pricelib needs
Python 3.11 and is left out, and said so, where it cannot be installed. Errors are against values
that a third, much finer computation gave. Ratios carry over to other machines, seconds do not.
"""

import argparse
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
QUANTLIB = ["QuantLib==1.44"]
PRICELIB = ["pricelib==1.3.0", "numpy<=1.26.4", "numba<=0.59.1", "scipy<=1.13", "pandas<=2.2.2"]
ALONE = {
    name: "1"
    for name in (
        "OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"
    )
}
SNOWBALL = {
    "s0": 100, "s": 100, "ko": 103, "ki": 75, "coupon": 0.15, "r": 0.02, "q": 0.04, "vol": 0.2, "steps": 243
}


def install(folder, packages, python):
    """A virtual environment with the packages; its Python, or why there is none."""
    program = os.path.join(folder, "bin", "python")
    done = os.path.join(folder, "installed")
    if os.path.exists(done):
        return program, None
    if python is None:
        return None, "Python 3.11 is not installed"
    steps = [
        [python, "-m", "venv", "--clear", folder],
        [program, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages],
    ]
    for step in steps:
        ran = subprocess.run(step, capture_output=True, text=True, timeout=900)
        if ran.returncode != 0:
            return None, ran.stderr.strip()[-400:] or f"{step} failed"
    with open(done, "w", encoding="utf-8") as file:
        file.write("\n".join(packages))
    return program, None


class Side:
    """A process that answers questions on one core."""

    def __init__(self, command, core):
        def pin():
            os.sched_setaffinity(0, {core})

        self.name = os.path.basename(command[-1])
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, **ALONE}, preexec_fn=pin,
        )

    def ask(self, question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ended")
        told = json.loads(line)
        if "failed" in told:
            sys.exit(f"{self.name}: {told['failed']}\nasked: {str(question)[:600]}")
        return told

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)


class Bench:
    """The sides and what they came to."""

    def __init__(self, ours, quantlib, pricelib, rounds):
        self.ours, self.quantlib, self.pricelib, self.rounds = ours, quantlib, pricelib, rounds
        self.rows = []

    def turns(self, peer, theirs, mine):
        """Both sides in turn; medians of their best times, and their last answers."""
        peer_runs, our_runs = [], []
        for _ in range(self.rounds):
            peer_runs.append(peer.ask(theirs))
            our_runs.append(self.ours.ask(mine))
        median = lambda runs: statistics.median(run["seconds"] for run in runs)
        return (median(peer_runs), peer_runs[-1]), (median(our_runs), our_runs[-1])

    def alone(self, mine):
        runs = [self.ours.ask(mine) for _ in range(self.rounds)]
        return statistics.median(run["seconds"] for run in runs), runs[-1]

    def row(self, task, ours, error, goal=None, met=None, peer=None, peer_time=None, peer_error=""):
        """One line of the table; times in seconds."""
        self.rows.append(
            {
                "task": task, "peer": peer, "peer_s": peer_time, "peer_error": peer_error, "ours_s": ours,
                "ours_error": error, "ratio": peer_time / ours if peer_time else None, "goal": goal, "met": met,
            }
        )
        row = self.rows[-1]
        ratio = f"{row['ratio']:.3g}x" if row["ratio"] else "-"
        theirs = f"{peer}: {shown(peer_time)} {peer_error}" if peer else "-"
        verdict = "" if met is None else ("met" if met else "MISSED")
        print(f"{task:<44} {theirs:<52} ours: {shown(ours)} {error:<26} {ratio:>8} {goal or '':<24} {verdict}", flush=True)


def shown(seconds):
    for size, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def note(terms, schedule, **more):
    """The peer's snowball as a term sheet of ours, on the peer's own days, and its market."""
    steps = terms["steps"]
    days = [0, *schedule["knock_outs"]]
    years = [0.0, *schedule["coupon_years"]]
    coupon = []
    for day in range(1, schedule["sessions"] + 1):
        at = next(n for n in range(1, len(days)) if day <= days[n])
        share = (day - days[at - 1]) / (days[at] - days[at - 1])
        coupon.append(years[at - 1] + share * (years[at] - years[at - 1]))
    times = [day / steps for day in range(1, schedule["sessions"] + 1)]
    sheet = {
        "schema": "rialto.otc/1", "trade_id": "BENCH", "template": "snowball/1", "direction": "house_sells",
        "underlying": {"code": "A", "initial": str(terms["s0"])}, "notional": "1000000",
        "schedules": {
            "grid": {"variance": times, "rate": times, "coupon": coupon},
            "ko": {"rows": schedule["knock_outs"]},
        },
        "terms": {
            "ko": {"schedule": "ko", "levels": str(terms["ko"])}, "coupon": {"rate": terms["coupon"]},
            "ki": {"schedule": "grid", "level": str(terms["ki"])},
        },
        "clocks": {"all": "times"},
    }
    market = {"as_of": 0, "spot": terms["s"], "r": terms["r"], "q": terms["q"], "vol": terms["vol"], **more}
    return sheet, market


def snowballs(bench):
    """pricelib's quadrature, Greeks, ladder and coupon beside ours, on the peer's own schedule."""
    terms, peer = dict(SNOWBALL), bench.pricelib
    schedule = peer.ask({"task": "schedule", "terms": terms})
    contract = note(terms, schedule)
    exact = bench.ours.ask(
        {"task": "prices", "contracts": [contract], "engine": "quad1d", "tolerance": 1e-9, "reps": 1}
    )["priced"][0]
    check = bench.ours.ask(
        {"task": "prices", "contracts": [contract], "engine": "pde1d", "tolerance": 2e-7, "reps": 1}
    )["priced"][0]
    apart = abs(exact["value"] - check["value"]) / 1e6 * 1e4
    print(f"snowball: converged quadrature {exact['value']:.4f} ± {exact['error']:.1e}, "
          f"finite differences {check['value']:.4f}: {apart:.4f} bp apart")
    if apart > 0.05:
        sys.exit("our two engines disagree about the snowball: no error can be told")
    bp = lambda value: abs(value - exact["value"]) / 1e6 * 1e4
    mine = {"task": "prices", "contracts": [contract], "engine": "quad1d", "greeks": "spot", "reps": 200}
    # The peer's first call compiles; it is not measured.
    peer.ask({"task": "price", "terms": terms, "method": "quad1301", "reps": 1})
    for points in (1301, 2601):
        theirs = {"task": "price", "terms": terms, "method": f"quad{points}", "reps": 1}
        (slow, told), (fast, found) = bench.turns(peer, theirs, mine)
        error = bp(found["priced"][0]["value"])
        bench.row(
            f"snowball 1y, daily knock-in, quadrature ({points})", fast, f"{error:.4f} bp", "0.5 ms at 0.1 bp, 300x",
            fast <= 5e-4 and error <= 0.1 and slow / fast >= 300, "pricelib", slow, f"{bp(told['value'] * 1e4):.1f} bp",
        )
    theirs = {"task": "price", "terms": terms, "method": "pde", "reps": 1}
    (slow, told), (fast, found) = bench.turns(peer, theirs, mine)
    bench.row("the same against its finite differences", fast, f"{bp(found['priced'][0]['value']):.4f} bp",
              None, None, "pricelib", slow, f"{bp(told['value'] * 1e4):.1f} bp")
    snowball_greeks(bench, terms, contract)
    snowball_ladder(bench, terms, contract, exact)
    snowball_coupon(bench, terms, contract)
    fast, _ = bench.alone({"task": "texts", "contracts": [contract], "engine": "quad1d", "greeks": "spot", "reps": 5})
    bench.row("the same from JSON texts to the value", fast, "")


def snowball_greeks(bench, terms, contract):
    wish = {"task": "prices", "contracts": [contract], "engine": "quad1d", "greeks": "all"}
    best = bench.ours.ask({**wish, "tolerance": 1e-9, "reps": 1})["priced"][0]["greeks"]
    theirs = {"task": "greeks", "terms": terms, "method": "quad1301", "reps": 1}
    (slow, told), (fast, found) = bench.turns(bench.pricelib, theirs, {**wish, "reps": 100})
    # The peer prices one underlying at 100; ours a notional of a million on it.
    delta, vega = best["delta"][0], best["vega"][0]
    off = lambda d, v: f"delta {abs(d / delta - 1):.1e}, vega {abs(v / vega - 1):.1e}"
    mine = found["priced"][0]["greeks"]
    peer = told["greeks"]
    bench.row(
        "snowball, value and all Greeks", fast, off(mine["delta"][0], mine["vega"][0]), "2 ms", fast <= 2e-3,
        "pricelib", slow, off(peer["delta"] * 1e4, peer["vega"] * 1e6),
    )


def snowball_ladder(bench, terms, contract, exact):
    spots = [70 + 2.5 * n for n in range(25)]
    wish = {"task": "prices", "contracts": [contract], "engine": "quad1d", "greeks": "spot", "ladder": spots}
    best = bench.ours.ask({**wish, "tolerance": 1e-9, "reps": 1})["priced"][0]["ladder"]
    theirs = {"task": "ladder", "terms": terms, "method": "quad1301", "spots": spots, "reps": 1}
    (slow, told), (fast, found) = bench.turns(bench.pricelib, theirs, {**wish, "reps": 100})
    worst = lambda values: max(abs(v - b["value"]) for v, b in zip(values, best)) / 1e6 * 1e4
    mine = [point["value"] for point in found["priced"][0]["ladder"]]
    bench.row(
        "snowball, ladder of 25 spots", fast, f"worst {worst(mine):.4f} bp", None, None,
        "pricelib", slow, f"worst {worst([v * 1e4 for v in told['values']]):.1f} bp",
    )


def snowball_coupon(bench, terms, contract):
    question = {"task": "solve", "contracts": [contract], "engine": "quad1d", "unknown": "coupon", "target": 1}
    best = bench.ours.ask({**question, "tolerance": 1e-9, "reps": 1})["number"]
    theirs = {"task": "coupon", "terms": terms, "method": "quad1301", "target": 100, "reps": 1}
    (slow, told), (fast, found) = bench.turns(bench.pricelib, theirs, {**question, "reps": 20})
    off = lambda coupon: f"{abs(coupon - best) * 1e4:.2g} bp of coupon"
    bench.row("coupon of a par snowball", fast, off(found["number"]), "2 ms", fast <= 2e-3,
              "pricelib", slow, off(told["coupon"]))


def options(seed, count):
    """Random options on 100 that are no degenerate ones."""
    draw = random.Random(seed)
    return [
        {
            "spot": 100.0, "strike": round(draw.uniform(80, 120), 2), "time": draw.randint(30, 1095) / 365,
            "r": round(draw.uniform(0.01, 0.08), 4), "q": round(draw.uniform(0.0, 0.08), 4),
            "vol": round(draw.uniform(0.1, 0.5), 4),
        }
        for _ in range(count)
    ]


def lot(template, option, terms):
    """An option as a term sheet of ours for one unit, and its market."""
    sheet = {
        "schema": "rialto.otc/1", "trade_id": "BENCH", "template": f"{template}/1", "direction": "house_sells",
        "underlying": {"code": "A", "initial": "100"}, "quantity": "1",
        "schedules": {"grid": {"times": [option["time"]]}}, "terms": terms, "clocks": {"all": "times"},
    }
    market = {"as_of": 0, "spot": option["spot"], "r": option["r"], "q": option["q"], "vol": option["vol"]}
    return sheet, market


def values_of(told):
    return told["values"] if "values" in told else [one["value"] for one in told["priced"]]


def errors(values, exact):
    """99th percentile of the errors per 100 of strike: one outlier in a hundred is told apart."""
    apart = sorted(abs(value - right) for value, right in zip(values, exact))
    return f"{apart[int(0.99 * (len(apart) - 1))]:.1e}, worst {apart[-1]:.1e}"


def americans(bench):
    book = options(20261122, 100)
    contracts = [lot("american", one, {"type": "put", "strike": str(one["strike"])}) for one in book]
    mine = {"task": "prices", "contracts": contracts, "engine": "american", "reps": 30}
    exact = bench.quantlib.ask({"product": "american", "contracts": book, "method": "qdfp_reference", "reps": 1})
    per_100 = lambda values: [v * 100 / one["strike"] for v, one in zip(values, book)]
    right = per_100(exact["values"])
    for method, name in (
        ("qdfp_fast", "QdFp fast"), ("qdfp_accurate", "QdFp accurate"), ("qdfp_best", "QdFp high precision"),
        ("baw", "Barone-Adesi-Whaley"),
    ):
        theirs = {"product": "american", "contracts": book, "method": method, "reps": 3}
        (slow, told), (fast, found) = bench.turns(bench.quantlib, theirs, mine)
        ours = per_100(values_of(found))
        share = sum(abs(a - b) <= 1e-5 for a, b in zip(ours, right)) / len(right)
        told_here = method == "qdfp_accurate"
        bench.row(
            f"American put, beside {name}", fast / len(book), errors(ours, right),
            "30 us, 99 % within 1e-5" if told_here else None,
            fast / len(book) <= 3e-5 and share >= 0.99 if told_here else None, "QuantLib", slow / len(book), errors(per_100(told["values"]), right),
        )


def barriers(bench):
    book = [{**one, "barrier": round(max(one["strike"], 100) * 1.15, 2), "rebate": 1.0} for one in options(7, 100)]
    contracts = [
        lot("barrier", one, {
            "type": "call", "side": "up", "knock": "out", "strike": str(one["strike"]), "barrier": str(one["barrier"]),
            "rebate": "1", "rebate_at": "hit", "monitoring": "continuous",
        })
        for one in book
    ]
    mine = {"task": "prices", "contracts": contracts, "engine": "closed", "greeks": "none", "reps": 20}
    exact = None
    for method, name in (("analytic", "analytic"), ("fd200", "finite differences 200")):
        theirs = {"product": "barrier", "contracts": book, "method": method, "reps": 3}
        (slow, told), (fast, found) = bench.turns(bench.quantlib, theirs, mine)
        exact = exact or told["values"]
        bench.row(
            f"barrier call, beside {name}", fast / len(book), errors(values_of(found), exact), None, None,
            "QuantLib", slow / len(book), errors(told["values"], exact),
        )


def europeans(bench):
    book = options(11, 1000)
    flat = [[one[name] for name in ("spot", "strike", "time", "r", "q", "vol")] for one in book]
    theirs = {"product": "european", "contracts": book, "reps": 5}
    (slow, told), (fast, found) = bench.turns(
        bench.quantlib, theirs, {"task": "europeans", "options": flat, "reps": 200}
    )
    apart = max(abs(a - b) for a, b in zip(told["values"], found["values"]))
    bench.row("European, value and 5 Greeks, one by one", fast, f"{apart:.0e} apart", None, None,
              "QuantLib", slow / len(book), "(through its Python)")
    contracts = [lot("european", one, {"type": "call", "strike": str(one["strike"])}) for one in book]
    fast, found = bench.alone({"task": "prices", "contracts": contracts, "greeks": "all", "reps": 5})
    apart = max(abs(a - b) for a, b in zip(told["values"], values_of(found)))
    bench.row("European contract, choice of engine, all Greeks", fast / len(book), f"{apart:.0e} apart")


def simulations(bench):
    """An arithmetic Asian: error of a run (root mean square over seeds) and path-steps a second."""
    days = [7 * week for week in range(1, 53)]
    terms = {"spot": 100.0, "strike": 100.0, "r": 0.03, "q": 0.01, "vol": 0.25, "days": days}
    sheet, market = lot("asian", {**terms, "time": 1.0}, {"type": "call", "strike": "100", "schedule": "grid"})
    sheet["schedules"]["grid"] = {"times": [day / 365 for day in days]}
    contracts = [(sheet, market)]
    ours = {"task": "prices", "contracts": contracts, "engine": "rqmc", "greeks": "none", "tolerance": 1e-12}
    reference = bench.ours.ask({**ours, "paths": 1 << 21, "seed": 99, "reps": 0})["priced"][0]
    right = reference["value"]
    paths, seeds = 1 << 16, range(1, 9)
    rms = lambda values: (sum((v - right) ** 2 for v in values) / len(values)) ** 0.5
    peer = {}
    for kind in ("pseudo", "sobol"):
        runs = [
            bench.quantlib.ask({
                "product": "asian", "method": f"{kind}:{paths}", "reps": 1, "contracts": [{**terms, "seed": seed}],
            })
            for seed in (seeds if kind == "pseudo" else [42])
        ]
        peer[kind] = (statistics.median(run["seconds"] for run in runs), rms([run["values"][0] for run in runs]))
    runs = [bench.ours.ask({**ours, "paths": paths, "seed": seed, "reps": 3}) for seed in seeds]
    fast = statistics.median(run["seconds"] for run in runs)
    error = rms([run["priced"][0]["value"] for run in runs])
    steps = paths * len(days)
    print(f"Asian: reference {right:.6f} ± {reference['error']:.1e}; notes: {reference['notes']}")
    for kind, name in (("pseudo", "pseudo-random"), ("sobol", "Sobol")):
        slow, off = peer[kind]
        bench.row(
            f"arithmetic Asian, {paths} paths x {len(days)}, {name}", fast, f"{error:.1e}, {steps / fast:.2g} path-steps/s",
            "1e8 path-steps/s", steps / fast >= 1e8, "QuantLib", slow, f"{off:.1e}, {steps / slow:.2g} path-steps/s",
        )


def simulated_snowball(bench):
    terms = dict(SNOWBALL)
    schedule = {"sessions": 242, "knock_outs": [20 * n + 2 for n in range(3, 13)],
                "coupon_years": [(20 * n + 2) / 242 for n in range(3, 13)]}
    contract = note(terms, schedule)
    exact = bench.ours.ask(
        {"task": "prices", "contracts": [contract], "engine": "quad1d", "tolerance": 1e-9, "reps": 1}
    )["priced"][0]["value"]
    paths = 1 << 16
    runs = [
        bench.ours.ask({
            "task": "prices", "contracts": [contract], "engine": "rqmc", "greeks": "none", "tolerance": 1e-12,
            "paths": paths, "seed": seed, "reps": 2,
        })
        for seed in range(1, 6)
    ]
    fast = statistics.median(run["seconds"] for run in runs)
    off = (sum((run["priced"][0]["value"] - exact) ** 2 for run in runs) / len(runs)) ** 0.5 / 1e6 * 1e4
    rate = paths * schedule["sessions"] / fast
    bench.row(f"snowball, {paths} quasi-random paths x 242", fast, f"{off:.2f} bp, {rate:.2g} path-steps/s",
              "1e8 path-steps/s", rate >= 1e8)


def replay(bench):
    """The measurement lives beside the book's tests: it makes its ledger there."""
    command = [
        "cargo", "test", "--quiet", "--release", "--package", "rialto-otc-lifecycle", "--",
        "--ignored", "--nocapture", "replay_of_a_million",
    ]
    ran = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **ALONE}, timeout=1800)
    found = re.search(r"replay of (\d+) events: ([\d.]+)(s|ms)", ran.stdout)
    if ran.returncode != 0 or not found:
        sys.exit(f"replay of a million events failed:\n{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}")
    count, seconds = int(found[1]), float(found[2]) * (1 if found[3] == "s" else 1e-3)
    per_million = seconds * 1e6 / count
    bench.row("replay of 1e6 events, hash chains checked", per_million, f"{count} events", "10 s", per_million <= 10)


def table(rows):
    lines = ["| task | peer | its time | its error | ours | our error | ratio | goal | |", "| --- " * 9 + "|"]
    for row in rows:
        verdict = "" if row["met"] is None else ("met" if row["met"] else "**missed**")
        ratio = f"{row['ratio']:.3g}×" if row["ratio"] else ""
        cells = [
            row["task"], row["peer"] or "", shown(row["peer_s"]) if row["peer_s"] else "", row["peer_error"],
            shown(row["ours_s"]), row["ours_error"], ratio, row["goal"] or "", verdict,
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", required=True, help="the program rialto-bench-otc, built for release")
    parser.add_argument("--json", help="write the figures to this file too")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--without-replay", action="store_true", help="leave out the replay, which builds a test")
    options_given = parser.parse_args()
    ours = os.path.abspath(options_given.ours)
    room = os.path.join(os.path.dirname(HERE), "..", "target", "bench")
    quantlib, failed = install(os.path.join(room, "quantlib"), QUANTLIB, sys.executable)
    if failed:
        sys.exit(f"QuantLib cannot be installed: {failed}")
    pricelib, failed = install(os.path.join(room, "pricelib"), PRICELIB, shutil.which("python3.11"))
    sides = [Side([ours], options_given.core), Side([quantlib, os.path.join(HERE, "quantlib_peer.py")], options_given.core)]
    if pricelib:
        sides.append(Side([pricelib, os.path.join(HERE, "pricelib_peer.py")], options_given.core))
    bench = Bench(sides[0], sides[1], sides[2] if pricelib else None, options_given.rounds)
    if bench.pricelib:
        snowballs(bench)
    else:
        print(f"NOT RUN: pricelib cannot be installed here: {failed}")
    for part in (americans, barriers, europeans, simulations, simulated_snowball):
        part(bench)
    for side in sides:
        side.close()
    if not options_given.without_replay:
        replay(bench)
    print()
    print(table(bench.rows))
    if options_given.json:
        with open(options_given.json, "w", encoding="utf-8") as file:
            json.dump(bench.rows, file, indent=1)


if __name__ == "__main__":
    main()
