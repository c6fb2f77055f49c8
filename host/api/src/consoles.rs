//! `/ironbark/v1/consoles/{node}`: a machine's console as a WebSocket (RFC 6455).
//!
//! What is sent is typed, what the machine writes comes as binary messages. Whoever opens one has a token, from
//! `GET /v1/nodes/{node}/states/console`, instead of credentials: browsers can't send any with a WebSocket. It stands in the query,
//! which is never logged.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::FromRequestParts as _;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::{Request, StatusCode};
use bytes::Bytes;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use ironbark_model::{Error, ErrorKind, Node, Secret};
use ironbark_rpc::{Carried, End, Opening, Reader, Stream, Why, Writer};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, interval_at, timeout};
use tracing::Instrument as _;

use crate::Auth;
use crate::context::{Context, ident};
use crate::error::{ApiError, ApiResult};

/// Longest message that may be typed at once, in bytes.
const MESSAGE: usize = 16 * 1024;
/// Bytes that wait to be written to a client, at most.
const UNSENT: usize = 256 * 1024;
/// How often a client is asked whether it is still there.
const PING: Duration = Duration::from_secs(30);
/// After so long without a sign of life a client is gone.
const SILENT: Duration = Duration::from_secs(75);
/// How long a client may take to read a message.
const SLOW: Duration = Duration::from_secs(60);
/// How long saying farewell may take.
const FAREWELL: Duration = Duration::from_secs(3);
/// Longest reason of a close frame in bytes (RFC 6455 §5.5).
const REASON: usize = 123;

/// Where a console is opened: with the API's own address and this token.
pub(crate) fn address(base: &str, node: &str, token: &Secret) -> String {
    // `http` becomes `ws`, and `https` `wss`.
    let rest = base.strip_prefix("http").unwrap_or(base);
    format!(
        "ws{rest}/ironbark/v1/consoles/{node}?token={}",
        token.expose()
    )
}

/// `GET …/consoles/{node}?token=…`
pub(crate) async fn open(mut context: Context) -> ApiResult {
    context.query.only(&["token"])?;
    let room = context.state.consoles().clone().try_acquire_owned();
    let room = room.map_err(|_| {
        Error::overloaded("Too many consoles are open; try again when others are closed.")
    })?;
    let node = node(&context).await?;
    let token = match context.query.get("token") {
        Some(token) if !token.is_empty() => Carried::from(&Secret::new(token)),
        _ => return Err(no_token()),
    };
    let upgrade = upgrade(&mut context).await?;
    let opening = Opening::Console {
        node: node.uuid.clone(),
        token,
    };
    let stream = context.open(&node, opening).await?;
    let span = tracing::Span::current();
    Ok(upgrade
        .max_message_size(MESSAGE)
        .max_frame_size(MESSAGE)
        .read_buffer_size(MESSAGE)
        .write_buffer_size(0)
        .max_write_buffer_size(UNSENT)
        .on_upgrade(move |socket| serve(socket, stream, room).instrument(span)))
}

/// The node whose console is on. Whoever has no credentials is told no more of others than that the token opens nothing.
async fn node(context: &Context) -> Result<Node, ApiError> {
    let written = context.param("node");
    let found = context.state.db().node_get(&ident(written)?).await?;
    if let Some(node) = &found {
        tracing::Span::current().record("node", node.uuid.as_str());
    }
    match found {
        Some(node) if node.console_enabled => Ok(node),
        _ if !matches!(context.state.config().auth, Auth::NoAuth) => Err(no_token()),
        Some(node) => Err(Error::conflict(format!(
            "The console of node {} is off: switch it on first.",
            node.uuid
        ))
        .into()),
        None => Err(Error::node_not_found(written).into()),
    }
}

fn no_token() -> ApiError {
    Error::new(
        ErrorKind::Forbidden,
        "The console's token is missing, wrong or no longer valid: ask for the console's address again.",
    )
    .into()
}

/// What makes a WebSocket of the request's connection.
async fn upgrade(context: &mut Context) -> Result<WebSocketUpgrade, ApiError> {
    let mut request = Request::new(());
    *request.method_mut() = context.method.clone();
    *request.headers_mut() = context.headers.clone();
    *request.extensions_mut() = std::mem::take(&mut context.extensions);
    let (mut head, ()) = request.into_parts();
    WebSocketUpgrade::from_request_parts(&mut head, &())
        .await
        .map_err(|refused| {
            ApiError::fault(
                StatusCode::BAD_REQUEST,
                format!("A console is opened as a WebSocket, over HTTP/1.1: {refused}."),
            )
        })
}

