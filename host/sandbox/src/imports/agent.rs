//! `agent`: commands to the agent that runs on this node.

use std::sync::Arc;
use std::time::Duration;

use super::secrets::{fill, read_object, scrub, scrub_text};
use crate::audit::Operation;
use crate::bindings::ironbark::driver::agent::{
    Command, CommandError, CommandStatus, Heartbeat, Host,
};
use crate::bindings::ironbark::driver::types::Error;
use crate::call::clean;
use crate::capabilities::{AgentAccess, AgentCommand, AgentStatus};
use crate::error::DriverError;
use crate::state::State;

/// The contract's bounds: parameters and results in bytes of JSON, seconds of waiting, commands in a list.
const MAX_PARAMS: usize = 1024 * 1024;
const MAX_RESULT: usize = 2 * 1024 * 1024;
const MAX_WAIT: u32 = 10;
const MAX_COMMANDS: usize = 100;
const MAX_MESSAGE: usize = 4096;
const MAX_NAME: usize = 255;

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl Host for State {
    async fn last_heartbeat(&mut self) -> Answer<Option<Heartbeat>> {
        self.count_host_call()?;
        Ok(self.agent_heartbeat().await.map_err(Error::from))
    }

    async fn run(&mut self, name: String, params: String, wait: u32) -> Answer<Command> {
        self.count_host_call()?;
        let command = self.run_command(name, &params, wait).await;
        Ok(command.map_err(Error::from))
    }

    async fn get_command(&mut self, id: String, wait: u32) -> Answer<Command> {
        self.count_host_call()?;
        Ok(self.agent_command(id, wait).await.map_err(Error::from))
    }

    async fn list_commands(&mut self) -> Answer<Vec<Command>> {
        self.count_host_call()?;
        Ok(self.agent_commands().await.map_err(Error::from))
    }
}

impl State {
    async fn agent_heartbeat(&mut self) -> Result<Option<Heartbeat>, DriverError> {
        let access = self.agent_access()?;
        let limit = self.host_call_limit();
        let heartbeat = self
            .on_io(limit, async move { access.last_heartbeat(limit).await })
            .await?;
        Ok(heartbeat.map(|heartbeat| Heartbeat {
            at: heartbeat.at,
            version: clean(&heartbeat.version, MAX_NAME, &self.context.secrets),
        }))
    }

    async fn run_command(
        &mut self,
        name: String,
        params: &str,
        wait: u32,
    ) -> Result<Command, DriverError> {
        let access = self.agent_access()?;
        let wait = check_wait(wait)?;
        if !is_command_name(&name) {
            return Err(DriverError::InvalidParameter(format!(
                "{name:?} is no command: an extension, a dot and a name are accepted, such as clean.get_clean_steps"
            )));
        }
        let mut params = read_object("the parameters of an agent's command", params, MAX_PARAMS)?;
        fill(&mut params, &self.context.secret_refs)?;
        let limit = self.host_call_limit();
        let command = self
            .on_io(limit, async move {
                access.run(&name, params, wait, limit).await
            })
            .await?;
        self.read_command(command)
    }

    async fn agent_command(&mut self, id: String, wait: u32) -> Result<Command, DriverError> {
        let access = self.agent_access()?;
        let wait = check_wait(wait)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if id.is_empty() || id.len() > MAX_NAME || !id.bytes().all(plain) {
            return Err(DriverError::InvalidParameter(format!(
                "the agent has no command {id:?}"
            )));
        }
        let limit = self.host_call_limit();
        let command = self
            .on_io(
                limit,
                async move { access.get_command(&id, wait, limit).await },
            )
            .await?;
        self.read_command(command)
    }

    async fn agent_commands(&mut self) -> Result<Vec<Command>, DriverError> {
        let access = self.agent_access()?;
        let limit = self.host_call_limit();
        let all = self
            .on_io(limit, async move { access.list_commands(limit).await })
            .await?;
        // From the last one backwards: results are left out where they don't fit any more.
        let mut room = MAX_RESULT;
        let mut commands = Vec::new();
        for command in all.into_iter().rev().take(MAX_COMMANDS) {
            let mut command = self.read_command(command)?;
            let size = command.command_result.as_ref().map_or(0, String::len);
            match room.checked_sub(size) {
                Some(left) => room = left,
                None => {
                    command.command_result = None;
                    room = 0;
                }
            }
            commands.push(command);
        }
        commands.reverse();
        Ok(commands)
    }

    fn read_command(&self, command: AgentCommand) -> Result<Command, DriverError> {
        let secrets = &self.context.secrets;
        let result = command.result.map(|mut result| {
            scrub(&mut result, secrets);
            result.to_string()
        });
        if result.as_ref().is_some_and(|text| text.len() > MAX_RESULT) {
            return Err(DriverError::Protocol(format!(
                "the result of the agent's command {} has more than {MAX_RESULT} bytes",
                command.name
            )));
        }
        Ok(Command {
            id: clean(&command.id, MAX_NAME, secrets),
            name: clean(&command.name, MAX_NAME, secrets),
            status: command.status.into(),
            command_result: result,
            command_error: command.error.map(|(kind, mut message)| {
                scrub_text(&mut message, secrets);
                message.truncate(message.floor_char_boundary(MAX_MESSAGE));
                CommandError {
                    kind: clean(&kind, MAX_NAME, secrets),
                    message,
                }
            }),
        })
    }

    fn agent_access(&self) -> Result<Arc<dyn AgentAccess>, DriverError> {
        self.lent(
            "agent",
            |granted| granted.agent,
            &Operation::Capability("agent"),
            |capabilities| &capabilities.agent,
        )
    }
}

fn check_wait(seconds: u32) -> Result<Duration, DriverError> {
    if seconds <= MAX_WAIT {
        Ok(Duration::from_secs(seconds.into()))
    } else {
        Err(DriverError::InvalidParameter(format!(
            "the wait for an agent's command is 0 to {MAX_WAIT} seconds"
        )))
    }
}

fn is_command_name(name: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    name.len() <= MAX_NAME
        && name
            .split_once('.')
            .is_some_and(|(extension, command)| is_word(extension) && is_word(command))
}

impl From<AgentStatus> for CommandStatus {
    fn from(status: AgentStatus) -> Self {
        match status {
            AgentStatus::Running => Self::Running,
            AgentStatus::Succeeded => Self::Succeeded,
            AgentStatus::Failed => Self::Failed,
            AgentStatus::VersionMismatch => Self::VersionMismatch,
        }
    }
}
