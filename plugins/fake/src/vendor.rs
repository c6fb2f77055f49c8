//! Vendor methods that want a parameter `bar`, each with a value of its own that pleases it.

use ironbark_driver::{Error, Request, Result, Vendor, log};
use serde_json::{Map, Value};

pub(crate) struct FakeVendor;

impl Vendor for FakeVendor {
    fn validate(&self, request: &Request) -> Result<()> {
        check(request)
    }

    fn call(&self, request: &Request) -> Result<Value> {
        answer(request)
    }
}

fn check(request: &Request) -> Result<()> {
    let message = request.read::<Map<String, Value>>()?;
    let wants_bar = favourite(&request.method).is_some();
    if wants_bar && message.get("bar").is_none_or(Value::is_null) {
        return Err(Error::missing_parameter(format!(
            "the method '{}' wants a parameter 'bar'",
            request.method
        )));
    }
    Ok(())
}

fn answer(request: &Request) -> Result<Value> {
    if request.method == "log_passthrough" {
        log::info(format_args!("log_passthrough: {}", request.body));
        return Ok(Value::Null);
    }
    let Some(favourite) = favourite(&request.method) else {
        return request.unknown_method();
    };
    let message = request.read::<Map<String, Value>>()?;
    let pleased = message.get("bar").and_then(Value::as_str) == Some(favourite);
    Ok(Value::Bool(pleased))
}

/// The value of `bar` that pleases a method; `None` for methods that don't look at it.
fn favourite(method: &str) -> Option<&'static str> {
    match method {
        "first_method" => Some("baz"),
        "second_method" => Some("kazoo"),
        "third_method_sync" => Some("meow"),
        "fourth_method_shared_lock" => Some("woof"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, body: &str) -> Request {
        Request {
            method: method.to_owned(),
            http_method: "POST".to_owned(),
            body: body.to_owned(),
        }
    }

    #[test]
    fn the_right_bar_pleases() {
        assert_eq!(
            answer(&request("third_method_sync", r#"{"bar": "meow"}"#)),
            Ok(Value::Bool(true))
        );
        assert_eq!(
            answer(&request("third_method_sync", r#"{"bar": "bark"}"#)),
            Ok(Value::Bool(false))
        );
    }

    #[test]
    fn a_bar_is_needed() {
        let error = check(&request("second_method", "{}")).unwrap_err();
        assert!(matches!(error, Error::MissingParameter(_)), "{error:?}");
        assert_eq!(check(&request("log_passthrough", "{}")), Ok(()));
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        let error = check(&request("second_method", "[1]")).unwrap_err();
        assert!(matches!(error, Error::InvalidParameter(_)), "{error:?}");
    }
}