/// How one direction has ended.
enum Ended {
    /// The client has left, or is gone: there is nobody to tell.
    Left,
    /// The client is told why.
    Told(u16, String),
}

/// When a client last gave a sign of life.
struct Heard(Mutex<Instant>);

/// Carries both ways until one of them ends.
async fn serve(socket: WebSocket, stream: Stream, _room: OwnedSemaphorePermit) {
    let (mut to_client, mut from_client) = socket.split();
    let (writer, mut reader) = stream.split();
    let heard = Arc::new(Heard(Mutex::new(Instant::now())));
    let ended = tokio::select! {
        ended = typed(&mut from_client, &writer, &heard) => ended,
        ended = written(&mut to_client, &mut reader, &heard) => ended,
    };
    // The conductor knows from here on.
    drop((writer, reader));
    let farewell = async {
        if let Ended::Told(code, reason) = ended {
            let frame = CloseFrame {
                code,
                reason: shortened(&reason).into(),
            };
            to_client.send(Message::Close(Some(frame))).await?;
        }
        // The answer to our close, or what is still to be sent of ours to the client's.
        while from_client.next().await.transpose()?.is_some() {}
        Ok::<_, axum::Error>(())
    };
    if !matches!(timeout(FAREWELL, farewell).await, Ok(Ok(()))) {
        tracing::debug!("a console's client was gone before all was said");
    }
}

/// What the client sends is typed. If the machine takes no more, no more is read.
async fn typed(client: &mut SplitStream<WebSocket>, writer: &Writer, heard: &Heard) -> Ended {
    while let Some(message) = client.next().await {
        heard.note();
        let typed: Bytes = match message {
            Ok(Message::Binary(bytes)) => bytes,
            Ok(Message::Text(text)) => text.into(),
            Ok(Message::Ping(_) | Message::Pong(_)) => continue,
            Ok(Message::Close(_)) => return Ended::Left,
            Err(error) => {
                tracing::debug!(%error, "what a console's client sent makes no sense");
                return Ended::Told(
                    1009,
                    format!("Messages have at most {MESSAGE} bytes, and keep to RFC 6455."),
                );
            }
        };
        if !writer.write(&typed).await {
            // Why is on its way in the other direction.
            std::future::pending::<()>().await;
        }
    }
    Ended::Left
}

/// What the machine writes goes to the client, who is asked now and then whether it is still there.
async fn written(
    client: &mut SplitSink<WebSocket, Message>,
    reader: &mut Reader,
    heard: &Heard,
) -> Ended {
    let mut ping = interval_at(Instant::now() + PING, PING);
    loop {
        let message = tokio::select! {
            read = reader.read() => match read {
                Ok(characters) => Message::Binary(characters),
                Err(end) => return told(end),
            },
            _ = ping.tick() => {
                if heard.is_long_ago() {
                    return Ended::Left;
                }
                Message::Ping(Bytes::new())
            }
        };
        match timeout(SLOW, client.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Ended::Left,
            Err(_) => {
                return Ended::Told(1008, "You read too slowly.".to_owned());
            }
        }
    }
}

/// A close code that fits (RFC 6455 §7.4.1).
fn told(end: End) -> Ended {
    let code = match end.why {
        Why::Closed => 1000,
        Why::GoingAway => 1001,
        Why::Revoked => 1008,
        Why::Failed => 1011,
    };
    Ended::Told(code, end.message)
}

/// As much of a reason as a close frame takes.
fn shortened(reason: &str) -> &str {
    let end = (0..=REASON.min(reason.len()))
        .rev()
        .find(|end| reason.is_char_boundary(*end))
        .unwrap_or_default();
    reason.get(..end).unwrap_or_default()
}

impl Heard {
    fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn is_long_ago(&self) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.elapsed() >= SILENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_web_sockets() {
        let token = Secret::new("t");
        for (base, expected) in [
            ("http://127.0.0.1:6385", "ws://127.0.0.1:6385"),
            ("https://metal.example.org/bm", "wss://metal.example.org/bm"),
        ] {
            assert_eq!(
                address(base, "n", &token),
                format!("{expected}/ironbark/v1/consoles/n?token=t")
            );
        }
    }

    #[test]
    fn reasons_are_cut_between_characters() {
        assert_eq!(shortened("short"), "short");
        assert_eq!(shortened(&"x".repeat(200)).len(), REASON);
        let wide = format!("{}é", "x".repeat(REASON - 1));
        assert_eq!(shortened(&wide).len(), REASON - 1);
    }
}
