//! `/ironbark/v1/packages`: driver packages, which Ironic doesn't have. Conductors change them; this asks and shows.

pub(crate) mod change;
pub(crate) mod install;
pub(crate) mod report;
pub(crate) mod show;
mod view;

use axum::http::StatusCode;
use ironbark_model::{Conductor, Error, ErrorKind};
use ironbark_rpc::{Reply, Request};

use crate::context::Context;
use crate::error::ApiError;

/// Lets one conductor decide and do it: the first that is there. The others follow at once, or when they look at the database
/// next.
pub(crate) async fn decide(context: &Context, request: Request) -> Result<Reply, ApiError> {
    let conductors = online(context).await?;
    let decided = first_answer(context, &conductors, request).await;
    context.state.routing().forget();
    let (decided_by, answer) = decided?;
    let others = conductors
        .iter()
        .filter(|one| one.hostname != decided_by)
        .map(|one| async move {
            let told = context.ask_host(&one.hostname, Request::FollowPackages).await;
            if let Err(error) = told {
                tracing::warn!(conductor = %one.hostname, error = %error.message(), "conductor not told of the change of packages: it finds out by itself");
            }
        });
    futures::future::join_all(others).await;
    context.state.routing().forget();
    Ok(answer)
}

/// Conductors that can be told.
pub(crate) async fn online(context: &Context) -> Result<Vec<Conductor>, ApiError> {
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

async fn first_answer(
    context: &Context,
    conductors: &[Conductor],
    request: Request,
) -> Result<(String, Reply), ApiError> {
    let mut unreachable = Error::new(ErrorKind::NoConductor, "No conductor is online.").into();
    for conductor in conductors {
        match context.ask_host(&conductor.hostname, request.clone()).await {
            Ok(answer) => return Ok((conductor.hostname.clone(), answer)),
            Err(error) if error.status() == StatusCode::SERVICE_UNAVAILABLE => {
                tracing::warn!(conductor = %conductor.hostname, error = %error.message(), "conductor can't be asked about packages");
                unreachable = error;
            }
            Err(error) => return Err(error),
        }
    }
    Err(unreachable)
}
