//! Boot devices: a command for each, and what libvirt's `<boot dev="…"/>` says is set.

use ironbark_driver::{BootDevice, Error, Result};

use crate::hypervisor::Hypervisor;

/// Our names, libvirt's, and the command that sets the device.
const DEVICES: [(&str, &str, &str); 3] = [
    ("pxe", "network", "boot-device-pxe"),
    ("disk", "hd", "boot-device-disk"),
    ("cdrom", "cdrom", "boot-device-cdrom"),
];

/// The devices that can be set.
pub(crate) fn supported() -> Vec<String> {
    DEVICES
        .iter()
        .map(|(name, ..)| (*name).to_owned())
        .collect()
}

/// Sets the device, from the next start on. libvirt has none for just one boot, so that it always stays until the next one is set.
pub(crate) fn set(hypervisor: &impl Hypervisor, device: &str) -> Result<()> {
    let Some((.., template)) = DEVICES.iter().find(|(name, ..)| *name == device) else {
        let known = supported().join(", ");
        return Err(Error::invalid_parameter(format!(
            "{device:?} is no boot device of this machine: {known} are"
        )));
    };
    hypervisor.run(template).map(drop)
}

/// The device that is set; none if the machine says so in a way that isn't known.
pub(crate) fn get(hypervisor: &impl Hypervisor) -> Result<BootDevice> {
    let text = hypervisor.run("boot-device")?;
    let device = first(&text)
        .and_then(|dev| DEVICES.iter().find(|(_, libvirts, _)| *libvirts == dev))
        .map(|(name, ..)| (*name).to_owned());
    let persistent = device.is_some().then_some(true);
    Ok(BootDevice { device, persistent })
}

/// The `dev` of the first element `boot` that has one.
fn first(text: &str) -> Option<&str> {
    text.split('<').find_map(|element| {
        let rest = element.strip_prefix("boot")?;
        let rest = rest.trim_start().strip_prefix("dev")?;
        let rest = rest.trim_start().strip_prefix('=')?.trim_start();
        let quote = rest.chars().next().filter(|quote| "'\"".contains(*quote))?;
        let (dev, _) = rest.strip_prefix(quote)?.split_once(quote)?;
        Some(dev)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypervisor::tests::Scripted;

    fn read(text: &'static str) -> (Option<String>, Option<bool>) {
        let hypervisor = Scripted::new(move |_| Ok(text.to_owned()));
        let BootDevice { device, persistent } = get(&hypervisor).unwrap();
        assert_eq!(*hypervisor.run.borrow(), ["boot-device"]);
        (device, persistent)
    }

    #[test]
    fn the_first_device_counts() {
        for (text, expected) in [
            ("<boot dev=\"network\"/>\n<boot dev=\"hd\"/>\n", "pxe"),
            ("<boot dev='hd'/>", "disk"),
            (
                "<os>\n <bootmenu enable='yes'/>\n <boot dev='cdrom'/></os>",
                "cdrom",
            ),
        ] {
            assert_eq!(
                read(text),
                (Some(expected.to_owned()), Some(true)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_device_that_has_no_name_here_is_not_known() {
        for text in [
            "",
            "<boot dev='fd'/>",
            "<boot order='1'/>",
            "<boot dev=hd/>",
            "<boot dev='hd",
        ] {
            assert_eq!(read(text), (None, None), "{text}");
        }
    }

    #[test]
    fn each_device_has_its_command() {
        for device in supported() {
            let hypervisor = Scripted::new(|_| Ok(String::new()));
            set(&hypervisor, &device).unwrap();
            assert_eq!(*hypervisor.run.borrow(), [format!("boot-device-{device}")]);
        }
        let hypervisor = Scripted::new(|_| Ok(String::new()));
        let error = set(&hypervisor, "safe").unwrap_err();
        assert!(matches!(error, Error::InvalidParameter(text) if text.contains("cdrom")));
        assert!(hypervisor.run.borrow().is_empty());
    }
}
