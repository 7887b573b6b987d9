//! Values for masking labels: they look right and belong to nobody.

use crate::seed::Seed;

const FAMILY: &[&str] = &["测", "样", "示", "演", "模"];
const GIVEN: &[&str] = &["试甲", "试乙", "例一", "例二", "拟三"];
const STREETS: &[&str] = &["示例路", "样本街", "测试大道"];

/// A value for a label; `None` when the label says nothing of how it looks.
pub(crate) fn labelled(label: &str, seed: &mut Seed) -> Option<String> {
    Some(match label {
        "name" => format!("{}{}", seed.pick(FAMILY)?, seed.pick(GIVEN)?),
        "id_card" => identity(seed),
        "mobile" => format!("120{}", digits(8, seed)),
        "bank_card" => card(seed),
        "sec_account" => format!("T{}", digits(9, seed)),
        "fund_account" => digits(12, seed),
        "email" => format!("user{}@example.com", digits(4, seed)),
        "address" => format!(
            "示例省样例市{}{}号",
            seed.pick(STREETS)?,
            1 + seed.below(200)
        ),
        "amount" => format!("{}.{}", 1 + seed.below(1_000_000), digits(2, seed)),
        "position" => (100 * (1 + seed.below(1000))).to_string(),
        _ => return None,
    })
}

/// So many digits, the first of them no 0.
pub(crate) fn digits(count: usize, seed: &mut Seed) -> String {
    let mut out = String::with_capacity(count);
    for n in 0..count {
        let digit = if n == 0 {
            1 + seed.below(9)
        } else {
            seed.below(10)
        };
        out.push_str(&digit.to_string());
    }
    out
}

/// A resident identity number with its check digit (GB 11643-1999), of region 990000, which is
/// assigned to no place.
fn identity(seed: &mut Seed) -> String {
    let (year, month, day) = (
        1950 + seed.below(50),
        1 + seed.below(12),
        1 + seed.below(28),
    );
    let body = format!("990000{year}{month:02}{day:02}{:03}", seed.below(1000));
    let weights = (0..17).map(|n| (1..=17 - n).fold(1_u32, |weight, _| weight * 2 % 11));
    let values = body.chars().filter_map(|letter| letter.to_digit(10));
    let sum = values
        .zip(weights)
        .map(|(value, weight)| value * weight)
        .sum::<u32>()
        % 11;
    let check = match (12 - sum) % 11 {
        10 => "X".to_owned(),
        digit => digit.to_string(),
    };
    body + &check
}

/// A card number with its check digit (ISO/IEC 7812-1) of issuer 999999, which is assigned to
/// nobody.
fn card(seed: &mut Seed) -> String {
    let body = format!("999999{}", digits(9, seed));
    let values = body.chars().rev().filter_map(|letter| letter.to_digit(10));
    let sum: u32 = values
        .enumerate()
        .map(|(n, digit)| match (n % 2, digit * 2) {
            (1, _) => digit,
            (_, twice) if twice > 9 => twice - 9,
            (_, twice) => twice,
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}
