"""The report as JSON and as text."""

import json

from nav.fund import Fund


def as_json(fund: Fund) -> str:
    """One object; amounts are strings so that no reader loses a digit."""
    return json.dumps(
        {
            "fund": fund.name,
            "gross_value": str(fund.gross_value()),
            "fee_accrual": str(fund.fee_accrual()),
            "net_asset_value": str(fund.net_asset_value()),
            "value_per_share": str(fund.value_per_share()),
            "positions": [
                {"code": p.code, "quantity": p.quantity, "price": str(p.price), "value": str(p.value)}
                for p in fund.positions
            ],
        }
    )


def as_text(fund: Fund) -> str:
    """A few aligned lines for people."""
    rows = [(p.code, f"{p.quantity:,}", f"{p.value:,}") for p in fund.positions]
    lines = [fund.name]
    lines += [f"  {code:<8}{quantity:>12}{value:>18}" for code, quantity, value in rows]
    lines.append(f"  {'NAV':<8}{'':>12}{fund.net_asset_value():>18,}")
    lines.append(f"  {'per share':<20}{fund.value_per_share():>18}")
    return "\n".join(lines)
