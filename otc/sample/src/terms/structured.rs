//! Terms of barrier and accrual products and of return swaps.

use serde_json::json;

use super::{Draw, Terms};

impl Draw<'_> {
    pub(super) fn structured(&mut self) -> Terms {
        match self.slot.product {
            "sharkfin" => self.sharkfin(),
            "double_sharkfin" => {
                let (lower, upper) = (self.level(86, 91), self.level(109, 114));
                let part = self.dice.percent(4_000, 8_000, 500);
                let terms = json!({"call": {"strike": "101%", "part": part}, "put": {"strike": "99%", "part": part},
                    "lower": lower, "upper": upper, "rebate_up": "0.7%", "rebate_down": "0.9%",
                    "rebate_at": "end", "monitoring": "daily"});
                Terms::option(terms, 240)
            }
            "airbag" => {
                let barrier = self.level(72, 82);
                let part = self.dice.percent(7_000, 10_000, 500);
                let mut terms = json!({"strike": "100%", "barrier": barrier, "part": part,
                    "part_down": "100%", "monitoring": "daily"});
                if self.dice.chance(0.4) {
                    terms["cap"] = json!(self.level(120, 135));
                }
                Terms::note(terms)
            }
            "range_accrual" => {
                let (lower, upper) = (self.level(91, 95), self.level(105, 110));
                let rate = self.rate(35, 60);
                let terms =
                    json!({"schedule": "daily", "lower": lower, "upper": upper, "rate": rate});
                match self.dice.chance(0.5) {
                    true => {
                        let mut note = terms;
                        note["principal"] = json!({});
                        Terms::note(note)
                    }
                    false => Terms::option(terms, 190),
                }
            }
            "enhanced_index" => Terms::note(json!({"enhancement": self.rate(45, 95)})),
            "barrier" => self.barrier(),
            _ => self.accumulator(),
        }
    }

    fn sharkfin(&mut self) -> Terms {
        let call = self.dice.chance(0.75);
        let (side, barrier) = match call {
            true => ("call", self.level(108, 116)),
            false => ("put", self.level(85, 92)),
        };
        let part = self.dice.percent(4_000, 8_000, 500);
        let rebate = self.rate(10, 25);
        match self.dice.chance(0.7) {
            true => Terms::note(
                json!({"form": "note", "type": side, "strike": "100%", "barrier": barrier,
                "monitoring": "daily", "part": part, "floor": "0.4%", "floor_basis": "absolute",
                "rebate": rebate, "rebate_basis": "annual", "rebate_at": "end"}),
            ),
            false => Terms::option(
                json!({"form": "option", "type": side, "strike": "100%", "barrier": barrier,
                    "monitoring": "daily", "part": part, "rebate": rebate, "rebate_at": "hit"}),
                170,
            ),
        }
    }

    fn barrier(&mut self) -> Terms {
        let (side, knock, level, kind) = match self.dice.whole(0, 3) {
            0 => ("up", "out", self.level(112, 120), "call"),
            1 => ("down", "in", self.level(80, 88), "put"),
            2 => ("down", "out", self.level(82, 90), "put"),
            _ => ("up", "in", self.level(106, 112), "call"),
        };
        let strike = self.level(97, 101);
        let terms = json!({"type": kind, "side": side, "knock": knock, "strike": strike, "barrier": level,
            "rebate": "0.4%", "monitoring": "daily"});
        Terms::option(terms, 260)
    }

    fn accumulator(&mut self) -> Terms {
        let buying = self.slot.product == "accumulator";
        let leverage = self.dice.whole(1, 3);
        let ko = *self.dice.pick(&["stop", "skip"]);
        let settlement = *self.dice.pick(&["daily", "end"]);
        let (strike, barrier) = match buying {
            true => (self.price(96, 98), self.price(103, 105)),
            false => (self.price(102, 104), self.price(95, 97)),
        };
        let terms = json!({"schedule": "daily", "strike": strike, "barrier": barrier,
            "leverage": leverage, "ko": ko, "settlement": settlement});
        let (lots, unit) = self.lots();
        Terms {
            quantity: Some((lots, unit)),
            ..Terms::note(terms)
        }
    }

    pub(super) fn return_swap(&mut self) -> Terms {
        let rate = self.dice.percent(200, 260, 5);
        let spread = self.dice.percent(60, 140, 10);
        let base = *self.dice.pick(&["notional", "net_of_margin"]);
        let units = *self.dice.pick(&["constant_shares", "constant_notional"]);
        let freq = *self.dice.pick(&["1m", "3m"]);
        Terms::note(
            json!({"reset": {"freq": freq}, "units": units, "return": "price",
            "financing": {"base": base, "rate": rate, "spread": spread},
            "margin": {"initial": "30%", "maintenance": "20%"}}),
        )
    }
}
