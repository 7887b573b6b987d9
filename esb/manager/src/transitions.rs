//! Where a version goes next: facts gathered, the rules asked, what follows written.

use jiff::ToSpan as _;
use jiff::civil::Date;
use rialto_esb_catalogue::version::{Effect, Event, Facts, Similar, State, TABLE, WAIVABLE, step};
use rialto_esb_catalogue::{Actor as Asker, Role as PlatformRole};
use rialto_esb_contract::Severity;
use rialto_esb_store::version::{self, VersionRow, WaiverRow};
use rialto_esb_store::{Reader, definition, interface, publishing};
use rialto_kernel::Calendar;
use rialto_platform_identity::{Actor, Auth, Permission, Role};
use rialto_platform_store::{Tx, from_micros, now, to_micros};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::compat::predecessor;
use crate::systems::{fresh, text};
use crate::versions::{add_author, authors, similar, standing, state_name, view};
use crate::view::{OutlookView, ReviewLine, UnmetView, VersionView, unmet};
use crate::{InterfacePlatform, PlatformError, today};

/// Trading days of notice before a sunset.
const NOTICE_DAYS: u32 = 60;
/// Trading days without a call before a version is closed.
const QUIET_DAYS: u32 = 20;
/// Days a closed version is kept before it is put away.
const KEPT_DAYS: i32 = 365;
/// Longest life of a waiver, days.
const WAIVED_DAYS: i32 = 90;

/// What is asked for.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransitionInput {
    /// `begin`, `submit`, `approve`, `refuse`, `test`, `open_grey`, `publish`, `deprecate`,
    /// `restore`, `suspend`, `resume`, `retire` or `archive`.
    pub event: String,
    /// Why; needed to refuse, to suspend and to archive what was never published.
    #[serde(default)]
    pub reason: String,
    /// With `deprecate`: what follows it, or why nothing does.
    pub successor: Option<String>,
    /// With `deprecate`: the day it goes, `yyyy-mm-dd`.
    pub sunset_on: Option<String>,
}

/// A guard to be waived by name.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaiverInput {
    /// The guard, `coverage`.
    pub guard: String,
    /// Why.
    pub reason: String,
    /// Last day it counts, `yyyy-mm-dd`; at most 90 days ahead.
    pub until: String,
}

/// Who asks, in the words of the rules.
pub(crate) fn actor_of(actor: &Actor) -> Asker {
    let own = actor.roles.iter().filter_map(|role| match role {
        Role::Provider => Some(PlatformRole::Provider),
        Role::Caller => Some(PlatformRole::Caller),
        Role::InterfaceManager => Some(PlatformRole::Manager),
        Role::Security => Some(PlatformRole::Security),
        Role::Operations => Some(PlatformRole::Operator),
        _ => None,
    });
    let mut roles: Vec<PlatformRole> = own.collect();
    if actor.auth == Auth::System {
        // What the house brings along itself; it never reviews.
        roles.extend([PlatformRole::System, PlatformRole::Provider]);
    }
    Asker::new(actor.user_id.as_str(), roles)
}

/// Facts for events that look at none.
pub(crate) fn no_facts() -> Facts {
    Facts {
        owner_system: None,
        taxonomy: None,
        pattern: None,
        similar: Vec::new(),
        lint_errors: 0,
        missing_examples: 0,
        has_sla: false,
        compat: None,
        is_major: false,
        authors: Vec::new(),
        highest_level: u8::MAX,
        security_agreed: false,
        sandbox_healthy: None,
        open_cells: None,
        waived_percent: Decimal::ZERO,
        pass_percent: None,
        target_percent: Decimal::ONE_HUNDRED,
        unheard_callers: Vec::new(),
        baseline_met: None,
        rollback_target: false,
        freeze: None,
        canary_held: None,
        successor_told: false,
        notice_days: 0,
        least_notice_days: NOTICE_DAYS,
        quiet_days: None,
        least_quiet_days: QUIET_DAYS,
        subscribed_callers: Vec::new(),
        retention_over: false,
        waived: Vec::new(),
    }
}

pub(crate) fn date(text: &str, pointer: &str) -> Result<Date, PlatformError> {
    text.parse().map_err(|_| {
        PlatformError::invalid(
            pointer,
            "invalid",
            format!("`{text}` is no date; yyyy-mm-dd is asked for"),
            format!("“{text}”不是日期，应为 yyyy-mm-dd"),
        )
    })
}

