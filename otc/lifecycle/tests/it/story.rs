//! A snowball from its booking to its payment, and a correction three weeks later.

use rialto_otc_lifecycle::payload::{Payload, Revaluation, ReviewClosed};
use rialto_otc_lifecycle::state::Why;
use rialto_otc_lifecycle::{Account, Kind, Language, Outcome, Status, TradeLog, difference, net};

use crate::world::{Desk, SNOWBALL, at, d, date, json, sessions, shown};

const CODE: &str = "XSHG:000905";

/// Booked, approved, confirmed; knocked out on 10 August 2026 and paid on the 13th.
fn closed() -> Desk {
    let mut desk = Desk::new("SB-2026-0091", CODE, date("2026-03-06"));
    desk.live(&json(SNOWBALL), date("2026-03-06"));
    let paid_in: Vec<String> = desk.open().iter().map(shown).collect();
    insta::assert_snapshot!(paid_in.join("\n"), @"2026-03-09 paid_in 20000000.00 to House Determined = principal 20,000,000");
    desk.pay(date("2026-03-09"));
    assert_eq!(desk.state().waiting_for, Some(date("2026-03-09")));
    for day in sessions("2026-03-09", "2026-08-07") {
        desk.fix(
            day,
            if day == date("2026-03-09") {
                "5802.16"
            } else {
                "5700"
            },
        );
    }
    assert_eq!(desk.state().status, Some(Status::Live));
    let value = Revaluation {
        pv_open: d("-19800000.005"),
        valuation: "V-1".to_owned(),
    };
    let value = desk.event(date("2026-08-07"), Payload::Revaluation(value));
    desk.send(value).expect("revalues");
    let receipt = desk.fix(date("2026-08-10"), "5820");
    assert_eq!(receipt.status, Some(Status::Settling));
    desk
}

