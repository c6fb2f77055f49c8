//! Provisioning verbs: what is checked before they are accepted, and what the node shows when they are.

use std::sync::Arc;

use ironbark_model::operation::OperationKind;
use ironbark_model::step::StepKind;
use ironbark_model::{
    Error, ErrorKind, InterfaceKind, JsonObject, Node, Operation, ProvisionState, Result, Verb,
};
use ironbark_rpc::{ProvisionArgs, Reply};
use serde_json::Value;

use super::{Asked, hold_for, provision_abort, provision_deploy};
use crate::call::Ports;
use crate::context::Context;
use crate::operations::{self, children, phase, states};
use crate::reconcile::limits;
use crate::reserve::Held;

/// Accepts a provisioning verb.
pub(super) async fn begin(
    ctx: &Arc<Context>,
    asked: &Asked,
    ident: &str,
    verb: Verb,
    args: ProvisionArgs,
) -> Result<Reply> {
    let permit = ctx.workers.permit()?;
    let (held, node) = hold_for(ctx, ident, verb.event()).await?;
    check(&node, verb, ctx.config.allow_provisioning_in_maintenance)?;
    let accepting = Accepting {
        ctx,
        asked,
        permit,
        held,
        node,
        ports: Ports::default(),
    };
    match verb {
        Verb::Deploy | Verb::DeployAlias | Verb::Rebuild => {
            provision_deploy::deploy(accepting, verb, args).await
        }
        Verb::Delete | Verb::Undeploy => provision_deploy::tear_down(accepting).await,
        Verb::Manage => manage(accepting).await,
        Verb::Provide => provide(accepting).await,
        Verb::Clean => clean(accepting, args).await,
        Verb::Service => service(accepting, args).await,
        Verb::Adopt => {
            let operation = accepting.operation(OperationKind::Adopt, phase::TAKE_OVER);
            accepting.start(verb, operation).await
        }
        Verb::Abort => provision_abort::abort(accepting).await,
        Verb::Unhold => provision_abort::unhold(accepting).await,
        Verb::Inspect => inspect(accepting).await,
        Verb::Rescue => rescue(accepting, args).await,
        Verb::Unrescue => unrescue(accepting).await,
    }?;
    Ok(Reply::Done)
}

/// A verb on its way to being accepted: the node is held, and a worker is kept free.
pub(super) struct Accepting<'a> {
    pub(super) ctx: &'a Arc<Context>,
    pub(super) asked: &'a Asked,
    pub(super) permit: crate::workers::Permit,
    pub(super) held: Held,
    pub(super) node: Node,
    pub(super) ports: Ports,
}

impl Accepting<'_> {
    /// A call of the node's drivers.
    pub(super) fn call(&self) -> crate::call::NodeCall<'_> {
        self.asked
            .call(self.ctx, &self.node, &self.ports, Some(&self.held))
    }

    /// Makes sure that the node has what these interfaces need.
    async fn validate(&self, kinds: &[InterfaceKind]) -> Result<()> {
        for kind in kinds {
            self.call().validate(*kind).await?;
        }
        Ok(())
    }

    /// A new operation on the node, in its first phase.
    pub(super) fn operation(&self, kind: OperationKind, first: &str) -> Operation {
        let mut operation = Operation::new(
            kind,
            &self.node.uuid,
            &self.asked.request_id,
            JsonObject::new(),
        )
        .by(self.asked.user.as_deref());
        first.clone_into(&mut operation.phase);
        operation
    }

    /// Moves the node by the verb's event, clears its last error, and starts the operation.
    pub(super) async fn start(self, verb: Verb, operation: Operation) -> Result<()> {
        self.start_instead(verb, operation, None).await
    }

    /// As [`Accepting::start`], and gives up the operation that waited before.
    pub(super) async fn start_instead(
        mut self,
        verb: Verb,
        operation: Operation,
        before: Option<Operation>,
    ) -> Result<()> {
        states::advance(&mut self.node, verb.event())?;
        if operation.kind == OperationKind::Clean && operation.args.contains_key(operations::WANTED)
        {
            self.node.target_provision_state = Some(ProvisionState::Manageable);
        }
        self.node.last_error = None;
        operations::forget_ramdisk(&mut self.node);
        tracing::info!(node = %self.node.uuid, verb = %verb, state = %self.node.provision_state, "accepted");
        operations::accept_instead(
            self.permit,
            self.held,
            self.node,
            operation,
            self.ports,
            before.as_ref(),
        )
        .await
    }
}

