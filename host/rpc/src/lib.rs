//! Requests from the API to conductors, the replies, and what carries them.
//!
//! Messages are serialised, versioned and bound by a deadline before a [`Transport`] sees them, so that a transport
//! only carries bytes: [`in_process`] for one process, a network later. A request may open a [`Stream`]. This crate may know the model, and nothing of
//! the database, of HTTP or of what a conductor does with a request.

#![forbid(unsafe_code)]

mod allocations;
mod belongings;
mod client;
mod hardware;
pub mod in_process;
mod message;
mod ramdisk;
mod report;
mod server;
mod stream;
mod transport;

pub use allocations::ChangeAllocation;
pub use belongings::{Belonging, Change, ChangeBelonging};
pub use client::Client;
pub use hardware::HardwareRequest;
pub use message::{
    Envelope, Installation, Outcome, PackageChange, ProvisionArgs, Reply, Request, TraitChange,
    VERSION, VendorCall,
};
pub use ramdisk::{Carried, Heartbeat, RamdiskRequest};
pub use report::{LimitsReport, PackageReport, TaskReport, TaskRun, UsageReport};
pub use server::{Handler, open_bytes, serve_bytes};
pub use stream::{End, Opening, PIECE, Pipe, Reader, Stream, WAITING, Why, Writer, pipe};
pub use transport::{Transport, TransportError};
