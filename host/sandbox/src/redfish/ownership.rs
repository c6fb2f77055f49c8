//! What belongs to this node, and what to another one on the same service.
//!
//! Holds whatever the rules say. Below `Systems`, `Chassis` and `Managers` a driver gets at its own resources only; the collections
//! themselves name other nodes, and aren't read either. Collections are recognised in any spelling, since some services don't care about
//! case; identifiers only exactly, since others do.

use serde_json::Value;

use super::path::ResourcePath;
use crate::capabilities::RedfishResources;

const VERSION: &str = "v1";
/// Nested deeper than this, a body isn't looked at any more but refused.
const MAX_DEPTH: u32 = 64;

/// A kind of resource of which every node has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owned {
    System,
    Chassis,
    Manager,
}

/// The resources of one node, split into segments.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ownership {
    system: Vec<Own>,
    chassis: Vec<Own>,
    managers: Vec<Own>,
}

/// One of the node's resources.
#[derive(Clone, Debug)]
struct Own {
    path: String,
    segments: Vec<String>,
}

impl Own {
    /// Whether these segments are it, or lie below.
    fn holds(&self, segments: &[String]) -> bool {
        segments.starts_with(&self.segments)
    }
}

impl Ownership {
    /// Reads the paths that the host found; says which of them it can't use.
    pub(crate) fn new(resources: &RedfishResources) -> Result<Self, String> {
        let read = |path: &String| {
            read_own(path).ok_or_else(|| {
                format!("the service has a resource with a path that can't be judged: {path:?}")
            })
        };
        Ok(Self {
            system: vec![read(&resources.system)?],
            chassis: resources
                .chassis
                .iter()
                .map(read)
                .collect::<Result<_, _>>()?,
            managers: resources
                .managers
                .iter()
                .map(read)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Whether these segments, up to here, are exactly one of the node's resources of this kind.
    pub(crate) fn is(&self, kind: Owned, segments: &[String]) -> bool {
        self.all(kind).iter().any(|own| own.segments == segments)
    }

    /// Whether a request may be about this path; why not, for the operator.
    pub(crate) fn check(&self, path: &ResourcePath) -> Result<(), String> {
        self.check_segments(path.segments())?;
        if path.expands() && !self.is_within_own(path.segments()) {
            return Err("'$expand' is only accepted on this node's own resources".to_owned());
        }
        Ok(())
    }

    /// Whether a body names another node's resources, or what can't be judged.
    pub(crate) fn check_body(&self, body: &Value) -> Result<(), String> {
        self.check_value(body, false, 0)
    }

    /// The paths of the chassis and managers of the node that a request is about, by its path or by what its body names.
    pub(crate) fn touched<'a>(
        &'a self,
        path: &ResourcePath,
        body: Option<&Value>,
    ) -> impl Iterator<Item = &'a str> {
        let mut named = vec![path.segments().to_vec()];
        if let Some(body) = body {
            name_paths(body, &mut named);
        }
        let both = self.chassis.iter().chain(&self.managers);
        both.filter(move |own| named.iter().any(|segments| own.holds(segments)))
            .map(|own| own.path.as_str())
    }

    fn check_value(&self, value: &Value, is_link: bool, depth: u32) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err("the body is nested too deeply".to_owned());
        }
        match value {
            Value::Object(fields) => fields.iter().try_for_each(|(key, value)| {
                self.check_value(value, key.ends_with("@odata.id"), depth + 1)
            }),
            Value::Array(items) => items
                .iter()
                .try_for_each(|item| self.check_value(item, is_link, depth + 1)),
            Value::String(text) => self.check_text(text, is_link),
            _ => Ok(()),
        }
    }

    /// Looks for paths of the service in `text`, as leniently as a service might: what is found is judged.
    fn check_text(&self, text: &str, is_link: bool) -> Result<(), String> {
        let paths = lenient_paths(text);
        if is_link && paths.is_empty() {
            return Err(format!(
                "the body links to {text:?}, which is no path below /redfish"
            ));
        }
        paths.iter().try_for_each(|segments| {
            if segments.iter().any(|segment| segment == "..") {
                return Err("the body has a path with '..'".to_owned());
            }
            self.check_segments(segments)
                .map_err(|reason| format!("in the body: {reason}"))
        })
    }

    fn check_segments(&self, segments: &[String]) -> Result<(), String> {
        let [_, version, collection, rest @ ..] = segments else {
            return Ok(());
        };
        if version != VERSION {
            return Err("only version v1 of the service can be asked".to_owned());
        }
        let kind = match collection.to_ascii_lowercase().as_str() {
            "systems" => Owned::System,
            "chassis" => Owned::Chassis,
            "managers" => Owned::Manager,
            _ => return Ok(()),
        };
        let own = self.all(kind).iter().any(|own| own.holds(segments));
        match rest.first() {
            Some(_) if own => Ok(()),
            Some(id) => Err(format!("{collection}/{id} doesn't belong to this node")),
            None => Err(format!(
                "{collection} lists other nodes' resources as well: redfish.resources tells which are this node's"
            )),
        }
    }

    fn is_within_own(&self, segments: &[String]) -> bool {
        [Owned::System, Owned::Chassis, Owned::Manager]
            .into_iter()
            .flat_map(|kind| self.all(kind))
            .any(|own| own.holds(segments))
    }

    fn all(&self, kind: Owned) -> &[Own] {
        match kind {
            Owned::System => &self.system,
            Owned::Chassis => &self.chassis,
            Owned::Manager => &self.managers,
        }
    }
}

