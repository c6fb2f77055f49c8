//! One command: what is sent for it, what is sent again, and when it ends.

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderValue, IF_MATCH},
};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    Method, RedfishError,
    connection::{Answer, Connection, Sending},
    etags,
    peer::{Interest, Peer},
    redirect::{self, Place},
    retry::{Backoff, retry_after},
    session::Credentials,
};
use crate::gate::Turn;

/// A command that has its turn.
pub(super) struct Command<'a> {
    pub(super) peer: &'a Peer,
    interest: &'a dyn Interest,
    connection: Arc<Connection>,
    turn: Turn,
    until: Instant,
}

/// A request that was checked, in the form in which it is sent.
#[derive(Clone, Copy)]
pub(super) struct Prepared<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) body: Option<&'a str>,
}

/// What an attempt led to.
enum Next {
    Done(Answer),
    Again,
    AgainAfter(Duration),
}

/// What was tried already to get an answer.
struct Tried {
    backoff: Backoff,
    logged_in_again: bool,
    read_again: bool,
    if_match: Option<HeaderValue>,
    /// The same resource under the name that the service prefers.
    redirected: Option<String>,
}

impl<'a> Command<'a> {
    /// Waits until it is this command's turn.
    pub(super) async fn begin(
        peer: &'a Peer,
        interest: &'a dyn Interest,
    ) -> Result<Self, RedfishError> {
        let config = &peer.shared.config;
        let connection = peer.connect().await?;
        let turn = connection.gate.enter(config.pacing).await;
        if interest.is_gone() {
            return Err(RedfishError::Deadline { sent: false });
        }
        Ok(Self {
            peer,
            interest,
            connection,
            turn,
            until: Instant::now() + config.command_limit,
        })
    }

