//! Facts about the synthetic house.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Instant;

use rayon::prelude::*;
use rialto_otc_contract::TermSheet;
use rialto_otc_contract::envelope::{State, When};
use rialto_otc_lifecycle::{
    Book, Context, Flow, FlowStatus, Kind, Outcome, Policy, Status, TradeLog,
};
use rialto_otc_pricing::engine::Greeking;
use rialto_otc_pricing::valuation::{Request, value};
use rialto_otc_sample::{SampleHouse, Story, house};
use rialto_otc_time::Calendars;
use rust_decimal::Decimal;

fn made(seed: u64) -> SampleHouse {
    let start = Instant::now();
    let house = house(seed, "2026-11-20".parse().expect("a date")).expect("a house");
    eprintln!("house of seed {seed}: {:?}", start.elapsed());
    house
}

static HOUSE: LazyLock<SampleHouse> = LazyLock::new(|| made(1));

#[test]
fn the_same_seed_gives_the_same_house_and_another_gives_another() {
    let again = made(1);
    assert_eq!(again.digest(), HOUSE.digest());
    assert_eq!(again.events, HOUSE.events);
    assert_ne!(made(2).digest(), HOUSE.digest());
}

#[test]
fn there_are_three_hundred_contracts_over_all_products_and_presets() {
    let house = &*HOUSE;
    assert_eq!(house.contracts.len(), 300);
    let products: BTreeSet<&str> = house.contracts.iter().map(|c| &*c.product).collect();
    assert_eq!(products.len(), 29, "{products:?}");
    let presets: BTreeSet<&str> = house
        .contracts
        .iter()
        .filter_map(|c| c.preset.as_deref())
        .collect();
    assert_eq!(presets.len(), 17, "{presets:?}");
    let snowballs = house
        .contracts
        .iter()
        .filter(|c| c.product == "snowball")
        .count();
    assert!((100..=101).contains(&snowballs), "{snowballs}");
    let ids: BTreeSet<&str> = house.contracts.iter().map(|c| &*c.trade_id).collect();
    assert_eq!(ids.len(), 300);
    for party in &house.counterparties {
        let dealt = house.contracts.iter().any(|c| c.counterparty == party.id);
        assert!(dealt, "{party:?}");
    }
}

#[test]
fn every_seed_has_contracts_in_every_state() {
    for seed in [1, 2, 3] {
        let other;
        let house = match seed {
            1 => &*HOUSE,
            _ => {
                other = made(seed);
                &other
            }
        };
        use Status::{Cancelled, Closed, Draft, Live, PendingApproval, PendingConfirm, Settling};
        let mut statuses: BTreeMap<Status, usize> = BTreeMap::new();
        let mut outcomes: BTreeSet<String> = BTreeSet::new();
        let mut knocked_in = 0;
        for log in &house.logs {
            let state = log.state();
            let status = state.status.expect("booked");
            *statuses.entry(status).or_default() += 1;
            let ki = state.values.get("ki").is_some_and(|ki| !ki.is_zero());
            knocked_in += usize::from(ki && status == Live);
            outcomes.extend(state.outcome.map(|(outcome, _)| format!("{outcome:?}")));
        }
        eprintln!("seed {seed}: {statuses:?}, {knocked_in} knocked in and alive, {outcomes:?}");
        for status in [
            Draft,
            PendingApproval,
            PendingConfirm,
            Live,
            Settling,
            Closed,
            Cancelled,
        ] {
            assert!(statuses.contains_key(&status), "seed {seed}: no {status:?}");
        }
        assert!(
            statuses[&Live] >= 80 && statuses[&Closed] >= 60,
            "{statuses:?}"
        );
        assert!(knocked_in > 0, "seed {seed}");
        use Outcome::{Abandoned, Exercised, Expired, KnockedOut, Novated, Terminated};
        for outcome in [
            Abandoned, Exercised, Expired, KnockedOut, Novated, Terminated,
        ] {
            assert!(
                outcomes.contains(&format!("{outcome:?}")),
                "seed {seed}: no {outcome:?}"
            );
        }
    }
}

#[test]
fn the_events_alone_make_the_same_book() {
    let house = &*HOUSE;
    let start = Instant::now();
    let mut book = Book::default();
    let mut context = Context::new(Calendars::builtin(), Policy::default());
    for event in &house.events {
        book.append(&mut context, event.clone())
            .unwrap_or_else(|refusal| panic!("{}: {refusal}", event.trade_id));
    }
    eprintln!(
        "{} events folded: {:?}",
        house.events.len(),
        start.elapsed()
    );
    for (contract, log) in house.contracts.iter().zip(&house.logs) {
        let other = book.trade(&contract.trade_id).expect("booked");
        assert_eq!(other.events(), log.events(), "{}", contract.trade_id);
    }
}

