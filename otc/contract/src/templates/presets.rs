//! Presets of `snowball` (specification, section 6): each fixes or defaults some terms and refuses
//! terms that contradict its name.

use rust_decimal::Decimal;

use super::Context;
use super::autocall::Basis;
use super::snowball_terms::Read;
use crate::document::Node;
use crate::names;
use crate::reader::Field;

/// A named form of the snowball.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// 平敲: one knock-out level.
    Standard,
    /// 降敲: the knock-out level falls.
    Stepdown,
    /// 早利: two coupon tiers.
    Booster,
    /// 蝶变: three coupon tiers.
    Butterfly,
    /// 双降: knock-out level and coupon both fall.
    BothDown,
    /// 降落伞: the last knock-out level is the knock-in level.
    Parachute,
    /// 限亏, 保底: the loss is limited.
    LimitedLoss,
    /// The loss begins below the initial fixing.
    Otm,
    /// Knock-in is looked at on the last date only.
    EuropeanKi,
    /// 看涨: participation at the knock-out.
    Plus,
    /// 触发式: coupons are absolute.
    Trigger,
    /// 二元小雪球: no knock-in, a small bonus, the principal is safe.
    Small,
    /// 巴黎: weekly knock-out, knock-in after a number of monthly touches.
    Paris,
    /// 看跌: every inequality is turned round.
    Bear,
    /// 保证金: the holder pays in part of the notional.
    Margin,
}

/// Names of the presets, in the order of [`Preset`].
pub const NAMES: [&str; 15] = [
    "standard",
    "stepdown",
    "booster",
    "butterfly",
    "both_down",
    "parachute",
    "limited_loss",
    "otm",
    "european_ki",
    "plus",
    "trigger",
    "small",
    "paris",
    "bear",
    "margin",
];

const ALL: [Preset; 15] = [
    Preset::Standard,
    Preset::Stepdown,
    Preset::Booster,
    Preset::Butterfly,
    Preset::BothDown,
    Preset::Parachute,
    Preset::LimitedLoss,
    Preset::Otm,
    Preset::EuropeanKi,
    Preset::Plus,
    Preset::Trigger,
    Preset::Small,
    Preset::Paris,
    Preset::Bear,
    Preset::Margin,
];

/// Code of every contradiction between a preset and its terms.
const CODE: &str = "E-TERM-PRESET";

