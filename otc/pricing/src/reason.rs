//! Why an engine prices a contract or does not, in both languages.

use std::fmt;

use rialto_otc_market::heston::HestonError;
use serde::{Serialize, Serializer};

use crate::engine::PriceError;

/// A reason in English and Simplified Chinese; shown and serialised it is the English one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// In English.
    pub en: String,
    /// The same in Simplified Chinese.
    pub zh: String,
}

impl Reason {
    /// Of two texts.
    pub fn new(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self {
            en: en.into(),
            zh: zh.into(),
        }
    }

    /// There are several underlyings, or none.
    pub(crate) fn one_underlying(count: usize) -> Self {
        Self::new(
            format!("{count} underlyings, one is needed"),
            format!("有 {count} 个标的，只能有一个"),
        )
    }

    /// There are not two underlyings.
    pub(crate) fn two_underlyings(count: usize) -> Self {
        Self::new(
            format!("{count} underlyings, two are needed"),
            format!("有 {count} 个标的，须为两个"),
        )
    }

    /// Several, one after another.
    pub(crate) fn all(reasons: impl IntoIterator<Item = Self>) -> Self {
        let (en, zh): (Vec<_>, Vec<_>) = reasons
            .into_iter()
            .map(|reason| (reason.en, reason.zh))
            .unzip();
        Self::new(en.join("; "), zh.join("；"))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.en)
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.en)
    }
}

impl From<&HestonError> for Reason {
    fn from(error: &HestonError) -> Self {
        let rule = match error.name {
            "kappa" => "回归速度须大于 0",
            "xi" => "波动率不得为负",
            "rho" => "相关系数须在 -1 与 1 之间",
            _ => "方差不得为负",
        };
        let (name, value) = (error.name, error.value);
        Self::new(
            error.to_string(),
            format!("Heston 参数 {name} 为 {value}，{rule}"),
        )
    }
}

impl From<PriceError> for Reason {
    fn from(error: PriceError) -> Self {
        Self::new(error.to_string(), error.zh())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select;
    use crate::testing::{Snowball, ask, european, flat};

    fn chinese(text: &str) -> bool {
        text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
    }

    #[test]
    fn every_candidate_says_why_in_both_languages_and_is_english_text_outside() {
        let model = flat(100.0, 0.03, 0.05, 0.2);
        let mut seen = 0;
        for plan in [european(1.0, 100.0, 1.0), Snowball::default().plan()] {
            let chosen = select::price(&plan, &model, &ask(), None).expect("a price");
            assert!(chosen.why.len() > 5);
            for candidate in &chosen.why {
                let Reason { en, zh } = &candidate.reason;
                assert!(
                    chinese(zh) && !chinese(en),
                    "{}: {en} {zh}",
                    candidate.engine
                );
                let told = serde_json::to_value(candidate).expect("JSON");
                assert_eq!(told["reason"], **en);
                seen += 1;
            }
        }
        assert!(seen > 10);
    }

    #[test]
    fn a_refusal_is_chinese_for_who_reads_chinese() {
        let model = flat(100.0, 0.03, 0.05, 0.2);
        let plan = european(1.0, 100.0, 1.0);
        let refused = select::price(&plan, &model, &ask(), Some("american"));
        let error = refused.expect_err("a European option");
        assert!(
            error.en().ends_with("it is not an American option"),
            "{error}"
        );
        assert!(error.zh().ends_with("不是美式期权"), "{}", error.zh());
        let both = Reason::all([Reason::new("a", "甲"), Reason::new("b", "乙")]);
        assert_eq!((both.en.as_str(), both.zh.as_str()), ("a; b", "甲；乙"));
    }

    #[test]
    fn parameters_of_heston_are_told_by_name() {
        let error = HestonError {
            name: "rho",
            value: 2.0,
            rule: "a correlation lies between -1 and 1",
        };
        let told = Reason::from(&error);
        assert_eq!(told.en, error.to_string());
        assert_eq!(told.zh, "Heston 参数 rho 为 2，相关系数须在 -1 与 1 之间");
    }
}
