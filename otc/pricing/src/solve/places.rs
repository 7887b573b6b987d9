//! Where the unknowns of each product stand in its term sheet, and in what form they are written.

use rialto_otc_contract::document::{Key, Node, Value};
use rialto_otc_contract::envelope::Size;
use rialto_otc_contract::finding::Findings;
use rialto_otc_contract::sheet::{Product, TermSheet};
use rialto_otc_contract::value::{decimal as read_decimal, percent_text, percentage};
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive as _, ToPrimitive as _};

use super::{SolveError, Unknown};

/// How a field is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A ratio: always a percentage.
    Ratio,
    /// Participation: always a percentage.
    Multiple,
    /// A level: a percentage of the initial fixing, or a price.
    Level,
    /// Cash: a ratio of the notional, or a price amount in quantity form.
    Cash,
    /// A difference or ratio of prices: like cash, but of the size of a price.
    Strike,
}

/// Decimals an unrounded answer is written with.
const DECIMALS: u32 = 12;

/// Products, unknown, field, form.
type Entry = (&'static [&'static str], Unknown, &'static str, Form);

const AUTOCALLS: &[&str] = &["snowball", "phoenix"];
const CASH: &[&str] = &[
    "digital",
    "one_touch",
    "no_touch",
    "double_touch",
    "double_no_touch",
    "binary_convex",
    "binary_concave",
];
const STRUCK: &[&str] = &[
    "forward",
    "european",
    "american",
    "digital",
    "asian",
    "enhanced_asian",
    "barrier",
    "sharkfin",
    "airbag",
    "accumulator",
    "decumulator",
];
const PARTS: &[&str] = &[
    "european",
    "american",
    "asian",
    "enhanced_asian",
    "exchange",
    "spread",
    "basket",
    "worst_of",
    "best_of",
    "barrier",
    "sharkfin",
    "airbag",
];

/// The table. A product's knock-out and knock-in levels may be the same field; `find` decides.
const TABLE: &[Entry] = &[
    (
        AUTOCALLS,
        Unknown::Coupon,
        "/terms/coupon/rate",
        Form::Ratio,
    ),
    (
        &["range_accrual"],
        Unknown::Coupon,
        "/terms/rate",
        Form::Ratio,
    ),
    (
        &["enhanced_index"],
        Unknown::Coupon,
        "/terms/enhancement",
        Form::Ratio,
    ),
    (CASH, Unknown::Coupon, "/terms/cash", Form::Cash),
    (&["snowball"], Unknown::Bonus, "/terms/bonus", Form::Ratio),
    (STRUCK, Unknown::Strike, "/terms/strike", Form::Level),
    (
        &["spread", "basket", "worst_of", "best_of"],
        Unknown::Strike,
        "/terms/strike",
        Form::Strike,
    ),
    (AUTOCALLS, Unknown::Strike, "/terms/loss/k_hi", Form::Level),
    (AUTOCALLS, Unknown::KoLevel, "/terms/ko/levels", Form::Level),
    (
        &[
            "barrier",
            "sharkfin",
            "one_touch",
            "no_touch",
            "accumulator",
            "decumulator",
        ],
        Unknown::KoLevel,
        "/terms/barrier",
        Form::Level,
    ),
    (AUTOCALLS, Unknown::KiLevel, "/terms/ki/level", Form::Level),
    (
        &["barrier", "airbag"],
        Unknown::KiLevel,
        "/terms/barrier",
        Form::Level,
    ),
    (PARTS, Unknown::Part, "/terms/part", Form::Multiple),
    (AUTOCALLS, Unknown::Part, "/terms/loss/part", Form::Multiple),
    (
        &["barrier", "sharkfin", "accumulator", "decumulator"],
        Unknown::Rebate,
        "/terms/rebate",
        Form::Cash,
    ),
    (
        &["trs"],
        Unknown::Spread,
        "/terms/financing/spread",
        Form::Ratio,
    ),
];

/// A field of a sheet that can be solved for.
#[derive(Debug, Clone)]
pub struct Place {
    pointer: String,
    form: Form,
    /// Written as a percentage.
    percent: bool,
    /// What stands there now.
    pub(crate) now: Option<f64>,
    root: Node,
}

fn template(sheet: &TermSheet) -> Option<&str> {
    match &sheet.product {
        Product::Template { name, .. } => Some(name),
        Product::Program(_) => None,
    }
}

/// The product in words.
pub(crate) fn product(sheet: &TermSheet) -> String {
    template(sheet).map_or_else(
        || "A program of its own".to_owned(),
        |name| format!("`{name}`"),
    )
}

