"""Answers: small classes around what the engines told."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypedDict

    from ._contract import Contract

    class Note(TypedDict):
        """What a reader should know: an approximation or a notice."""

        code: str
        """Stable code, ``N-RQMC-PATHS``."""
        en: str
        """In English."""
        zh: str
        """In Simplified Chinese."""


def _frame(rows: Sequence[dict[str, Any]], columns: Sequence[str] | None = None) -> Any:
    import pandas  # type: ignore[import-untyped, unused-ignore]

    return pandas.DataFrame(rows, columns=None if columns is None else list(columns))


class Answer:
    """What every answer can do."""

    __slots__ = ("_told",)

    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told

    def to_dict(self) -> dict[str, Any]:
        """Everything that was told, as a dict."""
        return dict(self._told)

    @property
    def notes(self) -> list[Note]:
        """Approximations and notices in force: dicts of ``code``, ``en`` and ``zh``."""
        return list(self._told.get("notes", ()))


class Greeks(Answer):
    """Sensitivities of one contract, raw and to its holder; ``desk`` has those of the house."""

    __slots__ = ("underlyings",)

    underlyings: list[str]
    """Codes, in the order of the lists in ``raw``."""

    def __init__(self, told: dict[str, Any], underlyings: Sequence[str]) -> None:
        super().__init__(told)
        self.underlyings = list(underlyings)

    @property
    def raw(self) -> dict[str, Any]:
        """The raw Greeks as they were told: a list with one entry per underlying for each of delta,
        gamma, vega and rho_q; numbers for rho and theta_1d."""
        return dict(self._told["greeks"])

    def _one(self, name: str) -> float:
        values: list[float] = self._told["greeks"][name]
        if len(values) != 1:
            what = "was not asked for" if not values else "has one value for each underlying"
            raise AttributeError(f"{name} {what}; see by_name")
        return values[0]

    @property
    def delta(self) -> float:
        """dV/dS, currency per price unit; contracts on one underlying."""
        return self._one("delta")

    @property
    def gamma(self) -> float:
        """d²V/dS²; contracts on one underlying."""
        return self._one("gamma")

    @property
    def vega(self) -> float:
        """dV/dσ per 1.00 of volatility; contracts on one underlying."""
        return self._one("vega")

    @property
    def rho_q(self) -> float:
        """dV/dq per 1.00, r held; contracts on one underlying."""
        return self._one("rho_q")

    @property
    def rho(self) -> float | None:
        """dV/dr per 1.00, q held."""
        rho: float | None = self._told["greeks"]["rho"]
        return rho

    @property
    def theta_1d(self) -> float | None:
        """Change to the next session with everything else in place; None in numeric contracts."""
        theta: float | None = self._told["greeks"]["theta_1d"]
        return theta

    @property
    def by_name(self) -> dict[str, dict[str, float]]:
        """Greeks by underlying."""
        raw = self._told["greeks"]
        names = ("delta", "gamma", "vega", "rho_q")
        return {
            code: {name: raw[name][n] for name in names if n < len(raw[name])}
            for n, code in enumerate(self.underlyings)
        }

    @property
    def desk(self) -> dict[str, Any]:
        """Greeks in units of a desk with the sign of the house: by underlying ``cash_delta``,
        ``delta_1pct``, ``gamma_1pct``, ``vega_1pt``, ``rho_q_1bp``, ``lots``; beside them
        ``rho_1bp`` and ``theta_1d``."""
        return dict(self._told.get("desk", {}))

    def to_dict(self) -> dict[str, Any]:
        """Raw Greeks, those of contracts on one underlying as numbers, and the desk's."""
        raw = {
            name: value[0] if isinstance(value, list) and len(value) == 1 else value
            for name, value in self._told["greeks"].items()
        }
        return {**raw, "desk": self.desk} if "desk" in self._told else raw

    def to_pandas(self) -> Any:
        """A pandas.DataFrame with one row for each underlying."""
        return _frame([{"underlying": code, **row} for code, row in self.by_name.items()])

    def __repr__(self) -> str:
        return f"Greeks({self.to_dict()!r})"


