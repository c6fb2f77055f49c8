//! `PUT /v1/nodes/{node}/states/provision` (facts §4.2). The order of checks decides which code a client gets, and
//! clients depend on it: a wrong verb on a node that is busy is 409, on one that isn't 400.

use ironbark_model::{Error, ErrorKind, JsonObject, Node, ProvisionState, Runbook, Verb};
use ironbark_rpc::{ProvisionArgs, Request};
use serde_json::Value;

use super::{configdrive, steps};
use crate::body::Arguments;
use crate::config::DisallowedSteps;
use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::gates::provision as gate;
use crate::nodes;
use crate::routing::NobodyIs;
use crate::standalone;
use crate::versions::Version;

const ARGUMENTS: &[&str] = &[
    "target",
    "configdrive",
    "clean_steps",
    "deploy_steps",
    "service_steps",
    "rescue_password",
    "disable_ramdisk",
    "runbook",
];

/// `PUT …/states/provision`.
pub(crate) async fn change(context: Context) -> ApiResult {
    let mut arguments = Arguments::read(&context, ARGUMENTS)?;
    let wanted = arguments.required_text("target")?;
    let node = context.node().await?;
    let verb: Verb = wanted
        .parse()
        .map_err(|_| nodes::invalid_state(&wanted, &node, node.provision_state.as_str()))?;
    context.version.require(gate::verb_since(verb))?;
    let mut given = Given::read(&mut arguments)?;
    given.check_allowed_steps(&context.state.config().disallowed_steps)?;
    check_state(&node, verb, &wanted)?;
    given.check_configdrive(verb, context.version)?;
    given.open_runbook(&context, &node, verb).await?;
    let args = given.check(verb, node.provision_state, context.version)?;
    let request = Request::Provision {
        node: node.uuid.clone(),
        verb,
        args,
    };
    context.ask(&node, NobodyIs::NotFound, request).await?;
    nodes::accepted(&context)
}

/// Maintenance, then the state machine; the conductor checks both again under the node's reservation.
fn check_state(node: &Node, verb: Verb, wanted: &str) -> Result<(), ApiError> {
    if node.maintenance && matches!(verb, Verb::Deploy | Verb::DeployAlias | Verb::Rebuild) {
        return Err(Error::new(
            ErrorKind::NodeInMaintenance,
            format!(
                "The {wanted} operation can't be performed on node {} because it's in maintenance mode.",
                node.uuid
            ),
        )
        .into());
    }
    if node.provision_state.next(verb.event()).is_some() {
        return Ok(());
    }
    match &node.reservation {
        Some(host) => Err(Error::node_locked(&node.uuid, host).into()),
        None => Err(nodes::invalid_state(wanted, node, node.provision_state.as_str()).into()),
    }
}

/// What came with the verb, not yet checked against it.
struct Given {
    configdrive: Option<Value>,
    clean_steps: Option<Value>,
    deploy_steps: Option<Value>,
    service_steps: Option<Value>,
    rescue_password: Option<String>,
    disable_ramdisk: Option<bool>,
    runbook: Option<String>,
    /// What the runbook says about the ramdisk.
    runbooks_ramdisk: Option<bool>,
}

impl Given {
    fn read(arguments: &mut Arguments) -> Result<Self, ApiError> {
        Ok(Self {
            configdrive: arguments
                .take("configdrive")
                .filter(|value| value.as_str() != Some("")),
            clean_steps: arguments
                .take("clean_steps")
                .filter(|steps| !is_empty(steps)),
            deploy_steps: arguments
                .take("deploy_steps")
                .filter(|steps| !is_empty(steps)),
            service_steps: arguments
                .take("service_steps")
                .filter(|steps| !is_empty(steps)),
            rescue_password: arguments.text("rescue_password")?,
            disable_ramdisk: arguments.flag("disable_ramdisk")?,
            runbook: arguments.text("runbook")?,
            runbooks_ramdisk: None,
        })
    }

    fn check_allowed_steps(&self, disallowed: &DisallowedSteps) -> Result<(), ApiError> {
        for (given, disallowed) in [
            (&self.clean_steps, &disallowed.clean),
            (&self.deploy_steps, &disallowed.deploy),
            (&self.service_steps, &disallowed.service),
        ] {
            if let Some(given) = given {
                steps::check_allowed(given, disallowed)?;
            }
        }
        Ok(())
    }

    fn check_configdrive(&self, verb: Verb, version: Version) -> Result<(), ApiError> {
        match &self.configdrive {
            Some(drive) => configdrive::check(drive, verb, version),
            None => Ok(()),
        }
    }

