//! Bounds on what a client sends: type, size, depth, time, and memory of all bodies together.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use ironbark_model::Error;
use ironbark_model::patch::MAX_DEPTH;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::ApiState;
use crate::error::ApiError;

/// What one permit of the memory for bodies stands for.
pub(crate) const MEMORY_UNIT: usize = 1024;

/// The most values in the JSON of one body. Configurations of machines have hundreds.
const MAX_VALUES: usize = 1_000_000;

/// Memory that one value takes when it is parsed: its place in a list that may just have doubled.
const VALUE_BYTES: usize = 64;

/// How many values take as much memory as an object, which has room for some entries from the first one on.
const VALUES_OF_OBJECT: usize = 10;

/// How large a body may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyLimit {
    /// Any JSON: 1 MiB.
    Ordinary,
    /// JSON that may hold a config drive: 64 MiB.
    ConfigDrive,
    /// A driver package, which isn't JSON: 64 MiB.
    Package,
    /// What a ramdisk says, whom nobody vouches for: 128 KiB.
    Ramdisk,
    /// What an inspection ramdisk found: 16 MiB.
    Inspection,
}

/// A body that was read, and the memory that it takes, also when it is parsed. Not `Debug`: it may hold secrets.
pub(crate) struct Received {
    pub(crate) bytes: Bytes,
    memory: Option<OwnedSemaphorePermit>,
}

impl BodyLimit {
    const fn bytes(self) -> usize {
        match self {
            Self::Ordinary => 1024 * 1024,
            Self::ConfigDrive => 64 * 1024 * 1024,
            Self::Package => ironbark_model::package::MAX_PACKAGE_BYTES,
            Self::Ramdisk => 128 * 1024,
            Self::Inspection => 16 * 1024 * 1024,
        }
    }

    /// Whoever can connect may send this: it has bounds of its own, so that others find room.
    pub(crate) const fn is_ramdisks(self) -> bool {
        matches!(self, Self::Ramdisk | Self::Inspection)
    }

    fn memory(self, state: &ApiState) -> &Arc<Semaphore> {
        if self.is_ramdisks() {
            state.ramdisk_memory()
        } else {
            state.body_memory()
        }
    }

    fn patience(self, ordinary: Duration) -> Duration {
        match self {
            Self::Ordinary | Self::Ramdisk | Self::Inspection => ordinary,
            Self::ConfigDrive | Self::Package => ordinary * 10,
        }
    }
}

/// Refuses requests whose target or headers are larger than anybody needs.
pub(crate) fn check_head(
    state: &ApiState,
    target: usize,
    headers: &HeaderMap,
) -> Result<(), ApiError> {
    let limits = &state.config().limits;
    if target > limits.uri {
        return Err(ApiError::bare(
            StatusCode::URI_TOO_LONG,
            format!("The request's URL is longer than {} bytes.", limits.uri),
        ));
    }
    let size: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if size > limits.headers {
        return Err(ApiError::bare(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            format!(
                "The request's headers have more than {} bytes.",
                limits.headers
            ),
        ));
    }
    Ok(())
}

/// Refuses a driver package that isn't called one. JSON is read whatever it is called, as clients expect.
///
/// A page of another site can make a browser send any bytes, but not under this name without asking first.
pub(crate) fn check_type(headers: &HeaderMap, limit: BodyLimit) -> Result<(), ApiError> {
    const WASM: &str = "application/wasm";
    let given = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    if limit == BodyLimit::Package && !given.trim().eq_ignore_ascii_case(WASM) {
        return Err(ApiError::fault(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("A driver package is sent with Content-Type: {WASM}."),
        ));
    }
    Ok(())
}

/// Reads a body to its end.
pub(crate) async fn receive(
    state: &ApiState,
    headers: &HeaderMap,
    body: Body,
    limit: BodyLimit,
) -> Result<Received, ApiError> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit.bytes()) {
        return Err(too_large(limit));
    }
    let patience = limit.patience(state.config().limits.body_timeout);
    let mut received = tokio::time::timeout(patience, collect(state, body, limit))
        .await
        .map_err(|_| {
            ApiError::bare(
                StatusCode::REQUEST_TIMEOUT,
                format!(
                    "The request's body did not arrive within {} s.",
                    patience.as_secs()
                ),
            )
        })??;
    if limit != BodyLimit::Package && !received.bytes.is_empty() {
        let parsed = check_json(&received.bytes)?.saturating_mul(VALUE_BYTES);
        take_memory(limit.memory(state), &mut received.memory, parsed)?;
    }
    Ok(received)
}

