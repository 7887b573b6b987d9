//! The envelope of a term sheet: everything around the terms of the product (specification,
//! section 5). Each field is priced (it changes the value), reported (it names) or memo.

use std::collections::BTreeMap;

use rialto_otc_time::{Clocks, Date, Exchange, PaymentRule};
use rust_decimal::Decimal;

use crate::document::{Node, Value};
use crate::reader::{Field, Fields};
use crate::schedule::json;
use crate::value;

/// How large the contract is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Currency units; payoffs are per unit return.
    Notional(Decimal),
    /// Units of the underlying; payoffs are in price terms.
    Quantity(Decimal),
}

/// Decimals of amounts and levels, rounded half-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounding {
    /// Decimals of amounts (default 2).
    pub amount: u32,
    /// Decimals of levels (default 4).
    pub level: u32,
}

impl Default for Rounding {
    fn default() -> Self {
        Self {
            amount: 2,
            level: 4,
        }
    }
}

/// Which side the house takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The counterparty holds the product.
    HouseSells,
    /// The house holds it.
    HouseBuys,
}

impl Direction {
    /// Sign of the house's position: +1 when the house holds the product, -1 when it sold it.
    #[must_use]
    pub const fn house_sign(self) -> i8 {
        match self {
            Self::HouseSells => -1,
            Self::HouseBuys => 1,
        }
    }
}

/// Names given for reports, each under a known field.
pub type Labels = BTreeMap<String, String>;

/// Who is concerned. All reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parties {
    /// The house: `lei`, `uscc`, `name`.
    pub house: Labels,
    /// The counterparty: also `investor`, `product`.
    pub counterparty: Labels,
    /// `book`, `trader`, `sales`, `intermediary`.
    pub desk: Labels,
}

/// An underlying as the sheet gives it. Priced.
#[derive(Debug, Clone, PartialEq)]
pub struct UnderlyingTerms {
    /// Exchange and code, `XSHG:000905`; any name in numeric contracts.
    pub code: String,
    /// Weight in a basket; `None`: equal weights.
    pub weight: Option<Decimal>,
    /// Units (return swaps); negative for a short leg.
    pub units: Option<Decimal>,
    /// Initial fixing.
    pub initial: Initial,
}

/// The initial fixing.
#[derive(Debug, Clone, PartialEq)]
pub enum Initial {
    /// A price.
    Price(Decimal),
    /// The official fixing of a date (of the start when not told), known once published.
    Fixing {
        /// What is fixed: `close`, `open`, `vwap`, …
        rule: String,
        /// When; the start when not told.
        date: Option<Date>,
        /// The fixing, once known.
        value: Option<Decimal>,
    },
}

/// A point of time as the sheet gives it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum When {
    /// A date.
    Date(Date),
    /// Years from the start.
    Years(Decimal),
}

/// Dates of the contract. `start` and `end` are priced, `trade` is reported.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dates {
    /// When it was dealt.
    pub trade: Option<Date>,
    /// Start; absent or 0 in numeric contracts.
    pub start: Option<When>,
    /// End; in numeric contracts the last time of any schedule when not told.
    pub end: Option<When>,
}

/// What the buyer pays at inception in all, the principal of a note included. Priced by the ledger,
/// not by engines.
#[derive(Debug, Clone, PartialEq)]
pub struct Premium {
    /// Currency units, paid by the holder.
    pub amount: Decimal,
    /// When.
    pub date: Option<Date>,
    /// Part unwound already.
    pub unwound: Option<Decimal>,
}

/// A flow that is determined and not paid.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// Name of the flow.
    pub leg: String,
    /// Currency units to the holder.
    pub amount: Decimal,
    /// When it is paid.
    pub pay: When,
}

/// What has happened so far, when the sheet says; normally derived from the ledger. Priced.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// Values of the program's variables: `ki`, `touches`, `missed`, `fixings_sum`, …
    pub values: BTreeMap<String, Decimal>,
    /// When it was knocked in. Reported.
    pub ki_date: Option<Date>,
    /// Currency units paid so far. Reported.
    pub paid: Option<Decimal>,
    /// Flows determined and not yet paid.
    pub pending: Vec<Pending>,
    /// Whether it has ended.
    pub ended: bool,
}

