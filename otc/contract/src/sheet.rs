//! The term sheet: the one record that is priced, booked and reported.

use std::collections::{BTreeMap, BTreeSet};

use rialto_otc_time::{Clocks, PaymentRule};
use rust_decimal::Decimal;
use sha2::{Digest as _, Sha256};

use crate::document::{Node, Value};
use crate::envelope::{
    self, Dates, Direction, Initial, Labels, Parties, Premium, Rounding, Size, State,
    UnderlyingTerms, date_node, flat, labels_node, number, when_node,
};
use crate::finding::{Findings, Sink};
use crate::program::Program;
use crate::reader::{Field, Fields};
use crate::rest;
use crate::schedule::json;
use crate::syntax::{self, Vocabulary};

/// The schema that sheets name.
pub const SCHEMA: &str = "rialto.otc/1";

/// Most underlyings of one contract.
pub const MAX_UNDERLYINGS: usize = 64;

/// A contract as its parties write it.
#[derive(Debug, Clone, PartialEq)]
pub struct TermSheet {
    /// Name of the trade. Reported.
    pub trade_id: String,
    /// Version of the trade, from 1. Reported.
    pub version: u32,
    /// What is traded. Priced.
    pub product: Product,
    /// Which side the house takes. Priced (sign of the book).
    pub direction: Direction,
    /// Who. Reported.
    pub parties: Parties,
    /// Master agreement and annexes: `master`, `id`, `supplement`, `collateral_annex`. Reported.
    pub agreement: Labels,
    /// `uti`, `upi`, `isin`, `quote`, `external`. Reported.
    pub ids: Labels,
    /// Options of either side in words: `call_right`, `put_right`, `early_termination_fee`.
    /// Reported; what changes the value belongs into the terms.
    pub options: Labels,
    /// Underlyings. Priced.
    pub underlyings: Vec<UnderlyingTerms>,
    /// Notional or quantity. Priced.
    pub size: Size,
    /// Unit of the quantity, `t`. Reported.
    pub unit: Option<String>,
    /// Currency of payments, ISO 4217. Priced.
    pub currency: String,
    /// Whether payments are in another currency than the underlying's. Priced.
    pub quanto: bool,
    /// Premium. Priced by the ledger.
    pub premium: Option<Premium>,
    /// Dates. Priced.
    pub dates: Dates,
    /// Named schedules, as written. Priced.
    pub schedules: BTreeMap<String, Node>,
    /// The three clocks; when not told, the usual ones of the underlying's exchange, which compiling
    /// tells in a notice. Priced.
    pub clocks: Option<Clocks>,
    /// When money moves. Priced.
    pub payment: Option<PaymentRule>,
    /// Whether coupons accrue to the payment instead of the observation. Priced.
    pub accrue_to_payment: bool,
    /// Decimals. Priced.
    pub rounding: Rounding,
    /// Where fixings come from: `source`, `fallback`. Reported to whoever enters fixings.
    pub fixing: Labels,
    /// What has happened so far. Priced.
    pub state: Option<State>,
    /// Free text or data, never priced.
    pub memo: Option<Node>,
    /// The document it was read from, for places of findings; takes no part in equality.
    pub source: Source,
}

/// What is traded.
#[derive(Debug, Clone, PartialEq)]
pub enum Product {
    /// A template with its terms.
    Template {
        /// Name, `snowball`.
        name: String,
        /// Version of the template.
        version: u32,
        /// Named variant.
        preset: Option<String>,
        /// Terms, as written.
        terms: Node,
    },
    /// A program of its own.
    Program(Program),
}

/// The document a sheet was read from. Two sheets do not differ by it.
#[derive(Debug, Clone)]
pub struct Source(pub Node);

impl PartialEq for Source {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl TermSheet {
    /// Reads a sheet from JSON or YAML text.
    ///
    /// # Errors
    /// All findings at once.
    pub fn from_text(text: &str) -> Result<Self, Findings> {
        Self::from_node(Node::from_text(text)?)
    }

