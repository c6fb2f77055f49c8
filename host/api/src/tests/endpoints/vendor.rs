//! Vendor methods of nodes and of drivers: any method, in the path or in the query.

use ironbark_rpc::Reply;
use serde_json::json;

use super::case::{Case, case, get};

pub(super) fn cases() -> Vec<Case> {
    let by_path = [
        "/v1/nodes/{node}/vendor_passthru/{method}",
        "/v1/drivers/{driver}/vendor_passthru/{method}",
    ];
    let by_query = [
        "/v1/nodes/{node}/vendor_passthru",
        "/v1/drivers/{driver}/vendor_passthru",
    ];
    let mut all = vec![
        get("/v1/nodes/{node}/vendor_passthru/methods"),
        get("/v1/drivers/{driver}/vendor_passthru/methods"),
    ];
    for (method, reply) in [
        ("GET", answered(false, r#"{"blinks": 3}"#, false)),
        ("POST", answered(true, "null", false)),
        ("PUT", answered(false, "null", false)),
        ("PATCH", answered(false, r#""a report""#, true)),
        ("DELETE", answered(false, "true", false)),
    ] {
        let with_body = |call: Case| match method {
            "GET" => call,
            _ => call.body(json!({"times": 3})),
        };
        for path in by_path {
            all.push(with_body(case(method, path)).conductor(reply.clone()));
        }
        for path in by_query {
            all.push(with_body(case(method, path).query("method=blink")).conductor(reply.clone()));
        }
    }
    all
}

fn answered(is_async: bool, result: &str, attach: bool) -> Reply {
    Reply::Vendor {
        is_async,
        result: result.to_owned(),
        attach,
    }
}