/// Reads known names of a reported object.
fn labels(field: &Field<'_>, names: &'static [&'static str]) -> Labels {
    let Some(mut fields) = field.fields() else {
        return Labels::new();
    };
    let found = named(&mut fields, names);
    fields.finish();
    found
}

fn named(fields: &mut Fields<'_>, names: &'static [&'static str]) -> Labels {
    let read = names.iter().filter_map(|name| {
        let text = fields.optional(name)?.label()?;
        Some(((*name).to_owned(), text.to_owned()))
    });
    read.collect()
}

const PARTY: &[&str] = &["lei", "uscc", "name", "investor", "product"];
const DESK: &[&str] = &["book", "trader", "sales", "intermediary"];
const AGREEMENT: &[&str] = &["master", "id", "supplement", "collateral_annex"];
const IDS: &[&str] = &["uti", "upi", "isin", "quote", "external"];
const OPTIONS: &[&str] = &["call_right", "put_right", "early_termination_fee"];
const FIXING: &[&str] = &["source", "fallback"];

/// Reads `agreement`, `ids`, `options` and `fixing` by their known names.
pub(crate) fn reported(field: &Field<'_>, block: &str) -> Labels {
    let names = match block {
        "agreement" => AGREEMENT,
        "ids" => IDS,
        "options" => OPTIONS,
        _ => FIXING,
    };
    labels(field, names)
}

/// Reads `fixing`: where fixings come from and what replaces a missing one.
pub(crate) fn fixing(field: &Field<'_>) -> Labels {
    let labels = reported(field, "fixing");
    let source = labels
        .get("source")
        .map(|text| text.parse::<rialto_otc_time::FixingSource>());
    let fallback = labels
        .get("fallback")
        .map(|text| text.parse::<rialto_otc_time::Fallback>());
    let wrong = [source.and_then(Result::err), fallback.and_then(Result::err)];
    for error in wrong.into_iter().flatten() {
        field.error(
            "E-TERM-FIXING",
            format!("{error}."),
            "定盘来源或替代规则无法识别。",
        );
    }
    labels
}

pub(crate) fn parties(field: &Field<'_>) -> Parties {
    let Some(mut fields) = field.fields() else {
        return Parties::default();
    };
    let house = fields.optional("house").map(|field| labels(&field, PARTY));
    let counterparty = fields
        .optional("counterparty")
        .map(|field| labels(&field, PARTY));
    let desk = named(&mut fields, DESK);
    fields.finish();
    let (house, counterparty) = (house.unwrap_or_default(), counterparty.unwrap_or_default());
    Parties {
        house,
        counterparty,
        desk,
    }
}

pub(crate) fn underlying(field: &Field<'_>) -> Option<UnderlyingTerms> {
    let mut fields = field.fields()?;
    let code = fields
        .required("code")
        .and_then(|field| field.label().map(str::to_owned));
    let weight = fields.optional("weight").map(|field| field.multiple());
    let units = fields.optional("units").map(|field| field.decimal());
    let initial = match fields.optional("initial") {
        Some(field) => initial(&field),
        None => Some(Initial::Fixing {
            rule: "close".to_owned(),
            date: None,
            value: None,
        }),
    };
    fields.finish();
    let (weight, units) = (flat(weight)?, flat(units)?);
    Some(UnderlyingTerms {
        code: code?,
        weight,
        units,
        initial: initial?,
    })
}

/// A field that may be absent but not wrong.
pub(crate) fn flat<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        None => Some(None),
        Some(None) => None,
        Some(value) => Some(value),
    }
}

fn initial(field: &Field<'_>) -> Option<Initial> {
    if field.node().scalar().is_some() {
        return field.positive().map(Initial::Price);
    }
    let mut fields = field.fields()?;
    let rule = fields.required("rule").and_then(|field| {
        let text = field.text()?;
        if let Err(error) = text.parse::<rialto_otc_time::FixingSource>() {
            field.error("E-TERM-FIXING", format!("{error}."), "定盘来源无法识别。");
            return None;
        }
        Some(text.to_owned())
    });
    let date = fields.optional("date").map(|field| field.date());
    let value = fields.optional("value").map(|field| field.positive());
    fields.finish();
    Some(Initial::Fixing {
        rule: rule?,
        date: flat(date)?,
        value: flat(value)?,
    })
}

pub(crate) fn when(field: &Field<'_>) -> Option<When> {
    match field.node().scalar().and_then(value::decimal) {
        Some(_) => field.non_negative().map(When::Years),
        None => field.date().map(When::Date),
    }
}

pub(crate) fn dates(field: &Field<'_>) -> Option<Dates> {
    let mut fields = field.fields()?;
    let trade = fields.optional("trade").map(|field| field.date());
    let start = fields.optional("start");
    let end = fields.optional("end");
    fields.finish();
    let (start_at, end_at) = (start.as_ref().map(when), end.as_ref().map(when));
    let dates = Dates {
        trade: flat(trade)?,
        start: flat(start_at)?,
        end: flat(end_at)?,
    };
    match (dates.start, dates.end) {
        (Some(When::Date(a)), Some(When::Date(b))) if b <= a => {
            let en = format!("The end {b} is not after the start {a}.");
            end.as_ref()?
                .error("E-TERM-DATES", en, format!("到期日 {b} 不晚于起始日 {a}。"));
            None
        }
        (Some(When::Date(_)), Some(When::Years(_)))
        | (Some(When::Years(_)), Some(When::Date(_))) => {
            let en = "Start and end must both be dates or both be numbers of years.";
            field.error("E-TERM-DATES", en, "起始与到期须同为日期或同为年数。");
            None
        }
        (Some(When::Years(years)), _) if !years.is_zero() => {
            let en = "A numeric contract starts at 0; times are years from its start.";
            start
                .as_ref()?
                .error("E-TERM-DATES", en, "数值合约的起点为 0。");
            None
        }
        (_, Some(When::Years(years))) if years.is_zero() => {
            let en = "The end is not after the start.";
            end.as_ref()?.error("E-TERM-DATES", en, "到期不晚于起始。");
            None
        }
        _ => Some(dates),
    }
}

