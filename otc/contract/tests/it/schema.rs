//! The published JSON Schema says what the readers say.

use std::collections::BTreeMap;
use std::path::Path;

use rialto_otc_contract::SCHEMA_JSON;
use serde_json::{Map, Value, json};

use crate::world::{SHEETS, compiled};

/// A name no field has, and no field is near to.
const PROBE: &str = "zzzzzzzzzzzzzzzz";

fn schema() -> Value {
    serde_json::from_str(SCHEMA_JSON).expect("the schema is JSON")
}

/// All example sheets: the specification's six and one of every product and preset.
fn examples() -> Vec<(String, Value)> {
    let mut found: Vec<(String, Value)> = SHEETS
        .iter()
        .map(|(name, text)| {
            (
                (*name).to_owned(),
                serde_json::from_str(text).expect("JSON"),
            )
        })
        .collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sheets/products");
    for entry in std::fs::read_dir(folder).expect("the folder of sheets") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a sheet");
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        found.push((name, serde_json::from_str(&text).expect("JSON")));
    }
    found
}

/// The fields that the reader of an object knows: told when it meets an unknown one.
fn known(sheet: &Value, pointer: &str) -> Option<Vec<String>> {
    let mut probed = sheet.clone();
    probed
        .pointer_mut(pointer)?
        .as_object_mut()?
        .insert(PROBE.into(), json!(1));
    let findings = compiled(&probed.to_string()).expect_err("an unknown field is refused");
    let at = format!("{pointer}/{PROBE}");
    let finding = findings
        .iter()
        .find(|f| f.code == "E-FIELD-UNKNOWN" && f.pointer == at)?;
    let list = finding
        .en
        .split_once("Known here: ")?
        .1
        .trim_end_matches('.');
    Some(list.split(", ").map(str::to_owned).collect())
}

/// The schema of an object as its reader knows it, with all objects inside.
fn probed(sheet: &Value, pointer: &str) -> Value {
    let Some(names) = known(sheet, pointer) else {
        return json!(true);
    };
    let mut properties = Map::new();
    for name in names {
        let inner = format!("{pointer}/{name}");
        let object = sheet.pointer(&inner).is_some_and(Value::is_object);
        let schema = if object {
            probed(sheet, &inner)
        } else {
            json!(true)
        };
        properties.insert(name, schema);
    }
    json!({"properties": properties, "additionalProperties": false})
}

/// Two such schemas in one: an object's fields are those of either.
fn merged(a: Value, b: Value) -> Value {
    match (a, b) {
        (Value::Object(mut a), Value::Object(b)) => {
            let theirs = b.get("properties").and_then(Value::as_object);
            let ours = a.get_mut("properties").and_then(Value::as_object_mut);
            if let (Some(ours), Some(theirs)) = (ours, theirs) {
                for (name, schema) in theirs {
                    let before = ours.remove(name).unwrap_or(json!(true));
                    ours.insert(name.clone(), merged(before, schema.clone()));
                }
            }
            Value::Object(a)
        }
        (Value::Object(a), _) => Value::Object(a),
        (_, b) => b,
    }
}

/// Terms of every template as the readers know them.
fn terms() -> BTreeMap<String, Value> {
    let mut found: BTreeMap<String, Value> = BTreeMap::new();
    for (_, sheet) in examples() {
        let Some(template) = sheet["template"].as_str() else {
            continue;
        };
        let name = template.split('/').next().expect("a name").to_owned();
        let schema = probed(&sheet, "/terms");
        let before = found.remove(&name).unwrap_or(json!(true));
        found.insert(name, merged(before, schema));
    }
    found
}

/// With `UPDATE_SCHEMA=1` the file is written anew instead.
#[test]
fn the_terms_of_every_template_are_those_its_reader_knows() {
    let mut published = schema();
    let read = json!(terms());
    if published["$defs"]["terms"] != read && std::env::var_os("UPDATE_SCHEMA").is_some() {
        published["$defs"]["terms"] = read;
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/termsheet.schema.json");
        let text = serde_json::to_string_pretty(&published).expect("JSON") + "\n";
        std::fs::write(path, text).expect("the schema can be written");
        return;
    }
    assert_eq!(
        published["$defs"]["terms"], read,
        "write the schema anew with UPDATE_SCHEMA=1"
    );
}

