//! One direction's bookkeeping: which characters are under way, which were confirmed. No I/O.

use std::collections::VecDeque;

use super::super::codec::sol::{LAST_NUMBER, SolPacket};

/// What was typed: one packet under way at a time, sent again until it is confirmed (IPMI 2.0 §15.11).
#[derive(Debug)]
pub(super) struct Typed {
    waiting: VecDeque<u8>,
    under_way: Option<(u8, Vec<u8>)>,
    last: u8,
    most: usize,
}

impl Typed {
    /// Packets have so many characters at most, at least one.
    pub(super) fn new(most: usize) -> Self {
        Self {
            waiting: VecDeque::new(),
            under_way: None,
            last: 0,
            most: most.max(1),
        }
    }

    /// Whether more should be asked for.
    pub(super) fn is_hungry(&self) -> bool {
        self.under_way.is_none() && self.waiting.is_empty()
    }

    pub(super) fn add(&mut self, characters: &[u8]) {
        self.waiting.extend(characters);
    }

    /// The packet to be sent now: a new one, unless one is under way already.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        if self.under_way.is_some() || self.waiting.is_empty() {
            return None;
        }
        self.last = self.last % LAST_NUMBER + 1;
        let count = self.waiting.len().min(self.most);
        let characters: Vec<u8> = self.waiting.drain(..count).collect();
        self.under_way = Some((self.last, characters));
        self.again()
    }

    /// The packet that is under way, once more.
    pub(super) fn again(&self) -> Option<Vec<u8>> {
        let (number, characters) = self.under_way.as_ref()?;
        Some(SolPacket::of_data(*number, characters).encode())
    }

    /// Takes note of a confirmation; true if it was of the packet under way. What was not taken will go out again.
    pub(super) fn confirm(&mut self, packet: &SolPacket<'_>) -> bool {
        let Some((_, characters)) = self
            .under_way
            .take_if(|(number, _)| packet.confirms != 0 && *number == packet.confirms)
        else {
            return false;
        };
        if packet.refuses() {
            let taken = usize::from(packet.accepted).min(characters.len());
            for character in characters.into_iter().skip(taken).rev() {
                self.waiting.push_front(character);
            }
        }
        true
    }
}

/// What the machine wrote: each packet once, however often it comes.
#[derive(Debug, Default)]
pub(super) struct Written {
    last: u8,
}

impl Written {
    /// Whether a packet was taken already.
    pub(super) fn is_known(&self, packet: &SolPacket<'_>) -> bool {
        packet.number == self.last
    }

    /// Takes note of a packet that was taken.
    pub(super) fn take(&mut self, packet: &SolPacket<'_>) {
        self.last = packet.number;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use proptest::prelude::*;

    use super::*;

    fn confirmation(number: u8, accepted: usize, status: u8) -> SolPacket<'static> {
        SolPacket {
            number: 0,
            confirms: number,
            accepted: u8::try_from(accepted).unwrap(),
            status,
            data: &[],
        }
    }

    proptest! {
        #[test]
        fn whatever_is_refused_everything_arrives_once_and_in_order(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 1..8),
            most in 1_usize..20,
            refusals in prop::collection::vec(prop::option::of(0_usize..20), 0..40),
        ) {
            let mut typed = Typed::new(most);
            for piece in &pieces {
                typed.add(piece);
            }
            let mut refusals = refusals.into_iter();
            let mut arrived = Vec::new();
            while let Some(packet) = typed.next() {
                prop_assert_eq!(typed.again(), Some(packet.clone()));
                prop_assert!(typed.next().is_none());
                let read = SolPacket::decode(&packet).unwrap();
                prop_assert!((1..=LAST_NUMBER).contains(&read.number) && read.data.len() <= most);
                prop_assert!(!typed.confirm(&confirmation(read.number % LAST_NUMBER + 1, 0, 0)));
                let (taken, status) = match refusals.next().flatten() {
                    Some(taken) => (taken.min(read.data.len()), 0x40),
                    None => (read.data.len(), 0),
                };
                arrived.extend_from_slice(&read.data[..taken]);
                prop_assert!(typed.confirm(&confirmation(read.number, taken, status)));
            }
            prop_assert_eq!(arrived, pieces.concat());
            prop_assert!(typed.is_hungry());
        }
    }
}