pub(crate) fn rounding(field: &Field<'_>) -> Option<Rounding> {
    let mut fields = field.fields()?;
    let amount = fields
        .optional("amount")
        .map_or(Some(2), |field| field.whole(0, 8));
    let level = fields
        .optional("level")
        .map_or(Some(4), |field| field.whole(0, 10));
    fields.finish();
    Some(Rounding {
        amount: amount?,
        level: level?,
    })
}

pub(crate) fn clocks(field: &Field<'_>) -> Option<Clocks> {
    let mut fields = field.fields()?;
    for name in ["all", "variance", "rate", "coupon"] {
        fields.optional(name);
    }
    fields.finish();
    let raw = json(field.node());
    let form = serde_json::from_value::<rialto_otc_time::ClocksForm>(raw).map_err(|error| {
        let en = format!("The clocks cannot be read: {error}.");
        let shown = field.node().shown();
        let zh = format!("{shown} 不是时钟：请以文本写明 variance、rate 和 coupon，或只写 all。");
        field.error("E-CLOCK-FORM", en, zh);
    });
    let read = form.ok()?.read("");
    read.map_err(|findings| field.found(&findings)).ok()
}

pub(crate) fn payment(field: &Field<'_>) -> Option<PaymentRule> {
    let mut fields = field.fields()?;
    let lag = fields
        .optional("lag")
        .map_or(Some(3), |field| field.whole(0, 60));
    let calendar = match fields.optional("calendar") {
        Some(field) => field
            .text()
            .and_then(|text| match text.parse::<Exchange>() {
                Ok(exchange) => Some(exchange),
                Err(error) => {
                    field.error("E-TERM-CALENDAR", format!("{error}."), "日历名称无法识别。");
                    None
                }
            }),
        None => Some(Exchange::CnIb),
    };
    fields.finish();
    Some(PaymentRule {
        lag: u16::try_from(lag?).ok()?,
        calendar: calendar?,
    })
}

pub(crate) fn premium(field: &Field<'_>) -> Option<Premium> {
    let mut fields = field.fields()?;
    let amount = fields.required("amount").and_then(|field| field.decimal());
    let date = fields.optional("date").map(|field| field.date());
    let unwound = fields
        .optional("unwound")
        .map(|field| field.ratio_from_zero());
    fields.finish();
    Some(Premium {
        amount: amount?,
        date: flat(date)?,
        unwound: flat(unwound)?,
    })
}

pub(crate) fn state(field: &Field<'_>) -> Option<State> {
    let mut state = State::default();
    let mut good = true;
    for (name, field) in field.entries()? {
        let read = match name {
            "ki_date" => field.date().map(|date| state.ki_date = Some(date)),
            "paid" => field.decimal().map(|paid| state.paid = Some(paid)),
            "ended" => field.boolean().map(|ended| state.ended = ended),
            "pending" => pending(&field).map(|pending| state.pending = pending),
            _ => match field.node().value {
                Value::Bool(value) => Some(Decimal::from(u8::from(value))),
                _ => field.decimal(),
            }
            .map(|value| {
                state.values.insert(name.to_owned(), value);
            }),
        };
        good &= read.is_some();
    }
    good.then_some(state)
}

fn pending(field: &Field<'_>) -> Option<Vec<Pending>> {
    let items = field.list()?;
    let read: Vec<Option<Pending>> = items
        .iter()
        .map(|item| {
            let mut fields = item.fields()?;
            let leg = fields
                .required("leg")
                .and_then(|field| field.text().map(str::to_owned));
            let amount = fields.required("amount").and_then(|field| field.decimal());
            let pay = fields.required("pay").and_then(|field| when(&field));
            fields.finish();
            Some(Pending {
                leg: leg?,
                amount: amount?,
                pay: pay?,
            })
        })
        .collect();
    read.into_iter().collect()
}

/// Writes a number.
pub(crate) fn number(value: Decimal) -> Node {
    Value::Number(value.normalize().to_string()).into()
}

pub(crate) fn date_node(date: Date) -> Node {
    Node::text(date.to_string())
}

pub(crate) fn when_node(when: When) -> Node {
    match when {
        When::Date(date) => date_node(date),
        When::Years(years) => number(years),
    }
}

pub(crate) fn labels_node(labels: &Labels) -> Node {
    Node::map(
        labels
            .iter()
            .map(|(name, text)| (name.as_str(), Node::text(text))),
    )
}
