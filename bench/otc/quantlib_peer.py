"""The peer QuantLib 1.44, asked over its standard input: one JSON question a line, one answer each.

Instruments are built once; a run moves a quote, so that the engine works again, and asks for the
value, as a desk would.
"""

import json
import sys
import time

import QuantLib as ql

TODAY = ql.Date(6, 1, 2025)
# Years of whole days on this counter are exact, so that both sides see the same times.
COUNTER = ql.Actual365Fixed()


class World:
    """A spot, two rates and a volatility, as quotes."""

    def __init__(self, spot, r, q, vol):
        ql.Settings.instance().evaluationDate = TODAY
        self.spot = ql.SimpleQuote(spot)
        flat = lambda rate: ql.YieldTermStructureHandle(ql.FlatForward(TODAY, rate, COUNTER))
        level = ql.BlackConstantVol(TODAY, ql.NullCalendar(), vol, COUNTER)
        self.process = ql.BlackScholesMertonProcess(
            ql.QuoteHandle(self.spot), flat(q), flat(r), ql.BlackVolTermStructureHandle(level)
        )


def day(years):
    days = round(years * 365)
    if abs(days / 365 - years) > 1e-12:
        raise ValueError(f"{years} years are no whole days")
    return TODAY + days


def american(world, terms, method):
    payoff = ql.PlainVanillaPayoff(ql.Option.Put, terms["strike"])
    option = ql.VanillaOption(payoff, ql.AmericanExercise(TODAY, day(terms["time"])))
    schemes = {
        "qdfp_fast": ql.QdFpAmericanEngine.fastScheme,
        "qdfp_accurate": ql.QdFpAmericanEngine.accurateScheme,
        "qdfp_best": ql.QdFpAmericanEngine.highPrecisionScheme,
    }
    if method in schemes:
        engine = ql.QdFpAmericanEngine(world.process, schemes[method]())
    elif method == "qdfp_reference":
        # Far beyond the named schemes: 24 fixed-point steps on 40 nodes, adaptive quadrature.
        scheme = ql.QdFpTanhSinhIterationScheme(40, 24, 1e-13)
        engine = ql.QdFpAmericanEngine(world.process, scheme)
    elif method == "baw":
        engine = ql.BaroneAdesiWhaleyApproximationEngine(world.process)
    else:
        raise ValueError(f"there is no method {method}")
    option.setPricingEngine(engine)
    return option, lambda: option.NPV()


def european(world, terms, _method):
    payoff = ql.PlainVanillaPayoff(ql.Option.Call, terms["strike"])
    option = ql.VanillaOption(payoff, ql.EuropeanExercise(day(terms["time"])))
    option.setPricingEngine(ql.AnalyticEuropeanEngine(world.process))

    def value():
        out = option.NPV()
        option.delta(), option.gamma(), option.vega(), option.rho(), option.dividendRho()
        return out

    return option, value


def barrier(world, terms, method):
    payoff = ql.PlainVanillaPayoff(ql.Option.Call, terms["strike"])
    exercise = ql.EuropeanExercise(day(terms["time"]))
    option = ql.BarrierOption(ql.Barrier.UpOut, terms["barrier"], terms["rebate"], payoff, exercise)
    steps = {"fd200": 200, "fd400": 400}
    if method == "analytic":
        option.setPricingEngine(ql.AnalyticBarrierEngine(world.process))
    else:
        count = steps[method]
        option.setPricingEngine(ql.FdBlackScholesBarrierEngine(world.process, count, count))
    return option, lambda: option.NPV()


def asian(world, terms, method):
    dates = [TODAY + int(days) for days in terms["days"]]
    payoff = ql.PlainVanillaPayoff(ql.Option.Call, terms["strike"])
    average = ql.Average.Arithmetic
    option = ql.DiscreteAveragingAsianOption(
        average, 0.0, 0, dates, payoff, ql.EuropeanExercise(dates[-1])
    )
    kind, paths = method.split(":")
    kinds = {"pseudo": "pseudorandom", "sobol": "lowdiscrepancy"}
    engine = ql.MCDiscreteArithmeticAPEngine(
        world.process, kinds[kind], controlVariate=False, requiredSamples=int(paths), seed=terms.get("seed", 42)
    )
    option.setPricingEngine(engine)
    return option, lambda: option.NPV()


PRODUCTS = {"american": american, "european": european, "barrier": barrier, "asian": asian}


def answer(question):
    """The seconds of one pass over all contracts, the best of some; and the values."""
    build, method = PRODUCTS[question["product"]], question.get("method", "")
    book = []
    for terms in question["contracts"]:
        world = World(terms["spot"], terms["r"], terms["q"], terms["vol"])
        book.append((world, *build(world, terms, method)))
    best, values = float("inf"), []
    for _ in range(question["reps"]):
        for world, _option, _value in book:
            spot = world.spot.value()
            world.spot.setValue(spot * 1.01)
            world.spot.setValue(spot)
        start = time.perf_counter()
        values = [value() for _world, _option, value in book]
        best = min(best, time.perf_counter() - start)
    return {"seconds": best, "values": values}


def main():
    for line in sys.stdin:
        try:
            told = answer(json.loads(line))
        except Exception as error:  # the asker decides what a failure means
            told = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
