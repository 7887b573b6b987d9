//! Instances as Nacos clients tell and read them.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::State;
use http::StatusCode;
use rialto_esb_center_manager::rules::nacos::{DEFAULT_CLUSTER, or, service};
use rialto_esb_center_manager::rules::registry::{
    Beats, Instance, InstanceKey, Life, Seen, ServiceKey,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Call, Form, Refused, document, text};
use crate::Api;

/// An instance was heard of.
const BEAT_TAKEN: u32 = 10_200;
/// It is not known, and has to register again.
const BEAT_UNKNOWN: u32 = 20_404;
/// How long a client may keep a list, ms.
const CACHE_MS: u32 = 10_000;

fn service_of(form: &Form) -> Result<ServiceKey, Refused> {
    let name = form.need("serviceName")?;
    Ok(service(
        form.get("namespaceId"),
        form.get("groupName"),
        name,
    ))
}

fn key_of(form: &Form) -> Result<InstanceKey, Refused> {
    let port = form.number("port")?;
    let cluster = form.get("clusterName").or_else(|| form.get("cluster"));
    Ok(InstanceKey {
        address: form.need("ip")?.to_owned(),
        port: port.ok_or_else(|| Refused::bad("Param 'port' is required."))?,
        cluster: or(cluster, DEFAULT_CLUSTER).to_owned(),
    })
}