class Price(Answer):
    """The value of one contract to its holder, how far off it may be, and who found it."""

    __slots__ = ("greeks",)

    greeks: Greeks
    """The Greeks that came with it."""

    def __init__(self, told: dict[str, Any], underlyings: Sequence[str]) -> None:
        super().__init__(told)
        self.greeks = Greeks(told, underlyings)

    @property
    def pv(self) -> float:
        """Holder's present value, currency units: flows still open and flows determined but unpaid."""
        value: float = self._told["value"]
        return value

    @property
    def pv_open(self) -> float:
        """Of it, flows not yet determined."""
        value: float = self._told["value_open"]
        return value

    @property
    def pv_determined(self) -> float:
        """Of it, flows determined and unpaid."""
        value: float = self._told["value_determined"]
        return value

    @property
    def currency(self) -> str:
        """Currency, ISO 4217."""
        value: str = self._told["currency"]
        return value

    @property
    def err(self) -> float:
        """How far off the value may be, currency units."""
        value: float = self._told["error_estimate"]["abs"]
        return value

    @property
    def err_kind(self) -> str:
        """How the error was found: ``exact``, ``richardson``, ``two_grid`` or ``std_error``."""
        value: str = self._told["error_estimate"]["kind"]
        return value

    @property
    def tolerance_met(self) -> bool:
        """Whether the error is within what was asked for."""
        value: bool = self._told["tolerance_met"]
        return value

    @property
    def engine(self) -> str:
        """Engine that found it."""
        value: str = self._told["engine"]
        return value

    @property
    def why(self) -> list[dict[str, Any]]:
        """Every engine looked at: ``engine``, ``chosen``, ``reason``."""
        return list(self._told["why"])

    @property
    def stamp(self) -> dict[str, Any]:
        """What the number can be found again by: moment, snapshot, contract, seed."""
        return dict(self._told["stamp"])

    def to_pandas(self) -> Any:
        """A pandas.DataFrame of one row."""
        row = {
            "trade_id": self._told["trade_id"],
            "pv": self.pv,
            "currency": self.currency,
            "error_estimate": self.err,
            "engine": self.engine,
        }
        return _frame([row])

    def __float__(self) -> float:
        return self.pv

    def __repr__(self) -> str:
        return f"Price({self.pv!r} {self.currency}, err {self.err:.2g}, {self.engine})"


class Ladder(Answer):
    """Values at many spots from one solve."""

    __slots__ = ()

    @property
    def spot(self) -> list[float]:
        """Spots, price units."""
        return [point["spot"] for point in self._told["ladder"]]

    @property
    def value(self) -> list[float]:
        """Value at each."""
        return [point["value"] for point in self._told["ladder"]]

    @property
    def delta(self) -> list[float]:
        """dV/dS at each."""
        return [point["delta"] for point in self._told["ladder"]]

    @property
    def gamma(self) -> list[float]:
        """d²V/dS² at each."""
        return [point["gamma"] for point in self._told["ladder"]]

    @property
    def engine(self) -> str:
        """Engine that found it."""
        value: str = self._told["engine"]
        return value

    def to_dict(self) -> dict[str, Any]:
        """Columns ``spot``, ``value``, ``delta``, ``gamma``."""
        return {
            "spot": self.spot,
            "value": self.value,
            "delta": self.delta,
            "gamma": self.gamma,
        }

    def to_pandas(self) -> Any:
        """A pandas.DataFrame with one row for each spot."""
        return _frame(self._told["ladder"], ("spot", "value", "delta", "gamma"))

    def __len__(self) -> int:
        return len(self._told["ladder"])

    def __repr__(self) -> str:
        return f"Ladder({len(self)} spots, {self.engine})"


