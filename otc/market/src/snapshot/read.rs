//! Reading market documents: everything that is wrong is told at once.

use std::collections::BTreeMap;

use rialto_otc_contract::document::{Node, Value};
use rialto_otc_contract::finding::{Findings, Sink};
use rialto_otc_contract::reader::{Field, Fields};
use rialto_otc_contract::value;
use rialto_otc_time::{AsOf, Date, DayPhase, Tenor};
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

use super::quotes::{FxQuotes, Pillar, Rates, UnderlyingQuotes};
use super::{ANY, Content, SCHEMA, Snapshot, read_names, read_vol};

pub fn from_text(text: &str) -> Result<(Snapshot, Findings), Findings> {
    from_node(&Node::from_text(text)?)
}

pub fn from_node(node: &Node) -> Result<(Snapshot, Findings), Findings> {
    let sink = Sink::default();
    let content = content(node, &sink);
    let findings = sink.into_findings();
    match content {
        Some(content) if !findings.has_errors() => Ok((Snapshot::of(content), findings)),
        _ => Err(findings),
    }
}

fn content(node: &Node, sink: &Sink) -> Option<Content> {
    let mut fields = Fields::new(node, "", sink)?;
    if let Some(schema) = fields.optional("schema")
        && schema.node().scalar() != Some(SCHEMA)
    {
        schema.error(
            "E-MKT-SCHEMA",
            format!("This is not a market document that can be read; write {SCHEMA:?}."),
            format!("无法读取此市场数据格式，请写 {SCHEMA:?}。"),
        );
    }
    let as_of = match fields.optional("as_of") {
        None => Some(AsOf::Numeric(0.0)),
        Some(field) => as_of(&field),
    };
    let axis = Axis { as_of };
    let discount = discount(&mut fields, &axis);
    let underlyings = underlyings(&mut fields, &axis);
    let fx = match fields.optional("fx") {
        None => Some(BTreeMap::new()),
        Some(field) => named(&field, |field| fx(field, &axis)),
    };
    let mut names: Vec<&str> = written_names(node, "underlyings");
    names.extend(written_names(node, "fx"));
    let correlation = match fields.optional("correlation") {
        None => Some(super::quotes::CorrelationQuotes::default()),
        Some(field) => read_names::correlation(&field, &names),
    };
    let fixings = match fields.optional("fixings") {
        None => Some(BTreeMap::new()),
        Some(field) => named(&field, |field| {
            read_names::fixings(field, axis.as_of.as_ref())
        }),
    };
    let calendars = match fields.optional("calendars") {
        None => Some(None),
        Some(field) => field.text().map(|text| Some(text.to_owned())),
    };
    fields.finish();
    Some(Content {
        as_of: axis.as_of?,
        discount: discount?,
        underlyings: underlyings?,
        fx: fx?,
        correlation: correlation?,
        fixings: fixings?,
        calendars: calendars?,
    })
}

/// Names of an object in the order in which they were written.
fn written_names<'n>(node: &'n Node, field: &str) -> Vec<&'n str> {
    match node.get(field).map(|node| &node.value) {
        Some(Value::Map(pairs)) => pairs.iter().map(|(key, _)| key.name.as_str()).collect(),
        _ => Vec::new(),
    }
}

