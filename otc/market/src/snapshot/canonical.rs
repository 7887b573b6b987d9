//! The one text of a snapshot.

use rialto_otc_contract::document::{Key, Node, Value};
use rialto_otc_contract::value::MAX_BARE_RATIO;
use rialto_otc_time::{AsOf, DayPhase};
use rust_decimal::Decimal;

use super::quotes::{
    Carry, CarryQuotes, CorrelationQuotes, DividendQuote, ModelQuotes, Pillar, Rates,
    UnderlyingQuotes, VolQuotes,
};
use super::{Content, SCHEMA};

/// Canonical JSON of a snapshot.
pub fn text(content: &Content) -> String {
    let mut pairs = vec![
        (Key::new("schema"), Node::text(SCHEMA)),
        (Key::new("as_of"), as_of(&content.as_of)),
    ];
    let mut add = |name: &str, node: Option<Node>| {
        if let Some(node) = node {
            pairs.push((Key::new(name), node));
        }
    };
    add("discount", named(&content.discount, rates));
    add("underlyings", named(&content.underlyings, underlying));
    add(
        "fx",
        named(&content.fx, |fx| Node::map([("vol", rates(&fx.vol))])),
    );
    add("correlation", correlation(&content.correlation));
    let fixings = named(&content.fixings, |by_date| {
        let by_date = by_date
            .iter()
            .map(|(date, price)| (Key::new(date.to_string()), number(*price)));
        Value::Map(by_date.collect()).into()
    });
    add("fixings", fixings);
    add("calendars", content.calendars.as_ref().map(Node::text));
    Node::from(Value::Map(pairs)).to_json()
}

fn named<T>(
    map: &std::collections::BTreeMap<String, T>,
    node: impl Fn(&T) -> Node,
) -> Option<Node> {
    let pairs = map
        .iter()
        .map(|(name, item)| (Key::new(name.as_str()), node(item)));
    (!map.is_empty()).then(|| Value::Map(pairs.collect()).into())
}

fn number(value: Decimal) -> Node {
    Value::Number(value.normalize().to_string()).into()
}

/// A ratio; above 2 as a percentage, which a bare number is not taken for.
fn ratio(value: Decimal) -> Node {
    if value.abs() <= MAX_BARE_RATIO {
        return number(value);
    }
    Node::text(format!("{}%", (value * Decimal::ONE_HUNDRED).normalize()))
}

fn numbers(values: &[Decimal]) -> Node {
    Node::list(values.iter().map(|value| number(*value)))
}

fn pillar(pillar: &Pillar) -> Node {
    Node::text(pillar.to_string())
}

fn pillars(all: &[Pillar]) -> Node {
    Node::list(all.iter().map(pillar))
}

fn table(rows: &[Vec<Decimal>]) -> Node {
    Node::list(
        rows.iter()
            .map(|row| Node::list(row.iter().map(|value| ratio(*value)))),
    )
}

fn as_of(as_of: &AsOf) -> Node {
    match as_of {
        AsOf::Numeric(years) => Value::Number(years.to_string()).into(),
        AsOf::Dated { date, phase } => {
            let date = ("date", Node::text(date.to_string()));
            match phase {
                DayPhase::PreOpen => Node::map([date, ("phase", Node::text("pre_open"))]),
                DayPhase::PostClose => Node::map([date, ("phase", Node::text("post_close"))]),
                DayPhase::Intraday(time) => Node::map([
                    date,
                    ("phase", Node::text("intraday")),
                    ("time", Node::text(time.to_string())),
                ]),
            }
        }
    }
}

fn points(points: &[(Pillar, Decimal)], write: impl Fn(Decimal) -> Node) -> Node {
    Node::list(
        points
            .iter()
            .map(|(at, value)| Node::list([pillar(at), write(*value)])),
    )
}

fn rates(quotes: &Rates) -> Node {
    match quotes {
        Rates::Flat(rate) => ratio(*rate),
        Rates::Zero(zero) => Node::map([("zero", points(zero, ratio))]),
        Rates::Forward(pieces) => {
            let pieces = pieces.iter().map(|(end, value)| {
                let end = end.as_ref().map_or_else(|| Value::Null.into(), pillar);
                Node::list([end, ratio(*value)])
            });
            Node::map([("forward", Node::list(pieces))])
        }
    }
}

