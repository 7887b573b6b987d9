//! Values by schema.

use rialto_document::{Node, Value, pointer_step};
use rialto_esb_contract::Definition;
use rialto_esb_contract::joined::Joined;
use rust_decimal::{Decimal, RoundingStrategy};

use crate::labels::labelled;
use crate::seed::Seed;
use crate::text::{formatted, matching};

/// Which way a value travels: what is read-only is not asked of callers, what is write-only not
/// told to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the caller.
    Request,
    /// To the caller.
    Response,
}

/// No value can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no value can be made at {pointer}: `{keyword}` {why}")]
pub struct Unsatisfiable {
    /// JSON pointer into the value.
    pub pointer: String,
    /// The keyword that stands in the way.
    pub keyword: String,
    /// Why.
    pub why: String,
}

/// Deepest value; from half of it on only what is required is made.
const MAX_DEPTH: usize = 16;
/// Tries for a list whose items must differ.
const TRIES: usize = 50;

/// A value of a schema; the same for the same seed.
///
/// # Errors
/// [`Unsatisfiable`], naming the keyword.
pub fn generate(
    schema: &Node,
    definition: &Definition,
    direction: Direction,
    seed: &mut Seed,
) -> Result<Node, Unsatisfiable> {
    let maker = Maker {
        definition,
        direction,
    };
    maker.make(&[schema], &At::default(), seed)
}

struct Maker<'d> {
    definition: &'d Definition,
    direction: Direction,
}

#[derive(Debug, Clone, Default)]
struct At {
    pointer: String,
    depth: usize,
    /// The name of the field.
    name: String,
}

impl At {
    fn below(&self, name: &str) -> Self {
        Self {
            pointer: format!("{}{}", self.pointer, pointer_step(name)),
            depth: self.depth + 1,
            name: name.to_owned(),
        }
    }

    fn refuse<T>(&self, keyword: &str, why: &str) -> Result<T, Unsatisfiable> {
        Err(Unsatisfiable {
            pointer: if self.pointer.is_empty() {
                "/".to_owned()
            } else {
                self.pointer.clone()
            },
            keyword: keyword.to_owned(),
            why: why.to_owned(),
        })
    }
}

type Made = Result<Node, Unsatisfiable>;

