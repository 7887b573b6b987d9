//! Term sheets of the synthetic desk: which products, how many of each, and their terms.

mod autocall;
mod mix;
mod options;
mod structured;

use rialto_otc_time::{Calendars, Date, Exchange, Roll};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use crate::SampleError;
use crate::dice::Dice;
use crate::names::{Class, Counterparty, house_lei};
use crate::paths::{Paths, asset, future};

pub(crate) use mix::{Slot, slots};

/// What a contract is drawn from.
pub(crate) struct Draw<'a> {
    pub dice: Dice,
    pub slot: &'a Slot,
    pub paths: &'a Paths,
    /// Trade date and start.
    pub start: Date,
    /// Last date.
    pub end: Date,
    /// Code of the first underlying.
    pub code: String,
    /// Its price in the session before the start.
    pub initial: Decimal,
}

/// What a product says beside the envelope.
pub(crate) struct Terms {
    pub terms: Value,
    /// Premium as a share of the notional, in 10⁻⁴; `None` for what costs nothing or its principal.
    pub premium: Option<i64>,
    /// Underlyings, when there is not just the first at its initial price.
    pub underlyings: Option<Value>,
    /// Units instead of a notional, with their unit.
    pub quantity: Option<(Decimal, &'static str)>,
}

impl Terms {
    fn note(terms: Value) -> Self {
        Self {
            terms,
            premium: None,
            underlyings: None,
            quantity: None,
        }
    }

    fn option(terms: Value, premium: i64) -> Self {
        Self {
            premium: Some(premium),
            ..Self::note(terms)
        }
    }
}

const INDICES: [&str; 4] = ["XSHG:000905", "XSHG:000852", "XSHG:000300", "XSHG:000016"];
const STOCKS: [&str; 4] = ["XSHG:600519", "XSHE:000333", "XSHG:601318", "XSHE:300750"];
const COMMODITIES: [&str; 3] = ["XSGE:cu", "XSGE:au", "XDCE:i"];

impl<'a> Draw<'a> {
    /// Draws start, end and underlying of a slot.
    pub fn new(
        (seed, number): (u64, usize),
        slot: &'a Slot,
        paths: &'a Paths,
        calendars: &'a Calendars,
    ) -> Result<Self, SampleError> {
        let name = format!("contract {number} {}", slot.product);
        let mut dice = Dice::new(seed, &name);
        let last = paths.sessions.len() - 1;
        let session = match slot.age {
            Some(age) => last.saturating_sub(age),
            // More of late, because what is long over leaves the book. The first sessions of the two
            // years, and the last ones, belong to nobody by chance.
            None => 5 + (dice.unit().sqrt() * (last - 17) as f64) as usize,
        };
        let start = paths.sessions[session];
        let months = *dice.pick(slot.months);
        let calendar = calendars.get(Exchange::Xshg);
        let end = start
            .add_months(months)
            .ok()
            .and_then(|date| calendar.roll(date, Roll::Following).ok())
            .ok_or(SampleError::Calendar(start))?;
        let plain = match slot.on {
            On::Index => *dice.pick(&INDICES),
            On::Future => *dice.pick(&COMMODITIES),
            On::Any => match dice.whole(0, 9) {
                0..=6 => *dice.pick(&INDICES),
                _ => *dice.pick(&STOCKS),
            },
            On::Code(code) => code,
        };
        let code = match asset(plain) {
            Some((_, asset)) if asset.class == Class::Commodity => future(plain, end),
            _ => plain.to_owned(),
        };
        let initial = paths.close(&code, session.saturating_sub(1));
        Ok(Self {
            dice,
            slot,
            paths,
            start,
            end,
            code,
            initial,
        })
    }

    fn before(&self) -> usize {
        self.paths.session_from(self.start).saturating_sub(1)
    }

    /// A price near a percentage of the initial one, on two decimals or on the tick of a future.
    fn price(&mut self, low: i64, high: i64) -> String {
        let share = self.dice.steps(low, high, 2);
        let step = match asset(&self.code) {
            Some((_, asset)) => Decimal::new(asset.tick, 4),
            None => Decimal::ONE,
        };
        let price = (self.initial * share / step).round() * step;
        price.normalize().to_string()
    }

    /// A level from `low` to `high` percent, in halves.
    fn level(&mut self, low: i64, high: i64) -> String {
        self.dice.percent(low * 100, high * 100, 50)
    }

    /// A rate from `low` to `high` tenths of a percent.
    fn rate(&mut self, low: i64, high: i64) -> String {
        self.dice.percent(low * 10, high * 10, 10)
    }

