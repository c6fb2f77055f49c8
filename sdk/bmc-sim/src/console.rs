//! The machine's serial console over LAN (IPMI 2.0 §15, §24.1, §24.2). What is typed is echoed.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    time::{Duration, Instant},
};

/// Most characters in one packet.
const PACKET: usize = 64;
/// A packet that nobody confirmed goes out again after so long.
const AGAIN: Duration = Duration::from_millis(200);
/// What the machine wrote while nobody looked is kept up to this length.
const SCROLLED: usize = 4096;
/// Status: nobody reads the line any more.
const DEACTIVATED: u8 = 0x10;
/// Bit of a confirmation: not all was taken.
const NACK: u8 = 0x40;

/// The console and who looks at it.
#[derive(Default)]
pub(crate) struct Console {
    viewer: Option<Viewer>,
    /// Who lost it to somebody else, and isn't told yet.
    ousted: Option<(SocketAddr, u32)>,
    output: VecDeque<u8>,
    typed: Vec<u8>,
    breaks: u64,
}

struct Viewer {
    session: u32,
    peer: SocketAddr,
    sent: u8,
    /// What waits for its confirmation.
    waiting: Option<(Instant, Vec<u8>)>,
    /// Number of the last packet from the viewer.
    taken: u8,
}

impl Console {
    /// Who looks, by the session.
    pub(crate) fn viewer(&self) -> Option<u32> {
        self.viewer.as_ref().map(|viewer| viewer.session)
    }

    /// Lets a session look; false if somebody does already.
    pub(crate) fn activate(&mut self, session: u32, peer: SocketAddr) -> bool {
        let free = self.viewer.is_none();
        if free {
            self.viewer = Some(Viewer {
                session,
                peer,
                sent: 0,
                waiting: None,
                taken: 0,
            });
        }
        free
    }

    /// Ends the look, whoever's; false if nobody looked.
    pub(crate) fn deactivate(&mut self) -> bool {
        self.viewer.take().is_some()
    }

    /// As [`Console::deactivate`], asked for by a session: somebody else who looked is told.
    pub(crate) fn deactivate_by(&mut self, session: Option<u32>) -> bool {
        let Some(viewer) = self.viewer.take() else {
            return false;
        };
        if session != Some(viewer.session) {
            self.ousted = Some((viewer.peer, viewer.session));
        }
        true
    }

    /// The machine writes.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.output.extend(bytes);
        while self.output.len() > SCROLLED {
            self.output.pop_front();
        }
    }

    /// Characters that nobody has taken yet.
    pub(crate) fn waiting(&self) -> usize {
        self.output.len()
    }

    pub(crate) fn typed(&self) -> Vec<u8> {
        self.typed.clone()
    }

    pub(crate) fn breaks(&self) -> u64 {
        self.breaks
    }

    /// A packet from the viewer, and what is confirmed at once.
    pub(crate) fn receive(&mut self, session: u32, packet: &[u8]) -> Option<Vec<u8>> {
        let viewer = self
            .viewer
            .as_mut()
            .filter(|viewer| viewer.session == session)?;
        let ([number, confirmed, count, operation], data) = packet.split_first_chunk::<4>()?;
        if let Some((_, waiting)) = &mut viewer.waiting
            && *confirmed != 0
            && waiting.first() == Some(confirmed)
        {
            let accepted = usize::from(*count) + 4;
            if *operation & NACK != 0 && accepted < waiting.len() {
                let rest = waiting.split_off(accepted);
                for byte in rest.into_iter().rev() {
                    self.output.push_front(byte);
                }
            }
            viewer.waiting = None;
        }
        if *number == 0 {
            return None;
        }
        // Sent again because our confirmation got lost: confirmed again.
        if *number != viewer.taken {
            viewer.taken = *number;
            self.breaks += u64::from(operation & 0x10 != 0);
            self.typed.extend_from_slice(data);
            self.write(data);
        }
        Some(vec![
            0,
            *number,
            u8::try_from(data.len()).unwrap_or(u8::MAX),
            0,
        ])
    }

    /// What is due to be sent now: to whom, in which session, and the packet.
    pub(crate) fn due(&mut self, now: Instant) -> Option<(SocketAddr, u32, Vec<u8>)> {
        if let Some((peer, session)) = self.ousted.take() {
            return Some((peer, session, vec![0, 0, 0, DEACTIVATED]));
        }
        let viewer = self.viewer.as_mut()?;
        match &mut viewer.waiting {
            Some((at, packet)) if now.duration_since(*at) >= AGAIN => {
                *at = now;
                Some((viewer.peer, viewer.session, packet.clone()))
            }
            Some(_) => None,
            None if self.output.is_empty() => None,
            None => {
                viewer.sent = viewer.sent % 15 + 1;
                let count = self.output.len().min(PACKET);
                let mut packet = vec![viewer.sent, 0, 0, 0];
                packet.extend(self.output.drain(..count));
                viewer.waiting = Some((now, packet.clone()));
                Some((viewer.peer, viewer.session, packet))
            }
        }
    }

    /// When something is due next.
    pub(crate) fn next(&self) -> Option<Instant> {
        let (at, _) = self.viewer.as_ref()?.waiting.as_ref()?;
        Some(*at + AGAIN)
    }
}
