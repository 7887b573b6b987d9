//! Live events of the interface platform.

use axum::extract::State;
use axum::response::Response;
use rialto_platform_identity::{Actor, Permission};
use rialto_platform_web::{EventRequest, event_stream};

use crate::Api;
use crate::answer::Answer;

/// Topics of lists.
const LISTS: &[&str] = &[
    "list:esb-credentials",
    "list:esb-interfaces",
    "list:esb-snapshots",
    "list:esb-systems",
];

/// Whether somebody may follow a topic.
fn may_follow(actor: &Actor, topic: &str) -> bool {
    let one = topic.split_once(':').is_some_and(|(kind, id)| {
        matches!(kind, "esb-application" | "esb-interface" | "esb-version")
            && !id.is_empty()
            && id.len() <= 200
    });
    (one || LISTS.contains(&topic)) && actor.may(Permission::EsbRead)
}

/// Live events of the topics asked for, as server-sent events
#[utoipa::path(get, path = "/api/esb/v1/events/stream", tag = "events",
    params(
        ("topics" = String, Query, description = "separated by commas: `esb-interface:<code>`, \
            `esb-version:<id>`, `esb-application:<code>`, `list:esb-credentials`, `list:esb-interfaces`, `list:esb-snapshots`, `list:esb-systems`"),
        ("Last-Event-ID" = Option<String>, Header, description = "go on after this event")),
    responses((status = 200, content_type = "text/event-stream",
        description = "data: {topic, id, version, changed, …}; `event: reset` means: fetch afresh")))]
pub async fn stream(State(api): State<Api>, request: EventRequest) -> Answer<Response> {
    Ok(event_stream(&api.web, request, may_follow).await?)
}
