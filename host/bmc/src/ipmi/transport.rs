//! A few UDP sockets for all BMCs, and who gets which reply.
//!
//! A reply is routed by the session id that our side chose, or, outside of sessions, by the sequence number or tag
//! that was handed out for that address. It must also come from the address that was asked. Whatever fits nowhere is dropped here.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{DefaultHasher, Hash, Hasher},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, OnceLock},
};

use tokio::{net::UdpSocket, runtime::Handle, sync::mpsc, task::AbortHandle};
use tracing::{trace, warn};

use super::codec::packet::{self, RouteKey};
use crate::sync::lock;

/// Longer datagrams can't be IPMI.
const LONGEST_DATAGRAM: usize = 2048;

/// Where an actor gets its replies.
pub(super) type Inbox = mpsc::Receiver<Vec<u8>>;
/// The other end of an [`Inbox`].
pub(super) type Deliver = mpsc::Sender<Vec<u8>>;

/// The sockets, opened when first needed, read by one task each until this is dropped.
pub(super) struct Transport {
    runtime: Handle,
    sockets: usize,
    v4: OnceLock<Sockets>,
    v6: OnceLock<Sockets>,
    routes: Arc<Routes>,
}

struct Sockets {
    sockets: Vec<Arc<UdpSocket>>,
    readers: Vec<AbortHandle>,
}

#[derive(Default)]
struct Routes {
    sessions: Mutex<HashMap<u32, Route>>,
    /// What has no session id yet: sequence numbers and tags, per peer.
    by_peer: Mutex<HashMap<(SocketAddr, RouteKey), Deliver>>,
}

struct Route {
    peer: SocketAddr,
    deliver: Deliver,
}

/// A place in the routing table, given up when dropped.
pub(super) struct Registration {
    routes: Arc<Routes>,
    key: RegisteredKey,
}

#[derive(Clone, Copy)]
enum RegisteredKey {
    Session(u32),
    ByPeer(SocketAddr, RouteKey),
}

impl Transport {
    pub(super) fn new(runtime: Handle, sockets: usize) -> Self {
        Self {
            runtime,
            sockets: sockets.max(1),
            v4: OnceLock::new(),
            v6: OnceLock::new(),
            routes: Arc::default(),
        }
    }

    /// Sends one datagram; the same peer always hears from the same socket.
    pub(super) async fn send(&self, peer: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        let sockets = self.sockets_for(peer)?;
        let mut hasher = DefaultHasher::new();
        peer.hash(&mut hasher);
        let choice = hasher.finish() % u64::try_from(sockets.len()).unwrap_or(1).max(1);
        let socket = usize::try_from(choice)
            .ok()
            .and_then(|choice| sockets.get(choice))
            .ok_or_else(|| io::Error::other("no UDP socket"))?;
        socket.send_to(datagram, peer).await.map(drop)
    }

    /// Takes an unused session id, whose replies from `peer` go to `deliver`.
    pub(super) fn register_session(
        &self,
        peer: SocketAddr,
        deliver: &Deliver,
    ) -> (u32, Registration) {
        let mut sessions = lock(&self.routes.sessions);
        loop {
            let id: u32 = rand::random();
            if id == 0 {
                continue;
            }
            if let Entry::Vacant(place) = sessions.entry(id) {
                place.insert(Route {
                    peer,
                    deliver: deliver.clone(),
                });
                return (id, self.registration(RegisteredKey::Session(id)));
            }
        }
    }

    /// Takes the session of IPMI 1.5 to which `peer` gave this id; `None` if it is taken.
    pub(super) fn register_old_session(
        &self,
        peer: SocketAddr,
        deliver: &Deliver,
        id: u32,
    ) -> Option<Registration> {
        let key = RouteKey::OldSession(id);
        match lock(&self.routes.by_peer).entry((peer, key)) {
            Entry::Vacant(place) => {
                place.insert(deliver.clone());
                Some(self.registration(RegisteredKey::ByPeer(peer, key)))
            }
            Entry::Occupied(_) => None,
        }
    }

    /// Takes a sequence number (0 to 63) for a command outside of sessions; `None` if all of this peer's are in use.
    pub(super) fn register_sequence(
        &self,
        peer: SocketAddr,
        deliver: &Deliver,
    ) -> Option<(u8, Registration)> {
        self.register_short(peer, deliver, 0x3f, RouteKey::Sequence)
    }

