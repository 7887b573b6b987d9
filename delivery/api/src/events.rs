//! Live events of delivery.

use axum::extract::State;
use axum::response::Response;
use rialto_platform_identity::{Actor, Permission};
use rialto_platform_web::{EventRequest, event_stream};

use crate::Api;
use crate::answer::Answer;

/// Topics of one resource, `<prefix>:<id>`.
const RESOURCES: &[&str] = &[
    "project",
    "pipeline",
    "job",
    "environment",
    "deployment",
    "release",
    "incident",
];
/// Topics of lists.
const LISTS: &[&str] = &[
    "list:pipelines",
    "list:incidents",
    "list:projects",
    "list:releases",
    "list:deployments",
    "list:environments",
];

/// Whether somebody may follow a topic. Everything in delivery is readable by whoever may read it.
fn may_follow(actor: &Actor, topic: &str) -> bool {
    let known = LISTS.contains(&topic)
        || topic.split_once(':').is_some_and(|(kind, id)| {
            RESOURCES.contains(&kind) && !id.is_empty() && id.len() <= 64
        });
    known && actor.may(Permission::DeliveryRead)
}

/// Live events of the topics asked for, as server-sent events
#[utoipa::path(get, path = "/api/delivery/v1/events", tag = "events",
    params(
        ("topics" = String, Query, description = "separated by commas: `job:<id>`, `list:pipelines`, …"),
        ("Last-Event-ID" = Option<String>, Header, description = "go on after this event")),
    responses((status = 200, content_type = "text/event-stream",
        description = "data: {topic, id, version, changed, …}; `event: reset` means: fetch afresh")))]
pub async fn stream(State(api): State<Api>, request: EventRequest) -> Answer<Response> {
    Ok(event_stream(&api.web, request, may_follow).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_topics_of_delivery_can_be_followed_and_only_by_readers() {
        let reader = Actor::system("test");
        for topic in ["job:1", "list:pipelines", "deployment:x"] {
            assert!(may_follow(&reader, topic), "{topic}");
        }
        for topic in ["", "job:", "job", "user:1", "list:users", "secret:1"] {
            assert!(!may_follow(&reader, topic), "{topic}");
        }
        let runner = Actor {
            auth: rialto_platform_identity::Auth::Runner,
            ..reader
        };
        assert!(!may_follow(&runner, "job:1"));
    }
}
