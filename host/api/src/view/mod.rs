//! How resources look in answers: tables of fields, written straight into the answer's text without a JSON value
//! in between, because lists have a thousand rows.

pub(crate) mod allocation;
pub(crate) mod chassis;
pub(crate) mod hardware;
pub(crate) mod history;
pub(crate) mod inspection_rule;
pub(crate) mod links;
pub(crate) mod masked;
pub(crate) mod node;
pub(crate) mod port;
pub(crate) mod portgroup;
pub(crate) mod standalone;
mod text;
pub(crate) mod time;
pub(crate) mod volume;

use std::borrow::Borrow;
use std::sync::{Arc, OnceLock};

use ironbark_model::{JsonObject, Node, Timestamp};
use serde_json::Result;

use crate::gates::Attribute;
use crate::versions::{self, Version};
use links::Links;
use text::Text as _;

/// About how long one field is, to make room before writing.
const FIELD_BYTES: usize = 40;

/// What a field's value may be.
pub(crate) enum Shown<'a> {
    Null,
    Text(&'a str),
    Flag(bool),
    Number(i64),
    Time(Timestamp),
    Object(&'a JsonObject),
    /// An object whose secrets are hidden.
    Masked(&'a JsonObject),
    /// A list of objects whose secrets are hidden.
    MaskedItems(&'a [JsonObject]),
    /// `instance_info`, which has secrets of its own.
    InstanceInfo(&'a JsonObject),
    /// `driver_internal_info`, into which the time of the last heartbeat goes.
    InternalInfo(&'a Node),
    Texts(&'a [String]),
    Values(&'a [serde_json::Value]),
    Links(Links<'a>),
    /// A list with a list of links in it: that is how Ironic links from a chassis to its nodes.
    NestedLinks(Links<'a>),
}

impl<'a> Shown<'a> {
    pub(crate) fn text(value: Option<&'a str>) -> Self {
        value.map_or(Self::Null, Self::Text)
    }

    pub(crate) fn flag(value: Option<bool>) -> Self {
        value.map_or(Self::Null, Self::Flag)
    }

    pub(crate) fn time(value: Option<Timestamp>) -> Self {
        value.map_or(Self::Null, Self::Time)
    }
}

impl Shown<'_> {
    fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Null => out.raw("null"),
            Self::Text(text) => out.string(text)?,
            Self::Flag(true) => out.raw("true"),
            Self::Flag(false) => out.raw("false"),
            Self::Number(number) => serde_json::to_writer(out, number)?,
            Self::Time(time) => serde_json::to_writer(out, &time::Written(*time))?,
            Self::Object(object) | Self::Masked(object) | Self::InstanceInfo(object)
                if object.is_empty() =>
            {
                out.raw("{}");
            }
            Self::Object(object) => serde_json::to_writer(out, object)?,
            Self::Masked(object) => serde_json::to_writer(out, &masked::Masked(object))?,
            Self::InstanceInfo(object) => {
                serde_json::to_writer(out, &masked::InstanceInfo(object))?;
            }
            Self::MaskedItems(items) => {
                serde_json::to_writer(out, &masked::MaskedItems(items))?;
            }
            Self::InternalInfo(node) => serde_json::to_writer(out, &masked::InternalInfo(node))?,
            Self::Values(values) => serde_json::to_writer(out, values)?,
            Self::Texts(texts) => serde_json::to_writer(out, texts)?,
            Self::Links(links) => links.write(out)?,
            Self::NestedLinks(links) => {
                out.raw("[");
                links.write(out)?;
                out.raw("]");
            }
        }
        Ok(())
    }
}

/// What can be an answer's body.
pub(crate) trait ToJson {
    /// The text of the body.
    fn to_json(&self) -> Result<Vec<u8>>;
}

/// What makes a resource `T` into a field's value; `S` is what else it depends on.
pub(crate) type Getter<T, S> = for<'a> fn(&'a T, &'a S) -> Shown<'a>;

/// A field of an answer.
pub(crate) type Field<T, S> = (&'static str, Getter<T, S>);

/// The fields of an answer, in the order in which they are written.
pub(crate) struct Selection<T: 'static, S: 'static> {
    /// What stands before a value, and where the value comes from.
    fields: Vec<(String, Getter<T, S>)>,
}

impl<T, S> Selection<T, S> {
    /// All fields that `version` has and `wanted` wants.
    pub(crate) fn new(
        fields: &'static [Field<T, S>],
        gates: &'static [Attribute],
        version: Version,
        wanted: impl Fn(&str) -> bool,
    ) -> Self {
        let fields = fields
            .iter()
            .filter(|(name, _)| {
                let since = gates
                    .iter()
                    .find(|attribute| attribute.name == *name)
                    .map(|attribute| attribute.since);
                since.is_some_and(|since| version.has(since)) && wanted(name)
            })
            .enumerate()
            .map(|(index, (name, get))| {
                let before = if index == 0 { '{' } else { ',' };
                (format!("{before}\"{name}\":"), *get)
            })
            .collect();
        Self { fields }
    }

    /// Whether one of these fields is shown.
    pub(crate) fn shows_any(&self, names: &[&str]) -> bool {
        let shows = |name: &&str| {
            let written = format!("\"{name}\":");
            self.fields
                .iter()
                .any(|(before, _)| before.ends_with(&written))
        };
        names.iter().any(shows)
    }

    /// One object of an answer.
    pub(crate) fn view<'a>(&'a self, subject: &'a T, scene: &'a S) -> View<'a, T, S> {
        View {
            subject,
            scene,
            selection: self,
        }
    }

    fn write(&self, subject: &T, scene: &S, out: &mut Vec<u8>) -> Result<()> {
        if self.fields.is_empty() {
            out.raw("{");
        }
        for (before, get) in &self.fields {
            out.raw(before);
            get(subject, scene).write(out)?;
        }
        out.raw("}");
        Ok(())
    }
}

/// Selections that depend on the version only, each made when it is first asked for: a node has seventy fields.
pub(crate) struct ByVersion<T: 'static, S: 'static> {
    made: [OnceLock<Arc<Selection<T, S>>>; versions::MAX_MINOR as usize + 1],
    make: fn(Version) -> Selection<T, S>,
}

impl<T, S> ByVersion<T, S> {
    pub(crate) const fn new(make: fn(Version) -> Selection<T, S>) -> Self {
        Self {
            made: [const { OnceLock::new() }; versions::MAX_MINOR as usize + 1],
            make,
        }
    }

    pub(crate) fn get(&self, version: Version) -> Arc<Selection<T, S>> {
        match self.made.get(usize::from(version.minor())) {
            Some(made) => Arc::clone(made.get_or_init(|| Arc::new((self.make)(version)))),
            None => Arc::new((self.make)(version)),
        }
    }
}

/// One object of an answer.
pub(crate) struct View<'a, T: 'static, S: 'static> {
    subject: &'a T,
    scene: &'a S,
    selection: &'a Selection<T, S>,
}

impl<T, S> ToJson for View<'_, T, S> {
    fn to_json(&self) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(self.selection.fields.len() * FIELD_BYTES);
        self.selection.write(self.subject, self.scene, &mut out)?;
        Ok(out)
    }
}

/// A list: `{"<collection>": […], "next": …}`.
pub(crate) struct Collection<'a, T: 'static, S: 'static, I = T> {
    pub(crate) name: &'static str,
    /// Of `T`, or shared ones.
    pub(crate) items: &'a [I],
    pub(crate) selection: &'a Selection<T, S>,
    pub(crate) scene: &'a S,
    pub(crate) next: Option<String>,
}

impl<T, S, I: Borrow<T>> ToJson for Collection<'_, T, S, I> {
    fn to_json(&self) -> Result<Vec<u8>> {
        let fields = self.selection.fields.len() * self.items.len();
        let mut out = Vec::with_capacity(256 + fields * FIELD_BYTES);
        out.raw("{\"");
        out.raw(self.name);
        out.raw("\":[");
        for (index, item) in self.items.iter().enumerate() {
            if index > 0 {
                out.raw(",");
            }
            self.selection.write(item.borrow(), self.scene, &mut out)?;
        }
        out.raw("]");
        if let Some(next) = &self.next {
            out.raw(",\"next\":");
            out.string(next)?;
        }
        out.raw("}");
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::node as gate;

    #[test]
    fn what_is_written_is_json() {
        let texts = ["\"quoted\" and \\", "line\nbreak\u{1}", "ünï", ""];
        for text in texts {
            let mut out = Vec::new();
            Shown::Text(text).write(&mut out).unwrap();
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
        let none: Selection<(), ()> = Selection::new(&[], gate::FIELDS, Version::new(1), |_| true);
        assert_eq!(none.view(&(), &()).to_json().unwrap(), b"{}");
    }
}
