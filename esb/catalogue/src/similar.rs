//! How like two interfaces are: by the segments of their paths and the names of their fields.

use std::collections::BTreeSet;

use rialto_document::{Node, Value};
use rialto_esb_contract::Definition;

/// What an interface is known by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Traits {
    /// Segments of its paths, variables left out.
    pub segments: BTreeSet<String>,
    /// Names of the fields of its messages and of its parameters.
    pub fields: BTreeSet<String>,
}

/// Segments that every interface has.
fn is_common(segment: &str) -> bool {
    let version = segment
        .strip_prefix('v')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
    segment.is_empty() || segment == "api" || segment.starts_with('{') || version
}

/// A name as it is compared: lower case, without `_` and `-`.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|letter| !matches!(letter, '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect()
}

impl Traits {
    /// Of a definition.
    #[must_use]
    pub fn of(definition: &Definition) -> Self {
        let mut traits = Self::default();
        for operation in &definition.operations {
            let segments = operation.path.split('/').filter(|one| !is_common(one));
            traits.segments.extend(segments.map(plain));
            for parameter in &operation.parameters {
                traits.fields.insert(plain(&parameter.name));
            }
            let bodies = operation.body.iter().flat_map(|body| &body.media);
            let answers = operation.outcomes.iter().flat_map(|one| &one.media);
            for schema in bodies.chain(answers).filter_map(|one| one.schema.as_ref()) {
                fields(schema, &mut traits.fields);
            }
        }
        for schema in definition.schemas.values() {
            fields(schema, &mut traits.fields);
        }
        traits
    }

    /// How like another one is, percent: the mean of what segments and what fields share.
    #[must_use]
    pub fn score_percent(&self, other: &Self) -> u32 {
        let parts = [
            shared(&self.segments, &other.segments),
            shared(&self.fields, &other.fields),
        ];
        let told: Vec<u32> = parts.into_iter().flatten().collect();
        match u32::try_from(told.len()) {
            Ok(count @ 1..) => told.iter().sum::<u32>() / count,
            _ => 0,
        }
    }
}

/// Names of properties anywhere in a schema.
fn fields(node: &Node, found: &mut BTreeSet<String>) {
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| fields(item, found)),
        Value::Map(map) => {
            for (name, member) in map {
                if &**name == "properties"
                    && let Some(properties) = member.node.map()
                {
                    found.extend(properties.keys().map(|name| plain(name)));
                }
                fields(&member.node, found);
            }
        }
        _ => {}
    }
}

/// Jaccard's index in percent; `None` when neither has anything.
fn shared(a: &BTreeSet<String>, b: &BTreeSet<String>) -> Option<u32> {
    // Among ten thousand interfaces one of many fields is compared with all: only what both may have
    // is looked at.
    let both = a.intersection(b).count();
    let all = a.len() + b.len() - both;
    let percent = (both * 100).checked_div(all)?;
    u32::try_from(percent).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn traits(segments: &[&str], fields: &[&str]) -> Traits {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Traits {
            segments: set(segments),
            fields: set(fields),
        }
    }

    #[test]
    fn segments_and_fields_count_the_same() {
        let a = traits(&["orders"], &["qty", "price", "side", "symbol"]);
        assert_eq!(a.score_percent(&a), 100);
        assert_eq!(a.score_percent(&traits(&["orders"], &["qty", "price"])), 75);
        assert_eq!(a.score_percent(&traits(&["quotes"], &["bid"])), 0);
        assert_eq!(Traits::default().score_percent(&Traits::default()), 0);
    }

    #[test]
    fn spelling_versions_and_variables_do_not_matter() {
        let read = |text: &str| {
            let bundle = rialto_esb_contract::Bundle::single("a.yaml", text).expect("reads");
            let import = rialto_esb_contract::import(&bundle).expect("imports");
            Traits::of(&import.definition)
        };
        let one = read(
            "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths:\n  /api/v1/orders/{id}:\n    get: {responses: {'200': {description: d, content: {application/json: {schema: {type: object, properties: {order_id: {type: string}}}}}}}}\n",
        );
        let other = read(
            "openapi: 3.1.0\ninfo: {title: t, version: '1'}\npaths:\n  /v2/Orders/{key}:\n    get: {responses: {'200': {description: d, content: {application/json: {schema: {type: object, properties: {orderId: {type: string}}}}}}}}\n",
        );
        assert_eq!(one.segments, ["orders".to_owned()].into());
        assert_eq!(one.score_percent(&other), 100);
    }

    proptest! {
        #[test]
        fn likeness_goes_both_ways_and_stays_within_bounds(
            a in prop::collection::btree_set("[a-e]", 0..5), b in prop::collection::btree_set("[a-e]", 0..5),
            c in prop::collection::btree_set("[a-e]", 0..5), d in prop::collection::btree_set("[a-e]", 0..5),
        ) {
            let (x, y) = (Traits { segments: a, fields: b }, Traits { segments: c, fields: d });
            prop_assert_eq!(x.score_percent(&y), y.score_percent(&x));
            prop_assert!(x.score_percent(&y) <= 100);
        }
    }
}
