//! Names of legs and presets in the words of the desk, in English and Simplified Chinese.

/// Legs of templates and of the book.
const LEGS: [(&str, &str, &str); 21] = [
    ("bonus", "bonus", "红利票息"),
    ("coupon", "coupon", "票息"),
    ("dividend", "dividend", "股息"),
    ("enhancement", "enhancement", "增强收益"),
    ("equity", "equity leg", "权益端"),
    ("exercise", "exercise", "行权"),
    ("fee", "fee", "费用"),
    ("financing", "financing leg", "融资端"),
    ("floor", "floor", "保底收益"),
    ("last_day", "last day", "末日加倍"),
    ("loss", "knock-in loss", "敲入损失"),
    ("paid_in", "principal paid in", "期初投入本金"),
    ("payment", "payment", "款项"),
    ("payoff", "payoff", "到期收益"),
    ("premium", "premium", "期权费"),
    ("principal", "principal", "本金"),
    ("rebate", "rebate", "补偿"),
    ("redemption", "redemption", "赎回"),
    ("settlement", "settlement", "结算"),
    ("units", "units", "份额结算"),
    ("unwind", "unwind price", "平仓价"),
];

/// Presets of templates.
const PRESETS: [(&str, &str); 17] = [
    ("bear", "看跌"),
    ("booster", "早利"),
    ("both_down", "双降"),
    ("butterfly", "蝶变"),
    ("dcn", "期末敲入"),
    ("european_ki", "欧式敲入"),
    ("fcn", "固定票息"),
    ("limited_loss", "限亏"),
    ("margin", "保证金"),
    ("otm", "虚值"),
    ("parachute", "降落伞"),
    ("paris", "巴黎"),
    ("plus", "看涨"),
    ("small", "小雪球"),
    ("standard", "平敲"),
    ("stepdown", "降敲"),
    ("trigger", "触发式"),
];

/// A leg in English. Own programs name theirs themselves; those stay as they are written.
#[must_use]
pub fn leg_en(name: &str) -> &str {
    let known = LEGS.iter().find(|(known, ..)| *known == name);
    known.map_or(name, |(_, en, _)| en)
}

/// A leg in Simplified Chinese.
#[must_use]
pub fn leg_zh(name: &str) -> &str {
    let known = LEGS.iter().find(|(known, ..)| *known == name);
    known.map_or(name, |(.., zh)| zh)
}

/// A preset in Simplified Chinese.
#[must_use]
pub fn preset_zh(name: &str) -> &str {
    let known = PRESETS.iter().find(|(known, _)| *known == name);
    known.map_or(name, |(_, zh)| zh)
}

/// Words that the book and templates write into the formula beside an amount.
const OF_TRACES: [(&str, &str); 6] = [
    ("unwind price ", "平仓价 "),
    ("fee to the house ", "我方收取的费用 "),
    ("fee to the counterparty ", "我方支付的费用 "),
    ("premium ", "期权费 "),
    ("principal ", "本金 "),
    (" paid", " 已付"),
];

/// The formula beside an amount, its words in Simplified Chinese.
#[must_use]
pub fn trace_zh(trace: &str) -> String {
    let told = OF_TRACES.iter();
    told.fold(trace.to_owned(), |text, (en, zh)| text.replace(en, zh))
}

#[cfg(test)]
mod tests {
    use super::{PRESETS, leg_zh, preset_zh, trace_zh};
    use crate::templates::catalog::PRODUCTS;

    #[test]
    fn every_preset_has_a_chinese_name_and_no_other_is_named() {
        let known: Vec<&str> = PRODUCTS.iter().flat_map(|p| p.presets).copied().collect();
        for name in &known {
            assert_ne!(preset_zh(name), *name, "{name} has no Chinese name");
        }
        for (name, _) in PRESETS {
            assert!(known.contains(&name), "{name} is no preset");
        }
    }

    #[test]
    fn formulas_keep_their_numbers() {
        assert_eq!(trace_zh("unwind price 4,900,000"), "平仓价 4,900,000");
        assert_eq!(
            trace_zh("20,000,000 x 14.7 % x 154/365"),
            "20,000,000 x 14.7 % x 154/365"
        );
        assert_eq!(trace_zh("premium 5 - 3 paid"), "期权费 5 - 3 已付");
        assert_eq!(
            trace_zh("premium 990 - principal 4,000 x 25 %"),
            "期权费 990 - 本金 4,000 x 25 %"
        );
        assert_eq!(leg_zh("my own leg"), "my own leg");
    }
}
