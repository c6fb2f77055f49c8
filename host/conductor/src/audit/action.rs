//! What operators do to packages: recorded before it is done, and when it has ended.

use ironbark_model::audit::{AuditEntry, AuditKind, BEGUN, OK};
use ironbark_model::{ErrorKind, Result, Timestamp};
use ironbark_rpc::{PackageChange, Reply, Request};
use serde_json::Value;
use tokio::time::Instant;

use super::{Audit, Item, Place, answer_to, refused};

/// Something that is done to a package.
#[derive(Clone, Debug, Default)]
pub(crate) struct Action {
    /// `install`, `remove`.
    pub(crate) operation: &'static str,
    /// The package's name, if it is known before.
    pub(crate) package: Option<String>,
    /// The digest of its bytes, if it is known.
    pub(crate) digest: Option<String>,
    /// The publisher's name, if it is about one.
    pub(crate) publisher: Option<String>,
    /// Who asked: a user, or where the file lies.
    pub(crate) actor: Option<String>,
    /// `req-…`, if a request asked.
    pub(crate) request_id: Option<String>,
}

impl Action {
    /// What a request does to a package; `None` for all others.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        match request {
            Request::InstallPackage { installation } => Some(Self {
                operation: "install",
                digest: Some(installation.digest.clone()),
                ..Self::default()
            }),
            Request::ChangePackage { name, change, .. } => Some(Self {
                operation: word_of(change),
                package: Some(name.clone()),
                ..Self::default()
            }),
            Request::RemovePackage { name, .. } => Some(Self {
                operation: "remove",
                package: Some(name.clone()),
                ..Self::default()
            }),
            Request::TrustPublisher { publisher, .. } => Some(Self {
                operation: "trust publisher",
                publisher: Some(publisher.name.clone()),
                ..Self::default()
            }),
            Request::RemovePublisher { name, .. } => Some(Self {
                operation: "remove publisher",
                publisher: Some(name.clone()),
                ..Self::default()
            }),
            _ => None,
        }
    }

    /// What happens because of a file.
    pub(crate) fn of_file(
        operation: &'static str,
        package: &str,
        digest: Option<&str>,
        source: &str,
    ) -> Self {
        Self {
            operation,
            package: Some(package.to_owned()),
            digest: digest.map(str::to_owned),
            publisher: None,
            actor: Some(source.to_owned()),
            request_id: None,
        }
    }
}

/// An action that was recorded and is under way.
pub(crate) struct Begun {
    place: Place,
    entry: AuditEntry,
    seq: i64,
    began: Instant,
}

impl Audit {
    /// Records an action before it is done.
    ///
    /// # Errors
    /// `Overloaded` if it can't be: then it must not be done.
    pub(crate) async fn begin_action(&self, action: Action) -> Result<Begun> {
        let place = self.place().await.map_err(refused)?;
        let entry = AuditEntry {
            package: action.package,
            digest: action.digest,
            detail: action.publisher,
            actor: action.actor,
            request_id: action.request_id,
            ..AuditEntry::new(
                Timestamp::now(),
                AuditKind::Package,
                action.operation,
                BEGUN,
            )
        };
        let seq = self.write(entry.clone()).await.map_err(refused)?;
        Ok(Begun {
            place,
            entry,
            seq,
            began: Instant::now(),
        })
    }
}

impl Begun {
    /// Records how it ended. What the answer says of the package is taken from it.
    pub(crate) fn end_with_reply(mut self, outcome: &Result<Reply>) {
        let is_about_package = self.entry.detail.is_none();
        if is_about_package && let Ok(Reply::Json(package)) = outcome {
            let text = |key: &str| package.get(key).and_then(Value::as_str).map(str::to_owned);
            self.entry.package = text("name").or(self.entry.package);
            self.entry.detail = text("version");
        }
        self.end(outcome.as_ref().err().map(ironbark_model::Error::kind));
    }

    /// Records how it ended.
    pub(crate) fn end(self, failed: Option<ErrorKind>) {
        let outcome = match failed {
            None => OK.to_owned(),
            Some(kind) => word(kind),
        };
        let mut entry = answer_to(&self.entry, self.seq, &outcome);
        entry.duration_us = i64::try_from(self.began.elapsed().as_micros()).ok();
        self.place.send(Item::Row(entry));
    }
}

fn word_of(change: &PackageChange) -> &'static str {
    match change {
        PackageChange::Activate { .. } => "activate",
        PackageChange::Rollback { .. } => "roll back",
        PackageChange::Disable { .. } => "disable",
        PackageChange::Quarantine { .. } => "quarantine",
        PackageChange::Release { .. } => "release",
        PackageChange::Grant { .. } => "grant",
        PackageChange::Canary { .. } => "canary",
        PackageChange::Promote { .. } => "promote",
    }
}

/// The kind of an error as it crosses RPC: `not-found`.
fn word(kind: ErrorKind) -> String {
    match serde_json::to_value(kind) {
        Ok(Value::String(word)) => word,
        _ => "failed".to_owned(),
    }
}
