//! A thousand clients at once, among them some that never say what they want: everybody else is answered.

use std::sync::Arc;
use std::time::Duration;

use ironbark_tests::{Service, Setup, Stage, enrol};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

const CLIENTS: usize = 1_000;
/// Clients that begin a request and never end it: half of them in its head, half in its body.
const SLOW: usize = 100;
/// Requests of each client over its one connection.
const REQUESTS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_clients_are_answered_beside_slow_ones() {
    if !may_connect() {
        eprintln!("left out: this process may not have {CLIENTS} connections (ulimit -Hn)");
        return;
    }
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default().set("log", "level", "warn")).await;
    let client = service.client();
    enrol(client, &json!({"name": "one", "driver": "fake-hardware"})).await;
    let authority = client.url().trim_start_matches("http://").to_owned();

    let mut slow = Vec::new();
    for number in 0..SLOW {
        let begun = if number % 2 == 0 {
            format!("GET /v1/nodes HTTP/1.1\r\nHost: {authority}\r\nX-Sl")
        } else {
            format!(
                "POST /v1/nodes HTTP/1.1\r\nHost: {authority}\r\nContent-Length: 1000\r\n\r\n{{"
            )
        };
        let mut connection = TcpStream::connect(&authority).await.unwrap();
        connection.write_all(begun.as_bytes()).await.unwrap();
        slow.push(connection);
    }

    // All are connected before any asks, and none leaves before all were answered.
    let barrier = Arc::new(Barrier::new(CLIENTS));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (authority, barrier) = (authority.clone(), Arc::clone(&barrier));
        clients.spawn(async move {
            let mut connection = TcpStream::connect(&authority).await.unwrap();
            barrier.wait().await;
            for _ in 0..REQUESTS {
                let body = ask(&mut connection, &authority).await;
                assert!(body.contains("\"name\":\"one\""), "{body}");
            }
            barrier.wait().await;
        });
    }
    let answering = async {
        while let Some(one) = clients.join_next().await {
            one.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, answering)
        .await
        .unwrap_or_else(|_| panic!("not all were answered within {PATIENCE:?}"));

    client.get("/v1/nodes").await.expect(200);
    // A slow one may end what it began.
    slow[0].write_all(b"ow: yes\r\n\r\n").await.unwrap();
    let (head, _) = answer(&mut slow[0]).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(!service.log().contains("panicked"));
}

async fn ask(connection: &mut TcpStream, authority: &str) -> String {
    let request = format!(
        "GET /v1/nodes/one HTTP/1.1\r\nHost: {authority}\r\nX-OpenStack-Ironic-API-Version: 1.115\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let (head, body) = answer(connection).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}\n{body}");
    body
}

/// Head and body of one answer.
async fn answer(connection: &mut TcpStream) -> (String, String) {
    let mut read = Vec::new();
    loop {
        let count = connection.read_buf(&mut read).await.unwrap();
        let text = String::from_utf8_lossy(&read);
        assert!(count > 0, "it was closed after {text:?}");
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length: usize = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map(|(_, value)| value.parse().unwrap())
            .unwrap();
        if body.len() >= length {
            return (head.to_owned(), body.to_owned());
        }
    }
}

/// Raises what this process may have, and says whether it is enough beside the other tests of the program.
fn may_connect() -> bool {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let wanted = (CLIENTS + SLOW + 1_000) as u64;
    // The service takes half of the descriptors that it may have as connections.
    let enough = limit.maximum.is_none_or(|maximum| maximum >= 2 * wanted);
    enough && setrlimit(Resource::Nofile, raised).is_ok()
}
