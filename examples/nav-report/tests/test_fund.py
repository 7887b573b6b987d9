import unittest
from decimal import Decimal

from nav.fund import Fund, Position, demonstration


class FundTest(unittest.TestCase):
    def test_value_is_rounded_half_up_to_the_cent(self):
        self.assertEqual(Position("1", 3, Decimal("0.335")).value, Decimal("1.01"))

    def test_gross_value_is_cash_and_positions(self):
        self.assertEqual(demonstration().gross_value(), Decimal("1078200.00"))

    def test_fee_is_one_day_of_the_annual_rate(self):
        self.assertEqual(demonstration().fee_accrual(), Decimal("35.45"))

    def test_value_per_share_has_four_decimals(self):
        self.assertEqual(demonstration().value_per_share(), Decimal("1.0782"))

    def test_a_fund_without_shares_is_refused(self):
        fund = Fund("Empty", Decimal(0), Decimal(1), (), Decimal(0))
        with self.assertRaisesRegex(ValueError, "Empty: shares must be positive"):
            fund.value_per_share()
