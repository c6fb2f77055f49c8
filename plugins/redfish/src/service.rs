//! What answers requests, so that whatever talks to a service can be tested without one.

use std::{fmt::Display, time::Duration};

use ironbark_driver::{
    Error, Result, call, clock, log,
    redfish::{self, Method, NodeResources, Response},
    state,
};
use serde_json::{Map, Value};

/// A resource's properties.
pub(crate) type Resource = Map<String, Value>;

/// A Redfish service, and what else the host has for a call: time, the package's notes on the node, the log.
pub(crate) trait Service {
    /// Which resources are the node's.
    ///
    /// # Errors
    /// What the host returns.
    fn resources(&self) -> Result<NodeResources>;

    /// The answer, whatever its status.
    ///
    /// # Errors
    /// What the host returns.
    fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Response>;

    /// What is left of the call.
    fn time_left(&self) -> Duration;

    /// Waits.
    fn pause(&self, duration: Duration);

    /// A note on the node.
    ///
    /// # Errors
    /// What the host returns.
    fn note(&self, key: &str) -> Result<Option<String>>;

    /// Writes a note, or removes it.
    ///
    /// # Errors
    /// What the host returns.
    fn set_note(&self, key: &str, value: Option<&str>) -> Result<()>;

    /// Tells the operator something that is no error.
    fn mention(&self, what: &dyn Display);

    /// A resource.
    ///
    /// # Errors
    /// What the host returns, or what the status means.
    fn get(&self, path: &str) -> Result<Resource> {
        let answer = success(self.request(Method::Get, path, None)?)?;
        match answer.body {
            Some(Value::Object(resource)) => Ok(resource),
            _ => Err(Error::protocol(format!("{path} is no resource"))),
        }
    }

