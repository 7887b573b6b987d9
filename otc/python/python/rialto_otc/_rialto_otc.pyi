"""The Rust half of ``rialto_otc``."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, final

from typing_extensions import CapsuleType

__all__ = [
    "Sheet",
    "Snapshot",
    "Table",
    "black_scholes",
    "engines",
    "measures",
    "price_table",
    "products",
    "read_sheets",
    "schema",
]

@final
class Snapshot:
    def __new__(cls, document: str | Mapping[str, Any]) -> Snapshot: ...
    @property
    def id(self) -> str: ...
    @property
    def as_of(self) -> str: ...
    @property
    def codes(self) -> list[str]: ...
    def to_json(self) -> str: ...
    def to_dict(self) -> dict[str, Any]: ...
    def spot(self, code: str) -> float | None: ...
    def notices(self) -> list[dict[str, Any]]: ...

@final
class Sheet:
    def __new__(cls, document: str | Mapping[str, Any], assume: bool = False) -> Sheet: ...
    @property
    def hash(self) -> str: ...
    @property
    def trade_id(self) -> str: ...
    @property
    def product(self) -> str: ...
    @property
    def underlyings(self) -> list[str]: ...
    @property
    def unknowns(self) -> list[str]: ...
    def to_json(self) -> str: ...
    def to_dict(self) -> dict[str, Any]: ...
    def validate(self, market: Snapshot | None = None) -> list[dict[str, Any]]: ...
    def explain(self, lang: str, market: Snapshot | None = None) -> str: ...
    def observations(self, market: Snapshot | None = None) -> list[str]: ...
    def levels(
        self, market: Snapshot | None = None
    ) -> dict[str, list[tuple[str, float]]]: ...
    def value(
        self,
        market: Snapshot,
        options: dict[str, Any],
        greeks: str,
        ladder: Sequence[float] | None = None,
        multiplier: float | None = None,
    ) -> dict[str, Any]: ...
    def cashflows(self, market: Snapshot, options: dict[str, Any]) -> dict[str, Any]: ...
    def solve(
        self,
        unknown: str,
        market: Snapshot,
        options: dict[str, Any],
        target: object = None,
        increment: object = None,
        charges: object = None,
        spreads: object = None,
    ) -> tuple[dict[str, Any], Sheet, Literal["solve", "quote"]]: ...
    def observe(self, fixings: object, until: object = None) -> dict[str, Any]: ...

@final
class Table:
    """A table in memory, in Arrow's layout.

    ``pyarrow.table(t)``, ``polars.DataFrame(t)`` and every reader of the Arrow PyCapsule interface
    take it as it is, without a copy.
    """

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
    @property
    def num_rows(self) -> int:
        """Number of rows."""
    def __len__(self) -> int: ...
    def __getitem__(self, name: str, /) -> list[Any]:
        """One column as a list; None where there is no value."""
    def to_numpy(self, name: str) -> Any:
        """One column of numbers as a numpy array; NaN where there is no value."""
    def to_pydict(self) -> dict[str, list[Any]]:
        """All columns as lists."""
    def to_pylist(self) -> list[dict[str, Any]]:
        """All rows as dicts."""
    def to_pandas(self) -> Any:
        """A pandas.DataFrame."""
    def to_polars(self) -> Any:
        """A polars.DataFrame, without a copy."""
    def to_pyarrow(self) -> Any:
        """A pyarrow.Table, without a copy."""
    def __arrow_c_stream__(self, requested_schema: CapsuleType | None = None) -> CapsuleType: ...
    def __arrow_c_schema__(self) -> CapsuleType: ...
    def __arrow_c_array__(
        self, requested_schema: CapsuleType | None = None
    ) -> tuple[CapsuleType, CapsuleType]: ...

def price_table(
    trades: object,
    market: Snapshot,
    measures: Sequence[str],
    options: dict[str, Any],
    threads: int | None = None,
    scenarios: Sequence[tuple[float, float]] | None = None,
) -> tuple[Table, int]: ...
def read_sheets(trades: object) -> list[Sheet]: ...
def black_scholes(
    spot: object,
    strike: object,
    t: object,
    r: object,
    q: object,
    vol: object,
    w: object,
    threads: int | None = None,
) -> Table: ...
def products() -> list[tuple[str, str, list[str]]]: ...
def engines() -> list[str]: ...
def measures() -> list[str]: ...
def schema() -> str: ...