/// The rules that need nothing but the node.
fn check(node: &Node, verb: Verb, provisioning_in_maintenance: bool) -> Result<()> {
    let in_maintenance = || {
        Error::new(
            ErrorKind::NodeInMaintenance,
            format!(
                "The {verb} operation can't be performed on node {} because it's in maintenance mode.",
                node.uuid
            ),
        )
    };
    let deploys = matches!(verb, Verb::Deploy | Verb::DeployAlias | Verb::Rebuild);
    if deploys && node.maintenance {
        return Err(in_maintenance());
    }
    // The moves out of states in which a conductor works are the conductor's: the end of a cleaning is `manage` too.
    if node.provision_state.is_working() || node.provision_state.next(verb.event()).is_none() {
        return Err(states::not_allowed(node, verb.event()));
    }
    let kept_off = matches!(
        verb,
        Verb::Clean | Verb::Service | Verb::Rescue | Verb::Unrescue
    ) || (verb == Verb::Provide && !provisioning_in_maintenance);
    if kept_off && node.maintenance {
        return Err(in_maintenance());
    }
    if verb == Verb::Provide && node.retired {
        return Err(Error::new(
            ErrorKind::InvalidState,
            format!("Node {} is retired and can't be made available.", node.uuid),
        ));
    }
    if matches!(verb, Verb::Delete | Verb::Undeploy | Verb::Rebuild) && node.protected {
        return Err(Error::new(
            ErrorKind::Forbidden,
            format!(
                "Node {} is protected and can not be undeployed, rebuilt or deleted.",
                node.uuid
            ),
        ));
    }
    Ok(())
}

async fn manage(mut accepting: Accepting<'_>) -> Result<()> {
    if accepting.node.provision_state == ProvisionState::Enroll {
        let operation = accepting.operation(OperationKind::Verify, phase::PREPARE);
        return accepting.start(Verb::Manage, operation).await;
    }
    // From the other states there is nothing to do but to say so.
    states::advance(&mut accepting.node, Verb::Manage.event())?;
    accepting.held.save_and_release(&accepting.node).await?;
    Ok(())
}

async fn provide(mut accepting: Accepting<'_>) -> Result<()> {
    if operations::skips_cleaning(&accepting.node, &accepting.ctx.config) {
        let node = &mut accepting.node;
        states::advance(node, Verb::Provide.event())?;
        states::advance(node, ironbark_model::Event::Done)?;
        node.last_error = None;
        accepting.held.save_and_release(&accepting.node).await?;
        return Ok(());
    }
    limits::check_clean(&accepting.ctx.db, &accepting.ctx.config).await?;
    let operation = accepting.operation(OperationKind::Clean, phase::PREPARE);
    accepting.start(Verb::Provide, operation).await
}

async fn inspect(accepting: Accepting<'_>) -> Result<()> {
    accepting.validate(operations::inspect::NEEDED).await?;
    let operation = accepting.operation(OperationKind::Inspect, phase::INSPECT);
    accepting.start(Verb::Inspect, operation).await
}

async fn rescue(mut accepting: Accepting<'_>, args: ProvisionArgs) -> Result<()> {
    let password = args
        .rescue_password
        .filter(|password| !password.trim().is_empty())
        .ok_or_else(|| {
            Error::missing(
                "The provision target 'rescue' needs a rescue_password that isn't blank.",
            )
        })?;
    accepting.node.instance_info.insert(
        operations::rescue::PASSWORD.to_owned(),
        Value::from(password),
    );
    accepting.validate(operations::rescue::NEEDED).await?;
    let operation = accepting.operation(OperationKind::Rescue, phase::RESCUE);
    accepting.start(Verb::Rescue, operation).await
}

async fn unrescue(accepting: Accepting<'_>) -> Result<()> {
    accepting.validate(operations::rescue::NEEDED).await?;
    let operation = accepting.operation(OperationKind::Unrescue, phase::UNRESCUE);
    accepting.start(Verb::Unrescue, operation).await
}

async fn clean(accepting: Accepting<'_>, args: ProvisionArgs) -> Result<()> {
    let wanted = args
        .clean_steps
        .ok_or_else(|| Error::missing("The provision target 'clean' needs clean_steps."))?;
    children::check(accepting.ctx, &accepting.node, StepKind::Clean, &wanted).await?;
    limits::check_clean(&accepting.ctx.db, &accepting.ctx.config).await?;
    accepting.validate(needed(args.disable_ramdisk)).await?;
    let mut operation = accepting.operation(OperationKind::Clean, phase::PREPARE);
    keep_wanted(&mut operation, wanted, args.disable_ramdisk);
    accepting.start(Verb::Clean, operation).await
}

async fn service(accepting: Accepting<'_>, args: ProvisionArgs) -> Result<()> {
    let wanted = args
        .service_steps
        .ok_or_else(|| Error::missing("The provision target 'service' needs service_steps."))?;
    children::check(accepting.ctx, &accepting.node, StepKind::Service, &wanted).await?;
    accepting.validate(needed(args.disable_ramdisk)).await?;
    let before = accepting.ctx.db.operation_of(&accepting.node.uuid).await?;
    let mut operation = accepting.operation(OperationKind::Service, phase::PREPARE);
    keep_wanted(&mut operation, wanted, args.disable_ramdisk);
    accepting
        .start_instead(Verb::Service, operation, before)
        .await
}

/// What can be known to be missing before a cleaning or service begins: without a ramdisk no network has a part in it.
fn needed(disable_ramdisk: Option<bool>) -> &'static [InterfaceKind] {
    if disable_ramdisk == Some(true) {
        &[InterfaceKind::Power]
    } else {
        &[InterfaceKind::Power, InterfaceKind::Network]
    }
}

