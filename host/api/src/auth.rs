//! Who may use the API: HTTP basic authentication, and the routes that need none.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ironbark_model::{Error, Secret};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::error::ApiError;
use crate::{Auth, Htpasswd, openapi};

/// Passwords checked at once: bcrypt keeps a core busy for a good part of a second.
const CHECKS_AT_ONCE: usize = 2;

/// Verified credentials that are remembered; when there are more, all are forgotten.
const REMEMBERED: usize = 4096;

/// Paths that everybody may use, as they stand in the request, without a trailing slash.
const PUBLIC: &[&str] = &[
    "",
    "/",
    "/v1",
    "/v1/lookup",
    "/v1/continue_inspection",
    "/healthcheck",
    openapi::PATH,
];

/// Checks passwords, a few at a time, and remembers those that were right.
///
/// What is remembered is a SHA-256 of name, password and hash with a key that only this process has.
pub(crate) struct PasswordCheck {
    key: [u8; 32],
    verified: Mutex<HashMap<[u8; 32], ()>>,
    queue: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl PasswordCheck {
    pub(crate) fn new(queue: usize) -> Self {
        let mut key = [0u8; 32];
        let random = uuid::Uuid::new_v4().into_bytes().into_iter();
        for (slot, byte) in key
            .iter_mut()
            .zip(random.chain(uuid::Uuid::new_v4().into_bytes()))
        {
            *slot = byte;
        }
        Self {
            key,
            verified: Mutex::new(HashMap::new()),
            queue: Arc::new(Semaphore::new(queue)),
            running: Arc::new(Semaphore::new(CHECKS_AT_ONCE)),
        }
    }

    async fn is_right(
        &self,
        file: &Htpasswd,
        name: &str,
        password: Secret,
    ) -> Result<bool, ApiError> {
        let known = file.hash_of(name);
        // A stranger costs as much time as a friend, so that names can't be guessed by the clock.
        let Some(hash) = known.or_else(|| file.any_hash()) else {
            return Ok(false);
        };
        let fingerprint = self.fingerprint(name, &password, hash);
        if known.is_some() && self.lock().contains_key(&fingerprint) {
            return Ok(true);
        }
        let _place = self.queue.clone().try_acquire_owned().map_err(|_| {
            Error::overloaded("Too many passwords are waiting to be checked; try again.")
        })?;
        let running = self
            .running
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| Error::internal("Passwords can't be checked any more."))?;
        let hash = hash.to_owned();
        let matches = tokio::task::spawn_blocking(move || {
            let matches = bcrypt::verify(password.expose(), &hash).unwrap_or(false);
            drop(running);
            matches
        })
        .await
        .map_err(|error| Error::internal("A password couldn't be checked.").caused_by(error))?;
        let right = matches && known.is_some();
        if right {
            let mut verified = self.lock();
            if verified.len() >= REMEMBERED {
                verified.clear();
            }
            verified.insert(fingerprint, ());
        }
        Ok(right)
    }

    fn fingerprint(&self, name: &str, password: &Secret, hash: &str) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(self.key);
        for part in [name, password.expose(), hash] {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], ()>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets a request pass and says who asks, as far as users have names; or says 401.
pub(crate) async fn admit(
    auth: &Auth,
    check: &PasswordCheck,
    path: &str,
    headers: &HeaderMap,
) -> Result<Option<String>, ApiError> {
    let Auth::HttpBasic(file) = auth else {
        return Ok(None);
    };
    if is_public(path) {
        return Ok(None);
    }
    let Some((name, password)) = credentials(headers) else {
        return Err(ApiError::unauthorized());
    };
    if check.is_right(file, &name, password).await? {
        Ok(Some(name))
    } else {
        Err(ApiError::unauthorized())
    }
}

/// Whether everybody may use this path.
pub(crate) fn is_public(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let bare = path
        .strip_suffix(".json")
        .or_else(|| path.strip_suffix(".xml"))
        .unwrap_or(path);
    // One of them ends so by itself.
    if PUBLIC.contains(&path) || PUBLIC.contains(&bare) {
        return true;
    }
    // Whoever opens a console has a token instead.
    if opens_console(path) {
        return true;
    }
    bare.strip_prefix("/v1/heartbeat/").is_some_and(|node| {
        !node.is_empty()
            && node
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    })
}

/// Whether this is the path on which consoles are opened, with a token in the query that everything else is judged by.
pub(crate) fn opens_console(path: &str) -> bool {
    path.trim_end_matches('/')
        .strip_prefix("/ironbark/v1/consoles/")
        .is_some_and(|node| !node.is_empty() && !node.contains('/'))
}

fn credentials(headers: &HeaderMap) -> Option<(String, Secret)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), Secret::new(password)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_these_paths_are_public() {
        for path in [
            "/",
            "/v1",
            "/v1/",
            "/v1.json",
            "/v1/lookup",
            "/v1/lookup/",
            "/v1/heartbeat/1be2-a",
            "/v1/continue_inspection.xml",
            "/healthcheck",
            "/openapi.json",
            "/ironbark/v1/consoles/1be2-a",
        ] {
            assert!(is_public(path), "{path}");
        }
        for path in [
            "/v1/nodes",
            "/nodes",
            "/v1/heartbeat",
            "/v1/heartbeat/a/b",
            "/v1/heartbeat/A",
            "/ironbark/v1/packages",
            "/ironbark/v1/consoles",
            "/ironbark/v1/consoles/",
            "/ironbark/v1/consoles/a/b",
            "/ironbark/v1/consoles/../packages",
            "/v1/lookup/x",
            "//v1/nodes",
        ] {
            assert!(!is_public(path), "{path}");
        }
    }
}