/// The field of an unknown; `None` when the product has none such.
pub(crate) fn find(sheet: &TermSheet, unknown: Unknown) -> Option<Place> {
    let name = template(sheet)?;
    let (_, _, pointer, form) = TABLE
        .iter()
        .find(|(names, of, ..)| *of == unknown && names.contains(&name))?;
    let root = sheet.to_node();
    let told = |pointer: &str| at(&root, pointer).and_then(Node::scalar);
    let knocks_in = told("/terms/knock") == Some("in");
    let wrong_side = match unknown {
        Unknown::KoLevel => name == "barrier" && knocks_in,
        Unknown::KiLevel => name == "barrier" && !knocks_in,
        _ => false,
    };
    if wrong_side {
        return None;
    }
    let bear = told("/preset") == Some("bear") || told("/terms/side") == Some("bear");
    let pointer = match *pointer {
        "/terms/loss/k_hi" if bear => "/terms/loss/k_str",
        pointer => pointer,
    };
    let written = scalar(&root, pointer);
    let by_size = matches!(sheet.size, Size::Notional(_));
    let percent = match form {
        Form::Ratio | Form::Multiple => true,
        Form::Cash if name.ends_with("cumulator") => false,
        Form::Cash | Form::Strike => by_size,
        Form::Level => written
            .as_ref()
            .map_or(by_size, |text| text.trim().ends_with('%')),
    };
    let now = written.and_then(|text| percentage(&text).or_else(|| read_decimal(&text)));
    Some(Place {
        pointer: pointer.to_owned(),
        form: *form,
        percent,
        now: now.and_then(|value| value.to_f64()),
        root,
    })
}

/// What stands at a pointer.
fn at<'n>(root: &'n Node, pointer: &str) -> Option<&'n Node> {
    let mut names = pointer.split('/').skip(1);
    names.try_fold(root, |node, name| node.get(name))
}

/// The number of a field as written: its own, or the first of a vector with steps.
fn scalar(root: &Node, pointer: &str) -> Option<String> {
    let field = at(root, pointer)?;
    let field = field.get("first").unwrap_or(field);
    field.scalar().map(str::to_owned)
}

/// A number as a decimal, cut to what is written.
pub(crate) fn decimal(number: f64) -> Decimal {
    Decimal::from_f64(number)
        .unwrap_or_default()
        .round_dp(DECIMALS)
}

impl Place {
    /// Whether the field is written as a percentage.
    pub(crate) const fn percent(&self) -> bool {
        self.percent
    }

    /// JSON pointer of the field.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// What 100 % is in this field: 1, or the initial fixing where prices are written.
    pub(crate) fn unit(&self, initial: f64) -> f64 {
        if self.percent { 1.0 } else { initial }
    }

    /// Limits of the search: fractions, or prices when the initial fixing is `initial`.
    pub(crate) fn bracket(&self, initial: f64) -> (f64, f64) {
        let unit = self.unit(initial);
        match self.form {
            Form::Ratio => (0.0, 2.0),
            Form::Multiple => (0.0, 20.0),
            Form::Cash => (0.0, 2.0 * unit),
            Form::Level => (0.001 * unit, 10.0 * unit),
            Form::Strike => (-2.0 * unit, 10.0 * unit),
        }
    }

    /// Whether the field holds a single number, or none yet.
    pub(crate) fn single(&self) -> Result<(), SolveError> {
        let several = |kind| {
            Err(SolveError::Several {
                pointer: self.pointer.clone(),
                kind,
            })
        };
        let tiers = self
            .pointer
            .strip_suffix("/rate")
            .map(|up| format!("{up}/tiers"));
        if tiers.is_some_and(|tiers| at(&self.root, &tiers).is_some()) {
            return several("tiers beside it");
        }
        match at(&self.root, &self.pointer).map(|field| &field.value) {
            Some(Value::List(_)) => several("a list"),
            _ => Ok(()),
        }
    }

    /// A number as it is written in the field.
    pub(crate) fn text(&self, number: Decimal) -> String {
        if self.percent {
            // `14.7 %` for people, `14.7%` in sheets.
            percent_text(number).replace(' ', "")
        } else {
            number.normalize().to_string()
        }
    }

    /// The number of a text of this field.
    pub(crate) fn number(&self, text: &str) -> f64 {
        let value = percentage(text).or_else(|| read_decimal(text));
        value.and_then(|value| value.to_f64()).unwrap_or(f64::NAN)
    }

    /// The sheet with a text in this field.
    pub(crate) fn with(&self, text: &str) -> Result<TermSheet, Findings> {
        let mut root = self.root.clone();
        let steps = at(&root, &self.pointer).is_some_and(|field| field.get("first").is_some());
        let pointer = if steps {
            format!("{}/first", self.pointer)
        } else {
            self.pointer.clone()
        };
        put(&mut root, &pointer, text);
        TermSheet::from_node(root)
    }
}

/// The sheet with a premium.
pub(crate) fn premium(sheet: &TermSheet, text: &str) -> Result<TermSheet, Findings> {
    let mut root = sheet.to_node();
    put(&mut root, "/premium/amount", text);
    TermSheet::from_node(root)
}

/// Sets a text, making the objects on the way.
fn put(root: &mut Node, pointer: &str, text: &str) {
    let mut node = root;
    for name in pointer.split('/').skip(1) {
        if !matches!(node.value, Value::Map(_)) {
            node.value = Value::Map(Vec::new());
        }
        let Value::Map(pairs) = &mut node.value else {
            return;
        };
        let known = pairs.iter().position(|(key, _)| key.name == name);
        let at = known.unwrap_or_else(|| {
            pairs.push((Key::new(name), Node::from(Value::Null)));
            pairs.len() - 1
        });
        node = &mut pairs[at].1;
    }
    node.value = Value::Text(text.to_owned());
}