    /// Reads a sheet from a JSON value (no lines and columns then).
    ///
    /// # Errors
    /// All findings at once.
    pub fn from_value(value: &serde_json::Value) -> Result<Self, Findings> {
        Self::from_node(Node::from_value(value)?)
    }

    /// Reads a sheet from a document.
    ///
    /// # Errors
    /// All findings at once.
    pub fn from_node(root: Node) -> Result<Self, Findings> {
        match Self::read_alone(&root) {
            Ok(sheet) => Ok(Self {
                source: Source(root),
                ..sheet
            }),
            Err(found) => {
                let calendars = rialto_otc_time::Calendars::builtin();
                Err(rest::with_terms(&root, found, calendars))
            }
        }
    }

    /// Reads a sheet without its source; stops at its envelope when that is wrong.
    pub(crate) fn read_alone(root: &Node) -> Result<Self, Findings> {
        let sink = Sink::default();
        let sheet = read(root, &sink);
        let findings = sink.into_findings();
        match sheet {
            Some(sheet) if !findings.has_errors() => Ok(sheet),
            _ => Err(findings),
        }
    }

    /// Initial fixings that the sheet leaves to the market: code, rule and date (`None`: that of the
    /// start).
    #[must_use]
    pub fn open_initials(&self) -> Vec<(&str, &str, Option<rialto_otc_time::Date>)> {
        let start = match self.dates.start {
            Some(envelope::When::Date(date)) => Some(date),
            _ => None,
        };
        let open = self
            .underlyings
            .iter()
            .filter_map(|underlying| match &underlying.initial {
                Initial::Fixing {
                    rule,
                    date,
                    value: None,
                } => Some((underlying.code.as_str(), rule.as_str(), date.or(start))),
                Initial::Fixing { .. } | Initial::Price(_) => None,
            });
        open.collect()
    }

    /// The sheet with initial fixings that have become known; those it holds already stay.
    #[must_use]
    pub fn fixed(&self, initials: &BTreeMap<String, Decimal>) -> Self {
        let mut sheet = self.clone();
        for underlying in &mut sheet.underlyings {
            if let Initial::Fixing { value, .. } = &mut underlying.initial {
                *value = value.or_else(|| initials.get(&underlying.code).copied());
            }
        }
        sheet
    }

    /// Canonical JSON: names sorted, numbers as text, nothing that says no more than a default.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.to_node().to_json()
    }

    /// Canonical JSON as a value.
    #[must_use]
    pub fn to_value(&self) -> serde_json::Value {
        json(&self.to_node())
    }

