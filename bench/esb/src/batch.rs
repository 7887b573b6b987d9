//! The operation that S3 checks, and what is sent to it.

use anyhow::{Context as _, Result, ensure};
use rialto_esb_contract::{Bundle, import};
use rialto_esb_schema::portable::Portable;
use rialto_esb_schema::request::Request;
use serde_json::{Value, json};

/// Its definition.
const DEFINITION: &str = include_str!("../orders.yaml");
/// Bytes of the body.
const BYTES: usize = 1024;
/// Orders of a batch; what they lack to [`BYTES`] is in its memo.
const ORDERS: usize = 11;

/// The rules of the operation, as a publish of the catalogue cuts them.
pub fn rules() -> Result<String> {
    let bundle = Bundle::single("orders.yaml", DEFINITION).map_err(anyhow::Error::msg)?;
    let definition = import(&bundle).map_err(anyhow::Error::msg)?.definition;
    let operation = definition.operations.first();
    let operation = operation.context("orders.yaml has no operation")?;
    Ok(Portable::of(operation, &definition).to_text())
}

fn batch(memo: usize, first: &str) -> String {
    let order = |n: usize| {
        let symbol = if n == 0 { first } else { "600519" };
        let side = if n.is_multiple_of(2) { "BUY" } else { "SELL" };
        json!({"symbol": symbol, "side": side, "quantity": 100 * (n + 1),
            "limit_price": format!("{}.25", 1_600 + n)})
    };
    let orders: Vec<Value> = (0..ORDERS).map(order).collect();
    json!({"account": "A000000001", "memo": "m".repeat(memo), "orders": orders}).to_string()
}

/// A body of 1,024 bytes that the rules let through, and one of which they refuse a symbol.
pub fn bodies(rules: &str) -> Result<(String, String)> {
    let bare = batch(0, "600000").len();
    let memo = BYTES
        .checked_sub(bare)
        .context("the orders alone are too long")?;
    let (good, bad) = (batch(memo, "600000"), batch(memo, "60000X"));
    let (check, _) = Portable::compile(rules)?;
    let headers = [("content-type".to_owned(), "application/json".to_owned())];
    let findings = |body: &str| {
        let request = Request {
            variables: &[("id", "1")],
            query: "",
            headers: &headers,
            body: body.as_bytes(),
        };
        check.findings(&request)
    };
    let told = findings(&good);
    ensure!(
        told.is_empty(),
        "the body does not fit its definition: {told:?}"
    );
    ensure!(
        !findings(&bad).is_empty(),
        "the rules let everything through"
    );
    Ok((good, bad))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_one_kilobyte_and_fits_and_the_other_does_not() {
        let (good, bad) = bodies(&rules().unwrap()).unwrap();
        assert_eq!((good.len(), bad.len()), (BYTES, BYTES));
    }
}
