//! What belongs to a node besides its ports: port groups and volumes. The request says which, and what to do.

use std::sync::Arc;

use ironbark_model::Result;
use ironbark_rpc::{Belonging, Change, ChangeBelonging, Reply};

use super::{portgroups, volumes};
use crate::context::Context;

/// Carries out one change.
pub(super) async fn change(ctx: &Arc<Context>, change: ChangeBelonging) -> Result<Reply> {
    let stored = match change {
        ChangeBelonging::Portgroup(Change::Create(new)) => {
            portgroup(portgroups::create(ctx, *new).await?)
        }
        ChangeBelonging::Portgroup(Change::Update { uuid, node, patch }) => {
            portgroup(portgroups::update(ctx, &uuid, &node, &patch).await?)
        }
        ChangeBelonging::Portgroup(Change::Destroy { uuid, node }) => {
            portgroups::destroy(ctx, &uuid, &node).await?;
            return Ok(Reply::Done);
        }
        ChangeBelonging::VolumeConnector(change) => match volumes::connector(ctx, change).await? {
            Some(connector) => Belonging::VolumeConnector(Box::new(connector)),
            None => return Ok(Reply::Done),
        },
        ChangeBelonging::VolumeTarget(change) => match volumes::target(ctx, change).await? {
            Some(target) => Belonging::VolumeTarget(Box::new(target)),
            None => return Ok(Reply::Done),
        },
    };
    Ok(Reply::Belonging(stored))
}

fn portgroup(portgroup: ironbark_model::Portgroup) -> Belonging {
    Belonging::Portgroup(Box::new(portgroup))
}
