//! Writes what `bench/esb/run.py` measures the gateway with: keys, the callers' API keys and signed
//! snapshots.
//!
//! `rialto-bench-esb FOLDER BACKEND[,BACKEND…]`: `key.pem`, `group.key`, `callers.txt`, `body.json` and
//! `broken.json` of 1 KB for S3 (the second does not fit the definition), and
//!
//! | file | routes | access |
//! | --- | --- | --- |
//! | `s0.json` | 1 | anybody |
//! | `s1.json` | 1 | an API key with a subscription and a rate |
//! | `s1-post.json` | 1 | as `s1`, of the operation that takes the body |
//! | `s3.json` | 1 | as `s1-post`, requests checked against `orders.yaml` and refused if they do not fit |
//! | `s6.json` | 10,000 | the same for 1,000 callers |
//! | `s7-N.json` | 1 | as `s1`, one version after another |
//! | `open-N.json` | 1 | as `s0`, one version after another |

mod batch;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use rialto_esb_snapshot::{ApiKey, DOMAIN, Encoded, GroupKey, Snapshot, schema_name};
use rialto_platform_evidence::SigningKey;
use serde_json::{Value, json};

/// Keys of a benchmark protect nothing, and the same ones make every run the same.
const GROUP: [u8; 32] = [9; 32];
const PUBLISHER: [u8; 32] = [7; 32];
const SECRET: &str = "abcdefghijklmnopqrstuvwxyz012345";

/// Versions of the publish storm.
const STORM: u64 = 120;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, backend] = words.as_slice() else {
        bail!("usage: rialto-bench-esb FOLDER BACKEND");
    };
    let folder = Path::new(folder);
    fs::create_dir_all(folder)?;
    let key = SigningKey::from_bytes(&PUBLISHER);
    let pem = key.public().to_pem().map_err(anyhow::Error::msg)?;
    fs::write(folder.join("key.pem"), pem)?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut group = options.open(folder.join("group.key"))?;
    group.write_all(hex::encode(GROUP).as_bytes())?;
    let callers: Vec<String> = (0..1_000).map(|n| api_key(n).text()).collect();
    fs::write(folder.join("callers.txt"), callers.join("\n"))?;

    let keep = |name: &str, snapshot: Value| -> Result<()> {
        fs::write(folder.join(name), signed(snapshot, &key)?).with_context(|| name.to_owned())
    };
    keep("s0.json", snapshot(1, backend, 1, 0))?;
    keep("s1.json", snapshot(1, backend, 1, 1))?;
    let rules = batch::rules()?;
    let (body, broken) = batch::bodies(&rules)?;
    fs::write(folder.join("body.json"), body)?;
    fs::write(folder.join("broken.json"), broken)?;
    keep("s1-post.json", posted(backend, None))?;
    keep("s3.json", posted(backend, Some(&rules)))?;
    keep("s6.json", snapshot(1, backend, 10_000, 1_000))?;
    for version in 2..2 + STORM {
        keep(
            &format!("s7-{version}.json"),
            snapshot(version, backend, 1, 1),
        )?;
        keep(
            &format!("open-{version}.json"),
            snapshot(version, backend, 1, 0),
        )?;
    }
    Ok(())
}

fn api_key(number: usize) -> ApiKey {
    ApiKey {
        environment: "bench".to_owned(),
        id: format!("k{number}"),
        secret: SECRET.to_owned(),
    }
}

/// A snapshot of so many routes; no callers: anybody may call.
fn snapshot(version: u64, backends: &str, routes: usize, callers: usize) -> Value {
    let group = GroupKey::new(GROUP);
    let access = match callers {
        0 => json!("open"),
        _ => json!({"callers": {"any_of": [["api_key"]]}}),
    };
    let route = |n: usize| {
        json!({
            "id": format!("r{n}"), "interface": "bench.api", "version": "1.0.0",
            "operation": format!("o{n}"), "path": format!("/v1/resource{n}/{{id}}"),
            "methods": ["GET"], "policy": "p",
            "variants": [{"name": "stable", "pool": "main", "weight": 10_000}],
        })
    };
    let application = |n: usize| json!({"id": format!("a{n}"), "name": format!("caller {n}")});
    let credential = |n: usize| {
        let digest = group.api_key_digest(&format!("k{n}"), SECRET);
        json!({"id": format!("k{n}"), "application": format!("a{n}"),
            "kind": {"api_key": {"digest": digest}}})
    };
    let subscription = |n: usize| {
        json!({"id": format!("s{n}"), "application": format!("a{n}"), "interface": "bench.api",
            "major": 1, "state": "active",
            "limits": {"rate": {"requests": 1_000_000, "per_ms": 1_000, "burst": 1_000_000}}})
    };
    let endpoint = |address: &str| json!({"address": address});
    json!({
        "format": 1, "version": version, "token": {"timeline": 1, "epoch": 1},
        "environment": "bench", "created_at": "2026-11-23T00:00:00Z", "author": "bench",
        "interfaces": [{"id": "bench.api", "version": "1.0.0", "state": "published"}],
        "routes": (0..routes).map(route).collect::<Vec<_>>(),
        "pools": [{"id": "main", "endpoints": backends.split(',').map(endpoint).collect::<Vec<_>>()}],
        "policies": [{"id": "p", "access": access}],
        "applications": (0..callers).map(application).collect::<Vec<_>>(),
        "credentials": (0..callers).map(credential).collect::<Vec<_>>(),
        "subscriptions": (0..callers).map(subscription).collect::<Vec<_>>(),
    })
}

/// As S1, of an operation that takes a body; requests checked by rules when there are any.
fn posted(backends: &str, rules: Option<&str>) -> Value {
    let mut made = snapshot(1, backends, 1, 1);
    made["routes"][0]["methods"] = json!(["POST"]);
    if let Some(rules) = rules {
        let name = schema_name(rules);
        made["routes"][0]["validation"] = json!({"request": "enforce", "rules": name});
        made["schemas"] = json!({name: rules});
    }
    made
}

fn signed(snapshot: Value, key: &SigningKey) -> Result<Vec<u8>> {
    let snapshot: Snapshot = serde_json::from_value(snapshot)?;
    let encoded = Encoded::of(&snapshot)?;
    let signature = key.sign(DOMAIN, encoded.digest());
    Ok(encoded.signed(&key.public().id().to_string(), &signature))
}