fn carry(carry: &Carry) -> Node {
    let quoted = match &carry.quoted {
        CarryQuotes::Rates(quotes) => rates(quotes),
        CarryQuotes::Futures(strip) => {
            let strip = strip.iter().map(|future| {
                Node::list([
                    Node::text(&future.code),
                    pillar(&future.expiry),
                    number(future.price),
                ])
            });
            Node::map([("futures", Node::list(strip))])
        }
    };
    if carry.marked.is_empty() {
        return quoted;
    }
    let Value::Map(mut pairs) = quoted.value else {
        return quoted;
    };
    pairs.push((Key::new("marked"), points(&carry.marked, ratio)));
    Value::Map(pairs).into()
}

fn vol(vol: &VolQuotes) -> Node {
    match vol {
        VolQuotes::Rates(quotes) => rates(quotes),
        VolQuotes::Grid {
            strikes,
            tenors,
            vols,
        } => {
            let grid = [
                ("strikes", numbers(strikes)),
                ("tenors", pillars(tenors)),
                ("vols", table(vols)),
            ];
            Node::map([("grid", Node::map(grid))])
        }
        VolQuotes::Svi(slices) => {
            let slices = slices.iter().map(|(tenor, [a, b, rho, m, s])| {
                Node::map([
                    ("tenor", pillar(tenor)),
                    ("a", number(*a)),
                    ("b", number(*b)),
                    ("rho", number(*rho)),
                    ("m", number(*m)),
                    ("s", number(*s)),
                ])
            });
            Node::map([("svi", Node::list(slices))])
        }
        VolQuotes::Ssvi {
            rho,
            eta,
            gamma,
            theta,
        } => {
            let ssvi = [
                ("rho", number(*rho)),
                ("eta", number(*eta)),
                ("gamma", number(*gamma)),
                ("theta", points(theta, number)),
            ];
            Node::map([("ssvi", Node::map(ssvi))])
        }
    }
}

fn model(model: &ModelQuotes) -> Node {
    match model {
        ModelQuotes::Heston([v0, kappa, theta, xi, rho]) => {
            let heston = [
                ("v0", number(*v0)),
                ("kappa", number(*kappa)),
                ("theta", number(*theta)),
                ("xi", number(*xi)),
                ("rho", number(*rho)),
            ];
            Node::map([("heston", Node::map(heston))])
        }
        ModelQuotes::Cev {
            a,
            b,
            lo,
            hi,
            reference,
        } => {
            let mut cev = vec![
                ("a", ratio(*a)),
                ("b", number(*b)),
                ("lo", ratio(*lo)),
                ("hi", ratio(*hi)),
            ];
            cev.extend(reference.map(|price| ("reference", number(price))));
            Node::map([("cev", Node::map(cev))])
        }
        ModelQuotes::LocalVol {
            times,
            prices,
            vols,
        } => {
            let grid = [
                ("times", pillars(times)),
                ("prices", numbers(prices)),
                ("vols", table(vols)),
            ];
            Node::map([("local_vol", Node::map(grid))])
        }
    }
}

fn dividend(dividend: &DividendQuote) -> Node {
    let (name, value) = match dividend.cash.is_zero() {
        true => ("proportional", dividend.proportional),
        false => ("cash", dividend.cash),
    };
    Node::map([("ex", pillar(&dividend.ex)), (name, number(value))])
}

fn underlying(quotes: &UnderlyingQuotes) -> Node {
    let mut pairs = vec![("spot", number(quotes.spot))];
    pairs.extend(
        quotes
            .currency
            .as_ref()
            .map(|currency| ("currency", Node::text(currency))),
    );
    pairs.extend(quotes.q.as_ref().map(|q| ("q", carry(q))));
    pairs.extend(quotes.vol.as_ref().map(|quotes| ("vol", vol(quotes))));
    pairs.extend(quotes.model.as_ref().map(|quotes| ("model", model(quotes))));
    if !quotes.dividends.is_empty() {
        pairs.push((
            "dividends",
            Node::list(quotes.dividends.iter().map(dividend)),
        ));
    }
    Node::map(pairs)
}

fn correlation(quotes: &CorrelationQuotes) -> Option<Node> {
    if quotes.pairs.is_empty() {
        return None;
    }
    let pairs = quotes
        .pairs
        .iter()
        .map(|((a, b), rho)| Node::list([Node::text(a), Node::text(b), number(*rho)]));
    let mut map = vec![("pairs", Node::list(pairs))];
    if quotes.repair {
        map.push(("repair", Value::Bool(true).into()));
    }
    Some(Node::map(map))
}
