//! Fails nodes that waited too long for a call-back (facts: `*_callback_timeout`, `inspect_wait_timeout`).

use std::sync::Arc;
use std::time::Duration;

use ironbark_db::{NodeFilter, NodeRef};
use ironbark_model::{ErrorKind, ProvisionState, Result, Timestamp};

use super::spawn::chain;
use crate::config::Config;
use crate::context::Context;
use crate::failure;

/// The wait states, and how long each may last; those that may last for ever are left out.
fn limits(config: &Config) -> impl Iterator<Item = (ProvisionState, Duration)> {
    [
        (ProvisionState::WaitCallBack, config.deploy_callback_timeout),
        (ProvisionState::CleanWait, config.clean_callback_timeout),
        (ProvisionState::InspectWait, config.inspect_wait_timeout),
        (ProvisionState::RescueWait, config.rescue_callback_timeout),
        (ProvisionState::ServiceWait, config.service_callback_timeout),
    ]
    .into_iter()
    .filter(|(_, limit)| !limit.is_zero())
}

pub(super) async fn pass(ctx: &Arc<Context>) -> Result<()> {
    for (state, limit) in limits(&ctx.config) {
        let filter = overdue(state, Timestamp::now().minus(limit));
        for node in ctx.db.nodes_owned_candidates(&filter).await? {
            if !ctx.ring.owns(&node) {
                continue;
            }
            match failure::fail_waiting(ctx, &node.uuid, &message(&node, state)).await {
                Ok(true) => {
                    tracing::warn!(node = %node.uuid, %state, seconds = limit.as_secs(), "waited too long");
                }
                Ok(false) => {}
                // No free worker: the next pass goes on.
                Err(error) if error.kind() == ErrorKind::Overloaded => return Ok(()),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    tracing::warn!(node = %node.uuid, error = %chain(&error), "a wait that is over could not be ended");
                }
            }
        }
    }
    Ok(())
}

/// Nodes in `state` since before `before`, that nobody holds and nobody has set aside.
fn overdue(state: ProvisionState, before: Timestamp) -> NodeFilter {
    let by_inspection = state == ProvisionState::InspectWait;
    NodeFilter {
        provision_state: Some(state),
        maintenance: Some(false),
        reserved: Some(false),
        include_children: true,
        provision_updated_before: (!by_inspection).then_some(before),
        inspection_started_before: by_inspection.then_some(before),
        ..NodeFilter::default()
    }
}

fn message(node: &NodeRef, state: ProvisionState) -> String {
    match state {
        ProvisionState::InspectWait => {
            format!("Timeout reached while inspecting the node {}", node.uuid)
        }
        ProvisionState::CleanWait => format!(
            "Timeout reached while cleaning the node {}. Please check if the ramdisk responsible for the cleaning is running on the node.",
            node.uuid
        ),
        ProvisionState::RescueWait => {
            format!(
                "Timeout reached while waiting for rescue ramdisk callback for node {}",
                node.uuid
            )
        }
        ProvisionState::ServiceWait => format!(
            "Timeout reached while servicing the node {}. Please check if the ramdisk responsible for the servicing is running on the node.",
            node.uuid
        ),
        _ => format!(
            "Timeout reached while waiting for callback for node {}",
            node.uuid
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_means_for_ever() {
        let config = Config {
            clean_callback_timeout: Duration::ZERO,
            ..Config::default()
        };
        let states: Vec<ProvisionState> = limits(&config).map(|(state, _)| state).collect();
        assert_eq!(states.len(), 4);
        assert!(!states.contains(&ProvisionState::CleanWait));
        assert!(limits(&Config::default()).all(|(state, _)| state.is_waiting()));
        assert_eq!(limits(&Config::default()).count(), 5);
    }

    #[test]
    fn inspection_has_a_clock_of_its_own() {
        let filter = overdue(ProvisionState::InspectWait, Timestamp(7));
        assert_eq!(filter.inspection_started_before, Some(Timestamp(7)));
        assert_eq!(filter.provision_updated_before, None);
    }
}
