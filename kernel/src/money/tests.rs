use proptest::prelude::*;

use super::*;

const CNY: Currency = Currency::CNY;

fn cny(text: &str) -> Money {
    Money::parse(text, CNY).expect("an amount")
}

fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).expect("a decimal")
}

#[test]
fn an_amount_has_its_currency_s_decimals() {
    assert_eq!(cny("1234.5").to_string(), "1234.50 CNY");
    assert_eq!(cny("1.500"), cny("1.5"), "trailing zeros are no decimals");
    assert_eq!(cny("-0").to_string(), "0.00 CNY");
    assert_eq!(
        Money::parse("12", Currency::JPY).expect("yen").to_string(),
        "12 JPY"
    );
    let error = Money::parse("1.005", CNY).expect_err("three decimals");
    assert_eq!(
        error.to_string(),
        "1.005 has more than the 2 decimals of CNY; round it first"
    );
    assert!(Money::parse("0.5", Currency::JPY).is_err());
}

#[test]
fn rounding_is_explicit() {
    let rounded = |text: &str, rounding| {
        Money::rounded(decimal(text), CNY, rounding)
            .expect("fits")
            .amount()
            .to_string()
    };
    for (text, half_up, half_even, down, up) in [
        ("1.005", "1.01", "1.00", "1.00", "1.01"),
        ("1.015", "1.02", "1.02", "1.01", "1.02"),
        ("-1.005", "-1.01", "-1.00", "-1.00", "-1.01"),
        ("-0.001", "0.00", "0.00", "0.00", "-0.01"),
    ] {
        assert_eq!(rounded(text, Rounding::HalfUp), half_up, "{text}");
        assert_eq!(rounded(text, Rounding::HalfEven), half_even, "{text}");
        assert_eq!(rounded(text, Rounding::Down), down, "{text}");
        assert_eq!(rounded(text, Rounding::Up), up, "{text}");
    }
}

#[test]
fn currencies_never_meet() {
    let (yuan, dollar) = (
        cny("1"),
        Money::parse("1", Currency::USD).expect("a dollar"),
    );
    let mismatch = MoneyError::CurrencyMismatch {
        left: CNY,
        right: Currency::USD,
    };
    assert_eq!(yuan.checked_add(&dollar), Err(mismatch.clone()));
    assert_eq!(yuan.checked_sub(&dollar), Err(mismatch.clone()));
    assert_eq!(yuan.checked_cmp(&dollar), Err(mismatch.clone()));
    assert_eq!(Money::sum(CNY, [&yuan, &dollar]), Err(mismatch));
}

#[test]
fn what_is_too_large_is_an_error() {
    let huge = Decimal::MAX;
    assert_eq!(Money::new(huge, CNY), Err(MoneyError::Overflow));
    let largest = Money::new(huge, Currency::JPY).expect("no decimals");
    let one = Money::from_minor(1, Currency::JPY).expect("one");
    assert_eq!(largest.checked_add(&one), Err(MoneyError::Overflow));
    assert_eq!(
        largest.checked_mul(decimal("2"), Rounding::Down),
        Err(MoneyError::Overflow)
    );
    assert_eq!(largest.minor_units(), Err(MoneyError::Overflow));
    assert_eq!(
        Money::parse(&"9".repeat(60), CNY),
        Err(MoneyError::Overflow)
    );
}

#[test]
fn texts_that_are_no_amounts_are_refused() {
    for text in [
        "", "-", ".", "1.", ".5", "1e3", "1,000", "+1", "1.2.3", "１", "0x1", "1_0", " 1",
    ] {
        assert!(
            matches!(Money::parse(text, CNY), Err(MoneyError::Syntax { .. })),
            "{text}"
        );
    }
    let long = Money::parse(&"x".repeat(10_000), CNY).expect_err("refused");
    assert!(long.to_string().len() < 200);
}