    /// Does some of its work, until the command limit.
    pub(super) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, RedfishError>>,
    ) -> Result<T, RedfishError> {
        let result = timeout_at(self.until, work).await;
        result.unwrap_or(Err(RedfishError::Unreachable {
            during: "for as long as a command may take",
            source: None,
        }))
    }

    /// Gives the turn to the next command.
    pub(super) async fn end<T>(self, result: &Result<T, RedfishError>) {
        self.peer.note_command();
        if let Err(RedfishError::Unreachable { .. } | RedfishError::Untrusted { .. }) = result {
            // The name may lead elsewhere by now, and the certificates may have been changed.
            self.peer.disconnect(&self.connection).await;
        }
        self.turn.leave();
    }

    /// Sends a request until it has an answer that is worth showing.
    pub(super) async fn send(&self, request: Prepared<'_>) -> Result<Answer, RedfishError> {
        let config = &self.peer.shared.config;
        let mut tried = Tried {
            backoff: Backoff::new(config.attempts, config.backoff),
            logged_in_again: false,
            read_again: false,
            if_match: request
                .method
                .overwrites()
                .then(|| self.peer.etags.of(request.path))
                .flatten(),
            redirected: None,
        };
        loop {
            match self.attempt(request, &mut tried).await {
                Ok(Next::Done(answer)) => return Ok(answer),
                Ok(Next::Again) => {}
                Ok(Next::AgainAfter(pause)) => sleep(pause).await,
                // Whether a request that changes something took effect isn't known: it is never sent twice.
                Err(error @ RedfishError::Unreachable { .. }) if request.method.is_read() => {
                    match tried.backoff.next() {
                        Some(pause) if self.fits(pause) => sleep(pause).await,
                        _ => return Err(error),
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads a resource that the host itself wants to know; `None` if there is none.
    pub(super) async fn read(&self, path: &str) -> Result<Option<Value>, RedfishError> {
        let request = Prepared {
            method: Method::Get,
            path,
            body: None,
        };
        let answer = self.send(request).await?;
        match answer.status {
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            StatusCode::FORBIDDEN => Err(RedfishError::AuthFailed {
                reason: "the user may not read the service's systems: check redfish_username and its role",
            }),
            status if status.is_success() => Ok(answer.body),
            _ => Err(RedfishError::Protocol {
                reason: "it does not show its service root or its systems",
            }),
        }
    }

    async fn attempt(
        &self,
        request: Prepared<'_>,
        tried: &mut Tried,
    ) -> Result<Next, RedfishError> {
        self.check_interest()?;
        let login = &self.peer.login;
        let credentials = login
            .credentials(&self.peer.service, &self.connection)
            .await?;
        // Logging in takes time: what nobody waits for any more is not sent.
        self.check_interest()?;
        let path = tried.redirected.as_deref().unwrap_or(request.path);
        let answer = self
            .exchange(Prepared { path, ..request }, &credentials, &tried.if_match)
            .await?;
        match (answer.status, credentials) {
            (StatusCode::UNAUTHORIZED, Credentials::Session(session)) if !tried.logged_in_again => {
                login.expired(&session).await;
                tried.logged_in_again = true;
                Ok(Next::Again)
            }
            (StatusCode::UNAUTHORIZED, _) => Err(RedfishError::AuthFailed {
                reason: "user or password is wrong: check redfish_username, redfish_password and redfish_auth_type",
            }),
            (StatusCode::PRECONDITION_FAILED | StatusCode::PRECONDITION_REQUIRED, credentials)
                if request.method.overwrites() && !tried.read_again =>
            {
                tried.read_again = true;
                self.read_again(request, &credentials, answer, tried).await
            }
            (StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS, _) => {
                self.wait_for(&answer, request.method, tried)
            }
            (StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT, _)
                if request.method.is_read() =>
            {
                match tried.backoff.next() {
                    Some(pause) if self.fits(pause) => Ok(Next::AgainAfter(pause)),
                    _ => Ok(Next::Done(answer)),
                }
            }
            (status, _) if is_redirect(status) => self.redirect(answer, request, tried),
            _ => {
                self.note_version(request, &answer);
                Ok(Next::Done(answer))
            }
        }
    }

    fn check_interest(&self) -> Result<(), RedfishError> {
        if self.interest.is_gone() {
            return Err(RedfishError::Deadline {
                sent: self.interest.was_sent(),
            });
        }
        Ok(())
    }

    async fn exchange(
        &self,
        request: Prepared<'_>,
        credentials: &Credentials,
        if_match: &Option<HeaderValue>,
    ) -> Result<Answer, RedfishError> {
        let mut headers = HeaderMap::new();
        credentials.insert_into(&mut headers);
        if let Some(etag) = if_match {
            headers.insert(IF_MATCH, etag.clone());
        }
        self.interest.note_sent();
        let sending = Sending {
            method: request.method,
            path: request.path,
            body: request.body,
            headers,
        };
        self.connection.exchange(&self.peer.service, sending).await
    }

    /// The resource isn't what it was when it was read last: reads it once more, for the condition to hold.
    async fn read_again(
        &self,
        request: Prepared<'_>,
        credentials: &Credentials,
        refused: Answer,
        tried: &mut Tried,
    ) -> Result<Next, RedfishError> {
        let read = Prepared {
            method: Method::Get,
            path: request.path,
            body: None,
        };
        let seen = self.exchange(read, credentials, &None).await?;
        if !seen.is_success() {
            return Ok(Next::Done(refused));
        }
        let etags = &self.peer.etags;
        let found = etags.note(request.path, &seen.headers, seen.body.as_ref());
        let condition = match found {
            // The same again, though it doesn't match: a strict service, perhaps, and a weak ETag.
            Some(found) if tried.if_match.as_ref() == Some(&found) => etags::strong(&found),
            found => found,
        };
        match condition {
            None => Ok(Next::Done(refused)),
            Some(condition) => {
                tried.if_match = Some(condition);
                Ok(Next::Again)
            }
        }
    }

    /// The service wants to be asked later. It did nothing, so that even a change may be sent again when it says when.
    fn wait_for(
        &self,
        answer: &Answer,
        method: Method,
        tried: &mut Tried,
    ) -> Result<Next, RedfishError> {
        let asked = retry_after(&answer.headers, Utc::now());
        if asked.is_some() || method.is_read() {
            let pause = tried.backoff.next();
            if let Some(pause) = pause.map(|pause| pause.max(asked.unwrap_or_default()))
                && self.fits(pause)
            {
                return Ok(Next::AgainAfter(pause));
            }
        }
        Err(RedfishError::Busy {
            reason: "it answers that it is not available now",
            retry_after: asked,
        })
    }

    /// A redirect is followed only to the same resource; where else it leads on this service is for the caller to judge, who knows
    /// what is allowed, and to another host it is never followed.
    fn redirect(
        &self,
        answer: Answer,
        request: Prepared<'_>,
        tried: &mut Tried,
    ) -> Result<Next, RedfishError> {
        let address = &self.peer.service.address;
        match redirect::place(address, request.path, &answer.headers) {
            Place::Elsewhere => Err(RedfishError::RedirectDenied),
            Place::Nowhere => Err(RedfishError::Protocol {
                reason: "it redirects to nowhere",
            }),
            Place::OnService(path)
                if request.method.is_read()
                    && tried.redirected.is_none()
                    && redirect::same_resource(&path, request.path) =>
            {
                tried.redirected = Some(path);
                Ok(Next::Again)
            }
            Place::OnService(_) => Ok(Next::Done(answer)),
        }
    }

    fn note_version(&self, request: Prepared<'_>, answer: &Answer) {
        if answer.is_success() && request.method != Method::Post {
            let etags = &self.peer.etags;
            etags.note(request.path, &answer.headers, answer.body.as_ref());
        }
    }

    /// Whether there is time for such a pause.
    fn fits(&self, pause: Duration) -> bool {
        Instant::now() + pause < self.until
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}
