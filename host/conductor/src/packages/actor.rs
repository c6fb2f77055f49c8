//! Who does something with packages, for the history.

use ironbark_model::Timestamp;
use ironbark_model::lifecycle::{PackageEvent, PackageVersion};

use crate::context::Context;

/// Who does something with packages.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    name: String,
    request_id: Option<String>,
}

impl Actor {
    /// A user of the API.
    pub(crate) fn user(name: impl Into<String>, request_id: &str) -> Self {
        Self {
            name: name.into(),
            request_id: Some(request_id.to_owned()),
        }
    }

    /// This conductor, by itself.
    pub(super) fn conductor(ctx: &Context) -> Self {
        Self {
            name: format!("conductor {}", ctx.host()),
            request_id: None,
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The request in which it is done.
    pub(super) fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// What is noted of something that was done with a version.
    pub(super) fn did(
        &self,
        action: &str,
        version: &PackageVersion,
        detail: Option<String>,
    ) -> PackageEvent {
        PackageEvent {
            version: Some(version.version.clone()),
            digest: Some(version.digest.clone()),
            ..self.did_with(action, &version.package, detail)
        }
    }

    /// What is noted of something that was done with a package as a whole.
    pub(super) fn did_with(
        &self,
        action: &str,
        package: &str,
        detail: Option<String>,
    ) -> PackageEvent {
        PackageEvent {
            created_at: Timestamp::now(),
            package: package.to_owned(),
            version: None,
            digest: None,
            action: action.to_owned(),
            actor: self.name.clone(),
            request_id: self.request_id.clone(),
            detail,
        }
    }
}