    /// A resource, if there is one that can be read.
    ///
    /// # Errors
    /// As [`get`](Self::get), but for 404 and the like.
    fn find(&self, path: &str) -> Result<Option<Resource>> {
        match self.get(path) {
            Err(Error::Unsupported(_)) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Changes a resource.
    ///
    /// # Errors
    /// What the host returns, or what the status means.
    fn patch(&self, path: &str, body: &Value) -> Result<()> {
        success(self.request(Method::Patch, path, Some(body))?).map(drop)
    }

    /// Runs an action.
    ///
    /// # Errors
    /// What the host returns, or what the status means.
    fn post(&self, path: &str, body: &Value) -> Result<()> {
        success(self.request(Method::Post, path, Some(body))?).map(drop)
    }
}

/// The service of the call's node.
pub(crate) struct Host;

impl Service for Host {
    fn resources(&self) -> Result<NodeResources> {
        redfish::resources()
    }

    fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Response> {
        if !is_own(&redfish::resources()?, path) {
            return Err(Error::unsupported(
                "the Redfish service links to something that does not belong to this node",
            ));
        }
        redfish::request(method, path, body)
    }

    fn time_left(&self) -> Duration {
        call::time_left()
    }

    fn pause(&self, duration: Duration) {
        clock::sleep(duration);
    }

    fn note(&self, key: &str) -> Result<Option<String>> {
        state::get(key)
    }

    fn set_note(&self, key: &str, value: Option<&str>) -> Result<()> {
        match value {
            Some(value) => state::set(key, value),
            // Nothing is written where there is nothing to forget.
            None if self.note(key)?.is_none() => Ok(()),
            None => state::delete(key),
        }
    }

    fn mention(&self, what: &dyn Display) {
        log::info(what);
    }
}

/// Whether a path is one that this driver has a use for: services link to whatever they want, and the host would take it for an attempt of ours.
fn is_own(own: &NodeResources, path: &str) -> bool {
    let below = |root: &str| {
        path.strip_prefix(root)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    path == "/redfish/v1"
        || below("/redfish/v1/Registries")
        || below(&own.system)
        || own.chassis.iter().any(|root| below(root))
        || own.managers.iter().any(|root| below(root))
}

/// The answer if it went well, else what its status means here. A conflict is no matter of time, unless the service says when to come again.
pub(crate) fn success(answer: Response) -> Result<Response> {
    if answer.status == 409 && answer.header("retry-after").is_none() {
        return Err(Error::failed(answer.message()));
    }
    answer.success()
}

/// Whether an answer has a message of this name, of whatever registry and version (DSP0266 §8.6).
pub(crate) fn says(answer: &Response, message: &str) -> bool {
    let info = answer
        .body
        .as_ref()
        .and_then(|body| body.pointer("/error/@Message.ExtendedInfo"))
        .and_then(Value::as_array);
    info.into_iter()
        .flatten()
        .filter_map(|entry| entry.get("MessageId").and_then(Value::as_str))
        .any(|id| id.rsplit('.').next() == Some(message))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{
        cell::{Cell, RefCell},
        collections::BTreeMap,
    };

    use serde_json::json;

    use super::*;

    type Answers = dyn FnMut(&str, &str, Option<&Value>) -> (u16, Value);

    /// A service that answers with a function, and remembers what changed something: method, path, body.
    pub(crate) struct Scripted {
        pub(crate) asked: RefCell<Vec<(String, String, Value)>>,
        pub(crate) left: Cell<Duration>,
        pub(crate) notes: RefCell<BTreeMap<String, String>>,
        answers: RefCell<Box<Answers>>,
    }

    impl Scripted {
        /// The node is System 1, in Chassis 1, with Manager bmc.
        pub(crate) fn new(
            answers: impl FnMut(&str, &str, Option<&Value>) -> (u16, Value) + 'static,
        ) -> Self {
            Self {
                asked: RefCell::default(),
                left: Cell::new(Duration::from_secs(60)),
                notes: RefCell::default(),
                answers: RefCell::new(Box::new(answers)),
            }
        }

        /// A service with these resources, which does whatever it is asked and keeps nothing of it.
        pub(crate) fn with(resources: Value) -> Self {
            Self::new(move |method, path, _| match method {
                "GET" => match resources.get(path) {
                    Some(found) => (200, found.clone()),
                    None => (404, json!({})),
                },
                _ => (204, Value::Null),
            })
        }

        /// What was asked for: method and path with what was sent.
        pub(crate) fn changes(&self) -> Vec<(String, Value)> {
            let asked = self.asked.borrow();
            asked
                .iter()
                .filter(|(method, ..)| method != "GET")
                .map(|(method, path, body)| (format!("{method} {path}"), body.clone()))
                .collect()
        }
    }

    impl Service for Scripted {
        fn resources(&self) -> Result<NodeResources> {
            Ok(NodeResources {
                system: "/redfish/v1/Systems/1".to_owned(),
                chassis: vec!["/redfish/v1/Chassis/1".to_owned()],
                managers: vec!["/redfish/v1/Managers/bmc".to_owned()],
            })
        }

        fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Response> {
            let method = match method {
                Method::Get => "GET",
                Method::Post => "POST",
                Method::Patch => "PATCH",
                Method::Put => "PUT",
                Method::Delete => "DELETE",
            };
            self.asked.borrow_mut().push((
                method.to_owned(),
                path.to_owned(),
                body.cloned().unwrap_or_default(),
            ));
            let (status, body) = (self.answers.borrow_mut())(method, path, body);
            Ok(Response {
                status,
                headers: Vec::new(),
                body: (!body.is_null()).then_some(body),
            })
        }

        fn time_left(&self) -> Duration {
            self.left.get()
        }

        fn note(&self, key: &str) -> Result<Option<String>> {
            Ok(self.notes.borrow().get(key).cloned())
        }

        fn set_note(&self, key: &str, value: Option<&str>) -> Result<()> {
            let mut notes = self.notes.borrow_mut();
            match value {
                Some(value) => notes.insert(key.to_owned(), value.to_owned()),
                None => notes.remove(key),
            };
            Ok(())
        }

        fn mention(&self, _what: &dyn Display) {}

        fn pause(&self, duration: Duration) {
            self.left.set(self.left.get().saturating_sub(duration));
        }
    }

    /// An error body with this message.
    pub(crate) fn refusal(message: &str) -> Value {
        json!({"error": {"@Message.ExtendedInfo": [{"MessageId": format!("Base.1.8.{message}"), "Message": message}]}})
    }

    #[test]
    fn links_to_others_are_not_followed() {
        let own = NodeResources {
            system: "/redfish/v1/Systems/1".to_owned(),
            chassis: vec!["/redfish/v1/Chassis/1".to_owned()],
            managers: Vec::new(),
        };
        for path in [
            "/redfish/v1",
            "/redfish/v1/Systems/1",
            "/redfish/v1/Chassis/1/Thermal",
            "/redfish/v1/Registries/Bios.json",
        ] {
            assert!(is_own(&own, path), "{path}");
        }
        for path in [
            "/redfish/v1/Systems/10",
            "/redfish/v1/Systems",
            "/redfish/v1/Managers/bmc/VirtualMedia",
            "/redfish/v1/AccountService",
            "/",
        ] {
            assert!(!is_own(&own, path), "{path}");
        }
    }

    #[test]
    fn a_conflict_is_no_matter_of_time_unless_the_service_says_when() {
        let mut answer = Response {
            status: 409,
            headers: Vec::new(),
            body: Some(refusal("ActionParameterValueConflict")),
        };
        assert!(says(&answer, "ActionParameterValueConflict"));
        assert!(!says(&answer, "ValueConflict"));
        assert!(matches!(success(answer.clone()), Err(Error::Failed(_))));
        answer.headers = vec![("retry-after".to_owned(), "7".to_owned())];
        assert!(matches!(success(answer), Err(Error::Busy(busy)) if busy.retry_after == Some(7)));
    }

    #[test]
    fn what_is_not_there_is_told_from_what_failed() {
        let service = Scripted::new(|_, path, _| match path {
            "/none" => (404, json!({})),
            "/list" => (200, json!([])),
            _ => (500, json!({})),
        });
        assert_eq!(service.find("/none"), Ok(None));
        assert!(matches!(service.find("/broken"), Err(Error::Failed(_))));
        assert!(matches!(service.get("/list"), Err(Error::Protocol(_))));
    }
}
