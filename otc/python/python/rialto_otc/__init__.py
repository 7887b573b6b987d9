"""OTC derivatives of the Chinese market: term sheets, prices, Greeks, ladders, cash flows.

>>> import rialto_otc as ro
>>> mkt = ro.market(spot=47.1, r=0.018, q=0.0, vol=0.24)
>>> put = ro.american(quantity=1, initial=50, strike=52, times=[0.8], type="put")
>>> put.price(mkt).engine
'american/1'

Everything is a function of its arguments: no global date, no warm-up, no state kept between calls.
"""

from ._batch import Portfolio, Scenarios, europeans, grid, portfolio, price
from ._contract import Contract, term_sheet, validate
from ._errors import (
    Finding,
    InputError,
    MarketError,
    ObservationError,
    PricingError,
    RialtoError,
    SolveError,
    StateAssumedWarning,
    TermSheetError,
)
from ._european import european
from ._market import Market, market
from ._products import (
    accumulator,
    airbag,
    american,
    asian,
    barrier,
    basket,
    best_of,
    binary_concave,
    binary_convex,
    combo,
    decumulator,
    digital,
    double_no_touch,
    double_sharkfin,
    double_touch,
    enhanced_asian,
    enhanced_index,
    exchange,
    forward,
    no_touch,
    one_touch,
    phoenix,
    range_accrual,
    sharkfin,
    snowball,
    spread,
    trs,
    worst_of,
)
from ._results import Cashflows, Greeks, Ladder, Observation, Price, Solution
from ._rialto_otc import Table, engines, measures, schema

__all__ = [
    "Cashflows",
    "Contract",
    "Finding",
    "Greeks",
    "InputError",
    "Ladder",
    "Market",
    "MarketError",
    "Observation",
    "ObservationError",
    "Portfolio",
    "Price",
    "PricingError",
    "RialtoError",
    "Scenarios",
    "Solution",
    "SolveError",
    "StateAssumedWarning",
    "Table",
    "TermSheetError",
    "accumulator",
    "airbag",
    "american",
    "asian",
    "barrier",
    "basket",
    "best_of",
    "binary_concave",
    "binary_convex",
    "combo",
    "decumulator",
    "digital",
    "double_no_touch",
    "double_sharkfin",
    "double_touch",
    "engines",
    "enhanced_asian",
    "enhanced_index",
    "european",
    "europeans",
    "exchange",
    "forward",
    "grid",
    "market",
    "measures",
    "no_touch",
    "one_touch",
    "phoenix",
    "portfolio",
    "price",
    "range_accrual",
    "schema",
    "sharkfin",
    "snowball",
    "spread",
    "term_sheet",
    "trs",
    "validate",
    "worst_of",
]
