//! How many contracts of what: a third snowballs, as on a Chinese desk, and every product at least a
//! few times.

use super::On;
use crate::story::Story;

/// A place in the book.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub product: &'static str,
    pub preset: Option<&'static str>,
    pub story: Story,
    pub on: On,
    /// Lengths in months it may have.
    pub months: &'static [i32],
    /// Sessions since its start; drawn when not told.
    pub age: Option<usize>,
    /// Whether the house may be the buyer.
    pub both_ways: bool,
}

const LONG: &[i32] = &[12, 18, 24];
const YEAR: &[i32] = &[12];
const MIDDLE: &[i32] = &[3, 6, 9, 12];
const SHORT: &[i32] = &[1, 2, 3, 6];
const HALF: &[i32] = &[6];

/// Presets of the snowball and how many of each; `None` is the plain form.
const SNOWBALLS: [(Option<&str>, usize, &[i32]); 16] = [
    (None, 12, LONG),
    (Some("standard"), 14, LONG),
    (Some("stepdown"), 16, LONG),
    (Some("booster"), 5, LONG),
    (Some("butterfly"), 4, LONG),
    (Some("both_down"), 4, LONG),
    (Some("parachute"), 7, LONG),
    (Some("limited_loss"), 7, LONG),
    (Some("otm"), 5, LONG),
    (Some("european_ki"), 4, YEAR),
    (Some("plus"), 4, LONG),
    (Some("trigger"), 3, YEAR),
    (Some("small"), 5, YEAR),
    (Some("paris"), 3, LONG),
    (Some("bear"), 3, YEAR),
    (Some("margin"), 4, LONG),
];

const PHOENIXES: [(Option<&str>, usize, &[i32]); 3] = [
    (None, 14, LONG),
    (Some("dcn"), 8, YEAR),
    (Some("fcn"), 8, YEAR),
];

/// The other products: how many, on what, how long, and whether the house also buys them.
const OTHERS: [(&str, usize, On, &[i32], bool); 27] = [
    ("forward", 5, On::Future, SHORT, true),
    ("european", 12, On::Any, MIDDLE, true),
    ("american", 5, On::Future, SHORT, true),
    ("combo", 8, On::Any, MIDDLE, true),
    ("trs", 10, On::Any, &[6, 12], false),
    ("digital", 6, On::Index, SHORT, false),
    ("one_touch", 4, On::Index, SHORT, false),
    ("no_touch", 4, On::Index, SHORT, false),
    ("double_touch", 4, On::Index, SHORT, false),
    ("double_no_touch", 4, On::Index, SHORT, false),
    ("binary_convex", 5, On::Index, SHORT, false),
    ("binary_concave", 4, On::Index, SHORT, false),
    ("asian", 6, On::Future, SHORT, true),
    ("enhanced_asian", 5, On::Future, SHORT, false),
    ("exchange", 3, On::Code("XSHG:000905"), HALF, false),
    ("spread", 4, On::Code("XSGE:cu"), SHORT, false),
    ("basket", 4, On::Code("XSHG:000905"), YEAR, false),
    ("worst_of", 5, On::Code("XSHG:000905"), YEAR, false),
    ("best_of", 3, On::Code("XSHG:000300"), YEAR, false),
    ("enhanced_index", 6, On::Index, YEAR, false),
    ("barrier", 8, On::Index, MIDDLE, true),
    ("sharkfin", 15, On::Index, MIDDLE, false),
    ("double_sharkfin", 6, On::Index, SHORT, false),
    ("airbag", 10, On::Any, YEAR, false),
    ("range_accrual", 7, On::Index, MIDDLE, false),
    ("accumulator", 10, On::Future, SHORT, false),
    ("decumulator", 6, On::Future, SHORT, false),
];

/// Stories that are told on purpose: product, preset, story, sessions since the start. Each takes a
/// place of its product.
const TOLD: [(&str, Option<&str>, Story, usize); 29] = [
    ("snowball", Some("standard"), Story::Draft, 0),
    ("snowball", Some("stepdown"), Story::Draft, 0),
    ("phoenix", None, Story::Draft, 0),
    ("sharkfin", None, Story::Draft, 0),
    ("european", None, Story::Draft, 1),
    ("airbag", None, Story::Rejected, 2),
    ("snowball", None, Story::PendingApproval, 0),
    ("snowball", Some("stepdown"), Story::PendingApproval, 0),
    ("snowball", Some("parachute"), Story::PendingApproval, 1),
    ("range_accrual", None, Story::PendingApproval, 0),
    ("accumulator", None, Story::PendingApproval, 1),
    ("snowball", Some("standard"), Story::PendingConfirm, 2),
    ("snowball", Some("limited_loss"), Story::PendingConfirm, 3),
    ("phoenix", Some("dcn"), Story::PendingConfirm, 1),
    ("combo", None, Story::PendingConfirm, 2),
    ("snowball", Some("stepdown"), Story::Cancelled, 40),
    ("european", None, Story::Cancelled, 25),
    ("snowball", None, Story::Amended, 30),
    ("snowball", Some("standard"), Story::Terminated, 52),
    ("airbag", None, Story::Terminated, 60),
    ("trs", None, Story::Terminated, 70),
    ("snowball", Some("stepdown"), Story::PartlyTerminated, 45),
    ("phoenix", None, Story::Increased, 35),
    ("european", None, Story::Extended, 20),
    ("american", None, Story::Exercised, 12),
    ("american", None, Story::Abandoned, 10),
    ("snowball", Some("standard"), Story::Novated, 55),
    ("snowball", None, Story::Corrected, 137),
    ("sharkfin", None, Story::PaymentFailed, 130),
];

/// The products' places in order, the told stories on the first ones of their product.
pub(crate) fn slots() -> Vec<Slot> {
    let mut slots = Vec::with_capacity(300);
    for (product, table) in [("snowball", &SNOWBALLS[..]), ("phoenix", &PHOENIXES[..])] {
        for (preset, count, months) in table {
            let slot = Slot {
                product,
                preset: *preset,
                story: Story::Lives,
                on: if product == "snowball" {
                    On::Any
                } else {
                    On::Index
                },
                months,
                age: None,
                both_ways: false,
            };
            slots.extend(std::iter::repeat_n(slot, *count));
        }
    }
    for (product, count, on, months, both_ways) in OTHERS {
        let slot = Slot {
            product,
            preset: None,
            story: Story::Lives,
            on,
            months,
            age: None,
            both_ways,
        };
        slots.extend(std::iter::repeat_n(slot, count));
    }
    for (product, preset, story, age) in TOLD {
        let free = |slot: &&mut Slot| {
            slot.product == product && slot.preset == preset && slot.story == Story::Lives
        };
        if let Some(slot) = slots.iter_mut().find(free) {
            (slot.story, slot.age) = (story, Some(age));
            // Long enough to be alive when the story is told, short enough to pay in time.
            slot.months = match story {
                Story::PaymentFailed => HALF,
                Story::Exercised | Story::Abandoned | Story::Extended => &[3],
                _ => YEAR,
            };
            if story == Story::Corrected {
                slot.on = On::Code("XSHE:300750");
            }
        }
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_has_299_places_and_one_for_who_takes_over() {
        let slots = slots();
        assert_eq!(slots.len(), 299);
        let snowballs = slots
            .iter()
            .filter(|slot| slot.product == "snowball")
            .count();
        assert_eq!(snowballs, 100);
        let told = slots
            .iter()
            .filter(|slot| slot.story != Story::Lives)
            .count();
        assert_eq!(told, TOLD.len(), "every story has its place");
    }
}
