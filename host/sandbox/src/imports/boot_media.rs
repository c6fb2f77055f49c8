//! `boot-media`: what this node boots from, served by the host.

use std::sync::Arc;

use crate::audit::Operation;
use crate::bindings::ironbark::driver::boot_media::{Host, Image, Loader, Parameter, Purpose};
use crate::bindings::ironbark::driver::types::Error;
use crate::capabilities::{
    BootImage, BootLoader, BootMediaAccess, BootMedium, BootParameter, BootPurpose,
};
use crate::error::DriverError;
use crate::state::State;

/// The contract's bounds.
const MAX_PARAMETERS: usize = 256;
const MAX_NAME: usize = 255;
const MAX_VALUE: usize = 4096;
/// Longest URL that a driver is given.
const MAX_URL: usize = 2048;

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl Host for State {
    async fn publish_image(&mut self, purpose: Purpose, image: Image) -> Answer<String> {
        self.publish(Ok(BootMedium::Image(purpose.into(), image.into())))
            .await
    }

    async fn publish_boot_config(
        &mut self,
        purpose: Purpose,
        loader: Loader,
        parameters: Vec<Parameter>,
    ) -> Answer<String> {
        let medium = read_parameters(parameters)
            .map(|parameters| BootMedium::Config(purpose.into(), loader.into(), parameters));
        self.publish(medium).await
    }

    async fn publish_local_boot_config(&mut self, loader: Loader) -> Answer<String> {
        self.publish(Ok(BootMedium::LocalBoot(loader.into()))).await
    }

    async fn publish_boot_iso(
        &mut self,
        purpose: Purpose,
        parameters: Vec<Parameter>,
    ) -> Answer<String> {
        let medium = read_parameters(parameters)
            .map(|parameters| BootMedium::Iso(purpose.into(), parameters));
        self.publish(medium).await
    }

    async fn publish_config_drive(&mut self) -> Answer<String> {
        self.publish(Ok(BootMedium::ConfigDrive)).await
    }

    async fn withdraw(&mut self, purpose: Purpose) -> Answer<()> {
        self.withdraw_media(Some(purpose.into())).await
    }

    async fn withdraw_all(&mut self) -> Answer<()> {
        self.withdraw_media(None).await
    }
}

impl State {
    async fn publish(&mut self, medium: Result<BootMedium, DriverError>) -> Answer<String> {
        self.count_host_call()?;
        let url = match (self.boot_media_access(), medium) {
            (Err(error), _) | (_, Err(error)) => Err(error),
            (Ok(access), Ok(medium)) => {
                let limit = self.host_call_limit();
                self.on_io(limit, async move { access.publish(medium, limit).await })
                    .await
            }
        };
        let url = url.and_then(|url| {
            if url.len() <= MAX_URL {
                Ok(url)
            } else {
                Err(DriverError::Failed(
                    "the host's own URL is too long: shorten its settings".to_owned(),
                ))
            }
        });
        Ok(url.map_err(Error::from))
    }

    async fn withdraw_media(&mut self, purpose: Option<BootPurpose>) -> Answer<()> {
        self.count_host_call()?;
        let done = match self.boot_media_access() {
            Err(error) => Err(error),
            Ok(access) => {
                let limit = self.host_call_limit();
                self.on_io(limit, async move { access.withdraw(purpose, limit).await })
                    .await
            }
        };
        Ok(done.map_err(Error::from))
    }

    fn boot_media_access(&self) -> Result<Arc<dyn BootMediaAccess>, DriverError> {
        self.lent(
            "boot-media",
            |granted| granted.boot_media,
            &Operation::Capability("boot-media"),
            |capabilities| &capabilities.boot_media,
        )
    }
}

/// Checks parameters, so that they can't become others when they are joined.
fn read_parameters(parameters: Vec<Parameter>) -> Result<Vec<BootParameter>, DriverError> {
    if parameters.len() > MAX_PARAMETERS {
        return Err(DriverError::InvalidParameter(format!(
            "there are {} kernel parameters; at most {MAX_PARAMETERS} are accepted",
            parameters.len()
        )));
    }
    parameters
        .into_iter()
        .map(|parameter| {
            let Parameter { name, value } = parameter;
            let name_fits = (1..=MAX_NAME).contains(&name.len())
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && !b"=\"'\\".contains(&byte));
            let value_fits = value.as_ref().is_none_or(|value| {
                value.len() <= MAX_VALUE && !value.contains(|c: char| c.is_control() || c == '"')
            });
            if name_fits && value_fits {
                Ok(BootParameter { name, value })
            } else {
                Err(DriverError::InvalidParameter(format!(
                    "the kernel parameter {name:?} has characters that are not accepted, or is too long"
                )))
            }
        })
        .collect()
}

impl From<Purpose> for BootPurpose {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Deploy => Self::Deploy,
            Purpose::Rescue => Self::Rescue,
            Purpose::Inspection => Self::Inspection,
            Purpose::Instance => Self::Instance,
        }
    }
}

impl From<Image> for BootImage {
    fn from(image: Image) -> Self {
        match image {
            Image::Kernel => Self::Kernel,
            Image::Ramdisk => Self::Ramdisk,
            Image::Iso => Self::Iso,
        }
    }
}

impl From<Loader> for BootLoader {
    fn from(loader: Loader) -> Self {
        match loader {
            Loader::Pxe => Self::Pxe,
            Loader::Ipxe => Self::Ipxe,
            Loader::Http => Self::Http,
            Loader::HttpIpxe => Self::HttpIpxe,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(name: &str, value: Option<&str>) -> Vec<Parameter> {
        vec![Parameter {
            name: name.to_owned(),
            value: value.map(str::to_owned),
        }]
    }

    #[test]
    fn parameters_stay_the_parameters_that_they_are() {
        for (name, value) in [
            ("quiet", None),
            ("console", Some("ttyS0,115200")),
            ("root", Some("a b")),
        ] {
            assert!(read_parameters(parameter(name, value)).is_ok(), "{name}");
        }
        for (name, value) in [
            ("", None),
            ("a b", None),
            ("a=b", None),
            ("a\n", None),
            ("a", Some("b\nkernel http://evil")),
            ("a", Some("b\" init=/bin/sh \"")),
        ] {
            assert!(read_parameters(parameter(name, value)).is_err(), "{name:?}");
        }
    }
}
