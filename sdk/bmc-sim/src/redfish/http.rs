//! Just enough of HTTP/1.1 to answer well, and badly on purpose.

use std::{io, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

use super::{Misbehaviour, reply::Reply};

/// Longest line, and largest body, that is read.
const LONGEST_LINE: u64 = 16 * 1024;
const LARGEST_BODY: usize = 1024 * 1024;
const HEADERS: usize = 100;

/// A connection, with or without TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {
    /// Makes the end of the connection a reset.
    fn will_reset(&self);
}

/// One request.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) body: Value,
    headers: Vec<(String, String)>,
}

impl Stream for TcpStream {
    fn will_reset(&self) {
        let _ = self.set_zero_linger();
    }
}

impl Stream for TlsStream<TcpStream> {
    fn will_reset(&self) {
        self.get_ref().0.will_reset();
    }
}

impl Incoming {
    /// A header's value, by its name in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Reads the next request; `None` at the end of the connection.
pub(super) async fn read<S: Stream>(stream: &mut BufReader<S>) -> io::Result<Option<Incoming>> {
    let first = stream.fill_buf().await?.first().copied();
    if first.is_some_and(|byte| !byte.is_ascii_uppercase()) {
        // No method begins so; TLS does.
        return Err(io::ErrorKind::InvalidData.into());
    }
    let Some(line) = read_line(stream).await? else {
        return Ok(None);
    };
    let mut words = line.split(' ').map(str::to_owned);
    let mut request = Incoming {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        ..Incoming::default()
    };
    loop {
        let line = read_line(stream)
            .await?
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        if line.is_empty() {
            break;
        }
        if request.headers.len() >= HEADERS {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if let Some((name, value)) = line.split_once(':') {
            let name = name.to_ascii_lowercase();
            request.headers.push((name, value.trim().to_owned()));
        }
    }
    let length = request.header("content-length").map_or(Ok(0), str::parse);
    let length: usize = length.map_err(|_| io::ErrorKind::InvalidData)?;
    if length > LARGEST_BODY {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    request.body = serde_json::from_slice(&body).unwrap_or_default();
    Ok(Some(request))
}

/// Sends an answer.
pub(super) async fn write<S: Stream>(stream: &mut S, reply: &Reply) -> io::Result<()> {
    let body = reply
        .body
        .as_ref()
        .map(Value::to_string)
        .unwrap_or_default();
    let mut head = format!("HTTP/1.1 {} -\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if reply.body.is_some() {
        head.push_str("content-type: application/json; charset=utf-8\r\n");
    }
    if reply.status != 204 {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    head.push_str("odata-version: 4.0\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.flush().await
}

/// Answers as it shouldn't; the connection is of no use after that.
pub(super) async fn misbehave<S: Stream>(stream: &mut S, how: &Misbehaviour) -> io::Result<()> {
    let with_body = |headers: &str, body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let text = match how {
        Misbehaviour::Status(status) => {
            return write(
                stream,
                &Reply::error(*status, "InternalError", "It was told to fail."),
            )
            .await;
        }
        Misbehaviour::Unavailable(after) => {
            let mut reply = Reply::error(503, "ServiceTemporarilyUnavailable", "Come back later.");
            if let Some(seconds) = after {
                reply = reply.with("retry-after", seconds.to_string());
            }
            return write(stream, &reply).await;
        }
        Misbehaviour::Redirect(url) => {
            let mut reply = Reply::done().with("location", url.clone());
            reply.status = 307;
            return write(stream, &reply).await;
        }
        Misbehaviour::Giant(size) => return giant(stream, *size).await,
        Misbehaviour::Text(text) => with_body("", text),
        Misbehaviour::Html => {
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>"
                .to_owned()
        }
        Misbehaviour::AnnouncedGiant(size) => {
            format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n\r\n["
            )
        }
        Misbehaviour::ManyHeaders(count) => {
            let headers: String = (0..*count)
                .map(|number| format!("x-{number}: a\r\n"))
                .collect();
            with_body(&headers, "{}")
        }
        Misbehaviour::Compressed => with_body("content-encoding: gzip\r\n", "{}"),
        Misbehaviour::Garbage => "\u{7}SSH-2.0-OpenSSH\r\n\r\n".to_owned(),
        Misbehaviour::HalfABody => {
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\":".to_owned()
        }
        Misbehaviour::Silence => String::new(),
        Misbehaviour::Reset => {
            stream.will_reset();
            return Err(io::ErrorKind::ConnectionReset.into());
        }
    };
    stream.write_all(text.as_bytes()).await?;
    stream.flush().await?;
    if matches!(
        how,
        Misbehaviour::Silence | Misbehaviour::HalfABody | Misbehaviour::AnnouncedGiant(_)
    ) {
        // The client's patience ends it: it closes the connection.
        return gone(stream).await;
    }
    Ok(())
}

/// Waits until the client has closed the connection.
pub(super) async fn gone<S: Stream>(stream: &mut S) -> io::Result<()> {
    let mut rest = [0; 64];
    while stream.read(&mut rest).await? > 0 {}
    Err(io::ErrorKind::UnexpectedEof.into())
}

/// A body in pieces whose size nobody announced.
async fn giant<S: Stream>(stream: &mut S, size: usize) -> io::Result<()> {
    const PIECE: usize = 16 * 1024;
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    let piece = format!("{PIECE:x}\r\n{}\r\n", " ".repeat(PIECE));
    for _ in 0..size.div_ceil(PIECE) {
        stream.write_all(piece.as_bytes()).await?;
    }
    stream.write_all(b"2\r\n{}\r\n0\r\n\r\n").await?;
    stream.flush().await
}

async fn read_line<S: Stream>(stream: &mut BufReader<S>) -> io::Result<Option<String>> {
    let mut text = String::new();
    let read = (&mut *stream)
        .take(LONGEST_LINE)
        .read_line(&mut text)
        .await?;
    if read == 0 {
        return Ok(None);
    }
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Waits as long as a slow service does.
pub(super) async fn dawdle(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}