fn told(house: &SampleHouse, story: Story) -> Vec<(usize, Kind)> {
    let of = |n: usize| {
        house.logs[n]
            .events()
            .iter()
            .map(move |event| (n, event.kind))
    };
    let numbers = 0..house.contracts.len();
    numbers
        .filter(|n| house.contracts[*n].story == story)
        .flat_map(of)
        .collect()
}

#[test]
fn every_story_is_told() {
    let house = &*HOUSE;
    let stories = [
        (Story::Amended, Kind::Amend),
        (Story::Extended, Kind::Extend),
        (Story::Terminated, Kind::Terminate),
        (Story::PartlyTerminated, Kind::TerminatePartial),
        (Story::Increased, Kind::NotionalIncrease),
        (Story::Novated, Kind::Novate),
        (Story::Exercised, Kind::Exercise),
        (Story::Abandoned, Kind::Abandon),
        (Story::Cancelled, Kind::Cancel),
        (Story::Rejected, Kind::Reject),
        (Story::Corrected, Kind::FixingCorrected),
        (Story::PaymentFailed, Kind::Failed),
    ];
    for (story, kind) in stories {
        let events = told(house, story);
        assert!(events.iter().any(|(_, seen)| *seen == kind), "{story:?}");
    }
}

#[test]
fn the_corrected_fixing_takes_a_knock_out_back_after_it_was_paid() {
    let house = &*HOUSE;
    let at = house
        .contracts
        .iter()
        .position(|c| c.story == Story::Corrected)
        .expect("one");
    let log = &house.logs[at];
    let kinds: Vec<Kind> = log.events().iter().map(|event| event.kind).collect();
    let place = |kind: Kind| kinds.iter().position(|seen| *seen == kind);
    let (ko, paid) = (
        place(Kind::Ko).expect("knocked out"),
        kinds.iter().rposition(|k| *k == Kind::Settled),
    );
    let corrected = place(Kind::FixingCorrected).expect("corrected");
    assert!(ko < paid.expect("paid") && paid < Some(corrected));
    assert!(kinds[corrected..].contains(&Kind::Withdrawn));
    let state = log.state();
    assert_eq!(state.reviews.len(), 1, "someone has to look at it");
    let first = house
        .fixings
        .iter()
        .find(|close| close.first.is_some())
        .expect("a wrong one");
    assert_eq!(first.code, "XSHE:300750");
    // All who looked at that day learn of it.
    let corrections = house
        .events
        .iter()
        .filter(|event| event.payload.kind() == Kind::FixingCorrected);
    assert!(corrections.count() >= 1);
}

#[test]
fn who_takes_over_goes_on_from_where_the_other_was() {
    let house = &*HOUSE;
    let (at, next) = (house.contracts.iter())
        .enumerate()
        .find(|(_, c)| c.story == Story::TakesOver)
        .expect("one");
    let link = house.logs[at].state().link.expect("linked");
    let old = house
        .contracts
        .iter()
        .position(|c| c.trade_id == link.trade_id)
        .expect("there");
    assert_eq!(house.contracts[old].story, Story::Novated);
    assert_eq!(
        house.logs[old].state().replacement.as_deref(),
        Some(&*next.trade_id)
    );
    assert_ne!(house.contracts[old].counterparty, next.counterparty);
    assert_eq!(house.logs[at].state().status, Some(Status::Live));
}

#[test]
fn what_was_due_is_paid_but_for_what_came_back_or_is_looked_at() {
    let house = &*HOUSE;
    for (contract, log) in house.contracts.iter().zip(&house.logs) {
        let held = [Story::PaymentFailed, Story::Corrected].contains(&contract.story);
        for flow in log.trade().flows() {
            let open = matches!(flow.status, FlowStatus::Determined | FlowStatus::Instructed);
            // What a correction of today's evening determines is not paid today.
            let due = open && flow.pay_date < house.as_of && !held;
            assert!(!due, "{} {flow:?}", contract.trade_id);
        }
    }
}

