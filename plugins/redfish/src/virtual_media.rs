//! Virtual media (DSP0268, VirtualMedia): those of the System, or else of what manages it.

use ironbark_driver::{Error, Result, redfish::Method};
use serde_json::{Map, Value, json};

use crate::{
    resource::{link, links, text, text_at, texts},
    service::{Resource, Service, says, success},
    system::System,
};

/// Types of devices, and what Redfish calls the media that they take, the best first.
const TYPES: &[(&str, &[&str])] = &[
    ("cdrom", &["CD", "DVD"]),
    ("disk", &["USBStick"]),
    ("floppy", &["Floppy", "USBStick"]),
];
/// Messages by which services say that they need to be told more.
const WANTS_MORE: &[&str] = &["ActionParameterMissing", "PropertyMissing"];

/// One device.
struct Device {
    path: String,
    resource: Resource,
}

impl Device {
    fn takes(&self, media: &str) -> bool {
        texts(&self.resource, "MediaTypes")
            .is_some_and(|types| types.iter().any(|known| known == media))
    }

    fn is_inserted(&self) -> bool {
        let inserted = self.resource.get("Inserted").and_then(Value::as_bool);
        inserted.unwrap_or_else(|| text(&self.resource, "Image").is_some_and(|url| !url.is_empty()))
    }

    fn action(&self, name: &str) -> Option<&str> {
        text_at(
            &self.resource,
            &format!("Actions/#VirtualMedia.{name}/target"),
        )
    }
}

/// Checks that there are devices of this type.
///
/// # Errors
/// `invalid-parameter` if there are none.
pub(crate) fn check_type(name: &str) -> Result<()> {
    media_of(name).map(drop)
}

/// All devices: `[{"media_types": […], "inserted": …, "image": …}]`.
///
/// # Errors
/// `unsupported` if the machine has none.
pub(crate) fn list(service: &impl Service) -> Result<Value> {
    let shown = devices(service)?.into_iter().map(|device| {
        json!({
            "media_types": texts(&device.resource, "MediaTypes").unwrap_or_default(),
            "inserted": device.is_inserted(),
            "image": text(&device.resource, "Image").filter(|url| !url.is_empty()),
        })
    });
    Ok(shown.collect())
}

/// Puts an image into the first device of this type that takes it; what was in it is ejected.
///
/// # Errors
/// `unsupported` if the machine has no such device, or what the last of them says.
pub(crate) fn attach(service: &impl Service, device_type: &str, url: &str) -> Result<()> {
    let media = media_of(device_type)?;
    let devices = devices(service)?;
    let mut refused = None;
    for device in media
        .iter()
        .flat_map(|media| devices.iter().filter(|device| device.takes(media)))
    {
        if device.is_inserted() {
            eject(service, device)?;
        }
        match insert(service, device, url) {
            // Not this one, perhaps the next.
            Err(error @ (Error::InvalidParameter(_) | Error::Unsupported(_))) => {
                refused = Some(error);
            }
            other => return other,
        }
    }
    Err(refused.unwrap_or_else(|| {
        Error::unsupported(format!(
            "the machine has no virtual device of type '{device_type}'"
        ))
    }))
}

/// Ejects what is in devices of these types; in any, if there are no types.
///
/// # Errors
/// `unsupported` if the machine has none, or what the service says.
pub(crate) fn detach(service: &impl Service, device_types: &[String]) -> Result<()> {
    let mut media: Vec<&str> = Vec::new();
    for name in device_types {
        media.extend(media_of(name)?);
    }
    for device in devices(service)? {
        let meant = media.is_empty() || media.iter().any(|media| device.takes(media));
        if meant && device.is_inserted() {
            eject(service, &device)?;
        }
    }
    Ok(())
}

fn media_of(name: &str) -> Result<&'static [&'static str]> {
    let found = TYPES.iter().find(|(known, _)| *known == name);
    found.map(|(_, media)| *media).ok_or_else(|| {
        let known: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
        Error::invalid_parameter(format!(
            "there are no virtual devices of type '{name}': it must be one of {}",
            known.join(", ")
        ))
    })
}

fn devices(service: &impl Service) -> Result<Vec<Device>> {
    let of_system = link(&System::read(service)?.resource, "VirtualMedia");
    let mut found = members(service, of_system)?;
    if found.is_empty() {
        for manager in service.resources()?.managers {
            let manager = service.find(&manager)?.unwrap_or_default();
            found.extend(members(service, link(&manager, "VirtualMedia"))?);
        }
    }
    if found.is_empty() {
        return Err(Error::unsupported("the machine has no virtual media"));
    }
    Ok(found)
}

fn members(service: &impl Service, collection: Option<String>) -> Result<Vec<Device>> {
    let Some(path) = collection else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for path in links(&service.find(&path)?.unwrap_or_default(), "Members") {
        if let Some(resource) = service.find(&path)? {
            found.push(Device { path, resource });
        }
    }
    Ok(found)
}