impl Preset {
    /// The preset of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let at = NAMES.iter().position(|known| *known == name)?;
        ALL.get(at).copied()
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        let at = ALL.iter().position(|known| *known == self);
        at.and_then(|at| NAMES.get(at)).copied().unwrap_or_default()
    }

    /// Knock-out dates when terms give none: monthly after three months, weekly for Paris.
    #[must_use]
    pub fn ko_schedule(preset: Option<Self>) -> Node {
        match preset {
            Some(Self::Paris) => Node::map([("freq", Node::text("1w"))]),
            _ => Node::map([("freq", Node::text("1m")), ("lock", Node::text("3m"))]),
        }
    }

    /// Knock-in dates when terms give none and not daily.
    #[must_use]
    pub fn ki_schedule(self) -> Option<Node> {
        match self {
            Self::Paris => Some(Node::map([("freq", Node::text("1m"))])),
            Self::EuropeanKi => Some(Node::text("end")),
            _ => None,
        }
    }

    /// Applies what it fixes and refuses what contradicts it; `None` after a finding.
    pub fn apply(self, read: &mut Read<'_>, context: &Context<'_>) -> Option<()> {
        match self {
            Self::Standard => {
                self.levels(read, Steps::Flat)?;
                self.coupons(read, Steps::Flat)
            }
            Self::Stepdown => self.levels(read, Steps::Falling),
            Self::Booster => self.tiers(read, 2),
            Self::Butterfly => self.tiers(read, 3),
            Self::BothDown => {
                self.levels(read, Steps::Falling)?;
                self.coupons(read, Steps::Falling)
            }
            Self::Parachute => self.parachute(read),
            Self::LimitedLoss => self.limited_loss(read),
            Self::Otm => self.otm(read, context),
            Self::EuropeanKi => self.european_ki(read, context),
            Self::Plus => self.plus(read),
            Self::Trigger => self.trigger(read),
            Self::Small => self.small(read),
            Self::Paris => self.paris(read),
            Self::Bear => self.bear(read),
            Self::Margin => self.margin(read),
        }
    }

    fn refuse(self, field: &Field<'_>, en: &str, zh: &str) -> Option<()> {
        let name = self.name();
        field.error(
            CODE,
            format!("Preset {name:?}: {en} Correct the terms or drop the preset."),
            format!(
                "预设“{}”（{name}）：{zh}请更正条款或去掉 preset。",
                names::preset_zh(name)
            ),
        );
        None
    }

    fn levels(self, read: &Read<'_>, steps: Steps) -> Option<()> {
        if steps.hold(&read.levels) {
            return Some(());
        }
        match steps {
            Steps::Flat => {
                let en = "the knock-out level is the same on every date.";
                self.refuse(&read.at.levels, en, "敲出水平须各期相同。")
            }
            Steps::Falling => {
                let en = "the knock-out level never rises from date to date.";
                self.refuse(&read.at.levels, en, "敲出水平须逐期不升。")
            }
        }
    }

    fn coupons(self, read: &Read<'_>, steps: Steps) -> Option<()> {
        if steps.hold(&read.coupons) {
            return Some(());
        }
        match steps {
            Steps::Flat => {
                let en = "the coupon rate is the same on every date.";
                self.refuse(&read.at.coupon, en, "票息须各期相同。")
            }
            Steps::Falling => {
                let en = "the coupon rate never rises from date to date.";
                self.refuse(&read.at.coupon, en, "票息须逐期不升。")
            }
        }
    }

    fn tiers(self, read: &Read<'_>, wanted: usize) -> Option<()> {
        let seen = 1 + read
            .coupons
            .windows(2)
            .filter(|pair| pair[0] != pair[1])
            .count();
        if seen == wanted {
            return Some(());
        }
        let en = format!("coupons come in {wanted} tiers, these are {seen}.");
        self.refuse(
            &read.at.coupon,
            &en,
            &format!("票息须分 {wanted} 段，现为 {seen} 段。"),
        )
    }

    fn parachute(self, read: &mut Read<'_>) -> Option<()> {
        let (ki, _) = read.terms.ki.as_ref()?;
        let level = ki.level;
        let node = read.at.levels.node();
        let written = node.get("last").is_some() || read.at.levels.node().kind() == "a list";
        let last = read.levels.last_mut()?;
        if written && *last != level {
            let en = format!("the last knock-out level is the knock-in level {level}, not {last}.");
            let zh = format!("最后一期敲出水平应等于敲入水平 {level}，现为 {last}。");
            return self.refuse(&read.at.levels, &en, &zh);
        }
        *last = level;
        Some(())
    }

    fn limited_loss(self, read: &Read<'_>) -> Option<()> {
        if read
            .terms
            .ki
            .as_ref()
            .is_some_and(|(_, loss)| loss.limit.is_some())
        {
            return Some(());
        }
        let field = read.at.loss.as_ref().unwrap_or(&read.at.terms);
        let (limit, zh) = match read.bear {
            false => ("k_lo", "须给出大于零的 k_lo。"),
            true => ("k_cap", "须给出 k_cap。"),
        };
        self.refuse(
            field,
            &format!("\"loss\" gives a {limit:?} above zero."),
            zh,
        )
    }

    fn otm(self, read: &Read<'_>, context: &Context<'_>) -> Option<()> {
        let initial = context.initial(0)?;
        let outside = read
            .terms
            .ki
            .as_ref()
            .is_some_and(|(_, loss)| match read.bear {
                false => loss.strike < initial,
                true => loss.strike > initial,
            });
        if outside {
            return Some(());
        }
        let field = read.at.loss.as_ref().unwrap_or(&read.at.terms);
        let en = "the loss begins out of the money: \"k_hi\" below 100 % (bear: \"k_str\" above).";
        self.refuse(field, en, "k_hi 须低于 100 %（看跌：k_str 高于 100 %）。")
    }

    fn european_ki(self, read: &Read<'_>, context: &Context<'_>) -> Option<()> {
        let end = context.end()?;
        let rows = &read.ki.as_ref()?.rows;
        if rows.len() == 1 && rows.last().map(|row| row.at) == Some(end.at) {
            return Some(());
        }
        let field = read.at.ki.as_ref().unwrap_or(&read.at.terms);
        let en = "knock-in is looked at on the last date only; leave \"schedule\" out.";
        self.refuse(field, en, "仅在到期日观察敲入，请勿给出其他观察日程。")
    }

    fn plus(self, read: &Read<'_>) -> Option<()> {
        if read.terms.upside.is_some() {
            return Some(());
        }
        let en = "\"ko\" gives a \"participation\" above zero.";
        self.refuse(&read.at.terms, en, "ko 中须给出大于零的 participation。")
    }

    fn trigger(self, read: &Read<'_>) -> Option<()> {
        if read.terms.basis == Basis::Absolute {
            return Some(());
        }
        let field = read.at.basis.as_ref().unwrap_or(&read.at.coupon);
        self.refuse(
            field,
            "coupons are absolute, not annualised.",
            "票息为绝对收益，不年化。",
        )
    }

    fn small(self, read: &Read<'_>) -> Option<()> {
        let least = read.coupons.iter().min().copied().unwrap_or_default();
        let field = read.at.bonus.as_ref().unwrap_or(&read.at.terms);
        if read.terms.bonus < Decimal::ZERO || read.terms.bonus > least {
            let en = format!("the bonus is small: from 0 to the lowest coupon {least}.");
            let zh = format!("红利票息须在 0 与最低票息 {least} 之间。");
            return self.refuse(field, &en, &zh);
        }
        Some(())
    }

    fn paris(self, read: &Read<'_>) -> Option<()> {
        if read.terms.ki.as_ref().is_some_and(|(ki, _)| ki.count >= 2) {
            return Some(());
        }
        let field = read.at.ki.as_ref().unwrap_or(&read.at.terms);
        let en = "\"ki\" gives a \"count\" of touches, 2 or more.";
        self.refuse(field, en, "ki 中须给出不小于 2 的触碰次数 count。")
    }

    fn bear(self, read: &Read<'_>) -> Option<()> {
        if read.bear {
            return Some(());
        }
        self.refuse(
            &read.at.terms,
            "\"side\" is \"bear\"; leave it out.",
            "side 应为 bear，可省略。",
        )
    }

    fn margin(self, read: &Read<'_>) -> Option<()> {
        if read.terms.principal.margin < Decimal::ONE {
            return Some(());
        }
        let field = read.at.principal.as_ref().unwrap_or(&read.at.terms);
        let en = "\"principal\" gives a \"margin\" below 100 %.";
        self.refuse(field, en, "principal 中须给出低于 100 % 的 margin。")
    }
}

