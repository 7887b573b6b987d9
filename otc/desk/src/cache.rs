//! Folds of trades that were looked at lately.

use std::collections::HashMap;
use std::sync::Arc;

use rialto_otc_lifecycle::TradeLog;

/// Most events of all chains that are kept (about a kilobyte each).
const MOST_EVENTS: usize = 250_000;

/// Chains with their folds, by trade. A chain is used only while its last event is still the one
/// the database names.
#[derive(Debug, Default)]
pub struct Cache {
    logs: HashMap<String, (u64, Arc<TradeLog>)>,
    events: usize,
    clock: u64,
}

impl Cache {
    /// The chain of a trade, when it ends with this event.
    pub fn get(&mut self, trade_id: &str, seq: u64) -> Option<Arc<TradeLog>> {
        self.clock += 1;
        let clock = self.clock;
        let (used, log) = self.logs.get_mut(trade_id)?;
        if log.trade().seq() != seq {
            return None;
        }
        *used = clock;
        Some(Arc::clone(log))
    }

    /// Takes a chain out, so that it can be added to without a copy.
    pub fn take(&mut self, trade_id: &str, seq: u64) -> Option<Arc<TradeLog>> {
        let (_, log) = self.logs.remove(trade_id)?;
        self.events -= log.events().len().min(self.events);
        (log.trade().seq() == seq).then_some(log)
    }

    /// Keeps a chain; those not used for longest make room.
    pub fn put(&mut self, log: Arc<TradeLog>) {
        self.clock += 1;
        let size = log.events().len();
        let key = log.trade().id().to_owned();
        if let Some((_, old)) = self.logs.insert(key, (self.clock, log)) {
            self.events -= old.events().len().min(self.events);
        }
        self.events += size;
        while self.events > MOST_EVENTS && self.logs.len() > 1 {
            let oldest = self.logs.iter().min_by_key(|(_, (used, _))| *used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                break;
            };
            if let Some((_, log)) = self.logs.remove(&oldest) {
                self.events -= log.events().len().min(self.events);
            }
        }
    }
}
