//! Accepting a deployment, a rebuild, and a tear-down.

use ironbark_boot::config_drive::{self, ConfigDriveError};
use ironbark_model::operation::OperationKind;
use ironbark_model::step::StepKind;
use ironbark_model::{Error, ErrorKind, InterfaceKind, Node, Result, Verb};
use ironbark_rpc::ProvisionArgs;
use serde_json::Value;

use super::provision::Accepting;
use crate::operations::{phase, steps, templates};
use crate::reconcile::limits;

/// Accepts a deployment: whatever can be known to be missing is refused now, and changes nothing.
pub(super) async fn deploy(
    mut accepting: Accepting<'_>,
    verb: Verb,
    args: ProvisionArgs,
) -> Result<()> {
    limits::check_deploy(&accepting.ctx.db, &accepting.ctx.config).await?;
    let traits = check_traits(&accepting.node)?;
    let call = accepting.call();
    call.validate(InterfaceKind::Power).await?;
    call.validate(InterfaceKind::Deploy).await?;
    let offered = call.steps(StepKind::Deploy)?;
    let db = &accepting.ctx.db;
    let templates = db.deploy_templates_named(&traits).await?;
    let wanted = templates::with_templates(args.deploy_steps.unwrap_or_default(), &templates)?;
    let mut operation = accepting.operation(OperationKind::Deploy, phase::PREPARE);
    operation.steps = steps::deployment(offered, &wanted)?;
    if verb == Verb::Rebuild {
        operation
            .args
            .insert("rebuild".to_owned(), Value::Bool(true));
    }
    if let Some(given) = args.configdrive {
        let drive = config_drive(given, &accepting.node).await?;
        accepting
            .node
            .instance_info
            .insert("configdrive".to_owned(), drive);
    }
    accepting.start(verb, operation).await
}

/// Accepts a tear-down. What waited before is given up.
pub(super) async fn tear_down(accepting: Accepting<'_>) -> Result<()> {
    limits::check_clean(&accepting.ctx.db, &accepting.ctx.config).await?;
    accepting.call().validate(InterfaceKind::Power).await?;
    let before = accepting.ctx.db.operation_of(&accepting.node.uuid).await?;
    let operation = accepting.operation(OperationKind::TearDown, phase::TEAR_DOWN);
    accepting
        .start_instead(Verb::Delete, operation, before)
        .await
}

/// The config drive as it is kept: what is given as text stays, an object becomes an image.
async fn config_drive(given: Value, node: &Node) -> Result<Value> {
    let Value::Object(object) = given else {
        return Ok(given);
    };
    let (uuid, name) = (node.uuid.clone(), node.name.clone());
    // Compressing a large one takes a second.
    let made =
        tokio::task::spawn_blocking(move || config_drive::encoded(&object, &uuid, name.as_deref()))
            .await
            .map_err(|error| {
                Error::internal("A config drive couldn't be made.").caused_by(error)
            })?;
    made.map(Value::from).map_err(|error| match error {
        ConfigDriveError::Write(_) => {
            Error::internal("A config drive couldn't be made.").caused_by(error)
        }
        ConfigDriveError::TooLarge => Error::new(ErrorKind::TooLarge, format!("Refused: {error}.")),
        _ => Error::invalid(format!("Refused: {error}.")),
    })
}

/// The traits that the instance needs, which must be the node's.
fn check_traits(node: &Node) -> Result<Vec<String>> {
    let Some(wanted) = node.instance_info.get("traits") else {
        return Ok(Vec::new());
    };
    let wanted = wanted
        .as_array()
        .filter(|items| items.iter().all(Value::is_string))
        .ok_or_else(|| Error::invalid("instance_info.traits must be a list of texts."))?;
    let wanted: Vec<String> = wanted
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|name| !node.traits.contains(name))
        .map(String::as_str)
        .collect();
    if missing.is_empty() {
        return Ok(wanted);
    }
    Err(Error::invalid(format!(
        "The instance needs traits that node {} doesn't have: {}.",
        node.uuid,
        missing.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn the_instances_traits_must_be_the_nodes() {
        let node = |wanted: Value| Node {
            traits: vec!["CUSTOM_A".into()],
            instance_info: json!({"traits": wanted}).as_object().unwrap().clone(),
            ..Node::default()
        };
        assert!(check_traits(&Node::default()).is_ok());
        assert!(check_traits(&node(json!(["CUSTOM_A"]))).is_ok());
        let error = check_traits(&node(json!(["CUSTOM_A", "CUSTOM_B"]))).unwrap_err();
        assert!(error.message().contains("CUSTOM_B"));
        assert!(check_traits(&node(json!("CUSTOM_A"))).is_err());
        assert!(check_traits(&node(json!([1]))).is_err());
    }
}