/// Every value of an object by its name.
pub fn named<T>(
    field: &Field<'_>,
    read: impl Fn(&Field<'_>) -> Option<T>,
) -> Option<BTreeMap<String, T>> {
    let all: Vec<Option<(String, T)>> = field
        .entries()?
        .iter()
        .map(|(name, field)| {
            let read = read(field);
            let sound = (1..=100).contains(&name.chars().count());
            if !sound || name.chars().any(char::is_control) {
                field.error(
                    "E-MKT-NAME",
                    "A name has 1 to 100 characters, none of them a control character.",
                    "名称须为 1 至 100 个字符，不含控制字符。",
                );
                return None;
            }
            Some(((*name).to_owned(), read?))
        })
        .collect();
    all.into_iter().collect()
}

fn as_of(field: &Field<'_>) -> Option<AsOf> {
    let refuse = || {
        let shown = field.node().shown();
        field.error(
            "E-MKT-ASOF",
            format!(
                "{shown} is no as-of. Write a date, an object of date, phase (pre_open, intraday, \
                 post_close) and, for intraday, time as 10:30, or years from the start of a numeric \
                 contract, from 0 up."
            ),
            format!(
                "{shown} 不是估值时点：须为日期，含 date、phase（pre_open、intraday、post_close）及盘中 \
                 time（如 10:30）的对象，或数值合约自起始日起的年数（不小于 0）。"
            ),
        );
        None
    };
    match &field.node().value {
        Value::Number(text) | Value::Text(text) => {
            if let Ok(date) = text.parse::<Date>() {
                return Some(AsOf::post_close(date));
            }
            match value::decimal(text).filter(|years| *years >= Decimal::ZERO) {
                Some(years) => Some(AsOf::Numeric(float(years))),
                None => refuse(),
            }
        }
        Value::Map(_) => {
            let read = serde_json::from_str(&field.node().to_json());
            read.ok().or_else(refuse)
        }
        _ => refuse(),
    }
}

/// A decimal of a document in binary, correctly rounded from its digits.
pub fn float(value: Decimal) -> f64 {
    value.to_string().parse().unwrap_or(f64::NAN)
}

/// Longest time that is quoted, years.
const LONGEST: Decimal = Decimal::ONE_HUNDRED;

/// The time axis of a document: its moment.
pub struct Axis {
    /// Moment of the quotes; `None` when it could not be read, and order is not checked then.
    pub as_of: Option<AsOf>,
}

impl Axis {
    /// A pillar: a tenor or date in dated markets, years in numeric ones.
    pub fn pillar(&self, field: &Field<'_>) -> Option<Pillar> {
        let text = field.node().scalar().unwrap_or_default();
        let tenor = text.parse::<Tenor>().ok().map(Pillar::Tenor);
        let date = || text.parse::<Date>().ok().map(Pillar::Date);
        let years = || value::decimal(text).map(Pillar::Years);
        let Some(pillar) = tenor.or_else(date).or_else(years) else {
            field.error(
                "E-MKT-PILLAR",
                "This is no point in time. Write a tenor like \"3m\" or a date; in numeric markets \
                 years from the contract's start.",
                "不是时间点。请写期限（如 \"3m\"）或日期；数值市场请写自合约起始日起的年数。",
            );
            return None;
        };
        let dated = !matches!(pillar, Pillar::Years(_));
        match (&self.as_of, dated) {
            (Some(AsOf::Dated { .. }), false) => field.error(
                "E-MKT-PILLAR-KIND",
                "This market has a date; years are for numeric markets. Write a tenor like \"6m\" \
                 or a date.",
                "本市场数据以日期计，请写期限（如 \"6m\"）或日期，而非年数。",
            ),
            (Some(AsOf::Numeric(_)), true) => field.error(
                "E-MKT-PILLAR-KIND",
                "This market is numeric; give years from the contract's start, or an as-of with a \
                 date.",
                "本市场数据以年数计，请写自合约起始日起的年数，或给出带日期的 as_of。",
            ),
            _ => return Some(pillar),
        }
        None
    }

    /// Time from the as-of to a pillar, in days or years: for comparing only.
    fn distance(&self, pillar: &Pillar) -> Option<Decimal> {
        match (self.as_of.as_ref()?, pillar) {
            (AsOf::Numeric(now), Pillar::Years(years)) => Some(years - Decimal::from_f64(*now)?),
            (as_of @ AsOf::Dated { date, .. }, pillar) => {
                Some(Decimal::from(pillar.date(as_of)? - *date))
            }
            (AsOf::Numeric(_), _) => None,
        }
    }

    /// Tells pillars that do not follow the one before, and, in dated markets, that are not after
    /// the as-of. (A numeric market may describe the time before its as-of too.)
    pub fn ordered(&self, pillars: &[(Field<'_>, Pillar)]) {
        let mut before: Option<(Decimal, &Pillar)> = None;
        for (field, pillar) in pillars {
            let Some(distance) = self.distance(pillar) else {
                if matches!(self.as_of, Some(AsOf::Dated { .. })) {
                    field.error(
                        "E-MKT-PILLAR",
                        format!("{pillar} leads out of the calendar (years 1 to 9999)."),
                        format!("{pillar} 超出日历范围（公元 1 至 9999 年）。"),
                    );
                }
                continue;
            };
            let dated = matches!(self.as_of, Some(AsOf::Dated { .. }));
            let years = if dated {
                distance / Decimal::from(365)
            } else {
                distance
            };
            if years > LONGEST {
                field.error(
                    "E-MKT-FAR",
                    format!("{pillar} is more than {LONGEST} years ahead. Check it."),
                    format!("{pillar} 超过 {LONGEST} 年，请检查。"),
                );
            }
            if dated && distance <= Decimal::ZERO {
                field.error(
                    "E-MKT-PAST",
                    format!("{pillar} is not after the as-of. Remove what is past."),
                    format!("{pillar} 不晚于估值时点，请删除过期项。"),
                );
            }
            if let Some((last, previous)) = before
                && distance <= last
            {
                field.error(
                    "E-MKT-ORDER",
                    format!("{pillar} does not come after {previous}. Sort by time, each once."),
                    format!("{pillar} 未晚于前一项 {previous}，请按时间升序排列且不重复。"),
                );
            }
            before = Some((distance, pillar));
        }
    }
}

/// A number between two others; told when it is not.
pub fn within(field: &Field<'_>, value: Decimal, low: i64, high: i64) -> Option<Decimal> {
    if Decimal::from(low) <= value && value <= Decimal::from(high) {
        return Some(value);
    }
    field.error(
        "E-MKT-SIZE",
        format!(
            "{} is not between {low} and {high}. Check its size.",
            value.normalize()
        ),
        format!(
            "{} 不在 {low} 与 {high} 之间，请检查数量级。",
            value.normalize()
        ),
    );
    None
}

/// A rate per year, -1000 % to 1000 %.
pub fn rate(field: &Field<'_>) -> Option<Decimal> {
    within(field, field.ratio()?, -10, 10)
}

/// A volatility per year, 0 to 1000 %.
pub fn volatility(field: &Field<'_>) -> Option<Decimal> {
    within(field, field.ratio_from_zero()?, 0, 10)
}

/// The items of a list that must not be empty.
pub fn filled<'a>(field: &Field<'a>) -> Option<Vec<Field<'a>>> {
    let items = field.list()?;
    if items.is_empty() {
        field.error(
            "E-MKT-EMPTY",
            "This list is empty. Give at least one.",
            "列表为空，请至少给出一项。",
        );
        return None;
    }
    Some(items)
}

/// A list of exactly `N` items; `form` says what they are.
pub fn items<'a, const N: usize>(field: &Field<'a>, form: &str) -> Option<[Field<'a>; N]> {
    let items = field.list()?;
    let count = items.len();
    items.try_into().ok().or_else(|| {
        field.error(
            "E-MKT-ROW",
            format!("This list has {count} items, not {N}. Write {form}."),
            format!("此列表有 {count} 项，应为 {N} 项：{form}。"),
        );
        None
    })
}

