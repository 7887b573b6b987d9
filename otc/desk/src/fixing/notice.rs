//! What a reader of a file of fixings should know of rows that were taken.

use std::collections::BTreeMap;

use rialto_otc_store::{Reader, trade};

use super::Price;
use super::agree::rows_named;
use crate::DeskError;
use crate::view::{RowRefusal, Words};

/// Rows that give a price the file has given already.
pub(super) fn again(rows: &[u64]) -> Option<RowRefusal> {
    let first = rows.first()?;
    let named = rows_named(rows);
    Some(RowRefusal {
        row: *first,
        column: "value".to_owned(),
        value: String::new(),
        code: "N-FIXING-AGAIN".to_owned(),
        message: Words::new(
            format!(
                "{} gives a price that stands in the file already; it is taken once.",
                named.en
            ),
            format!("{}与文件中已有的价格相同，只录入一次。", named.zh),
        ),
    })
}

/// Prices of underlyings that no trade looks at: kept, since the trade may come later, but a code may
/// also be mistyped, and then a trade elsewhere waits for its fixing.
pub(super) async fn unobserved(
    reader: &mut impl Reader,
    prices: &[Price],
) -> Result<Vec<RowRefusal>, DeskError> {
    let mut of: BTreeMap<(&str, &str), Vec<u64>> = BTreeMap::new();
    for price in prices {
        let rows = of.entry((&price.code, &price.rule)).or_default();
        rows.push(price.row);
    }
    let mut told = Vec::new();
    for ((code, rule), mut rows) in of {
        if trade::looked_at(reader, code, rule).await? {
            continue;
        }
        rows.sort_unstable();
        let named = rows_named(&rows);
        told.push(RowRefusal {
            row: rows.first().copied().unwrap_or_default(),
            column: "underlying".to_owned(),
            value: code.to_owned(),
            code: "N-FIXING-UNOBSERVED".to_owned(),
            message: Words::new(
                format!(
                    "{}: no trade of the book looks at the {rule} of {code}. The prices are kept; check the code if a trade should.",
                    named.en
                ),
                format!(
                    "{}：台账中没有合约观察 {code} 的 {rule} 价。价格照常保存；若本应有合约观察，请核对代码。",
                    named.zh
                ),
            ),
        });
    }
    told.sort_by_key(|notice| notice.row);
    Ok(told)
}
