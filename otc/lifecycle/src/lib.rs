//! The book of OTC trades: immutable events, folded in the order of the contract's own life, seen at
//! any date as it was known at any time.
//!
//! `NewEvent → TradeLog::append → Event…` A [`TradeLog`] holds the chain of one trade and its fold,
//! a [`Trade`]. Input events are checked, recorded and walked; what the interpreter makes of them is
//! recorded behind them as derived events, which [`Replay`] must reproduce to the letter.

mod append;
pub mod canon;
pub mod context;
mod deal;
pub mod difference;
pub mod event;
pub mod flow;
pub mod log;
pub mod payload;
pub mod postings;
mod reconcile;
mod record;
pub mod refusal;
pub mod replay;
pub mod state;
pub mod trade;
mod walk;

pub use append::has_use;
pub use canon::{Document, Hash};
pub use context::{Context, Policy};
pub use difference::{Difference, Language, difference};
pub use event::{Effective, Event, NewEvent};
pub use flow::{Flow, FlowStatus, Netted, net};
pub use log::{Book, Receipt, TradeLog};
pub use payload::{Kind, Payload};
pub use postings::{Account, Entry};
pub use refusal::{Alarm, Fault, Refusal};
pub use replay::Replay;
pub use state::{Outcome, Review, Status, TradeState};
pub use trade::Trade;
