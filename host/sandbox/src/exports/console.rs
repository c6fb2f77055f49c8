//! `console`.

use super::{call, checked};
use crate::bindings::exports::ironbark::driver::console::Target;
use crate::{CallContext, CallError, Completed, Driver};

/// Longest location of a console, in bytes (the contract's bound).
const MAX_LOCATION: usize = 2048;

/// Where a console is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsoleTarget {
    /// Serial over LAN of the node's own BMC.
    IpmiSol,
    /// What the SSH template of this name prints and reads.
    Ssh(String),
    /// A page that the machine serves itself.
    Url(String),
}

impl Driver {
    /// Whether the node has what its console implementation needs.
    pub async fn console_validate(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, console.call_validate())
    }

    /// Makes the console ready.
    pub async fn start_console(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, console.call_start_console())
    }

    /// Ends what `start_console` began.
    pub async fn stop_console(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, console.call_stop_console())
    }

    /// Where the console is.
    pub async fn get_console(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<ConsoleTarget>, CallError> {
        let completed = call!(self, context, implementation, console.call_get_console());
        checked!(self, completed, target)
    }
}

fn target(target: Target) -> Result<ConsoleTarget, String> {
    let location = target.location.filter(|text| !text.is_empty());
    if location
        .as_ref()
        .is_some_and(|text| text.len() > MAX_LOCATION)
    {
        return Err(format!(
            "the console's location is longer than {MAX_LOCATION} bytes"
        ));
    }
    match (target.kind.as_str(), location) {
        ("ipmi-sol", None) => Ok(ConsoleTarget::IpmiSol),
        ("ssh", Some(template)) => Ok(ConsoleTarget::Ssh(template)),
        ("url", Some(url)) if is_console_url(&url) => Ok(ConsoleTarget::Url(url)),
        (kind, location) => Err(format!(
            "the console of kind {kind:?} at {location:?} is none that this version knows"
        )),
    }
}

/// It is shown in a browser: nothing but these schemes, and no credentials before the host's name.
fn is_console_url(url: &str) -> bool {
    let rest = ["http://", "https://", "ws://", "wss://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    let visible = url.bytes().all(|byte| byte.is_ascii_graphic());
    rest.is_some_and(|rest| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        visible && !authority.is_empty() && !authority.contains(['@', '\\'])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, location: Option<&str>) -> Result<ConsoleTarget, String> {
        target(Target {
            kind: kind.to_owned(),
            location: location.map(str::to_owned),
        })
    }

    #[test]
    fn known_targets_are_read() {
        assert_eq!(read("ipmi-sol", None), Ok(ConsoleTarget::IpmiSol));
        assert_eq!(
            read("ssh", Some("console")),
            Ok(ConsoleTarget::Ssh("console".to_owned()))
        );
        let url = "https://10.0.0.1/console?id=1";
        assert_eq!(
            read("url", Some(url)),
            Ok(ConsoleTarget::Url(url.to_owned()))
        );
    }

    #[test]
    fn others_are_refused() {
        for (kind, location) in [
            ("telnet", Some("10.0.0.1")),
            ("ssh", None),
            ("url", Some("javascript:alert(1)")),
            ("url", Some("https://user:password@bmc/")),
            ("url", Some("https:///x")),
            ("url", Some("https://a b")),
        ] {
            assert!(read(kind, location).is_err(), "{kind} {location:?}");
        }
    }
}
