//! `/ironbark/v1/publishers`: whose signatures on packages count.

use ironbark_model::lifecycle::{Publisher, publisher_history};
use ironbark_model::{Error, Timestamp};
use ironbark_rpc::Request;
use serde_json::{Value, json};

use crate::body::Arguments;
use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::packages::change::texts;
use crate::packages::decide;
use crate::packages::show::history_of;
use crate::view::time::Written;
use crate::{nodes, reply};

/// Most characters of a publisher's name, and of a pattern for packages.
const MAX_NAME: usize = 64;
/// Most patterns of one publisher.
const MAX_PATTERNS: usize = 100;

/// `GET /ironbark/v1/publishers`.
pub(crate) async fn list(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let publishers = context.state.db().publishers().await?;
    let shown: Vec<Value> = publishers.iter().map(view).collect();
    reply::ok(&json!({"publishers": shown}))
}

/// `POST /ironbark/v1/publishers`: trusts one.
pub(crate) async fn trust(context: Context) -> ApiResult {
    let known = ["name", "public_key", "packages", "expires_at"];
    let mut given = Arguments::read(&context, &known)?;
    let publisher = Publisher {
        name: checked_name(given.required_text("name")?)?,
        public_key: given.required_text("public_key")?,
        packages: checked_patterns(texts(&mut given, "packages")?)?,
        expires_at: given
            .text("expires_at")?
            .map(|text| text.parse::<Timestamp>())
            .transpose()?,
        created_at: Timestamp::now(),
    };
    let request = Request::TrustPublisher {
        publisher,
        by: context.by(),
    };
    let answer = nodes::json_reply(decide(&context, request).await?)?;
    let publisher: Publisher = serde_json::from_value(answer).map_err(|error| {
        ironbark_model::Error::internal("The conductor's answer is no publisher.").caused_by(error)
    })?;
    let location = format!("{}/ironbark/v1/publishers/{}", context.base, publisher.name);
    reply::created(&location, &view(&publisher))
}

/// `DELETE /ironbark/v1/publishers/{name}?quarantine=…`: trusts one no longer, and lists what it signed.
pub(crate) async fn remove(context: Context) -> ApiResult {
    context.query.only(&["quarantine"])?;
    let request = Request::RemovePublisher {
        name: context.param("name").to_owned(),
        quarantine: context.query.flag("quarantine")?.unwrap_or(false),
        by: context.by(),
    };
    reply::ok(&nodes::json_reply(decide(&context, request).await?)?)
}

/// `GET /ironbark/v1/publishers/{name}/history`: who trusted it with what, and who no longer; also of one that was removed.
pub(crate) async fn history(context: Context) -> ApiResult {
    let name = context.param("name");
    let none = Error::not_found(format!("Publisher {name} could not be found."));
    history_of(&context, &publisher_history(name), none).await
}

fn view(publisher: &Publisher) -> Value {
    json!({
        "name": publisher.name,
        "public_key": publisher.public_key,
        "packages": publisher.packages,
        "expires_at": publisher.expires_at.map(Written),
        "expired": publisher.is_expired_at(Timestamp::now()),
        "created_at": Written(publisher.created_at),
    })
}

fn checked_name(name: String) -> Result<String, ApiError> {
    if is_plain(&name, "-.") {
        Ok(name)
    } else {
        Err(ApiError::invalid(format!(
            "A publisher's name has from 1 to {MAX_NAME} letters, digits, dots and hyphens."
        )))
    }
}

/// Deny by default: somebody who may sign everything is named so.
fn checked_patterns(patterns: Option<Vec<String>>) -> Result<Vec<String>, ApiError> {
    let patterns = patterns.unwrap_or_default();
    if patterns.is_empty() || patterns.len() > MAX_PATTERNS {
        return Err(ApiError::invalid(format!(
            "packages must list from 1 to {MAX_PATTERNS} names of packages that the publisher may sign, such as [\"acme*\"]."
        )));
    }
    match patterns.iter().find(|pattern| !is_plain(pattern, "-*")) {
        None => Ok(patterns),
        Some(wrong) => Err(ApiError::invalid(format!(
            "\"{wrong}\" can't be the name of a package: lower-case letters, digits, hyphens and * for any text."
        ))),
    }
}

fn is_plain(text: &str, also: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_NAME
        && text
            .chars()
            .all(|one| one.is_ascii_alphanumeric() || also.contains(one))
}
