//! The machine's serial console, as its BMC passes it on. It is called as operators know it; no `socat` is used.

use ironbark_driver::{Console, ConsoleTarget, Result};

pub(crate) struct SerialOverLan;

impl Console for SerialOverLan {
    fn get_console(&self) -> Result<ConsoleTarget> {
        Ok(ConsoleTarget::ipmi_sol())
    }
}
