"""Whole tables of contracts in one crossing."""

from __future__ import annotations

from ._contract import Contract, options
from ._rialto_otc import Sheet, black_scholes, price_table, read_sheets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from ._market import Market
    from ._rialto_otc import Table


def _nested(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with dotted names as a dict of dicts; empty cells are left out."""
    nested: dict[str, Any] = {}
    for name, value in row.items():
        if value is None or value != value:
            continue
        at = nested
        *path, last = str(name).split(".")
        for step in path:
            at = at.setdefault(step, {})
        at[last] = value
    return nested


def _trades(trades: object) -> object:
    """Trades as Rust takes them: an Arrow table or a list."""
    if type(trades).__module__.split(".")[0] == "pandas":
        frame: Any = trades
        try:
            import pyarrow  # type: ignore[import-untyped, unused-ignore]

            return pyarrow.Table.from_pandas(frame, preserve_index=False)
        except (ImportError, ValueError, TypeError):
            # Without pyarrow, or with columns of mixed types: row by row. (Errors of pyarrow are
            # ValueErrors and TypeErrors.)
            return [_nested(row) for row in frame.to_dict("records")]
    if isinstance(trades, (Contract, Sheet, str)) or hasattr(trades, "keys"):
        return [trades]
    return trades


def _warn(told: tuple[Table, int]) -> Table:
    table, assumed = told
    if assumed:
        import warnings

        from ._errors import StateAssumedWarning

        text = f"N-STATE-ASSUMED: {assumed} rows are of contracts in mid-life without a state; see notes"
        warnings.warn(text, StateAssumedWarning, stacklevel=3)
    return table


def price(
    trades: object,
    market: Market,
    measures: Sequence[str] = ("pv",),
    *,
    threads: int | None = None,
    as_of: object = None,
    model: str | None = None,
    engine: str | None = None,
    tolerance: float | str | None = None,
    seed: int | None = None,
    paths: int | None = None,
) -> Table:
    """Prices many contracts in one crossing, on ``threads`` threads (all cores when not told).

    ``trades`` is a list of contracts, dicts or texts; or a table (Arrow by the PyCapsule interface,
    pandas, polars) whose columns are fields of term sheets by their path with dots
    (``terms.strike``), or one column ``sheet`` of whole sheets as text. The answer has one row per
    contract, in order: ``trade_id``, the measures, ``currency``, ``engine``, ``tolerance_met``,
    ``notes`` and ``notes_zh`` (lines of code and text), and for one that cannot be priced ``error_code``, ``error``, ``error_zh`` and
    ``findings`` (JSON). The bits do not depend on the number of threads.
    """
    given = options(
        as_of=as_of, model=model, engine=engine, tolerance=tolerance, seed=seed, paths=paths
    )
    return _warn(
        price_table(_trades(trades), market._snapshot, list(measures), given, threads)
    )


class Scenarios:
    """Moves of the market, one after the other."""

    __slots__ = ("moves",)

    moves: list[tuple[float, float]]
    """Spot as a share (0.01 is +1 %) and volatility per 1.00 (0.01 is one point)."""

    def __init__(self, moves: Iterable[tuple[float, float]]) -> None:
        self.moves = [(float(spot), float(vol)) for spot, vol in moves]

    def __len__(self) -> int:
        return len(self.moves)

    def __repr__(self) -> str:
        return f"Scenarios({len(self.moves)})"


def grid(
    spot: int = 21,
    vol: int = 1,
    *,
    spot_range: tuple[float, float] = (-0.2, 0.2),
    vol_range: tuple[float, float] = (-0.05, 0.05),
) -> Scenarios:
    """``spot`` × ``vol`` moves, evenly spaced; a count of 1 is no move."""

    def even(count: int, between: tuple[float, float]) -> list[float]:
        if count < 1:
            raise ValueError("a grid has one move or more")
        if count == 1:
            return [0.0]
        low, high = between
        # From both ends, so that an odd count meets the middle exactly.
        return [(low * (count - 1 - n) + high * n) / (count - 1) for n in range(count)]

    vols = even(vol, vol_range)
    return Scenarios((move, by) for move in even(spot, spot_range) for by in vols)


class Portfolio:
    """Contracts, read once."""

    __slots__ = ("contracts",)

    contracts: list[Contract]
    """The contracts."""

    def __init__(self, trades: Iterable[Any]) -> None:
        self.contracts = [Contract(sheet) for sheet in read_sheets(_trades(trades))]

    def calc(
        self,
        market: Market,
        measures: Sequence[str] = ("pv",),
        *,
        scenarios: Scenarios | Iterable[tuple[float, float]] | None = None,
        threads: int | None = None,
        as_of: object = None,
        model: str | None = None,
        engine: str | None = None,
        tolerance: float | str | None = None,
        seed: int | None = None,
        paths: int | None = None,
    ) -> Table:
        """Like :func:`price`; with scenarios one row per contract and scenario, with ``spot_move``
        and ``vol_move``. Scenarios move all underlyings at once, implied volatility stays by strike,
        and theta_1d is left empty."""
        given = options(
            as_of=as_of, model=model, engine=engine, tolerance=tolerance, seed=seed, paths=paths
        )
        moves = None
        if scenarios is not None:
            moves = scenarios.moves if isinstance(scenarios, Scenarios) else list(scenarios)
        return _warn(
            price_table(self.contracts, market._snapshot, list(measures), given, threads, moves)
        )

    def __len__(self) -> int:
        return len(self.contracts)

    def __repr__(self) -> str:
        return f"Portfolio({len(self.contracts)} contracts)"


def portfolio(trades: Iterable[Any]) -> Portfolio:
    """Contracts to be valued again and again: a list of contracts, dicts or texts, or a table."""
    return Portfolio(trades)


def europeans(
    *,
    spot: object,
    strike: object,
    t: object,
    r: object,
    vol: object,
    q: object = 0.0,
    w: object = 1.0,
    threads: int | None = None,
) -> Table:
    """Black-Scholes values and Greeks of one unit each, many at once.

    Every argument is a number or a column of numbers (numpy, Arrow, pandas, polars, list): ``t`` in
    years, ``r``, ``q`` and ``vol`` per year (0.02 is 2 %), ``w`` 1 for calls and -1 for puts, or
    ``"call"`` or ``"put"``. Columns ``value``, ``delta``, ``gamma``, ``vega``, ``rho``, ``rho_q``.
    numpy and Arrow memory is read where it lies: do not write to it meanwhile.

    :raises InputError: naming column and row of everything that is out of range.
    """
    return black_scholes(spot, strike, t, r, q, vol, w, threads)
