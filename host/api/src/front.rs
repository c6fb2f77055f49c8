//! What every request passes through: its id, bounds, origin, authentication, version, path and gates; and what every answer
//! gets on its way out.

use std::convert::Infallible;
use std::task::{Context as TaskContext, Poll};

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use axum::response::Response;
use futures::future::BoxFuture;
use ironbark_model::Error;
use tracing::Instrument as _;

use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::gates::paths::{self, Found};
use crate::query::Query;
use crate::versions::{self, Version};
use crate::{ApiState, auth, base_url, browser, health, limits, openapi, root};

/// The service under the router.
#[derive(Clone)]
pub(crate) struct Front {
    state: ApiState,
}

impl Front {
    pub(crate) fn new(state: ApiState) -> Self {
        Self { state }
    }
}

impl tower::Service<Request<Body>> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let state = self.state.clone();
        let request_id = format!("req-{}", uuid::Uuid::new_v4().hyphenated());
        let span = tracing::info_span!(
            "request",
            request_id = %request_id,
            method = %request.method(),
            path = request.uri().path(),
            node = tracing::field::Empty,
        );
        let answering = async move { Ok(answer(state, request, request_id).await) };
        Box::pin(answering.instrument(span))
    }
}

async fn answer(state: ApiState, request: Request<Body>, request_id: String) -> Response {
    let head_only = request.method() == Method::HEAD;
    let mut effective = None;
    let mut response = match pass(state, request, &request_id, &mut effective).await {
        Ok(response) => response,
        Err(error) => {
            effective = effective.filter(|_| error.shows_version());
            error.into_response()
        }
    };
    if head_only {
        *response.body_mut() = Body::empty();
    }
    let headers = response.headers_mut();
    versions::stamp(headers, effective);
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        headers.insert("openstack-request-id", value.clone());
        headers.insert("x-openstack-request-id", value);
    }
    tracing::debug!(status = response.status().as_u16(), "answered");
    response
}

async fn pass(
    state: ApiState,
    request: Request<Body>,
    request_id: &str,
    effective: &mut Option<Version>,
) -> ApiResult {
    let (head, body) = request.into_parts();
    let target = head
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    limits::check_head(&state, target, &head.headers)?;
    let path = head.uri.path();
    if path == "/healthcheck" || path.starts_with("/healthcheck/") {
        return health::check(&state).await;
    }
    // Pages of other sites may open a console: a browser sends nothing along by itself that opens one.
    if !auth::opens_console(path) {
        browser::check(state.config(), &head.uri, &head.headers)?;
    }
    let _under_way = state
        .in_flight()
        .clone()
        .try_acquire_owned()
        .map_err(|_| Error::overloaded("Too many requests are under way; try again."))?;
    let user = auth::admit(&state.config().auth, state.passwords(), path, &head.headers).await?;

    if path == openapi::PATH {
        only_get(&head.method)?;
        return openapi::show();
    }
    let elements = paths::elements(path)?;
    if elements.is_empty() {
        *effective = Some(versions::negotiate(&head.headers)?);
        only_get(&head.method)?;
        return root::api(&base_url::of_request(
            state.config(),
            &head.uri,
            &head.headers,
        ));
    }
    let scope = paths::scope(&elements).ok_or_else(ApiError::no_such_path)?;
    let version = match versions::negotiate(&head.headers) {
        Ok(version) => version,
        Err(_) if scope.is_ironbarks_own() => Version::new(versions::MAX_MINOR),
        Err(error) => return Err(error),
    };
    *effective = Some(version);
    if scope.is_version_root() {
        only_get(&head.method)?;
        let base = base_url::of_request(state.config(), &head.uri, &head.headers);
        return root::v1(&base, version);
    }
    let Found {
        handler,
        params,
        ends_in_param,
        limit,
    } = paths::find(scope, version, &head.method)?;
    let _ramdisk = if limit.is_ramdisks() {
        let place = state.ramdisks().clone().try_acquire_owned();
        Some(place.map_err(|_| {
            Error::overloaded("Too many ramdisks report at once; try again in some seconds.")
        })?)
    } else {
        None
    };
    limits::check_type(&head.headers, limit)?;
    let received = limits::receive(&state, &head.headers, body, limit).await?;
    let context = Context {
        version,
        query: Query::parse(&head.uri)?,
        base: base_url::of_request(state.config(), &head.uri, &head.headers),
        method: head.method,
        request_id: request_id.to_owned(),
        user,
        headers: head.headers,
        extensions: head.extensions,
        params,
        ends_in_param,
        received,
        state,
    };
    let mut response = handler(context).await?;
    if response.status() == StatusCode::NO_CONTENT {
        response.headers_mut().remove(header::CONTENT_TYPE);
    }
    Ok(response)
}

fn only_get(method: &Method) -> Result<(), ApiError> {
    if matches!(*method, Method::GET | Method::HEAD) {
        Ok(())
    } else {
        Err(ApiError::method_not_allowed("GET, HEAD".to_owned()))
    }
}