    /// SHA-256 of the canonical JSON, in hexadecimal: the contract hash.
    #[must_use]
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.to_json().as_bytes()))
    }

    /// The sheet as a document.
    #[must_use]
    pub fn to_node(&self) -> Node {
        let mut out: Vec<(&str, Node)> = vec![
            ("schema", Node::text(SCHEMA)),
            ("trade_id", Node::text(&*self.trade_id)),
            ("version", number(Decimal::from(self.version))),
            ("currency", Node::text(&*self.currency)),
        ];
        let direction = match self.direction {
            Direction::HouseSells => "house_sells",
            Direction::HouseBuys => "house_buys",
        };
        out.push(("direction", Node::text(direction)));
        match &self.product {
            Product::Template {
                name,
                version,
                preset,
                terms,
            } => {
                out.push(("template", Node::text(format!("{name}/{version}"))));
                out.extend(
                    preset
                        .iter()
                        .map(|preset| ("preset", Node::text(&**preset))),
                );
                out.push(("terms", terms.clone()));
            }
            Product::Program(program) => out.push(("program", syntax::write(program))),
        }
        self.write_reported(&mut out);
        self.write_economics(&mut out);
        self.write_conventions(&mut out);
        out.extend(self.state.iter().map(|state| ("state", state_node(state))));
        out.extend(self.memo.iter().map(|memo| ("memo", memo.clone())));
        Node::map(out)
    }

    fn write_reported(&self, out: &mut Vec<(&str, Node)>) {
        let Parties {
            house,
            counterparty,
            desk,
        } = &self.parties;
        let mut parties: Vec<(&str, Node)> = desk
            .iter()
            .map(|(name, text)| (name.as_str(), Node::text(text)))
            .collect();
        for (name, labels) in [("house", house), ("counterparty", counterparty)] {
            if !labels.is_empty() {
                parties.push((name, labels_node(labels)));
            }
        }
        if !parties.is_empty() {
            out.push(("parties", Node::map(parties)));
        }
        let blocks = [
            ("agreement", &self.agreement),
            ("ids", &self.ids),
            ("options", &self.options),
            ("fixing", &self.fixing),
        ];
        let blocks = blocks.into_iter().filter(|(_, labels)| !labels.is_empty());
        out.extend(blocks.map(|(name, labels)| (name, labels_node(labels))));
    }

    fn write_economics(&self, out: &mut Vec<(&str, Node)>) {
        let underlyings = self.underlyings.iter().map(underlying_node);
        out.push(("underlyings", Node::list(underlyings)));
        out.push(match self.size {
            Size::Notional(notional) => ("notional", number(notional)),
            Size::Quantity(quantity) => ("quantity", number(quantity)),
        });
        out.extend(self.unit.iter().map(|unit| ("unit", Node::text(&**unit))));
        if self.quanto {
            out.push(("quanto", Value::Bool(true).into()));
        }
        if let Some(Premium {
            amount,
            date,
            unwound,
        }) = &self.premium
        {
            let mut pairs = vec![("amount", number(*amount))];
            pairs.extend(date.map(|date| ("date", date_node(date))));
            pairs.extend(unwound.map(|part| ("unwound", number(part))));
            out.push(("premium", Node::map(pairs)));
        }
        let mut dates: Vec<(&str, Node)> = Vec::new();
        dates.extend(self.dates.trade.map(|date| ("trade", date_node(date))));
        dates.extend(self.dates.start.map(|when| ("start", when_node(when))));
        dates.extend(self.dates.end.map(|when| ("end", when_node(when))));
        if !dates.is_empty() {
            out.push(("dates", Node::map(dates)));
        }
    }

    fn write_conventions(&self, out: &mut Vec<(&str, Node)>) {
        if !self.schedules.is_empty() {
            let schedules = self.schedules.iter();
            let pairs = schedules.map(|(name, node)| (name.as_str(), node.clone()));
            out.push(("schedules", Node::map(pairs)));
        }
        if let Some(clocks) = &self.clocks {
            let pairs = match *clocks == Clocks::TIMES {
                true => vec![("all", Node::text("times"))],
                false => vec![
                    ("variance", Node::text(clocks.variance.to_string())),
                    ("rate", Node::text(clocks.rate.to_string())),
                    ("coupon", Node::text(clocks.coupon.to_string())),
                ],
            };
            out.push(("clocks", Node::map(pairs)));
        }
        if let Some(rule) = &self.payment {
            let lag = number(Decimal::from(rule.lag));
            let calendar = Node::text(rule.calendar.code());
            out.push(("payment", Node::map([("lag", lag), ("calendar", calendar)])));
        }
        if self.accrue_to_payment {
            out.push(("accrue_to", Node::text("payment")));
        }
        let Rounding { amount, level } = self.rounding;
        let rounding = [("amount", amount), ("level", level)];
        let rounding = rounding.map(|(name, n)| (name, number(Decimal::from(n))));
        out.push(("rounding", Node::map(rounding)));
    }
}

fn underlying_node(underlying: &UnderlyingTerms) -> Node {
    let mut pairs = vec![("code", Node::text(&*underlying.code))];
    pairs.extend(underlying.weight.map(|weight| ("weight", number(weight))));
    pairs.extend(underlying.units.map(|units| ("units", number(units))));
    let initial = match &underlying.initial {
        Initial::Price(price) => number(*price),
        Initial::Fixing { rule, date, value } => {
            let mut pairs = vec![("rule", Node::text(&**rule))];
            pairs.extend(date.map(|date| ("date", date_node(date))));
            pairs.extend(value.map(|value| ("value", number(value))));
            Node::map(pairs)
        }
    };
    pairs.push(("initial", initial));
    Node::map(pairs)
}

