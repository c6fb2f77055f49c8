//! One operation: a method on a path, as the document shows it.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::schema;

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
    summary: Cow<'static, str>,
    query: Vec<Value>,
    body: Option<Body>,
    answers: Vec<(u16, Answer)>,
    asks_machine: bool,
    may_conflict: bool,
}

struct Body {
    required: bool,
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
        summary: summary.into(),
        query: Vec::new(),
        body: None,
        answers: Vec::new(),
        asks_machine: false,
        may_conflict: false,
    }
}

impl Operation {
    /// An argument of the query.
    pub(crate) fn query(mut self, name: &'static str, schema: Value) -> Self {
        self.query.push(parameter("query", name, false, schema));
        self
    }

    /// An argument of the query that must be there.
    pub(crate) fn needs(mut self, name: &'static str, schema: Value) -> Self {
        self.query.push(parameter("query", name, true, schema));
        self
    }

    /// The body must be there.
    pub(crate) fn body(self, schema: Value) -> Self {
        self.with_body(true, schema)
    }

    /// There may be a body.
    pub(crate) fn may_have_body(self, schema: Value) -> Self {
        self.with_body(false, schema)
    }

    /// It asks or tells a machine, which may be out of reach.
    pub(crate) fn asks_machine(mut self) -> Self {
        self.asks_machine = true;
        self
    }

    /// 200 with this.
    pub(crate) fn ok(self, schema: Value) -> Self {
        self.answer(200, "Done.", vec![("application/json", schema)], false)
    }

    /// 200 with a file.
    pub(crate) fn or_file(mut self) -> Self {
        if let Some((_, answer)) = self.answers.first_mut() {
            let bytes = json!({"type": "string", "format": "binary"});
            answer.content.push(("application/octet-stream", bytes));
        }
        self
    }

    /// 201 with what was created, and where it is.
    pub(crate) fn created(self, schema: Value) -> Self {
        self.answer(201, "Created.", vec![("application/json", schema)], true)
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
        self.answer(202, "Taken.", vec![("application/json", schema)], false)
    }

    /// It may find that somebody else goes on with the node.
    pub(crate) fn may_conflict(mut self) -> Self {
        self.may_conflict = true;
        self
    }

    /// 204.
    pub(crate) fn no_content(self) -> Self {
        self.answer(204, "Done; there is nothing to show.", Vec::new(), false)
    }

    /// As the document has it.
    pub(crate) fn to_value(&self) -> Value {
        let mut parameters: Vec<Value> = self.params().map(path_parameter).collect();
        parameters.extend(self.query.iter().cloned());
        let mut value = json!({
            "operationId": self.id(),
            "summary": self.summary,
            "tags": [self.pattern.split('/').next().unwrap_or_default()],
            "parameters": parameters,
            "responses": self.responses(),
        });
        if let (Some(body), Some(value)) = (&self.body, value.as_object_mut()) {
            let body = json!({
                "required": body.required,
                "content": {"application/json": {"schema": body.schema}},
            });
            value.insert("requestBody".to_owned(), body);
        }
        value
    }

    fn params(&self) -> impl Iterator<Item = &'static str> {
        self.pattern
            .split('/')
            .filter_map(|element| element.strip_prefix('{')?.strip_suffix('}'))
    }

    fn id(&self) -> String {
        let path: Vec<&str> = self
            .pattern
            .split('/')
            .map(|element| element.trim_matches(['{', '}']))
            .collect();
        format!("{}_{}", self.method.to_lowercase(), path.join("_"))
    }

    fn with_body(mut self, required: bool, schema: Value) -> Self {
        self.body = Some(Body { required, schema });
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

/// What stands in `components/responses`: every error, by its status.
pub(crate) fn error_responses() -> Value {
    const MEANINGS: &[(u16, &str)] = &[
        (
            400,
            "Something in the request is wrong, or can't be done in the state that the node is in.",
        ),
        (401, "Credentials are missing or wrong."),
        (403, "It is not allowed."),
        (404, "It is not there."),
        (406, "It came with a newer microversion."),
        (409, "Something else goes on with it; try again."),
        (413, "The request is too large."),
        (415, "The body is not of the right media type."),
        (502, "The machine, or its driver, failed."),
        (
            503,
            "No conductor is there, or the service is overloaded; Retry-After says when to try again.",
        ),
        (504, "The machine did not answer in time."),
    ];
    let error = schema::reference("Error");
    let all: Map<String, Value> = MEANINGS
        .iter()
        .map(|(status, meaning)| {
            let response = json!({
                "description": meaning,
                "content": {"application/json": {"schema": error}},
            });
            (status.to_string(), response)
        })
        .collect();
    Value::Object(all)
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