#[test]
fn json_holds_the_amount_as_text() {
    let json = serde_json::to_string(&cny("12.5")).expect("serialises");
    assert_eq!(json, r#"{"amount":"12.50","currency":"CNY"}"#);
    for refused in [
        r#"{"amount":12.5,"currency":"CNY"}"#,
        r#"{"amount":"12.505","currency":"CNY"}"#,
        r#"{"amount":"1","currency":"XXX"}"#,
        r#"{"amount":"1","currency":"CNY","x":1}"#,
    ] {
        assert!(serde_json::from_str::<Money>(refused).is_err(), "{refused}");
    }
}

#[test]
fn weights_that_give_no_shares_are_refused() {
    assert_eq!(cny("1").allocate(&[]), Err(MoneyError::Weights));
    assert_eq!(cny("1").allocate(&[0, 0]), Err(MoneyError::Weights));
}

#[test]
fn left_over_units_go_to_the_first_shares() {
    let shares = cny("0.05").allocate(&[1, 0, 1, 1]).expect("shares");
    assert_eq!(shares, [cny("0.02"), cny("0"), cny("0.02"), cny("0.01")]);
}

fn amounts() -> impl Strategy<Value = Money> {
    (i64::MIN / 4..i64::MAX / 4).prop_map(|units| Money::from_minor(units, CNY).expect("fits"))
}

proptest! {
    #[test]
    fn text_and_json_give_the_amount_back(money in amounts()) {
        let text = money.amount().to_string();
        prop_assert_eq!(Money::parse(&text, CNY), Ok(money));
        let json = serde_json::to_string(&money).expect("serialises");
        prop_assert_eq!(serde_json::from_str::<Money>(&json).expect("reads back"), money);
        let units = money.minor_units().expect("fits");
        prop_assert_eq!(Money::from_minor(units, CNY), Ok(money));
    }

    #[test]
    fn addition_is_that_of_units_and_has_its_inverse(a in amounts(), b in amounts()) {
        let sum = a.checked_add(&b).expect("fits");
        let units = a.minor_units().expect("fits") + b.minor_units().expect("fits");
        prop_assert_eq!(sum.minor_units(), Ok(units));
        prop_assert_eq!(sum, b.checked_add(&a).expect("fits"));
        prop_assert_eq!(sum.checked_sub(&b), Ok(a));
        prop_assert_eq!(a.checked_add(&a.negated()), Ok(Money::zero(CNY)));
    }

    #[test]
    fn shares_add_up_and_differ_by_one_unit_from_proportion(
        money in amounts(),
        weights in proptest::collection::vec(any::<u32>(), 1..20),
    ) {
        prop_assume!(weights.iter().any(|weight| *weight > 0));
        let shares = money.allocate(&weights).expect("shares");
        prop_assert_eq!(Money::sum(CNY, &shares), Ok(money));
        let units = i128::from(money.minor_units().expect("fits"));
        let total: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
        for (share, weight) in shares.iter().zip(&weights) {
            let share = i128::from(share.minor_units().expect("fits"));
            let exact = units * i128::from(*weight);
            prop_assert!((share * total - exact).abs() <= total);
            prop_assert!(*weight > 0 || share == 0);
        }
    }

    #[test]
    fn rounding_moves_by_less_than_one_unit(mantissa: i64, scale in 0_u32..12) {
        let amount = Decimal::new(mantissa, scale);
        for rounding in [Rounding::HalfUp, Rounding::HalfEven, Rounding::Down, Rounding::Up] {
            let money = Money::rounded(amount, CNY, rounding).expect("fits");
            prop_assert!((money.amount() - amount).abs() < Decimal::new(1, 2));
        }
    }

    #[test]
    fn arbitrary_text_gives_an_amount_or_an_error(text in "(?s).{0,80}") {
        if let Ok(money) = Money::parse(&text, CNY) {
            prop_assert_eq!(money.amount().scale(), 2);
        }
    }
}
