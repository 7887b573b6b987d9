//! Terms of snowballs and phoenixes.

use serde_json::{Value, json};

use super::Draw;

impl Draw<'_> {
    pub(super) fn snowball(&mut self) -> Value {
        let rate = self.rate(90, 180);
        let ki = self.level(66, 77);
        let flat = self.level(100, 103);
        let monthly = json!({"freq": "1m", "lock": "3m"});
        let plain = json!({"schedule": monthly, "levels": flat});
        let daily = json!({"schedule": "daily", "level": ki});
        match self.slot.preset {
            Some("standard") => json!({"ko": plain, "coupon": {"rate": rate}, "ki": daily}),
            Some("stepdown") => {
                let step = self.dice.percent(-60, -20, 10);
                let falling = json!({"levels": {"first": flat, "step": step}});
                json!({"ko": falling, "coupon": {"rate": rate}, "bonus": rate, "ki": {"level": ki}})
            }
            Some("booster") => {
                let tiers =
                    json!([{"to": 4, "rate": self.rate(200, 280)}, {"rate": self.rate(40, 70)}]);
                json!({"ko": plain, "coupon": {"tiers": tiers}, "bonus": "3%", "ki": daily})
            }
            Some("butterfly") => {
                let tiers = json!([{"to": 3, "rate": self.rate(190, 230)},
                    {"to": 7, "rate": self.rate(100, 130)}, {"rate": self.rate(40, 60)}]);
                json!({"ko": plain, "coupon": {"tiers": tiers}, "ki": daily})
            }
            Some("both_down") => {
                let coupon = json!({"first": self.rate(160, 200), "step": "-0.3%"});
                json!({"ko": {"levels": {"first": flat, "step": "-0.5%"}},
                    "coupon": {"rate": coupon}, "ki": {"level": ki}})
            }
            Some("parachute") => {
                json!({"ko": {"levels": flat}, "coupon": {"rate": rate}, "ki": {"level": ki}})
            }
            Some("limited_loss") => {
                let floor = self.level(80, 90);
                json!({"ko": plain, "coupon": {"rate": self.rate(70, 110)}, "ki": daily, "loss": {"k_lo": floor}})
            }
            Some("otm") => {
                let strike = self.level(82, 92);
                json!({"ko": plain, "coupon": {"rate": self.rate(80, 120)}, "ki": daily,
                    "loss": {"k_hi": strike, "base": "k_hi"}})
            }
            Some("european_ki") => {
                json!({"ko": plain, "coupon": {"rate": rate}, "ki": {"level": ki}})
            }
            Some("plus") => {
                let share = self.dice.percent(1_000, 5_000, 500);
                let ko = json!({"levels": "103%", "participation": share, "call": "103%"});
                json!({"ko": ko, "coupon": {"rate": self.rate(50, 90)}, "ki": daily})
            }
            Some("trigger") => {
                json!({"ko": plain, "coupon": {"rate": self.rate(40, 70)}, "bonus": "0%", "ki": daily})
            }
            Some("small") => {
                let ko = json!({"schedule": {"freq": "1m"}, "levels": flat});
                json!({"ko": ko, "coupon": {"rate": self.rate(40, 65)}, "bonus": self.rate(1, 10)})
            }
            Some("paris") => {
                let touches = self.dice.whole(2, 4);
                json!({"ko": {"levels": flat}, "coupon": {"rate": rate},
                    "ki": {"level": self.level(76, 84), "count": touches}})
            }
            Some("bear") => json!({"ko": {"levels": self.level(97, 99)}, "coupon": {"rate": rate},
                "ki": {"level": self.level(122, 132)}, "loss": {"k_str": "100%", "k_cap": "150%"}}),
            Some("margin") => json!({"ko": plain, "coupon": {"rate": rate}, "ki": daily,
                "principal": {"margin": "25%", "no_recourse": true}}),
            _ => json!({"ko": plain, "coupon": {"rate": rate}, "bonus": rate, "ki": daily,
                "loss": {"k_hi": "100%", "k_lo": "0%", "part": "100%"}}),
        }
    }

    pub(super) fn phoenix(&mut self) -> Value {
        let ki = self.level(64, 72);
        let from = self.dice.whole(3, 4);
        match self.slot.preset {
            Some("dcn") => {
                let level = self.level(76, 84);
                json!({"coupon": {"rate": self.rate(90, 140), "basis": "annual", "level": level},
                    "ko": {"from": from, "levels": "100%"}, "ki": {"level": level}})
            }
            Some("fcn") => {
                let rate = self.dice.percent(50, 90, 5);
                json!({"coupon": {"rate": rate},
                    "ko": {"from": from, "levels": {"first": "102%", "step": "-0.25%"}}, "ki": {"level": ki}})
            }
            _ => {
                let rate = self.dice.percent(70, 130, 5);
                let memory = self.dice.chance(0.6);
                json!({"coupon": {"schedule": {"freq": "1m"}, "rate": rate, "basis": "per_period",
                        "level": self.level(74, 82), "memory": memory},
                    "ko": {"from": from, "levels": self.level(100, 104)},
                    "ki": {"schedule": "daily", "level": ki}})
            }
        }
    }
}
