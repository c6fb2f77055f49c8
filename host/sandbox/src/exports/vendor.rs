//! `vendor`.

use serde_json::Value;

use super::convert::json;
use super::{call, checked};
use crate::bindings::exports::ironbark::driver::vendor::Request;
use crate::{CallContext, CallError, Completed, Driver};

/// One vendor call, as the client sent it.
#[derive(Clone, PartialEq, Eq)]
pub struct VendorRequest {
    /// The method's name.
    pub method: String,
    /// `GET`, `POST`, …
    pub http_method: String,
    /// The body, unaltered. The host never looks into it, and it is never logged.
    pub body: String,
}

impl std::fmt::Debug for VendorRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("VendorRequest")
            .field("method", &self.method)
            .field("http_method", &self.http_method)
            .finish_non_exhaustive()
    }
}

impl From<VendorRequest> for Request {
    fn from(request: VendorRequest) -> Self {
        Self {
            method: request.method,
            http_method: request.http_method,
            body: request.body,
        }
    }
}

impl Driver {
    /// Whether the message makes sense for this node.
    pub async fn vendor_validate(
        &self,
        implementation: &str,
        context: CallContext,
        request: VendorRequest,
    ) -> Result<Completed<()>, CallError> {
        call!(
            self,
            context,
            implementation,
            vendor.call_validate(&request.into())
        )
    }

    /// Runs a method of scope `node`.
    pub async fn vendor_call(
        &self,
        implementation: &str,
        context: CallContext,
        request: VendorRequest,
    ) -> Result<Completed<Value>, CallError> {
        let completed = call!(
            self,
            context,
            implementation,
            vendor.call_call(&request.into())
        );
        checked!(self, completed, |text: String| json("vendor.call", &text))
    }

    /// As `vendor_validate`, for methods of scope `driver`.
    pub async fn driver_vendor_validate(
        &self,
        implementation: &str,
        context: CallContext,
        request: VendorRequest,
    ) -> Result<Completed<()>, CallError> {
        call!(
            self,
            context,
            implementation,
            vendor.call_driver_validate(&request.into())
        )
    }

    /// As `vendor_call`, for methods of scope `driver`.
    pub async fn driver_vendor_call(
        &self,
        implementation: &str,
        context: CallContext,
        request: VendorRequest,
    ) -> Result<Completed<Value>, CallError> {
        let completed = call!(
            self,
            context,
            implementation,
            vendor.call_driver_call(&request.into())
        );
        checked!(self, completed, |text: String| json(
            "vendor.driver-call",
            &text
        ))
    }
}