/// Weekdays of a year on which the exchanges may be closed at most: 18 in the years 2015 to 2026,
/// and two more to be on the safe side.
const CLOSED_WEEKDAYS: i64 = 20;
/// Days ahead that notice is counted: three years.
const COUNTED_DAYS: i64 = 3 * 366;

/// Trading days after today up to a day; `None` when it is too far ahead. Beyond the exchanges'
/// published calendar only those are counted that no holiday can take away, so that the notice is
/// never shorter than told.
fn trading_days_between(today: Date, day: Date, calendar: &Calendar) -> Option<u32> {
    if day <= today {
        return Some(0);
    }
    let known = calendar.validity().1;
    let days = |from: Date, to: Date| i64::from((to - from).get_days());
    if days(today, day) > COUNTED_DAYS || today > known {
        return None;
    }
    let certain = calendar.trading_days(today.tomorrow().ok()?, day.min(known));
    let mut count = i64::try_from(certain.ok()?.len()).ok()?;
    if day > known {
        let after = known.series(1.day()).skip(1).take_while(|one| *one <= day);
        let weekdays = after.filter(|one| one.weekday().to_monday_one_offset() <= 5);
        let years = i64::from(day.year() - known.tomorrow().ok()?.year()) + 1;
        let sure = i64::try_from(weekdays.count()).ok()? - years * CLOSED_WEEKDAYS;
        count += sure.max(0);
    }
    u32::try_from(count).ok()
}

fn trading_days_until(day: Date) -> Option<u32> {
    trading_days_between(today(), day, Calendar::china())
}

/// A day up to which trading days can be counted.
fn countable(day: &str) -> Result<(), PlatformError> {
    match trading_days_until(date(day, "/sunset_on")?) {
        Some(_) => Ok(()),
        None => Err(PlatformError::invalid(
            "/sunset_on",
            "out_of_range",
            "days of notice are counted for three years at most",
            "通知期最多可计算三年",
        )),
    }
}

fn severity(verdict: &str) -> Option<Severity> {
    match verdict {
        "error" => Some(Severity::Error),
        "warning" => Some(Severity::Warning),
        "info" => Some(Severity::Info),
        _ => None,
    }
}

/// Guards waived for a version until today or later.
async fn waived(reader: &mut impl Reader, row: &VersionRow) -> Result<Vec<String>, PlatformError> {
    let day = today().to_string();
    let all = version::waivers(reader, &row.id).await?;
    let valid = all.into_iter().filter(|waiver| waiver.until_on >= day);
    Ok(valid.map(|waiver| waiver.guard).collect())
}

/// An event of the rules from what was asked.
fn event_of(input: &TransitionInput) -> Result<Event, PlatformError> {
    let told = json!({"event": input.event, "reason": input.reason});
    // Definitions are edited by handing one in, and superseding follows a publication.
    let own = !matches!(input.event.as_str(), "edit" | "supersede");
    let read = serde_json::from_value(told).ok().filter(|_| own);
    read.ok_or_else(|| {
        let name = &input.event;
        PlatformError::invalid(
            "/event",
            "invalid",
            format!(
                "`{name}` is no event; events are begin, submit, approve, refuse, test, open_grey, \
                 publish, deprecate, restore, suspend, resume, retire and archive"
            ),
            format!("“{name}”不是可用的操作"),
        )
    })
}

