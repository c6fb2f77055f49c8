//! Logging in and out (DSP0266 §13.3).

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::Utc;
use reqwest::{
    StatusCode,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tracing::debug;

use super::{
    Authentication, Method, RedfishError, Service,
    connection::{Answer, Connection, Sending},
    redirect::{self, Place},
    retry::retry_after,
};

const TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
/// How a service says that its user has, or it itself has, too many sessions (the Base message registry).
const SESSION_LIMIT: &str = "SessionLimitExceeded";
const REFUSED: &str = "user or password is wrong: check redfish_username and redfish_password";

/// How one user is known to one service now.
#[derive(Default)]
pub(super) struct Login {
    state: Mutex<State>,
}

#[derive(Default)]
enum State {
    #[default]
    LoggedOut,
    LoggedIn(Arc<Session>),
    /// The service has no sessions.
    Sessionless,
}

/// A session that is open, as far as we know.
pub(super) struct Session {
    token: HeaderValue,
    /// What is deleted to log out.
    path: Option<String>,
}

/// What goes with a request.
#[derive(Clone)]
pub(super) enum Credentials {
    None,
    Basic(HeaderValue),
    Session(Arc<Session>),
}

/// Why there is no session.
enum NoSession {
    /// The service doesn't have any.
    Unsupported,
    /// It has none to give now.
    Exhausted(RedfishError),
    /// Another way won't help.
    Final(RedfishError),
}

impl Credentials {
    /// Puts them into a request's headers.
    pub(super) fn insert_into(&self, headers: &mut HeaderMap) {
        match self {
            Self::None => {}
            Self::Basic(value) => {
                headers.insert(AUTHORIZATION, value.clone());
            }
            Self::Session(session) => {
                headers.insert(TOKEN, session.token.clone());
            }
        }
    }
}

impl Login {
    /// What the next request is sent with. Logs in if that is needed; whoever else needs it meanwhile waits for this.
    pub(super) async fn credentials(
        &self,
        service: &Service,
        connection: &Connection,
    ) -> Result<Credentials, RedfishError> {
        let Some(username) = &service.username else {
            return Ok(Credentials::None);
        };
        let sessions_only = match service.authentication {
            Authentication::Basic => return basic(service, username),
            Authentication::Session => true,
            Authentication::Auto => false,
        };
        let mut state = self.state.lock().await;
        match &*state {
            State::LoggedIn(session) => return Ok(Credentials::Session(Arc::clone(session))),
            State::Sessionless => return basic(service, username),
            State::LoggedOut => {}
        }
        match log_in(service, username, connection).await {
            Ok(session) => {
                let session = Arc::new(session);
                *state = State::LoggedIn(Arc::clone(&session));
                Ok(Credentials::Session(session))
            }
            Err(NoSession::Unsupported) if sessions_only => Err(RedfishError::Protocol {
                reason: "it has no sessions: set redfish_auth_type to basic",
            }),
            Err(NoSession::Unsupported) => {
                *state = State::Sessionless;
                basic(service, username)
            }
            Err(NoSession::Exhausted(_)) if !sessions_only => {
                debug!(peer = %connection.peer, "no Redfish session is to be had; using basic authentication for now");
                basic(service, username)
            }
            Err(NoSession::Exhausted(error) | NoSession::Final(error)) => Err(error),
        }
    }

    /// Forgets a session that the service doesn't know any more, unless another one took its place.
    pub(super) async fn expired(&self, session: &Arc<Session>) {
        let mut state = self.state.lock().await;
        if matches!(&*state, State::LoggedIn(current) if Arc::ptr_eq(current, session)) {
            *state = State::LoggedOut;
        }
    }

    /// Whether there is a session to log out of.
    pub(super) async fn is_logged_in(&self) -> bool {
        matches!(&*self.state.lock().await, State::LoggedIn(_))
    }

    /// Logs out, if somebody is logged in.
    pub(super) async fn log_out(
        &self,
        service: &Service,
        connection: &Connection,
    ) -> Result<(), RedfishError> {
        let state = std::mem::take(&mut *self.state.lock().await);
        let State::LoggedIn(session) = state else {
            return Ok(());
        };
        let Some(path) = &session.path else {
            return Ok(());
        };
        let mut headers = HeaderMap::new();
        Credentials::Session(Arc::clone(&session)).insert_into(&mut headers);
        let sending = Sending {
            method: Method::Delete,
            path,
            body: None,
            headers,
        };
        connection.exchange(service, sending).await.map(|_| ())
    }
}

fn basic(service: &Service, username: &str) -> Result<Credentials, RedfishError> {
    let pair = format!("{username}:{}", service.password.expose());
    let text = format!("Basic {}", STANDARD.encode(pair));
    let mut value =
        HeaderValue::from_str(&text).map_err(|_| RedfishError::AuthFailed { reason: REFUSED })?;
    value.set_sensitive(true);
    Ok(Credentials::Basic(value))
}

async fn log_in(
    service: &Service,
    username: &str,
    connection: &Connection,
) -> Result<Session, NoSession> {
    let path = sessions(service, connection).await?;
    let body = json!({"UserName": username, "Password": service.password.expose()}).to_string();
    let sending = Sending {
        method: Method::Post,
        path: &path,
        body: Some(&body),
        headers: HeaderMap::new(),
    };
    let answer = connection
        .exchange(service, sending)
        .await
        .map_err(NoSession::Final)?;
    if !answer.is_success() {
        return Err(refusal(&answer));
    }
    let Some(mut token) = answer.headers.get(TOKEN).cloned() else {
        return Err(NoSession::Final(RedfishError::Protocol {
            reason: "it opened a session without a token",
        }));
    };
    token.set_sensitive(true);
    let named = || Some(answer.body.as_ref()?.get("@odata.id")?.as_str()?.to_owned());
    let path = match redirect::place(&service.address, &path, &answer.headers) {
        Place::OnService(path) => Some(path),
        Place::Nowhere | Place::Elsewhere => {
            named().filter(|path| super::path::check(path).is_ok())
        }
    };
    debug!(peer = %connection.peer, "opened a Redfish session");
    Ok(Session { token, path })
}

/// Where sessions are made: the service root says so, to anybody (DSP0266 §6.2, §13.3.2).
async fn sessions(service: &Service, connection: &Connection) -> Result<String, NoSession> {
    let root = format!("{}/", service.address.root());
    let usual = format!("{root}SessionService/Sessions");
    let sending = Sending {
        method: Method::Get,
        path: &root,
        body: None,
        headers: HeaderMap::new(),
    };
    let answer = connection
        .exchange(service, sending)
        .await
        .map_err(NoSession::Final)?;
    let linked = |body: &Value| {
        let path = body.pointer("/Links/Sessions/@odata.id")?.as_str()?;
        super::path::check(path).is_ok().then(|| path.to_owned())
    };
    let unlinked = |body: &Value| body.get("SessionService").map(|_| usual.clone());
    match answer.body.as_ref().filter(|_| answer.is_success()) {
        Some(root) => linked(root)
            .or_else(|| unlinked(root))
            .ok_or(NoSession::Unsupported),
        // Not every service shows its root to strangers.
        None if answer.status == StatusCode::UNAUTHORIZED => Ok(usual),
        None if answer.status.is_redirection() => {
            match redirect::place(&service.address, &root, &answer.headers) {
                Place::OnService(path) if redirect::same_resource(&path, &root) => Ok(usual),
                Place::Elsewhere => Err(NoSession::Final(RedfishError::RedirectDenied)),
                Place::OnService(_) | Place::Nowhere => Err(refusal(&answer)),
            }
        }
        None => Err(refusal(&answer)),
    }
}

/// What a refused login means. Its body is looked at for one word and never shown: it may repeat what was sent.
fn refusal(answer: &Answer) -> NoSession {
    let busy = |reason| {
        NoSession::Exhausted(RedfishError::Busy {
            reason,
            retry_after: retry_after(&answer.headers, Utc::now()),
        })
    };
    let limit = answer
        .body
        .as_ref()
        .is_some_and(|body| body.to_string().contains(SESSION_LIMIT));
    match answer.status {
        _ if limit => busy("it has no free session"),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            NoSession::Final(RedfishError::AuthFailed { reason: REFUSED })
        }
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
            NoSession::Unsupported
        }
        status if status.is_redirection() => NoSession::Final(RedfishError::Protocol {
            reason: "it answers its service root with a redirect: check the scheme, port and path of redfish_address",
        }),
        _ => busy("it opens no session now"),
    }
}
