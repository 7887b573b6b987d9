//! Keeps deployed service processes running in their slots.
//!
//! Each slot is a folder `<root>/<project>/<environment>/<slot>/` with the unpacked archive, rotating
//! logs and `process.json`, which says what shall run and what does. Processes have a session of
//! their own and write to files, so they outlive this process: after a crash the next supervisor
//! adopts them by pid and start time.
//!
//! Invariants (each with a test over real processes):
//! - S1: a slot never has two live processes.
//! - S2: a signal is only sent to a process whose start time is the recorded one.
//! - S3: nothing of an archive is written outside its slot's folder.
//! - S4: a service in a cage writes nothing that this process later reads or follows: of its slot
//!   only `home`, `tmp` and the open logs.
//! - S5: a service that uses more than its limits is ended with all it started, and says so.

mod cage;
mod error;
pub mod http;
mod limits;
mod logs;
mod process;
mod record;
mod slot;
mod status;
mod supervisor;
mod unpack;

pub use cage::{ServiceCage, serve_cage};
pub use error::{InstallError, SupervisorError, UnpackError};
pub use limits::ServiceLimits;
pub use record::{RunSpec, SlotKey};
pub use rialto_delivery_cage::IsolationMode;
pub use status::{Health, ProcessState, SlotStatus};
pub use supervisor::{Installed, Supervisor};
pub use unpack::unpack;