    /// Puts the runbook's steps into the place of those that would be given otherwise.
    async fn open_runbook(
        &mut self,
        context: &Context,
        node: &Node,
        verb: Verb,
    ) -> Result<(), ApiError> {
        let Some(written) = self.runbook.take() else {
            return Ok(());
        };
        context.version.require(gate::RUNBOOK_SINCE)?;
        if !matches!(verb, Verb::Clean | Verb::Service) {
            return Err(stray("runbook", "clean or service"));
        }
        if self.clean_steps.is_some() || self.service_steps.is_some() {
            return Err(ApiError::invalid(
                "Steps and a runbook can't be given together: leave one of them out.",
            ));
        }
        let runbook: Runbook = standalone::find(context, &written).await?;
        if !runbook.fits(&node.traits) {
            let traits = if runbook.traits.is_empty() {
                format!("it has none: give it some at /v1/runbooks/{written}/traits")
            } else {
                runbook.traits.join(", ")
            };
            return Err(ApiError::invalid(format!(
                "Runbook {written} is not for node {}: the node needs one of the runbook's traits ({traits}).",
                node.uuid
            )));
        }
        let steps = runbook.steps_in_order().into_iter().map(Value::Object);
        let steps = Value::Array(steps.collect());
        let disallowed = &context.state.config().disallowed_steps;
        let disallowed = if verb == Verb::Clean {
            &disallowed.clean
        } else {
            &disallowed.service
        };
        steps::check_allowed(&steps, disallowed)?;
        self.runbooks_ramdisk = Some(runbook.disable_ramdisk);
        if verb == Verb::Clean {
            self.clean_steps = Some(steps);
        } else {
            self.service_steps = Some(steps);
        }
        Ok(())
    }

    fn check(
        self,
        verb: Verb,
        state: ProvisionState,
        version: Version,
    ) -> Result<ProvisionArgs, ApiError> {
        self.check_ramdisk(verb, version)?;
        self.check_belongs(verb, version)?;
        version.require(gate::verb_in_state_since(verb, state))?;
        self.check_complete(verb)?;
        Ok(ProvisionArgs {
            configdrive: self.configdrive,
            clean_steps: steps_of(self.clean_steps, steps::check_ordered)?,
            deploy_steps: steps_of(self.deploy_steps, steps::check_prioritised)?,
            service_steps: steps_of(self.service_steps, steps::check_ordered)?,
            rescue_password: self.rescue_password,
            disable_ramdisk: self.disable_ramdisk.or(self.runbooks_ramdisk),
        })
    }

    fn check_ramdisk(&self, verb: Verb, version: Version) -> Result<(), ApiError> {
        if self.disable_ramdisk.is_none() {
            return Ok(());
        }
        version.require(gate::CLEAN_WITHOUT_RAMDISK_SINCE)?;
        match verb {
            Verb::Clean => Ok(()),
            Verb::Service => version.require(gate::SERVICE_WITHOUT_RAMDISK_SINCE),
            _ => Err(ApiError::invalid(
                "disable_ramdisk is supported only with the targets clean and service.",
            )),
        }
    }

    /// Steps and passwords go with their verbs only.
    fn check_belongs(&self, verb: Verb, version: Version) -> Result<(), ApiError> {
        if self.deploy_steps.is_some() {
            version.require(gate::DEPLOY_STEPS_SINCE)?;
            if !matches!(verb, Verb::Deploy | Verb::Rebuild) {
                return Err(stray("deploy_steps", "active or rebuild"));
            }
        }
        if self.clean_steps.is_some() && verb != Verb::Clean {
            return Err(stray("clean_steps", "clean"));
        }
        if self.service_steps.is_some() && verb != Verb::Service {
            return Err(stray("service_steps", "service"));
        }
        if self.rescue_password.is_some() && verb != Verb::Rescue {
            return Err(stray("rescue_password", "rescue"));
        }
        Ok(())
    }

    fn check_complete(&self, verb: Verb) -> Result<(), ApiError> {
        let password_given = self
            .rescue_password
            .as_ref()
            .is_some_and(|password| !password.trim().is_empty());
        let missing = match verb {
            Verb::Clean if self.clean_steps.is_none() => "clean_steps or runbook",
            Verb::Service if self.service_steps.is_none() => "service_steps or runbook",
            Verb::Rescue if !password_given => "a non-empty rescue_password",
            _ => return Ok(()),
        };
        Err(ApiError::invalid(format!(
            "{missing} is required when setting the target provision state to {}.",
            verb.as_str()
        )))
    }
}

fn stray(what: &str, targets: &str) -> ApiError {
    ApiError::invalid(format!(
        "{what} is only valid when setting the target provision state to {targets}."
    ))
}

fn is_empty(steps: &Value) -> bool {
    steps.as_array().is_some_and(Vec::is_empty)
}

fn steps_of(
    given: Option<Value>,
    check: fn(&Value) -> Result<Vec<JsonObject>, ApiError>,
) -> Result<Option<Vec<JsonObject>>, ApiError> {
    given.as_ref().map(check).transpose()
}
