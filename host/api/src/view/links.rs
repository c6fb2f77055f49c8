//! Links between resources (facts §1.5).

use serde_json::Result;

use super::text::{Text as _, is_plain};

/// Where a resource is: the pair of links that most resources have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Links<'a> {
    pub(crate) base: &'a str,
    /// `nodes`, `ports`, …
    pub(crate) resource: &'static str,
    pub(crate) id: &'a str,
    /// Below the resource: empty, or `/ports` and so on.
    pub(crate) below: &'static str,
    /// Below that.
    pub(crate) item: &'a str,
    /// Leaves out the second link.
    pub(crate) self_only: bool,
}

impl<'a> Links<'a> {
    pub(crate) const fn new(base: &'a str, resource: &'static str, id: &'a str) -> Self {
        Self {
            base,
            resource,
            id,
            below: "",
            item: "",
            self_only: false,
        }
    }

    pub(crate) const fn below(mut self, below: &'static str) -> Self {
        self.below = below;
        self
    }

    pub(crate) const fn item(mut self, below: &'static str, item: &'a str) -> Self {
        self.below = below;
        self.item = item;
        self
    }

    pub(crate) const fn to_history(self, event: &'a str) -> Self {
        self.item("/history/", event)
    }
}

impl Links<'_> {
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        let plain = [self.base, self.id, self.item]
            .iter()
            .all(|part| is_plain(part));
        out.raw("[");
        self.link(out, "/v1/", "self", plain)?;
        if !self.self_only {
            out.raw(",");
            self.link(out, "/", "bookmark", plain)?;
        }
        out.raw("]");
        Ok(())
    }

    /// `plain`: nothing in it has to be escaped.
    fn link(&self, out: &mut Vec<u8>, version: &str, rel: &str, plain: bool) -> Result<()> {
        let href = [
            self.base,
            version,
            self.resource,
            "/",
            self.id,
            self.below,
            self.item,
        ];
        out.raw("{\"href\":");
        if plain {
            out.raw("\"");
            href.iter().for_each(|part| out.raw(part));
            out.raw("\"");
        } else {
            out.string(&href.concat())?;
        }
        out.raw(",\"rel\":\"");
        out.raw(rel);
        out.raw("\"}");
        Ok(())
    }
}
