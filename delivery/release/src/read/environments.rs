//! The environments of a definition.

use super::sections::{HOUR, MINUTE, checked_path, variables};
use super::table::{Placed, Section};
use crate::definition::{EnvironmentSpec, Strategy, Tier};
use crate::message::nearest;

/// Bake time when the file names none: a quarter of an hour.
const DEFAULT_BAKE_MS: u64 = 15 * MINUTE;

pub(super) fn environments(root: &Section<'_>) -> Vec<EnvironmentSpec> {
    let Some(section) = root.section("environments") else {
        root.missing(
            "environments",
            "[environments.test] with tier = \"testing\"",
        );
        return Vec::new();
    };
    let named = section.named_sections();
    if named.is_empty() {
        section.missing(
            "environments",
            "[environments.test] with tier = \"testing\"",
        );
    }
    let names: Vec<&str> = named.iter().map(|(name, _)| name.value).collect();
    let found: Vec<EnvironmentSpec> = named
        .iter()
        .map(|(name, table)| environment(name, table, &names))
        .collect();
    refuse_circles(&named, &found);
    refuse_shared_addresses(&named, &found);
    found
}

fn environment(name: &Placed<&str>, section: &Section<'_>, names: &[&str]) -> EnvironmentSpec {
    section.only(&[
        "tier",
        "strategy",
        "listen",
        "bake",
        "requires",
        "approvals",
        "smoke",
        "env",
    ]);
    let well_named = !name.value.is_empty()
        && name.value.len() <= 255
        && name
            .value
            .chars()
            .all(|c| c.is_alphanumeric() || "-_/. ".contains(c))
        && !name
            .value
            .split('/')
            .any(|part| part.is_empty() || part == "." || part == "..");
    if !well_named {
        section.sink.error(
            name.at,
            format!(
                "\"{}\" is not an environment name (letters, digits, - _ / . and blanks)",
                name.value
            ),
        );
    }
    let tier = tier(name.value, section);
    let default_approvals = if tier == Tier::Production { 2 } else { 0 };
    let smoke = section
        .strings("smoke")
        .unwrap_or_default()
        .into_iter()
        .filter_map(|path| checked_path(section, "smoke", path))
        .collect();
    EnvironmentSpec {
        name: name.value.to_owned(),
        tier,
        strategy: strategy(section),
        listen: listen(section),
        bake_ms: section.duration("bake", 0, 7 * 24 * HOUR, DEFAULT_BAKE_MS),
        requires: requires(name.value, section, names),
        approvals: section.number("approvals", 0, 10, default_approvals),
        smoke,
        env: section
            .section("env")
            .map(|env| variables(&env))
            .unwrap_or_default(),
    }
}

fn tier(name: &str, section: &Section<'_>) -> Tier {
    let Some(word) = section.string("tier") else {
        return Tier::from_name(name);
    };
    Tier::parse(word.value).unwrap_or_else(|| {
        let known = ["production", "staging", "testing", "development", "other"];
        let hint = nearest(word.value, &known).map_or_else(
            || format!("tiers are {}", known.join(", ")),
            |n| format!("did you mean \"{n}\"?"),
        );
        section
            .sink
            .error(word.at, format!("\"{}\" is not a tier; {hint}", word.value));
        Tier::from_name(name)
    })
}

fn strategy(section: &Section<'_>) -> Strategy {
    if let Some(word) = section.string("strategy") {
        match word.value {
            "blue_green" => {}
            "canary" | "rolling" | "recreate" => section.sink.error(
                word.at,
                format!(
                    "strategy \"{}\" is not carried out; write \"blue_green\"",
                    word.value
                ),
            ),
            other => section.sink.error(
                word.at,
                format!("\"{other}\" is not a strategy; write \"blue_green\""),
            ),
        }
    }
    Strategy::BlueGreen
}

fn listen(section: &Section<'_>) -> Option<std::net::SocketAddr> {
    let word = section.string("listen")?;
    match word.value.parse::<std::net::SocketAddr>() {
        Ok(address) if address.port() != 0 => Some(address),
        Ok(_) => {
            section.sink.error(
                word.at,
                "port 0 is not an address to publish; leave \"listen\" out to be given a free port"
                    .to_owned(),
            );
            None
        }
        Err(_) => {
            section.sink.error(
                word.at,
                format!(
                    "\"{}\" is not an address; write IP:PORT such as \"127.0.0.1:9301\"",
                    word.value
                ),
            );
            None
        }
    }
}

fn requires(own: &str, section: &Section<'_>, names: &[&str]) -> Option<String> {
    let word = section.string("requires")?;
    if word.value == own {
        section.sink.error(
            word.at,
            format!("environment \"{own}\" cannot require itself"),
        );
        return None;
    }
    if !names.contains(&word.value) {
        let hint = nearest(word.value, names).map_or_else(
            || format!("declared are {}", names.join(", ")),
            |near| format!("did you mean \"{near}\"?"),
        );
        section.sink.error(
            word.at,
            format!(
                "required environment \"{}\" is not declared; {hint}",
                word.value
            ),
        );
        return None;
    }
    Some(word.value.to_owned())
}

fn refuse_circles(named: &[(Placed<&str>, Section<'_>)], found: &[EnvironmentSpec]) {
    for ((name, section), start) in named.iter().zip(found) {
        let mut at = start;
        for _ in 0..found.len() {
            let Some(next) = at
                .requires
                .as_ref()
                .and_then(|r| found.iter().find(|e| e.name == *r))
            else {
                break;
            };
            if next.name == start.name {
                section.sink.error(
                    name.at,
                    format!("environment \"{}\" requires itself in a circle", start.name),
                );
                break;
            }
            at = next;
        }
    }
}

fn refuse_shared_addresses(named: &[(Placed<&str>, Section<'_>)], found: &[EnvironmentSpec]) {
    for (i, one) in found.iter().enumerate() {
        let earlier = found[..i]
            .iter()
            .find(|e| e.listen.is_some() && e.listen == one.listen);
        if let (Some(earlier), Some(address)) = (earlier, one.listen) {
            let (name, section) = &named[i];
            section.sink.error(
                name.at,
                format!(
                    "environments \"{}\" and \"{}\" both listen on {address}",
                    earlier.name, one.name
                ),
            );
        }
    }
}
