//! Reading calendar data and refusing what contradicts itself.

use std::collections::BTreeSet;

use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use serde::Deserialize;
use toml::Spanned;

use super::{Calendar, Phase, is_weekend};
use crate::errors::Located;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: Spanned<u32>,
    version: String,
    exchanges: Vec<String>,
    valid_from: Spanned<toml::value::Datetime>,
    valid_to: Spanned<toml::value::Datetime>,
    utc_offset_hours: Spanned<i8>,
    phases: Vec<PhaseLine>,
    office_hours: Vec<Hours>,
    years: Vec<Year>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PhaseLine {
    name: String,
    from: Spanned<toml::value::Datetime>,
    to: Spanned<toml::value::Datetime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hours {
    from: Spanned<toml::value::Datetime>,
    to: Spanned<toml::value::Datetime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Year {
    year: Spanned<i16>,
    holidays: Vec<Holiday>,
    market_closed: Vec<Spanned<toml::value::Datetime>>,
    make_up_workdays: Vec<Spanned<toml::value::Datetime>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Holiday {
    name: String,
    from: Spanned<toml::value::Datetime>,
    to: Spanned<toml::value::Datetime>,
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
}

pub(super) fn read(file: &str, text: &str) -> Result<Calendar, Located> {
    let reader = Reader { file, text };
    let data: File = toml::from_str(text).map_err(|error| {
        reader.refuse(error.span().map_or(0, |span| span.start), error.message())
    })?;
    if *data.format.get_ref() != 1 {
        return Err(reader.at(&data.format, "unknown format; this program reads format 1"));
    }
    let offset = Offset::from_hours(*data.utc_offset_hours.get_ref())
        .map_err(|_| reader.at(&data.utc_offset_hours, "no offset from UTC in hours"))?;
    let mut calendar = Calendar {
        version: data.version,
        exchanges: data.exchanges,
        valid_from: reader.date(&data.valid_from)?,
        valid_to: reader.date(&data.valid_to)?,
        offset,
        phases: Vec::new(),
        office_hours: Vec::new(),
        holidays: BTreeSet::new(),
        market_closed: BTreeSet::new(),
        make_up_workdays: BTreeSet::new(),
    };
    if calendar.valid_to < calendar.valid_from {
        return Err(reader.at(&data.valid_to, "the validity ends before it begins"));
    }
    let mut end = Time::midnight();
    for line in &data.phases {
        let (from, to) = reader.interval(&line.from, &line.to, end)?;
        end = to;
        calendar.phases.push(Phase {
            name: line.name.clone(),
            from,
            to,
        });
    }
    let mut end = Time::midnight();
    for hours in &data.office_hours {
        let (from, to) = reader.interval(&hours.from, &hours.to, end)?;
        end = to;
        calendar.office_hours.push((from, to));
    }
    reader.years(&data.years, &mut calendar)?;
    Ok(calendar)
}

impl Reader<'_> {
    fn refuse(&self, offset: usize, message: &str) -> Located {
        Located::at_offset(self.file, self.text, offset, message)
    }

    fn at<T>(&self, value: &Spanned<T>, message: &str) -> Located {
        self.refuse(value.span().start, message)
    }

    fn date(&self, value: &Spanned<toml::value::Datetime>) -> Result<Date, Located> {
        let refuse = || self.at(value, "expected a date like 2026-01-01");
        let found = value.get_ref();
        match (found.date, found.time) {
            (Some(date), None) => {
                let (year, month, day) = (i16::try_from(date.year), date.month, date.day);
                let (year, month, day) = (
                    year.map_err(|_| refuse())?,
                    i8::try_from(month).map_err(|_| refuse())?,
                    i8::try_from(day).map_err(|_| refuse())?,
                );
                Date::new(year, month, day).map_err(|_| refuse())
            }
            _ => Err(refuse()),
        }
    }

    fn time(&self, value: &Spanned<toml::value::Datetime>) -> Result<Time, Located> {
        let refuse = || self.at(value, "expected a time like 09:30:00");
        let found = value.get_ref();
        // The text form is the one both libraries share.
        match (found.date, found.time) {
            (None, Some(time)) => time.to_string().parse().map_err(|_| refuse()),
            _ => Err(refuse()),
        }
    }

    /// An interval that begins at or after `earliest` and is not empty.
    fn interval(
        &self,
        from: &Spanned<toml::value::Datetime>,
        to: &Spanned<toml::value::Datetime>,
        earliest: Time,
    ) -> Result<(Time, Time), Located> {
        let (begins, ends) = (self.time(from)?, self.time(to)?);
        if begins < earliest {
            return Err(self.at(from, "it begins before the one above it ends"));
        }
        if ends <= begins {
            return Err(self.at(to, "it ends before it begins"));
        }
        Ok((begins, ends))
    }

    fn years(&self, years: &[Year], calendar: &mut Calendar) -> Result<(), Located> {
        let mut expected = calendar.valid_from.year();
        for year in years {
            if *year.year.get_ref() != expected {
                let message = format!("expected year {expected} of the validity here");
                return Err(self.at(&year.year, &message));
            }
            self.year(year, calendar)?;
            expected = expected.saturating_add(1);
        }
        if expected <= calendar.valid_to.year() {
            let message = format!("year {expected} of the validity has no [[years]] entry");
            return Err(Located::of_file(self.file, message));
        }
        Ok(())
    }

    fn year(&self, year: &Year, calendar: &mut Calendar) -> Result<(), Located> {
        let number = *year.year.get_ref();
        for holiday in &year.holidays {
            let (from, to) = (self.date(&holiday.from)?, self.date(&holiday.to)?);
            let name = &holiday.name;
            if from.year() != number || to.year() != number || to < from {
                let message = format!("{name} must begin and end, in this order, in {number}");
                return Err(self.at(&holiday.from, &message));
            }
            let mut date = from;
            while date <= to {
                if !calendar.holidays.insert(date) {
                    let message = format!("{name} meets another holiday on {date}");
                    return Err(self.at(&holiday.from, &message));
                }
                let Ok(next) = date.tomorrow() else { break };
                date = next;
            }
        }
        for value in &year.market_closed {
            let date = self.date(value)?;
            let plain = date.year() == number && !is_weekend(date);
            if !plain || calendar.holidays.contains(&date) || !calendar.market_closed.insert(date) {
                let message = format!("expected a weekday of {number} that is no holiday, once");
                return Err(self.at(value, &message));
            }
        }
        for value in &year.make_up_workdays {
            let date = self.date(value)?;
            let free = date.year() == number && is_weekend(date);
            if !free || calendar.holidays.contains(&date) || !calendar.make_up_workdays.insert(date)
            {
                let message = format!("expected a weekend day of {number}, no holiday, once");
                return Err(self.at(value, &message));
            }
        }
        Ok(())
    }
}
