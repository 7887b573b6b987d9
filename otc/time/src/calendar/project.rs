//! Closures that are expected but not yet announced.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use rialto_kernel::Located;

use super::announced::{Family, Mark};
use crate::date::{Date, Weekday};

/// The last year sessions are projected for: that of the festival table.
pub(super) const LAST_YEAR: i32 = 2050;

const TABLE: &str = include_str!("../../data/lunar.txt");

static FESTIVALS: LazyLock<BTreeMap<i32, Festivals>> = LazyLock::new(|| {
    read("lunar.txt", TABLE).expect("a test reads the built-in table, so it is valid")
});

/// The days of one year that follow the moon or the sun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Festivals {
    pub(super) new_year: Date,
    pub(super) buddha: Date,
    pub(super) dragon_boat: Date,
    pub(super) mid_autumn: Date,
    pub(super) chung_yeung: Date,
    pub(super) qingming: Date,
}

pub(super) fn festivals(year: i32) -> Option<&'static Festivals> {
    FESTIVALS.get(&year)
}

fn read(file: &str, text: &str) -> Result<BTreeMap<i32, Festivals>, Located> {
    let mut years = BTreeMap::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') || line == "format 1" {
            continue;
        }
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let row = row(line).ok_or_else(|| {
            Located::new(file, number, 0, "expected a year and six days as MM-DD")
        })?;
        years.insert(row.0, row.1);
    }
    Ok(years)
}

fn row(line: &str) -> Option<(i32, Festivals)> {
    let mut words = line.split_whitespace();
    let year = words.next()?;
    let mut day = || format!("{year}-{}", words.next()?).parse::<Date>().ok();
    let festivals = Festivals {
        new_year: day()?,
        buddha: day()?,
        dragon_boat: day()?,
        mid_autumn: day()?,
        chung_yeung: day()?,
        qingming: day()?,
    };
    Some((year.parse().ok()?, festivals))
}

/// The marks expected of a year; `None` outside the festival table.
pub(super) fn projected(family: Family, year: i32) -> Option<BTreeMap<Date, Mark>> {
    let festivals = festivals(year)?;
    Some(match family {
        Family::Mainland => mainland(year, festivals),
        Family::HongKong => hong_kong(year, festivals),
    })
}

/// The mainland's rule: 1 January, the eve to the seventh day of the lunar year, Qingming,
/// 1 to 5 May, Dragon Boat, Mid-Autumn, 1 to 7 October. Bridges and make-up working days are a
/// matter of the yearly notice and are not guessed.
fn mainland(year: i32, festivals: &Festivals) -> BTreeMap<Date, Mark> {
    let mut days: Vec<Date> = Vec::new();
    let mut range = |from: Date, count: i32| {
        days.extend((0..count).map(|ahead| Date::raw(from.days() + ahead)));
    };
    let fixed = |month, day| Date::new(year, month, day).ok();
    for (from, count) in [(fixed(1, 1), 1), (fixed(5, 1), 5), (fixed(10, 1), 7)] {
        if let Some(from) = from {
            range(from, count);
        }
    }
    range(Date::raw(festivals.new_year.days() - 1), 8);
    for day in [
        festivals.qingming,
        festivals.dragon_boat,
        festivals.mid_autumn,
    ] {
        range(day, 1);
    }
    days.into_iter()
        .filter(|day| !day.is_weekend())
        .map(|day| (day, Mark::Closed))
        .collect()
}

/// Hong Kong's general holidays (General Holidays Ordinance, Cap. 149, as amended in 2011). One
/// that falls on a Sunday, or on another holiday, is kept on the next day that is neither. The
/// eves of Christmas, of the new year and of the lunar new year are half days.
fn hong_kong(year: i32, festivals: &Festivals) -> BTreeMap<Date, Mark> {
    let ahead = |day: Date, count: i32| Date::raw(day.days() + count);
    let easter = easter_sunday(year);
    let fixed = [(1, 1), (5, 1), (7, 1), (10, 1), (12, 25), (12, 26)];
    let mut named: Vec<Date> = fixed
        .into_iter()
        .filter_map(|(month, day)| Date::new(year, month, day).ok())
        .collect();
    named.extend([
        festivals.new_year,
        ahead(festivals.new_year, 1),
        ahead(festivals.new_year, 2),
        festivals.qingming,
        ahead(easter, -2),
        ahead(easter, -1),
        ahead(easter, 1),
        festivals.buddha,
        festivals.dragon_boat,
        ahead(festivals.mid_autumn, 1),
        festivals.chung_yeung,
    ]);
    named.sort_unstable();
    let is_sunday = |day: Date| day.weekday() == Weekday::Sunday;
    let mut kept: BTreeSet<Date> = BTreeSet::new();
    let mut moved = Vec::new();
    for day in named {
        if is_sunday(day) || !kept.insert(day) {
            moved.push(day);
        }
    }
    for day in moved {
        let mut next = ahead(day, 1);
        while is_sunday(next) || !kept.insert(next) {
            next = ahead(next, 1);
        }
    }
    let mut marks: BTreeMap<Date, Mark> = kept
        .into_iter()
        .filter(|day| !day.is_weekend())
        .map(|day| (day, Mark::Closed))
        .collect();
    let eves = [(12, 24), (12, 31)]
        .into_iter()
        .filter_map(|(month, day)| Date::new(year, month, day).ok())
        .chain([ahead(festivals.new_year, -1)]);
    for eve in eves.filter(|eve| !eve.is_weekend()) {
        marks.entry(eve).or_insert(Mark::Half);
    }
    marks
}

/// Easter Sunday of the Gregorian calendar (Meeus, Jones and Butcher, "Nature", 1876).
fn easter_sunday(year: i32) -> Date {
    let golden = year % 19;
    let (century, rest) = (year / 100, year % 100);
    let (leap_centuries, century_rest) = (century / 4, century % 4);
    let moon_shift = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - leap_centuries - moon_shift + 15) % 30;
    let weekday = (32 + 2 * century_rest + 2 * (rest / 4) - epact - rest % 4) % 7;
    let correction = (golden + 11 * epact + 22 * weekday) / 451;
    let ahead = epact + weekday - 7 * correction + 114;
    // Between 22 March and 25 April of the year: the number of days after 22 March.
    let (month, day) = (ahead / 31, ahead % 31 + 1);
    let from_march = if month == 3 { day - 22 } else { day + 9 };
    Date::new(year, 3, 22).map_or(Date::MIN, |first| Date::raw(first.days() + from_march))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_festival_table_has_every_year_from_2007_to_the_last() {
        let years: Vec<i32> = FESTIVALS.keys().copied().collect();
        assert_eq!(years, (2007..=LAST_YEAR).collect::<Vec<_>>());
    }

    #[test]
    fn easter_falls_where_the_church_says() {
        for (year, month, day) in [
            (2007, 4, 8),
            (2008, 3, 23),
            (2011, 4, 24),
            (2024, 3, 31),
            (2026, 4, 5),
            (2038, 4, 25),
            (2049, 4, 18),
        ] {
            assert_eq!(easter_sunday(year), Date::new(year, month, day).unwrap());
        }
    }

    #[test]
    fn a_broken_row_is_refused_with_its_line() {
        let error = read("lunar.txt", "format 1\n2007 02-18 05-24\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "lunar.txt:2: expected a year and six days as MM-DD"
        );
    }
}
