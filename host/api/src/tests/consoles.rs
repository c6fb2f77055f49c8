//! Consoles over real WebSockets, in front of a scripted conductor.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use futures::{SinkExt as _, StreamExt as _};
use ironbark_model::{Error, ErrorKind, Node, Secret};
use ironbark_rpc::{Carried, End, Opening, Stream, Why};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::auth::guarded;
use super::harness::Site;
use crate::{ApiConfig, Limits};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const PATIENCE: Duration = Duration::from_secs(30);

/// Awaits what must come soon.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

async fn node(site: &Site) -> Node {
    site.node(|node| node.console_enabled = true).await
}

async fn connect(address: SocketAddr, node: &str, token: &str) -> tungstenite::Result<Socket> {
    let url = format!("ws://{address}/ironbark/v1/consoles/{node}?token={token}");
    let connected = soon("an answer", connect_async(url)).await;
    connected.map(|(socket, _)| socket)
}

/// A console that is open: the client's end, and the conductor's.
async fn opened(site: &Site) -> (Socket, Stream) {
    let node = node(site).await;
    let socket = connect(site.listen().await, &node.uuid, "t0ken").await;
    let socket = socket.unwrap();
    let (opening, stream) = site.conductor.stream();
    let Opening::Console { node: asked, token } = opening;
    assert_eq!(asked, node.uuid);
    assert_eq!(token, Carried::from(&Secret::new("t0ken")));
    (socket, stream)
}

/// What the client is sent next, but for pings.
async fn message(socket: &mut Socket) -> Message {
    loop {
        let message = soon("a message", socket.next()).await;
        match message.unwrap().unwrap() {
            Message::Ping(_) => {}
            other => return other,
        }
    }
}

/// Code and reason with which the client is told that it is over.
async fn closed(socket: &mut Socket) -> (u16, String) {
    match message(socket).await {
        Message::Close(Some(frame)) => (frame.code.into(), frame.reason.to_string()),
        other => panic!("no close: {other:?}"),
    }
}

