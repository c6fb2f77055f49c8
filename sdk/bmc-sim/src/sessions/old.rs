//! Those of IPMI 1.5 among a BMC's sessions (IPMI 2.0 §22.16, §22.17).

use std::time::Instant;

use super::{PROMISES, Phase, Session, Sessions};
use crate::{
    bmc::BmcConfig,
    crypto::Suite,
    old_sessions::{OldAuthentication, OldWrapping, Promised},
    wire,
};

impl Sessions {
    /// Promises a session of IPMI 1.5 to a user; its temporary id and challenge, none if there is no such user.
    pub(crate) fn promise(
        &mut self,
        config: &BmcConfig,
        kind: OldAuthentication,
        name: &[u8],
    ) -> Option<(u32, [u8; 16])> {
        // Whoever only asks takes no more room than those who mean it.
        if self.promised.len() >= PROMISES {
            self.promised.clear();
        }
        let promised = Promised::new(config, kind, name)?;
        let (id, challenge) = (self.free_id(), promised.challenge());
        self.promised.insert(id, (Instant::now(), promised));
        Some((id, challenge))
    }

    /// What was promised under this temporary id.
    pub(crate) fn promised(&mut self, id: u32) -> Option<&mut Promised> {
        self.promised.get_mut(&id).map(|(_, promised)| promised)
    }

    /// Opens what was promised, with these privileges, and packets to the console that begin with this number; the session's
    /// id and the number of the first packet to the BMC. None if there is no room.
    pub(crate) fn open_promised(
        &mut self,
        promised: u32,
        limit: u8,
        outbound: u32,
        slots: usize,
    ) -> Option<(u32, u32)> {
        let key = self.promised(promised)?.key().clone();
        if self.by_id.len() >= slots {
            return None;
        }
        let (id, inbound) = (self.free_id(), (rand::random::<u32>() >> 1) | 1);
        let wrapping = OldWrapping {
            key,
            next: outbound,
        };
        self.by_id
            .insert(id, Session::old(id, wrapping, limit, inbound));
        Some((id, inbound))
    }
}

impl Session {
    /// An open session of IPMI 1.5.
    fn old(id: u32, wrapping: OldWrapping, limit: u8, inbound: u32) -> Self {
        Self {
            phase: Phase::Active {
                last_message: Vec::new(),
            },
            limit,
            newest: inbound.wrapping_sub(1),
            seen: u32::MAX,
            old: Some(wrapping),
            ..Self::new(id, Suite::NONE, 0)
        }
    }

    /// As [`Session::unseal`], for one of IPMI 1.5.
    pub(crate) fn unseal_old(&mut self, packet: &wire::Old<'_>) -> Option<Vec<u8>> {
        let admitted = self.old.as_ref()?.key.admits(packet);
        if !admitted || !self.fresh(packet.sequence) {
            return None;
        }
        self.last_active = Instant::now();
        Some(packet.message.to_vec())
    }
}
