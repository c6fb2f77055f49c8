//! Opening a console at its BMC, with a row of the audit for each command before it is sent.

use std::sync::Arc;
use std::time::Duration;

use ironbark_bmc::ipmi::{Console, IpmiError};
use ironbark_model::audit::OK;
use ironbark_model::{Error, Node, Result, Timestamp};
use ironbark_sandbox::{Audit as _, Ended, NotRecorded, OpenRecord, Operation};

use super::Line;
use crate::audit::{CallAudit, Purpose, Who};
use crate::capabilities::{COMMAND_LIMIT, Unserved, tell};
use crate::context::Context;
use crate::requests::Asked;

/// Activate Payload (IPMI 2.0 §24.1).
const ACTIVATE: Operation = Operation::Ipmi {
    netfn: 0x06,
    command: 0x48,
};
/// Deactivate Payload (IPMI 2.0 §24.2).
pub(super) const DEACTIVATE: Operation = Operation::Ipmi {
    netfn: 0x06,
    command: 0x49,
};

/// Opens the console. Who has it elsewhere loses it: of ours there is nobody, so it is a session that a former process left behind,
/// or somebody who went past the service.
pub(super) async fn begin(
    ctx: &Arc<Context>,
    asked: &Asked,
    node: &Node,
    line: &Line,
) -> Result<(Console, CallAudit)> {
    let package = line.implementation.package();
    let who = CallAudit::new(
        ctx.audit.clone(),
        Who {
            package: package.map_or_else(String::new, |package| package.name().to_owned()),
            digest: package.map_or_else(String::new, |package| package.digest().to_owned()),
            node: Some(node.uuid.clone()),
            request_id: asked.request_id.clone(),
            actor: asked.user.clone(),
            purpose: Purpose::Work,
        },
    );
    ctx.standing.check()?;
    let records = vec![who.begin(&ACTIVATE).await.map_err(refused)?];
    let opened = ctx.ipmi.console(&line.target, time_for(asked)).await;
    let opened = match opened {
        Err(IpmiError::ConsoleInUse) => {
            end(records, "busy");
            take_over(ctx, asked, line, &who).await?
        }
        opened => ended(records, opened)?,
    };
    Ok((opened, who))
}

async fn take_over(ctx: &Context, asked: &Asked, line: &Line, who: &CallAudit) -> Result<Console> {
    tracing::info!("somebody has the console open past this conductor: it is taken from them");
    ctx.standing.check()?;
    let mut records = Vec::new();
    for operation in [&DEACTIVATE, &ACTIVATE] {
        records.push(who.begin(operation).await.map_err(refused)?);
    }
    let taken = ctx.ipmi.take_console(&line.target, time_for(asked)).await;
    ended(records, taken)
}

/// How long the caller waits, or one command may take.
fn time_for(asked: &Asked) -> Duration {
    Timestamp::now().age_at(asked.deadline).min(COMMAND_LIMIT)
}

/// Says how the commands ended, and what the caller is told.
fn ended(
    records: Vec<Box<dyn OpenRecord>>,
    outcome: Result<Console, IpmiError>,
) -> Result<Console> {
    match outcome {
        Ok(console) => {
            end(records, OK);
            Ok(console)
        }
        Err(error) => {
            let unserved = Unserved::default();
            let told = tell(&error, &unserved);
            end(records, told.kind());
            Err(unserved.error().unwrap_or_else(|| told.into()))
        }
    }
}

fn end(records: Vec<Box<dyn OpenRecord>>, outcome: &str) {
    for record in records {
        record.end(Ended {
            outcome: outcome.to_owned(),
            abandoned: false,
            answer: 0,
        });
    }
}

fn refused(full: NotRecorded) -> Error {
    Error::overloaded(
        "The audit can't be written now, and no console is opened without it; try again.",
    )
    .retry_after(5)
    .caused_by(full)
}
