//! `redfish`: requests about this node, as far as they were granted.

use std::sync::Arc;

use ironbark_model::Secret;
use ironbark_model::json::{self, MAX_DEPTH_IN_PASSING};
use serde_json::Value;

use super::secrets::{fill, read_object, scrub, scrub_text};
use crate::audit::Operation;
use crate::bindings::ironbark::driver::redfish::{Header, Host, Method, NodeResources, Response};
use crate::bindings::ironbark::driver::types::Error;
use crate::capabilities::{
    MAX_REDFISH_ANSWER, RedfishAccess, RedfishMethod, RedfishRequest, RedfishResources,
    RedfishResponse,
};
use crate::driver::Granted;
use crate::error::DriverError;
use crate::redfish::{Ownership, RedfishPolicy, ResourcePath};
use crate::state::State;

/// Most data in one request, in bytes (the contract's bound).
const MAX_BODY: usize = 1024 * 1024;
/// Headers that drivers get, and the longest value.
const HEADERS: &[&str] = &["location", "etag", "retry-after", "allow"];
const MAX_HEADER: usize = 2048;
/// Longest path that is recorded, in bytes.
const MAX_RECORDED_PATH: usize = 256;
/// What is recorded of a request whose path says nothing: the capability as a whole.
const UNREADABLE: Operation = Operation::Capability("redfish");

type Answer<T> = wasmtime::Result<Result<T, Error>>;

/// What was found out about the node's resources, once in a call.
#[derive(Clone)]
pub(crate) struct KnownResources {
    paths: RedfishResources,
    own: Arc<Ownership>,
}

impl Host for State {
    async fn resources(&mut self) -> Answer<NodeResources> {
        self.count_host_call()?;
        let known = self.redfish_resources().await;
        Ok(known
            .map(|known| NodeResources {
                system: known.paths.system,
                chassis: known.paths.chassis,
                managers: known.paths.managers,
            })
            .map_err(Error::from))
    }

    async fn request(
        &mut self,
        method: Method,
        path: String,
        body: Option<String>,
    ) -> Answer<Response> {
        self.count_host_call()?;
        let answer = self.redfish_request(method.into(), &path, body).await;
        Ok(answer.map_err(Error::from))
    }
}

impl State {
    async fn redfish_request(
        &mut self,
        method: RedfishMethod,
        path: &str,
        body: Option<String>,
    ) -> Result<Response, DriverError> {
        let access = self.redfish_access(&UNREADABLE)?;
        let path = ResourcePath::parse(path).map_err(|reason| {
            self.denied(
                &UNREADABLE,
                format!("this Redfish request is refused: {reason}"),
                never,
            )
        })?;
        let operation = operation(method, &path, &self.context.secrets);
        let mut body = read_body(method, body)?;
        let known = self.redfish_resources().await?;
        self.check_request(&operation, method, &path, body.as_ref(), &known.own)?;
        if method != RedfishMethod::Get {
            self.check_shared(&operation, &path, body.as_ref(), &known.own, &access)
                .await?;
        }
        if let Some(body) = &mut body {
            fill(body, &self.context.secret_refs)?;
        }
        let request = RedfishRequest {
            method,
            path: path.to_text(),
            body,
        };
        let limit = self.host_call_limit();
        let answer = self
            .operate(operation, limit, async move {
                access.request(request, limit).await
            })
            .await?;
        self.read_answer(answer, &known.own)
    }

    fn check_request(
        &self,
        operation: &Operation,
        method: RedfishMethod,
        path: &ResourcePath,
        body: Option<&Value>,
        own: &Ownership,
    ) -> Result<(), DriverError> {
        let refused = |reason: String| self.refusal(operation, &reason);
        if let Some(policy) = &self.package.granted.redfish {
            policy.check(method, path, own).map_err(|reason| {
                self.denied(operation, refused(reason), |asked| {
                    asked
                        .redfish
                        .as_ref()
                        .is_some_and(|asked| asked.check(method, path, own).is_ok())
                })
            })?;
        }
        match body {
            Some(body) => own
                .check_body(body)
                .map_err(|reason| self.denied(operation, refused(reason), never)),
            None => Ok(()),
        }
    }

    /// A change of what is other nodes' as well needs a grant of its own.
    async fn check_shared(
        &mut self,
        operation: &Operation,
        path: &ResourcePath,
        body: Option<&Value>,
        own: &Ownership,
        access: &Arc<dyn RedfishAccess>,
    ) -> Result<(), DriverError> {
        let granted = self.package.granted.redfish.as_ref();
        if granted.is_some_and(RedfishPolicy::may_change_shared) {
            return Ok(());
        }
        for resource in own.touched(path, body) {
            let limit = self.host_call_limit();
            let (asked, access) = (resource.to_owned(), Arc::clone(access));
            let is_shared = self
                .on_io(limit, async move { access.is_shared(&asked, limit).await })
                .await?;
            if is_shared {
                let reason = format!(
                    "{resource} is other nodes' as well: it may be read, and changed only with the grant 'redfish:shared'"
                );
                let reason = self.refusal(operation, &reason);
                // Whether it is shared depends on the machine: the package didn't reach for what it doesn't ask for.
                return Err(self.denied(operation, reason, |_| true));
            }
        }
        Ok(())
    }