fn keep_wanted(operation: &mut Operation, wanted: Vec<JsonObject>, disable_ramdisk: Option<bool>) {
    let wanted = wanted.into_iter().map(Value::Object).collect();
    operation
        .args
        .insert(operations::WANTED.to_owned(), Value::Array(wanted));
    if let Some(disable) = disable_ramdisk {
        operation
            .args
            .insert(operations::WITHOUT_RAMDISK.to_owned(), Value::Bool(disable));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(node: &Node, verb: Verb) -> Option<ErrorKind> {
        check(node, verb, true).err().map(|error| error.kind())
    }

    fn node(state: ProvisionState) -> Node {
        Node {
            provision_state: state,
            ..Node::default()
        }
    }

    #[test]
    fn verbs_are_accepted_exactly_where_the_table_of_the_api_says() {
        use ProvisionState as S;
        let table: &[(Verb, &[ProvisionState])] = &[
            (Verb::Deploy, &[S::Available, S::DeployFailed]),
            (Verb::Rebuild, &[S::Active, S::DeployFailed, S::Error]),
            (
                Verb::Delete,
                &[
                    S::Active,
                    S::WaitCallBack,
                    S::DeployFailed,
                    S::Error,
                    S::Rescue,
                    S::RescueWait,
                    S::RescueFailed,
                    S::UnrescueFailed,
                    S::ServiceWait,
                    S::ServiceFailed,
                ],
            ),
            (
                Verb::Manage,
                &[
                    S::Enroll,
                    S::Available,
                    S::CleanFailed,
                    S::InspectFailed,
                    S::AdoptFailed,
                ],
            ),
            (Verb::Provide, &[S::Manageable]),
            (Verb::Clean, &[S::Manageable]),
            (Verb::Adopt, &[S::Manageable, S::AdoptFailed]),
            (
                Verb::Abort,
                &[
                    S::CleanWait,
                    S::CleanHold,
                    S::InspectWait,
                    S::RescueWait,
                    S::DeployHold,
                    S::WaitCallBack,
                    S::ServiceWait,
                    S::ServiceHold,
                    S::ServiceFailed,
                ],
            ),
            (Verb::Unhold, &[S::CleanHold, S::DeployHold, S::ServiceHold]),
            (
                Verb::Service,
                &[S::Active, S::ServiceHold, S::ServiceFailed],
            ),
            (Verb::Inspect, &[S::Manageable, S::InspectFailed]),
            (
                Verb::Rescue,
                &[
                    S::Active,
                    S::Rescue,
                    S::RescueFailed,
                    S::UnrescueFailed,
                    S::ServiceFailed,
                ],
            ),
            (
                Verb::Unrescue,
                &[S::Rescue, S::RescueFailed, S::UnrescueFailed],
            ),
        ];
        for (verb, states) in table {
            for state in S::ALL {
                let expected = (!states.contains(state)).then_some(ErrorKind::InvalidState);
                assert_eq!(kind(&node(*state), *verb), expected, "{verb} in {state}");
            }
        }
    }

    #[test]
    fn maintenance_keeps_off_what_would_use_the_machine() {
        let maintained = |state| Node {
            maintenance: true,
            ..node(state)
        };
        use ProvisionState as S;
        let refused = Some(ErrorKind::NodeInMaintenance);
        assert_eq!(kind(&maintained(S::Available), Verb::Deploy), refused);
        assert_eq!(
            kind(&maintained(S::Enroll), Verb::Deploy),
            refused,
            "before the state is looked at"
        );
        assert_eq!(kind(&maintained(S::Active), Verb::Rebuild), refused);
        assert_eq!(kind(&maintained(S::Manageable), Verb::Clean), refused);
        assert_eq!(kind(&maintained(S::Active), Verb::Service), refused);
        assert_eq!(kind(&maintained(S::Active), Verb::Rescue), refused);
        assert_eq!(kind(&maintained(S::Rescue), Verb::Unrescue), refused);
        assert_eq!(kind(&maintained(S::Manageable), Verb::Inspect), None);
        assert_eq!(kind(&maintained(S::Active), Verb::Delete), None);
        assert_eq!(kind(&maintained(S::Enroll), Verb::Manage), None);
        assert_eq!(kind(&maintained(S::Manageable), Verb::Provide), None);
        assert!(check(&maintained(S::Manageable), Verb::Provide, false).is_err());
    }

    #[test]
    fn retired_nodes_are_not_provided_and_protected_ones_not_deleted() {
        let retired = Node {
            retired: true,
            ..node(ProvisionState::Manageable)
        };
        assert_eq!(kind(&retired, Verb::Provide), Some(ErrorKind::InvalidState));
        let protected = Node {
            protected: true,
            ..node(ProvisionState::Active)
        };
        assert_eq!(kind(&protected, Verb::Delete), Some(ErrorKind::Forbidden));
        assert_eq!(kind(&protected, Verb::Rebuild), Some(ErrorKind::Forbidden));
    }
}
