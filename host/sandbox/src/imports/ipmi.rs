//! `ipmi`: commands to the node's own BMC, as far as they were granted.

use std::sync::Arc;

use wasmtime::component::Resource;

use crate::audit::Operation;
use crate::bindings::ironbark::driver::ipmi::{Host, HostSession, Response};
use crate::bindings::ironbark::driver::types::Error;
use crate::error::DriverError;
use crate::state::State;

/// Sessions that a guest may have open at a time.
const MAX_SESSIONS: u32 = 4;
/// Most data in one request, in bytes (the contract's bound).
const MAX_DATA: usize = 1024;
/// Most data in one answer: what a guest is given is bounded as well.
const MAX_ANSWER: usize = 64 * 1024;

/// A guest's handle on the way to its node's BMC. Has nothing in it: the host's session is the host's.
#[derive(Debug)]
#[allow(unreachable_pub)] // The generated bindings re-export it.
pub struct IpmiSession;

impl Host for State {
    fn open(&mut self) -> wasmtime::Result<Result<Resource<IpmiSession>, Error>> {
        self.count_host_call()?;
        if let Err(error) = self.ipmi_access(&Operation::Capability("ipmi")) {
            return Ok(Err(error.into()));
        }
        if self.open_sessions >= MAX_SESSIONS {
            let error = DriverError::Failed(format!(
                "a call may have {MAX_SESSIONS} IPMI sessions open at a time: drop one"
            ));
            return Ok(Err(error.into()));
        }
        let session = self.table.push(IpmiSession)?;
        self.open_sessions += 1;
        Ok(Ok(session))
    }
}

impl HostSession for State {
    async fn request(
        &mut self,
        session: Resource<IpmiSession>,
        netfn: u8,
        lun: u8,
        command: u8,
        data: Vec<u8>,
    ) -> wasmtime::Result<Result<Response, Error>> {
        self.count_host_call()?;
        self.table.get(&session)?;
        let answer = self.send(netfn, lun, command, data).await;
        Ok(answer.map_err(Error::from))
    }

    fn drop(&mut self, session: Resource<IpmiSession>) -> wasmtime::Result<()> {
        self.table.delete(session)?;
        self.open_sessions = self.open_sessions.saturating_sub(1);
        Ok(())
    }
}

impl State {
    async fn send(
        &mut self,
        netfn: u8,
        lun: u8,
        command: u8,
        data: Vec<u8>,
    ) -> Result<Response, DriverError> {
        let operation = Operation::Ipmi { netfn, command };
        let access = self.ipmi_access(&operation)?;
        check_request(netfn, lun, &data)?;
        if let Some(policy) = &self.package.granted.ipmi {
            policy.check(netfn, command).map_err(|reason| {
                self.denied(&operation, reason, |asked| {
                    asked
                        .ipmi
                        .as_ref()
                        .is_some_and(|asked| asked.check(netfn, command).is_ok())
                })
            })?;
        }
        let limit = self.host_call_limit();
        let answer = self
            .operate(operation, limit, async move {
                access.request(netfn, lun, command, data, limit).await
            })
            .await?;
        if answer.data.len() > MAX_ANSWER {
            return Err(DriverError::Protocol(format!(
                "the BMC's answer has {} bytes",
                answer.data.len()
            )));
        }
        Ok(Response {
            completion_code: answer.completion_code,
            data: answer.data,
        })
    }

    fn ipmi_access(&self, wanted: &Operation) -> Result<Arc<dyn crate::IpmiAccess>, DriverError> {
        self.lent(
            "ipmi",
            |granted| granted.ipmi.is_some(),
            wanted,
            |capabilities| &capabilities.ipmi,
        )
    }
}

fn check_request(netfn: u8, lun: u8, data: &[u8]) -> Result<(), DriverError> {
    let problem = if netfn > 62 || !netfn.is_multiple_of(2) {
        "the network function of a request is even, 0 to 62"
    } else if lun > 3 {
        "the logical unit is 0 to 3"
    } else if data.len() > MAX_DATA {
        "a request has at most 1,024 bytes of data"
    } else {
        return Ok(());
    };
    Err(DriverError::InvalidParameter(format!(
        "IPMI request: {problem}"
    )))
}