    fn refusal(&self, operation: &Operation, reason: &str) -> String {
        let name = &self.package.name.name;
        let request = operation.to_string();
        let request = request.strip_prefix("redfish ").unwrap_or(&request);
        format!("the Redfish request {request} is not granted to driver package '{name}': {reason}")
    }

    fn read_answer(
        &self,
        answer: RedfishResponse,
        own: &Ownership,
    ) -> Result<Response, DriverError> {
        if answer.body.len() > MAX_REDFISH_ANSWER {
            return Err(DriverError::Protocol(format!(
                "the Redfish service's answer has more than {MAX_REDFISH_ANSWER} bytes"
            )));
        }
        let body = if answer.body.trim_ascii().is_empty() {
            None
        } else {
            let mut read = json::parse(&answer.body, MAX_DEPTH_IN_PASSING).map_err(|error| {
                DriverError::Protocol(format!(
                    "the Redfish service's answer is no JSON that is accepted: {error}"
                ))
            })?;
            scrub(&mut read, &self.context.secrets);
            Some(read.to_string())
        };
        Ok(Response {
            status: answer.status,
            headers: answer
                .headers
                .into_iter()
                .filter_map(|(name, value)| read_header(&name, value, own))
                .collect(),
            body,
        })
    }

    async fn redfish_resources(&mut self) -> Result<KnownResources, DriverError> {
        let access = self.redfish_access(&UNREADABLE)?;
        if let Some(known) = &self.redfish {
            return Ok(known.clone());
        }
        let limit = self.host_call_limit();
        let paths = self
            .on_io(limit, async move { access.resources(limit).await })
            .await?;
        let own = Ownership::new(&paths).map_err(DriverError::Protocol)?;
        let known = KnownResources {
            paths,
            own: Arc::new(own),
        };
        self.redfish = Some(known.clone());
        Ok(known)
    }

    fn redfish_access(&self, wanted: &Operation) -> Result<Arc<dyn RedfishAccess>, DriverError> {
        self.lent(
            "redfish",
            |granted| granted.redfish.is_some(),
            wanted,
            |capabilities| &capabilities.redfish,
        )
    }
}

/// No grant allows it.
fn never(_: &Granted) -> bool {
    false
}

/// What is recorded of a request. A query isn't: it is the driver's own text, as the path may be, which is cut where it is long and
/// has no known secret in it, however it is encoded.
fn operation(method: RedfishMethod, path: &ResourcePath, secrets: &[Secret]) -> Operation {
    let decoded = format!("/{}", path.segments().join("/"));
    let mut scrubbed = decoded.clone();
    scrub_text(&mut scrubbed, secrets);
    let mut text = if scrubbed == decoded {
        let text = path.to_text();
        text.split_once('?')
            .map_or(text.clone(), |(path, _)| path.to_owned())
    } else {
        scrubbed.replace(|letter: char| !letter.is_ascii_graphic(), "?")
    };
    scrub_text(&mut text, secrets);
    if text.len() > MAX_RECORDED_PATH {
        text.truncate(text.floor_char_boundary(MAX_RECORDED_PATH));
        text.push('…');
    }
    Operation::Redfish { method, path: text }
}

fn read_body(method: RedfishMethod, body: Option<String>) -> Result<Option<Value>, DriverError> {
    match (method, body) {
        (_, None) => Ok(None),
        (RedfishMethod::Get, Some(_)) => Err(DriverError::InvalidParameter(
            "a Redfish request that reads has no body".to_owned(),
        )),
        (_, Some(text)) => read_object("the body of a Redfish request", &text, MAX_BODY).map(Some),
    }
}

/// A header as drivers get it. A location that they couldn't go to is left out.
fn read_header(name: &str, value: String, own: &Ownership) -> Option<Header> {
    let name = name.to_ascii_lowercase();
    if !HEADERS.contains(&name.as_str()) || value.len() > MAX_HEADER {
        return None;
    }
    if name == "location" {
        let leads_to_own = ResourcePath::parse(&value).is_ok_and(|path| own.check(&path).is_ok());
        return leads_to_own.then_some(Header { name, value });
    }
    Some(Header { name, value })
}

impl From<Method> for RedfishMethod {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::Get,
            Method::Post => Self::Post,
            Method::Patch => Self::Patch,
            Method::Put => Self::Put,
            Method::Delete => Self::Delete,
        }
    }
}