fn state_node(state: &State) -> Node {
    let values = state.values.iter();
    let mut pairs: Vec<(&str, Node)> = values
        .map(|(name, value)| (name.as_str(), number(*value)))
        .collect();
    pairs.extend(state.ki_date.map(|date| ("ki_date", date_node(date))));
    pairs.extend(state.paid.map(|paid| ("paid", number(paid))));
    if state.ended {
        pairs.push(("ended", Value::Bool(true).into()));
    }
    if !state.pending.is_empty() {
        let flows = state.pending.iter().map(|flow| {
            let leg = Node::text(&*flow.leg);
            Node::map([
                ("leg", leg),
                ("amount", number(flow.amount)),
                ("pay", when_node(flow.pay)),
            ])
        });
        pairs.push(("pending", Node::list(flows)));
    }
    Node::map(pairs)
}

/// Fields that stand for themselves, read in one place so that all findings come at once.
struct Head {
    trade_id: Option<String>,
    version: Option<u32>,
    direction: Option<Direction>,
    currency: Option<String>,
    quanto: Option<bool>,
    unit: Option<Option<String>>,
    accrue_to_payment: Option<bool>,
}

fn head(fields: &mut Fields<'_>) -> Head {
    if let Some(field) = fields.required("schema") {
        field.choice(&[SCHEMA]);
    }
    let owned = |field: Field<'_>| field.label().map(str::to_owned);
    Head {
        trade_id: fields.required("trade_id").and_then(|field| id(&field)),
        version: fields
            .optional("version")
            .map_or(Some(1), |field| field.whole(1, u32::MAX)),
        direction: fields.required("direction").and_then(|field| {
            Some(match field.choice(&["house_sells", "house_buys"])? {
                "house_buys" => Direction::HouseBuys,
                _ => Direction::HouseSells,
            })
        }),
        currency: match fields.optional("currency") {
            Some(field) => currency(&field),
            None => Some("CNY".to_owned()),
        },
        quanto: fields
            .optional("quanto")
            .map_or(Some(false), |field| field.boolean()),
        unit: flat(fields.optional("unit").map(owned)),
        accrue_to_payment: match fields.optional("accrue_to") {
            Some(field) => field
                .choice(&["observation", "payment"])
                .map(|word| word == "payment"),
            None => Some(false),
        },
    }
}

/// The name of a trade: it stands in addresses and file names, so what these cut or read otherwise
/// is not part of it.
fn id(field: &Field<'_>) -> Option<String> {
    let text = field.label()?;
    let cut = text.trim() != text || matches!(text, "." | "..");
    if !cut && !text.contains(['/', '\\', '<', '>']) {
        return Some(text.to_owned());
    }
    let en =
        "A trade's id has no blank at its ends and none of / \\ < >, and is not \".\" or \"..\".";
    let zh = "交易编号首尾不得有空格，不得含 / \\ < >，也不得为“.”或“..”。";
    field.error("E-TERM-ID", en, zh);
    None
}

fn currency(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    if text.parse::<rialto_kernel::Currency>().is_ok() {
        return Some(text.to_owned());
    }
    let en = format!("{text:?} is no currency. Write the three letters of ISO 4217, like \"CNY\".");
    field.error(
        "E-TERM-CURRENCY",
        en,
        "币种须为 ISO 4217 三位字母，例如 \"CNY\"。",
    );
    None
}

/// Blocks that name and are never priced.
struct Reported {
    parties: Parties,
    agreement: Labels,
    ids: Labels,
    options: Labels,
    fixing: Labels,
}

fn reported(fields: &mut Fields<'_>) -> Reported {
    let parties = fields
        .optional("parties")
        .map(|field| envelope::parties(&field));
    let mut block = |name: &'static str| {
        let found = fields
            .optional(name)
            .map(|field| envelope::reported(&field, name));
        found.unwrap_or_default()
    };
    Reported {
        agreement: block("agreement"),
        ids: block("ids"),
        options: block("options"),
        fixing: fields
            .optional("fixing")
            .map(|field| envelope::fixing(&field))
            .unwrap_or_default(),
        parties: parties.unwrap_or_default(),
    }
}

