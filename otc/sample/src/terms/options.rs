//! Terms of vanillas, binaries, touches, Asians and options on several underlyings.

use rust_decimal::Decimal;
use serde_json::json;

use super::{Draw, Terms};

/// Clients buy calls more often than puts.
const SIDES: [&str; 3] = ["call", "call", "put"];

impl Draw<'_> {
    fn side(&mut self) -> &'static str {
        let side: &&str = self.dice.pick(&SIDES);
        side
    }

    /// Units of a future, with their unit.
    pub(super) fn lots(&mut self) -> (Decimal, &'static str) {
        let unit = match self.code.starts_with("XSGE:au") {
            true => "g",
            false => "t",
        };
        let scale = match self.initial {
            price if price > Decimal::from(10_000) => 5,
            _ => 1_000,
        };
        (self.dice.steps(4, 60, 0) * Decimal::from(scale), unit)
    }

    pub(super) fn option(&mut self) -> Terms {
        let side = self.side();
        match self.slot.product {
            "forward" => Terms {
                quantity: Some(self.lots()),
                premium: None,
                ..Terms::note(json!({"strike": self.price(98, 102)}))
            },
            "american" => {
                let strike = self.price(96, 104);
                Terms {
                    quantity: Some(self.lots()),
                    ..Terms::option(json!({"type": side, "strike": strike}), 310)
                }
            }
            "asian" => self.asian(side),
            "enhanced_asian" => {
                let strike = self.price(97, 99);
                let level = self.price(100, 101);
                let terms =
                    json!({"type": "call", "strike": strike, "level": level, "schedule": "daily"});
                Terms {
                    quantity: Some(self.lots()),
                    ..Terms::option(terms, 420)
                }
            }
            "european" => {
                let strike = self.level(92, 108);
                let part = self.dice.percent(6_000, 12_000, 1_000);
                let premium = self.dice.whole(250, 700);
                Terms::option(
                    json!({"type": side, "strike": strike, "part": part}),
                    premium,
                )
            }
            "combo" => self.combo(),
            "exchange" | "spread" | "basket" | "worst_of" | "best_of" => self.several(side),
            _ => self.binary(side),
        }
    }

    fn asian(&mut self, side: &str) -> Terms {
        let strike = self.price(98, 102);
        let mean = match self.dice.chance(0.3) {
            true => "geometric",
            false => "arithmetic",
        };
        let terms = json!({"type": side, "strike": strike, "schedule": "daily", "mean": mean});
        Terms {
            quantity: Some(self.lots()),
            ..Terms::option(terms, 180)
        }
    }

    fn combo(&mut self) -> Terms {
        let premium = self.dice.whole(80, 260);
        let terms = match self.dice.whole(0, 2) {
            0 => json!({"form": "butterfly", "strikes": ["92%", "100%", "108%"], "part": "150%"}),
            1 => {
                let low = self.level(88, 93);
                json!({"legs": [{"type": "put", "strike": low, "part": -1},
                    {"type": "call", "strike": self.level(104, 109), "part": "1"}]})
            }
            _ => {
                let low = self.level(97, 100);
                json!({"legs": [{"type": "call", "strike": low, "part": "1"},
                    {"type": "call", "strike": self.level(108, 114), "part": -1}]})
            }
        };
        Terms::option(terms, premium)
    }

    fn binary(&mut self, side: &str) -> Terms {
        let (lower, upper) = (self.level(90, 95), self.level(105, 111));
        let cash = self.rate(15, 60);
        let at = *self.dice.pick(&["hit", "end"]);
        let (terms, premium) = match self.slot.product {
            "digital" => {
                let strike = self.level(98, 104);
                (
                    json!({"type": side, "strike": strike, "payout": "cash", "cash": cash}),
                    160,
                )
            }
            "one_touch" => {
                let up = self.dice.chance(0.6);
                let (side, level) = if up { ("up", upper) } else { ("down", lower) };
                let terms = json!({"side": side, "barrier": level, "cash": cash, "pay_at": at, "monitoring": "daily"});
                (terms, 140)
            }
            "no_touch" => {
                let up = self.dice.chance(0.5);
                let (side, level) = if up { ("up", upper) } else { ("down", lower) };
                (
                    json!({"side": side, "barrier": level, "cash": cash, "monitoring": "daily"}),
                    150,
                )
            }
            "double_touch" => {
                let terms = json!({"lower": lower, "upper": upper, "cash": cash, "pay_at": at, "monitoring": "daily"});
                (terms, 210)
            }
            "double_no_touch" => {
                let terms =
                    json!({"lower": lower, "upper": upper, "cash": cash, "monitoring": "daily"});
                (terms, 90)
            }
            "binary_convex" => (
                json!({"lower": lower, "upper": upper, "cash": cash, "otherwise": "0.3%"}),
                170,
            ),
            _ => (json!({"lower": lower, "upper": upper, "cash": cash}), 130),
        };
        Terms::option(terms, premium)
    }

    fn several(&mut self, side: &str) -> Terms {
        let named = |names, terms, premium| Terms {
            underlyings: Some(names),
            ..Terms::option(terms, premium)
        };
        match self.slot.product {
            "exchange" => {
                let part = self.dice.percent(5_000, 10_000, 1_000);
                let names = self.names(&["XSHG:000300"], None);
                named(names, json!({"part": part}), 210)
            }
            "spread" => {
                let names = self.names(&["XSGE:au"], None);
                let other = names[1]["initial"]
                    .as_str()
                    .and_then(|text| text.parse().ok());
                let between = self.initial - other.unwrap_or(Decimal::ZERO);
                let strike = (between / Decimal::TEN).round() * Decimal::TEN;
                Terms {
                    quantity: Some((self.dice.steps(2, 20, 0) * Decimal::from(5), "t")),
                    ..named(names, json!({"type": side, "strike": strike}), 350)
                }
            }
            "basket" => {
                let names = self.names(
                    &["XSHG:000300", "XSHG:000852"],
                    Some(&["50%", "30%", "20%"]),
                );
                let strike = self.level(99, 103);
                named(names, json!({"type": side, "strike": strike}), 560)
            }
            "worst_of" => {
                let names = self.names(&["XSHG:000300"], None);
                let strike = self.level(88, 96);
                named(names, json!({"type": "put", "strike": strike}), 390)
            }
            _ => {
                let names = self.names(&["XSHG:000016"], None);
                let strike = self.level(100, 105);
                named(
                    names,
                    json!({"type": "call", "strike": strike, "measure": "performance"}),
                    640,
                )
            }
        }
    }
}