fn status(refused: tungstenite::Result<Socket>) -> u16 {
    match refused {
        Err(tungstenite::Error::Http(answer)) => answer.status().as_u16(),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn characters_cross_both_ways_and_at_last_the_reason() {
    let site = Site::new().await;
    let (mut socket, stream) = opened(&site).await;
    let (writer, mut reader) = stream.split();
    for typed in [Message::binary(&b"\x03ls\r"[..]), Message::text("hé\r")] {
        let expected = typed.clone().into_data();
        socket.send(typed).await.unwrap();
        assert_eq!(soon("it", reader.read()).await.unwrap(), expected);
    }
    assert!(writer.write(b"\xfflogin: ").await);
    assert_eq!(
        message(&mut socket).await,
        Message::binary(&b"\xfflogin: "[..])
    );
    writer.end(&End::new(Why::Revoked, "Switched off.")).await;
    let told = closed(&mut socket).await;
    assert_eq!(told, (1008, "Switched off.".to_owned()));
    soon("the end", writer.closed()).await;
}

#[tokio::test]
async fn each_kind_of_reason_has_its_code() {
    let site = Site::new().await;
    for (why, code) in [
        (Why::Closed, 1000),
        (Why::GoingAway, 1001),
        (Why::Revoked, 1008),
        (Why::Failed, 1011),
    ] {
        let (mut socket, stream) = opened(&site).await;
        let (writer, _reader) = stream.split();
        writer.end(&End::new(why, "r".repeat(500))).await;
        let (told, reason) = closed(&mut socket).await;
        assert_eq!((told, reason.len()), (code, 123), "{why:?}");
    }
    // A conductor that is gone says nothing.
    let (mut socket, stream) = opened(&site).await;
    drop(stream);
    assert_eq!(closed(&mut socket).await.0, 1011);
}

#[tokio::test]
async fn the_conductor_learns_that_the_client_left() {
    let site = Site::new().await;
    let (mut socket, stream) = opened(&site).await;
    let (writer, _reader) = stream.split();
    socket.close(None).await.unwrap();
    soon("the end", writer.closed()).await;
    // Also if it didn't say so.
    let (socket, stream) = opened(&site).await;
    drop(socket);
    soon("the end", stream.split().0.closed()).await;
}

#[tokio::test]
async fn who_types_too_much_at_once_is_told() {
    let site = Site::new().await;
    let (mut socket, _stream) = opened(&site).await;
    socket
        .send(Message::binary(vec![0; 17 * 1024]))
        .await
        .unwrap();
    assert_eq!(closed(&mut socket).await.0, 1009);
}

#[tokio::test]
async fn a_machine_that_takes_nothing_stops_who_types_and_is_heard_all_the_same() {
    let site = Site::new().await;
    let (mut socket, stream) = opened(&site).await;
    // More than waits anywhere, but for what the system keeps.
    for _ in 0..10 {
        socket
            .send(Message::binary(vec![b'x'; 16 * 1024]))
            .await
            .unwrap();
    }
    let (writer, mut reader) = stream.split();
    assert!(writer.write(b"busy").await);
    assert_eq!(message(&mut socket).await, Message::binary(&b"busy"[..]));
    let mut read = 0;
    while read < 160 * 1024 {
        read += soon("the rest", reader.read()).await.unwrap().len();
    }
    assert_eq!(read, 160 * 1024);
}

#[tokio::test]
async fn what_opens_no_console_is_refused() {
    let site = Site::new().await;
    let on = node(&site).await;
    let off = site.node(|node| node.name = Some("off".into())).await;
    let token = "token=t0ken";
    for (node, query, status) in [
        ("nonesuch", token, 404),
        ("00000000-0000-4000-8000-000000000000", token, 404),
        (off.uuid.as_str(), token, 409),
        ("off", token, 409),
        (on.uuid.as_str(), "", 403),
        (on.uuid.as_str(), "token=", 403),
        (on.uuid.as_str(), "token=t0ken&more=1", 400),
        (on.uuid.as_str(), "token=a&token=b", 400),
        // It is all right, but no WebSocket.
        (on.uuid.as_str(), token, 400),
    ] {
        let path = format!("/ironbark/v1/consoles/{node}?{query}");
        let answer = site.raw("GET", &path, &[], Body::empty()).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.text);
        assert!(!answer.text.contains("t0ken"), "{}", answer.text);
    }
    assert_eq!(site.conductor.count(), 0);
    for (kind, expected) in [
        (ErrorKind::Forbidden, 403),
        (ErrorKind::Conflict, 409),
        (ErrorKind::BadGateway, 502),
        (ErrorKind::Overloaded, 503),
    ] {
        site.conductor.next(Err(Error::new(kind, "no")));
        let refused = connect(site.listen().await, &on.uuid, "t0ken").await;
        assert_eq!(status(refused), expected);
    }
}

#[tokio::test]
async fn without_credentials_only_the_token_counts() {
    let site = guarded(Limits::default()).await;
    let on = node(&site).await;
    let off = site.node(|_| {}).await;
    let mut told = Vec::new();
    for node in ["nonesuch", off.uuid.as_str()] {
        let path = format!("/ironbark/v1/consoles/{node}?token=t0ken");
        let answer = site.raw("GET", &path, &[], Body::empty()).await;
        told.push((answer.status.as_u16(), answer.fault()));
    }
    let path = format!("/ironbark/v1/consoles/{}", on.uuid);
    let answer = site.raw("GET", &path, &[], Body::empty()).await;
    told.push((answer.status.as_u16(), answer.fault()));
    assert_eq!(told[0].0, 403);
    assert!(told.iter().all(|other| *other == told[0]), "{told:?}");
    let address = site.listen().await;
    assert!(connect(address, &on.uuid, "t0ken").await.is_ok());
    let (_, _stream) = site.conductor.stream();
}

#[tokio::test]
async fn pages_of_other_sites_may_open_a_console_with_its_token() {
    let site = Site::new().await;
    let on = node(&site).await;
    let address = site.listen().await;
    let url = format!("ws://{address}/ironbark/v1/consoles/{}?token=t", on.uuid);
    let mut request = url.into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("Origin", "https://dashboard.example".parse().unwrap());
    headers.insert("Sec-Fetch-Site", "cross-site".parse().unwrap());
    soon("it", connect_async(request)).await.unwrap();
    site.conductor.stream();
}

#[tokio::test]
async fn so_many_and_no_more() {
    let site = Site::with(ApiConfig {
        limits: Limits {
            consoles: 1,
            ..Limits::default()
        },
        ..ApiConfig::default()
    })
    .await;
    let (mut first, _stream) = opened(&site).await;
    let other = node(&site).await;
    let address = site.listen().await;
    let refused = connect(address, &other.uuid, "t0ken").await;
    assert_eq!(status(refused), 503);
    // Its place is free again when it is closed.
    first.close(None).await.unwrap();
    let again = async {
        while connect(address, &other.uuid, "t0ken").await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon("a place", again).await;
}
