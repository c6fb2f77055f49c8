//! What a ramdisk that runs on a node's machine says to the conductor.

use std::fmt;

use ironbark_model::mask::MASK;
use ironbark_model::{JsonObject, Secret};
use serde::{Deserialize, Serialize};

/// What a ramdisk reports. Unless said otherwise the reply is [`Reply::Done`](crate::Reply::Done).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RamdiskRequest {
    /// An agent found its node and wants the token. Reply: `AgentToken`.
    Lookup,
    /// An agent is alive.
    Heartbeat(Heartbeat),
    /// What an inspection ramdisk found; accepted when it is stored, then the inspection goes on.
    ContinueInspection {
        /// The machine's hardware.
        inventory: JsonObject,
        /// Everything else that was posted.
        plugin_data: JsonObject,
    },
}

/// An agent's sign of life. Checked for form by the API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Heartbeat {
    /// Where the agent takes commands: scheme, host and port.
    pub callback_url: String,
    /// Proves that it is the agent that looked the node up.
    pub agent_token: Option<Carried>,
    /// The agent's version.
    pub agent_version: Option<String>,
    /// The certificate by which it is known, PEM.
    pub agent_verify_ca: Option<String>,
    /// How far a deployment is that the agent does by itself.
    pub agent_status: Option<String>,
    /// What there is to say of that.
    pub agent_status_message: Option<String>,
}

/// A secret on its way from one to the other. It is written only to what carries messages, and never printed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Carried(String);

impl Carried {
    /// For who takes it out at the other end.
    pub fn into_secret(self) -> Secret {
        Secret::new(self.0)
    }
}

impl From<&Secret> for Carried {
    fn from(secret: &Secret) -> Self {
        Self(secret.expose().to_owned())
    }
}

impl fmt::Debug for Carried {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(MASK)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_token_crosses_but_is_not_printed() {
        let heartbeat = Heartbeat {
            agent_token: Some(Carried::from(&Secret::new("hush"))),
            ..Heartbeat::default()
        };
        assert!(!format!("{heartbeat:?}").contains("hush"));
        let bytes = serde_json::to_vec(&heartbeat).unwrap();
        let read: Heartbeat = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(read.agent_token.unwrap().into_secret().expose(), "hush");
    }
}
