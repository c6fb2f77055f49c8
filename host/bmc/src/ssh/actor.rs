//! The actor of one hypervisor and user: takes commands, has a few under way at a time, disconnects when it is idle or forgotten.
//!
//! It lives on the client's runtime. Callers hold only the receiving end of an answer, so one that goes away disturbs
//! nothing: a command that was sent is waited for and logged.

use std::sync::Arc;

use tokio::{task::JoinSet, time::sleep_until};
use tracing::{debug, warn};

use super::{
    Account, Output, SshError,
    hypervisor::{Caller, Hypervisor, Shared},
};
use crate::actors::Mailbox;

/// One command on its way to an actor.
pub(super) struct Job {
    /// What the operator calls it, for logs.
    pub(super) template: String,
    /// The command line.
    pub(super) command: String,
    pub(super) caller: Caller,
}

/// Works until nobody can send jobs any more, or it has been idle for long enough.
pub(super) async fn run(account: Account, shared: Arc<Shared>, mut mailbox: Mailbox<Account, Job>) {
    let idle_timeout = shared.config.idle_timeout;
    let concurrency = shared.config.concurrency.max(1);
    let hypervisor = Arc::new(Hypervisor::new(account, shared));
    let mut under_way = JoinSet::new();
    loop {
        let idle = hypervisor.last_command() + idle_timeout;
        tokio::select! {
            job = mailbox.recv(), if under_way.len() < concurrency => match job {
                Some(job) => {
                    under_way.spawn(serve(Arc::clone(&hypervisor), job));
                }
                None => break,
            },
            Some(_) = under_way.join_next() => {}
            () = sleep_until(idle), if under_way.is_empty() => {
                hypervisor.close().await;
                if mailbox.retire() {
                    return;
                }
                hypervisor.note_command();
            }
        }
    }
    while under_way.join_next().await.is_some() {}
    hypervisor.close().await;
}

async fn serve(hypervisor: Arc<Hypervisor>, job: Job) {
    let Job {
        template,
        command,
        caller,
    } = job;
    let result = hypervisor.run(&command, &caller).await;
    answer(&hypervisor, &template, caller, result);
}

fn answer(
    hypervisor: &Hypervisor,
    template: &str,
    caller: Caller,
    result: Result<Output, SshError>,
) {
    let host = &hypervisor.account.host;
    if let Err(SshError::Unreachable {
        source: Some(source),
        ..
    }) = &result
    {
        debug!(host, template, %source, "a hypervisor did not answer");
    }
    let sent = caller.was_sent();
    if let Err(result) = caller.reply.send(result)
        && sent
    {
        warn!(
            host,
            template,
            error = result.err().map(|error| error.to_string()),
            "finished a command on a hypervisor that its caller abandoned"
        );
    }
}