class Solution(Answer):
    """An unknown that was found, and the contract with it."""

    __slots__ = ("_how", "contract")

    contract: Contract
    """The contract with the answer in its terms."""

    def __init__(self, told: dict[str, Any], contract: Contract, how: str) -> None:
        super().__init__(told)
        self.contract = contract
        self._how = how

    def _part(self, name: str) -> Any:
        return self._told["solved"][name] if self._how == "quote" else self._told[name]

    @property
    def unknown(self) -> str:
        """What was to be found."""
        value: str = self._told["unknown"]
        return value

    @property
    def value(self) -> str:
        """The answer as it is written in the terms."""
        value: str = self._part("rounded" if self._how == "quote" else "value")
        return value

    @property
    def number(self) -> float:
        """The same as a number: a fraction, a price or currency units."""
        value: float = self._part("number")
        return value

    @property
    def exact(self) -> float:
        """Before rounding."""
        value: float = self._part("exact")
        return value

    @property
    def method(self) -> str:
        """How it was found: ``affine``, ``brent`` or ``direct``."""
        value: str = self._part("method")
        return value

    @property
    def target(self) -> float:
        """What the value (with the charges) was to be, currency units."""
        value: float = self._told["pays" if self._how == "quote" else "target"]
        return value

    @property
    def edge(self) -> float:
        """What the rounding leaves to the house, currency units."""
        value: float = self._told["edge"]
        return value

    @property
    def pv(self) -> float:
        """Holder's present value of the contract with the answer, in the middle of the marks."""
        if self._how == "quote":
            value: float = self._told["fair_value"]
            return value
        price: float = self._told["valuation"]["value"]
        return price

    @property
    def charges(self) -> dict[str, float]:
        """What the house charges, currency units by name."""
        return {line["name"]: line["amount"] for line in self._told.get("charges", ())}

    def __float__(self) -> float:
        return self.number

    def __repr__(self) -> str:
        return f"Solution({self.unknown} = {self.value})"


class Cashflows(Answer):
    """Flows decided and unpaid, and flows expected with their probabilities."""

    __slots__ = ()

    @property
    def pv(self) -> float:
        """Holder's present value."""
        value: float = self._told["value"]
        return value

    @property
    def determined(self) -> list[dict[str, Any]]:
        """Flows decided and unpaid: ``leg``, ``amount`` (text), ``pay``."""
        return list(self._told["determined"])

    @property
    def projected(self) -> list[dict[str, Any]]:
        """Flows expected: ``leg``, ``observed``, ``pay``, ``probability``, ``amount``,
        ``contribution``."""
        return list(self._told["projected"])

    def probabilities(self, leg: str) -> dict[str, float]:
        """Probability of a flow by the date on which it is decided."""
        found: dict[str, float] = {}
        for flow in self._told["projected"]:
            if flow["leg"] == leg:
                at = flow["observed"]
                found[at] = found.get(at, 0.0) + flow["probability"]
        return found

    def to_pandas(self) -> Any:
        """A pandas.DataFrame: determined flows first, then projected ones."""
        columns = ("status", "leg", "observed", "pay", "probability", "amount", "contribution")
        rows = [
            {"status": "determined", **flow, "amount": float(flow["amount"]), "probability": 1.0}
            for flow in self.determined
        ]
        rows += [{"status": "projected", **flow} for flow in self.projected]
        return _frame(rows, columns)

    def __len__(self) -> int:
        return len(self._told["determined"]) + len(self._told["projected"])

    def __repr__(self) -> str:
        return f"Cashflows({len(self)} flows, pv {self.pv!r})"


class Observation(Answer):
    """What happened to a contract on its fixings."""

    __slots__ = ()

    @property
    def status(self) -> str:
        """``live``, ``ended_early`` or ``expired``."""
        value: str = self._told["status"]
        return value

    @property
    def observed(self) -> int:
        """Observations made."""
        value: int = self._told["observed"]
        return value

    @property
    def state(self) -> dict[str, str]:
        """What the contract remembers, as text: fit for ``state`` of its term sheet."""
        return dict(self._told["state"])

    @property
    def events(self) -> list[dict[str, Any]]:
        """What changed: ``at``, ``kind`` (set, hit, end), ``what``, ``from``, ``to``."""
        return list(self._told["events"])

    @property
    def flows(self) -> list[dict[str, Any]]:
        """Flows: ``leg``, ``amount`` (text), ``observed``, ``pay``, ``trace`` (the formula with its
        numbers)."""
        return list(self._told["flows"])

    @property
    def total(self) -> float:
        """Sum of all flows, currency units."""
        return sum((float(flow["amount"]) for flow in self._told["flows"]), 0.0)

    def to_pandas(self) -> Any:
        """A pandas.DataFrame of the flows."""
        columns = ("leg", "amount", "observed", "pay", "row", "trace")
        return _frame([{**flow, "amount": float(flow["amount"])} for flow in self.flows], columns)

    def __repr__(self) -> str:
        return f"Observation({self.status}, {len(self.events)} events, {len(self.flows)} flows)"
