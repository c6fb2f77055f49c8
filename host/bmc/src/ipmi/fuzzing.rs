//! Ways in for the fuzz targets: everything that reads what came from the network.

use super::{
    Bridge, Hop, Request,
    codec::{self, packet::AuthType, suite::CipherSuite},
    crypto::Protection,
    session::{Key, Session},
};

/// Reads `datagram` with every decoder.
pub fn decode(datagram: &[u8]) {
    codec::decode_everything(datagram);
}

/// Gives `datagrams` one after another to sessions of every cipher suite. Their keys are known, so that a fuzzer
/// gets past the checks in those without integrity, and finds the payload decoders through `decrypt`.
pub fn session(datagrams: &[&[u8]]) {
    const CONSOLE_ID: u32 = 0x0101_0101;
    for suite in [0, 1, 2, 3, 15, 16, 17]
        .into_iter()
        .filter_map(CipherSuite::from_id)
    {
        let mut session =
            Session::new(CONSOLE_ID, 2, suite, Protection::new(suite, b"session key"));
        let request = Request::new(0x00, 0x01, []);
        let outgoing = session.prepare(&request, None);
        for datagram in datagrams {
            let _ = session.open(&request, &outgoing, datagram);
            let _ = Protection::new(suite, b"session key").decrypt(datagram);
        }
    }
    let hop = Hop {
        channel: 0,
        address: 0x72,
    };
    let bridge = Bridge {
        local_address: 0x20,
        transit: Some(hop),
        target: hop,
    };
    let mut session = Session::old(CONSOLE_ID, Key::new(AuthType::None, &[]), 1, 1);
    let request = Request::new(0x00, 0x01, []);
    let outgoing = session.prepare(&request, Some(&bridge));
    for datagram in datagrams {
        let _ = session.open(&request, &outgoing, datagram);
    }
}
