//! The host never looks into a vendor message, so anything may stand in it.

use ironbark_drivers::{Implementation, VendorMethod, VendorScope};
use ironbark_model::InterfaceKind;
use ironbark_sandbox::{CallContext, CallError, Lock, VendorRequest};

use super::{Checked, Stop, Suite};
use crate::kit::Kit;

/// More than any driver's parser should follow.
const DEPTH: usize = 10_000;
const LONG: usize = 256 * 1024;

pub(super) async fn run(suite: &mut Suite<'_>, kit: &Kit) {
    for implementation in kit.implementations(InterfaceKind::Vendor) {
        let of = &implementation;
        for scope in [VendorScope::Node, VendorScope::Driver] {
            for method in of.vendor_methods(scope).into_values() {
                let name = format!("odd messages to '{}' don't break it", method.name);
                suite.check(of, name, odd_messages(kit, of, &method)).await;
            }
        }
    }
}

async fn odd_messages(kit: &Kit, of: &Implementation, method: &VendorMethod) -> Checked {
    let machine = kit.machine().await?;
    for body in bodies() {
        let request = VendorRequest {
            method: method.name.clone(),
            http_method: method.http_methods.first().cloned().unwrap_or_default(),
            body: body.clone(),
        };
        let result = match method.scope {
            VendorScope::Node => {
                let context = machine.context(Lock::Shared);
                machine.call(of.vendor_validate(context, request)).await
            }
            VendorScope::Driver => {
                let context = CallContext::without_node("req-testkit");
                machine
                    .call(of.driver_vendor_validate(context, request))
                    .await
            }
        };
        // Whether it likes the message is its own business.
        if let Err(broken @ (CallError::Fault(_) | CallError::Overloaded)) = result {
            let shown: String = body.chars().take(40).collect();
            return Err(Stop::Failed(format!("validate of {shown:?}: {broken}")));
        }
    }
    Ok(())
}

fn bodies() -> Vec<String> {
    let mut bodies: Vec<String> = [
        "",
        "null",
        "true",
        "-1e308",
        "18446744073709551616",
        "[]",
        "[{}]",
        "{}",
        "{\"",
        "{\"a\": 1, \"a\": 2}",
        "\"\\u0000\\ud800\"",
        "\u{feff}{}",
        "no JSON",
    ]
    .map(str::to_owned)
    .to_vec();
    bodies.push("[".repeat(DEPTH));
    bodies.push(format!("{{\"a\": \"{}\"}}", "x".repeat(LONG)));
    bodies
}
