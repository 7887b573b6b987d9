"""The peer pricelib 1.3.0, asked over its standard input: one JSON question a line, one answer each.

It runs in an environment of its own (Python 3.11, the packages pricelib pins). The schedule is the
peer's own: it tells the days it counts, and ours is asked for exactly those.
"""

import datetime
import json
import logging
import sys
import time

import importlib_metadata


def no_version(name):
    raise importlib_metadata.PackageNotFoundError(name)


# On import the package asks the network for a newer version of itself unless it knows none.
importlib_metadata.version = no_version
logging.disable(logging.CRITICAL)

from pricelib.common.date_handler import set_evaluation_date  # noqa: E402
from pricelib.pricing_engines.fdm_engines import FdmSnowBallEngine  # noqa: E402
from pricelib.pricing_engines.integral_engines import QuadSnowballEngine  # noqa: E402
from pricelib.products.autocallable.standard_snowball import StandardSnowball  # noqa: E402

START = datetime.date(2025, 1, 6)
END = datetime.date(2026, 1, 6)


def engine(terms, method):
    market = {name: terms[name] for name in ("s", "r", "q", "vol")}
    if method.startswith("quad"):
        return QuadSnowballEngine(n_points=int(method[4:]), **market)
    if method == "pde":
        return FdmSnowBallEngine(**market)
    raise ValueError(f"there is no method {method}")


def snowball(terms, method):
    return StandardSnowball(
        s0=terms["s0"],
        barrier_out=terms["ko"],
        barrier_in=terms["ki"],
        coupon_out=terms["coupon"],
        lock_term=3,
        start_date=START,
        end_date=END,
        t_step_per_year=terms["steps"],
        engine=engine(terms, method),
    )


def schedule(contract, terms):
    """Sessions to each observation and years to each payment, as the engine counts them."""
    days = contract.trade_calendar.business_days_between(START, contract.end_date)
    years = [d / contract.annual_days.value for d in contract.pay_dates.count_calendar_days(START)]
    return {
        "sessions": int(days),
        "knock_outs": [int(d) for d in contract.obs_dates.count_business_days(START)],
        "coupon_years": years,
    }


def timed(reps, act):
    """The best of some runs: seconds and what came out."""
    best, out = float("inf"), None
    for _ in range(reps):
        start = time.perf_counter()
        out = act()
        best = min(best, time.perf_counter() - start)
    return best, out


def answer(question):
    terms = question["terms"]
    contract = snowball(terms, question.get("method", "quad1301"))
    pricer = contract.engine
    reps, task = question.get("reps", 1), question["task"]
    if task == "schedule":
        return schedule(contract, terms)
    if task == "price":
        seconds, value = timed(reps, lambda: pricer.calc_present_value(contract, START))
        return {"seconds": seconds, "value": float(value)}
    if task == "greeks":
        seconds, greeks = timed(reps, lambda: contract.pv_and_greeks())
        return {"seconds": seconds, "greeks": {name: float(g) for name, g in greeks.items()}}
    if task == "ladder":
        spots = question["spots"]
        seconds, values = timed(
            reps, lambda: [pricer.calc_present_value(contract, START, spot) for spot in spots]
        )
        return {"seconds": seconds, "values": [float(value) for value in values]}
    if task == "coupon":
        seconds, coupon = timed(
            reps, lambda: contract.calc_coupon(target_value=question["target"], t=START, spot=terms["s"])
        )
        return {"seconds": seconds, "coupon": float(coupon[0])}
    raise ValueError(f"there is no task {task}")


def main():
    set_evaluation_date(START)
    for line in sys.stdin:
        try:
            told = answer(json.loads(line))
        except Exception as error:  # the asker decides what a failure means
            told = {"failed": f"{type(error).__name__}: {error}"}
        sys.__stdout__.write(json.dumps(told) + "\n")
        sys.__stdout__.flush()


if __name__ == "__main__":
    main()
