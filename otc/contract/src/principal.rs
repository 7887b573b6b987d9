//! The principal of a funded contract: what its holder pays in at the start and it pays back.

use rust_decimal::Decimal;

use crate::envelope::Size;
use crate::formula::grouped;
use crate::sheet::{Product, TermSheet};
use crate::value::{decimal, percentage, round};

/// The principal that stands among a contract's flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaidIn {
    /// Currency units, rounded as the sheet says: `m N`.
    pub amount: Decimal,
    /// Margin level `m`: the part of the notional that is paid in.
    pub share: Decimal,
    /// `N`, currency units.
    pub notional: Decimal,
}

impl PaidIn {
    /// The formula with its numbers.
    #[must_use]
    pub fn trace(&self) -> String {
        let notional = grouped(self.notional);
        if self.share == Decimal::ONE {
            return format!("principal {notional}");
        }
        let percent = (self.share * Decimal::ONE_HUNDRED).normalize();
        format!("principal {notional} x {percent} %")
    }
}

impl TermSheet {
    /// The principal that the contract pays back among its flows, and that its holder has paid in
    /// for that: `m N` of the autocallables and the enhanced index unless `included` is false, of a
    /// sharkfin in note form, of a range accrual that names its principal. `None` for everything
    /// else: an own program does not say what was paid in for what it pays; name its price as
    /// `premium`.
    #[must_use]
    pub fn principal(&self) -> Option<PaidIn> {
        let (Product::Template { name, .. }, Size::Notional(notional)) =
            (&self.product, &self.size)
        else {
            return None;
        };
        let root = self.to_value();
        let told = root.pointer("/terms/principal");
        let funded = match name.as_str() {
            "snowball" | "phoenix" | "enhanced_index" => true,
            "sharkfin" => {
                root.pointer("/terms/form").and_then(|form| form.as_str()) == Some("note")
            }
            "range_accrual" => told.is_some(),
            _ => false,
        };
        let included = told.and_then(|told| told.get("included")?.as_bool());
        if !funded || included == Some(false) {
            return None;
        }
        let share = told.and_then(|told| told.get("margin")).and_then(|margin| {
            let text = margin
                .as_str()
                .map_or_else(|| margin.to_string(), str::to_owned);
            percentage(&text).or_else(|| decimal(&text))
        });
        let share = share.unwrap_or(Decimal::ONE);
        let amount = round(notional.checked_mul(share)?, self.rounding.amount);
        (!amount.is_zero()).then_some(PaidIn {
            amount,
            share,
            notional: *notional,
        })
    }
}
