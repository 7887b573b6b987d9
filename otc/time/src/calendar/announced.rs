//! Announced closures as data: the text form, and the kernel's calendar as a source.

use std::collections::BTreeMap;
use std::sync::Arc;

use rialto_kernel::{Calendar as KernelCalendar, CalendarError as KernelError, Located};

use crate::date::Date;

/// The exchanges that share closures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// The stock and futures exchanges of the mainland, and the interbank market.
    Mainland,
    /// The Hong Kong stock exchange.
    HongKong,
}

impl Family {
    /// Its name in data.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mainland => "mainland",
            Self::HongKong => "hongkong",
        }
    }

    /// Prefix of version names, as in `cn-2026.1`.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::Mainland => "cn",
            Self::HongKong => "hk",
        }
    }
}

/// What one day is, besides an ordinary weekday or weekend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// Neither market nor office.
    Closed,
    /// Market closed, office open.
    MarketClosed,
    /// A weekend day on which offices work.
    Work,
    /// Market open in the morning only.
    Half,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Year {
    pub(super) marks: BTreeMap<Date, Mark>,
    pub(super) source: Arc<str>,
    pub(super) version: Arc<str>,
}

/// The closures of some years, as announced in one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    family: Family,
    version: Arc<str>,
    years: BTreeMap<i32, Year>,
}

impl Announcement {
    /// Reads the text form; `file` is its name in messages. The form is that of the crate's data:
    /// `format`, `calendar`, `version` and `source` lines, then lines like
    /// `2027 closed 01-01..01-03 02-05..02-13`.
    ///
    /// # Errors
    /// [`Located`] at the first line that is not valid or contradicts another.
    pub fn parse(file: &str, text: &str) -> Result<Self, Located> {
        let mut reader = Reader {
            file,
            head: BTreeMap::new(),
            years: BTreeMap::new(),
        };
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
                reader
                    .line(line)
                    .map_err(|message| Located::new(file, number, 0, message))?;
            }
        }
        reader.finish()
    }

    /// The mainland's closures from the kernel's calendar.
    ///
    /// # Errors
    /// [`KernelError`] when the calendar does not hold a day of its own validity.
    pub fn from_kernel(calendar: &KernelCalendar) -> Result<Self, KernelError> {
        let (first, last) = calendar.validity();
        let version: Arc<str> = calendar.version().into();
        let source: Arc<str> = "kernel/data/cn-exchanges.toml".into();
        let mut years: BTreeMap<i32, Year> = BTreeMap::new();
        let mut day = first;
        while day <= last {
            let open = (calendar.is_trading_day(day)?, calendar.is_office_day(day)?);
            // Every civil date of jiff from year 1 on is one of ours.
            let Ok(date) = Date::try_from(day) else { break };
            let year = years.entry(date.year()).or_insert_with(|| Year {
                marks: BTreeMap::new(),
                source: source.clone(),
                version: version.clone(),
            });
            let mark = match (date.is_weekend(), open) {
                (true, (_, true)) => Some(Mark::Work),
                (false, (false, false)) => Some(Mark::Closed),
                (false, (false, true)) => Some(Mark::MarketClosed),
                _ => None,
            };
            if let Some(mark) = mark {
                year.marks.insert(date, mark);
            }
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        Ok(Self {
            family: Family::Mainland,
            version,
            years,
        })
    }

    /// Whose closures it holds.
    #[must_use]
    pub const fn family(&self) -> Family {
        self.family
    }

    /// First and last year.
    #[must_use]
    pub fn years(&self) -> (i32, i32) {
        let first = self.years.keys().next().copied().unwrap_or(0);
        let last = self.years.keys().next_back().copied().unwrap_or(0);
        (first, last)
    }
}

/// All announced years of a family, without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    pub(super) family: Family,
    pub(super) years: BTreeMap<i32, Year>,
    /// Of the announcement added last.
    pub(super) version: Arc<str>,
}

impl Announced {
    /// The years of a first announcement.
    #[must_use]
    pub fn new(announcement: Announcement) -> Self {
        Self {
            family: announcement.family,
            years: announcement.years,
            version: announcement.version,
        }
    }

    /// These years with those of a further announcement; a year told again replaces the earlier
    /// one.
    ///
    /// # Errors
    /// [`Located`] when it is of another family, or leaves a year out.
    pub fn with(&self, announcement: Announcement) -> Result<Self, Located> {
        let (first, last) = announcement.years();
        let refuse = |message: String| {
            Located::of_file(format!("announcement {}", announcement.version), message)
        };
        if announcement.family != self.family {
            return Err(refuse(format!(
                "it is of calendar {}, expected {}",
                announcement.family.name(),
                self.family.name()
            )));
        }
        let (known_first, known_last) = self.span();
        if first < known_first || first > known_last + 1 {
            return Err(refuse(format!(
                "it covers {first} to {last}, which does not follow the known years {known_first} \
                 to {known_last}: add the years between first"
            )));
        }
        let mut years = self.years.clone();
        years.extend(announcement.years);
        Ok(Self {
            family: self.family,
            years,
            version: announcement.version,
        })
    }