#[test]
fn every_live_contract_is_valued_from_the_state_of_the_book() {
    let house = &*HOUSE;
    let snapshot = house.snapshots.last().expect("a market");
    let request = Request {
        greeks: Greeking::Spot,
        ..Request::default()
    };
    let live: Vec<(&str, TermSheet)> = house
        .logs
        .iter()
        .filter(|log| log.trade().status() == Some(Status::Live))
        .map(|log| {
            let sheet = log.trade().valued_sheet(Flow::is_open).expect("booked");
            (log.trade().id(), sheet)
        })
        .collect();
    let start = Instant::now();
    let values: Vec<(&str, &'static str, f64, f64)> = live
        .par_iter()
        .map(|(id, sheet)| {
            let begun = Instant::now();
            let found = value(sheet, snapshot, Calendars::builtin(), &request)
                .unwrap_or_else(|error| panic!("{id}: {error}\n{}", sheet.to_json()));
            (
                *id,
                found.engine,
                found.value,
                begun.elapsed().as_secs_f64(),
            )
        })
        .collect();
    let took = start.elapsed();
    let mut engines: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for (id, engine, value, seconds) in &values {
        assert!(value.is_finite(), "{id} by {engine}: {value}");
        let entry = engines.entry(engine).or_default();
        *entry = (entry.0 + 1, entry.1 + seconds);
    }
    eprintln!(
        "{} live contracts valued in {took:?}: {engines:?}",
        values.len()
    );
    assert!(values.len() >= 80, "{}", values.len());
    assert!(
        engines.contains_key("quad1d/1") && engines.len() >= 3,
        "{engines:?}"
    );
}

#[test]
fn a_snowball_that_was_knocked_in_is_worth_less_than_one_that_was_not() {
    let house = &*HOUSE;
    let snapshot = house.snapshots.last().expect("a market");
    let request = Request {
        greeks: Greeking::None,
        ..Request::default()
    };
    let worth = |sheet: &TermSheet| {
        let found = value(sheet, snapshot, Calendars::builtin(), &request);
        found.expect("valued").value
    };
    let mut lost = Vec::new();
    for (contract, log) in house.contracts.iter().zip(&house.logs) {
        let state = log.state();
        let knocked_in = state.values.get("ki") == Some(&Decimal::ONE);
        if contract.product != "snowball" || state.status != Some(Status::Live) || !knocked_in {
            continue;
        }
        let sheet = log.trade().valued_sheet(Flow::is_open).expect("booked");
        let mut other = sheet.clone();
        let state = other.state.get_or_insert_with(State::default);
        state.values.insert("ki".to_owned(), Decimal::ZERO);
        lost.push(worth(&other) - worth(&sheet));
    }
    assert!(!lost.is_empty());
    assert!(lost.iter().all(|lost| *lost > -1.0), "{lost:?}");
    assert!(lost.iter().any(|lost| *lost > 1_000.0), "{lost:?}");
}

#[test]
fn what_waits_to_be_booked_is_a_contract_that_can_be_priced() {
    let house = &*HOUSE;
    let snapshot = house.snapshots.last().expect("a market");
    let mut waiting = 0;
    for log in &house.logs {
        use Status::{Draft, PendingApproval, PendingConfirm};
        let status = log.trade().status();
        if ![Some(Draft), Some(PendingApproval), Some(PendingConfirm)].contains(&status) {
            continue;
        }
        waiting += 1;
        let sheet = log.trade().sheet().expect("booked");
        // Its fixings are not the book's before it lives; the market knows its initial price.
        let initials = sheet.open_initials().into_iter().map(|(code, ..)| {
            let spot = snapshot.underlying(code).expect("quoted").spot;
            (code.to_owned(), spot)
        });
        let initials: BTreeMap<String, Decimal> = initials.collect();
        let fixed = sheet.fixed(&initials);
        if fixed.dates.start != Some(When::Date(house.as_of)) {
            continue;
        }
        let found = value(&fixed, snapshot, Calendars::builtin(), &Request::default());
        assert!(found.expect("valued").value.is_finite());
    }
    assert!(waiting >= 12, "{waiting}");
}

#[test]
fn a_day_that_the_calendars_do_not_reach_is_refused() {
    let error = house(1, "2060-01-04".parse().expect("a date")).expect_err("too late");
    assert!(
        error.to_string().starts_with("E-SAMPLE-CALENDAR"),
        "{error}"
    );
    let sunday = house(1, "2026-11-22".parse().expect("a date")).expect("a house");
    assert_eq!(sunday.as_of, HOUSE.as_of, "the session before");
}

/// Sum of flows that count, by leg, in the house's favour.
fn net(log: &TradeLog, legs: &[&str]) -> Decimal {
    let flows = log.trade().flows().iter();
    flows
        .filter(|flow| flow.counts() && legs.contains(&flow.leg.as_str()))
        .map(Flow::house)
        .sum()
}

#[test]
fn principal_paid_in_is_paid_back_by_every_contract_that_ends_without_loss() {
    let house = &*HOUSE;
    let (mut ended, mut total, mut lost) = (BTreeMap::<&str, usize>::new(), Decimal::ZERO, 0);
    for (contract, log) in house.contracts.iter().zip(&house.logs) {
        let state = log.state();
        let sheet = log.trade().sheet().expect("booked");
        let paid_in = net(log, &["paid_in"]);
        let lives = !matches!(
            state.status,
            Some(Status::Draft | Status::PendingApproval | Status::PendingConfirm)
        );
        let stands =
            lives && state.status != Some(Status::Cancelled) && contract.story != Story::TakesOver;
        let sign = Decimal::from(sheet.direction.house_sign());
        let principal = sheet.principal().map_or(Decimal::ZERO, |par| par.amount);
        let wanted = if stands {
            -sign * principal
        } else {
            Decimal::ZERO
        };
        assert_eq!(paid_in, wanted, "{}", contract.trade_id);
        let whole = state.size.is_none();
        let through = matches!(
            state.outcome,
            Some((Outcome::KnockedOut | Outcome::Expired, _))
        );
        if !(stands && whole && through) {
            continue;
        }
        let back = -net(log, &["principal", "redemption"]);
        let value = |name: &str| state.values.get(name).copied().unwrap_or_default();
        let touches = contract.terms["terms"]["ki"]["count"].as_u64();
        let knocked_in = !value("ki").is_zero()
            || touches.is_some_and(|count| value("touches") >= Decimal::from(count));
        // What follows the index, or was knocked in and not out, may lose or gain.
        if contract.product == "enhanced_index" || (knocked_in && back != paid_in) {
            lost += usize::from(back.abs() < paid_in.abs());
            continue;
        }
        assert_eq!(back, paid_in, "{}", contract.trade_id);
        total += paid_in.abs();
        if !paid_in.is_zero() {
            *ended.entry(&contract.product).or_default() += 1;
        }
    }
    eprintln!("{total} paid in and back: {ended:?}; {lost} with a loss");
    for product in ["snowball", "phoenix", "sharkfin", "range_accrual"] {
        assert!(
            ended.get(product).is_some_and(|n| *n > 0),
            "{product}: {ended:?}"
        );
    }
    assert!(lost > 0, "no contract shows a loss");
}

#[test]
fn every_ledger_balances_and_a_closed_trade_has_nothing_left() {
    use rialto_otc_lifecycle::Account;
    let house = &*HOUSE;
    let mut closed = 0;
    for log in &house.logs {
        let accounts = log.trade().accounts();
        let id = log.trade().id();
        assert_eq!(
            accounts.balances().values().sum::<Decimal>(),
            Decimal::ZERO,
            "{id}"
        );
        let cash: Decimal = (log.trade().flows().iter())
            .filter(|flow| flow.status == FlowStatus::Settled)
            .map(Flow::house)
            .sum();
        assert_eq!(accounts.balance(Account::Cash, "CNY"), cash, "{id}");
        if log.trade().status() == Some(Status::Closed) {
            closed += 1;
            for account in [Account::Fv, Account::Recv, Account::Payb] {
                assert_eq!(
                    accounts.balance(account, "CNY"),
                    Decimal::ZERO,
                    "{id} {account:?}"
                );
            }
        }
    }
    assert!(closed >= 60, "{closed}");
}

#[test]
fn who_takes_a_note_over_pays_what_the_leaving_party_is_paid() {
    let house = &*HOUSE;
    let of = |story: Story| {
        let at = house.contracts.iter().position(|c| c.story == story);
        &house.logs[at.expect("one")]
    };
    let (old, new) = (of(Story::Novated), of(Story::TakesOver));
    assert!(net(old, &["paid_in"]) > Decimal::ZERO);
    assert_eq!(net(new, &["paid_in"]), Decimal::ZERO);
    assert!(net(new, &["premium"]) > Decimal::ZERO);
    assert_eq!(
        net(old, &["unwind"]) + net(new, &["premium"]),
        Decimal::ZERO
    );
}
