//! Reading the quotes of one underlying.

use rialto_otc_contract::document::Value;
use rialto_otc_contract::reader::{Field, Fields};
use rust_decimal::Decimal;

use super::quotes::{
    Carry, CarryQuotes, DividendQuote, FutureQuote, ModelQuotes, Pillar, Rates, UnderlyingQuotes,
    VolQuotes,
};
use super::read::{
    Axis, filled, float, items, one_form, pieces, points, rate, rates, volatility, within,
};
use crate::model::Heston;
use crate::vol::Svi;

/// The quotes of one underlying; the caller finishes the fields.
pub fn underlying(fields: &mut Fields<'_>, axis: &Axis) -> Option<UnderlyingQuotes> {
    let spot = fields.required("spot").and_then(|field| field.positive());
    let currency = fields.optional("currency").map(|field| currency(&field));
    let q = fields.optional("q").map(|field| carry(&field, axis));
    let quoted_vol = fields.optional("vol").map(|field| vol(&field, axis));
    let dividends = fields
        .optional("dividends")
        .map(|field| dividends(&field, axis));
    let model = fields.optional("model").map(|field| model(&field, axis));
    Some(UnderlyingQuotes {
        spot: spot?,
        currency: currency.map_or(Some(None), |read| read.map(Some))?,
        q: q.map_or(Some(None), |read| read.map(Some))?,
        vol: quoted_vol.map_or(Some(None), |read| read.map(Some))?,
        dividends: dividends.unwrap_or_else(|| Some(Vec::new()))?,
        model: model.map_or(Some(None), |read| read.map(Some))?,
    })
}

fn currency(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Some(text.to_owned());
    }
    field.error(
        "E-MKT-CURRENCY",
        "This is no currency code. Write three capital letters (ISO 4217), like CNY.",
        "不是货币代码，请写三个大写字母（ISO 4217），例如 CNY。",
    );
    None
}

fn carry(field: &Field<'_>, axis: &Axis) -> Option<Carry> {
    if !matches!(field.node().value, Value::Map(_)) {
        let quoted = CarryQuotes::Rates(rates(field, axis)?);
        return Some(Carry {
            quoted,
            marked: Vec::new(),
        });
    }
    let mut fields = field.fields()?;
    let forms = ["zero", "forward", "futures"].map(|name| (name, fields.optional(name)));
    let marked = fields
        .optional("marked")
        .map(|field| points(&field, axis, "[tenor, rate]", rate).map(|all| (field, all)));
    fields.finish();
    let form = one_form(field, forms);
    if let Some((field, _)) = marked.as_ref().and_then(Option::as_ref)
        && matches!(form, Some(("forward", _)))
    {
        field.error(
            "E-MKT-MARKED",
            "Marks stand instead of zero rates at their tenors; forward pieces have none. Mark the \
             pieces themselves, or quote zero rates or futures.",
            "marked 用于替换各期限的零息水平，不适用于 forward 分段，请直接修改分段或改用 zero、futures。",
        );
    }
    let quoted = match form? {
        ("zero", field) => {
            CarryQuotes::Rates(Rates::Zero(points(&field, axis, "[tenor, rate]", rate)?))
        }
        ("forward", field) => CarryQuotes::Rates(pieces(&field, axis, rate)?),
        (_, field) => CarryQuotes::Futures(futures(&field, axis)?),
    };
    let marked = marked.map_or(Some(Vec::new()), |read| read.map(|(_, all)| all))?;
    Some(Carry { quoted, marked })
}

