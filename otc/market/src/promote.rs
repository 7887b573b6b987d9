//! Whether a snapshot may be used for official valuations: no arbitrage in its surfaces. A snapshot
//! that fails can be read and looked at; its findings block promotion.

use rialto_otc_contract::finding::{Finding, Findings, Place, Sink};
use rialto_otc_time::{AsOf, Calendars};

use crate::build::{self, Axis, BuildError, CALENDAR_DAYS};
use crate::marks::Forward;
use crate::model::Origin;
use crate::snapshot::{Rates, Snapshot, UnderlyingQuotes, VolQuotes, float};
use crate::vol::Slice;
use crate::vol::arbitrage::{self, Breach, Rule};

impl Snapshot {
    /// Breaches of no-arbitrage in all volatility quotes, tenor and `k` named; errors, because each
    /// blocks promotion. Empty when there are none. Times are calendar days / 365, so that no
    /// calendar changes what is found; it is looked for once.
    #[must_use]
    pub fn arbitrage(&self, calendars: &Calendars) -> Findings {
        self.breaches.get_or_init(|| self.look(calendars)).clone()
    }

    /// Those of [`Self::arbitrage`] in the surface of one underlying.
    pub fn arbitrage_of<'a>(
        &'a self,
        code: &str,
        calendars: &Calendars,
    ) -> impl Iterator<Item = &'a Finding> {
        let pointer = surface(self.quoted_as(code));
        let all = self.breaches.get_or_init(|| self.look(calendars));
        all.iter().filter(move |found| found.pointer == pointer)
    }

    fn look(&self, calendars: &Calendars) -> Findings {
        let sink = Sink::default();
        let codes: Vec<&str> = self.codes().collect();
        for code in codes {
            if let Some(quotes) = self.underlying(code)
                && let Some(vol) = &quotes.vol
            {
                self.check(code, quotes, vol, calendars, &sink);
            }
        }
        sink.into_findings()
    }

    fn check(
        &self,
        code: &str,
        quotes: &UnderlyingQuotes,
        vol: &VolQuotes,
        calendars: &Calendars,
        sink: &Sink,
    ) {
        if matches!(vol, VolQuotes::Rates(Rates::Flat(_) | Rates::Forward(_))) {
            return;
        }
        let pointer = surface(code);
        match self.quoted(code, quotes, vol, calendars) {
            Ok(slices) => {
                tell_ssvi(vol, &slices, &pointer, sink);
                let mut before: Option<&(String, Slice)> = None;
                for now in &slices {
                    for breach in arbitrage::smile(&now.1.smile) {
                        tell(&breach, &now.0, None, &pointer, sink);
                    }
                    if let Some((tenor, earlier)) = before
                        && let Some(breach) = arbitrage::calendar(&earlier.smile, &now.1.smile)
                    {
                        tell(&breach, &now.0, Some(tenor), &pointer, sink);
                    }
                    before = Some(now);
                }
            }
            Err(reason) => sink.error(
                "E-MKT-ARBITRAGE-UNCHECKED",
                &Place {
                    pointer,
                    ..Place::default()
                },
                format!("The surface cannot be checked: {reason}. Complete the quotes."),
                "无法检查波动率曲面的无套利条件，请补全行情。",
            ),
        }
    }

    /// Slices by tenor on calendar days.
    fn quoted(
        &self,
        code: &str,
        quotes: &UnderlyingQuotes,
        vol: &VolQuotes,
        calendars: &Calendars,
    ) -> Result<Vec<(String, Slice)>, String> {
        let years = match self.as_of() {
            AsOf::Numeric(years) => *years,
            AsOf::Dated { .. } => 0.0,
        };
        let origin = Origin {
            variance: years,
            rate: years,
        };
        let axis = Axis::new(self.as_of(), &CALENDAR_DAYS, calendars, None, origin);
        let told = |error: BuildError| error.to_string();
        let currency = quotes
            .currency
            .as_deref()
            .unwrap_or_else(|| self.home_currency(code));
        let spot = float(quotes.spot);
        let dividends = build::dividends(&quotes.dividends, &axis).map_err(told)?;
        let needs_forward = matches!(vol, VolQuotes::Grid { .. });
        let (discount, carry) = match (self.discount(currency), &quotes.q) {
            (Some(rates), Some(carry)) => {
                let discount = build::rate_curve(rates, &axis).map_err(told)?;
                let curve = build::carry_curve(carry, spot, &discount, &axis)
                    .map_err(told)?
                    .0;
                (discount, curve)
            }
            _ if needs_forward => {
                return Err("quotes by strike need r and q for the forward".to_owned());
            }
            _ => (
                crate::curve::Curve::flat(0.0),
                crate::curve::Curve::flat(0.0),
            ),
        };
        let forward = Forward {
            spot,
            discount,
            carry,
            dividends,
        };
        let slices = build::slices(vol, &forward, &axis)
            .map_err(told)?
            .unwrap_or_default();
        Ok(slices
            .into_iter()
            .map(|(pillar, slice)| (pillar.to_string(), slice))
            .collect())
    }
}

/// Where an underlying's surface stands.
fn surface(code: &str) -> String {
    format!("/underlyings/{code}/vol")
}

fn tell_ssvi(vol: &VolQuotes, slices: &[(String, Slice)], pointer: &str, sink: &Sink) {
    let VolQuotes::Ssvi {
        rho,
        eta,
        gamma,
        theta,
    } = vol
    else {
        return;
    };
    let ssvi = crate::vol::Ssvi {
        rho: float(*rho),
        eta: float(*eta),
        gamma: float(*gamma),
    };
    for (pillar, theta) in theta {
        let tenor = pillar.to_string();
        if slices.iter().any(|(name, _)| *name == tenor) {
            for breach in arbitrage::ssvi(&ssvi, float(*theta)) {
                tell(&breach, &tenor, None, pointer, sink);
            }
        }
    }
}

fn tell(breach: &Breach, tenor: &str, earlier: Option<&str>, pointer: &str, sink: &Sink) {
    let code = match breach.rule {
        Rule::Positive => "E-ARB-VARIANCE",
        Rule::Butterfly => "E-ARB-BUTTERFLY",
        Rule::LeftWing | Rule::RightWing => "E-ARB-WING",
        Rule::SsviWing | Rule::SsviBend => "E-ARB-SSVI",
        Rule::Calendar => "E-ARB-CALENDAR",
    };
    let k = breach
        .k
        .map_or(String::new(), |k| format!(" at k = {k:.3}"));
    let after = earlier.map_or(String::new(), |earlier| format!(" after {earlier}"));
    let k_zh = breach.k.map_or(String::new(), |k| format!("、k = {k:.3}"));
    let after_zh = earlier.map_or(String::new(), |earlier| format!("（前一期限 {earlier}）"));
    let (rule, seen) = (breach.rule.text(), breach.seen);
    let at = Place {
        pointer: pointer.to_owned(),
        value: Some(format!("{seen:.6}")),
        ..Place::default()
    };
    sink.error(
        code,
        &at,
        format!(
            "Tenor {tenor}{after}{k}: {rule} does not hold, seen is {seen:.6}. The surface can be \
             looked at, not promoted. Fit it again or correct its quotes."
        ),
        format!(
            "期限 {tenor}{after_zh}{k_zh}：不满足 {rule}，实际为 {seen:.6}。该曲面可查看，不可用于正式估值，请重新拟合或更正报价。"
        ),
    );
}
