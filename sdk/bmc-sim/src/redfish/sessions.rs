//! Sessions (DSP0266 §13.3).

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rand::RngExt;
use serde_json::{Value, json};

use super::{
    config::ServiceConfig,
    reply::{Reply, collection},
};

pub(super) const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";

pub(super) struct Sessions {
    slots: usize,
    timeout: Duration,
    by_id: BTreeMap<u64, Session>,
    pub(super) opened: u64,
    pub(super) closed: u64,
}

struct Session {
    token: String,
    used: Instant,
}

impl Sessions {
    pub(super) fn new(slots: usize, timeout: Duration) -> Self {
        Self {
            slots,
            timeout,
            by_id: BTreeMap::new(),
            opened: 0,
            closed: 0,
        }
    }

    pub(super) fn open(&self) -> usize {
        self.by_id.len()
    }

    /// Ends all of them, without telling anybody.
    pub(super) fn expire(&mut self) {
        self.by_id.clear();
    }

    /// Whether this token is a session's; if so, the session was used just now.
    pub(super) fn knows(&mut self, token: &str, now: Instant) -> bool {
        let timeout = self.timeout;
        self.by_id
            .retain(|_, session| now.duration_since(session.used) < timeout);
        let found = self
            .by_id
            .values_mut()
            .find(|session| session.token == token);
        found.map(|session| session.used = now).is_some()
    }

    /// Logs in.
    pub(super) fn create(&mut self, config: &ServiceConfig, body: &Value, now: Instant) -> Reply {
        let text = |name| body.get(name).and_then(Value::as_str);
        if text("UserName") != Some(config.username.as_str())
            || text("Password") != Some(config.password.as_str())
        {
            // As careless as some BMCs: it repeats what it was sent.
            let message = format!("Login with {body} failed.");
            return Reply::error(401, "ResourceAtUriUnauthorized", &message);
        }
        if self.by_id.len() >= self.slots {
            return Reply::error(503, "SessionLimitExceeded", "There are too many sessions.");
        }
        self.opened += 1;
        let token = format!("{:032x}", rand::rng().random::<u128>());
        let session = Session {
            token: token.clone(),
            used: now,
        };
        self.by_id.insert(self.opened, session);
        let mut reply = Reply::ok(show(self.opened));
        reply.status = 201;
        let path = format!("{SESSIONS}/{}", self.opened);
        reply.with("x-auth-token", token).with("location", path)
    }

    /// Logs out.
    pub(super) fn delete(&mut self, id: &str) -> Reply {
        let found = id.parse().ok().and_then(|id| self.by_id.remove(&id));
        match found {
            Some(_) => {
                self.closed += 1;
                Reply::done()
            }
            None => Reply::not_found(),
        }
    }

    pub(super) fn list(&self) -> Value {
        let ids = self.by_id.keys().map(u64::to_string);
        collection(SESSIONS, "SessionCollection", ids)
    }

    pub(super) fn find(&self, id: &str) -> Option<Value> {
        let id = id.parse().ok()?;
        self.by_id.contains_key(&id).then(|| show(id))
    }
}

pub(super) fn service() -> Value {
    json!({
        "@odata.id": "/redfish/v1/SessionService",
        "@odata.type": "#SessionService.v1_1_8.SessionService",
        "Id": "SessionService",
        "Name": "Session Service",
        "SessionTimeout": 1800,
        "Sessions": {"@odata.id": SESSIONS},
    })
}

fn show(id: u64) -> Value {
    json!({
        "@odata.id": format!("{SESSIONS}/{id}"),
        "@odata.type": "#Session.v1_3_0.Session",
        "Id": id.to_string(),
        "Name": "User Session",
    })
}
