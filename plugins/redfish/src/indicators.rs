//! Indicators: the LEDs of the System, its chassis and its drives, as `IndicatorLED` or the newer `LocationIndicatorActive`.

use ironbark_driver::{Error, Result};
use serde_json::{Map, Value, json};

use crate::{
    resource::{last_segment, links, text},
    service::{Resource, Service},
    system::System,
};

/// Names of states, and what `IndicatorLED` calls them.
const STATES: &[(&str, &str)] = &[("on", "Lit"), ("off", "Off"), ("blinking", "Blinking")];

/// One resource that may have an indicator.
struct Place {
    component: &'static str,
    id: String,
    path: String,
    resource: Resource,
}

impl Place {
    fn states(&self) -> Option<&'static [&'static str]> {
        if self.resource.contains_key("IndicatorLED") {
            Some(&["blinking", "off", "on"])
        } else if self.resource.contains_key("LocationIndicatorActive") {
            Some(&["off", "on"])
        } else {
            None
        }
    }
}

/// Indicators of one component, or of all: `{"<component>": {"<id>": {"readonly": …, "states": […]}}}`.
///
/// # Errors
/// `invalid-parameter` if there is no such component.
pub(crate) fn supported(service: &impl Service, component: Option<&str>) -> Result<Value> {
    let mut found = Map::new();
    for place in places(service, component)? {
        let Some(states) = place.states() else {
            continue;
        };
        let of_component = found
            .entry(place.component)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(of_component) = of_component {
            let described = json!({"readonly": false, "states": states});
            of_component.insert(place.id, described);
        }
    }
    Ok(Value::Object(found))
}

/// An indicator's state: `on`, `off`, `blinking` or `unknown`.
///
/// # Errors
/// `invalid-parameter` if there is no such indicator.
pub(crate) fn get(service: &impl Service, component: &str, id: &str) -> Result<String> {
    let place = find(service, component, id)?;
    let active = place.resource.get("LocationIndicatorActive");
    let state = match text(&place.resource, "IndicatorLED") {
        Some(led) => STATES.iter().find(|(_, value)| *value == led),
        None => match active.and_then(Value::as_bool) {
            Some(true) => STATES.iter().find(|(name, _)| *name == "on"),
            Some(false) => STATES.iter().find(|(name, _)| *name == "off"),
            None => None,
        },
    };
    Ok(state.map_or("unknown", |(name, _)| name).to_owned())
}

/// Sets an indicator.
///
/// # Errors
/// `invalid-parameter` if there is no such indicator, or it has no such state.
pub(crate) fn set(service: &impl Service, component: &str, id: &str, state: &str) -> Result<()> {
    let place = find(service, component, id)?;
    let states = place.states().unwrap_or_default();
    let value = STATES.iter().find(|(name, _)| *name == state);
    let Some((_, value)) = value.filter(|_| states.contains(&state)) else {
        return Err(Error::invalid_parameter(format!(
            "the indicator '{id}' can't be '{state}': it must be one of {}",
            states.join(", ")
        )));
    };
    let body = if place.resource.contains_key("IndicatorLED") {
        json!({"IndicatorLED": value})
    } else {
        json!({"LocationIndicatorActive": state == "on"})
    };
    service.patch(&place.path, &body)
}

fn find(service: &impl Service, component: &str, id: &str) -> Result<Place> {
    places(service, Some(component))?
        .into_iter()
        .find(|place| place.id == id && place.states().is_some())
        .ok_or_else(|| {
            Error::invalid_parameter(format!(
                "the component '{component}' has no indicator '{id}'"
            ))
        })
}

fn places(service: &impl Service, component: Option<&str>) -> Result<Vec<Place>> {
    let wanted = |name| component.is_none_or(|component| component == name);
    let mut found = Vec::new();
    if wanted("system") {
        let system = System::read(service)?;
        found.push(place("system", system.path, system.resource));
    }
    if wanted("chassis") {
        for path in service.resources()?.chassis {
            if let Some(resource) = service.find(&path)? {
                found.push(place("chassis", path, resource));
            }
        }
    }
    if wanted("disk") {
        drives(service, &mut found)?;
    }
    // A component that this driver doesn't know has none; the API knows which there are.
    Ok(found)
}

