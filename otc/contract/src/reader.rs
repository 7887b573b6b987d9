//! Typed access to the fields of a document. Every refusal names the field, the value, the rule and
//! the cure; reading goes on, so that all findings come at once.
//!
//! Read all fields of an object into `Option`s first, call [`Fields::finish`], and combine with `?`
//! only then: an early `?` would hide what else is wrong.

use rialto_otc_time::Date;
use rust_decimal::Decimal;

use crate::document::{Node, Value};
use crate::finding::{Place, Sink};
use crate::value::{self, Level, Vector};

/// Most unknown fields of one object that are told one by one.
const MAX_UNKNOWN: usize = 50;

/// One field: its value, where it stands, and where findings about it go.
#[derive(Debug, Clone)]
pub struct Field<'a> {
    node: &'a Node,
    pointer: String,
    sink: &'a Sink,
}

/// The fields of an object.
#[derive(Debug)]
pub struct Fields<'a> {
    object: Field<'a>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// The fields of `node`; `None`, with a finding, when it is no object.
    pub fn new(node: &'a Node, pointer: &str, sink: &'a Sink) -> Option<Self> {
        Field::new(node, pointer, sink).fields()
    }

    /// A field that must be there; `None`, with a finding, when it is absent or null.
    pub fn required(&mut self, name: &'static str) -> Option<Field<'a>> {
        let field = self.optional(name);
        if field.is_none() {
            let mut at = self.object.place();
            at.value = None;
            self.object.sink.error(
                "E-FIELD-MISSING",
                &at,
                format!("The field {name:?} is missing. Give it here."),
                format!("缺少字段 {name:?}，请补充。"),
            );
        }
        field
    }

    /// A field that may be absent; null counts as absent.
    pub fn optional(&mut self, name: &'static str) -> Option<Field<'a>> {
        self.known.push(name);
        let node = self.object.node.get(name)?;
        if matches!(node.value, Value::Null) {
            return None;
        }
        Some(self.object.child(name, node))
    }

    /// The object itself, to point findings at.
    #[must_use]
    pub fn object(&self) -> &Field<'a> {
        &self.object
    }

    /// Tells every field that was never asked for, with the name it was perhaps meant to have.
    pub fn finish(self) {
        let Value::Map(pairs) = &self.object.node.value else {
            return;
        };
        let unknown = pairs
            .iter()
            .filter(|(key, _)| !self.known.contains(&key.name.as_str()));
        for (key, node) in unknown.take(MAX_UNKNOWN) {
            let mut at = self.object.child(&key.name, node).place();
            (at.line, at.column) = (key.line, key.column);
            let (en, zh) = match nearest(&key.name, &self.known) {
                Some(name) => (
                    format!("Did you mean {name:?}?"),
                    format!("是否应为 {name:?}？"),
                ),
                None => {
                    let names = self.known.join(", ");
                    (
                        format!("Known here: {names}."),
                        format!("此处可用字段：{names}。"),
                    )
                }
            };
            self.object.sink.error(
                "E-FIELD-UNKNOWN",
                &at,
                format!("There is no field {:?} here. {en}", key.name),
                format!("未知字段 {:?}。{zh}", key.name),
            );
        }
    }
}