/// How a vector runs from row to row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Steps {
    Flat,
    Falling,
}

impl Steps {
    fn hold(self, values: &[Decimal]) -> bool {
        values.windows(2).all(|pair| match self {
            Self::Flat => pair[0] == pair[1],
            Self::Falling => pair[0] >= pair[1],
        })
    }
}

/// Which parts must or must not be written; `None` after a finding.
pub fn check_presence(
    preset: Option<Preset>,
    terms: &Field<'_>,
    ki: Option<&Field<'_>>,
    loss: Option<&Field<'_>>,
    bonus: Option<&Field<'_>>,
) -> Option<()> {
    if let Some(small) = preset.filter(|preset| *preset == Preset::Small) {
        let stray = ki.or(loss);
        if let Some(field) = stray {
            let en = "there is no knock-in and the principal is safe.";
            return small.refuse(field, en, "没有敲入，本金安全。");
        }
        if bonus.is_none() {
            return small.refuse(terms, "give the small \"bonus\".", "须给出 bonus。");
        }
        return Some(());
    }
    if let (None, Some(field)) = (ki, loss) {
        field.error(
            "E-TERM-LOSS",
            "A loss without a knock-in has no effect. Give \"ki\" or drop \"loss\".",
            "没有敲入时 loss 不起作用，请给出 ki 或去掉 loss。",
        );
        return None;
    }
    let free = [Preset::Plus, Preset::Trigger, Preset::Margin];
    match (preset, ki) {
        (Some(preset), None) if !free.contains(&preset) => {
            preset.refuse(terms, "give the knock-in \"ki\".", "须给出敲入条款 ki。")
        }
        _ => Some(()),
    }
}