/// Reads a field that may be absent: absent is `Some(None)`, wrong is `None`.
fn may<T>(
    fields: &mut Fields<'_>,
    name: &'static str,
    read: impl Fn(&Field<'_>) -> Option<T>,
) -> Option<Option<T>> {
    flat(fields.optional(name).map(|field| read(&field)))
}

fn read(root: &Node, sink: &Sink) -> Option<TermSheet> {
    let mut fields = Fields::new(root, "", sink)?;
    let head = head(&mut fields);
    let reported = reported(&mut fields);
    let underlyings = underlyings(&mut fields);
    let size = size(&mut fields);
    let premium = may(&mut fields, "premium", envelope::premium);
    let dates = may(&mut fields, "dates", envelope::dates);
    let schedules = schedules(&mut fields);
    let clocks = may(&mut fields, "clocks", envelope::clocks);
    let payment = may(&mut fields, "payment", envelope::payment);
    let rounding = may(&mut fields, "rounding", envelope::rounding);
    let state = may(&mut fields, "state", envelope::state);
    let memo = fields.optional("memo").map(|field| field.node().clone());
    let product = product(&mut fields, underlyings.as_deref(), schedules.as_ref());
    fields.finish();
    Some(TermSheet {
        trade_id: head.trade_id?,
        version: head.version?,
        product: product?,
        direction: head.direction?,
        parties: reported.parties,
        agreement: reported.agreement,
        ids: reported.ids,
        options: reported.options,
        underlyings: underlyings?,
        size: size?,
        unit: head.unit?,
        currency: head.currency?,
        quanto: head.quanto?,
        premium: premium?,
        dates: dates?.unwrap_or_default(),
        schedules: schedules?,
        clocks: clocks?,
        payment: payment?,
        accrue_to_payment: head.accrue_to_payment?,
        rounding: rounding?.unwrap_or_default(),
        fixing: reported.fixing,
        state: state?,
        memo,
        source: Source(Value::Null.into()),
    })
}

fn underlyings(fields: &mut Fields<'_>) -> Option<Vec<UnderlyingTerms>> {
    let (one, many) = (
        fields.optional("underlying"),
        fields.optional("underlyings"),
    );
    let items = match (one, many) {
        (Some(one), None) => vec![one],
        (None, Some(many)) => many.list()?,
        (Some(_), Some(many)) => {
            let en = "Give \"underlying\" or \"underlyings\", not both.";
            many.error(
                "E-TERM-UNDERLYING",
                en,
                "underlying 与 underlyings 只能给其一。",
            );
            return None;
        }
        (None, None) => {
            fields.required("underlying")?;
            return None;
        }
    };
    if items.is_empty() || items.len() > MAX_UNDERLYINGS {
        let en = format!("A contract has 1 to {MAX_UNDERLYINGS} underlyings.");
        fields.object().error(
            "E-TERM-UNDERLYING",
            en,
            format!("标的数须为 1 至 {MAX_UNDERLYINGS}。"),
        );
        return None;
    }
    let read: Vec<Option<UnderlyingTerms>> = items.iter().map(envelope::underlying).collect();
    let read: Vec<UnderlyingTerms> = read.into_iter().collect::<Option<_>>()?;
    let mut seen = BTreeSet::new();
    for (underlying, item) in read.iter().zip(&items) {
        if !seen.insert(underlying.code.as_str()) {
            let en = format!("The underlying {} is given twice.", underlying.code);
            item.error(
                "E-TERM-UNDERLYING",
                en,
                format!("标的 {} 重复。", underlying.code),
            );
            return None;
        }
    }
    let weighted = read
        .iter()
        .filter(|underlying| underlying.weight.is_some())
        .count();
    if weighted != 0 && weighted != read.len() {
        let en = "Either every underlying has a weight or none has.";
        fields
            .object()
            .error("E-TERM-WEIGHT", en, "各标的要么都给权重，要么都不给。");
        return None;
    }
    if weighted != 0 && read.iter().all(|u| u.weight == Some(Decimal::ZERO)) {
        let en = "All weights are zero.";
        fields.object().error("E-TERM-WEIGHT", en, "权重全为零。");
        return None;
    }
    Some(read)
}

fn size(fields: &mut Fields<'_>) -> Option<Size> {
    let (notional, quantity) = (fields.optional("notional"), fields.optional("quantity"));
    match (notional, quantity) {
        (Some(field), None) => field.positive().map(Size::Notional),
        (None, Some(field)) => field.positive().map(Size::Quantity),
        (Some(_), Some(field)) => {
            let en = "Give a notional or a quantity, not both.";
            field.error("E-TERM-SIZE", en, "notional 与 quantity 只能给其一。");
            None
        }
        (None, None) => {
            let en = "The size is missing: give \"notional\" (currency units) or \"quantity\" (units of the underlying).";
            let mut at = fields.object().place();
            at.value = None;
            fields.object().sink().error(
                "E-TERM-SIZE",
                &at,
                en,
                "缺少规模：请给出 notional 或 quantity。",
            );
            None
        }
    }
}

fn schedules(fields: &mut Fields<'_>) -> Option<BTreeMap<String, Node>> {
    let Some(field) = fields.optional("schedules") else {
        return Some(BTreeMap::new());
    };
    let mut found = BTreeMap::new();
    let mut good = true;
    for (name, field) in field.entries()? {
        if matches!(name, "daily" | "end" | "last" | "continuous") {
            let en = format!("{name:?} is a word of the language and cannot name a schedule.");
            field.error(
                "E-SCHED-NAME",
                en,
                format!("{name:?} 是保留字，不能作日程名。"),
            );
            good = false;
        }
        found.insert(name.to_owned(), field.node().clone());
    }
    good.then_some(found)
}

fn product(
    fields: &mut Fields<'_>,
    underlyings: Option<&[UnderlyingTerms]>,
    schedules: Option<&BTreeMap<String, Node>>,
) -> Option<Product> {
    let (template, program) = (fields.optional("template"), fields.optional("program"));
    match (template, program) {
        (Some(template), None) => {
            let named = template_name(&template);
            let preset = fields
                .optional("preset")
                .map(|field| field.text().map(str::to_owned));
            let terms = fields.required("terms").and_then(|field| {
                field.fields()?;
                Some(field.node().clone())
            });
            let ((name, version), preset) = (named?, flat(preset)?);
            Some(Product::Template {
                name,
                version,
                preset,
                terms: terms?,
            })
        }
        (None, Some(program)) => {
            let (underlyings, schedules) = (underlyings?, schedules?);
            let codes = underlyings.iter().map(|u| u.code.as_str()).collect();
            let schedules = schedules
                .iter()
                .map(|(name, node)| (name.as_str(), columns(node)));
            let vocabulary = Vocabulary {
                codes,
                schedules: schedules.collect(),
            };
            syntax::read(&program, &vocabulary).map(Product::Program)
        }
        (Some(_), Some(program)) => {
            let en = "Give a template or a program, not both.";
            program.error("E-TERM-PRODUCT", en, "template 与 program 只能给其一。");
            None
        }
        (None, None) => {
            fields.required("template")?;
            None
        }
    }
}

fn columns(schedule: &Node) -> BTreeSet<&str> {
    match schedule.get("columns").map(|node| &node.value) {
        Some(Value::Map(pairs)) => pairs.iter().map(|(key, _)| key.name.as_str()).collect(),
        _ => BTreeSet::new(),
    }
}

fn template_name(field: &Field<'_>) -> Option<(String, u32)> {
    let text = field.text()?;
    let (name, version) = text.split_once('/').unwrap_or((text, "1"));
    match version.parse::<u32>() {
        Ok(1) => Some((name.to_owned(), 1)),
        _ => {
            let en = format!(
                "{text:?} names no template of this version. Write the name and /1, like \"snowball/1\"."
            );
            field.error(
                "E-TERM-TEMPLATE",
                en,
                "模板版本无法识别，请写成 \"snowball/1\" 的形式。",
            );
            None
        }
    }
}
