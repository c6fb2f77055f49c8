//! The token by which a conductor knows the agent that runs on a node's machine.
//!
//! It is made once for each ramdisk: handed to the first who looks the node up, or put into the ramdisk before it boots
//! (pregenerated). It stands in `driver_internal_info`, where answers hide it, and nowhere else. It ends with the work that the
//! ramdisk was booted for, and with the machine's power.

use ironbark_model::node::AGENT_TOKEN;
use ironbark_model::{Node, Secret};
use serde_json::Value;
use subtle::ConstantTimeEq as _;

/// Key of `driver_internal_info`.
const PREGENERATED: &str = "agent_secret_token_pregenerated";

/// Characters of a token: as many as 32 bytes need, 6 bits in each. Agents refuse less than 32.
const LENGTH: usize = 43;

/// What tokens are written in: safe in URLs, kernel parameters and JSON.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The node's token, if it has one.
pub(crate) fn of(node: &Node) -> Option<Secret> {
    match node.driver_internal_info.get(AGENT_TOKEN) {
        Some(Value::String(token)) if !token.is_empty() => Some(Secret::new(token.as_str())),
        _ => None,
    }
}

/// The token was put into the ramdisk: nobody gets it by a lookup.
pub(crate) fn is_pregenerated(node: &Node) -> bool {
    let flag = node.driver_internal_info.get(PREGENERATED);
    flag.and_then(Value::as_bool).unwrap_or(false)
}

/// A text that nobody guesses.
pub(crate) fn random() -> String {
    (0..LENGTH)
        .filter_map(|_| {
            let place = usize::from(rand::random::<u8>() % 64);
            ALPHABET.get(place).copied().map(char::from)
        })
        .collect()
}

/// Gives the node a new token; not stored yet.
pub(crate) fn mint(node: &mut Node) -> Secret {
    let token = random();
    let info = &mut node.driver_internal_info;
    info.insert(AGENT_TOKEN.to_owned(), Value::from(token.as_str()));
    info.remove(PREGENERATED);
    Secret::new(token)
}

/// Whether this is the node's token. It takes as long whichever of them is wrong, and how.
pub(crate) fn is_right(node: &Node, given: Option<&Secret>) -> bool {
    let known = of(node).unwrap_or_default();
    let given = given.cloned().unwrap_or_default();
    let same = known.expose().as_bytes().ct_eq(given.expose().as_bytes());
    // Nothing is no token, on neither side.
    bool::from(same) && !known.is_empty()
}

/// The node has no token any more.
pub(crate) fn forget(node: &mut Node) {
    node.driver_internal_info.remove(AGENT_TOKEN);
    node.driver_internal_info.remove(PREGENERATED);
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_token_is_another_and_only_it_is_right() {
        let mut node = Node::default();
        assert!(!is_right(&node, None));
        assert!(!is_right(&node, Some(&Secret::new(""))));
        let tokens: HashSet<String> = (0..50)
            .map(|_| mint(&mut node).expose().to_owned())
            .collect();
        assert_eq!(tokens.len(), 50);
        assert!(tokens.iter().all(|token| token.len() == LENGTH));
        let token = mint(&mut node);
        assert!(is_right(&node, Some(&token)));
        assert!(!is_right(&node, None));
        assert!(!is_right(&node, Some(&Secret::new("******"))));
        let longer = Secret::new(format!("{}x", token.expose()));
        assert!(!is_right(&node, Some(&longer)));
        forget(&mut node);
        assert!(!is_right(&node, Some(&token)));
        assert!(node.driver_internal_info.is_empty());
    }
}
