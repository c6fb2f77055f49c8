//! Networks, volumes and rescue that succeed at once. VIFs are remembered.

use ironbark_driver::{BoundPort, Error, Network, Outcome, Rescue, Result, Storage, state};
use serde_json::Value;

const NOTE: &str = "vifs";

pub(crate) struct FakeNetwork;

impl Network for FakeNetwork {
    fn vif_attach(&self, vif: &str) -> Result<()> {
        let mut vifs = self.vif_list()?;
        attach(&mut vifs, &serde_json::from_str(vif)?)?;
        state::set(NOTE, &vifs)
    }

    fn vif_detach(&self, vif_id: &str) -> Result<()> {
        let mut vifs = self.vif_list()?;
        detach(&mut vifs, vif_id)?;
        state::set(NOTE, &vifs)
    }

    fn vif_list(&self) -> Result<Vec<String>> {
        Ok(state::get(NOTE)?.unwrap_or_default())
    }

    fn get_current_vif(&self, _port: &str) -> Result<Option<String>> {
        Ok(None)
    }

    fn add_provisioning_network(&self) -> Result<Vec<BoundPort>> {
        Ok(Vec::new())
    }

    fn remove_provisioning_network(&self) -> Result<()> {
        Ok(())
    }

    fn add_cleaning_network(&self) -> Result<Vec<BoundPort>> {
        Ok(Vec::new())
    }

    fn remove_cleaning_network(&self) -> Result<()> {
        Ok(())
    }

    fn add_rescuing_network(&self) -> Result<Vec<BoundPort>> {
        Ok(Vec::new())
    }

    fn remove_rescuing_network(&self) -> Result<()> {
        Ok(())
    }

    fn add_inspection_network(&self) -> Result<Vec<BoundPort>> {
        Ok(Vec::new())
    }

    fn remove_inspection_network(&self) -> Result<()> {
        Ok(())
    }

    fn add_servicing_network(&self) -> Result<Vec<BoundPort>> {
        Ok(Vec::new())
    }

    fn remove_servicing_network(&self) -> Result<()> {
        Ok(())
    }

    fn configure_tenant_networks(&self) -> Result<()> {
        Ok(())
    }

    fn unconfigure_tenant_networks(&self) -> Result<()> {
        Ok(())
    }
}

pub(crate) struct FakeStorage;

impl Storage for FakeStorage {
    fn attach_volumes(&self) -> Result<()> {
        Ok(())
    }

    fn detach_volumes(&self) -> Result<()> {
        Ok(())
    }
}

pub(crate) struct FakeRescue;

impl Rescue for FakeRescue {
    fn rescue(&self, _cursor: Option<&str>) -> Result<Outcome> {
        Ok(Outcome::Done)
    }

    fn unrescue(&self, _cursor: Option<&str>) -> Result<Outcome> {
        Ok(Outcome::Done)
    }
}

fn attach(vifs: &mut Vec<String>, vif: &Value) -> Result<()> {
    let id = vif
        .get("id")
        .and_then(Value::as_str)
        .ok_or_else(|| Error::missing_parameter("a VIF needs an 'id'"))?;
    if vifs.iter().any(|known| known == id) {
        return Err(Error::invalid_parameter(format!(
            "the VIF {id} is attached already"
        )));
    }
    vifs.push(id.to_owned());
    Ok(())
}

fn detach(vifs: &mut Vec<String>, id: &str) -> Result<()> {
    let at = vifs.iter().position(|known| known == id);
    let at = at.ok_or_else(|| Error::invalid_parameter(format!("no VIF {id} is attached")))?;
    vifs.remove(at);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_vif_is_attached_once_and_detached_once() {
        let mut vifs = Vec::new();
        assert_eq!(attach(&mut vifs, &json!({"id": "a"})), Ok(()));
        assert!(attach(&mut vifs, &json!({"id": "a"})).is_err());
        assert!(attach(&mut vifs, &json!({})).is_err());
        assert_eq!(detach(&mut vifs, "a"), Ok(()));
        assert!(detach(&mut vifs, "a").is_err());
    }
}
