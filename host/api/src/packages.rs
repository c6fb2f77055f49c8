//! `/ironbark/v1/packages`: driver packages, which Ironic doesn't have.

use axum::http::StatusCode;
use ironbark_model::package::DriverPackage;
use ironbark_model::{Conductor, Error, ErrorKind};
use ironbark_rpc::{Reply, Request};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::view::time::Written;
use crate::{nodes, reply};

/// What every WebAssembly binary begins with.
const WASM_MAGIC: &[u8] = b"\0asm";

/// `GET /ironbark/v1/packages`.
pub(crate) async fn list(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let packages = context.state.db().package_list().await?;
    let shown: Vec<View<'_>> = packages
        .iter()
        .map(|package| view(&context, package))
        .collect();
    reply::ok(&json!({"packages": shown}))
}

/// `GET /ironbark/v1/packages/{name}`.
pub(crate) async fn show(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let name = context.param("name");
    let package = context
        .state
        .db()
        .package_get(name)
        .await?
        .ok_or_else(|| not_found(name))?;
    reply::ok(&view(&context, &package))
}

/// `POST /ironbark/v1/packages?grant=…`: the body is the component. Its bytes go into the database, conductors are
/// told the digest; it is in use when the answer comes.
pub(crate) async fn install(context: Context) -> ApiResult {
    context.query.only(&["grant"])?;
    let grants: Vec<String> = context
        .query
        .get("grant")
        .unwrap_or_default()
        .split(',')
        .map(|grant| grant.trim().to_owned())
        .filter(|grant| !grant.is_empty())
        .collect();
    let bytes = context.body().clone();
    if !bytes.starts_with(WASM_MAGIC) {
        return Err(ApiError::invalid(
            "The request's body must be a driver package: a WebAssembly component (application/wasm).",
        ));
    }
    let conductors = online(&context).await?;
    let digest = digest_of(bytes.clone()).await?;
    context.state.db().blob_put(&digest, &bytes).await?;
    let request = Request::InstallPackage { digest, grants };
    let answer = nodes::json_reply(ask_all(&context, &conductors, request, |_| false).await?)?;
    context.state.routing().forget();
    let name = answer
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let package = context
        .state
        .db()
        .package_get(name)
        .await?
        .ok_or_else(|| Error::internal("The package was installed, and is not there."))?;
    let location = format!("{}/ironbark/v1/packages/{}", context.base, package.name);
    reply::created(&location, &view(&context, &package))
}

/// `DELETE /ironbark/v1/packages/{name}`.
pub(crate) async fn remove(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let name = context.param("name").to_owned();
    let conductors = online(&context).await?;
    let gone = |error: &ApiError| error.status() == StatusCode::NOT_FOUND;
    let answer = ask_all(&context, &conductors, Request::RemovePackage { name }, gone).await;
    context.state.routing().forget();
    answer?;
    reply::no_content()
}

/// Conductors that can be told.
async fn online(context: &Context) -> Result<Vec<Conductor>, ApiError> {
    let snapshot = context.state.routing().fresh().await?;
    if snapshot.online.is_empty() {
        return Err(Error::new(
            ErrorKind::NoConductor,
            "No conductor is online that could take the package; try again when one is.",
        )
        .into());
    }
    Ok(snapshot.online.clone())
}

/// Asks all conductors, one after another. The first that is there decides; the others follow, and one that can't will
/// find out by itself from the database. `done` errors of the others are none.
async fn ask_all(
    context: &Context,
    conductors: &[Conductor],
    request: Request,
    done: impl Fn(&ApiError) -> bool,
) -> Result<Reply, ApiError> {
    let mut decided: Option<Reply> = None;
    let mut unreachable: Option<ApiError> = None;
    for conductor in conductors {
        match context.ask_host(&conductor.hostname, request.clone()).await {
            Ok(answer) => decided = decided.or(Some(answer)),
            Err(error) if error.status() == StatusCode::SERVICE_UNAVAILABLE => {
                tracing::warn!(conductor = %conductor.hostname, error = %error.message(), "conductor not told of the package");
                unreachable = Some(error);
            }
            Err(error) if decided.is_none() => return Err(error),
            Err(error) if done(&error) => {}
            Err(error) => {
                tracing::warn!(conductor = %conductor.hostname, error = %error.message(), "conductor refused the package");
            }
        }
    }
    match (decided, unreachable) {
        (Some(answer), _) => Ok(answer),
        (None, Some(error)) => Err(error),
        (None, None) => Err(Error::new(ErrorKind::NoConductor, "No conductor is online.").into()),
    }
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

fn not_found(name: &str) -> Error {
    Error::not_found(format!("Driver package {name} could not be found."))
}

#[derive(Serialize)]
struct View<'a> {
    name: &'a str,
    version: &'a str,
    vendor: &'a str,
    digest: &'a str,
    size: i64,
    granted: &'a [String],
    hardware_types: &'a [String],
    source: &'static str,
    file: Option<&'a str>,
    created_at: Written,
    links: [Value; 1],
}

fn view<'a>(context: &Context, package: &'a DriverPackage) -> View<'a> {
    View {
        name: &package.name,
        version: &package.version,
        vendor: &package.vendor,
        digest: &package.digest,
        size: package.size,
        granted: &package.granted,
        hardware_types: &package.hardware_types,
        source: package.source.as_str(),
        file: package.file.as_deref(),
        created_at: Written(package.created_at),
        links: [json!({
            "href": format!("{}/ironbark/v1/packages/{}", context.base, package.name),
            "rel": "self",
        })],
    }
}
