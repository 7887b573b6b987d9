//! From the JSON forms to a schedule and back.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{DayRule, Freq, MAX_ROWS, NumericRows, Ratio, RuleSpec, ScheduleSpec};
use crate::finding::{Bilingual, Finding, Findings};
use crate::num::Num;

/// A schedule as read from a document, before its values are looked at.
///
/// Reading it by [`ScheduleForm::read`] gives every finding with its place; the schedule's own
/// `Deserialize` can give them as text alone.
#[derive(Debug, Clone)]
pub struct ScheduleForm(Form);

#[derive(Debug, Clone)]
enum Form {
    Name(String),
    Fields(Box<Raw>),
}

impl ScheduleForm {
    /// The schedule; `pointer` is the place of the form in its document.
    ///
    /// # Errors
    /// All [`Findings`] at once.
    pub fn read(self, pointer: &str) -> Result<ScheduleSpec, Findings> {
        let result = match self.0 {
            Form::Name(name) if name == "daily" => Ok(ScheduleSpec::Daily),
            Form::Name(name) => Err(Findings(vec![Finding::error(
                "E-SCHED-VALUE",
                "",
                name,
                Bilingual::new(
                    "a schedule is \"daily\" or an object",
                    "日程须为 \"daily\" 或对象",
                ),
                Bilingual::new(
                    "write an object, as {\"freq\":\"1m\"}",
                    "请写为对象,如 {\"freq\":\"1m\"}",
                ),
            )])),
            Form::Fields(raw) => raw.read(),
        };
        result.map_err(|findings| findings.under(pointer))
    }
}

/// Every field of every form.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    start: Option<String>,
    end: Option<String>,
    freq: Option<String>,
    day: Option<Num>,
    lock: Option<String>,
    roll: Option<String>,
    calendar: Option<String>,
    month_end: Option<String>,
    observe_start: Option<bool>,
    dates: Option<Vec<String>>,
    times: Option<Vec<Num>>,
    n: Option<Num>,
    dt: Option<Num>,
    rows: Option<Vec<Num>>,
    variance: Option<Vec<Num>>,
    rate: Option<Vec<Num>>,
    coupon: Option<Vec<Num>>,
}

/// A form of schedule: its telling fields, and those it can have besides.
const FORMS: [(&[&str], &[&str]); 6] = [
    (
        &["freq"],
        &[
            "start",
            "end",
            "day",
            "lock",
            "roll",
            "calendar",
            "month_end",
            "observe_start",
        ],
    ),
    (&["dates"], &["calendar", "observe_start"]),
    (&["times"], &["observe_start"]),
    (&["n", "dt"], &[]),
    (&["rows"], &[]),
    (&["variance", "rate", "coupon"], &[]),
];