/// The segments of a resource of the node's: its path is canonical, and names one member of a collection and not all of them.
fn read_own(path: &str) -> Option<Own> {
    let read = ResourcePath::parse(path).ok()?;
    let is_plain = read.to_text() == path && !path.contains('?') && !path.ends_with('/');
    let is_member = matches!(read.segments(), [_, version, _, _, ..] if version == VERSION);
    (is_plain && is_member).then(|| Own {
        path: path.to_owned(),
        segments: read.segments().to_vec(),
    })
}

/// Adds the paths that a body names. It was [checked](Ownership::check_body): it isn't nested too deeply.
fn name_paths(body: &Value, named: &mut Vec<Vec<String>>) {
    match body {
        Value::Object(fields) => fields.values().for_each(|value| name_paths(value, named)),
        Value::Array(items) => items.iter().for_each(|item| name_paths(item, named)),
        Value::String(text) => named.extend(lenient_paths(text)),
        _ => {}
    }
}

/// The segments of every path below `/redfish` that a lenient service may see in `text`.
fn lenient_paths(text: &str) -> Vec<Vec<String>> {
    let mut text = text.to_owned();
    // Encoded twice or three times is still found.
    for _ in 0..3 {
        text = percent_encoding::percent_decode_str(&text)
            .decode_utf8_lossy()
            .into_owned();
    }
    let text = text.replace('\\', "/");
    text.to_ascii_lowercase()
        .match_indices("redfish/")
        .filter(|(at, _)| *at == 0 || text.get(..*at).is_some_and(|before| before.ends_with('/')))
        .filter_map(|(at, _)| text.get(at..)?.split(['#', '?']).next())
        .map(|path| {
            path.split('/')
                .map(|segment| segment.split(';').next().unwrap_or_default())
                .filter(|segment| !segment.is_empty() && *segment != ".")
                .map(str::to_owned)
                .collect()
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn own() -> Ownership {
        Ownership::new(&RedfishResources {
            system: "/redfish/v1/Systems/1".into(),
            chassis: vec!["/redfish/v1/Chassis/A".into()],
            managers: vec!["/redfish/v1/Managers/bmc".into()],
        })
        .unwrap()
    }

    fn allowed(path: &str) -> bool {
        ResourcePath::parse(path).is_ok_and(|path| own().check(&path).is_ok())
    }

    #[test]
    fn the_nodes_own_is_reached_and_nothing_beside_it() {
        for path in [
            "/redfish/v1",
            "/redfish/v1/Systems/1",
            "/redfish/v1/Systems/1/Bios",
            "/redfish/v1/Systems/1/Bios?$expand=.",
            "/redfish/v1/Chassis/A/Power",
            "/redfish/v1/Managers/bmc/VirtualMedia/1",
            "/redfish/v1/UpdateService",
        ] {
            assert!(allowed(path), "{path}");
        }
        for path in [
            "/redfish/v1/Systems",
            "/redfish/v1/Systems/",
            "/redfish/v1/Systems/2",
            "/redfish/v1/Systems/10",
            "/redfish/v1/systems/2",
            "/redfish/v1/SYSTEMS/1",
            "/redfish/v1/%53ystems/2",
            "/redfish/v1/Systems/1%20",
            "/redfish/v1/Chassis/a",
            "/redfish/v1/Chassis/1",
            "/redfish/v1/Managers/bmc2",
            "/redfish/V1/Systems/2",
            "/redfish/v2/Systems/2",
            "/redfish/v1?$expand=.",
            "/redfish/v1/UpdateService?$expand=.",
        ] {
            assert!(!allowed(path), "{path}");
        }
    }

    #[test]
    fn bodies_name_the_nodes_own_and_nothing_beside_it() {
        for body in [
            json!({"ResetType": "On"}),
            json!({"Image": "http://10.0.0.1/boot.iso"}),
            json!({"Targets": ["/redfish/v1/Systems/1"]}),
            json!({"Links": {"@odata.id": "/redfish/v1/Managers/bmc/VirtualMedia/1#/Oem"}}),
            json!({"Remark": "see the redfish/documentation"}),
            json!({"Image": "http://10.0.0.1/files/notredfish/v1/Systems/2"}),
        ] {
            assert_eq!(own().check_body(&body), Ok(()), "{body}");
        }
        for body in [
            json!({"Targets": ["/redfish/v1/Systems/1", "/redfish/v1/Systems/2"]}),
            json!({"Targets": ["https://bmc/redfish/v1/Systems/2"]}),
            json!({"Links": {"@odata.id": "/redfish/v1/Systems/2"}}),
            json!({"Links": {"@odata.id": "/redfish/v1/systems/2/"}}),
            json!({"Links": {"@odata.id": "/redfish/v1/%53ystems/2"}}),
            json!({"Links": {"@odata.id": "/redfish%252fv1/Systems/2"}}),
            json!({"Links": {"@odata.id": "/redfish//v1/./Systems/2"}}),
            json!({"Links": {"@odata.id": "\\redfish\\v1\\Systems\\2"}}),
            json!({"Links": {"@odata.id": "../2"}}),
            json!({"Members@odata.id": "Systems/2"}),
            json!({"Target": "/redfish/v1/Systems"}),
            json!({"Target": "/redfish/x/../v1/Systems/2"}),
            json!({"Target": "/redfish/v1/x/../Systems/2"}),
            json!({"Target": "http://x/redfish/v1/a https://bmc/redfish/v1/Systems/2"}),
        ] {
            assert!(own().check_body(&body).is_err(), "{body}");
        }
    }

    #[test]
    fn what_a_request_is_about_is_found_in_path_and_body() {
        let touched = |path: &str, body: Value| {
            let path = ResourcePath::parse(path).unwrap();
            let own = own();
            own.check_body(&body).unwrap();
            own.touched(&path, Some(&body))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let (chassis, manager) = ("/redfish/v1/Chassis/A", "/redfish/v1/Managers/bmc");
        assert_eq!(
            touched("/redfish/v1/Systems/1/Bios", json!({"a": [1, "b"]})),
            [""; 0]
        );
        assert_eq!(touched("/redfish/v1/%43hassis/A/", json!({})), [chassis]);
        let action = "/redfish/v1/Managers/bmc/VirtualMedia/1/Actions/VirtualMedia.EjectMedia";
        assert_eq!(touched(action, json!({})), [manager]);
        let update = "/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate";
        for target in [
            "/redfish/v1/Managers/bmc",
            "https://bmc/redfish//v1/Managers/%62mc#/x",
        ] {
            assert_eq!(
                touched(update, json!({"Targets": [target]})),
                [manager],
                "{target}"
            );
        }
        let both = json!({"Links": {"Chassis": [{"@odata.id": chassis}], "ManagedBy": [{"@odata.id": manager}]}});
        assert_eq!(touched("/redfish/v1/Systems/1", both), [chassis, manager]);
    }

    #[test]
    fn resources_that_cannot_be_judged_are_refused() {
        for path in [
            "/redfish/v1/Systems/%31",
            "/redfish/v1/Systems/..",
            "/redfish/v1/Systems/1/",
            "/redfish/v1/Systems/1?only",
            "/redfish/v1/Systems",
            "/redfish/v1",
            "/redfish",
            "",
        ] {
            let resources = RedfishResources {
                system: path.into(),
                ..RedfishResources::default()
            };
            assert!(Ownership::new(&resources).is_err(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_path_leads_to_another_system(
            collection in "(?i)(systems|chassis|managers)",
            id in "[A-Za-z0-9.%-]{1,6}",
            rest in "(/[A-Za-z%0-9.]{0,8}){0,3}",
        ) {
            if let Ok(path) = ResourcePath::parse(&format!("/redfish/v1/{collection}/{id}{rest}"))
                && own().check(&path).is_ok()
            {
                let sent = path.to_text();
                let mine = ["/redfish/v1/Systems/1", "/redfish/v1/Chassis/A", "/redfish/v1/Managers/bmc"]
                    .iter()
                    .any(|own| sent == *own || sent.strip_prefix(own).is_some_and(|rest| rest.starts_with('/')));
                prop_assert!(mine, "{}", sent);
            }
        }
    }
}
