//! What is known of a node's hardware: BIOS settings, firmware, inventory. Read by anybody, written under the node's reservation.

mod bios;
mod firmware;
mod inventory;
