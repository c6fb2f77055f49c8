//! One operation: a method on a path, as the document shows it.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::schema;
use crate::auth;

/// Where Ironic's paths are.
const IRONIC: &str = "/v1";

/// Where Ironbark's own are. They have no microversions.
const OWN: &str = "/ironbark/v1";

/// The media type of everything that is no file.
const JSON: &str = "application/json";

/// What clients are told when something is wrong with any request.
const ALWAYS: &[u16] = &[400, 401, 403, 404, 406, 413, 503];

/// What can also be wrong when something is to change.
const CHANGING: &[u16] = &[409, 415];

/// What can also be wrong when a machine is asked.
const ASKING_MACHINE: &[u16] = &[409, 502, 504];

/// A method on a path.
pub(crate) struct Operation {
    /// As in the table of paths.
    pub(crate) pattern: &'static str,
    pub(crate) method: &'static str,
    root: &'static str,
    summary: Cow<'static, str>,
    parameters: Vec<Value>,
    body: Option<Body>,
    answers: Vec<(u16, Answer)>,
    asks_machine: bool,
    may_conflict: bool,
}

struct Body {
    required: bool,
    media: &'static str,
    schema: Value,
}

struct Answer {
    description: &'static str,
    /// By media type; none if the answer has no body.
    content: Vec<(&'static str, Value)>,
    has_location: bool,
}

pub(crate) fn get(pattern: &'static str, summary: impl Into<Cow<'static, str>>) -> Operation {
    operation("GET", pattern, summary)
}

pub(crate) fn post(pattern: &'static str, summary: impl Into<Cow<'static, str>>) -> Operation {
    operation("POST", pattern, summary)
}

pub(crate) fn put(pattern: &'static str, summary: impl Into<Cow<'static, str>>) -> Operation {
    operation("PUT", pattern, summary)
}

pub(crate) fn patch(pattern: &'static str, summary: impl Into<Cow<'static, str>>) -> Operation {
    operation("PATCH", pattern, summary).body(schema::reference("Patch"))
}

pub(crate) fn delete(pattern: &'static str, summary: impl Into<Cow<'static, str>>) -> Operation {
    operation("DELETE", pattern, summary)
}

/// Any method, for what drivers define.
pub(crate) fn operation(
    method: &'static str,
    pattern: &'static str,
    summary: impl Into<Cow<'static, str>>,
) -> Operation {
    Operation {
        pattern,
        method,
        root: IRONIC,
        summary: summary.into(),
        parameters: Vec::new(),
        body: None,
        answers: Vec::new(),
        asks_machine: false,
        may_conflict: false,
    }
}

impl Operation {
    /// It is one of Ironbark's own.
    pub(crate) fn own(mut self) -> Self {
        self.root = OWN;
        self
    }

    /// The whole path, with the names of its parameters in braces.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}", self.root, self.pattern)
    }

    /// An argument of the query.
    pub(crate) fn query(self, name: &'static str, schema: Value) -> Self {
        self.parameter("query", name, false, schema)
    }

    /// An argument of the query that must be there.
    pub(crate) fn needs(self, name: &'static str, schema: Value) -> Self {
        self.parameter("query", name, true, schema)
    }

    /// A header that has a meaning here.
    pub(crate) fn header(self, name: &'static str, schema: Value) -> Self {
        self.parameter("header", name, false, schema)
    }

    /// The body must be there.
    pub(crate) fn body(self, schema: Value) -> Self {
        self.with_body(true, JSON, schema)
    }

    /// There may be a body.
    pub(crate) fn may_have_body(self, schema: Value) -> Self {
        self.with_body(false, JSON, schema)
    }

    /// The body is a file of this media type.
    pub(crate) fn file(self, media: &'static str) -> Self {
        self.with_body(true, media, bytes())
    }

    /// It asks or tells a machine, which may be out of reach.
    pub(crate) fn asks_machine(mut self) -> Self {
        self.asks_machine = true;
        self
    }

    /// 200 with this.
    pub(crate) fn ok(self, schema: Value) -> Self {
        self.answer(200, "Done.", vec![(JSON, schema)], false)
    }

    /// 200 with a file.
    pub(crate) fn or_file(self) -> Self {
        self.or("application/octet-stream", bytes())
    }

    /// 200 with this instead.
    pub(crate) fn or(mut self, media: &'static str, schema: Value) -> Self {
        if let Some((_, answer)) = self.answers.first_mut() {
            answer.content.push((media, schema));
        }
        self
    }

    /// 201 with what was created, and where it is.
    pub(crate) fn created(self, schema: Value) -> Self {
        self.answer(201, "Created.", vec![(JSON, schema)], true)
    }

    /// 202 with what waits until an operator has decided, and where it is.
    pub(crate) fn awaits_approval(self, schema: Value) -> Self {
        self.answer(
            202,
            "Installed; it awaits approval.",
            vec![(JSON, schema)],
            true,
        )
    }

    /// 202: it goes on; `Location` says where to look.
    pub(crate) fn accepted(self) -> Self {
        self.answer(
            202,
            "Begun; the place to look is in Location.",
            Vec::new(),
            true,
        )
    }