/// Drives are named by their storage, as two may be called alike: `storage:drive`.
fn drives(service: &impl Service, found: &mut Vec<Place>) -> Result<()> {
    let path = System::read(service)?.part("Storage");
    let Some(collection) = service.find(&path)? else {
        return Ok(());
    };
    for storage in links(&collection, "Members") {
        let Some(of_storage) = service.find(&storage)? else {
            continue;
        };
        for path in links(&of_storage, "Drives") {
            // Drives of a JBOD may be in a chassis that isn't the node's: they aren't found.
            if let Some(resource) = service.find(&path)? {
                let mut drive = place("disk", path, resource);
                drive.id = format!("{}:{}", last_segment(&storage), drive.id);
                found.push(drive);
            }
        }
    }
    Ok(())
}

fn place(component: &'static str, path: String, resource: Resource) -> Place {
    let id = text(&resource, "Id").unwrap_or_else(|| last_segment(&path));
    Place {
        component,
        id: id.to_owned(),
        path,
        resource,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::tests::Scripted;

    fn machine() -> Scripted {
        let storage = "/redfish/v1/Systems/1/Storage";
        Scripted::with(json!({
            "/redfish/v1/Systems/1": {"Id": "1", "IndicatorLED": "Blinking"},
            "/redfish/v1/Chassis/1": {"Id": "box", "LocationIndicatorActive": true},
            storage: {"Members": [{"@odata.id": format!("{storage}/A")}]},
            format!("{storage}/A"): {"Drives": [{"@odata.id": format!("{storage}/A/Drives/0")}, {"@odata.id": format!("{storage}/A/Drives/1")}]},
            format!("{storage}/A/Drives/0"): {"IndicatorLED": "Off"},
            format!("{storage}/A/Drives/1"): {},
        }))
    }

    #[test]
    fn what_has_one_is_listed() {
        assert_eq!(
            supported(&machine(), None).unwrap(),
            json!({
                "system": {"1": {"readonly": false, "states": ["blinking", "off", "on"]}},
                "chassis": {"box": {"readonly": false, "states": ["off", "on"]}},
                "disk": {"A:0": {"readonly": false, "states": ["blinking", "off", "on"]}},
            })
        );
        let chassis = supported(&machine(), Some("chassis")).unwrap();
        assert_eq!(chassis.as_object().unwrap().len(), 1);
        assert_eq!(supported(&machine(), Some("nic")).unwrap(), json!({}));
    }

    #[test]
    fn both_kinds_are_read_and_set() {
        let service = machine();
        assert_eq!(get(&service, "system", "1").unwrap(), "blinking");
        assert_eq!(get(&service, "chassis", "box").unwrap(), "on");
        set(&service, "disk", "A:0", "on").unwrap();
        set(&service, "chassis", "box", "off").unwrap();
        assert_eq!(
            service.changes(),
            [
                (
                    "PATCH /redfish/v1/Systems/1/Storage/A/Drives/0".to_owned(),
                    json!({"IndicatorLED": "Lit"})
                ),
                (
                    "PATCH /redfish/v1/Chassis/1".to_owned(),
                    json!({"LocationIndicatorActive": false})
                ),
            ]
        );
    }

    #[test]
    fn what_is_not_there_is_told() {
        for (component, id, state) in [
            ("system", "2", "on"),
            ("disk", "A:1", "on"),
            ("chassis", "box", "blinking"),
            ("system", "1", "green"),
        ] {
            let service = machine();
            let error = set(&service, component, id, state).unwrap_err();
            assert!(matches!(error, Error::InvalidParameter(_)), "{error:?}");
            assert!(service.changes().is_empty());
        }
    }
}
