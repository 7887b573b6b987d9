"""Positions, fees and net asset value. Money is decimal, never binary floating point."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
UNIT = Decimal("0.0001")


@dataclass(frozen=True)
class Position:
    """A holding: `quantity` units at `price` yuan."""

    code: str
    quantity: int
    price: Decimal

    @property
    def value(self) -> Decimal:
        """Market value in yuan, rounded half up to the cent."""
        return (self.quantity * self.price).quantize(CENT, ROUND_HALF_UP)


@dataclass(frozen=True)
class Fund:
    """A fund on one valuation day."""

    name: str
    shares: Decimal
    cash: Decimal
    positions: tuple[Position, ...]
    annual_fee: Decimal

    def gross_value(self) -> Decimal:
        """Cash and market values."""
        return self.cash + sum((p.value for p in self.positions), Decimal(0))

    def fee_accrual(self) -> Decimal:
        """One day's management fee on the gross value, over 365 days."""
        fee = self.gross_value() * self.annual_fee / 365
        return fee.quantize(CENT, ROUND_HALF_UP)

    def net_asset_value(self) -> Decimal:
        """Gross value less the day's fee."""
        return self.gross_value() - self.fee_accrual()

    def value_per_share(self) -> Decimal:
        """Four decimals, half up, as funds publish it."""
        if self.shares <= 0:
            raise ValueError(f"{self.name}: shares must be positive, got {self.shares}")
        return (self.net_asset_value() / self.shares).quantize(UNIT, ROUND_HALF_UP)


def demonstration() -> Fund:
    """An invented fund."""
    return Fund(
        name="Demonstration Balanced",
        shares=Decimal("1000000"),
        cash=Decimal("150000.00"),
        positions=(
            Position("600000", 40000, Decimal("10.20")),
            Position("300750", 2000, Decimal("260.10")),
        ),
        annual_fee=Decimal("0.012"),
    )
