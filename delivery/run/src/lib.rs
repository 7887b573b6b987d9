//! The pipeline and job state machine (pure).
//!
//! [`machine::Machine`] turns events into transitions; [`simulate`] answers "what if" with the
//! same machine; [`red_light`] keeps the incidents of broken branches; [`assignment`] is what a
//! runner is handed and reports back; [`size`] tells people how large something is.

pub mod assignment;
pub mod composite;
pub mod event;
pub mod machine;
pub mod red_light;
pub mod simulate;
pub mod size;
pub mod state;
