//! `/healthcheck`: whether this process can do its work.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use ironbark_db::Database;
use tokio::sync::Mutex;

use crate::ApiState;
use crate::error::ApiResult;

/// How long an answer of the database counts. Anybody may ask us, and as often as they like.
const MAX_AGE: Duration = Duration::from_secs(1);

/// What is known of the database. One of these is shared by all requests.
#[derive(Default)]
pub(crate) struct Health {
    answered: Mutex<Option<(Instant, bool)>>,
}

impl Health {
    /// Whether the database answers, or did a moment ago.
    async fn is_good(&self, db: &Database) -> bool {
        // One asks, the others wait for it.
        let mut answered = self.answered.lock().await;
        if let Some((when, good)) = *answered
            && when.elapsed() < MAX_AGE
        {
            return good;
        }
        let answer = db.ping().await;
        if let Err(error) = &answer {
            tracing::warn!(%error, "the database does not answer");
        }
        *answered = Some((Instant::now(), answer.is_ok()));
        answer.is_ok()
    }
}

/// 200 and `OK`, or 503 when the database doesn't answer.
pub(crate) async fn check(state: &ApiState) -> ApiResult {
    let (status, text) = if state.health().is_good(state.db()).await {
        (StatusCode::OK, "OK")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the database does not answer",
        )
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    Ok(response)
}