    /// First and last announced year.
    #[must_use]
    pub fn span(&self) -> (i32, i32) {
        let first = self.years.keys().next().copied().unwrap_or(0);
        let last = self.years.keys().next_back().copied().unwrap_or(0);
        (first, last)
    }
}

struct Reader<'a> {
    file: &'a str,
    head: BTreeMap<&'a str, &'a str>,
    years: BTreeMap<i32, BTreeMap<Date, Mark>>,
}

impl<'a> Reader<'a> {
    fn line(&mut self, line: &'a str) -> Result<(), String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        if !word.starts_with(|first: char| first.is_ascii_digit()) {
            if !["format", "calendar", "version", "source"].contains(&word) {
                return Err(format!(
                    "{word:?} is no line of this format: expected format, calendar, version, \
                     source or a year"
                ));
            }
            if self.head.insert(word, rest).is_some() {
                return Err(format!("{word} is told twice"));
            }
            return Ok(());
        }
        let year: i32 = word
            .parse()
            .ok()
            .filter(|year| (1990..=2200).contains(year))
            .ok_or_else(|| format!("{word:?} is no year"))?;
        let (kind, ranges) = rest.split_once(' ').unwrap_or((rest, ""));
        let mark = match kind {
            "closed" => Mark::Closed,
            "market" => Mark::MarketClosed,
            "work" => Mark::Work,
            "half" => Mark::Half,
            _ => {
                return Err(format!(
                    "{kind:?} is no kind of day: expected closed, market, work or half"
                ));
            }
        };
        let days = self.years.entry(year).or_default();
        for range in ranges.split_whitespace() {
            let (from, to) = range.split_once("..").unwrap_or((range, range));
            let (from, to) = (day_of(year, from)?, day_of(year, to)?);
            if to < from {
                return Err(format!("{range} ends before it begins"));
            }
            for date in (from.days()..=to.days()).map(Date::raw) {
                mark_day(days, date, mark, from == to)?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Announcement, Located> {
        let refuse = |message: String| Located::of_file(self.file, message);
        let head = |name: &str| {
            self.head
                .get(name)
                .copied()
                .filter(|value| !value.is_empty())
                .ok_or_else(|| refuse(format!("there is no {name} line")))
        };
        if head("format")? != "1" {
            return Err(refuse("unknown format; this program reads format 1".into()));
        }
        let family = match head("calendar")? {
            "mainland" => Family::Mainland,
            "hongkong" => Family::HongKong,
            other => {
                return Err(refuse(format!(
                    "calendar {other:?} is not known: expected mainland or hongkong"
                )));
            }
        };
        let version: Arc<str> = head("version")?.into();
        let source: Arc<str> = head("source")?.into();
        let Some(first) = self.years.keys().next().copied() else {
            return Err(refuse("there is no year".into()));
        };
        for (expected, year) in (first..).zip(self.years.keys()) {
            if expected != *year {
                return Err(refuse(format!("year {expected} is left out")));
            }
        }
        let years = self
            .years
            .into_iter()
            .map(|(year, marks)| {
                let year_of = Year {
                    marks,
                    source: source.clone(),
                    version: version.clone(),
                };
                (year, year_of)
            })
            .collect();
        Ok(Announcement {
            family,
            version,
            years,
        })
    }
}

/// Marks one day. Weekends inside a range of closed days are closed anyway.
fn mark_day(
    days: &mut BTreeMap<Date, Mark>,
    date: Date,
    mark: Mark,
    single: bool,
) -> Result<(), String> {
    let weekend = date.is_weekend();
    match mark {
        Mark::Closed | Mark::MarketClosed if weekend => return Ok(()),
        Mark::Work if !weekend => {
            return Err(format!("{date} is no weekend day and works anyway"));
        }
        Mark::Half if weekend && single => {
            return Err(format!("{date} is a weekend day, on which nothing trades"));
        }
        _ => {}
    }
    if days.insert(date, mark).is_some() {
        return Err(format!("{date} is told twice"));
    }
    Ok(())
}

fn day_of(year: i32, text: &str) -> Result<Date, String> {
    format!("{year:04}-{text}")
        .parse()
        .map_err(|_| format!("{text:?} is no day of {year}: write it as MM-DD"))
}
