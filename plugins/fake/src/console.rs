//! A console that nobody will ever see.

use ironbark_driver::{Console, ConsoleTarget, Result};

pub(crate) struct FakeConsole;

impl Console for FakeConsole {
    fn get_console(&self) -> Result<ConsoleTarget> {
        Ok(ConsoleTarget::url("https://fake.invalid/console"))
    }
}