/// `[[pillar, value], …]`, sorted by time.
pub fn points<'a>(
    field: &Field<'a>,
    axis: &Axis,
    form: &str,
    read: impl Fn(&Field<'a>) -> Option<Decimal>,
) -> Option<Vec<(Pillar, Decimal)>> {
    let rows: Vec<Option<(Field<'a>, Pillar, Decimal)>> = filled(field)?
        .iter()
        .map(|row| {
            let [at, value] = items(row, form)?;
            let (pillar, value) = (axis.pillar(&at), read(&value));
            Some((at, pillar?, value?))
        })
        .collect();
    let rows: Vec<_> = rows.into_iter().collect::<Option<_>>()?;
    let places: Vec<_> = rows
        .iter()
        .map(|(at, pillar, _)| (at.clone(), *pillar))
        .collect();
    axis.ordered(&places);
    Some(
        rows.into_iter()
            .map(|(_, pillar, value)| (pillar, value))
            .collect(),
    )
}

/// `[[end, value], …]`, sorted by end; the last end may be null.
pub fn pieces<'a>(
    field: &Field<'a>,
    axis: &Axis,
    read: impl Fn(&Field<'a>) -> Option<Decimal>,
) -> Option<Rates> {
    let rows = filled(field)?;
    let last = rows.len() - 1;
    let mut ends = Vec::new();
    let mut all = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        let Some([end, value]) = items::<2>(row, "[end, value]") else {
            all.push(None);
            continue;
        };
        let value = read(&value);
        if n == last && matches!(end.node().value, Value::Null) {
            all.push(value.map(|value| (None, value)));
            continue;
        }
        let pillar = axis.pillar(&end);
        if let Some(pillar) = pillar {
            ends.push((end, pillar));
        }
        all.push(
            pillar
                .zip(value)
                .map(|(pillar, value)| (Some(pillar), value)),
        );
    }
    axis.ordered(&ends);
    Some(Rates::Forward(all.into_iter().collect::<Option<_>>()?))
}