    /// Takes a tag for the set-up of a session; `None` if all of this peer's are in use.
    pub(super) fn register_tag(
        &self,
        peer: SocketAddr,
        deliver: &Deliver,
    ) -> Option<(u8, Registration)> {
        self.register_short(peer, deliver, 0xff, RouteKey::Tag)
    }

    fn register_short(
        &self,
        peer: SocketAddr,
        deliver: &Deliver,
        mask: u8,
        key: impl Fn(u8) -> RouteKey,
    ) -> Option<(u8, Registration)> {
        let mut by_peer = lock(&self.routes.by_peer);
        // Not always the same first number: a late reply to the last one must not be taken for the next.
        let start: u8 = rand::random();
        (0..=mask)
            .map(|offset| start.wrapping_add(offset) & mask)
            .find_map(|number| match by_peer.entry((peer, key(number))) {
                Entry::Vacant(place) => {
                    place.insert(deliver.clone());
                    let key = RegisteredKey::ByPeer(peer, key(number));
                    Some((number, self.registration(key)))
                }
                Entry::Occupied(_) => None,
            })
    }

    fn registration(&self, key: RegisteredKey) -> Registration {
        Registration {
            routes: Arc::clone(&self.routes),
            key,
        }
    }

    fn sockets_for(&self, peer: SocketAddr) -> io::Result<&[Arc<UdpSocket>]> {
        let (slot, any) = match peer {
            SocketAddr::V4(_) => (&self.v4, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            SocketAddr::V6(_) => (&self.v6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        };
        if slot.get().is_none() {
            let opened = self.open(any)?;
            // Another actor may have been faster: then ours are dropped again.
            let _ = slot.set(opened);
        }
        slot.get()
            .map(|sockets| sockets.sockets.as_slice())
            .ok_or_else(|| io::Error::other("no UDP socket"))
    }

    fn open(&self, any: IpAddr) -> io::Result<Sockets> {
        let _runtime = self.runtime.enter();
        let mut opened = Sockets {
            sockets: Vec::new(),
            readers: Vec::new(),
        };
        for _ in 0..self.sockets {
            let socket = std::net::UdpSocket::bind((any, 0))?;
            socket.set_nonblocking(true)?;
            let socket = Arc::new(UdpSocket::from_std(socket)?);
            let reader = self
                .runtime
                .spawn(read(Arc::clone(&socket), Arc::clone(&self.routes)));
            opened.sockets.push(socket);
            opened.readers.push(reader.abort_handle());
        }
        Ok(opened)
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        for reader in &self.readers {
            reader.abort();
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        match self.key {
            RegisteredKey::Session(id) => {
                lock(&self.routes.sessions).remove(&id);
            }
            RegisteredKey::ByPeer(peer, key) => {
                lock(&self.routes.by_peer).remove(&(peer, key));
            }
        }
    }
}

impl Routes {
    fn deliver(&self, peer: SocketAddr, datagram: &[u8]) {
        let deliver = match packet::route(datagram) {
            Ok(RouteKey::Session(id)) => lock(&self.sessions)
                .get(&id)
                .filter(|route| route.peer == peer)
                .map(|route| route.deliver.clone()),
            Ok(key) => lock(&self.by_peer).get(&(peer, key)).cloned(),
            Err(error) => {
                trace!(%peer, %error, "dropped a datagram that is no IPMI reply");
                return;
            }
        };
        // A full inbox means a flood: what is dropped will be asked for again.
        let delivered = deliver.is_some_and(|deliver| deliver.try_send(datagram.to_vec()).is_ok());
        if !delivered {
            trace!(%peer, "dropped a reply that nobody waits for");
        }
    }
}

async fn read(socket: Arc<UdpSocket>, routes: Arc<Routes>) {
    let mut buffer = vec![0; LONGEST_DATAGRAM];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, peer)) => {
                if let Some(datagram) = buffer.get(..length) {
                    routes.deliver(peer, datagram);
                }
            }
            Err(error) => {
                // Transient on UDP; yield so that a lasting one can't take the whole thread.
                warn!(%error, "reading from an IPMI socket failed");
                tokio::task::yield_now().await;
            }
        }
    }
}