fn insert(service: &impl Service, device: &Device, url: &str) -> Result<()> {
    let mut body = Map::new();
    body.insert("Image".to_owned(), url.into());
    let (method, path) = match device.action("InsertMedia") {
        Some(target) => (Method::Post, target),
        None => {
            body.insert("Inserted".to_owned(), true.into());
            body.insert("WriteProtected".to_owned(), true.into());
            (Method::Patch, device.path.as_str())
        }
    };
    let answer = service.request(method, path, Some(&Value::Object(body.clone())))?;
    let wants_more =
        answer.status == 400 && WANTS_MORE.iter().any(|message| says(&answer, message));
    if !wants_more {
        return success(answer).map(drop);
    }
    let protocol = if url.starts_with("https:") {
        "HTTPS"
    } else {
        "HTTP"
    };
    body.insert("TransferProtocolType".to_owned(), protocol.into());
    body.insert("TransferMethod".to_owned(), "Stream".into());
    success(service.request(method, path, Some(&Value::Object(body)))?).map(drop)
}

fn eject(service: &impl Service, device: &Device) -> Result<()> {
    match device.action("EjectMedia") {
        Some(target) => service.post(target, &json!({})),
        None => service.patch(&device.path, &json!({"Image": null, "Inserted": false})),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::tests::{Scripted, refusal};

    const CD: &str = "/redfish/v1/Managers/bmc/VirtualMedia/Cd";
    const USB: &str = "/redfish/v1/Managers/bmc/VirtualMedia/Usb";
    const URL: &str = "http://192.0.2.1/boot.iso";

    fn resources(cd: Value) -> Value {
        json!({
            "/redfish/v1/Systems/1": {},
            "/redfish/v1/Managers/bmc": {"VirtualMedia": {"@odata.id": "/redfish/v1/Managers/bmc/VirtualMedia"}},
            "/redfish/v1/Managers/bmc/VirtualMedia": {"Members": [{"@odata.id": CD}, {"@odata.id": USB}]},
            CD: cd,
            USB: {"MediaTypes": ["USBStick"], "Inserted": false, "Image": null},
        })
    }

    fn cd(inserted: bool) -> Value {
        json!({"MediaTypes": ["CD", "DVD"], "Inserted": inserted, "Image": if inserted { "http://old" } else { "" }, "Actions": {
            "#VirtualMedia.InsertMedia": {"target": format!("{CD}/Actions/VirtualMedia.InsertMedia")},
            "#VirtualMedia.EjectMedia": {"target": format!("{CD}/Actions/VirtualMedia.EjectMedia")},
        }})
    }

    fn eject_cd() -> (String, Value) {
        (
            format!("POST {CD}/Actions/VirtualMedia.EjectMedia"),
            json!({}),
        )
    }

    #[test]
    fn an_image_goes_into_the_device_of_its_type_and_what_was_there_comes_out() {
        let service = Scripted::with(resources(cd(true)));
        attach(&service, "cdrom", URL).unwrap();
        let insert = (
            format!("POST {CD}/Actions/VirtualMedia.InsertMedia"),
            json!({"Image": URL}),
        );
        assert_eq!(service.changes(), [eject_cd(), insert]);

        let service = Scripted::with(resources(cd(false)));
        attach(&service, "disk", URL).unwrap();
        let patch = json!({"Image": URL, "Inserted": true, "WriteProtected": true});
        assert_eq!(service.changes(), [(format!("PATCH {USB}"), patch)]);
    }

    #[test]
    fn a_service_that_wants_to_be_told_more_is_told() {
        let found = resources(cd(false));
        let service = Scripted::new(move |method, path, body| match method {
            "GET" => (200, found.get(path).cloned().unwrap_or_default()),
            _ if body.is_some_and(|body| body.get("TransferMethod").is_none()) => {
                (400, refusal("ActionParameterMissing"))
            }
            _ => (204, Value::Null),
        });
        attach(&service, "cdrom", URL).unwrap();
        let (_, sent) = service.changes().pop().unwrap();
        assert_eq!(sent["TransferProtocolType"], "HTTP");
    }

    #[test]
    fn only_what_is_inserted_is_ejected() {
        let service = Scripted::with(resources(cd(true)));
        detach(&service, &[]).unwrap();
        assert_eq!(service.changes(), [eject_cd()]);
        let service = Scripted::with(resources(cd(true)));
        detach(&service, &["disk".to_owned()]).unwrap();
        assert!(service.changes().is_empty());
        assert!(detach(&service, &["tape".to_owned()]).is_err());
    }

    #[test]
    fn devices_are_shown_as_the_contract_says() {
        let service = Scripted::with(resources(cd(true)));
        assert_eq!(
            list(&service).unwrap(),
            json!([
                {"media_types": ["CD", "DVD"], "inserted": true, "image": "http://old"},
                {"media_types": ["USBStick"], "inserted": false, "image": null},
            ])
        );
        let none = Scripted::with(json!({"/redfish/v1/Systems/1": {}}));
        assert!(matches!(list(&none), Err(Error::Unsupported(_))));
    }
}
