//! How resources look in answers: tables of fields, written straight into the answer's text without a JSON value
//! in between, because lists have a thousand rows.

pub(crate) mod history;
pub(crate) mod links;
pub(crate) mod masked;
pub(crate) mod node;
pub(crate) mod port;
pub(crate) mod time;

use ironbark_model::{JsonObject, Node, Timestamp};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::gates::Attribute;
use crate::versions::Version;
use links::{LinkBlock, Links};

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
    /// `instance_info`, which has secrets of its own.
    InstanceInfo(&'a JsonObject),
    /// `driver_internal_info`, into which the time of the last heartbeat goes.
    InternalInfo(&'a Node),
    Texts(&'a [String]),
    Links(Links<'a>),
    Block(LinkBlock<'a>),
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

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Time(time) => time::Written(*time).serialize(serializer),
            Self::Object(object) => object.serialize(serializer),
            Self::Masked(object) => masked::Masked(object).serialize(serializer),
            Self::InstanceInfo(object) => masked::InstanceInfo(object).serialize(serializer),
            Self::InternalInfo(node) => masked::InternalInfo(node).serialize(serializer),
            Self::Texts(texts) => texts.serialize(serializer),
            Self::Links(links) => links.serialize(serializer),
            Self::Block(block) => block.serialize(serializer),
        }
    }
}

/// What makes a resource `T` into a field's value; `S` is what else it depends on.
pub(crate) type Getter<T, S> = for<'a> fn(&'a T, &'a S) -> Shown<'a>;

/// A field of an answer.
pub(crate) type Field<T, S> = (&'static str, Getter<T, S>);

/// The fields of an answer, in the order in which they are written.
pub(crate) struct Selection<T: 'static, S: 'static> {
    fields: Vec<&'static Field<T, S>>,
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
            .collect();
        Self { fields }
    }

    /// One object of an answer.
    pub(crate) fn view<'a>(&'a self, subject: &'a T, scene: &'a S) -> View<'a, T, S> {
        View {
            subject,
            scene,
            selection: self,
        }
    }
}

/// One object of an answer.
pub(crate) struct View<'a, T: 'static, S: 'static> {
    subject: &'a T,
    scene: &'a S,
    selection: &'a Selection<T, S>,
}

impl<T, S> Serialize for View<'_, T, S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        let mut map = serializer.serialize_map(Some(self.selection.fields.len()))?;
        for (name, get) in &self.selection.fields {
            map.serialize_entry(name, &get(self.subject, self.scene))?;
        }
        map.end()
    }
}

/// A list: `{"<collection>": […], "next": …}`.
pub(crate) struct Collection<'a, T: 'static, S: 'static> {
    pub(crate) name: &'static str,
    pub(crate) items: &'a [T],
    pub(crate) selection: &'a Selection<T, S>,
    pub(crate) scene: &'a S,
    pub(crate) next: Option<String>,
}

impl<T, S> Serialize for Collection<'_, T, S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(self.name, &Items(self))?;
        if let Some(next) = &self.next {
            map.serialize_entry("next", next)?;
        }
        map.end()
    }
}

struct Items<'a, 'c, T: 'static, S: 'static>(&'a Collection<'c, T, S>);

impl<T, S> Serialize for Items<'_, '_, T, S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.items.len()))?;
        for item in self.0.items {
            list.serialize_element(&self.0.selection.view(item, self.0.scene))?;
        }
        list.end()
    }
}
