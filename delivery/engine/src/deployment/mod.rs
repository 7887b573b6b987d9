//! Managed deployments. The controller implements [`crate::ManagedDeployments`] over the tables of
//! releases, environments and deployments.
