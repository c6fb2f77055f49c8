//! Asking each interface whether the node has what it needs.

use std::sync::Arc;

use ironbark_model::{Error, ErrorKind, InterfaceKind, JsonObject, Result};
use ironbark_rpc::Reply;
use serde_json::{Value, json};

use super::{Asked, find};
use crate::call::Ports;
use crate::context::Context;

/// `{"power": {"result": true}, "deploy": {"result": false, "reason": "…"}, …}` for all interfaces but `vendor`.
pub(super) async fn validate(ctx: &Arc<Context>, asked: &Asked, ident: &str) -> Result<Reply> {
    let node = find(ctx, ident).await?;
    let ports = Ports::default();
    let mut answer = JsonObject::new();
    for kind in InterfaceKind::ALL {
        if *kind == InterfaceKind::Vendor {
            continue;
        }
        let call = asked.call(ctx, &node, &ports, None);
        answer.insert(kind.to_string(), said(call.validate(*kind).await)?);
    }
    Ok(Reply::Json(Value::Object(answer)))
}

/// What a driver says about the node is an answer; that we can't ask is an error.
fn said(outcome: Result<()>) -> Result<Value> {
    match outcome {
        Ok(()) => Ok(json!({"result": true})),
        Err(error) if matches!(error.kind(), ErrorKind::Overloaded | ErrorKind::NoConductor) => {
            Err(error)
        }
        Err(error) => Ok(json!({"result": false, "reason": reason(&error)})),
    }
}

fn reason(error: &Error) -> &str {
    error.message()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_a_driver_finds_wrong_is_an_answer_and_our_own_bounds_are_errors() {
        assert_eq!(said(Ok(())).unwrap(), json!({"result": true}));
        let wrong = said(Err(Error::missing("no address"))).unwrap();
        assert_eq!(wrong, json!({"result": false, "reason": "no address"}));
        assert!(said(Err(Error::overloaded("busy"))).is_err());
    }
}
