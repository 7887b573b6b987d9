//! What people ask of a deployment while it is being worked on.

use std::sync::Arc;

use tokio::sync::watch;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// Stop before the switch.
    Cancel { by: String },
    /// Go back to the earlier version.
    GoBack { reason: String },
}

/// A slot for one wish, read between and during steps.
#[derive(Debug, Clone)]
pub(super) struct Control(Arc<watch::Sender<Option<Asked>>>);

impl Control {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    pub(super) fn ask(&self, asked: Asked) {
        self.0.send_replace(Some(asked));
    }

    pub(super) fn cancelled(&self) -> Option<String> {
        match &*self.0.borrow() {
            Some(Asked::Cancel { by }) => Some(by.clone()),
            _ => None,
        }
    }

    pub(super) fn going_back(&self) -> Option<String> {
        match &*self.0.borrow() {
            Some(Asked::GoBack { reason }) => Some(reason.clone()),
            _ => None,
        }
    }

    /// Completes at the next wish, or after the pause.
    pub(super) async fn pause(&self, pause: std::time::Duration) {
        let mut wishes = self.0.subscribe();
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            // The sender is held by `self`, so this ends with a change only.
            _ = wishes.changed() => {}
        }
    }
}
