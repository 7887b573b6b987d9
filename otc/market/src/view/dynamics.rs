//! How an underlying moves, from its quotes and the configuration.

use std::sync::Arc;

use rialto_otc_contract::shape::Shape;

use super::{ModelKind, View, VolAt, place};
use crate::build::{self, BuildError};
use crate::curve::Curve;
use crate::dupire::{Floor, GridSpec};
use crate::marks::{ClockMap, Forward, Marks, Quanto, Reading};
use crate::model::{Cev, Dynamics, Heston, LocalVol, Name};
use crate::snapshot::{ModelQuotes, Pillar, UnderlyingQuotes, float};
use crate::vol::Surface;

impl View<'_> {
    /// A name with its dynamics; `None` after a finding.
    pub(super) fn dynamics(
        &self,
        code: &str,
        quotes: &UnderlyingQuotes,
        forward: Forward,
        quanto: Option<Quanto>,
        clock: &ClockMap,
        discount: &Curve,
    ) -> Option<Name> {
        let pointer = format!("/underlyings/{code}");
        let spot = forward.spot;
        let dividends = forward.dividends.clone();
        let code = code.to_owned();
        if let Some(dynamics) = self.quoted_model(quotes, &pointer, spot)? {
            if quanto.is_some() {
                self.error(
                    "E-MKT-QUANTO-MODEL",
                    &format!("{pointer}/model"),
                    "A quanto drift needs the volatility of the forward, which this model has not. \
                     Price with GBM or Dupire's local volatility from volatility quotes."
                        .into(),
                    "quanto 漂移需要远期平值波动率，而该模型没有；请改用 GBM 或由波动率报价推出的局部波动率。"
                        .into(),
                );
                return None;
            }
            let carry = forward.carry;
            return Some(Name {
                code,
                spot,
                carry,
                dividends,
                dynamics,
                marks: None,
            });
        }
        let vol = quotes.vol.as_ref()?;
        let surface = self.told(
            &format!("{pointer}/vol"),
            build::surface(vol, &forward, &self.axis),
        )?;
        let reading = self.reading(&pointer, &surface)?;
        let (reference, clock) = (forward.clone(), clock.clone());
        let marks = Marks {
            surface,
            reference,
            now: forward,
            reading,
            clock,
            quanto,
        };
        let (dynamics, floors) = marks.dynamics();
        self.tell_floors(&pointer, &marks, &floors);
        let carry = marks.carry(discount);
        Some(Name {
            code,
            spot,
            carry,
            dividends,
            dynamics,
            marks: Some(Arc::new(marks)),
        })
    }

    fn reading(&self, pointer: &str, surface: &Surface) -> Option<Reading> {
        let smile = !matches!(surface, Surface::Term(_));
        Some(match self.config.kind {
            ModelKind::Quoted if smile => self.smile(pointer),
            ModelKind::LocalVol => Reading::LocalVol(GridSpec::to(self.horizon())),
            ModelKind::Gbm {
                vol: VolAt::AtStrike(strike),
            } => {
                if self.plan.underlyings.len() > 1 || !(strike.is_finite() && strike > 0.0) {
                    self.error(
                        "E-MODEL-STRIKE",
                        pointer,
                        format!(
                            "The volatility cannot be read at {strike}: one price above 0, for a \
                             contract on one underlying. Read it at the forward."
                        ),
                        format!("无法在 {strike} 处读取波动率：须为正价格且合约只有一个标的，请改用远期平值。"),
                    );
                    return None;
                }
                Reading::AtStrike {
                    strike,
                    horizon: self.horizon(),
                }
            }
            _ => Reading::AtmForward,
        })
    }

    /// A smile where no model is named: a vanilla option is worth what its own strike is quoted at;
    /// the one volatility of anything else is the forward's, which is told.
    fn smile(&self, pointer: &str) -> Reading {
        match &self.plan.shape {
            Some(Shape::European(vanilla) | Shape::American(vanilla)) if vanilla.strike > 0.0 => {
                return Reading::AtStrike {
                    strike: vanilla.strike,
                    horizon: self.horizon(),
                };
            }
            // No volatility is asked.
            Some(Shape::Cash { .. } | Shape::Forward { .. }) => return Reading::AtmForward,
            _ => {}
        }
        self.sink.notice(
            "N-MODEL-SMILE",
            &place(format!("{pointer}/vol")),
            "The volatility is quoted as a smile; geometric Brownian motion takes that of the forward \
             for every price. The model local_vol prices the smile.",
            "波动率报价带有微笑；几何布朗运动对所有价格都取远期平值波动率。模型 local_vol 可对微笑定价。",
        );
        Reading::AtmForward
    }

    /// Dynamics from the model quotes, when the configuration asks for them; `None` inside for
    /// those read from volatility quotes.
    fn quoted_model(
        &self,
        quotes: &UnderlyingQuotes,
        pointer: &str,
        spot: f64,
    ) -> Option<Option<Dynamics>> {
        let heston_wanted = self.config.kind == ModelKind::Heston;
        match (&quotes.model, self.config.kind) {
            (_, ModelKind::Gbm { .. }) => Some(None),
            (Some(ModelQuotes::Heston(all)), ModelKind::Quoted | ModelKind::Heston) => {
                let [v0, kappa, theta, xi, rho] = all.map(float);
                Some(Some(Dynamics::Heston(Heston {
                    v0,
                    kappa,
                    theta,
                    xi,
                    rho,
                })))
            }
            (
                Some(ModelQuotes::Cev {
                    a,
                    b,
                    lo,
                    hi,
                    reference,
                }),
                _,
            ) if !heston_wanted => {
                let [a, b, lo, hi] = [*a, *b, *lo, *hi].map(float);
                let reference = reference.map_or(spot, float);
                let cev = Some(Cev { a, b, lo, hi });
                let (times, logs, vols) = (vec![0.0], vec![0.0], vec![a]);
                Some(Some(Dynamics::LocalVol(LocalVol {
                    reference,
                    times,
                    logs,
                    vols,
                    cev,
                })))
            }
            (
                Some(ModelQuotes::LocalVol {
                    times,
                    prices,
                    vols,
                }),
                _,
            ) if !heston_wanted => {
                let times = self.quoted_times(times, pointer)?;
                let logs = prices
                    .iter()
                    .map(|price| (float(*price) / spot).ln())
                    .collect();
                let vols = vols.iter().flatten().map(|vol| float(*vol)).collect();
                let grid = LocalVol {
                    reference: spot,
                    times,
                    logs,
                    vols,
                    cev: None,
                };
                Some(Some(Dynamics::LocalVol(grid)))
            }
            _ if heston_wanted => self.no_heston(pointer),
            _ => Some(None),
        }
    }

    /// Whether the dynamics are read from volatility quotes.
    pub(super) fn needs_vol(&self, quotes: &UnderlyingQuotes) -> bool {
        match self.config.kind {
            ModelKind::Gbm { .. } => true,
            ModelKind::Heston => false,
            ModelKind::Quoted => quotes.model.is_none(),
            ModelKind::LocalVol => !matches!(
                quotes.model,
                Some(ModelQuotes::Cev { .. } | ModelQuotes::LocalVol { .. })
            ),
        }
    }

    fn no_heston<T>(&self, pointer: &str) -> Option<T> {
        self.error(
            "E-MKT-HESTON-MISSING",
            &format!("{pointer}/model"),
            "Heston was asked for, but the market gives no parameters. Add \
             \"model\": {\"heston\": {...}}, or choose another model."
                .into(),
            "要求使用 Heston 模型，但行情没有参数，请补充或改用其他模型。".into(),
        );
        None
    }

    fn quoted_times(&self, times: &[Pillar], pointer: &str) -> Option<Vec<f64>> {
        let at: Result<Vec<f64>, BuildError> = times
            .iter()
            .map(|pillar| {
                let span = self.axis.to(pillar);
                span.map(|span| span.variance)
                    .map_err(|error| BuildError::Time(*pillar, error))
            })
            .collect();
        self.told(&format!("{pointer}/model/local_vol/times"), at)
    }

    fn tell_floors(&self, pointer: &str, marks: &Marks, floors: &[Floor]) {
        let at = place(format!("{pointer}/vol"));
        if let Some(worst) = floors.iter().min_by(|a, b| a.g.total_cmp(&b.g)) {
            self.sink.notice(
                "N-MKT-LOCAL-VOL",
                &at,
                format!(
                    "Local volatility was held within its bounds at {} points of the grid; the worst \
                     is {:.3} years ahead at k = {:.3}, where g = {:.4}.",
                    floors.len(), worst.time, worst.k, worst.g
                ),
                format!(
                    "局部波动率网格有 {} 个点被限制在上下限内，最差点：{:.3} 年、k = {:.3}、g = {:.4}。",
                    floors.len(), worst.time, worst.k, worst.g
                ),
            );
        }
        let cash = marks
            .now
            .dividends
            .iter()
            .any(|dividend| dividend.cash > 0.0);
        if cash && matches!(marks.reading, Reading::LocalVol(_)) {
            self.sink.notice(
                "N-MKT-LOCAL-VOL-DIVIDENDS",
                &at,
                "Dupire's formula takes cash dividends as their share of the forward.",
                "局部波动率公式将现金分红近似为远期价格的比例。",
            );
        }
    }
}
