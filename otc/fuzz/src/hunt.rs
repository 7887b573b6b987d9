//! The hunt: breed, try, keep what is new, tell what broke.

use std::cell::RefCell;
use std::collections::HashSet;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::{Duration, Instant};

use crate::dice::Dice;
use crate::mutate;
use crate::tree::Tree;

/// What reads the inputs: tells what the input led to, in few words, or in what it contradicted
/// itself.
pub type Target = fn(&str) -> Result<String, String>;

/// Longest time one input may take, seconds.
const LONGEST: Duration = Duration::from_secs(10);

/// Most documents in the breeding stock.
const STOCK: usize = 4096;

/// What a hunt came to.
#[derive(Debug, Clone, Default)]
pub struct Bag {
    /// Inputs tried.
    pub tried: u64,
    /// Inputs the reader took.
    pub taken: u64,
    /// Different outcomes met.
    pub outcomes: usize,
    /// Inputs that broke something, with what they broke.
    pub broken: Vec<(String, String)>,
}

thread_local! {
    static TOLD: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Panics of hunts are kept for the report; others are told as ever.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let hunting = TOLD.with_borrow_mut(|told| match told {
                Some(told) => {
                    *told = info.to_string();
                    true
                }
                None => false,
            });
            if !hunting {
                usual(info);
            }
        }));
    });
}

/// One input: its outcome, or what went wrong.
///
/// # Errors
/// A panic with its place, a contradiction, or the time it took when that was too long.
pub fn attempt(target: Target, input: &str) -> Result<String, String> {
    listen();
    TOLD.set(Some(String::new()));
    let start = Instant::now();
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| target(input)));
    let took = start.elapsed();
    let told = TOLD.take().unwrap_or_default();
    match outcome {
        Err(_) => Err(format!("panic: {told}")),
        Ok(Err(contradiction)) => Err(contradiction),
        Ok(Ok(_)) if took > LONGEST => Err(format!("it took {:.1} s", took.as_secs_f64())),
        Ok(Ok(outcome)) => Ok(outcome),
    }
}

/// Where the input now under trial is written, when one is wanted: a hang or an overflowed stack
/// leaves no other trace.
#[derive(Debug, Clone)]
pub struct Trace(pub PathBuf);

/// Hunts from `seeds` for a time, or until ten inputs broke something different.
pub fn hunt(
    target: Target,
    seeds: &[String],
    seed: u64,
    time: Duration,
    trace: Option<&Trace>,
) -> Bag {
    let mut dice = Dice::new(seed);
    let parse = |text: &String| serde_json::from_str::<serde_json::Value>(text).ok();
    let mut stock: Vec<Tree> = seeds
        .iter()
        .filter_map(parse)
        .map(|v| Tree::from(&v))
        .collect();
    let texts: Vec<&String> = seeds.iter().collect();
    let (mut bag, mut met, mut kinds) = (Bag::default(), HashSet::new(), HashSet::new());
    let start = Instant::now();
    while start.elapsed() < time && bag.broken.len() < 10 {
        let (input, bred) = breed(&stock, &texts, &mut dice);
        if let Some(Trace(path)) = trace {
            let _ = std::fs::write(path, &input);
        }
        bag.tried += 1;
        match attempt(target, &input) {
            Ok(outcome) => {
                bag.taken += u64::from(outcome.starts_with("ok"));
                if met.insert(outcome)
                    && let Some(bred) = bred.filter(|bred| bred.size() < 3000)
                {
                    if stock.len() < STOCK {
                        stock.push(bred);
                    } else {
                        let at = dice.below(stock.len());
                        stock[at] = bred;
                    }
                }
            }
            Err(told) => {
                let kind: String = told
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .chars()
                    .take(120)
                    .collect();
                if kinds.insert(kind) {
                    bag.broken.push((input, told));
                }
            }
        }
    }
    bag.outcomes = met.len();
    bag
}

/// An input, and the document it was written from when its bytes are whole.
fn breed(stock: &[Tree], texts: &[&String], dice: &mut Dice) -> (String, Option<Tree>) {
    if stock.is_empty() || dice.one_in(16) {
        let (text, other) = (*dice.pick(texts), *dice.pick(texts));
        return (mutate::bytes(text.clone(), other, dice), None);
    }
    let mut tree = dice.pick(stock).clone();
    mutate::tree(&mut tree, stock, dice);
    let text = if dice.one_in(4) {
        tree.yaml(dice)
    } else {
        tree.json()
    };
    if dice.one_in(12) {
        let other = *dice.pick(texts);
        return (mutate::bytes(text, other, dice), None);
    }
    (text, Some(tree))
}

/// Every file below a folder as text, in the order of their paths.
///
/// # Panics
/// When the folder cannot be read.
#[must_use]
pub fn files(folder: &Path) -> Vec<(PathBuf, String)> {
    let entries =
        std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found = Vec::new();
    for entry in entries {
        let path = entry
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            found.push((path, text));
        }
    }
    found.sort();
    found
}
