//! Streams: bytes in both directions between an API and a conductor, after a request that opened them was granted.
//!
//! A transport carries messages of bytes ([`Pipe`]) and knows nothing of what is in them. [`Stream`] is what both ends write and
//! read: data, and at last why it is over. All that waits between them is bounded: who reads slowly stops who writes, and nobody else.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::ramdisk::Carried;

/// Messages that wait in each direction.
pub const WAITING: usize = 64;
/// Most bytes of data in one message.
pub const PIECE: usize = 1024;

/// Tags of messages.
const DATA: u8 = 0;
const END: u8 = 1;

/// What a stream is opened to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opening {
    /// A machine's serial console: what is typed goes one way, what the machine writes the other.
    Console {
        /// Which node.
        node: String,
        /// Proves that the caller was told where the console is.
        token: Carried,
    },
}

/// Why a stream is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// What kind of reason.
    pub why: Why,
    /// What whoever looks is told.
    pub message: String,
}

/// What kind of reason a stream has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Who serves it stops, or has to leave it to somebody else: opening it again may work at once.
    GoingAway,
    /// It may not go on: switched off, changed, idle, or too long.
    Revoked,
    /// The other side failed: the machine's BMC says nothing more, or a conductor is gone.
    Failed,
    /// The other side ended it.
    Closed,
}

impl End {
    /// A reason.
    pub fn new(why: Why, message: impl Into<String>) -> Self {
        Self {
            why,
            message: message.into(),
        }
    }

    /// Nobody said why.
    pub fn unexplained() -> Self {
        Self::new(Why::Failed, "The conductor is gone.")
    }
}

/// One end of what a transport carries for a stream: whole messages, in order. When one end is dropped, the other one sees it.
#[derive(Debug)]
pub struct Pipe {
    /// Messages to the other end.
    pub to: mpsc::Sender<Bytes>,
    /// Messages from the other end.
    pub from: mpsc::Receiver<Bytes>,
}

/// Both ends of a pipe, with [`WAITING`] messages in each direction.
pub fn pipe() -> (Pipe, Pipe) {
    let (to_there, from_here) = mpsc::channel(WAITING);
    let (to_here, from_there) = mpsc::channel(WAITING);
    let here = Pipe {
        to: to_there,
        from: from_there,
    };
    let there = Pipe {
        to: to_here,
        from: from_here,
    };
    (here, there)
}

/// One end of a stream. It is over for both when one of them is dropped.
#[derive(Debug)]
pub struct Stream {
    writer: Writer,
    reader: Reader,
}

/// The direction away from here.
#[derive(Clone, Debug)]
pub struct Writer(mpsc::Sender<Bytes>);

/// The direction to here.
#[derive(Debug)]
pub struct Reader(mpsc::Receiver<Bytes>);

impl Stream {
    /// What is written into a pipe and read from it.
    pub fn over(pipe: Pipe) -> Self {
        Self {
            writer: Writer(pipe.to),
            reader: Reader(pipe.from),
        }
    }

    /// Both directions apart.
    pub fn split(self) -> (Writer, Reader) {
        (self.writer, self.reader)
    }
}

impl Writer {
    /// Sends data, in pieces; waits while the other end doesn't read. False if it is gone.
    pub async fn write(&self, data: &[u8]) -> bool {
        for piece in data.chunks(PIECE) {
            if self.0.send(tagged(DATA, piece)).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Says why the stream is over. Whoever has to tell it waits no longer than the other end reads.
    pub async fn end(&self, end: &End) {
        // A struct of texts always serialises.
        let text = serde_json::to_vec(end).unwrap_or_default();
        let _ = self.0.send(tagged(END, &text)).await;
    }

    /// Resolves when the other end is gone.
    pub async fn closed(&self) {
        self.0.closed().await;
    }
}

impl Reader {
    /// The next data, never empty and never more than [`PIECE`], or why there is no more.
    pub async fn read(&mut self) -> Result<Bytes, End> {
        loop {
            let Some(mut message) = self.0.recv().await else {
                return Err(End::unexplained());
            };
            let tag = message.split_to(message.len().min(1));
            match tag.first() {
                Some(&DATA) if message.len() > PIECE => return Err(End::unexplained()),
                Some(&DATA) if !message.is_empty() => return Ok(message),
                Some(&END) => {
                    return Err(
                        serde_json::from_slice(&message).unwrap_or_else(|_| End::unexplained())
                    );
                }
                // Of a later version, or nothing: not for us.
                _ => {}
            }
        }
    }
}

fn tagged(tag: u8, content: &[u8]) -> Bytes {
    let mut message = Vec::with_capacity(content.len() + 1);
    message.push(tag);
    message.extend_from_slice(content);
    Bytes::from(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn data_crosses_in_order_and_then_the_reason() {
        let (here, there) = pipe();
        let (writer, _keep) = Stream::over(here).split();
        let (_other, mut reader) = Stream::over(there).split();
        assert!(writer.write(b"login: ").await);
        assert!(writer.write(b"").await);
        assert!(writer.write(&[DATA, END, 0xff]).await);
        let end = End::new(Why::Revoked, "The console was switched off.");
        writer.end(&end).await;
        assert_eq!(reader.read().await, Ok(Bytes::from_static(b"login: ")));
        assert_eq!(reader.read().await, Ok(Bytes::from_static(&[0, 1, 0xff])));
        assert_eq!(reader.read().await, Err(end));
    }

    #[tokio::test]
    async fn what_is_long_crosses_in_pieces() {
        let (here, there) = pipe();
        let (writer, _keep) = Stream::over(here).split();
        let (_other, mut reader) = Stream::over(there).split();
        let text: Vec<u8> = (0..3 * PIECE + 1)
            .map(|number| (number % 251) as u8)
            .collect();
        assert!(writer.write(&text).await);
        let mut read = Vec::new();
        while read.len() < text.len() {
            let piece = reader.read().await.expect("data");
            assert!(piece.len() <= PIECE);
            read.extend_from_slice(&piece);
        }
        assert_eq!(read, text);
    }

    #[tokio::test]
    async fn who_vanishes_is_noticed_at_both_ends() {
        let (here, there) = pipe();
        let (writer, mut reader) = Stream::over(here).split();
        drop(there);
        writer.closed().await;
        assert!(!writer.write(b"x").await);
        assert_eq!(reader.read().await, Err(End::unexplained()));
    }

    #[tokio::test]
    async fn who_does_not_read_stops_who_writes() {
        let (here, _there) = pipe();
        let (writer, _reader) = Stream::over(here).split();
        let writing = async {
            for _ in 0..=WAITING {
                assert!(writer.write(b"x").await);
            }
        };
        let waited = tokio::time::timeout(std::time::Duration::from_millis(50), writing).await;
        assert!(waited.is_err(), "one more than there is room for");
    }

    #[tokio::test]
    async fn what_makes_no_sense_ends_or_is_passed_over() {
        let (here, there) = pipe();
        let (_writer, mut reader) = Stream::over(there).split();
        for message in [&b""[..], b"\x07later", b"\x00ok", b"\x01not json"] {
            here.to
                .send(Bytes::from_static(message))
                .await
                .expect("room");
        }
        assert_eq!(reader.read().await, Ok(Bytes::from_static(b"ok")));
        assert_eq!(reader.read().await, Err(End::unexplained()));
    }
}
