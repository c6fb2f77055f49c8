//! Virtual media: three drives, each of which has what was attached last.

use std::collections::BTreeMap;

use ironbark_driver::{Error, Result, state};
use serde_json::{Value, json};

const NOTE: &str = "virtual_media";

/// Types of devices, and what each reads.
const DEVICES: &[(&str, &[&str])] = &[
    ("cdrom", &["CD", "DVD"]),
    ("disk", &["USBStick"]),
    ("floppy", &["Floppy"]),
];

/// Images by device.
type Attached = BTreeMap<String, String>;

/// What is where.
pub(crate) fn list() -> Result<Value> {
    Ok(describe(&attached()?))
}

pub(crate) fn attach(device_type: &str, image_url: &str) -> Result<()> {
    let mut now = attached()?;
    now.insert(known(device_type)?.to_owned(), image_url.to_owned());
    state::set(NOTE, &now)
}

/// Empties these devices, or all if none is named. An empty one stays empty.
pub(crate) fn detach(device_types: &[String]) -> Result<()> {
    let mut now = attached()?;
    remove(&mut now, device_types)?;
    state::set(NOTE, &now)
}

fn attached() -> Result<Attached> {
    Ok(state::get(NOTE)?.unwrap_or_default())
}

fn describe(attached: &Attached) -> Value {
    let devices = DEVICES.iter().map(|(device, media_types)| {
        let image = attached.get(*device);
        json!({
            "media_types": media_types,
            "inserted": image.is_some(),
            "image": image.map(String::as_str).unwrap_or_default(),
        })
    });
    Value::Array(devices.collect())
}

fn remove(attached: &mut Attached, device_types: &[String]) -> Result<()> {
    if device_types.is_empty() {
        attached.clear();
    }
    for device in device_types {
        attached.remove(known(device)?);
    }
    Ok(())
}

fn known(device_type: &str) -> Result<&'static str> {
    DEVICES
        .iter()
        .map(|(device, _)| *device)
        .find(|device| *device == device_type)
        .ok_or_else(|| {
            Error::invalid_parameter(format!(
                "there is no virtual media device of type '{device_type}'"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_attached_is_shown_until_it_is_detached() {
        let mut now = Attached::from([
            ("cdrom".to_owned(), "http://files/a.iso".to_owned()),
            ("disk".to_owned(), "http://files/b.img".to_owned()),
        ]);
        let shown = describe(&now);
        assert_eq!(
            shown[0],
            json!({"media_types": ["CD", "DVD"], "inserted": true, "image": "http://files/a.iso"})
        );
        assert_eq!(shown[2]["inserted"], json!(false));
        remove(&mut now, &["cdrom".to_owned()]).unwrap();
        assert_eq!(describe(&now)[0]["image"], json!(""));
        remove(&mut now, &[]).unwrap();
        assert!(now.is_empty());
    }

    #[test]
    fn other_devices_are_unknown() {
        assert!(known("tape").is_err());
        assert!(remove(&mut Attached::new(), &["tape".to_owned()]).is_err());
    }
}