impl InterfacePlatform {
    /// What is known of a version now. What nothing records yet is said to be unknown.
    pub(crate) async fn facts(
        &self,
        reader: &mut impl Reader,
        row: &VersionRow,
    ) -> Result<Facts, PlatformError> {
        let owner = interface::find(reader, &row.interface).await?;
        let owner = owner.ok_or_else(|| PlatformError::not_found("interface", &row.interface))?;
        let told = |text: &String| (!text.is_empty()).then(|| text.clone());
        let found = match &row.definition {
            Some(hash) => definition::find(reader, hash).await?,
            None => None,
        };
        let base = predecessor(reader, row).await?;
        let same_base = base.as_ref().map(|base| &base.id) == row.compat_base.as_ref();
        let compared = row.compat.as_ref().filter(|_| same_base);
        let versions = version::of_interface(reader, &row.interface).await?;
        let of_major = |one: &&VersionRow| {
            one.major == row.major
                && one.id != row.id
                && matches!(
                    one.state.as_str(),
                    "grey" | "published" | "deprecated" | "retired"
                )
        };
        let likenesses = similar(row)?.into_iter().map(|one| Similar {
            interface: one.interface,
            score_percent: one.score_percent,
            answered: one.reason.is_some(),
        });
        let sunset = row
            .sunset_on
            .as_deref()
            .map(|text| date(text, "/sunset_on"));
        let kept = today()
            - from_micros(row.updated_at)?
                .to_zoned(jiff::tz::TimeZone::UTC)
                .date();
        let count = |count: i64| usize::try_from(count).unwrap_or(usize::MAX);
        Ok(Facts {
            owner_system: told(&owner.system),
            taxonomy: told(&owner.taxonomy),
            pattern: told(&owner.pattern),
            similar: likenesses.collect(),
            // Without a definition there is nothing that could be right.
            lint_errors: found.as_ref().map_or(1, |found| count(found.errors)),
            missing_examples: found
                .as_ref()
                .map_or(1, |found| count(found.missing_examples)),
            has_sla: row.sla.is_some(),
            compat: compared.map(|verdict| severity(verdict)),
            is_major: !versions.iter().any(|one| of_major(&one)),
            authors: authors(row)?,
            highest_level: found.as_ref().map_or(u8::MAX, |found| {
                u8::try_from(found.highest_level).unwrap_or(u8::MAX)
            }),
            security_agreed: row.security_agreed_by.is_some(),
            sandbox_healthy: sandbox_answered(reader, row).await?,
            // Its version before serves on, and a first one is taken away whole.
            rollback_target: true,
            successor_told: row
                .successor
                .as_ref()
                .is_some_and(|text| !text.trim().is_empty()),
            notice_days: sunset
                .transpose()?
                .and_then(trading_days_until)
                .unwrap_or(0),
            quiet_days: self.quiet_days(reader, row).await?,
            subscribed_callers: self.subscribed(reader, row).await?,
            retention_over: kept.get_days() >= KEPT_DAYS,
            waived: waived(reader, row).await?,
            ..no_facts()
        })
    }

    /// Moves a version on, seen at a revision.
    ///
    /// # Errors
    /// [`PlatformError::Refused`] with every guard that is not met; [`PlatformError::Invalid`] for
    /// an unknown event; [`PlatformError::Stale`].
    pub async fn transition(
        &self,
        actor: &Actor,
        id: &str,
        seen: Option<u64>,
        input: &TransitionInput,
    ) -> Result<VersionView, PlatformError> {
        let event = event_of(input)?;
        let mut tx = self.db().begin().await?;
        let mut row = self.version_row(&mut tx, id).await?;
        fresh("version", row.revision, seen)?;
        if event == Event::Deprecate {
            if let Some(day) = &input.sunset_on {
                countable(day)?;
            }
            row.successor.clone_from(&input.successor);
            row.sunset_on.clone_from(&input.sunset_on);
        }
        let facts = self.facts(&mut tx, &row).await?;
        let before = row.state.clone();
        let (held, effects) = step(standing(&row)?, &event, &actor_of(actor), &facts)?;
        row.state = state_name(held.state);
        row.suspended = i64::from(held.suspended);
        self.follow(&mut row, actor, &event)?;
        let detail = json!({"from": before, "to": row.state, "effects": effects,
            "waived": facts.waived, "pinned": row.pinned});
        let what = (event.name(), input.reason.as_str(), detail);
        self.save(&mut tx, actor, &mut row, what).await?;
        if effects.contains(&Effect::SupersedePredecessor) {
            self.supersede(&mut tx, &row).await?;
        }
        let shown = view(&mut tx, row).await?;
        tx.commit().await?;
        Ok(shown)
    }

