//! Answers.

use serde_json::{Value, json};

/// What is sent back.
#[derive(Debug, Clone, Default)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
}

impl Reply {
    /// A resource.
    pub(super) fn ok(body: Value) -> Self {
        Self {
            status: 200,
            body: Some(body),
            ..Self::default()
        }
    }

    /// Done, and nothing to say.
    pub(super) fn done() -> Self {
        Self {
            status: 204,
            ..Self::default()
        }
    }

    /// An error, with a message of the Base registry (DSP0266 §8.6).
    pub(super) fn error(status: u16, message_id: &str, message: &str) -> Self {
        let body = json!({"error": {
            "code": "Base.1.8.GeneralError",
            "message": "See @Message.ExtendedInfo.",
            "@Message.ExtendedInfo": [{"MessageId": format!("Base.1.8.{message_id}"), "Message": message}],
        }});
        Self {
            status,
            body: Some(body),
            ..Self::default()
        }
    }

    /// There is no such resource.
    pub(super) fn not_found() -> Self {
        Self::error(404, "ResourceMissingAtURI", "There is no such resource.")
    }

    /// The resource doesn't do that.
    pub(super) fn not_allowed(allow: &'static str) -> Self {
        let reply = Self::error(405, "OperationNotAllowed", "The resource doesn't do that.");
        reply.with("allow", allow)
    }

    /// A property is not what it may be.
    pub(super) fn wrong_value(property: &str) -> Self {
        let message = format!("The value of {property} is not in the list of acceptable values.");
        Self::error(400, "PropertyValueNotInList", &message)
    }

    /// The same with one more header.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A collection of resources.
pub(super) fn collection<I>(path: &str, kind: &str, names: I) -> Value
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    let members: Vec<Value> = names
        .into_iter()
        .map(|name| json!({"@odata.id": format!("{path}/{}", name.as_ref())}))
        .collect();
    json!({
        "@odata.id": path,
        "@odata.type": format!("#{kind}.{kind}"),
        "Name": kind,
        "Members@odata.count": members.len(),
        "Members": members,
    })
}
