//! How inputs are changed.

use crate::dice::Dice;
use crate::tree::Tree;

/// Scalars that have broken readers before, or stand where something else is meant.
const ODD: &[&str] = &[
    "null",
    "true",
    "0",
    "-0",
    "-1",
    "1",
    "2",
    "1e400",
    "-1e400",
    "1e-400",
    "1e28",
    "1e-28",
    "NaN",
    ".nan",
    ".inf",
    "-.inf",
    "Infinity",
    "0x1f",
    "0o17",
    "1_000",
    "+1",
    ".5",
    "5.",
    "1e",
    "--1",
    "~",
    "",
    "79228162514264337593543950335",
    "-79228162514264337593543950335",
    "79228162514264337593543950336",
    "0.0000000000000000000000000001",
    "123456789012345678901234567890.123456789",
    "9223372036854775807",
    "18446744073709551616",
    "1.7976931348623157e308",
    "5e-324",
    "999999",
    "0.5",
    "1.5",
    "100000",
    "4294967296",
];

/// Texts of the language, and texts that are nearly of it.
const WORDS: &[&str] = &[
    "",
    " ",
    "%",
    "-",
    "0%",
    "100%",
    "101%",
    "-101%",
    "1e9%",
    "14.7 %",
    "NaN",
    "NaN%",
    "inf",
    "1/0",
    "1/250",
    "0/1",
    "79228162514264337593543950335%",
    "0.00000000000000000000000000001%",
    "N",
    "S",
    "S0",
    "S:",
    "S:A",
    "t",
    "row",
    "worst",
    "best",
    "basket",
    "end",
    "obs",
    "start",
    "daily",
    "continuous",
    "1m",
    "0m",
    "-1m",
    "99999y",
    "1d",
    "3m",
    "eom",
    "last_session",
    "following",
    "preceding",
    "none",
    "2026-03-09",
    "2026-02-30",
    "0001-01-01",
    "9999-12-31",
    "-9999-01-01",
    "2028-02-29",
    "1e5-01-01",
    "2050-12-31",
    "2007-01-01",
    "XSHG",
    "CN-IB",
    "sessions:XSHG/0",
    "sessions:XSHG/244",
    "sessions:XSHG/-1",
    "weighted:XSHG/244/0.5",
    "act365",
    "30e360",
    "months12",
    "absolute",
    "times",
    "house_sells",
    "house_buys",
    "snowball/1",
    "phoenix/1",
    "accumulator/1",
    "trs/1",
    "american/1",
    "basket/1",
    "asian/1",
    "range_accrual/1",
    "rialto.otc/1",
    "rialto.market/1",
    "CNY",
    "+",
    "*",
    "/",
    "max",
    "min",
    "if",
    ">=",
    "pay",
    "set",
    "stop",
    "and",
    "not",
    "m",
    "敲出",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "a\"b",
    "💥",
    "post_close",
    "pre_open",
    "intraday",
    "fixing",
    "svi",
    "zero",
    "forward",
    "futures",
    "marked",
    "strike",
    "call",
    "put",
    "bear",
    "bull",
    "stepdown",
    "paris",
];

/// Names of the language.
const NAMES: &[&str] = &[
    "terms",
    "ko",
    "ki",
    "level",
    "levels",
    "schedule",
    "schedules",
    "freq",
    "times",
    "dates",
    "first",
    "step",
    "last",
    "rules",
    "if",
    "do",
    "vars",
    "on",
    "phase",
    "program",
    "exercise",
    "terminal",
    "state",
    "start",
    "end",
    "n",
    "dt",
    "rows",
    "variance",
    "rate",
    "coupon",
    "lock",
    "roll",
    "calendar",
    "month_end",
    "strike",
    "type",
    "part",
    "loss",
    "principal",
    "bonus",
    "premium",
    "notional",
    "quantity",
    "underlying",
    "underlyings",
    "weight",
    "code",
    "initial",
    "clocks",
    "rounding",
    "payment",
    "lag",
    "zones",
    "legs",
    "preset",
    "template",
    "count",
    "memory",
    "guaranteed",
    "tiers",
    "to",
    "vol",
    "q",
    "r",
    "spot",
    "fixings",
    "correlation",
    "svi",
    "grid",
    "heston",
    "as_of",
    "phase",
    "date",
    "time",
    "discount",
    "futures",
    "zero",
    "",
    "x",
    "memo",
];

/// Changes a document in some places; `others` lend their branches.
pub fn tree(tree: &mut Tree, others: &[Tree], dice: &mut Dice) {
    let changes = 1 + if dice.one_in(3) {
        dice.below(6)
    } else {
        dice.below(2)
    };
    for _ in 0..changes {
        let size = tree.size();
        let number = dice.below(size);
        let lent = branch(others, dice);
        let whole = size < 4000;
        let node = tree.at(number);
        match dice.below(9) {
            0 | 1 => *node = scalar(dice),
            2 if whole => *node = lent,
            3 => tweak(node, dice),
            4 | 5 => reshape(node, lent, dice),
            6 => {
                let inner = std::mem::replace(node, Tree::Raw("null".into()));
                *node = if dice.one_in(2) {
                    Tree::List(vec![inner])
                } else {
                    Tree::Map(vec![((*dice.pick(NAMES)).to_owned(), inner)])
                };
            }
            7 if dice.one_in(8) => deepen(node, dice),
            8 if dice.one_in(8) && whole => lengthen(node, dice),
            _ => tweak(node, dice),
        }
    }
}

