//! Replay of a whole ledger: events of many trades in the order in which they were recorded. It can
//! be written down at any point and goes on from there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::event::Event;
use crate::refusal::{Alarm, Fault};
use crate::trade::Trade;

/// Folds under way. Its JSON is the snapshot from which a replay that was killed goes on; each event
/// is taken once, because every fold knows the number of its last one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    trades: BTreeMap<String, Trade>,
    fed: u64,
}

impl Replay {
    /// Takes the next event. One that was taken before the snapshot is passed over.
    ///
    /// # Errors
    /// An integrity alarm.
    pub fn feed(&mut self, context: &mut Context<'_>, event: &Event) -> Result<(), Alarm> {
        if !self.trades.contains_key(&event.trade_id) {
            let fresh = Trade::new(event.trade_id.clone());
            self.trades.insert(event.trade_id.clone(), fresh);
        }
        let Some(trade) = self.trades.get_mut(&event.trade_id) else {
            return Ok(());
        };
        if event.seq == trade.head.seq && event.hash != trade.head.hash {
            return Err(Alarm {
                trade_id: event.trade_id.clone(),
                seq: event.seq,
                fault: Fault::Content,
            });
        }
        if event.seq <= trade.head.seq && event.seq > 0 {
            return Ok(());
        }
        trade.apply(context, event)?;
        self.fed += 1;
        Ok(())
    }

    /// Says that the ledger ends here.
    ///
    /// # Errors
    /// An alarm when derived events of a trade are missing.
    pub fn finish(&self) -> Result<(), Alarm> {
        match self.trades.values().find(|trade| !trade.is_complete()) {
            None => Ok(()),
            Some(trade) => Err(Alarm {
                trade_id: trade.trade_id.clone(),
                seq: trade.seq(),
                fault: Fault::Sequence {
                    expected: trade.seq() + 1,
                },
            }),
        }
    }

    /// How many events were taken.
    #[must_use]
    pub const fn fed(&self) -> u64 {
        self.fed
    }

    /// One trade.
    #[must_use]
    pub fn trade(&self, trade_id: &str) -> Option<&Trade> {
        self.trades.get(trade_id)
    }

    /// All trades.
    pub fn trades(&self) -> impl Iterator<Item = (&str, &Trade)> {
        self.trades.iter().map(|(id, trade)| (id.as_str(), trade))
    }
}
