//! Uploading a package.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ironbark_model::Error;
use ironbark_rpc::{Installation, Request};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{decide, online, show};
use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::{nodes, reply};

/// What every WebAssembly binary begins with.
const WASM_MAGIC: &[u8] = b"\0asm";
/// The `.minisig` file in base64. A header, so that the body is the component and nothing else, as it always was.
const SIGNATURE_HEADER: &str = "x-ironbark-signature";

/// `POST /ironbark/v1/packages?grant=…&activate=…&force=…&take_over=…`: the body is the component. Its bytes go into the database,
/// conductors are told the digest; when 201 comes it is in use, unless `activate` is false. 202 says that it awaits approval.
pub(crate) async fn install(context: Context) -> ApiResult {
    context
        .query
        .only(&["grant", "activate", "force", "take_over"])?;
    let activate = context.query.flag("activate")?.unwrap_or(true);
    let mut installation = Installation {
        digest: String::new(),
        grants: grants(&context),
        signature: signature(&context)?,
        activate,
        force: context.query.flag("force")?.unwrap_or(false),
        take_over: context.query.flag("take_over")?.unwrap_or(false),
        by: context.by(),
    };
    let bytes = context.body().clone();
    if !bytes.starts_with(WASM_MAGIC) {
        return Err(ApiError::invalid(
            "The request's body must be a driver package: a WebAssembly component (application/wasm).",
        ));
    }
    // Before 64 MiB go into the database for nobody.
    online(&context).await?;
    installation.digest = digest_of(bytes.clone()).await?;
    let db = context.state.db();
    db.blob_put(&installation.digest, &bytes).await?;
    let request = Request::InstallPackage { installation };
    let answer = nodes::json_reply(decide(&context, request).await?)?;
    let text = |key| answer.get(key).and_then(Value::as_str).unwrap_or_default();
    let view = show::one(&context, text("name")).await?;
    let location = format!("{}/ironbark/v1/packages/{}", context.base, text("name"));
    let waits = activate && answer.get("active") == Some(&Value::Bool(false));
    if waits {
        return reply::located(reply::json(StatusCode::ACCEPTED, &view)?, &location);
    }
    reply::created(&location, &view)
}

/// What the operator grants; `None` if the query doesn't say.
fn grants(context: &Context) -> Option<Vec<String>> {
    let given = context.query.get("grant")?;
    Some(
        given
            .split(',')
            .map(|grant| grant.trim().to_owned())
            .filter(|grant| !grant.is_empty())
            .collect(),
    )
}

fn signature(context: &Context) -> Result<Option<String>, ApiError> {
    let Some(value) = context.headers.get(SIGNATURE_HEADER) else {
        return Ok(None);
    };
    let text = STANDARD
        .decode(value.as_bytes())
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(Some).ok_or_else(|| {
        ApiError::invalid("The header X-Ironbark-Signature must be the .minisig file in base64.")
    })
}

/// SHA-256 in lower-case hex. 64 MiB take a good part of a second: not on the thread that answers others.
async fn digest_of(bytes: bytes::Bytes) -> Result<String, ApiError> {
    tokio::task::spawn_blocking(move || hex(&Sha256::digest(&bytes)))
        .await
        .map_err(|error| {
            Error::internal("The package's digest couldn't be computed.")
                .caused_by(error)
                .into()
        })
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