    /// What an event leaves in the row beside its state.
    fn follow(
        &self,
        row: &mut VersionRow,
        actor: &Actor,
        event: &Event,
    ) -> Result<(), PlatformError> {
        match event {
            Event::Submit => {
                row.submitted_by = Some(actor.login.clone());
                row.submitted_at = Some(to_micros(now()));
                row.security_agreed_by = None;
                add_author(row, actor)
            }
            Event::Approve => {
                row.pinned.clone_from(&row.definition);
                Ok(())
            }
            Event::Refuse { .. } => {
                row.security_agreed_by = None;
                Ok(())
            }
            Event::Restore => {
                row.successor = None;
                row.sunset_on = None;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Retires the versions that a published one takes the place of.
    async fn supersede(&self, tx: &mut Tx<'_>, row: &VersionRow) -> Result<(), PlatformError> {
        let system = Actor::system("supersede");
        let all = version::of_interface(tx, &row.interface).await?;
        let replaced = all.into_iter().filter(|one| {
            one.major == row.major
                && one.id != row.id
                && matches!(one.state.as_str(), "published" | "deprecated")
        });
        for mut one in replaced {
            let facts = no_facts();
            let (held, _) = step(
                standing(&one)?,
                &Event::Supersede,
                &actor_of(&system),
                &facts,
            )?;
            one.state = state_name(held.state);
            one.suspended = 0;
            let detail = json!({"by": row.id});
            self.save(tx, &system, &mut one, ("supersede", "superseded", detail))
                .await?;
        }
        Ok(())
    }

    /// What would become of every event of a version's state, for the one who asks.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`].
    pub async fn outlook(
        &self,
        actor: &Actor,
        id: &str,
    ) -> Result<Vec<OutlookView>, PlatformError> {
        let row = self.version_row(&mut self.db(), id).await?;
        let facts = self.facts(&mut self.db(), &row).await?;
        let held = standing(&row)?;
        let asker = actor_of(actor);
        let known = TABLE.iter().filter(|line| line.from == held.state);
        let mut names: Vec<&str> = known
            .map(|line| line.event)
            .filter(|name| !matches!(*name, "edit" | "supersede"))
            .collect();
        if held.state.is_live() {
            names.push(if held.suspended { "resume" } else { "suspend" });
        }
        let mut found = Vec::new();
        for name in names {
            let input = TransitionInput {
                event: name.to_owned(),
                reason: "-".to_owned(),
                ..TransitionInput::default()
            };
            let event = event_of(&input)?;
            let to = TABLE
                .iter()
                .find(|line| line.from == held.state && line.event == name)
                .map_or(held.state, |line| line.to);
            let against = step(held, &event, &asker, &facts).err();
            found.push(OutlookView {
                event: name.to_owned(),
                words: event.words().into(),
                to: state_name(to),
                unmet: against.as_ref().map(unmet).unwrap_or_default(),
            });
        }
        Ok(found)
    }

    /// Versions before the reviewers, those that wait longest first, and what stands against an
    /// approval by the one who asks.
    ///
    /// # Errors
    /// Store errors.
    pub async fn reviews(
        &self,
        actor: &Actor,
        after: Option<(i64, &str)>,
        limit: i64,
    ) -> Result<Vec<ReviewLine>, PlatformError> {
        let state = state_name(State::InReview);
        let after = after.unwrap_or((i64::MIN, ""));
        let rows = version::in_state(&mut self.db(), &state, after, limit).await?;
        let asker = actor_of(actor);
        let mut lines = Vec::new();
        for row in rows {
            let facts = self.facts(&mut self.db(), &row).await?;
            let against = step(standing(&row)?, &Event::Approve, &asker, &facts).err();
            lines.push(ReviewLine {
                version: view(&mut self.db(), row).await?,
                unmet: against.as_ref().map(unmet).unwrap_or_default(),
            });
        }
        Ok(lines)
    }

    /// A security administrator agrees to the data a version in review holds.
    ///
    /// # Errors
    /// [`PlatformError::Refused`] without the role, or by who wrote, edited or submitted it;
    /// [`PlatformError::Conflict`] when it is not in review; [`PlatformError::Stale`].
    pub async fn agree(
        &self,
        actor: &Actor,
        id: &str,
        seen: Option<u64>,
    ) -> Result<VersionView, PlatformError> {
        actor.require(Permission::EsbReview)?;
        let mut tx = self.db().begin().await?;
        let mut row = self.version_row(&mut tx, id).await?;
        fresh("version", row.revision, seen)?;
        if row.state != state_name(State::InReview) {
            let words = standing(&row)?.state.words();
            return Err(PlatformError::conflict(
                "E-VERSION-STATE",
                format!("it is {}, not in review", words.en),
                format!("当前状态为“{}”，不在评审中", words.zh),
            ));
        }
        second_person(actor, &row, Role::Security)?;
        row.security_agreed_by = Some(actor.login.clone());
        self.save(&mut tx, actor, &mut row, ("security_agreed", "", json!({})))
            .await?;
        let shown = view(&mut tx, row).await?;
        tx.commit().await?;
        Ok(shown)
    }

    /// Waives a guard of a version by name, with a reason and an expiry.
    ///
    /// # Errors
    /// [`PlatformError::Invalid`] for a guard that is never waived or a day too far;
    /// [`PlatformError::Refused`] without the role, or by who wrote, edited or submitted it.
    pub async fn waive(
        &self,
        actor: &Actor,
        id: &str,
        seen: Option<u64>,
        input: &WaiverInput,
    ) -> Result<VersionView, PlatformError> {
        actor.require(Permission::EsbReview)?;
        check_waiver(input)?;
        let mut tx = self.db().begin().await?;
        let mut row = self.version_row(&mut tx, id).await?;
        fresh("version", row.revision, seen)?;
        second_person(actor, &row, Role::InterfaceManager)?;
        let waiver = WaiverRow {
            version_id: row.id.clone(),
            guard: input.guard.clone(),
            reason: input.reason.clone(),
            until_on: input.until.clone(),
            waived_by: actor.login.clone(),
            created_at: to_micros(now()),
        };
        version::put_waiver(&mut tx, &waiver).await?;
        let detail: Value = json!({"guard": input.guard, "until": input.until});
        let what = ("waived", input.reason.as_str(), detail);
        self.save(&mut tx, actor, &mut row, what).await?;
        let shown = view(&mut tx, row).await?;
        tx.commit().await?;
        Ok(shown)
    }
}

/// Whether the upstreams of the sandbox took connections when they were bound; `None` while nobody
/// bound any.
async fn sandbox_answered(
    reader: &mut impl Reader,
    row: &VersionRow,
) -> Result<Option<bool>, PlatformError> {
    let bindings = publishing::bindings_of(reader, &row.id).await?;
    let sandbox = bindings.iter().find(|one| one.environment == "sandbox");
    Ok(sandbox.map(|one| one.answered != 0))
}

fn check_waiver(input: &WaiverInput) -> Result<(), PlatformError> {
    if !WAIVABLE.contains(&input.guard.as_str()) {
        let (name, all) = (&input.guard, WAIVABLE.join(", "));
        return Err(PlatformError::invalid(
            "/guard",
            "invalid",
            format!("`{name}` is never waived; these may be: {all}"),
            format!("“{name}”不可豁免，可豁免的有：{all}"),
        ));
    }
    text("/reason", &input.reason, 2_000)?;
    let until = date(&input.until, "/until")?;
    let days = (until - today()).get_days();
    if (0..=WAIVED_DAYS).contains(&days) {
        return Ok(());
    }
    Err(PlatformError::invalid(
        "/until",
        "out_of_range",
        format!("a waiver ends today at the earliest and {WAIVED_DAYS} days ahead at the latest"),
        format!("豁免最早今天到期，最长 {WAIVED_DAYS} 天"),
    ))
}

/// A role, held by somebody who neither wrote, edited nor submitted the version.
fn second_person(actor: &Actor, row: &VersionRow, role: Role) -> Result<(), PlatformError> {
    let mut found: Vec<UnmetView> = Vec::new();
    let mut tell = |guard: &str, en: &str, zh: &str| {
        found.push(UnmetView {
            guard: guard.to_owned(),
            text: crate::view::Words::new(en, zh),
            recorded: true,
            waivable: false,
        });
    };
    if !actor.roles.contains(&role) {
        match role {
            Role::Security => tell(
                "role",
                "This is for: security administrator.",
                "此操作仅限：安全管理员。",
            ),
            _ => tell("role", "This is for: manager.", "此操作仅限：管理方。"),
        }
    }
    if authors(row)?.iter().any(|id| id == actor.user_id.as_str()) {
        tell(
            "four_eyes",
            "Who wrote, edited or submitted it cannot do this.",
            "作者、编辑者和提交者不能执行此操作。",
        );
    }
    match found.is_empty() {
        true => Ok(()),
        false => Err(PlatformError::NotMet(found)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notice_is_counted_beyond_the_calendar_as_far_as_it_is_sure() {
        let calendar = Calendar::china();
        let known = calendar.validity().1;
        let today = known.checked_sub(40.days()).unwrap();
        let after = |days: i64| known.checked_add(days.days()).unwrap();
        let count = |day| trading_days_between(today, day, calendar);
        let certain = count(known).unwrap();
        assert!((20..30).contains(&certain), "{certain}");
        assert_eq!(count(today), Some(0));
        // A holiday of weeks could follow: nothing is added yet.
        assert_eq!(count(after(28)), Some(certain));
        let half = count(after(181)).unwrap();
        assert!((certain + 105..=certain + 110).contains(&half), "{half}");
        // A second year has holidays of its own.
        let (first, second) = (count(after(365)).unwrap(), count(after(366 + 28)).unwrap());
        assert!(second <= first, "{first} {second}");
        assert_eq!(count(after(2_000)), None);
    }
}