/// The name closest to what was written, when it is close.
pub(crate) fn nearest<'n>(written: &str, names: &[&'n str]) -> Option<&'n str> {
    let limit = (written.chars().count() / 3).max(1);
    names
        .iter()
        .map(|name| (distance(written, name), *name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
}

/// Edit distance of the first 40 characters; swapping two neighbours counts as one edit (optimal
/// string alignment, Damerau 1964).
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(40).collect();
    let b: Vec<char> = b.chars().take(40).collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, ca) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, cb) in b.iter().enumerate() {
            let substituted = rows[i][j] + usize::from(ca != cb);
            let mut best = substituted.min(row[j] + 1).min(rows[i][j + 1] + 1);
            if i > 0 && j > 0 && *ca == b[j - 1] && a[i - 1] == *cb {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

/// A JSON pointer one step further (RFC 6901 escapes).
#[must_use]
pub fn join(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

impl<'a> Field<'a> {
    /// A field of a document.
    #[must_use]
    pub fn new(node: &'a Node, pointer: &str, sink: &'a Sink) -> Self {
        Self {
            node,
            pointer: pointer.to_owned(),
            sink,
        }
    }

    fn child(&self, name: &str, node: &'a Node) -> Self {
        Self {
            node,
            pointer: join(&self.pointer, name),
            sink: self.sink,
        }
    }

    /// The value.
    #[must_use]
    pub fn node(&self) -> &'a Node {
        self.node
    }

    /// JSON pointer of the field.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Where findings about it go.
    #[must_use]
    pub fn sink(&self) -> &'a Sink {
        self.sink
    }

    /// Where it stands and what it says.
    #[must_use]
    pub fn place(&self) -> Place {
        Place {
            pointer: self.pointer.clone(),
            line: self.node.line,
            column: self.node.column,
            value: Some(self.node.shown()),
        }
    }

    /// Tells an error about this field.
    pub fn error(&self, code: &'static str, en: impl Into<String>, zh: impl Into<String>) {
        self.sink.error(code, &self.place(), en, zh);
    }

    /// What the reader of a part found, each finding at its own place in it.
    pub fn found(&self, findings: &rialto_otc_time::Findings) {
        for finding in &findings.0 {
            let node = crate::schedule::find(self.node, &finding.pointer).unwrap_or(self.node);
            let at = Field::new(
                node,
                &format!("{}{}", self.pointer, finding.pointer),
                self.sink,
            );
            let (value, rule, cure) = (&finding.value, &finding.rule, &finding.cure);
            at.error(
                finding.code,
                format!("{value}: {}; {}.", rule.en, cure.en),
                format!("{value}：{}；{}。", rule.zh, cure.zh),
            );
        }
    }

    fn unfit(&self, code: &'static str, rule_en: &str, rule_zh: &str) {
        let shown = self.node.shown();
        self.error(
            code,
            format!("{shown} {rule_en}"),
            format!("{shown} {rule_zh}"),
        );
    }

    /// Its fields; `None`, with a finding, when it is no object.
    pub fn fields(&self) -> Option<Fields<'a>> {
        if matches!(self.node.value, Value::Map(_)) {
            return Some(Fields {
                object: self.clone(),
                known: Vec::new(),
            });
        }
        let kind = self.node.kind();
        self.unfit(
            "E-FIELD-KIND",
            &format!("is {kind}, not an object."),
            "应为对象。",
        );
        None
    }

    /// Its items; `None`, with a finding, when it is no list.
    pub fn list(&self) -> Option<Vec<Field<'a>>> {
        let Value::List(items) = &self.node.value else {
            let kind = self.node.kind();
            self.unfit(
                "E-FIELD-KIND",
                &format!("is {kind}, not a list."),
                "应为列表。",
            );
            return None;
        };
        let items = items.iter().enumerate();
        Some(
            items
                .map(|(n, node)| self.child(&n.to_string(), node))
                .collect(),
        )
    }

    /// Its names and values; `None`, with a finding, when it is no object.
    pub fn entries(&self) -> Option<Vec<(&'a str, Field<'a>)>> {
        let Value::Map(pairs) = &self.node.value else {
            self.fields();
            return None;
        };
        let pairs = pairs.iter();
        Some(
            pairs
                .map(|(key, node)| (key.name.as_str(), self.child(&key.name, node)))
                .collect(),
        )
    }

    /// Text of 1 to 500 characters without control characters.
    pub fn text(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Text(text)
                if (1..=500).contains(&text.chars().count())
                    && !text.chars().any(char::is_control) =>
            {
                Some(text)
            }
            _ => {
                let (en, zh) = (
                    "is not text of 1 to 500 characters.",
                    "应为 1 至 500 个字符的文本。",
                );
                self.unfit("E-FIELD-TEXT", en, zh);
                None
            }
        }
    }

    /// Text where a bare number may also stand (identifiers).
    pub fn label(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Number(text) => Some(text),
            _ => self.text(),
        }
    }

    /// True or false.
    pub fn boolean(&self) -> Option<bool> {
        if let Value::Bool(value) = self.node.value {
            return Some(value);
        }
        self.unfit(
            "E-FIELD-BOOLEAN",
            "is neither true nor false.",
            "应为 true 或 false。",
        );
        None
    }

    /// One of the given words.
    pub fn choice(&self, words: &[&'static str]) -> Option<&'static str> {
        let text = self.node.scalar().unwrap_or_default();
        if let Some(word) = words.iter().find(|word| **word == text) {
            return Some(word);
        }
        let list = words.join(", ");
        let hint = nearest(text, words);
        let en = hint.map_or(String::new(), |word| format!(" Did you mean {word:?}?"));
        let zh = hint.map_or(String::new(), |word| format!("是否应为 {word:?}？"));
        self.unfit(
            "E-FIELD-CHOICE",
            &format!("is not one of: {list}.{en}"),
            &format!("应为其中之一：{list}。{zh}"),
        );
        None
    }

    /// A date, yyyy-mm-dd.
    pub fn date(&self) -> Option<Date> {
        let date = match &self.node.value {
            Value::Text(text) => text.parse::<Date>().ok(),
            _ => None,
        };
        if date.is_none() {
            let en = "is not a date. Write it as yyyy-mm-dd, like \"2026-03-09\".";
            self.unfit(
                "E-FIELD-DATE",
                en,
                "不是日期，请按 yyyy-mm-dd 书写，例如 \"2026-03-09\"。",
            );
        }
        date
    }

    /// Any number, exactly as written.
    pub fn decimal(&self) -> Option<Decimal> {
        let number = self.node.scalar().and_then(value::decimal);
        if number.is_none() {
            let en = "is not a number (at most 10^15, at most 28 decimals, no separators).";
            self.unfit(
                "E-VALUE-NUMBER",
                en,
                "不是数字（绝对值不超过 10^15，小数不超过 28 位，无千分位）。",
            );
        }
        number
    }

    /// A number above zero.
    pub fn positive(&self) -> Option<Decimal> {
        let number = self.decimal()?;
        if number > Decimal::ZERO {
            return Some(number);
        }
        self.unfit("E-VALUE-POSITIVE", "is not above zero.", "应大于零。");
        None
    }

    /// A number from zero up.
    pub fn non_negative(&self) -> Option<Decimal> {
        let number = self.decimal()?;
        if number >= Decimal::ZERO {
            return Some(number);
        }
        self.unfit("E-VALUE-NEGATIVE", "is below zero.", "不应小于零。");
        None
    }

    /// A whole number from `low` to `high`.
    pub fn whole(&self, low: u32, high: u32) -> Option<u32> {
        let number = self.node.scalar().and_then(|text| text.parse::<u32>().ok());
        let number = number.filter(|n| (low..=high).contains(n));
        if number.is_none() {
            let en = format!("is not a whole number from {low} to {high}.");
            self.unfit(
                "E-VALUE-WHOLE",
                &en,
                &format!("应为 {low} 至 {high} 的整数。"),
            );
        }
        number
    }

    /// A rate as a fraction: `"14.7%"` or `0.147`. A bare number above 2 (or below -2) is refused.
    pub fn ratio(&self) -> Option<Decimal> {
        let text = self.node.scalar().unwrap_or_default();
        if let Some(fraction) = value::percentage(text) {
            return Some(fraction);
        }
        let Some(number) = value::decimal(text) else {
            let en = "is not a ratio. Write a percentage like \"14.7%\" or a fraction like 0.147.";
            self.unfit("E-VALUE-RATIO", en, "不是比率，请写成 \"14.7%\" 或 0.147。");
            return None;
        };
        if number.abs() <= value::MAX_BARE_RATIO {
            return Some(number);
        }
        let en = format!(
            "is above 2 as a ratio; did you mean {number} %? Write \"{number}%\" for a percentage."
        );
        let zh = format!("作为比率超过 2，是否应为 {number} %？百分数请写 \"{number}%\"。");
        self.unfit("E-VALUE-RATIO-BARE", &en, &zh);
        None
    }

    /// A rate not below zero.
    pub fn ratio_from_zero(&self) -> Option<Decimal> {
        let ratio = self.ratio()?;
        if ratio >= Decimal::ZERO {
            return Some(ratio);
        }
        self.unfit("E-VALUE-NEGATIVE", "is below zero.", "不应小于零。");
        None
    }

    /// A multiple without a range: `"100%"`, `1`, `3`; for participation and leverage.
    pub fn multiple(&self) -> Option<Decimal> {
        match self.node.scalar().and_then(value::percentage) {
            Some(fraction) => Some(fraction),
            None => self.decimal(),
        }
    }

    /// A level above zero: `"101%"` of the initial fixing, or a price.
    pub fn level(&self) -> Option<Level> {
        let level = self.level_any()?;
        let (Level::OfInitial(size) | Level::Price(size)) = level;
        if size > Decimal::ZERO {
            return Some(level);
        }
        self.unfit(
            "E-TERM-LEVEL",
            "is not above zero. A level is a price.",
            "水平应大于零。",
        );
        None
    }

    /// A level from zero up, where zero means none (`k_lo`).
    pub fn level_from_zero(&self) -> Option<Level> {
        let level = self.level_any()?;
        let (Level::OfInitial(size) | Level::Price(size)) = level;
        if size >= Decimal::ZERO {
            return Some(level);
        }
        self.unfit(
            "E-TERM-LEVEL",
            "is below zero. A level is a price.",
            "水平不应小于零。",
        );
        None
    }

    /// A level or a difference of levels, of any sign.
    pub fn level_any(&self) -> Option<Level> {
        let text = self.node.scalar().unwrap_or_default();
        if let Some(fraction) = value::percentage(text) {
            return Some(Level::OfInitial(fraction));
        }
        if let Some(price) = value::decimal(text) {
            return Some(Level::Price(price));
        }
        let en =
            "is not a level. Write a percentage of the initial fixing like \"101%\" or a price.";
        self.unfit(
            "E-VALUE-LEVEL",
            en,
            "不是水平，请写成初始价的百分比（如 \"101%\"）或价格。",
        );
        None
    }

    /// One value, a list, or `{first, step, last}`, each read by `read` (steps by `read_step`).
    pub fn vector<T>(
        &self,
        read: impl Fn(&Field<'a>) -> Option<T>,
        read_step: impl Fn(&Field<'a>) -> Option<T>,
    ) -> Option<Vector<T>> {
        match &self.node.value {
            Value::List(_) => {
                let values: Vec<Option<T>> = self.list()?.iter().map(read).collect();
                Some(Vector::List(values.into_iter().collect::<Option<_>>()?))
            }
            Value::Map(_) => {
                let mut fields = self.fields()?;
                let first = fields.required("first").and_then(|field| read(&field));
                let step = fields.required("step").and_then(|field| read_step(&field));
                let last = fields.optional("last").map(|field| read(&field));
                fields.finish();
                let last = match last {
                    Some(None) => return None,
                    Some(last) => last,
                    None => None,
                };
                Some(Vector::Steps {
                    first: first?,
                    step: step?,
                    last,
                })
            }
            _ => read(self).map(Vector::One),
        }
    }

    /// A vector of ratios, one for each of `rows` rows.
    pub fn ratios(&self, rows: usize) -> Option<Vec<Decimal>> {
        let vector = self.vector(Field::ratio, Field::ratio)?;
        self.expanded(&vector, rows, value::step_number)
    }

    /// A vector of plain numbers, one for each of `rows` rows.
    pub fn decimals(&self, rows: usize) -> Option<Vec<Decimal>> {
        let vector = self.vector(Field::decimal, Field::decimal)?;
        self.expanded(&vector, rows, value::step_number)
    }

    /// A vector of levels, one for each of `rows` rows. See [`crate::templates::Context::levels`]
    /// for prices.
    pub fn levels(&self, rows: usize) -> Option<Vec<Level>> {
        let vector = self.vector(Field::level, Field::level_any)?;
        let levels = self.expanded(&vector, rows, value::step_level)?;
        let sunk = levels.iter().position(|level| {
            let (Level::OfInitial(size) | Level::Price(size)) = level;
            *size <= Decimal::ZERO
        });
        let Some(row) = sunk else { return Some(levels) };
        let row = row + 1;
        self.error(
            "E-TERM-LEVEL",
            format!("The level of row {row} is not above zero. A level is a price."),
            format!("第 {row} 行的水平不大于零。"),
        );
        None
    }

    fn expanded<T: Copy>(
        &self,
        vector: &Vector<T>,
        rows: usize,
        add: impl Fn(T, T, usize) -> Option<T>,
    ) -> Option<Vec<T>> {
        let values = vector.expand(rows, add);
        if values.is_none() {
            let (en, zh) = match vector {
                Vector::List(list) => (
                    format!(
                        "The list has {} values, the schedule {rows} rows. Give one value, one for each row, or first and step.",
                        list.len()
                    ),
                    format!(
                        "列表有 {} 个值，而日程有 {rows} 行。请给出单个值、逐行的值，或 first 与 step。",
                        list.len()
                    ),
                ),
                _ => (
                    "\"first\" and \"step\" must both be percentages or both be prices.".to_owned(),
                    "first 与 step 须同为百分比或同为价格。".to_owned(),
                ),
            };
            self.error("E-VALUE-VECTOR", en, zh);
        }
        values
    }
}
