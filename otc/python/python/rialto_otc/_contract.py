"""One contract, and everything that is asked of it."""

from __future__ import annotations

from ._errors import Finding, RialtoError, StateAssumedWarning
from ._read import document
from ._results import Cashflows, Greeks, Ladder, Observation, Price, Solution
from ._rialto_otc import Sheet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Literal

    from ._market import Market
    from ._read import Document

    Wanted = Literal["none", "spot", "all"]


def options(**given: object) -> dict[str, Any]:
    """Options that were given."""
    return {name: value for name, value in given.items() if value is not None}


def _warn(told: dict[str, Any]) -> dict[str, Any]:
    for note in told.get("notes", ()):
        if note["code"] == "N-STATE-ASSUMED":
            import warnings

            text = f"{note['code']}: {note['en']}"
            warnings.warn(text, StateAssumedWarning, stacklevel=3)
    return told


class Contract:
    """A contract: one record that is checked, told in words, priced, solved and walked.

    Made by :func:`term_sheet` from a document, or by the constructor of a product. It never changes.
    The keywords of all that value it: ``as_of`` (that of the market when not told), ``model``
    (``quoted``, ``gbm``, ``local_vol``, ``heston``), ``engine`` (by name, never replaced by another),
    ``tolerance`` (a share of the notional, ``"0.1bp"``), ``seed`` and ``paths`` of simulations.
    """

    __slots__ = ("_sheet",)

    def __init__(self, source: Document | Sheet, *, assume_fresh: bool = False) -> None:
        is_sheet = isinstance(source, Sheet)
        self._sheet: Sheet = source if is_sheet else Sheet(document(source), assume_fresh)  # type: ignore[assignment, arg-type]

    @property
    def trade_id(self) -> str:
        """Name of the trade."""
        return self._sheet.trade_id

    @property
    def product(self) -> str:
        """Name of the product; ``program`` for a contract with a program of its own."""
        return self._sheet.product

    @property
    def underlyings(self) -> list[str]:
        """Codes of the underlyings."""
        return self._sheet.underlyings

    @property
    def unknowns(self) -> list[str]:
        """What it can be solved for."""
        return self._sheet.unknowns

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON."""
        return self._sheet.hash

    def to_dict(self) -> dict[str, Any]:
        """The record as a dict, numbers as text; reads back to the same contract."""
        return self._sheet.to_dict()

    def to_json(self) -> str:
        """The record as canonical JSON."""
        return self._sheet.to_json()

    def validate(self, market: Market | None = None) -> list[Finding]:
        """Everything that is wrong, and every notice; empty when there is nothing to say."""
        snapshot = None if market is None else market._snapshot
        return [Finding(found) for found in self._sheet.validate(snapshot)]

    def explain(self, lang: Literal["en", "zh"] = "en", market: Market | None = None) -> str:
        """The compiled contract in words: what it remembers, which rules run when, its dates."""
        return self._sheet.explain(lang, None if market is None else market._snapshot)

    def observations(self, market: Market | None = None) -> list[str]:
        """Dates (years, as text, in numeric contracts) on which something is looked at."""
        return self._sheet.observations(None if market is None else market._snapshot)

    def levels(self, market: Market | None = None) -> dict[str, list[tuple[str, float]]]:
        """Levels by schedule: date and price of each row."""
        return self._sheet.levels(None if market is None else market._snapshot)

    def price(
        self,
        market: Market,
        *,
        greeks: Wanted = "spot",
        as_of: object = None,
        model: str | None = None,
        engine: str | None = None,
        tolerance: float | str | None = None,
        seed: int | None = None,
        paths: int | None = None,
    ) -> Price:
        """The holder's present value, with delta and gamma (``greeks="all"`` for all Greeks)."""
        given = options(
            as_of=as_of, model=model, engine=engine, tolerance=tolerance, seed=seed, paths=paths
        )
        told = _warn(self._sheet.value(market._snapshot, given, greeks))
        return Price(told, self.underlyings)

    def greeks(
        self,
        market: Market,
        *,
        multiplier: float | None = None,
        as_of: object = None,
        model: str | None = None,
        engine: str | None = None,
        tolerance: float | str | None = None,
        seed: int | None = None,
        paths: int | None = None,
    ) -> Greeks:
        """All Greeks, raw and in desk units. ``multiplier`` is that of the hedging future, known for
        IF, IH, IC and IM."""
        given = options(
            as_of=as_of, model=model, engine=engine, tolerance=tolerance, seed=seed, paths=paths
        )
        told = _warn(self._sheet.value(market._snapshot, given, "all", None, multiplier))
        return Greeks(told, self.underlyings)

    def ladder(
        self,
        market: Market,
        *,
        spot: tuple[float, float, int] | None = None,
        spots: Sequence[float] | None = None,
        as_of: object = None,
        model: str | None = None,
        engine: str | None = None,
        tolerance: float | str | None = None,
        seed: int | None = None,
        paths: int | None = None,
    ) -> Ladder:
        """Value, delta and gamma at many spots from one solve.

        ``spot=(0.7, 1.3, 25)`` are shares of the market's spot: from, to, how many; ``spots`` are
        prices. Contracts on one underlying.
        """
        if (spot is None) == (spots is None):
            raise TypeError("ladder() takes spot=(from, to, count) or spots=[prices]")
        if len(self.underlyings) != 1:
            raise TypeError("a ladder needs a contract on one underlying")
        if spot is not None:
            start, stop, count = float(spot[0]), float(spot[1]), int(spot[2])
            if count < 2:
                raise TypeError("a ladder has two spots or more")
            now = market.spot(self.underlyings[0])
            step = (stop - start) / (count - 1)
            spots = [now * (start + step * n) for n in range(count)]
        prices = [float(price) for price in spots or ()]
        given = options(
            as_of=as_of, model=model, engine=engine, tolerance=tolerance, seed=seed, paths=paths
        )
        return Ladder(_warn(self._sheet.value(market._snapshot, given, "spot", prices)))

    def solve(
        self,
        unknown: str,
        market: Market,
        *,
        target: float | str | None = None,
        increment: float | str | None = None,
        charges: Mapping[str, float] | None = None,
        spreads: Mapping[str, float] | None = None,
        as_of: object = None,
        model: str | None = None,
        engine: str | None = None,
        tolerance: float | str | None = None,
        seed: int | None = None,
        paths: int | None = None,
    ) -> Solution:
        """One unknown (see ``unknowns``) so that the contract is worth what is paid for it.

        ``target`` is a share of the notional as text (``"100%"``), an amount, or ``"premium"`` for the
        one in the sheet (the default). With ``charges`` (``hedge_bp``, ``margin_bp``, ``reserve_bp``,
        ``funding_bp``: basis points of the notional) or ``spreads`` of the marks (``vol``, ``q``,
        ``r``), the worst corner for the house leaves it its charges. ``increment`` is the step the
        answer is rounded to in the house's favour.
        """
        given = options(
            as_of=as_of, model=model, engine=engine, tolerance=tolerance, seed=seed, paths=paths
        )
        told, sheet, how = self._sheet.solve(
            unknown, market._snapshot, given, target, increment, charges, spreads
        )
        return Solution(_warn(told), Contract(sheet), how)

    def cashflows(
        self,
        market: Market,
        *,
        as_of: object = None,
        model: str | None = None,
        engine: str | None = None,
        tolerance: float | str | None = None,
        seed: int | None = None,
        paths: int | None = None,
    ) -> Cashflows:
        """Flows decided and unpaid, and flows expected with their probabilities."""
        given = options(
            as_of=as_of, model=model, engine=engine, tolerance=tolerance, seed=seed, paths=paths
        )
        return Cashflows(_warn(self._sheet.cashflows(market._snapshot, given)))

    def observe(self, fixings: object, *, until: object = None) -> Observation:
        """Walks the contract from its start on fixings, up to ``until`` or the last of them.

        ``fixings`` is ``{code: {date: value}}``, a list of ``{"date", "code", "value"}``, or a pandas
        or polars frame with these columns.
        """
        return Observation(self._sheet.observe(_records(fixings), until))

    def events(self, fixings: object, *, until: object = None) -> list[dict[str, Any]]:
        """The events of :meth:`observe`."""
        return self.observe(fixings, until=until).events

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Contract) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.hash)

    def __reduce__(self) -> tuple[type[Contract], tuple[str]]:
        return (Contract, (self.to_json(),))

    def __repr__(self) -> str:
        return f"Contract({self.trade_id}: {self.product} on {', '.join(self.underlyings)})"


def _records(table: object) -> object:
    """Rows of a frame as dicts; all else as it is."""
    for name in ("to_dicts", "to_pylist"):
        rows = getattr(table, name, None)
        if rows is not None:
            return rows()
    if type(table).__module__.split(".")[0] == "pandas":
        return table.to_dict("records")  # type: ignore[attr-defined]
    return table


def term_sheet(source: Document) -> Contract:
    """Reads a term sheet: a dict, a text of JSON or YAML, or a path.

    :raises TermSheetError: with everything that is wrong.
    """
    return Contract(source)


def validate(source: Document | Contract, market: Market | None = None) -> list[Finding]:
    """Everything that is wrong with a term sheet, and every notice. Nothing is raised for it."""
    try:
        contract = source if isinstance(source, Contract) else term_sheet(source)
    except RialtoError as error:
        return error.findings
    return contract.validate(market)