/// Metadata as clients write it: a JSON object, or `name=value` separated by commas.
fn metadata_of(text: &str) -> Result<BTreeMap<String, String>, Refused> {
    let told = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if let Ok(Value::Object(all)) = serde_json::from_str(text) {
        return Ok(all
            .iter()
            .map(|(name, value)| (name.clone(), told(value)))
            .collect());
    }
    let pair = |part: &str| {
        let (name, value) = part.split_once('=')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    let wrong = || Refused::bad("Param 'metadata' is a JSON object, or name=value,name=value.");
    let parts = text.split(',').filter(|part| !part.is_empty());
    parts.map(|part| pair(part).ok_or_else(wrong)).collect()
}

/// Time limits that an instance asks for in its metadata, milliseconds.
fn beats_of(metadata: &BTreeMap<String, String>) -> Beats {
    let asked = |name: &str, own: Duration| {
        let told = metadata.get(name).and_then(|text| text.parse().ok());
        told.map_or(own, Duration::from_millis)
    };
    let own = Beats::NACOS;
    Beats {
        every: asked("preserved.heart.beat.interval", own.every),
        unhealthy_after: asked("preserved.heart.beat.timeout", own.unhealthy_after),
        removed_after: asked("preserved.ip.delete.timeout", own.removed_after),
    }
}

/// Registers an instance.
pub async fn register(State(api): State<Api>, Call { actor, form }: Call) -> Answer {
    let metadata = form.get("metadata").map(metadata_of).transpose()?;
    let metadata = metadata.unwrap_or_default();
    let enabled = form.flag("enabled")?.or(form.flag("enable")?);
    let life = match form.flag("ephemeral")?.unwrap_or(true) {
        true => Life::Ephemeral(beats_of(&metadata)),
        false => Life::Persistent {
            healthy: form.flag("healthy")?.unwrap_or(true),
        },
    };
    let instance = Instance {
        key: key_of(&form)?,
        weight: form.number("weight")?.unwrap_or(1.0),
        zone: String::new(),
        enabled: enabled.unwrap_or(true),
        metadata,
        life,
    };
    let service = service_of(&form)?;
    api.center.register(&actor, &service, instance).await?;
    Ok(text("ok".to_owned()))
}

fn find(api: &Api, service: &ServiceKey, key: &InstanceKey) -> Result<Seen, Refused> {
    let listing = api.center.listing(service, &[]);
    let found = listing
        .instances
        .into_iter()
        .find(|seen| seen.instance.key == *key);
    found.ok_or_else(|| Refused::Told(StatusCode::NOT_FOUND, "no matched ip found!".to_owned()))
}

/// Changes what is to be known of an instance; what is not told stays.
pub async fn change(State(api): State<Api>, Call { actor, form }: Call) -> Answer {
    let service = service_of(&form)?;
    let mut instance = find(&api, &service, &key_of(&form)?)?.instance;
    if let Some(weight) = form.number("weight")? {
        instance.weight = weight;
    }
    if let Some(enabled) = form.flag("enabled")?.or(form.flag("enable")?) {
        instance.enabled = enabled;
    }
    if let Some(text) = form.get("metadata") {
        instance.metadata = metadata_of(text)?;
    }
    match (&mut instance.life, form.flag("healthy")?) {
        (Life::Persistent { healthy }, Some(told)) => *healthy = told,
        (Life::Ephemeral(beats), _) => *beats = beats_of(&instance.metadata),
        (Life::Persistent { .. }, None) => {}
    }
    api.center.register(&actor, &service, instance).await?;
    Ok(text("ok".to_owned()))
}

/// Removes an instance; one that is not there is gone already.
pub async fn deregister(State(api): State<Api>, Call { actor, form }: Call) -> Answer {
    let service = service_of(&form)?;
    api.center
        .deregister(&actor, &service, &key_of(&form)?)
        .await?;
    Ok(text("ok".to_owned()))
}

fn full_name(service: &ServiceKey) -> String {
    format!("{}@@{}", service.group, service.name)
}

fn instance_id(service: &ServiceKey, key: &InstanceKey) -> String {
    let (address, port, cluster) = (&key.address, key.port, &key.cluster);
    format!("{address}#{port}#{cluster}#{}", full_name(service))
}

fn host(service: &ServiceKey, seen: &Seen, protected: bool) -> Value {
    let instance = &seen.instance;
    let key = &instance.key;
    let healthy = seen.healthy || protected;
    json!({"instanceId": instance_id(service, key), "ip": key.address, "port": key.port,
        "clusterName": key.cluster, "serviceName": full_name(service), "weight": instance.weight,
        "healthy": healthy, "valid": healthy, "marked": false, "enabled": instance.enabled,
        "ephemeral": matches!(instance.life, Life::Ephemeral(_)), "metadata": instance.metadata})
}

/// One instance.
pub async fn show(State(api): State<Api>, Call { actor, form }: Call) -> Answer {
    read(&actor)?;
    let service = service_of(&form)?;
    let seen = find(&api, &service, &key_of(&form)?)?;
    let mut told = host(&service, &seen, false);
    told["service"] = full_name(&service).into();
    Ok(document(&told))
}

fn read(actor: &rialto_platform_identity::Actor) -> Result<(), Refused> {
    let allowed = actor.require(rialto_platform_identity::Permission::EsbRead);
    allowed.map_err(|denied| Refused::Told(StatusCode::FORBIDDEN, denied.to_string()))
}

/// The instances that callers are to use.
pub async fn list(State(api): State<Api>, Call { actor, form }: Call) -> Answer {
    read(&actor)?;
    let service = service_of(&form)?;
    let clusters = form.get("clusters").unwrap_or_default();
    let wanted: Vec<&str> = clusters
        .split(',')
        .filter(|name| !name.is_empty())
        .collect();
    let healthy_only = form.flag("healthyOnly")?.unwrap_or(false);
    let listing = api.center.listing(&service, &wanted);
    let (revision, protected) = (listing.revision, listing.protected);
    let usable = listing.usable(healthy_only);
    let hosts: Vec<Value> = usable
        .instances
        .iter()
        .map(|seen| host(&service, seen, protected))
        .collect();
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    Ok(document(
        &json!({"name": full_name(&service), "dom": full_name(&service),
        "groupName": service.group, "clusters": clusters, "cacheMillis": CACHE_MS,
        "hosts": hosts, "lastRefTime": now, "checksum": revision.to_string(),
        "useSpecifiedURL": false, "env": "", "metadata": {}, "valid": true, "allIPs": false,
        "reachProtectionThreshold": protected}),
    ))
}

/// What a beat says of its instance.
#[derive(Debug, Deserialize)]
struct Beat {
    ip: String,
    port: u16,
    cluster: Option<String>,
    weight: Option<f64>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

/// An instance lives. One that is not known is registered by what its beat says of it; a beat that
/// says nothing is told to register again.
pub async fn beat(State(api): State<Api>, Call { actor, form }: Call) -> Answer {
    let service = service_of(&form)?;
    let told: Option<Beat> = form
        .get("beat")
        .map(serde_json::from_str)
        .transpose()
        .map_err(|error| Refused::bad(format!("Param 'beat': {error}")))?;
    let key = match &told {
        Some(beat) => InstanceKey {
            address: beat.ip.clone(),
            port: beat.port,
            cluster: or(beat.cluster.as_deref(), DEFAULT_CLUSTER).to_owned(),
        },
        None => key_of(&form)?,
    };
    let mut known = api.center.beat(&actor, &service, &key)?;
    let mut every = Beats::NACOS.every;
    if let (false, Some(beat)) = (known, told) {
        let beats = beats_of(&beat.metadata);
        every = beats.every;
        let instance = Instance {
            key,
            weight: beat.weight.unwrap_or(1.0),
            zone: String::new(),
            metadata: beat.metadata,
            enabled: true,
            life: Life::Ephemeral(beats),
        };
        api.center.register(&actor, &service, instance).await?;
        known = true;
    }
    let code = match known {
        true => BEAT_TAKEN,
        false => BEAT_UNKNOWN,
    };
    let interval = u64::try_from(every.as_millis()).unwrap_or(u64::MAX);
    Ok(document(
        &json!({"clientBeatInterval": interval, "code": code,
        "lightBeatEnabled": true}),
    ))
}