impl Raw {
    /// The fields that are there.
    fn present(&self) -> Vec<&'static str> {
        [
            ("start", self.start.is_some()),
            ("end", self.end.is_some()),
            ("freq", self.freq.is_some()),
            ("day", self.day.is_some()),
            ("lock", self.lock.is_some()),
            ("roll", self.roll.is_some()),
            ("calendar", self.calendar.is_some()),
            ("month_end", self.month_end.is_some()),
            ("observe_start", self.observe_start.is_some()),
            ("dates", self.dates.is_some()),
            ("times", self.times.is_some()),
            ("n", self.n.is_some()),
            ("dt", self.dt.is_some()),
            ("rows", self.rows.is_some()),
            ("variance", self.variance.is_some()),
            ("rate", self.rate.is_some()),
            ("coupon", self.coupon.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, present)| present.then_some(name))
        .collect()
    }

    fn read(self) -> Result<ScheduleSpec, Findings> {
        let mut fields = Fields(Vec::new());
        let present = self.present();
        let form = FORMS
            .iter()
            .find(|(telling, _)| telling.iter().any(|name| present.contains(name)));
        let Some((telling, besides)) = form else {
            fields.form(
                "",
                "",
                "a schedule needs freq, dates, times, n and dt, rows, or variance, rate and coupon",
                "日程须有 freq、dates、times、n 与 dt、rows,或 variance、rate 与 coupon",
            );
            return Err(Findings(fields.0));
        };
        for name in telling.iter().filter(|name| !present.contains(name)) {
            fields.form(
                name,
                "",
                format!("a schedule with {} also needs {name}", telling.join(", ")),
                format!("含 {} 的日程还须有 {name}", telling.join("、")),
            );
        }
        for name in &present {
            if !telling.contains(name) && !besides.contains(name) {
                fields.form(
                    name,
                    name,
                    format!("{name} does not go with {}", telling.join(", ")),
                    format!("{name} 不能与 {} 同用", telling.join("、")),
                );
            }
        }
        let spec = self.spec(telling[0], &mut fields);
        match spec {
            Some(spec) if fields.0.is_empty() => Ok(spec),
            _ => Err(Findings(fields.0)),
        }
    }

    fn spec(self, form: &str, fields: &mut Fields) -> Option<ScheduleSpec> {
        let observe_start = self.observe_start.unwrap_or(false);
        match form {
            "freq" => self.rule(fields).map(ScheduleSpec::Rule),
            "dates" => {
                let dates = self.dates.unwrap_or_default();
                let calendar = fields.text("calendar", self.calendar, CALENDAR);
                Some(ScheduleSpec::Dates {
                    dates: fields.each("dates", &dates, DATE, |text: &String| text.parse().ok()),
                    calendar,
                    observe_start,
                })
            }
            "times" => Some(ScheduleSpec::Times {
                times: fields.numbers("times", self.times),
                observe_start,
            }),
            "n" => {
                let n = fields.one("n", self.n, ("a number of rows", "行数"), Num::whole);
                let dt = fields.one(
                    "dt",
                    self.dt,
                    (
                        "years above 0, as 0.004 or 1/250",
                        "大于 0 的年数,如 0.004 或 1/250",
                    ),
                    ratio,
                );
                Some(ScheduleSpec::Grid { n: n?, dt: dt? })
            }
            "rows" => {
                let rows = self.rows.unwrap_or_default();
                Some(ScheduleSpec::Rows(fields.each(
                    "rows",
                    &rows,
                    ("a row number, from 1", "行号,从 1 起"),
                    |row| row.whole().filter(|row| *row > 0),
                )))
            }
            _ => Some(ScheduleSpec::PerClock(NumericRows {
                variance: fields.numbers("variance", self.variance),
                rate: fields.numbers("rate", self.rate),
                coupon: fields.numbers("coupon", self.coupon),
            })),
        }
    }

    fn rule(self, fields: &mut Fields) -> Option<RuleSpec> {
        let freq = fields.text(
            "freq",
            self.freq,
            (
                "daily, or a number of at least 1 and d, w, m or y, as 1m",
                "daily,或不小于 1 的数字加 d、w、m、y,如 1m",
            ),
        );
        let day = fields.one(
            "day",
            self.day,
            ("start, eom or 1 to 31", "start、eom 或 1 至 31"),
            |day| match day {
                Num::Text(text) if text == "start" => Some(DayRule::Start),
                Num::Text(text) if text == "eom" => Some(DayRule::Eom),
                _ => match day.whole() {
                    Some(number @ 1..=31) => u8::try_from(number).ok().map(DayRule::Day),
                    _ => None,
                },
            },
        );
        let rule = RuleSpec {
            start: fields.text("start", self.start, DATE),
            end: fields.text("end", self.end, DATE),
            freq: Freq::Daily,
            day,
            lock: fields.text(
                "lock",
                self.lock,
                (
                    "a number and d, w, m or y, as 3m",
                    "数字加 d、w、m、y,如 3m",
                ),
            ),
            roll: fields.text("roll", self.roll, ROLL),
            calendar: fields.text("calendar", self.calendar, CALENDAR),
            month_end: fields.text(
                "month_end",
                self.month_end,
                ("drop or last_session", "drop 或 last_session"),
            ),
            observe_start: self.observe_start.unwrap_or(false),
        };
        Some(RuleSpec {
            freq: freq?,
            ..rule
        })
    }
}

/// Both languages' words for what a field takes.
type Words = (&'static str, &'static str);

const DATE: Words = ("a date as yyyy-mm-dd", "日期,写作 yyyy-mm-dd");
const CALENDAR: Words = (
    "XSHG, XSHE, CCFX, XSGE, XINE, XDCE, XZCE, GFEX, XHKG or CN-IB",
    "XSHG、XSHE、CCFX、XSGE、XINE、XDCE、XZCE、GFEX、XHKG 或 CN-IB",
);
const ROLL: Words = (
    "following, modified_following, preceding or none",
    "following、modified_following、preceding 或 none",
);

/// No more findings than these per list: the rest is told as a number.
const TOLD: usize = 100;

struct Fields(Vec<Finding>);

impl Fields {
    fn form(
        &mut self,
        name: &str,
        value: &str,
        rule: impl Into<std::borrow::Cow<'static, str>>,
        zh: impl Into<std::borrow::Cow<'static, str>>,
    ) {
        let pointer = if name.is_empty() {
            String::new()
        } else {
            format!("/{name}")
        };
        self.0.push(Finding::error(
            "E-SCHED-FORM",
            pointer,
            value,
            Bilingual::new(rule, zh),
            Bilingual::new("keep the fields of one form", "请只保留一种写法的字段"),
        ));
    }

    fn value(&mut self, pointer: String, value: impl fmt::Display, (en, zh): Words) {
        self.0.push(Finding::error(
            "E-SCHED-VALUE",
            pointer,
            value,
            Bilingual::new(format!("expected {en}"), format!("应为{zh}")),
            Bilingual::new("correct the value", "请更正该值"),
        ));
    }