#[test]
fn a_snowball_lives_knocks_out_is_paid_and_is_corrected() {
    let mut desk = closed();
    let flows: Vec<String> = desk.open().iter().map(shown).collect();
    insta::assert_snapshot!(flows.join("\n"), @r"
    2026-08-13 principal 20000000.00 to Counterparty Determined = 20,000,000
    2026-08-13 coupon 1240438.36 to Counterparty Determined = 20,000,000 x 14.7 % x 154/365
    ");
    let netted = net(desk.log.trade().flows());
    assert_eq!(netted.len(), 1);
    assert_eq!(netted[0].net, d("-21240438.36"));
    assert_eq!(
        netted[0].netting_set,
        "836800SAMPLEFUND0181|SAC-0417|CNY|2026-08-13"
    );
    let kinds: Vec<&str> = desk
        .log
        .events()
        .iter()
        .rev()
        .take(6)
        .map(|e| e.kind.text())
        .collect();
    assert_eq!(
        kinds,
        ["status", "status", "coupon", "flow", "ko", "fixing"]
    );

    for day in sessions("2026-08-11", "2026-08-13") {
        desk.fix(day, "5750");
    }
    desk.pay(date("2026-08-13"));
    let paid = desk.state();
    assert_eq!(paid.status, Some(Status::Closed));
    assert_eq!(
        paid.outcome,
        Some((Outcome::KnockedOut, date("2026-08-10")))
    );
    let balances: Vec<String> = paid
        .balances
        .iter()
        .map(|(account, sum)| format!("{account} {sum}"))
        .collect();
    assert_eq!(
        balances,
        ["CASH CNY -1240438.36", "INVINC CNY 1240438.36"],
        "the coupon is the cost of the money"
    );

    corrected(desk);
}

/// Three weeks later the fixing of 10 August turns out to have been lower.
fn corrected(mut desk: Desk) {
    let paid = desk.state();
    for day in sessions("2026-08-14", "2026-08-31") {
        desk.fix(day, "5700");
    }
    let before = desk.state();
    assert_eq!(
        before.flows, paid.flows,
        "what comes after the end changes nothing"
    );
    desk.now = at(date("2026-08-31"), 18);
    let correction = desk.correction(date("2026-08-10"), "5810", "fix-2026-08-10");
    desk.send(correction).expect("corrects");
    let after = desk.state();
    let told = difference(&before, &after);
    insta::assert_snapshot!(told.text(Language::En), @r"
    Status: closed -> live
    End: knocked out on 2026-08-10 -> still alive
    Observed to: 2026-08-10 -> 2026-08-31
    Waiting for fixings of: - -> 2026-09-01
    + adjustment of coupon CNY 1,240,438.36 on 2026-09-03 (determined) = 0 - 1,240,438.36 paid
    + adjustment of principal CNY 20,000,000.00 on 2026-09-03 (determined) = 0 - 20,000,000 paid
    Net cash of the house: -1,240,438.36 -> 20,000,000.00 (change 21,240,438.36)
    Review 1 is open: a correction took the end of the trade back; it lives again
    ");
    insta::assert_snapshot!(told.text(Language::Zh), @r"
    状态：已了结 → 存续
    终止：2026-08-10 已敲出 → 存续
    已观察至：2026-08-10 → 2026-08-31
    等待定盘价：- → 2026-09-01
    + 调整 票息 CNY 1,240,438.36，2026-09-03 支付（已确定）= 0 - 1,240,438.36 已付
    + 调整 本金 CNY 20,000,000.00，2026-09-03 支付（已确定）= 0 - 20,000,000 已付
    我方净现金流：-1,240,438.36 → 20,000,000.00（变动 21,240,438.36）
    复核事项 1：更正后合约的终止不再成立，交易恢复存续
    ");
    assert_eq!(after.reviews[0].why, Why::Reopened);
    assert_eq!(after.net_cash(), d("20000000"), "what was paid in");

    // As known before the correction, nothing of it shows.
    let known = at(date("2026-08-30"), 0);
    let then = desk
        .log
        .state_at(&mut desk.context, date("2026-08-31"), known)
        .expect("a state");
    assert_eq!(then.status, Some(Status::Closed));
    assert!(then.reviews.is_empty());
    // As known today, in July it was alive.
    let now = desk.now;
    let july = desk
        .log
        .state_at(&mut desk.context, date("2026-07-31"), now)
        .expect("a state");
    assert_eq!(
        (july.status, july.observed_to),
        (Some(Status::Live), Some(date("2026-07-31")))
    );
    live_on(desk);
}

/// The review is done, the money comes back, and the contract lives to its end.
fn live_on(mut desk: Desk) {
    let review = ReviewClosed {
        note: "the exchange corrected its close; money is called back".to_owned(),
        review: 1,
    };
    desk.signed(date("2026-08-31"), Payload::ReviewClosed(review))
        .expect("reviewed");
    desk.pay(date("2026-09-03"));
    assert_eq!(desk.log.trade().status(), Some(Status::Live));
    for day in sessions("2026-09-01", "2028-03-09") {
        desk.fix(day, "5200");
    }
    let end = desk.state();
    assert_eq!(end.outcome, Some((Outcome::Expired, date("2028-03-09"))));
    let flows: Vec<String> = desk.open().iter().map(shown).collect();
    insta::assert_snapshot!(flows.join("\n"), @r"
    2028-03-14 redemption 20000000.00 to Counterparty Determined = 20,000,000
    2028-03-14 bonus 5888054.79 to Counterparty Determined = 20,000,000 x 14.7 % x 731/365
    ");
    desk.pay(date("2028-03-14"));
    let trade = desk.log.trade();
    assert_eq!(trade.status(), Some(Status::Closed));
    for account in [Account::Fv, Account::Recv, Account::Payb, Account::Fvpl] {
        assert_eq!(
            trade.accounts().balance(account, "CNY"),
            d("0"),
            "{account:?}"
        );
    }
    let events = desk.events();
    let again = TradeLog::replay(&mut desk.context, "SB-2026-0091", events);
    assert_eq!(again.expect("replays").trade(), desk.log.trade());
    let corrected = desk
        .log
        .events()
        .iter()
        .filter(|event| event.kind == Kind::Withdrawn);
    assert_eq!(corrected.count(), 1);
}
