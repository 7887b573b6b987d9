//! Sessions as a set of bits with prefix counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::announced::{Announced, Mark};
use super::project;
use super::{Kind, Status};
use crate::date::Date;

/// Source named for sessions nobody has announced yet.
const PROJECTED: &str = "rule on otc/time/data/lunar.txt";

/// Which days of a family's marks are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Markets: working weekends stay closed.
    Market,
    /// Offices, the interbank market and payments.
    Office,
}

/// A run of days from one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) from: Date,
    pub(super) to: Date,
    pub(super) status: Status,
    pub(super) source: Arc<str>,
    pub(super) version: Arc<str>,
}

/// The sessions of consecutive days. Counting up to a day takes one look at a word of bits and
/// one at the count before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) first: Date,
    pub(super) last: Date,
    pub(super) last_announced: Date,
    bits: Vec<u64>,
    /// Sessions before each word.
    before: Vec<u32>,
    /// The sessions in order, for finding the n-th.
    days: Vec<i32>,
    half: Vec<i32>,
    segments: Vec<Segment>,
}

impl Table {
    pub(super) fn build(announced: &Announced, side: Side) -> Self {
        let (first_year, last_year) = announced.span();
        let end_year = last_year.max(project::LAST_YEAR);
        let first = start_of(first_year);
        let last = Date::raw(start_of(end_year + 1).days() - 1);
        let length = usize::try_from(last - first + 1).unwrap_or(0);
        let mut table = Self {
            first,
            last,
            last_announced: Date::raw(start_of(last_year + 1).days() - 1),
            bits: vec![0; length.div_ceil(64)],
            before: Vec::new(),
            days: Vec::with_capacity(length * 5 / 7),
            half: Vec::new(),
            segments: Vec::new(),
        };
        let empty = BTreeMap::new();
        for year in first_year..=end_year {
            let told = announced.years.get(&year);
            let guess = match told {
                Some(_) => None,
                None => project::projected(announced.family, year),
            };
            let marks = match told {
                Some(year) => &year.marks,
                None => guess.as_ref().unwrap_or(&empty),
            };
            table.year(year, marks, side);
            table.segment(
                year,
                match told {
                    Some(year) => (Status::Actual, year.source.clone(), year.version.clone()),
                    None => (
                        Status::Projected,
                        PROJECTED.into(),
                        announced.version.clone(),
                    ),
                },
            );
        }
        let mut count = 0;
        for word in &table.bits {
            table.before.push(count);
            count += word.count_ones();
        }
        table
    }

    fn year(&mut self, year: i32, marks: &BTreeMap<Date, Mark>, side: Side) {
        let mut marks = marks.iter().peekable();
        for day in start_of(year).days()..start_of(year + 1).days() {
            let date = Date::raw(day);
            let mark = marks
                .next_if(|(marked, _)| **marked == date)
                .map(|(_, mark)| *mark);
            let open = match (mark, side) {
                (Some(Mark::Closed), _) | (Some(Mark::MarketClosed), Side::Market) => false,
                (Some(Mark::Work), _) => side == Side::Office,
                _ => !date.is_weekend(),
            };
            if !open {
                continue;
            }
            if mark == Some(Mark::Half) && side == Side::Market {
                self.half.push(day);
            }
            let at = self.offset(date);
            self.bits[at / 64] |= 1 << (at % 64);
            self.days.push(day);
        }
    }

    fn segment(&mut self, year: i32, (status, source, version): (Status, Arc<str>, Arc<str>)) {
        let to = Date::raw(start_of(year + 1).days() - 1);
        match self.segments.last_mut() {
            Some(last)
                if last.status == status && last.source == source && last.version == version =>
            {
                last.to = to;
            }
            _ => self.segments.push(Segment {
                from: start_of(year),
                to,
                status,
                source,
                version,
            }),
        }
    }

    /// Only for days the table covers.
    fn offset(&self, date: Date) -> usize {
        usize::try_from(date - self.first).unwrap_or(0)
    }

    pub(super) fn is_open(&self, date: Date) -> bool {
        let at = self.offset(date);
        self.bits
            .get(at / 64)
            .is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    /// Sessions of the table up to and including a day.
    pub(super) fn rank(&self, date: Date) -> usize {
        let at = self.offset(date);
        let (word, bit) = (at / 64, at % 64);
        let upto = self
            .bits
            .get(word)
            .map_or(0, |bits| (bits << (63 - bit)).count_ones());
        let before = self.before.get(word).copied().unwrap_or(0);
        (before + upto) as usize
    }

    /// The n-th session of the table, from 1.
    pub(super) fn nth(&self, rank: usize) -> Option<Date> {
        self.days.get(rank.checked_sub(1)?).copied().map(Date::raw)
    }

    /// The sessions after the first rank, up to the second.
    pub(super) fn between(
        &self,
        first: usize,
        last: usize,
    ) -> impl ExactSizeIterator<Item = Date> + '_ {
        let days = self.days.get(first..last).unwrap_or_default();
        days.iter().copied().map(Date::raw)
    }

    pub(super) fn base_kind(&self, date: Date) -> Kind {
        match self.half.binary_search(&date.days()) {
            Ok(_) => Kind::Half,
            Err(_) => Kind::Full,
        }
    }

    pub(super) fn segment_of(&self, date: Date) -> Option<&Segment> {
        self.segments.iter().find(|segment| date <= segment.to)
    }
}

fn start_of(year: i32) -> Date {
    Date::new(year, 1, 1).unwrap_or(Date::MAX)
}
