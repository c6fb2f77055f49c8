//! Deployment and booting that succeed at once.

use ironbark_driver::{Boot, Deploy, Outcome, Result};

pub(crate) struct FakeDeploy;

impl Deploy for FakeDeploy {
    fn deploy(&self, _cursor: Option<&str>) -> Result<Outcome> {
        Ok(Outcome::Done)
    }

    fn tear_down(&self, _cursor: Option<&str>) -> Result<Outcome> {
        Ok(Outcome::Done)
    }
}

pub(crate) struct FakeBoot;

impl Boot for FakeBoot {
    fn prepare_ramdisk(&self, _parameters: &str) -> Result<()> {
        Ok(())
    }

    fn prepare_instance(&self) -> Result<()> {
        Ok(())
    }

    fn validate_rescue(&self) -> Result<()> {
        Ok(())
    }

    fn validate_inspection(&self) -> Result<()> {
        Ok(())
    }
}
