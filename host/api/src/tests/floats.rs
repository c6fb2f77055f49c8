//! Numbers come back from the API as the very ones that were sent.

use serde_json::{Value, json};

use super::harness::{LATEST, Site};

/// How many numbers one body has.
const MANY: usize = 2_000;

/// Numbers of every size, always the same ones (xorshift64).
fn numbers() -> Vec<f64> {
    let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
    let drawn = std::iter::repeat_with(|| {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        f64::from_bits(bits)
    });
    let edges = [0.1, 0.3, f64::MIN_POSITIVE, f64::MAX, f64::EPSILON, 5e-324];
    let finite = drawn.filter(|number| number.is_finite()).take(MANY);
    edges.into_iter().chain(finite).collect()
}

fn bits(values: &Value) -> Vec<u64> {
    let values = values.as_array().expect("a list");
    values
        .iter()
        .map(|value| value.as_f64().expect("a number").to_bits())
        .collect()
}

#[tokio::test]
async fn floats_come_back_exactly() {
    let site = Site::new().await;
    let sent = numbers();
    let expected: Vec<u64> = sent.iter().map(|number| number.to_bits()).collect();
    for field in ["extra", "properties"] {
        let body = json!({"driver": "fake-hardware", field: {"floats": sent}});
        let created = site.send("POST", "/v1/nodes", LATEST, Some(body)).await;
        let created = created.expect(201).json();
        assert_eq!(bits(&created[field]["floats"]), expected, "{field}");
        let path = format!("/v1/nodes/{}", created["uuid"].as_str().unwrap());
        let add = json!([{"op": "add", "path": format!("/{field}/more"), "value": sent}]);
        site.send("PATCH", &path, LATEST, Some(add))
            .await
            .expect(200);
        let shown = site.get(&path, LATEST).await.expect(200).json();
        assert_eq!(bits(&shown[field]["floats"]), expected, "{field}");
        assert_eq!(bits(&shown[field]["more"]), expected, "{field}, patched");
    }
}
