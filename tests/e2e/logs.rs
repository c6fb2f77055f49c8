//! Log lines as JSON: that each can be found by request and by node.

use ironbark_tests::{Service, Setup, Stage, eventually};
use serde_json::{Value, json};

/// What is said of a request by the API, by an operation and by a driver has the request's id and the node, and every key once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_in_json_name_request_and_node() {
    let stage = Stage::shared().await;
    let setup = Setup::default().argument("--log-format").argument("json");
    let service = Service::start(&stage, setup).await;
    let client = service.client();
    let body = json!({"name": "told", "driver": "fake-hardware"});
    let node = client.create_node(&body).await;
    let uuid = node["uuid"].as_str().unwrap().to_owned();
    client.power_to("told", "power on", "power on").await;
    let path = "/v1/nodes/told/states/provision";
    let answer = client.put(path, &json!({"target": "manage"})).await;
    let request = answer.headers["openstack-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    answer.expect(202);
    for target in [
        "ironbark_conductor::requests::provision",
        "ironbark_conductor::operations::step_run",
        "ironbark::driver",
    ] {
        let line = eventually(&format!("a line of {target}"), async || {
            lines(&service).into_iter().find(|line| {
                line["target"] == target && field(line, "request_id") == request.as_str()
            })
        })
        .await;
        assert_eq!(field(&line, "node"), uuid.as_str(), "{line}");
    }
    let reached = lines(&service)
        .into_iter()
        .find(|line| line["message"] == "the power change is reached")
        .expect("the line of the power change");
    assert_eq!(field(&reached, "node"), uuid.as_str(), "{reached}");
    assert_eq!(reached["wanted"], "power on", "{reached}");
}

/// A field of the line itself, or of what it is said within.
fn field<'a>(line: &'a Value, name: &str) -> &'a Value {
    match &line[name] {
        Value::Null => &line["span"][name],
        found => found,
    }
}

fn lines(service: &Service) -> Vec<Value> {
    let log = service.log();
    let mut lines: Vec<&str> = log.split_inclusive('\n').collect();
    // The last one may not be written to its end.
    lines.retain(|line| line.ends_with('\n'));
    lines
        .into_iter()
        .map(|line| {
            let once: Result<Unrepeated, _> = serde_json::from_str(line);
            once.unwrap_or_else(|error| panic!("{error}: {line}")).0
        })
        .collect()
}

/// An object whose keys are there once: readers differ about which of two counts.
struct Unrepeated(Value);

impl<'de> serde::Deserialize<'de> for Unrepeated {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Keys)
    }
}

struct Keys;

impl<'de> serde::de::Visitor<'de> for Keys {
    type Value = Unrepeated;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Unrepeated, A::Error> {
        let mut object = serde_json::Map::new();
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            if object.insert(key.clone(), value).is_some() {
                let error = format!("{key} is there twice");
                return Err(serde::de::Error::custom(error));
            }
        }
        Ok(Unrepeated(Value::Object(object)))
    }
}
