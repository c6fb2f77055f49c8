//! Tiny guests, written as WebAssembly text, so that tests need no compiler for another machine.
//!
//! Of the core module, `power` is exported, and everything answers zero: a zero in the result area is "ok", and
//! for `get-power-state` "ok, on". Tests put in what they want instead.

#![allow(dead_code, unreachable_pub)] // Each test binary uses some of it.

pub mod bombs;

use std::path::{Path, PathBuf};

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// What a guest is made of. The default is a power driver that answers "on".
#[derive(Clone)]
pub struct Guest {
    /// Items of the WIT world, such as `import ironbark:driver/clock@0.1.0;`.
    pub world: String,
    /// Packages besides the contract that the world names.
    pub wit: String,
    /// Imports of the core module.
    pub imports: String,
    /// Body of `get-power-state`: must leave the address of the result on the stack.
    pub get_power_state: String,
    /// Body of the core module's start function.
    pub start: String,
    /// Further fields of the core module.
    pub fields: String,
    /// The memory's limits, in pages of 64 KiB.
    pub memory: String,
    /// Content of the metadata section inside of the core module.
    pub metadata: Option<String>,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            world: "export ironbark:driver/power@0.1.0;".into(),
            wit: String::new(),
            imports: String::new(),
            get_power_state: "i32.const 1024".into(),
            start: String::new(),
            fields: String::new(),
            memory: "1".into(),
            metadata: None,
        }
    }
}

impl Guest {
    /// Adds imports: the WIT interface's name, and the core functions.
    pub fn importing(mut self, interface: &str, functions: &str) -> Self {
        self.world.push_str(&format!(" import {interface};"));
        self.imports.push_str(functions);
        self
    }

    /// Replaces the body of `get-power-state`.
    pub fn get_power_state(mut self, body: &str) -> Self {
        self.get_power_state = body.into();
        self
    }

    /// The component.
    pub fn build(&self) -> Vec<u8> {
        let text = format!(
            r#"(module
                {imports}
                (memory (export "memory") {memory})
                (global $top (mut i32) (i32.const 8192))
                {fields}
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                    (local $at i32)
                    (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
                    (global.set $top (i32.add (local.get $at) (local.get 3)))
                    (local.get $at))
                (func (export "ironbark:driver/power@0.1.0#validate") (result i32) i32.const 1024)
                (func (export "ironbark:driver/power@0.1.0#get-power-state") (result i32) (local $i i32) {body})
                (func (export "ironbark:driver/power@0.1.0#set-power-state") (param i32 i32 i32) (result i32) i32.const 1024)
                (func (export "ironbark:driver/power@0.1.0#reboot") (param i32 i32) (result i32) i32.const 1024)
                (func (export "ironbark:driver/power@0.1.0#get-supported-power-states") (result i32) i32.const 1024)
                (func (export "ironbark:driver/power@0.1.0#supports-power-sync") (result i32) i32.const 1024)
                (func $start {start})
                (start $start)
                {metadata}
            )"#,
            imports = self.imports,
            memory = self.memory,
            fields = self.fields,
            body = self.get_power_state,
            start = self.start,
            metadata = self.metadata.as_ref().map_or(String::new(), |text| format!(
                "(@custom \"ironbark-driver\" {})",
                quoted(text)
            )),
        );
        let mut module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let mut resolve = Resolve::default();
        resolve.push_path(contract()).unwrap();
        let world = format!(
            "package ironbark:test;\nworld guest {{ {} }}\n{}",
            self.world, self.wit
        );
        let package = resolve.push_str("guest.wit", &world).unwrap();
        let world = resolve.select_world(&[package], Some("guest")).unwrap();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        ComponentEncoder::default()
            .module(&module)
            .unwrap()
            .encode()
            .unwrap_or_else(|error| panic!("{error:#}"))
    }
}

/// Where the contract is, from whichever crate's tests this is built with.
fn contract() -> PathBuf {
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let found = folders.find_map(|folder| {
        let wit = folder.join("wit");
        wit.is_dir().then_some(wit)
    });
    found.expect("a folder 'wit' above")
}

/// A guest that grows a table until it may not, again and again, and then aborts.
pub fn table_bomb() -> Guest {
    let mut guest = Guest::default().get_power_state(
        "(loop $again
           (if (i32.eq (table.grow $bomb (ref.null func) (i32.const 1000)) (i32.const -1)) (then unreachable))
           (br $again)) unreachable",
    );
    guest.fields = "(table $bomb 1 funcref)".into();
    guest
}

/// A guest that spins in `get-power-state`.
pub fn spinning() -> Guest {
    Guest::default().get_power_state("(loop $again (br $again)) unreachable")
}

/// A guest that sleeps in `get-power-state`, again and again.
pub fn sleeping() -> Guest {
    Guest::default()
        .importing(
            "ironbark:driver/clock@0.1.0",
            r#"(import "ironbark:driver/clock@0.1.0" "sleep" (func $sleep (param i32)))"#,
        )
        .get_power_state("(loop $again (call $sleep (i32.const 1000)) (br $again)) unreachable")
}

/// A guest that sends Get Chassis Status, and passes the error on if there is one.
pub fn ipmi_user(netfn: u8, command: u8) -> Guest {
    Guest::default()
        .importing(
            "ironbark:driver/ipmi@0.1.0",
            r#"(import "ironbark:driver/ipmi@0.1.0" "open" (func $open (param i32)))
               (import "ironbark:driver/ipmi@0.1.0" "[method]session.request" (func $request (param i32 i32 i32 i32 i32 i32 i32)))"#,
        )
        .get_power_state(&format!(
            // The error is at the same place in all three results: 4 bytes after the discriminant.
            r#"(call $open (i32.const 2048))
               (if (i32.load8_u (i32.const 2048)) (then (return (i32.const 2048))))
               (call $request (i32.load (i32.const 2052)) (i32.const {netfn}) (i32.const 0) (i32.const {command})
                    (i32.const 0) (i32.const 0) (i32.const 3072))
               (if (i32.load8_u (i32.const 3072)) (then (return (i32.const 3072))))
               i32.const 1024"#
        ))
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for byte in text.bytes() {
        quoted.push_str(&format!("\\{byte:02x}"));
    }
    quoted.push('"');
    quoted
}
