//! One command on a connection: what it writes, and how it ends.

use russh::{Channel, ChannelMsg, client::Msg};

use super::{ClientConfig, SshError};

/// The stream of complaints (RFC 4254 §5.2).
const STDERR: u32 = 1;

/// How a command ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Its exit status.
    pub exit_status: i32,
    /// What it wrote.
    pub stdout: Vec<u8>,
    /// What it complained about.
    pub stderr: Vec<u8>,
}

/// Runs a command and waits for its end.
pub(super) async fn run(
    mut channel: Channel<Msg>,
    command: &str,
    config: &ClientConfig,
) -> Result<Output, SshError> {
    let lost = |error| SshError::unreachable("starting the command", error);
    channel.exec(true, command).await.map_err(lost)?;
    // There is nothing for it to read.
    channel.eof().await.map_err(lost)?;
    let mut output = Output::default();
    let result = follow(&mut channel, &mut output, config).await;
    // What goes on is told that nobody listens; a command that ended needs no answer.
    let _ = channel.close().await;
    result.map(|()| output)
}

async fn follow(
    channel: &mut Channel<Msg>,
    output: &mut Output,
    config: &ClientConfig,
) -> Result<(), SshError> {
    let mut status = None;
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Data { data } => output.stdout.extend_from_slice(&data),
            ChannelMsg::ExtendedData { data, ext: STDERR } => {
                output.stderr.extend_from_slice(&data);
            }
            ChannelMsg::Failure => {
                return Err(SshError::Failed {
                    reason: "the hypervisor doesn't let this user run commands",
                });
            }
            ChannelMsg::ExitStatus { exit_status } => status = Some(exit_status),
            ChannelMsg::ExitSignal { .. } => {
                return Err(SshError::Failed {
                    reason: "a signal ended it",
                });
            }
            ChannelMsg::Close => break,
            _ => {}
        }
        // One packet may be too much, and no more than that.
        if output.stdout.len() > config.max_stdout || output.stderr.len() > config.max_stderr {
            return Err(SshError::TooMuch {
                stdout: config.max_stdout,
                stderr: config.max_stderr,
            });
        }
    }
    let status = status.ok_or(SshError::Unreachable {
        during: "the command's end",
        source: None,
    })?;
    output.exit_status = i32::try_from(status).unwrap_or(i32::MAX);
    Ok(())
}
