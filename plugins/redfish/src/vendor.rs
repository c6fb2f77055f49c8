//! Vendor methods, and the steps of management.

use ironbark_driver::{Error, Outcome, Request, Result, Step, Steps, Vendor};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    secure_boot::{Keys, reset_keys},
    service::Host,
    virtual_media,
};

#[derive(Deserialize)]
struct EjectMedia {
    #[serde(default)]
    boot_device: Option<Value>,
}

pub(crate) struct RedfishVendor;

impl Vendor for RedfishVendor {
    fn validate(&self, request: &Request) -> Result<()> {
        media_to_eject(request).map(drop)
    }

    fn call(&self, request: &Request) -> Result<Value> {
        virtual_media::detach(&Host, &media_to_eject(request)?)?;
        Ok(Value::Null)
    }
}

pub(crate) struct RedfishSteps;

impl Steps for RedfishSteps {
    fn execute_step(&self, step: &Step, _cursor: Option<&str>) -> Result<Outcome> {
        let keys = match (step.interface.as_str(), step.name.as_str()) {
            ("management", "reset_secure_boot_keys_to_default") => Keys::Default,
            ("management", "clear_secure_boot_keys") => Keys::Cleared,
            _ => return step.unknown(),
        };
        reset_keys(&Host, keys)?;
        Ok(Outcome::Done)
    }
}

/// Types of devices that `eject_vmedia` is about; none for all.
fn media_to_eject(request: &Request) -> Result<Vec<String>> {
    if request.method != "eject_vmedia" {
        return request.unknown_method();
    }
    match request.read::<EjectMedia>()?.boot_device {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(name)) => {
            virtual_media::check_type(&name)?;
            Ok(vec![name])
        }
        Some(_) => Err(Error::invalid_parameter(
            "'boot_device' must be cdrom, disk or floppy",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, body: &str) -> Result<Vec<String>> {
        media_to_eject(&Request {
            method: method.to_owned(),
            http_method: "POST".to_owned(),
            body: body.to_owned(),
        })
    }

    #[test]
    fn all_media_or_those_of_one_type_are_ejected() {
        assert_eq!(read("eject_vmedia", "{}"), Ok(Vec::new()));
        assert_eq!(
            read("eject_vmedia", r#"{"boot_device": null}"#),
            Ok(Vec::new())
        );
        assert_eq!(
            read("eject_vmedia", r#"{"boot_device": "cdrom"}"#),
            Ok(vec!["cdrom".to_owned()])
        );
        for body in [r#"{"boot_device": "tape"}"#, r#"{"boot_device": 1}"#, "[1]"] {
            let error = read("eject_vmedia", body).unwrap_err();
            assert!(matches!(error, Error::InvalidParameter(_)), "{body}");
        }
        assert!(matches!(read("explode", "{}"), Err(Error::Unsupported(_))));
    }
}
