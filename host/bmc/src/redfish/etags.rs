//! Which version of each resource was seen last (DSP0266 §6.5).

use std::{collections::HashMap, sync::Mutex};

use reqwest::header::{ETAG, HeaderMap, HeaderValue};
use serde_json::Value;

use crate::sync::lock;

/// Resources remembered for one service; when there are more, it starts over.
const REMEMBERED: usize = 512;
/// Longest ETag that is remembered, in bytes.
const LONGEST: usize = 256;

/// The ETags of one service's resources.
#[derive(Debug, Default)]
pub(super) struct Etags {
    by_path: Mutex<HashMap<String, HeaderValue>>,
}

impl Etags {
    /// The version of a resource that was seen last.
    pub(super) fn of(&self, path: &str) -> Option<HeaderValue> {
        lock(&self.by_path).get(key(path)).cloned()
    }

    /// Remembers the version that a successful answer shows, or that none is known any more. The version, if there is one.
    pub(super) fn note(
        &self,
        path: &str,
        headers: &HeaderMap,
        body: Option<&Value>,
    ) -> Option<HeaderValue> {
        let found = headers.get(ETAG).cloned().or_else(|| {
            let text = body?.get("@odata.etag")?.as_str()?;
            HeaderValue::from_str(text).ok()
        });
        let found = found.filter(|etag| !etag.is_empty() && etag.len() <= LONGEST);
        let mut by_path = lock(&self.by_path);
        match &found {
            None => {
                by_path.remove(key(path));
            }
            Some(etag) => {
                if by_path.len() >= REMEMBERED {
                    by_path.clear();
                }
                by_path.insert(key(path).to_owned(), etag.clone());
            }
        }
        found
    }
}

/// The same ETag as a strong one, if it is weak: `If-Match` compares strongly, so a strict service never matches a weak one
/// (RFC 9110 §13.1.1), though there are services that give out nothing else.
pub(super) fn strong(etag: &HeaderValue) -> Option<HeaderValue> {
    HeaderValue::from_str(etag.to_str().ok()?.strip_prefix("W/")?).ok()
}

/// A query shows the same resource, and so does a slash at the end.
fn key(path: &str) -> &str {
    path.split('?').next().unwrap_or(path).trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_answer_counts() {
        let etags = Etags::default();
        let headers = HeaderMap::from_iter([(ETAG, HeaderValue::from_static("\"1\""))]);
        etags.note("/a/?b", &headers, Some(&json!({"@odata.etag": "\"2\""})));
        assert_eq!(etags.of("/a"), Some(HeaderValue::from_static("\"1\"")));
        etags.note(
            "/a",
            &HeaderMap::new(),
            Some(&json!({"@odata.etag": "W/\"2\""})),
        );
        assert_eq!(etags.of("/a"), Some(HeaderValue::from_static("W/\"2\"")));
        etags.note("/a", &HeaderMap::new(), None);
        assert_eq!(etags.of("/a"), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let etags = Etags::default();
        let headers = HeaderMap::from_iter([(ETAG, HeaderValue::from_static("\"1\""))]);
        for number in 0..2 * REMEMBERED {
            etags.note(&format!("/{number}"), &headers, None);
        }
        assert!(lock(&etags.by_path).len() <= REMEMBERED);
        let long = json!({"@odata.etag": "x".repeat(LONGEST + 1)});
        etags.note("/long", &HeaderMap::new(), Some(&long));
        assert_eq!(etags.of("/long"), None);
    }

    #[test]
    fn a_weak_one_has_a_strong_form() {
        let strong_of = |text: &'static str| strong(&HeaderValue::from_static(text));
        assert_eq!(
            strong_of("W/\"1\""),
            Some(HeaderValue::from_static("\"1\""))
        );
        assert_eq!(strong_of("\"1\""), None);
    }
}