    /// 202 without more.
    pub(crate) fn taken(self) -> Self {
        self.answer(202, "Taken.", Vec::new(), false)
    }

    /// 202 with this.
    pub(crate) fn taken_with(self, schema: Value) -> Self {
        self.answer(202, "Taken.", vec![(JSON, schema)], false)
    }

    /// It may find that somebody else goes on with the node.
    pub(crate) fn may_conflict(mut self) -> Self {
        self.may_conflict = true;
        self
    }

    /// 101: the connection is a WebSocket from then on.
    pub(crate) fn becomes_web_socket(self) -> Self {
        self.answer(101, "The connection is a WebSocket now.", Vec::new(), false)
    }

    /// 204.
    pub(crate) fn no_content(self) -> Self {
        self.answer(204, "Done; there is nothing to show.", Vec::new(), false)
    }

    /// As the document has it.
    pub(crate) fn to_value(&self) -> Value {
        let mut parameters: Vec<Value> = self.params().map(path_parameter).collect();
        parameters.extend(self.parameters.iter().cloned());
        let mut value = json!({
            "operationId": self.id(),
            "summary": self.summary,
            "tags": [self.pattern.split('/').next().unwrap_or_default()],
            "parameters": parameters,
            "responses": self.responses(),
        });
        if let Some(value) = value.as_object_mut() {
            if let Some(body) = &self.body {
                let mut content = Map::new();
                content.insert(body.media.to_owned(), json!({"schema": body.schema}));
                let body = json!({"required": body.required, "content": content});
                value.insert("requestBody".to_owned(), body);
            }
            if self.is_public() {
                value.insert("security".to_owned(), json!([]));
            }
        }
        value
    }

    /// Whether it needs no credentials.
    fn is_public(&self) -> bool {
        auth::is_public(&self.path().replace(['{', '}'], ""))
    }

    fn is_own(&self) -> bool {
        self.root == OWN
    }

    fn params(&self) -> impl Iterator<Item = &'static str> {
        self.pattern
            .split('/')
            .filter_map(|element| element.strip_prefix('{')?.strip_suffix('}'))
    }

    /// Its name among all operations.
    pub(crate) fn id(&self) -> String {
        let path: Vec<&str> = self
            .pattern
            .split('/')
            .map(|element| element.trim_matches(['{', '}']))
            .collect();
        let whose = if self.is_own() { "_ironbark" } else { "" };
        format!("{}{whose}_{}", self.method.to_lowercase(), path.join("_"))
    }

    fn parameter(mut self, place: &str, name: &'static str, required: bool, schema: Value) -> Self {
        self.parameters
            .push(parameter(place, name, required, schema));
        self
    }

    fn with_body(mut self, required: bool, media: &'static str, schema: Value) -> Self {
        self.body = Some(Body {
            required,
            media,
            schema,
        });
        self
    }

    fn answer(
        mut self,
        status: u16,
        description: &'static str,
        content: Vec<(&'static str, Value)>,
        has_location: bool,
    ) -> Self {
        let answer = Answer {
            description,
            content,
            has_location,
        };
        self.answers.push((status, answer));
        self
    }

    fn responses(&self) -> Value {
        let mut responses = Map::new();
        for (status, answer) in &self.answers {
            responses.insert(status.to_string(), answer.to_value());
        }
        let changing = if self.method == "GET" { &[] } else { CHANGING };
        let asking = if self.asks_machine {
            ASKING_MACHINE
        } else {
            &[]
        };
        let conflict: &[u16] = if self.may_conflict { &[409] } else { &[] };
        for status in ALWAYS.iter().chain(changing).chain(asking).chain(conflict) {
            let never = match status {
                401 => self.is_public(),
                406 => self.is_own(),
                _ => false,
            };
            if never {
                continue;
            }
            responses.insert(
                status.to_string(),
                json!({"$ref": format!("#/components/responses/{status}")}),
            );
        }
        Value::Object(responses)
    }
}

impl Answer {
    fn to_value(&self) -> Value {
        let mut value = Map::new();
        value.insert("description".to_owned(), self.description.into());
        if !self.content.is_empty() {
            let content: Map<String, Value> = self
                .content
                .iter()
                .map(|(media, schema)| ((*media).to_owned(), json!({"schema": schema})))
                .collect();
            value.insert("content".to_owned(), Value::Object(content));
        }
        if self.has_location {
            let location = json!({"required": true, "schema": {"type": "string", "format": "uri"}});
            value.insert("headers".to_owned(), json!({"Location": location}));
        }
        Value::Object(value)
    }
}

/// A file's content.
fn bytes() -> Value {
    json!({"type": "string", "format": "binary"})
}

fn path_parameter(name: &'static str) -> Value {
    parameter(
        "path",
        name,
        true,
        json!({"type": "string", "minLength": 1}),
    )
}

fn parameter(place: &str, name: &str, required: bool, schema: Value) -> Value {
    json!({"name": name, "in": place, "required": required, "schema": schema})
}