#[test]
fn the_envelope_is_what_its_readers_know() {
    let full: Value = serde_json::from_str(include_str!("../spec/full.json")).expect("JSON");
    compiled(&full.to_string()).expect("the full sheet compiles");
    let schema = schema();
    let objects = [
        ("", ""),
        ("/parties", "/properties/parties"),
        ("/parties/house", "/$defs/party"),
        ("/agreement", "/properties/agreement"),
        ("/ids", "/properties/ids"),
        ("/options", "/properties/options"),
        ("/fixing", "/properties/fixing"),
        ("/underlying", "/$defs/underlying"),
        ("/underlying/initial", "/$defs/fixed"),
        ("/premium", "/properties/premium"),
        ("/dates", "/properties/dates"),
        ("/clocks", "/properties/clocks"),
        ("/payment", "/properties/payment"),
        ("/rounding", "/properties/rounding"),
        ("/state/pending/0", "/$defs/pending"),
    ];
    for (pointer, place) in objects {
        let mut read = known(&full, pointer).unwrap_or_else(|| panic!("{pointer} is read"));
        read.sort();
        let published = schema
            .pointer(place)
            .unwrap_or_else(|| panic!("{place} is there"));
        assert_eq!(published["additionalProperties"], json!(false), "{place}");
        let names: Vec<&String> = published["properties"]
            .as_object()
            .expect("properties")
            .keys()
            .collect();
        assert!(
            names.iter().copied().eq(read.iter()),
            "{place}: {names:?} is not {read:?}"
        );
    }
}

#[test]
fn every_field_is_priced_reported_or_memo() {
    let schema = schema();
    for (name, field) in schema["properties"].as_object().expect("properties") {
        let role = field["x-role"].as_str();
        assert!(
            matches!(role, Some("priced" | "reported" | "memo")),
            "{name}: {role:?}"
        );
    }
}

#[test]
fn every_example_is_valid_and_no_unknown_field_is() {
    let schema = schema();
    for (name, mut sheet) in examples() {
        let told = check(&schema, &schema, &sheet, "");
        assert_eq!(told, Ok(()), "{name}");
        for pointer in ["", "/dates", "/clocks", "/terms"] {
            let Some(object) = sheet.pointer_mut(pointer).and_then(Value::as_object_mut) else {
                continue;
            };
            object.insert(PROBE.into(), json!(1));
            assert!(
                check(&schema, &schema, &sheet, "").is_err(),
                "{name} {pointer}"
            );
            let object = sheet.pointer_mut(pointer).and_then(Value::as_object_mut);
            object.expect("still there").remove(PROBE);
        }
    }
}

/// Validates by the keywords that the schema uses; any other keyword is an error.
fn check(root: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let rules = match schema {
        Value::Bool(true) => return Ok(()),
        Value::Object(rules) => rules,
        _ => return Err(format!("{at}: nothing is allowed")),
    };
    for (keyword, rule) in rules {
        keyword_holds(root, rules, (keyword, rule), value, at)?;
    }
    Ok(())
}

fn keyword_holds(
    root: &Value,
    rules: &Map<String, Value>,
    (keyword, rule): (&str, &Value),
    value: &Value,
    at: &str,
) -> Result<(), String> {
    let each = || rule.as_array().into_iter().flatten();
    let valid = |schema: &Value| check(root, schema, value, at).is_ok();
    let object = value.as_object();
    let good = match keyword {
        "$schema"
        | "$id"
        | "$defs"
        | "title"
        | "description"
        | "x-role"
        | "then"
        | "additionalProperties" => true,
        "$ref" => {
            let target = rule
                .as_str()
                .and_then(|text| root.pointer(text.strip_prefix('#')?));
            return check(
                root,
                target.expect("a reference leads somewhere"),
                value,
                at,
            );
        }
        "type" => match rule.as_str().expect("one type") {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_u64() || value.is_i64(),
            "number" => value.is_number(),
            other => panic!("type {other}"),
        },
        "enum" => each().any(|one| one == value),
        "const" => rule == value,
        "minItems" => value
            .as_array()
            .is_none_or(|list| list.len() as u64 >= rule.as_u64().unwrap_or(0)),
        "required" => {
            each().all(|name| object.is_none_or(|o| o.contains_key(name.as_str().unwrap_or(""))))
        }
        "anyOf" => each().any(valid),
        "oneOf" => each().filter(|schema| valid(schema)).count() == 1,
        "allOf" => {
            for schema in each() {
                check(root, schema, value, at)?;
            }
            true
        }
        "if" => match valid(rule) {
            true => return check(root, &rules["then"], value, at),
            false => true,
        },
        "items" | "properties" => {
            return inner_hold(root, rules, value, at);
        }
        other => return Err(format!("{at}: the keyword {other:?} is not looked at")),
    };
    if good {
        Ok(())
    } else {
        Err(format!("{at}: {keyword} {rule} does not hold for {value}"))
    }
}

/// Items of a list and fields of an object, each by its own schema.
fn inner_hold(
    root: &Value,
    rules: &Map<String, Value>,
    value: &Value,
    at: &str,
) -> Result<(), String> {
    let open = Value::Bool(true);
    let items = rules.get("items").unwrap_or(&open);
    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
        check(root, items, item, &format!("{at}/{n}"))?;
    }
    let other = rules.get("additionalProperties").unwrap_or(&open);
    for (name, item) in value.as_object().into_iter().flatten() {
        let schema = rules.get("properties").and_then(|known| known.get(name));
        check(root, schema.unwrap_or(other), item, &format!("{at}/{name}"))?;
    }
    Ok(())
}
