//! JSON columns.

use rialto_platform_store::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads a JSON column.
///
/// # Errors
/// [`StoreError::Decode`] naming the column.
pub fn read<T: DeserializeOwned>(column: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| StoreError::Decode {
        message: format!("column {column}: {e}"),
    })
}

/// Writes a JSON column.
///
/// # Errors
/// [`StoreError::Bind`] when the value has no JSON form.
pub fn write<T: Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| StoreError::Bind {
        message: e.to_string(),
    })
}