/// One number, pieces, or an object of `zero` or `forward`.
pub fn rates(field: &Field<'_>, axis: &Axis) -> Option<Rates> {
    match &field.node().value {
        Value::List(_) => pieces(field, axis, rate),
        Value::Map(_) => {
            let mut fields = field.fields()?;
            let zero = fields.optional("zero");
            let forward = fields.optional("forward");
            let rates = match one_form(field, [("zero", zero), ("forward", forward)])? {
                ("zero", field) => points(&field, axis, "[tenor, rate]", rate).map(Rates::Zero),
                (_, field) => pieces(&field, axis, rate),
            };
            fields.finish();
            rates
        }
        _ => rate(field).map(Rates::Flat),
    }
}

/// The one of several forms that is given.
pub fn one_form<'a, const N: usize>(
    field: &Field<'a>,
    forms: [(&'static str, Option<Field<'a>>); N],
) -> Option<(&'static str, Field<'a>)> {
    let names: Vec<&str> = forms.iter().map(|(name, _)| *name).collect();
    let mut given = forms
        .into_iter()
        .filter_map(|(name, field)| Some((name, field?)));
    let (first, second) = (given.next(), given.next());
    if first.is_some() && second.is_none() {
        return first;
    }
    let names = names.join(", ");
    field.error(
        "E-MKT-FORM",
        format!("Give exactly one of: {names}."),
        format!("请恰好给出其中一种形式：{names}。"),
    );
    None
}

fn discount(fields: &mut Fields<'_>, axis: &Axis) -> Option<BTreeMap<String, Rates>> {
    let (by_currency, any) = (fields.optional("discount"), fields.optional("r"));
    match (by_currency, any) {
        (None, None) => Some(BTreeMap::new()),
        (Some(field), None) => named(&field, |field| rates(field, axis)),
        (None, Some(field)) => Some(BTreeMap::from([(ANY.to_owned(), rates(&field, axis)?)])),
        (Some(_), Some(field)) => {
            field.error(
                "E-MKT-FORM",
                "\"r\" and \"discount\" say the same. Give one of them.",
                "r 与 discount 含义相同，请只给出一个。",
            );
            None
        }
    }
}

fn underlyings(fields: &mut Fields<'_>, axis: &Axis) -> Option<BTreeMap<String, UnderlyingQuotes>> {
    let many = fields.optional("underlyings");
    let short = ["spot", "q", "vol", "dividends", "model", "currency"];
    let given: Vec<_> = short
        .iter()
        .filter_map(|name| fields.optional(name))
        .collect();
    match (many, given.first()) {
        (Some(field), None) => named(&field, |field| {
            let mut fields = field.fields()?;
            let quotes = read_vol::underlying(&mut fields, axis);
            fields.finish();
            quotes
        }),
        (None, Some(_)) => Some(BTreeMap::from([(
            ANY.to_owned(),
            read_vol::underlying(fields, axis)?,
        )])),
        (None, None) => Some(BTreeMap::new()),
        (Some(_), Some(field)) => {
            field.error(
                "E-MKT-FORM",
                "Quotes of one underlying stand beside \"underlyings\". Move them under its name.",
                "单一标的的行情与 underlyings 并列，请移到该标的名下。",
            );
            None
        }
    }
}

fn fx(field: &Field<'_>, axis: &Axis) -> Option<FxQuotes> {
    let mut fields = field.fields()?;
    let vol = fields
        .required("vol")
        .and_then(|field| read_vol::vol_rates(&field, axis));
    fields.finish();
    Some(FxQuotes { vol: vol? })
}

/// Whether a fixing of a date lies after the as-of.
pub fn is_future(date: Date, as_of: &AsOf) -> bool {
    match as_of {
        AsOf::Numeric(_) => false,
        AsOf::Dated {
            date: now,
            phase: DayPhase::PreOpen,
        } => date >= *now,
        AsOf::Dated { date: now, .. } => date > *now,
    }
}
