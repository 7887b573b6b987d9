"""Markets."""

from __future__ import annotations

from ._errors import Finding
from ._read import document
from ._rialto_otc import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ._read import Document


class Market:
    """An immutable market at one moment, with a content id."""

    __slots__ = ("_snapshot",)

    def __init__(self, source: Document) -> None:
        self._snapshot = Snapshot(document(source))

    @property
    def id(self) -> str:
        """SHA-256 of the canonical text: the same quotes have the same id, however written."""
        return self._snapshot.id

    @property
    def as_of(self) -> str:
        """Moment of the quotes."""
        return self._snapshot.as_of

    @property
    def codes(self) -> list[str]:
        """Codes of the underlyings."""
        return self._snapshot.codes

    @property
    def notices(self) -> list[Finding]:
        """What a reader should know."""
        return [Finding(found) for found in self._snapshot.notices()]

    def spot(self, code: str = "*") -> float:
        """Spot of an underlying, price units."""
        spot = self._snapshot.spot(code)
        if spot is None:
            raise KeyError(f"there is no {code!r} in this market; there are {self.codes}")
        return spot

    def to_json(self) -> str:
        """Canonical JSON; reads back to the same market."""
        return self._snapshot.to_json()

    def to_dict(self) -> dict[str, Any]:
        """The market as a dict, numbers as text."""
        return self._snapshot.to_dict()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Market) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __reduce__(self) -> tuple[type[Market], tuple[str]]:
        return (Market, (self.to_json(),))

    def __repr__(self) -> str:
        return f"Market({self.as_of}, {', '.join(self.codes)}, id {self.id[:12]})"


def market(
    source: Document | None = None,
    *,
    as_of: object = None,
    spot: float | str | Mapping[str, Any] | None = None,
    r: object = None,
    q: object = None,
    vol: object = None,
    discount: Mapping[str, Any] | None = None,
    fixings: Mapping[str, Mapping[Any, Any]] | None = None,
    correlation: object = None,
    dividends: object = None,
    model: object = None,
    fx: Mapping[str, Any] | None = None,
    calendars: str | None = None,
) -> Market:
    """A market, from a document (dict, JSON, YAML or a path) or from its parts.

    ``as_of`` is a date (after the close), a dict of ``date``, ``phase`` and ``time``, or years for
    numeric contracts (0 when not told). ``spot`` is a price by code, or one price for whichever
    underlying a contract has. ``q``, ``vol``, ``dividends`` and ``model`` are one for all
    underlyings, or a dict by code; ``r`` is one rate or curve for all currencies, ``discount`` one
    by currency.

    :raises MarketError: with everything that is wrong.
    """
    parts = {"q": q, "vol": vol, "dividends": dividends, "model": model}
    if source is not None:
        others = (as_of, spot, r, discount, fixings, correlation, fx, calendars, *parts.values())
        if any(other is not None for other in others):
            raise TypeError("market() takes a document or its parts, not both")
        return Market(source)
    doc: dict[str, Any] = {"schema": "rialto.market/1"}
    whole = {
        "as_of": as_of,
        "r": r,
        "discount": discount,
        "fixings": fixings,
        "correlation": correlation,
        "fx": fx,
        "calendars": calendars,
    }
    doc.update({name: value for name, value in whole.items() if value is not None})
    if spot is None or not hasattr(spot, "keys"):
        one = {"spot": spot, **parts}
        doc.update({name: value for name, value in one.items() if value is not None})
        return Market(doc)
    by_name: Any = spot
    codes = [str(code) for code in by_name]
    doc["underlyings"] = {}
    for code in by_name:
        quotes: dict[str, Any] = {"spot": by_name[code]}
        for name, value in parts.items():
            given: Any = value
            by_code = hasattr(given, "keys") and {str(key) for key in given.keys()} <= set(codes)
            own = given.get(code) if by_code else given
            if own is not None:
                quotes[name] = own
        doc["underlyings"][str(code)] = quotes
    return Market(doc)
