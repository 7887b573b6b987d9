//! Live updates as server-sent events, out of the store's outbox.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Response};
use futures::stream::unfold;
use http::HeaderName;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use rialto_platform_identity::Actor;
use rialto_platform_store::{Event, EventWindow};
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Interval;

use crate::{Authenticated, Credential, Problem, Web, codes};

/// A comment is sent this often, so that proxies and clients know the stream lives.
const PING: Duration = Duration::from_secs(15);
/// Sign-out, revocation and changed roles reach a stream within this time.
const CHECK: Duration = Duration::from_secs(4);
/// Topics of one stream.
const TOPICS: usize = 200;
/// Events read at once when replaying.
const REPLAY: i64 = 1_000;

/// Whether somebody may follow a topic; asked again for every event.
pub type TopicGuard = fn(&Actor, &str) -> bool;

/// A request for a stream: who asks, for which topics, and where they left off.
#[derive(Debug)]
pub struct EventRequest {
    actor: Actor,
    credential: Credential,
    topics: BTreeSet<String>,
    last_event_id: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct TopicsQuery {
    topics: String,
}

impl<S: Send + Sync> FromRequestParts<S> for EventRequest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Authenticated(actor) = Authenticated::from_request_parts(parts, state).await?;
        let credential = parts.extensions.get::<Credential>().cloned();
        let crate::Query(query) =
            crate::Query::<TopicsQuery>::from_request_parts(parts, state).await?;
        let topics: BTreeSet<String> = query
            .topics
            .split(',')
            .map(str::trim)
            .filter(|t| !t.is_empty())
            .map(str::to_owned)
            .collect();
        if topics.is_empty() || topics.len() > TOPICS {
            let message = format!("name 1 to {TOPICS} topics, separated by commas");
            return Err(Problem::unprocessable().invalid("topics", "out_of_range", message));
        }
        let id = parts
            .headers
            .get("last-event-id")
            .and_then(|value| value.to_str().ok());
        Ok(Self {
            actor,
            credential: credential.ok_or_else(Problem::unauthenticated)?,
            topics,
            last_event_id: id.map(str::to_owned),
        })
    }
}

/// Answers with a stream of the events of the topics asked for. With `Last-Event-ID` it begins
/// with those missed; when they are no longer kept it begins with `event: reset`.
///
/// # Errors
/// 403 for a topic that may not be followed, 503 when too many streams are open.
pub async fn event_stream(
    web: &Web,
    request: EventRequest,
    guard: TopicGuard,
) -> Result<Response, Problem> {
    if let Some(topic) = request
        .topics
        .iter()
        .find(|topic| !guard(&request.actor, topic))
    {
        let topic: String = topic.chars().take(100).collect();
        return Err(Problem::forbidden(format!(
            "The topic `{topic}` does not exist for you."
        )));
    }
    let place = web.streams.clone().try_acquire_owned().map_err(|_| {
        Problem::new(codes::UNAVAILABLE, "Too many live streams are open.").retry_after_s(10)
    })?;
    // Subscribed before looking at the window: nothing can fall between replay and live.
    let receiver = web.db().subscribe();
    let window = web.db().event_window().await?;
    let feed = Feed::new(web.clone(), request, guard, receiver, window, place);
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let stream = unfold(feed, |mut feed| async move {
        feed.next()
            .await
            .map(|text| (Ok::<_, std::convert::Infallible>(Bytes::from(text)), feed))
    });
    Ok((headers, Body::from_stream(stream)).into_response())
}

struct Feed {
    web: Web,
    actor: Actor,
    credential: Credential,
    topics: BTreeSet<String>,
    guard: TopicGuard,
    receiver: Receiver<Event>,
    epoch: i64,
    /// Sequence of the last event that was looked at, sent or not.
    seen: i64,
    replayed: VecDeque<Event>,
    /// Text to send before anything else.
    first: Option<String>,
    /// Whether events after `seen` have to be read from the table.
    behind: bool,
    ping: Interval,
    check: Interval,
    _place: OwnedSemaphorePermit,
}

