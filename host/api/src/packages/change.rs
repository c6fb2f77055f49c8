//! Changing which versions are used, and what they may do.

use ironbark_model::Error;
use ironbark_model::lifecycle::CanaryScope;
use ironbark_rpc::{PackageChange, Request};
use serde_json::Value;

use super::decide;
use crate::body::Arguments;
use crate::context::{Context, ident};
use crate::error::{ApiError, ApiResult};
use crate::{body, nodes, reply};

/// `DELETE /ironbark/v1/packages/{name}?version=…`.
pub(crate) async fn remove(context: Context) -> ApiResult {
    context.query.only(&["version"])?;
    let request = Request::RemovePackage {
        name: context.param("name").to_owned(),
        version: context.query.get("version").map(str::to_owned),
        by: context.by(),
    };
    decide(&context, request).await?;
    reply::no_content()
}

/// `POST /ironbark/v1/packages/{name}/activate`.
pub(crate) async fn activate(context: Context) -> ApiResult {
    let mut given = Arguments::read(&context, &["version", "force", "dry_run"])?;
    let change = PackageChange::Activate {
        version: given.text("version")?,
        force: yes(&mut given, "force")?,
        dry_run: yes(&mut given, "dry_run")?,
    };
    ask(&context, change).await
}

/// `POST /ironbark/v1/packages/{name}/rollback`.
pub(crate) async fn roll_back(context: Context) -> ApiResult {
    let mut given = Arguments::read(&context, &["version", "force", "dry_run"])?;
    let change = PackageChange::Rollback {
        version: given.text("version")?,
        force: yes(&mut given, "force")?,
        dry_run: yes(&mut given, "dry_run")?,
    };
    ask(&context, change).await
}

/// `POST /ironbark/v1/packages/{name}/canary`.
pub(crate) async fn canary(context: Context) -> ApiResult {
    let known = ["version", "force", "nodes", "percent", "conductor_group"];
    let mut given = Arguments::read(&context, &known)?;
    let change = PackageChange::Canary {
        version: given.text("version")?,
        force: yes(&mut given, "force")?,
        scope: scope(&context, &mut given).await?,
    };
    ask(&context, change).await
}

/// `POST /ironbark/v1/packages/{name}/promote`.
pub(crate) async fn promote(context: Context) -> ApiResult {
    let mut given = Arguments::read(&context, &["force"])?;
    let force = yes(&mut given, "force")?;
    ask(&context, PackageChange::Promote { force }).await
}

/// `POST /ironbark/v1/packages/{name}/disable`.
pub(crate) async fn disable(context: Context) -> ApiResult {
    let mut given = Arguments::read(&context, &["version", "force"])?;
    let change = PackageChange::Disable {
        version: given.text("version")?,
        force: yes(&mut given, "force")?,
    };
    ask(&context, change).await
}

/// `POST /ironbark/v1/packages/{name}/quarantine`.
pub(crate) async fn quarantine(context: Context) -> ApiResult {
    let mut given = Arguments::read(&context, &["version", "now"])?;
    let change = PackageChange::Quarantine {
        version: given.text("version")?,
        now: yes(&mut given, "now")?,
    };
    ask(&context, change).await
}

/// `POST /ironbark/v1/packages/{name}/release`.
pub(crate) async fn release(context: Context) -> ApiResult {
    let mut given = Arguments::read(&context, &["version"])?;
    let version = given.text("version")?;
    ask(&context, PackageChange::Release { version }).await
}

/// `PUT /ironbark/v1/packages/{name}/grants`.
pub(crate) async fn grant(context: Context) -> ApiResult {
    let mut given = Arguments::read(&context, &["granted", "version"])?;
    let version = given.text("version")?;
    let granted = texts(&mut given, "granted")?.ok_or_else(|| body::missing("granted"))?;
    ask(&context, PackageChange::Grant { version, granted }).await
}

async fn ask(context: &Context, change: PackageChange) -> ApiResult {
    let request = Request::ChangePackage {
        name: context.param("name").to_owned(),
        change,
        by: context.by(),
    };
    reply::ok(&nodes::json_reply(decide(context, request).await?)?)
}

/// On which nodes: exactly one of the three ways to say so.
async fn scope(context: &Context, given: &mut Arguments) -> Result<CanaryScope, ApiError> {
    let named = texts(given, "nodes")?;
    let percent = given.integer("percent")?;
    let group = given.text("conductor_group")?;
    match (named, percent, group) {
        (Some(named), None, None) => {
            let mut uuids = Vec::new();
            for ident in named {
                uuids.push(uuid_of(context, &ident).await?);
            }
            Ok(CanaryScope::Nodes(uuids))
        }
        // What no share is, the conductor says.
        (None, Some(percent), None) => Ok(CanaryScope::Percent(u8::try_from(percent).unwrap_or(0))),
        (None, None, Some(group)) => Ok(CanaryScope::ConductorGroup(group.to_lowercase())),
        _ => Err(ApiError::invalid(
            "A canary needs one of nodes (a list of UUIDs or names), percent (1 to 99) or conductor_group.",
        )),
    }
}

/// By UUID or name: these paths have no microversion that wouldn't know names.
async fn uuid_of(context: &Context, written: &str) -> Result<String, ApiError> {
    let node = context.state.db().node_get(&ident(written)?).await?;
    Ok(node.ok_or_else(|| Error::node_not_found(written))?.uuid)
}

fn yes(given: &mut Arguments, name: &str) -> Result<bool, ApiError> {
    Ok(given.flag(name)?.unwrap_or(false))
}

/// A list of texts.
pub(crate) fn texts(given: &mut Arguments, name: &str) -> Result<Option<Vec<String>>, ApiError> {
    let wrong = || {
        ApiError::invalid(format!(
            "Invalid value for {name}: a list of texts is expected."
        ))
    };
    match given.take(name) {
        None => Ok(None),
        Some(Value::Array(items)) => items
            .into_iter()
            .map(|item| match item {
                Value::String(text) => Ok(text),
                _ => Err(wrong()),
            })
            .collect::<Result<_, _>>()
            .map(Some),
        Some(_) => Err(wrong()),
    }
}
