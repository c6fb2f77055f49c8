//! One endpoint and how it is asked.

use axum::body::Body;
use ironbark_rpc::Reply;
use serde_json::Value;

use super::super::harness::{Answer, Site};
use super::super::snapshot;
use super::world;

/// An endpoint, asked once. Whoever knows no better is answered at the newest version.
pub(super) struct Case {
    method: &'static str,
    /// As in the tables of paths, with what stands before.
    pub(super) path: &'static str,
    query: &'static str,
    params: Vec<(&'static str, &'static str)>,
    content: Option<(&'static str, Vec<u8>)>,
    replies: Vec<Reply>,
    digest: Option<fn(&str) -> String>,
}

pub(super) fn get(path: &'static str) -> Case {
    case("GET", path)
}

pub(super) fn post(path: &'static str) -> Case {
    case("POST", path)
}

pub(super) fn put(path: &'static str) -> Case {
    case("PUT", path)
}

pub(super) fn patch(path: &'static str) -> Case {
    case("PATCH", path)
}

pub(super) fn delete(path: &'static str) -> Case {
    case("DELETE", path)
}

pub(super) fn case(method: &'static str, path: &'static str) -> Case {
    Case {
        method,
        path,
        query: "",
        params: Vec::new(),
        content: None,
        replies: Vec::new(),
        digest: None,
    }
}

impl Case {
    pub(super) fn query(mut self, query: &'static str) -> Self {
        self.query = query;
        self
    }

    /// What a parameter of the path is, other than usual.
    pub(super) fn on(mut self, name: &'static str, value: &'static str) -> Self {
        self.params.push((name, value));
        self
    }

    pub(super) fn body(mut self, body: Value) -> Self {
        self.content = Some(("application/json", body.to_string().into_bytes()));
        self
    }

    pub(super) fn file(mut self, media: &'static str, bytes: &[u8]) -> Self {
        self.content = Some((media, bytes.to_vec()));
        self
    }

    /// What the conductor answers next.
    pub(super) fn conductor(mut self, reply: Reply) -> Self {
        self.replies.push(reply);
        self
    }

    /// What of the body stands in the snapshot.
    pub(super) fn shown_as(mut self, digest: fn(&str) -> String) -> Self {
        self.digest = Some(digest);
        self
    }

    /// As in the tables.
    pub(super) fn endpoint(&self) -> (String, &'static str) {
        (self.path.to_owned(), self.method)
    }

    /// The file's name: `get_v1_nodes_node`.
    pub(super) fn name(&self) -> String {
        name_of(self.method, self.path)
    }

    /// Asks, and writes down what was asked and answered.
    pub(super) async fn ask(self, site: &Site) -> String {
        let path = self
            .path
            .split('/')
            .map(|element| match element.strip_prefix('{') {
                Some(name) => self.param(name.trim_end_matches('}')),
                None => element,
            })
            .collect::<Vec<_>>()
            .join("/");
        let path = match self.query {
            "" => path,
            query => format!("{path}?{query}"),
        };
        for reply in self.replies {
            site.conductor.next(Ok(reply));
        }
        let (media, bytes) = self.content.unwrap_or_default();
        let mut headers = vec![("X-OpenStack-Ironic-API-Version", "1.115")];
        if !bytes.is_empty() {
            headers.push(("Content-Type", media));
        }
        let text = match media {
            "" | "application/json" => String::from_utf8_lossy(&bytes).into_owned(),
            file => format!("({} bytes of {file})", bytes.len()),
        };
        let answer = site
            .raw(self.method, &path, &headers, Body::from(bytes))
            .await;
        every_answer_has_these(&path, &answer);
        let shown = match self.digest {
            Some(digest) => digest(&answer.text),
            None => answer.text.clone(),
        };
        let body = Some(text.as_str()).filter(|text| !text.is_empty());
        snapshot::written(&format!("{} {path}", self.method), body, &answer, &shown)
    }

    fn param(&self, name: &str) -> &'static str {
        let own = self.params.iter().find(|(known, _)| *known == name);
        own.map_or_else(|| world::usual(name), |(_, value)| value)
    }
}

pub(super) fn name_of(method: &str, path: &str) -> String {
    let words: Vec<&str> = path
        .split('/')
        .map(|element| element.trim_matches(['{', '}']))
        .filter(|element| !element.is_empty())
        .collect();
    let words = if words.is_empty() {
        vec!["root"]
    } else {
        words
    };
    format!("{}_{}", method.to_lowercase(), words.join("_")).replace('.', "_")
}

fn every_answer_has_these(path: &str, answer: &Answer) {
    let header = |name: &str| answer.header(name).unwrap_or_default().to_owned();
    assert_eq!(header("x-openstack-ironic-api-minimum-version"), "1.1");
    assert_eq!(header("x-openstack-ironic-api-maximum-version"), "1.115");
    let id = header("openstack-request-id");
    assert!(id.starts_with("req-"), "{path}: {id}");
    assert_eq!(header("x-openstack-request-id"), id, "{path}");
}