    /// Other underlyings beside the first, at their prices before the start, with optional weights.
    fn names(&mut self, others: &[&str], weights: Option<&[&str]>) -> Value {
        let before = self.before();
        let mut codes = vec![self.code.clone()];
        for code in others {
            codes.push(match asset(code) {
                Some((_, asset)) if asset.class == Class::Commodity => future(code, self.end),
                _ => (*code).to_owned(),
            });
        }
        let one = |(n, code): (usize, &String)| {
            let mut node = json!({"code": code, "initial": self.paths.close(code, before)});
            if let Some(weight) = weights.and_then(|weights| weights.get(n)) {
                node["weight"] = json!(weight);
            }
            node
        };
        codes.iter().enumerate().map(one).collect()
    }

    /// The whole term sheet.
    pub fn sheet(&mut self, trade_id: &str, party: &Counterparty) -> Value {
        let Terms {
            terms,
            premium,
            underlyings,
            quantity,
        } = self.terms();
        let notional = self.dice.steps(2, 40, 0) * Decimal::from(500_000);
        let mut sheet = self.envelope(trade_id, party);
        sheet.insert("template".into(), json!(format!("{}/1", self.slot.product)));
        if let Some(preset) = self.slot.preset {
            sheet.insert("preset".into(), json!(preset));
        }
        sheet.insert("terms".into(), terms);
        let worth = match quantity {
            None => notional,
            Some((quantity, _)) => quantity * self.initial,
        };
        match quantity {
            None => sheet.insert("notional".into(), json!(notional)),
            Some((quantity, unit)) => {
                sheet.insert("unit".into(), json!(unit));
                sheet.insert("quantity".into(), json!(quantity))
            }
        };
        match underlyings {
            Some(names) => sheet.insert("underlyings".into(), names),
            None => {
                // Half of the index trades take their initial fixing from the close of the start.
                let own = quantity.is_none() && self.dice.chance(0.5);
                let initial = match own {
                    true => json!({"rule": "close", "date": self.start}),
                    false => json!(self.initial),
                };
                sheet.insert(
                    "underlying".into(),
                    json!({"code": self.code, "initial": initial}),
                )
            }
        };
        if let Some(points) = premium {
            let amount = (worth * Decimal::new(points, 4)).round_dp(2);
            sheet.insert(
                "premium".into(),
                json!({"amount": amount, "date": self.start}),
            );
        }
        Value::Object(sheet)
    }

    fn envelope(&mut self, trade_id: &str, party: &Counterparty) -> Map<String, Value> {
        let buys = self.slot.both_ways && self.dice.chance(0.25);
        let exchange = self.code.split(':').next().unwrap_or("XSHG").to_owned();
        let (variance, coupon) = match asset(&self.code).map(|(_, asset)| asset.class) {
            Some(Class::Commodity) => (format!("sessions:{exchange}/242"), "absolute"),
            _ => (format!("sessions:{exchange}/244"), "act365"),
        };
        let trader = *self.dice.pick(&["t01", "t02", "t03"]);
        let sales = *self.dice.pick(&["s01", "s02", "s03", "s04"]);
        let book = match asset(&self.code).map(|(_, asset)| asset.class) {
            Some(Class::Commodity) => "COM-1",
            Some(Class::Stock) => "EQD-STK-1",
            _ => "EQD-IDX-1",
        };
        let sheet = json!({
            "schema": "rialto.otc/1",
            "trade_id": trade_id,
            "version": 1,
            "direction": if buys { "house_buys" } else { "house_sells" },
            "parties": {
                "house": {"lei": house_lei(), "name": "Sample House / 样例证券公司"},
                "counterparty": {"lei": party.lei, "investor": party.investor,
                    "name": format!("{} / {}", party.name_en, party.name_zh)},
                "book": book, "trader": trader, "sales": sales,
            },
            "agreement": {"master": "SAC-2014", "id": party.agreement},
            "currency": "CNY",
            "dates": {"trade": self.start, "start": self.start, "end": self.end},
            "clocks": {"variance": variance, "rate": "act365", "coupon": coupon},
            "payment": {"lag": 3, "calendar": "CN-IB"},
            "fixing": {"source": "close", "fallback": "last_close"},
            "rounding": {"amount": 2, "level": 4},
        });
        match sheet {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    fn terms(&mut self) -> Terms {
        match self.slot.product {
            "snowball" => Terms {
                // Also of a margin snowball: what is paid in is its margin.
                premium: None,
                ..Terms::note(self.snowball())
            },
            "phoenix" => Terms::note(self.phoenix()),
            "trs" => self.return_swap(),
            "sharkfin" | "double_sharkfin" | "airbag" | "range_accrual" | "enhanced_index"
            | "accumulator" | "decumulator" | "barrier" => self.structured(),
            _ => self.option(),
        }
    }
}

/// On what a product is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    /// A stock index.
    Index,
    /// A commodity future.
    Future,
    /// An index, at times a share.
    Any,
    /// This one.
    Code(&'static str),
}