impl<'d> Maker<'d> {
    fn make(&self, parts: &[&'d Node], at: &At, seed: &mut Seed) -> Made {
        if at.depth > MAX_DEPTH {
            return at.refuse("$ref", "holds itself without an end");
        }
        let joined = Joined::of(parts, self.definition);
        if joined.never {
            return at.refuse("false", "allows nothing");
        }
        if joined.lost {
            return at.refuse("$ref", "leads to nothing that is known");
        }
        for keyword in ["oneOf", "anyOf"] {
            let Some(branches) = joined.keywords.get(keyword).and_then(|all| all.first()) else {
                continue;
            };
            let branches = branches.list().unwrap_or_default();
            // A part of the schema that names the branches is left out when one of them is taken.
            let around: Vec<&Node> = parts.to_vec();
            return self.branch(keyword, &around, branches, at, seed);
        }
        self.plain(&joined, at, seed)
    }

    /// Tries the branches in an order the seed gives; the first that can be made counts.
    fn branch(
        &self,
        keyword: &str,
        around: &[&'d Node],
        branches: &'d [Node],
        at: &At,
        seed: &mut Seed,
    ) -> Made {
        let start = seed.below(branches.len());
        let mut last = at.refuse(keyword, "has no branch that can be made");
        for n in 0..branches.len() {
            let branch = &branches[(start + n) % branches.len()];
            let mut joined = Joined::of(around, self.definition);
            joined.keywords.shift_remove(keyword);
            let with = Joined::of(&[branch], self.definition);
            let inner = with.keywords.contains_key("oneOf") || with.keywords.contains_key("anyOf");
            let made = if inner {
                self.make(&[branch], at, seed)
            } else {
                self.plain(&merged(joined, with), at, seed)
            };
            match made {
                Ok(value) => return Ok(value),
                Err(error) => last = Err(error),
            }
        }
        last
    }

    fn plain(&self, joined: &Joined<'d>, at: &At, seed: &mut Seed) -> Made {
        if let Some(all) = joined.keywords.get("const") {
            return Ok(all
                .first()
                .map_or_else(|| Value::Null.into(), |one| (*one).clone()));
        }
        if let Some(all) = joined.keywords.get("enum") {
            let lists: Vec<&[Node]> = all.iter().filter_map(|one| one.list()).collect();
            let first = lists.first().copied().unwrap_or_default();
            let fits: Vec<&Node> = first
                .iter()
                .filter(|value| lists.iter().all(|list| list.contains(value)))
                .collect();
            return match seed.pick(&fits) {
                Some(value) => Ok((*value).clone()),
                None => at.refuse("enum", "has no value left"),
            };
        }
        if let Some(example) = seed.pick(&joined.examples) {
            return Ok((*example).clone());
        }
        let kinds = joined.kinds();
        let told = |names: &[&str]| names.iter().any(|name| joined.keywords.contains_key(*name));
        let shaped = !joined.properties.is_empty() || !joined.required.is_empty();
        let kind = if joined.types.is_none() {
            if shaped || told(&["additionalProperties"]) {
                "object"
            } else if told(&["items", "minItems", "maxItems"]) {
                "array"
            } else if told(&["minimum", "maximum", "multipleOf"]) {
                "number"
            } else {
                "string"
            }
        } else {
            let wanted = [
                "object", "array", "string", "integer", "number", "boolean", "null",
            ];
            match wanted.into_iter().find(|kind| kinds.contains(kind)) {
                Some("integer") if kinds.contains("number") => "number",
                Some(kind) => kind,
                None => return at.refuse("type", "leaves no type"),
            }
        };
        match kind {
            "object" => self.object(joined, at, seed),
            "array" => self.array(joined, at, seed),
            "integer" => number(joined, at, seed, true),
            "number" => number(joined, at, seed, false),
            "boolean" => Ok(Node::from(seed.below(2) == 1)),
            "null" => Ok(Value::Null.into()),
            _ => text(joined, at, seed),
        }
    }

    fn object(&self, joined: &Joined<'d>, at: &At, seed: &mut Seed) -> Made {
        let mut pairs: Vec<(String, Node)> = Vec::new();
        let hidden = |parts: &[&Node]| {
            let flag = match self.direction {
                Direction::Request => "readOnly",
                Direction::Response => "writeOnly",
            };
            parts
                .iter()
                .any(|part| Joined::of(&[part], self.definition).is_set(flag))
        };
        for (name, parts) in &joined.properties {
            let required = joined.required.contains(name);
            if hidden(parts) || (!required && at.depth * 2 > MAX_DEPTH) {
                continue;
            }
            match self.make(parts, &at.below(name), seed) {
                Ok(value) => pairs.push(((*name).to_owned(), value)),
                Err(_) if !required => {}
                Err(error) => return Err(error),
            }
        }
        let extra = joined
            .keywords
            .get("additionalProperties")
            .and_then(|all| all.first())
            .copied();
        let closed = extra.and_then(Node::bool) == Some(false);
        for name in &joined.required {
            if pairs.iter().any(|(known, _)| known == name) || joined.properties.contains_key(name)
            {
                continue;
            }
            if closed {
                return at.refuse(
                    "required",
                    "asks for a property that `additionalProperties` refuses",
                );
            }
            let value = self.extra(extra, &at.below(name), seed)?;
            pairs.push(((*name).to_owned(), value));
        }
        let least = whole(joined, "minProperties", true).unwrap_or(0);
        for n in 0.. {
            if pairs.len() >= least {
                break;
            }
            if closed {
                return at.refuse("minProperties", "asks for more than the object may hold");
            }
            let name = format!("field{n}");
            let value = self.extra(extra, &at.below(&name), seed)?;
            pairs.push((name, value));
        }
        Ok(pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect())
    }

    fn extra(&self, schema: Option<&'d Node>, at: &At, seed: &mut Seed) -> Made {
        match schema.filter(|schema| schema.map().is_some()) {
            Some(schema) => self.make(&[schema], at, seed),
            None => Ok(Node::from("text")),
        }
    }

    fn array(&self, joined: &Joined<'d>, at: &At, seed: &mut Seed) -> Made {
        let least = whole(joined, "minItems", true).unwrap_or(0);
        let most = whole(joined, "maxItems", false).unwrap_or(usize::MAX);
        if least > most {
            return at.refuse("minItems", "is above `maxItems`");
        }
        let deep = at.depth * 2 > MAX_DEPTH;
        let count = if deep {
            least
        } else {
            least.max(most.min(1 + seed.below(2)))
        };
        let items = joined.keywords.get("items").cloned().unwrap_or_default();
        let unique = joined.is_set("uniqueItems");
        let mut out: Vec<Node> = Vec::with_capacity(count);
        let mut tries = 0;
        while out.len() < count {
            let here = at.below(&out.len().to_string());
            let made = if items.is_empty() {
                Ok(Node::from("text"))
            } else {
                self.make(&items, &here, seed)
            };
            let value = match made {
                Ok(value) => value,
                Err(_) if out.len() >= least => break,
                Err(error) => return Err(error),
            };
            if unique && out.contains(&value) {
                tries += 1;
                if out.len() >= least {
                    break;
                }
                if tries > TRIES {
                    return at.refuse(
                        "uniqueItems",
                        "asks for more different items than were found",
                    );
                }
                continue;
            }
            out.push(value);
        }
        Ok(out.into_iter().collect())
    }
}

/// Two schemas that must both hold.
fn merged<'d>(mut one: Joined<'d>, other: Joined<'d>) -> Joined<'d> {
    one.types = match (&one.types, &other.types) {
        (None, _) => other.types,
        (_, None) => one.types,
        (Some(_), Some(_)) => {
            let (mine, theirs) = (one.kinds(), other.kinds());
            Some(mine.intersection(&theirs).copied().collect())
        }
    };
    for (name, parts) in other.properties {
        one.properties.entry(name).or_default().extend(parts);
    }
    one.required.extend(other.required);
    // What a branch shows fits the branch.
    one.examples = other.examples;
    for (name, parts) in other.keywords {
        one.keywords.entry(name).or_default().extend(parts);
    }
    one.never |= other.never;
    one.lost |= other.lost;
    one
}

fn decimals<'j>(joined: &'j Joined<'_>, keyword: &str) -> impl Iterator<Item = Decimal> + 'j {
    let all = joined.keywords.get(keyword).into_iter().flatten();
    all.filter_map(|node| {
        let text = node.number()?;
        text.parse()
            .ok()
            .or_else(|| Decimal::from_scientific(text).ok())
    })
}

/// The tightest whole number of a keyword.
fn whole(joined: &Joined<'_>, keyword: &str, lower: bool) -> Option<usize> {
    let all = decimals(joined, keyword);
    let tightest = if lower { all.max() } else { all.min() };
    usize::try_from(tightest?.trunc().mantissa()).ok()
}

fn number(joined: &Joined<'_>, at: &At, seed: &mut Seed, integer: bool) -> Made {
    let step = match (decimals(joined, "multipleOf").max(), integer) {
        (Some(step), _) if step > Decimal::ZERO => step,
        (_, true) => Decimal::ONE,
        (_, false) => Decimal::new(1, 2),
    };
    let above = decimals(joined, "minimum").max();
    let over = decimals(joined, "exclusiveMinimum").max();
    let below = decimals(joined, "maximum").min();
    let under = decimals(joined, "exclusiveMaximum").min();
    let grid = |value: Decimal, up: bool| {
        let strategy = if up {
            RoundingStrategy::ToPositiveInfinity
        } else {
            RoundingStrategy::ToNegativeInfinity
        };
        value
            .checked_div(step)
            .map(|count| count.round_dp_with_strategy(0, strategy))
    };
    let more = |count: Option<Decimal>, edge: Decimal, by: Decimal| match count {
        Some(count) if count.checked_mul(step) == Some(edge) => count.checked_add(by),
        other => other,
    };
    // Counts of steps from zero.
    let first = above
        .and_then(|edge| grid(edge, true))
        .max(over.and_then(|edge| more(grid(edge, true), edge, Decimal::ONE)));
    let last = [
        below.and_then(|edge| grid(edge, false)),
        under.and_then(|edge| more(grid(edge, false), edge, Decimal::NEGATIVE_ONE)),
    ];
    let last = last.into_iter().flatten().min();
    let room = Decimal::from(1000);
    let (first, last) = match (first, last) {
        (Some(first), Some(last)) => (first, last),
        (Some(first), None) => (first, first.saturating_add(room)),
        (None, Some(last)) => (last.saturating_sub(room).max(Decimal::ZERO).min(last), last),
        (None, None) => (Decimal::ONE, room),
    };
    if first > last {
        return at.refuse("minimum", "leaves no number below the upper bound");
    }
    let width = last.saturating_sub(first).min(Decimal::from(1_000_000));
    let width = usize::try_from(width.trunc().mantissa()).unwrap_or(0);
    let count = first.saturating_add(Decimal::from(seed.below(width.saturating_add(1))));
    let value = count.saturating_mul(step).normalize();
    Ok(Value::Number(value.to_string().into()).into())
}

fn text(joined: &Joined<'_>, at: &At, seed: &mut Seed) -> Made {
    let least = whole(joined, "minLength", true).unwrap_or(0);
    let most = whole(joined, "maxLength", false).unwrap_or(usize::MAX);
    if least > most {
        return at.refuse("minLength", "is above `maxLength`");
    }
    let first = |keyword: &str| {
        let all = joined.keywords.get(keyword)?;
        all.first()?.text()
    };
    let fits = |text: &String| (least..=most).contains(&text.chars().count());
    if let Some(pattern) = first("pattern") {
        for more in [0, 2, least, 16, 64] {
            if let Some(text) = matching(pattern, more, seed).filter(|text| fits(text)) {
                return Ok(Node::from(text.as_str()));
            }
        }
        return at.refuse("pattern", "is not one a text could be made for");
    }
    if let Some(format) = first("format")
        && let Some(text) = formatted(format, seed)
    {
        if fits(&text) {
            return Ok(Node::from(text.as_str()));
        }
        return at.refuse("format", "does not fit the lengths that are allowed");
    }
    let made = first("x-label").and_then(|label| labelled(label, seed));
    if let Some(text) = made.filter(fits) {
        return Ok(Node::from(text.as_str()));
    }
    let word = if at.name.is_empty() {
        "text"
    } else {
        at.name.as_str()
    };
    let mut text = format!("{word}-{}", 1 + seed.below(99));
    while text.chars().count() < least {
        text.push('x');
    }
    Ok(Node::from(
        text.chars().take(most).collect::<String>().as_str(),
    ))
}