impl Feed {
    fn new(
        web: Web,
        request: EventRequest,
        guard: TopicGuard,
        receiver: Receiver<Event>,
        window: EventWindow,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let asked = request.last_event_id.as_deref();
        let resumed = asked.map(|id| window.resume_after(id));
        let (seen, first) = match resumed {
            Some(Some(seen)) => (seen, position(window.epoch, seen)),
            Some(None) => (window.newest, reset(window.epoch, window.newest)),
            None => (window.newest, position(window.epoch, window.newest)),
        };
        Self {
            web,
            actor: request.actor,
            credential: request.credential,
            topics: request.topics,
            guard,
            receiver,
            epoch: window.epoch,
            seen,
            replayed: VecDeque::new(),
            first: Some(first),
            behind: seen < window.newest,
            ping: ticks(PING),
            check: ticks(CHECK),
            _place: place,
        }
    }

    /// The next text to send; `None` ends the stream.
    async fn next(&mut self) -> Option<String> {
        if let Some(text) = self.first.take() {
            return Some(text);
        }
        loop {
            if let Some(event) = self.replayed.pop_front() {
                if let Some(text) = self.look_at(&event) {
                    return Some(text);
                }
                continue;
            }
            if self.behind {
                match self.replay().await {
                    Ok(None) => continue,
                    Ok(Some(text)) => return Some(text),
                    Err(problem) => {
                        // The client connects again and resumes where it was.
                        tracing::warn!(%problem, "a live stream ends: events cannot be read");
                        return None;
                    }
                }
            }
            let stopping = self.web.stopping.clone();
            tokio::select! {
                () = stopping.cancelled() => return None,
                _ = self.ping.tick() => return Some(position(self.epoch, self.seen)),
                _ = self.check.tick() => {
                    let owner = self.credential.owner(&self.web).await.ok().flatten();
                    self.actor = owner?;
                }
                received = self.receiver.recv() => match received {
                    Ok(event) if event.epoch != self.epoch || event.sequence > self.seen + 1 => {
                        self.behind = true;
                    }
                    Ok(event) => if let Some(text) = self.look_at(&event) {
                        return Some(text);
                    },
                    Err(RecvError::Lagged(_)) => self.behind = true,
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    /// Reads events after `seen`; a text when the client must fetch afresh instead.
    async fn replay(&mut self) -> Result<Option<String>, Problem> {
        let window = self.web.db().event_window().await?;
        if window.epoch != self.epoch || self.seen < window.oldest - 1 {
            self.epoch = window.epoch;
            self.seen = window.newest;
            self.behind = false;
            return Ok(Some(reset(self.epoch, self.seen)));
        }
        let events = self.web.db().events_since(self.seen, REPLAY).await?;
        self.behind = events.len() == usize::try_from(REPLAY).unwrap_or(usize::MAX);
        self.replayed = events.into();
        Ok(None)
    }

    fn look_at(&mut self, event: &Event) -> Option<String> {
        if event.sequence <= self.seen {
            return None;
        }
        self.seen = event.sequence;
        let wanted = self.topics.contains(&event.topic) && (self.guard)(&self.actor, &event.topic);
        wanted.then(|| format!("id: {}\ndata: {}\n\n", event.stream_id(), data(event)))
    }
}

fn ticks(every: Duration) -> Interval {
    let mut interval = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    interval
}

/// A comment with the stream's position: keeps the connection alive, and a client that reconnects
/// after a quiet hour need not replay that hour.
fn position(epoch: i64, sequence: i64) -> String {
    format!(": ping\nid: {epoch}-{sequence}\n\n")
}

fn reset(epoch: i64, sequence: i64) -> String {
    format!("event: reset\nid: {epoch}-{sequence}\ndata: {{}}\n\n")
}

fn data(event: &Event) -> Value {
    let mut data = json!({
        "topic": event.topic,
        "id": event.id,
        "version": event.version,
        "changed": event.changed,
    });
    if let (Some(data), Value::Object(extra)) = (data.as_object_mut(), &event.extra) {
        for (name, value) in extra {
            data.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    data
}
