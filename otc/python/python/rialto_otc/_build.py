"""Term sheets from keywords: what the constructors of all products share."""

from __future__ import annotations

from ._contract import Contract

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, TypedDict

    class Envelope(TypedDict, total=False):
        """What any contract may have around its terms; see docs/reference/otc/python.md."""

        underlying: str | Mapping[str, Any]
        underlyings: Sequence[str | Mapping[str, Any]]
        initial: object
        notional: object
        quantity: object
        unit: str
        currency: str
        quanto: bool
        start: object
        end: object
        trade_date: object
        times: Sequence[float]
        trade_id: str
        version: int
        direction: str
        preset: str
        premium: object
        schedules: Mapping[str, Any]
        clocks: Mapping[str, Any]
        payment: Mapping[str, Any]
        accrue_to: str
        rounding: Mapping[str, Any]
        fixing: Mapping[str, Any]
        state: Mapping[str, Any]
        parties: Mapping[str, Any]
        agreement: Mapping[str, Any]
        ids: Mapping[str, Any]
        options: Mapping[str, Any]
        memo: object


_AS_THEY_ARE = (
    "notional",
    "quantity",
    "unit",
    "currency",
    "quanto",
    "version",
    "preset",
    "schedules",
    "clocks",
    "payment",
    "accrue_to",
    "rounding",
    "fixing",
    "state",
    "parties",
    "agreement",
    "ids",
    "options",
    "memo",
)
_MADE = (
    "underlying",
    "underlyings",
    "initial",
    "start",
    "end",
    "trade_date",
    "times",
    "trade_id",
    "direction",
    "premium",
)


def _underlying(given: Any, initial: object) -> object:
    one = dict(given) if hasattr(given, "keys") else {"code": given}
    if initial is not None:
        one.setdefault("initial", initial)
    return one


def _underlyings(envelope: Mapping[str, Any], initial: Any) -> dict[str, object]:
    many = envelope.get("underlyings")
    if many is None:
        # A numeric contract need not name what it is on: the market has one price then.
        return {"underlying": _underlying(envelope.get("underlying", "S"), initial)}
    codes = [one["code"] if hasattr(one, "keys") else one for one in many]
    if initial is None:
        prices = [None] * len(codes)
    elif hasattr(initial, "keys"):
        prices = [initial.get(code) for code in codes]
    elif isinstance(initial, (list, tuple)) and len(initial) == len(codes):
        prices = list(initial)
    else:
        raise TypeError("initial of several underlyings is a dict by code, or one price for each")
    found: dict[str, object] = {"underlyings": [_underlying(*pair) for pair in zip(many, prices)]}
    if "underlying" in envelope:
        found["underlying"] = envelope["underlying"]
    return found


def contract(template: str, terms: Mapping[str, object], envelope: Mapping[str, Any]) -> Contract:
    """The contract of a template; terms that are None are not written."""
    unknown = sorted(set(envelope) - set(_AS_THEY_ARE) - set(_MADE))
    if unknown:
        raise TypeError(f"{template}() got unexpected keywords: {', '.join(unknown)}")
    given = {name: value for name, value in envelope.items() if value is not None}
    doc: dict[str, Any] = {
        "schema": "rialto.otc/1",
        "trade_id": given.get("trade_id", template.upper()),
        "template": f"{template}/1",
        "direction": given.get("direction", "house_sells"),
        "terms": {name: value for name, value in terms.items() if value is not None},
    }
    doc.update(_underlyings(given, given.get("initial")))
    dates = {"start": given.get("start"), "end": given.get("end"), "trade": given.get("trade_date")}
    dates = {name: value for name, value in dates.items() if value is not None}
    if dates:
        doc["dates"] = dates
    doc.update({name: given[name] for name in _AS_THEY_ARE if name in given})
    premium = given.get("premium")
    if premium is not None:
        doc["premium"] = premium if hasattr(premium, "keys") else {"amount": premium}
    if "times" in given:
        times = [float(time) for time in given["times"]]
        doc["schedules"] = {"grid": {"times": times}, **doc.get("schedules", {})}
        doc.setdefault("clocks", {"all": "times"})
    return Contract(doc, assume_fresh=True)


def merged(base: Any, key: str, names: Sequence[str], **parts: object) -> dict[str, Any] | None:
    """A term with parts of these names: ``base`` is the whole of it, or the value of its part
    ``key`` (which may be a dict too, of other names)."""
    found: dict[str, Any] = {}
    if hasattr(base, "keys") and set(base.keys()) & set(names):
        found.update(base)
    elif base is not None:
        found[key] = base
    for name, value in parts.items():
        if value is None:
            continue
        if name in found:
            raise TypeError(f"{name} is given twice")
        found[name] = value
    return found or None


def levels(first: object, step: object, last: object = None) -> object:
    """A vector of levels: one, or a first with a step."""
    if step is None and last is None:
        return first
    vector = {"first": first, "step": step, "last": last}
    return {name: value for name, value in vector.items() if value is not None}
