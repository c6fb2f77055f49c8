//! The actor of one service: takes jobs, has a few under way at a time, logs out when it is idle or forgotten.
//!
//! It lives on the client's runtime. Callers hold only the receiving end of an answer, so one that goes away disturbs
//! nothing: what was sent is finished and logged.

use std::sync::Arc;

use reqwest::header::{ALLOW, ETAG, HeaderName, RETRY_AFTER};
use tokio::{task::JoinSet, time::sleep_until};
use tracing::warn;

use super::{
    RedfishError, Request, Resources, Response, Service,
    command::{Command, Prepared},
    connection::Answer,
    peer::{Caller, Interest, Peer, Shared},
    redirect::{self, Place},
};
use crate::actors::Mailbox;

/// The headers of an answer that callers get, but for `location`.
const SHOWN: [HeaderName; 3] = [ALLOW, ETAG, RETRY_AFTER];
/// Longest header that callers get, in bytes.
const LONGEST_HEADER: usize = 2048;

/// One command on its way to an actor.
pub(super) enum Job {
    /// Send a request.
    Send(Request, Caller<Response>),
    /// Find the resources of a System.
    Find(Option<String>, Caller<Resources>),
    /// Find out whether one of them is other systems' as well.
    Shared(Option<String>, String, Caller<bool>),
}

/// Works until nobody can send jobs any more, or it has been idle for long enough.
pub(super) async fn run(service: Service, shared: Arc<Shared>, mut mailbox: Mailbox<Service, Job>) {
    let idle_timeout = shared.config.idle_timeout;
    let concurrency = shared.config.concurrency.max(1);
    let peer = Arc::new(Peer::new(service, shared));
    let mut under_way = JoinSet::new();
    loop {
        let idle = peer.last_command() + idle_timeout;
        tokio::select! {
            job = mailbox.recv(), if under_way.len() < concurrency => match job {
                Some(job) => {
                    under_way.spawn(serve(Arc::clone(&peer), job));
                }
                None => break,
            },
            Some(_) = under_way.join_next() => {}
            () = sleep_until(idle), if under_way.is_empty() => {
                peer.close().await;
                if mailbox.retire() {
                    return;
                }
                peer.note_command();
            }
        }
    }
    while under_way.join_next().await.is_some() {}
    peer.close().await;
}

async fn serve(peer: Arc<Peer>, job: Job) {
    match job {
        Job::Send(request, caller) => {
            let result = send(&peer, &request, &caller).await;
            let method = request.method.name();
            answer(&peer, method, &request.path, caller, result);
        }
        Job::Find(system, caller) => {
            let result = find(&peer, &system, &caller).await;
            let path = system.as_deref().unwrap_or("the only System");
            answer(&peer, "GET", path, caller, result);
        }
        Job::Shared(system, resource, caller) => {
            let result = is_shared(&peer, &system, &resource, &caller).await;
            answer(&peer, "GET", &resource, caller, result);
        }
    }
}

async fn send(
    peer: &Peer,
    request: &Request,
    interest: &dyn Interest,
) -> Result<Response, RedfishError> {
    let body = request.check()?;
    let prepared = Prepared {
        method: request.method,
        path: &request.path,
        body: body.as_deref(),
    };
    let command = Command::begin(peer, interest).await?;
    let result = command.within(command.send(prepared)).await;
    command.end(&result).await;
    result.map(|answer| shown(peer, request, answer))
}

async fn find(
    peer: &Peer,
    system: &Option<String>,
    interest: &dyn Interest,
) -> Result<Resources, RedfishError> {
    let command = Command::begin(peer, interest).await?;
    let result = command.within(command.find(system)).await;
    command.end(&result).await;
    result
}

async fn is_shared(
    peer: &Peer,
    system: &Option<String>,
    resource: &str,
    interest: &dyn Interest,
) -> Result<bool, RedfishError> {
    let command = Command::begin(peer, interest).await?;
    let result = command.within(command.is_shared(system, resource)).await;
    command.end(&result).await;
    result
}

/// What callers get to see of an answer: nothing that names the host.
fn shown(peer: &Peer, request: &Request, answer: Answer) -> Response {
    let mut headers: Vec<(String, String)> = SHOWN
        .iter()
        .filter_map(|name| {
            let value = answer.headers.get(name)?.to_str().ok()?;
            (value.len() <= LONGEST_HEADER).then(|| (name.to_string(), value.to_owned()))
        })
        .collect();
    let place = redirect::place(&peer.service.address, &request.path, &answer.headers);
    if let Place::OnService(path) = place {
        headers.push(("location".to_owned(), path));
    }
    Response {
        status: answer.status.as_u16(),
        headers,
        body: answer.body,
    }
}

fn answer<T: Send>(
    peer: &Peer,
    method: &str,
    path: &str,
    caller: Caller<T>,
    result: Result<T, RedfishError>,
) {
    let sent = caller.was_sent();
    if let Err(result) = caller.reply.send(result)
        && sent
    {
        warn!(
            host = peer.service.address.host(),
            method,
            path,
            error = result.err().map(|error| error.to_string()),
            "finished a Redfish request that its caller abandoned"
        );
    }
}