/// Refuses JSON that is nested more than [`MAX_DEPTH`] deep or has more than [`MAX_VALUES`] values, before a parser sees
/// it. Answers how many values it has, about: an object counts for as many as its first entries take memory.
fn check_json(json: &[u8]) -> Result<usize, ApiError> {
    let mut depth = 0usize;
    let mut values = 1usize;
    let mut in_string = false;
    let mut escaped = false;
    for byte in json {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b',' => values += 1,
            b'[' => (depth, values) = (depth + 1, values + 1),
            b'{' => (depth, values) = (depth + 1, values + VALUES_OF_OBJECT),
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(ApiError::bare(
                StatusCode::BAD_REQUEST,
                format!(
                    "Request body JSON is nested too deeply: at most {MAX_DEPTH} levels are accepted."
                ),
            ));
        }
        if values > MAX_VALUES {
            return Err(ApiError::bare(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("Request body JSON has more than {MAX_VALUES} values."),
            ));
        }
    }
    Ok(values)
}

async fn collect(state: &ApiState, mut body: Body, limit: BodyLimit) -> Result<Received, ApiError> {
    let mut memory: Option<OwnedSemaphorePermit> = None;
    let mut first = Bytes::new();
    let mut buffer = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            ApiError::bare(
                StatusCode::BAD_REQUEST,
                "The request's body ended too early.",
            )
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if first.len() + buffer.len() + data.len() > limit.bytes() {
            return Err(too_large(limit));
        }
        take_memory(limit.memory(state), &mut memory, data.len())?;
        // Most bodies come in one piece, which needs no copy.
        if first.is_empty() && buffer.is_empty() {
            first = data;
        } else {
            if buffer.is_empty() {
                buffer.extend_from_slice(&std::mem::take(&mut first));
            }
            buffer.extend_from_slice(&data);
        }
    }
    let bytes = if buffer.is_empty() {
        first
    } else {
        buffer.freeze()
    };
    Ok(Received { bytes, memory })
}

/// Takes so many bytes more out of what all bodies together may have.
fn take_memory(
    room: &Arc<Semaphore>,
    memory: &mut Option<OwnedSemaphorePermit>,
    bytes: usize,
) -> Result<(), ApiError> {
    let units = u32::try_from(bytes.div_ceil(MEMORY_UNIT)).unwrap_or(u32::MAX);
    let more = room
        .clone()
        .try_acquire_many_owned(units)
        .map_err(|_| Error::overloaded("Too many large requests are under way; try again."))?;
    match memory {
        Some(memory) => memory.merge(more),
        None => *memory = Some(more),
    }
    Ok(())
}

fn too_large(limit: BodyLimit) -> ApiError {
    ApiError::bare(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!(
            "The request's body is larger than {} KiB.",
            limit.bytes() / 1024
        ),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn twenty_five_levels_and_no_more() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(check_json(nested(25).as_bytes()).is_ok());
        assert!(check_json(nested(26).as_bytes()).is_err());
        assert!(check_json(br#"{"a": "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"[[[["}"#).is_ok());
        assert!(check_json(b"[[]]".repeat(20).as_slice()).is_ok());
    }

    #[test]
    fn a_million_values_and_no_more() {
        let list = |item: &str, count: usize| format!("[{}]", vec![item; count].join(","));
        assert!(check_json(list("0", 900_000).as_bytes()).is_ok());
        let refused = check_json(list("0", 1_100_000).as_bytes()).unwrap_err();
        assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
        // Small objects weigh more than they look.
        assert!(check_json(list("{}", 110_000).as_bytes()).is_err());
        assert!(check_json(format!("[\"{}\"]", ",[{".repeat(1_000_000)).as_bytes()).is_ok());
    }

    proptest! {
        #[test]
        fn never_panics(text in "[\\[\\]{}\"\\\\a]{0,80}") {
            let _ = check_json(text.as_bytes());
        }
    }
}
