//! A machine for stored packages: every way to it, to its agent and to what it boots from, as far as they ask for it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::{
    AgentAccess, AgentCommand, AgentHeartbeat, AgentStatus, BootMediaAccess, BootMedium,
    BootPurpose, CallContext, DriverError, IpmiAccess, IpmiResponse, RedfishAccess, RedfishMethod,
    RedfishRequest, RedfishResources, RedfishResponse, SshAccess, SshOutput, StateAccess, Write,
};

const SYSTEM: &str = "/redfish/v1/Systems/1";
const CHASSIS: u8 = 0x00;

pub(super) struct Machine {
    pub(super) power: AtomicBool,
    pub(super) media: Mutex<Vec<BootMedium>>,
    /// What drivers noted.
    notes: Mutex<BTreeMap<String, String>>,
}

impl Machine {
    /// One that is on.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            power: AtomicBool::new(true),
            media: Mutex::default(),
            notes: Mutex::default(),
        })
    }

    /// A call that may reach all of it.
    pub(super) fn context(self: &Arc<Self>) -> CallContext {
        let mut context = CallContext::without_node("req-test");
        context.node = Some(json!({"uuid": "u", "driver_info": {}}).to_string().into());
        context.lock = crate::Lock::Exclusive;
        let lent = &mut context.capabilities;
        lent.ipmi = Some(self.clone());
        lent.redfish = Some(self.clone());
        lent.ssh = Some(self.clone());
        lent.agent = Some(self.clone());
        lent.boot_media = Some(self.clone());
        lent.state = Some(self.clone());
        context
    }

    /// Keeps what a call wrote.
    pub(super) fn keep(&self, writes: Vec<Write>) {
        let mut notes = self.notes.lock().unwrap();
        for (key, value) in writes {
            match value {
                Some(value) => notes.insert(key, value.to_string()),
                None => notes.remove(&key),
            };
        }
    }

    fn is_on(&self) -> bool {
        self.power.load(Ordering::Relaxed)
    }

    fn switch(&self, on: bool) {
        self.power.store(on, Ordering::Relaxed);
    }
}

#[async_trait]
impl IpmiAccess for Machine {
    async fn request(
        &self,
        netfn: u8,
        _: u8,
        command: u8,
        data: Vec<u8>,
        _: Duration,
    ) -> Result<IpmiResponse, DriverError> {
        let data = match (netfn, command, data.as_slice()) {
            (CHASSIS, 0x01, []) => vec![u8::from(self.is_on()), 0, 0],
            (CHASSIS, 0x02, [control @ (0 | 1)]) => {
                self.switch(*control == 1);
                Vec::new()
            }
            _ => {
                return Ok(IpmiResponse {
                    completion_code: 0xc1,
                    data: Vec::new(),
                });
            }
        };
        Ok(IpmiResponse {
            completion_code: 0,
            data,
        })
    }
}

#[async_trait]
impl RedfishAccess for Machine {
    async fn resources(&self, _: Duration) -> Result<RedfishResources, DriverError> {
        Ok(RedfishResources {
            system: SYSTEM.to_owned(),
            ..RedfishResources::default()
        })
    }

    async fn is_shared(&self, _: &str, _: Duration) -> Result<bool, DriverError> {
        Ok(false)
    }

    async fn request(
        &self,
        request: RedfishRequest,
        _: Duration,
    ) -> Result<RedfishResponse, DriverError> {
        let answer = |status, body: Value| {
            Ok(RedfishResponse {
                status,
                headers: Vec::new(),
                body: body.to_string(),
            })
        };
        let reset = format!("{SYSTEM}/Actions/ComputerSystem.Reset");
        let state = if self.is_on() { "On" } else { "Off" };
        match request.method {
            RedfishMethod::Get if request.path == SYSTEM => {
                answer(200, json!({"@odata.id": SYSTEM, "PowerState": state}))
            }
            RedfishMethod::Post if request.path == reset => {
                let kind = request.body.unwrap_or_default();
                self.switch(kind["ResetType"] == "On");
                answer(200, json!({}))
            }
            _ => answer(404, json!({})),
        }
    }
}

#[async_trait]
impl SshAccess for Machine {
    async fn run(&self, template: &str, _: Duration) -> Result<SshOutput, DriverError> {
        let said = match template {
            "power-state" if self.is_on() => "running\n",
            "power-state" => "shut off\n",
            "power-on" | "power-off" => {
                self.switch(template == "power-on");
                "done\n"
            }
            _ => return Err(DriverError::Unsupported("no such command".to_owned())),
        };
        Ok(SshOutput {
            exit_status: 0,
            stdout: said.into(),
            stderr: Vec::new(),
        })
    }
}

#[async_trait]
impl AgentAccess for Machine {
    async fn last_heartbeat(&self, _: Duration) -> Result<Option<AgentHeartbeat>, DriverError> {
        Ok(Some(AgentHeartbeat {
            at: 7,
            version: "11.0".to_owned(),
        }))
    }

    async fn run(
        &self,
        name: &str,
        params: Value,
        _: Duration,
        _: Duration,
    ) -> Result<AgentCommand, DriverError> {
        Ok(AgentCommand {
            id: "1".to_owned(),
            name: name.to_owned(),
            status: AgentStatus::Succeeded,
            result: Some(params),
            error: None,
        })
    }

    async fn get_command(
        &self,
        id: &str,
        _: Duration,
        _: Duration,
    ) -> Result<AgentCommand, DriverError> {
        Ok(AgentCommand {
            id: id.to_owned(),
            name: "clean.execute".to_owned(),
            status: AgentStatus::Failed,
            result: None,
            error: Some(("CleaningError".to_owned(), "no disk".to_owned())),
        })
    }

    async fn list_commands(&self, deadline: Duration) -> Result<Vec<AgentCommand>, DriverError> {
        let one = self.get_command("2", deadline, deadline).await?;
        Ok(vec![one])
    }
}

#[async_trait]
impl BootMediaAccess for Machine {
    async fn publish(&self, medium: BootMedium, _: Duration) -> Result<String, DriverError> {
        self.media.lock().unwrap().push(medium);
        Ok("http://files/1".to_owned())
    }

    async fn withdraw(&self, _: Option<BootPurpose>, _: Duration) -> Result<(), DriverError> {
        self.media.lock().unwrap().clear();
        Ok(())
    }
}

#[async_trait]
impl StateAccess for Machine {
    async fn load(&self) -> Result<BTreeMap<String, String>, DriverError> {
        Ok(self.notes.lock().unwrap().clone())
    }

    async fn checkpoint(&self, _: Value, writes: Vec<Write>) -> Result<(), DriverError> {
        self.keep(writes);
        Ok(())
    }
}