fn futures(field: &Field<'_>, axis: &Axis) -> Option<Vec<FutureQuote>> {
    let rows: Vec<Option<(Field<'_>, FutureQuote)>> = filled(field)?
        .iter()
        .map(|row| {
            let [code, expiry, price] = items(row, "[code, expiry, price]")?;
            let (name, at, price) = (code.text(), axis.pillar(&expiry), price.positive());
            let quote = FutureQuote {
                code: name?.to_owned(),
                expiry: at?,
                price: price?,
            };
            Some((expiry, quote))
        })
        .collect();
    let rows: Vec<_> = rows.into_iter().collect::<Option<_>>()?;
    let places: Vec<_> = rows
        .iter()
        .map(|(at, quote)| (at.clone(), quote.expiry))
        .collect();
    axis.ordered(&places);
    Some(rows.into_iter().map(|(_, quote)| quote).collect())
}

/// One volatility, or pieces in time.
pub fn vol_rates(field: &Field<'_>, axis: &Axis) -> Option<Rates> {
    match &field.node().value {
        Value::List(_) => pieces(field, axis, volatility),
        Value::Map(_) => {
            let mut fields = field.fields()?;
            let forward = fields.required("forward");
            fields.finish();
            pieces(&forward?, axis, volatility)
        }
        _ => volatility(field).map(Rates::Flat),
    }
}

fn vol(field: &Field<'_>, axis: &Axis) -> Option<VolQuotes> {
    if !matches!(field.node().value, Value::Map(_)) {
        return vol_rates(field, axis).map(VolQuotes::Rates);
    }
    let mut fields = field.fields()?;
    let forms = ["forward", "grid", "svi", "ssvi"].map(|name| (name, fields.optional(name)));
    fields.finish();
    match one_form(field, forms)? {
        ("forward", field) => pieces(&field, axis, volatility).map(VolQuotes::Rates),
        ("grid", field) => {
            let (tenors, strikes, vols) = table(&field, axis, ["tenors", "strikes"])?;
            Some(VolQuotes::Grid {
                strikes,
                tenors,
                vols,
            })
        }
        ("svi", field) => svi(&field, axis),
        (_, field) => ssvi(&field, axis),
    }
}

type Table = (Vec<Pillar>, Vec<Decimal>, Vec<Vec<Decimal>>);

/// Volatilities by time (rows) and price (columns).
fn table(field: &Field<'_>, axis: &Axis, [rows, columns]: [&'static str; 2]) -> Option<Table> {
    let mut fields = field.fields()?;
    let (times, prices) = (fields.required(rows), fields.required(columns));
    let vols = fields.required("vols");
    fields.finish();
    let times = times.and_then(|field| {
        let places: Vec<Option<(Field<'_>, Pillar)>> = filled(&field)?
            .into_iter()
            .map(|at| axis.pillar(&at).map(|pillar| (at, pillar)))
            .collect();
        let places: Vec<_> = places.into_iter().collect::<Option<_>>()?;
        axis.ordered(&places);
        Some(
            places
                .into_iter()
                .map(|(_, pillar)| pillar)
                .collect::<Vec<_>>(),
        )
    });
    let prices = prices.and_then(|field| increasing(&field));
    let vols = vols.and_then(|field| {
        let shape = times
            .as_ref()
            .map(Vec::len)
            .zip(prices.as_ref().map(Vec::len));
        matrix(&field, shape, (rows, columns))
    });
    Some((times?, prices?, vols?))
}

fn increasing(field: &Field<'_>) -> Option<Vec<Decimal>> {
    let fields = filled(field)?;
    let values: Vec<Option<Decimal>> = fields.iter().map(Field::positive).collect();
    let values: Vec<Decimal> = values.into_iter().collect::<Option<_>>()?;
    for (n, pair) in values.windows(2).enumerate() {
        if pair[1] <= pair[0] {
            fields[n + 1].error(
                "E-MKT-ORDER",
                format!(
                    "{} does not come after {}. Sort them, each once.",
                    pair[1], pair[0]
                ),
                format!("{} 未大于前一项 {}，请升序排列且不重复。", pair[1], pair[0]),
            );
        }
    }
    Some(values)
}

fn matrix(
    field: &Field<'_>,
    shape: Option<(usize, usize)>,
    (rows, columns): (&str, &str),
) -> Option<Vec<Vec<Decimal>>> {
    let list = filled(field)?;
    let (height, width) = shape?;
    if list.len() != height {
        field.error(
            "E-MKT-SHAPE",
            format!(
                "There are {} rows for {height} {rows}. Give one row for each.",
                list.len()
            ),
            format!(
                "共 {} 行，而 {rows} 有 {height} 项，请逐项给出一行。",
                list.len()
            ),
        );
        return None;
    }
    let all: Vec<Option<Vec<Decimal>>> = list
        .iter()
        .map(|row| {
            let cells = row.list()?;
            if cells.len() != width {
                row.error(
                    "E-MKT-SHAPE",
                    format!("The row has {} values for {width} {columns}.", cells.len()),
                    format!("此行有 {} 个值，而 {columns} 有 {width} 项。", cells.len()),
                );
                return None;
            }
            let cells: Vec<Option<Decimal>> = cells.iter().map(volatility).collect();
            cells.into_iter().collect()
        })
        .collect();
    all.into_iter().collect()
}

fn svi(field: &Field<'_>, axis: &Axis) -> Option<VolQuotes> {
    let slices: Vec<Option<(Field<'_>, Pillar, [Decimal; 5])>> = filled(field)?
        .iter()
        .map(|slice| {
            let mut fields = slice.fields()?;
            let tenor = fields.required("tenor");
            let pillar = tenor.as_ref().and_then(|field| axis.pillar(field));
            let read = ["a", "b", "rho", "m", "s"].map(|name| {
                fields
                    .required(name)
                    .and_then(|field| within(&field, field.decimal()?, -100, 100))
            });
            fields.finish();
            let [a, b, rho, m, s] = read;
            let all = [a?, b?, rho?, m?, s?];
            check_svi(slice, all);
            Some((tenor?, pillar?, all))
        })
        .collect();
    let slices: Vec<_> = slices.into_iter().collect::<Option<_>>()?;
    let places: Vec<_> = slices
        .iter()
        .map(|(at, pillar, _)| (at.clone(), *pillar))
        .collect();
    axis.ordered(&places);
    Some(VolQuotes::Svi(
        slices
            .into_iter()
            .map(|(_, pillar, all)| (pillar, all))
            .collect(),
    ))
}

fn check_svi(field: &Field<'_>, [a, b, rho, m, s]: [Decimal; 5]) {
    let one = Decimal::ONE;
    if b < Decimal::ZERO || rho.abs() >= one || s <= Decimal::ZERO {
        field.error(
            "E-MKT-SVI",
            "SVI needs b >= 0, -1 < rho < 1 and s > 0. Correct the parameter.",
            "SVI 参数须满足 b >= 0、-1 < rho < 1、s > 0，请更正。",
        );
        return;
    }
    let [a, b, rho, m, s] = [a, b, rho, m, s].map(float);
    let least = Svi { a, b, rho, m, s }.least();
    if least < 0.0 {
        field.error(
            "E-MKT-SVI-VARIANCE",
            format!(
                "The least total variance, a + b s sqrt(1 - rho^2), is {least:.6}, below 0. Raise a."
            ),
            format!("最小总方差 a + b s sqrt(1 - rho^2) 为 {least:.6}，小于零，请调高 a。"),
        );
    }
}

fn ssvi(field: &Field<'_>, axis: &Axis) -> Option<VolQuotes> {
    let mut fields = field.fields()?;
    let [rho, eta, gamma] = ["rho", "eta", "gamma"].map(|name| fields.required(name));
    let theta = fields.required("theta");
    fields.finish();
    let theta = theta.and_then(|field| {
        points(&field, axis, "[tenor, variance]", |field| {
            within(field, field.positive()?, 0, 100)
        })
    });
    let rho_at = rho.clone();
    let (rho, eta, gamma) = (
        rho.and_then(|field| field.decimal()),
        eta.and_then(|field| within(&field, field.positive()?, 0, 1000)),
        gamma.and_then(|field| within(&field, field.non_negative()?, 0, 1)),
    );
    if let (Some(value), Some(field)) = (rho, rho_at)
        && value.abs() >= Decimal::ONE
    {
        field.error(
            "E-MKT-SVI",
            "SSVI needs -1 < rho < 1. Correct it.",
            "SSVI 须满足 -1 < rho < 1，请更正。",
        );
    }
    Some(VolQuotes::Ssvi {
        rho: rho?,
        eta: eta?,
        gamma: gamma?,
        theta: theta?,
    })
}

fn dividends(field: &Field<'_>, axis: &Axis) -> Option<Vec<DividendQuote>> {
    let all: Vec<Option<(Field<'_>, DividendQuote)>> = field
        .list()?
        .iter()
        .map(|one| {
            let mut fields = one.fields()?;
            let ex = fields.required("ex");
            let forms = ["cash", "proportional"].map(|name| (name, fields.optional(name)));
            fields.finish();
            let pillar = ex.as_ref().and_then(|field| axis.pillar(field));
            let (cash, proportional) = match one_form(one, forms)? {
                ("cash", field) => (field.positive()?, Decimal::ZERO),
                (_, field) => (Decimal::ZERO, share(&field)?),
            };
            Some((
                ex?,
                DividendQuote {
                    ex: pillar?,
                    cash,
                    proportional,
                },
            ))
        })
        .collect();
    let all: Vec<_> = all.into_iter().collect::<Option<_>>()?;
    let places: Vec<_> = all.iter().map(|(at, one)| (at.clone(), one.ex)).collect();
    axis.ordered(&places);
    Some(all.into_iter().map(|(_, one)| one).collect())
}

fn share(field: &Field<'_>) -> Option<Decimal> {
    let share = field.ratio()?;
    if share > Decimal::ZERO && share < Decimal::ONE {
        return Some(share);
    }
    field.error(
        "E-MKT-DIVIDEND",
        "A proportional dividend is a share of the price above 0 and below 1.",
        "比例分红须大于 0 且小于 1。",
    );
    None
}

fn model(field: &Field<'_>, axis: &Axis) -> Option<ModelQuotes> {
    let mut fields = field.fields()?;
    let forms = ["heston", "cev", "local_vol"].map(|name| (name, fields.optional(name)));
    fields.finish();
    match one_form(field, forms)? {
        ("heston", field) => heston(&field),
        ("cev", field) => cev(&field),
        (_, field) => {
            let (times, prices, vols) = table(&field, axis, ["times", "prices"])?;
            Some(ModelQuotes::LocalVol {
                times,
                prices,
                vols,
            })
        }
    }
}

fn heston(field: &Field<'_>) -> Option<ModelQuotes> {
    let mut fields = field.fields()?;
    let read = ["v0", "kappa", "theta", "xi", "rho"].map(|name| {
        fields
            .required(name)
            .and_then(|field| within(&field, field.decimal()?, -1000, 1000))
    });
    fields.finish();
    let [v0, kappa, theta, xi, rho] = read;
    let all = [v0?, kappa?, theta?, xi?, rho?];
    let [v0, kappa, theta, xi, rho] = all.map(float);
    let heston = Heston {
        v0,
        kappa,
        theta,
        xi,
        rho,
    };
    if let Err(broken) = heston.check() {
        for error in broken {
            field.error(
                "E-MKT-HESTON",
                format!("{} is {}; {}.", error.name, error.value, error.rule),
                format!("Heston 参数 {} = {} 超出范围。", error.name, error.value),
            );
        }
    } else if heston.feller() < 1.0 {
        field.sink().notice(
            "N-MKT-FELLER",
            &field.place(),
            format!(
                "2 kappa theta / xi^2 is {:.3}, below 1: the variance reaches 0 (Feller).",
                heston.feller()
            ),
            format!(
                "2 kappa theta / xi^2 = {:.3} < 1：方差会触及零（Feller 条件不满足）。",
                heston.feller()
            ),
        );
    }
    Some(ModelQuotes::Heston(all))
}

fn cev(field: &Field<'_>) -> Option<ModelQuotes> {
    let mut fields = field.fields()?;
    let a = fields.required("a").and_then(|field| volatility(&field));
    let b = fields
        .required("b")
        .and_then(|field| within(&field, field.decimal()?, -20, 20));
    let lo = fields.required("lo").and_then(|field| volatility(&field));
    let hi = fields.required("hi").and_then(|field| volatility(&field));
    let reference = fields.optional("reference").map(|field| field.positive());
    fields.finish();
    let reference = reference.map_or(Some(None), |read| read.map(Some));
    let (a, b, lo, hi, reference) = (a?, b?, lo?, hi?, reference?);
    if !(lo <= a && a <= hi) {
        field.error(
            "E-MKT-CEV",
            format!("The bounds {lo} and {hi} do not enclose a = {a}. CEV needs lo <= a <= hi."),
            format!("上下限 {lo}、{hi} 未包含 a = {a}，须满足 lo <= a <= hi。"),
        );
    }
    Some(ModelQuotes::Cev {
        a,
        b,
        lo,
        hi,
        reference,
    })
}