fn branch(others: &[Tree], dice: &mut Dice) -> Tree {
    if others.is_empty() {
        return scalar(dice);
    }
    let mut other = dice.pick(others).clone();
    let number = dice.below(other.size());
    other.at(number).clone()
}

fn scalar(dice: &mut Dice) -> Tree {
    match dice.below(6) {
        0 | 1 => Tree::Raw((*dice.pick(ODD)).to_owned()),
        2 => Tree::Text((*dice.pick(ODD)).to_owned()),
        3 | 4 => Tree::Text((*dice.pick(WORDS)).to_owned()),
        _ => Tree::Text(format!("{}%", dice.below(300))),
    }
}

/// Names and places in lists and maps.
fn reshape(node: &mut Tree, lent: Tree, dice: &mut Dice) {
    match node {
        Tree::List(items) => {
            let at = dice.below(items.len() + 1);
            match dice.below(5) {
                0 => items.clear(),
                1 if at < items.len() => drop(items.remove(at)),
                2 if at < items.len() => {
                    let again = items[at].clone();
                    items.insert(at, again);
                }
                3 => items.reverse(),
                _ => items.insert(at, lent),
            }
        }
        Tree::Map(pairs) => {
            let at = dice.below(pairs.len() + 1);
            match dice.below(5) {
                0 if at < pairs.len() => drop(pairs.remove(at)),
                1 if at < pairs.len() => (*dice.pick(NAMES)).clone_into(&mut pairs[at].0),
                2 if at < pairs.len() && dice.one_in(4) => {
                    let again = pairs[at].clone();
                    pairs.push(again);
                }
                3 if pairs.len() > 1 => {
                    let (a, b) = (dice.below(pairs.len()), dice.below(pairs.len()));
                    let kept = pairs[a].1.clone();
                    pairs[a].1 = std::mem::replace(&mut pairs[b].1, kept);
                }
                _ => pairs.push(((*dice.pick(NAMES)).to_owned(), lent)),
            }
        }
        Tree::Raw(_) | Tree::Text(_) => tweak(node, dice),
    }
}

/// Characters of a scalar.
fn tweak(node: &mut Tree, dice: &mut Dice) {
    let (Tree::Raw(text) | Tree::Text(text)) = node else {
        return;
    };
    let mut letters: Vec<char> = text.chars().collect();
    let at = dice.below(letters.len() + 1);
    match dice.below(6) {
        0 if at < letters.len() => drop(letters.remove(at)),
        1 => letters.insert(
            at,
            *dice.pick(&['0', '9', '.', '-', '%', 'e', '1', ':', '/']),
        ),
        2 if at < letters.len() => {
            letters[at] = *dice.pick(&['0', '1', '9', '-', '.', 'a', '%', ' ']);
        }
        3 => letters.insert(0, '-'),
        4 => letters.extend(std::iter::repeat_n('0', 1 + dice.below(30))),
        _ => letters.truncate(at),
    }
    *text = letters.into_iter().collect();
}

fn deepen(node: &mut Tree, dice: &mut Dice) {
    let operator = *dice.pick(&["+", "-", "*", "max", "if", "not", "and"]);
    for _ in 0..1 + dice.below(90) {
        let inner = std::mem::replace(node, Tree::Raw("null".into()));
        *node = Tree::List(vec![
            Tree::Text(operator.to_owned()),
            inner,
            Tree::Raw("1".into()),
        ]);
    }
}

fn lengthen(node: &mut Tree, dice: &mut Dice) {
    let again = node.clone();
    if let Tree::List(items) = node {
        let wanted = items.clone();
        for _ in 0..dice.below(40) {
            items.extend(wanted.iter().cloned());
        }
    } else {
        *node = Tree::List(vec![again; 1 + dice.below(300)]);
    }
}

/// Damages the bytes of a text, which stays a text.
pub fn bytes(text: String, other: &str, dice: &mut Dice) -> String {
    let mut bytes = text.into_bytes();
    for _ in 0..1 + dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        let to = (at + dice.below(24)).min(bytes.len());
        match dice.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            1 => drop(bytes.drain(at..to)),
            2 => {
                let again = bytes[at..to].to_vec();
                bytes.splice(at..at, again);
            }
            3 => {
                let marks = b"{}[]:,\"'-#&*!|>%@`\n\t \\?~";
                bytes.insert(at, *dice.pick(marks));
            }
            4 => {
                let from = dice.below(other.len() + 1);
                let lent = &other.as_bytes()[from..(from + dice.below(60)).min(other.len())];
                bytes.splice(at..at, lent.iter().copied());
            }
            _ => bytes.truncate(at),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
