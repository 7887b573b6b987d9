//! Release definitions and the deployment state machine.
