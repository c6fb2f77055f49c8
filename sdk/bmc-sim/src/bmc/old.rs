//! Packets in sessions of IPMI 1.5 (IPMI 2.0 §13.6, §22.17).

use std::net::SocketAddr;

use super::{Bmc, Reply, State};
use crate::wire;

impl Bmc {
    /// Answers a packet, also the one that opens a session that was promised.
    pub(super) fn in_old_session(
        &self,
        state: &mut State,
        peer: SocketAddr,
        packet: &wire::Old<'_>,
    ) -> Vec<Reply> {
        let id = packet.session_id;
        let opening = state.sessions.promised(id).map(|promised| {
            // Until it is open, its packets have the number 0.
            let key = promised.key().clone();
            (packet.sequence == 0 && key.admits(packet)).then_some(key)
        });
        if let Some(key) = opening {
            let activation = key.filter(|_| is_activation(packet.message));
            let Some(key) = activation else {
                state.observed.stats.packets_refused += 1;
                return Vec::new();
            };
            let answer = self.command(state, Some(id), peer, packet.message);
            return answer
                .map(|(delay, reply, _)| (delay, key.seal(id, 0, &reply)))
                .into_iter()
                .collect();
        }
        let session = state.sessions.active(id);
        let message = session.and_then(|session| session.unseal_old(packet));
        match message {
            Some(message) => self.message(state, peer, id, &message),
            None => {
                state.observed.stats.packets_refused += 1;
                Vec::new()
            }
        }
    }
}

/// Whether a message is Activate Session.
fn is_activation(message: &[u8]) -> bool {
    wire::decode_request(message)
        .is_some_and(|request| (request.netfn, request.command) == (0x06, 0x3a))
}
