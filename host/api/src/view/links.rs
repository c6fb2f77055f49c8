//! Links between resources (facts §1.5).

use serde::ser::{Serialize, SerializeSeq, SerializeStruct, Serializer};

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

/// What is below a resource: the same pair of links.
pub(crate) type LinkBlock<'a> = Links<'a>;

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

    pub(crate) const fn to_history(mut self, event: &'a str) -> Self {
        self.below = "/history/";
        self.item = event;
        self
    }
}

impl Serialize for Links<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            base,
            resource,
            id,
            below,
            item,
            ..
        } = self;
        let mut list = serializer.serialize_seq(None)?;
        list.serialize_element(&Link {
            href: format_args!("{base}/v1/{resource}/{id}{below}{item}"),
            rel: "self",
        })?;
        if !self.self_only {
            list.serialize_element(&Link {
                href: format_args!("{base}/{resource}/{id}{below}{item}"),
                rel: "bookmark",
            })?;
        }
        list.end()
    }
}

struct Link<'a> {
    href: std::fmt::Arguments<'a>,
    rel: &'static str,
}

impl Serialize for Link<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut link = serializer.serialize_struct("Link", 2)?;
        link.serialize_field("href", &self.href)?;
        link.serialize_field("rel", self.rel)?;
        link.end()
    }
}
