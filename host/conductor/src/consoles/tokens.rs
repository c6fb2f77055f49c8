//! The tokens that open one node's console. What is kept of each is its hash.

use std::time::Duration;

use ironbark_model::Secret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::time::Instant;

use crate::agent_token;

/// Tokens that a node's console has at most; with one more, the oldest is forgotten.
const MOST: usize = 16;

/// What opens a console.
#[derive(Default)]
pub(super) struct Tokens(Vec<Token>);

struct Token {
    hash: [u8; 32],
    until: Instant,
    user: Option<String>,
}

impl Tokens {
    /// A new one for this user, valid for so long.
    pub(super) fn mint(&mut self, user: Option<&str>, lifetime: Duration) -> Secret {
        let token = Secret::new(agent_token::random());
        self.are_some_left();
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push(Token {
            hash: hash(&token),
            until: Instant::now() + lifetime,
            user: user.map(str::to_owned),
        });
        token
    }

    /// Whether any is still valid. The others are forgotten.
    pub(super) fn are_some_left(&mut self) -> bool {
        let now = Instant::now();
        self.0.retain(|token| token.until > now);
        !self.0.is_empty()
    }

    /// Who was given this one, if it is valid. It takes as long whichever of them it is, or isn't.
    pub(super) fn admit(&self, given: &Secret) -> Option<Option<String>> {
        let given = hash(given);
        let now = Instant::now();
        let mut found = None;
        for token in &self.0 {
            let same = token.hash.ct_eq(&given);
            if bool::from(same) && token.until > now {
                found = Some(token.user.clone());
            }
        }
        found
    }
}

fn hash(token: &Secret) -> [u8; 32] {
    Sha256::digest(token.expose()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn each_opens_until_its_time_is_over() {
        let mut tokens = Tokens::default();
        let ada = tokens.mint(Some("ada"), LONG);
        let nobody = tokens.mint(None, LONG);
        let late = tokens.mint(Some("eve"), Duration::ZERO);
        assert_ne!(ada, nobody);
        assert_eq!(tokens.admit(&ada), Some(Some("ada".to_owned())));
        assert_eq!(tokens.admit(&ada), Some(Some("ada".to_owned())), "again");
        assert_eq!(tokens.admit(&nobody), Some(None));
        assert_eq!(tokens.admit(&late), None);
        for wrong in ["", "******", &format!("{}x", ada.expose())] {
            assert_eq!(tokens.admit(&Secret::new(wrong)), None, "{wrong}");
        }
        assert!(tokens.are_some_left());
        assert_eq!(tokens.0.len(), 2);
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut tokens = Tokens::default();
        let first = tokens.mint(None, LONG);
        let second = tokens.mint(None, LONG);
        for _ in 1..MOST {
            tokens.mint(None, LONG);
        }
        assert_eq!(tokens.0.len(), MOST);
        assert_eq!(tokens.admit(&first), None);
        assert!(tokens.admit(&second).is_some());
    }
}
