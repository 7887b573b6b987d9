//! HTTP interface of delivery.