    fn text<T: FromStr>(&mut self, name: &str, text: Option<String>, words: Words) -> Option<T> {
        let text = text?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.value(format!("/{name}"), text, words);
        }
        parsed
    }

    fn one<T>(
        &mut self,
        name: &str,
        value: Option<Num>,
        words: Words,
        read: impl Fn(&Num) -> Option<T>,
    ) -> Option<T> {
        let value = value?;
        let found = read(&value);
        if found.is_none() {
            self.value(format!("/{name}"), value, words);
        }
        found
    }

    fn each<V: fmt::Display, T>(
        &mut self,
        name: &str,
        values: &[V],
        words: Words,
        read: impl Fn(&V) -> Option<T>,
    ) -> Vec<T> {
        if values.len() > MAX_ROWS {
            self.0.push(too_many(format!("/{name}"), values.len()));
            return Vec::new();
        }
        let mut found = Vec::with_capacity(values.len());
        let mut bad = 0_usize;
        for (at, value) in values.iter().enumerate() {
            match read(value) {
                Some(value) => found.push(value),
                None => {
                    bad += 1;
                    if bad <= TOLD {
                        self.value(format!("/{name}/{at}"), value, words);
                    }
                }
            }
        }
        if bad > TOLD {
            self.value(format!("/{name}"), format!("{bad} such values"), words);
        }
        found
    }

    fn numbers(&mut self, name: &str, values: Option<Vec<Num>>) -> Vec<f64> {
        let words = ("a number of years", "年数");
        self.each(name, &values.unwrap_or_default(), words, Num::value)
    }
}

/// More rows than a schedule can have.
pub(super) fn too_many(pointer: String, rows: impl fmt::Display) -> Finding {
    Finding::error(
        "E-SCHED-ROWS",
        pointer,
        rows,
        Bilingual::new(
            format!("a schedule has at most {MAX_ROWS} rows"),
            format!("日程至多 {MAX_ROWS} 行"),
        ),
        Bilingual::new(
            "observe less often or shorten the term",
            "请降低观察频率或缩短期限",
        ),
    )
}

fn ratio(num: &Num) -> Option<Ratio> {
    let (numerator, denominator) = match num {
        Num::Value(value) => (*value, 1.0),
        Num::Ratio(above, below) => (*above, *below),
        Num::Text(_) => return None,
    };
    (num.value()? > 0.0).then_some(Ratio {
        numerator,
        denominator,
    })
}

impl<'de> Deserialize<'de> for ScheduleSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ScheduleForm::deserialize(deserializer)?
            .read("")
            .map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for ScheduleForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FormVisitor)
    }
}

struct FormVisitor;

impl<'de> Visitor<'de> for FormVisitor {
    type Value = ScheduleForm;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"daily\" or an object with freq, dates, times, n and dt, or rows")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ScheduleForm, E> {
        Ok(ScheduleForm(Form::Name(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ScheduleForm, A::Error> {
        let raw = Raw::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(ScheduleForm(Form::Fields(Box::new(raw))))
    }
}

impl Serialize for ScheduleSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::Daily {
            return serializer.serialize_str("daily");
        }
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Daily => {}
            Self::Rule(rule) => return rule_fields(rule, map),
            Self::Dates {
                dates,
                calendar,
                observe_start,
            } => {
                map.serialize_entry("dates", dates)?;
                if let Some(calendar) = calendar {
                    map.serialize_entry("calendar", calendar)?;
                }
                if *observe_start {
                    map.serialize_entry("observe_start", &true)?;
                }
            }
            Self::Times {
                times,
                observe_start,
            } => {
                map.serialize_entry("times", times)?;
                if *observe_start {
                    map.serialize_entry("observe_start", &true)?;
                }
            }
            Self::Grid { n, dt } => {
                map.serialize_entry("n", n)?;
                if dt.denominator == 1.0 {
                    map.serialize_entry("dt", &dt.numerator)?;
                } else {
                    let text = format!("{}/{}", dt.numerator, dt.denominator);
                    map.serialize_entry("dt", &text)?;
                }
            }
            Self::Rows(rows) => map.serialize_entry("rows", rows)?,
            Self::PerClock(rows) => {
                map.serialize_entry("variance", &rows.variance)?;
                map.serialize_entry("rate", &rows.rate)?;
                map.serialize_entry("coupon", &rows.coupon)?;
            }
        }
        map.end()
    }
}

fn rule_fields<M: serde::ser::SerializeMap>(
    rule: &RuleSpec,
    mut map: M,
) -> Result<M::Ok, M::Error> {
    if let Some(start) = &rule.start {
        map.serialize_entry("start", start)?;
    }
    if let Some(end) = &rule.end {
        map.serialize_entry("end", end)?;
    }
    map.serialize_entry("freq", &rule.freq.to_string())?;
    match rule.day {
        Some(DayRule::Start) => map.serialize_entry("day", "start")?,
        Some(DayRule::Eom) => map.serialize_entry("day", "eom")?,
        Some(DayRule::Day(day)) => map.serialize_entry("day", &day)?,
        None => {}
    }
    if let Some(lock) = &rule.lock {
        map.serialize_entry("lock", lock)?;
    }
    if let Some(roll) = &rule.roll {
        map.serialize_entry("roll", roll)?;
    }
    if let Some(calendar) = &rule.calendar {
        map.serialize_entry("calendar", calendar)?;
    }
    if let Some(month_end) = &rule.month_end {
        map.serialize_entry("month_end", month_end)?;
    }
    if rule.observe_start {
        map.serialize_entry("observe_start", &true)?;
    }
    map.end()
}
