//! The bytes of a delivery: all of them, up to a limit, with no more memory than they need.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;

use crate::error::ApiError;

/// GitHub sends no payload over 25 MB.
pub(crate) const LIMIT: usize = 25 << 20;

/// Collects a body. One that says it is too long is refused before a byte is read, one that lies as soon as it
/// crosses the limit.
pub(crate) async fn collect(headers: &HeaderMap, mut body: Body) -> Result<Bytes, ApiError> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse::<usize>().ok())
        .unwrap_or_default();
    if announced > LIMIT {
        return Err(too_large());
    }
    // Memory follows the bytes that have come, not the promise of them.
    let mut collected = BytesMut::with_capacity(announced.min(64 << 10));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| ApiError::bad_request("the body was cut off").caused_by(error))?;
        let Ok(data) = frame.into_data() else { continue };
        if collected.len() + data.len() > LIMIT {
            return Err(too_large());
        }
        collected.extend_from_slice(&data);
    }
    Ok(collected.freeze())
}

fn too_large() -> ApiError {
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "a delivery has at most 25 MiB")
}
