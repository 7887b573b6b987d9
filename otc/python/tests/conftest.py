"""What the tests share."""

import json
import os
from pathlib import Path

import pytest

import rialto_otc as ro

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples/otc"
SHEETS = sorted(path for path in EXAMPLES.glob("*.json") if path.name != "market.json")
PRODUCT_SHEETS = sorted((ROOT / "otc/contract/tests/sheets/products").glob("*.json"))


def sheet(name):
    """The example of a product as a dict."""
    return json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def mkt():
    """The market of the examples."""
    return ro.market(EXAMPLES / "market.json")


@pytest.fixture(scope="session")
def rialto():
    """The binary that the wheel's numbers must agree with."""
    told = os.environ.get("RIALTO_BIN")
    binary = Path(told) if told else ROOT / "target/debug/rialto"
    if not binary.exists():
        assert told is None, f"RIALTO_BIN is {told}, which is not there"
        pytest.skip("no rialto binary: set RIALTO_BIN")
    return str(binary)


@pytest.fixture
def house_market():
    """The market of the specification's example."""
    return ro.market(
        as_of="2026-05-18", spot={"XSHG:000905": 5871.42}, r=0.017, q=0.062, vol=0.215
    )


def snowball(**more):
    """The snowball of the specification's example."""
    return ro.snowball(
        underlying="XSHG:000905",
        initial=5802.16,
        notional=2e7,
        start="2026-03-09",
        end="2028-03-09",
        ko="101%",
        ko_step="-0.4%",
        lock="3m",
        ki="71%",
        coupon="14.7%",
        **more,
    )
