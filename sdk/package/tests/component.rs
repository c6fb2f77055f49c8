//! Components are read and rewritten without being run, whatever their bytes are.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use ironbark_package::{CodeSize, Contents, ContentsError, LiftError, SECTION, embed, lift};
use proptest::prelude::*;

const METADATA: &str = r#"{"name": "acme", "version": "1.0.0", "vendor": "Acme"}"#;

fn component(section: &str, top: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
            {top}
            (import "ironbark:driver/call@0.1.0" (instance))
            (import "wasi:cli/environment@0.2.0" (instance))
            (core module $m {section} (func (export "f")) (memory 1) (data (i32.const 0) "some data"))
            (component $inner (core module (func (export "g"))))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (instance $power (export "f" (func $f)))
            (export "ironbark:driver/power@0.1.0" (instance $power))
        )"#
    );
    wat::parse_str(text).unwrap()
}

fn section(metadata: &str) -> String {
    let bytes: String = metadata
        .bytes()
        .map(|byte| format!("\\{byte:02x}"))
        .collect();
    format!("(@custom \"{SECTION}\" \"{bytes}\")")
}

fn packed() -> Vec<u8> {
    lift(&component(&section(METADATA), "")).unwrap()
}

#[test]
fn a_section_from_the_compiler_is_lifted_to_the_top() {
    let built = component(&section(METADATA), "");
    assert!(matches!(
        Contents::read(&built),
        Err(ContentsError::NoMetadata)
    ));
    let lifted = lift(&built).unwrap();
    let contents = Contents::read(&lifted).unwrap();
    assert_eq!(contents.metadata, METADATA.as_bytes());
    assert_eq!(
        contents.imports,
        ["ironbark:driver/call@0.1.0", "wasi:cli/environment@0.2.0"]
    );
    assert_eq!(contents.exports, ["ironbark:driver/power@0.1.0"]);
    // It is there once, the rest is as it was, and lifting again changes nothing.
    let count = lifted
        .windows(SECTION.len())
        .filter(|window| *window == SECTION.as_bytes())
        .count();
    assert_eq!(count, 1);
    wasmparser::validate(&lifted).unwrap();
    assert_eq!(lift(&lifted).unwrap(), lifted);
    assert_eq!(
        embed(&component("", ""), METADATA.as_bytes()).unwrap(),
        lifted
    );
}

#[test]
fn sections_that_differ_are_refused() {
    let other = METADATA.replace("1.0.0", "2.0.0");
    let built = component(&section(METADATA), &section(&other));
    assert!(matches!(lift(&built), Err(LiftError::Several)));
    let same = component(&section(METADATA), &section(METADATA));
    assert_eq!(lift(&same).unwrap(), packed());
}

fn size_of(text: &str) -> CodeSize {
    CodeSize::of(&wat::parse_str(text).unwrap()).unwrap()
}

#[test]
fn code_is_counted_in_all_nested_modules() {
    let nested = size_of(
        "(component
            (core module (func nop nop nop) (func nop))
            (component (core module (func nop nop nop nop nop))))",
    );
    // Each function has a count of locals and an end besides, and costs 16 as such. So do the types, one in each module.
    assert_eq!(nested.total, (3 + 2) + (1 + 2) + (5 + 2) + (3 + 2) * 16);
    assert_eq!(nested.largest_function, 5 + 2);
    assert_eq!((nested.deepest_blocks, nested.parts), (0, 0));
    assert!(CodeSize::of(b"no component").is_err());
}

#[test]
fn what_has_code_made_for_it_counts() {
    let nothing = size_of("(module (func))").total;
    // Of the function, and of its type.
    let more = size_of("(module (func (param i32 i64) (result i32) i32.const 1))").total;
    assert_eq!(more, nothing + 2 + 2 * 3 * 4);
    let locals = format!("(module (func (local {})))", "i32 ".repeat(320));
    // Three bytes say so many of a type.
    assert_eq!(size_of(&locals).total, nothing + 3 + 320 / 16);
    let deep = size_of("(module (func block loop i32.const 0 if end end end block end))");
    assert_eq!(deep.deepest_blocks, 3);
}

#[test]
fn parts_are_counted_in_each_instance_anew() {
    let once = "(component $root
        (component $a (core module $m) (core instance (instantiate $m)))
        (component $b (alias outer $root $a (component $x)) (instance (instantiate $x)) (instance (instantiate $x)))";
    // `b` has an alias and two instances, each with a part in it.
    let of_b = 1 + 2 * (1 + 1);
    assert_eq!(size_of(&format!("{once})")).parts, 0);
    let text = format!("{once} (instance (instantiate $b)) (instance (instantiate $b)))");
    assert_eq!(size_of(&text).parts, 2 * (of_b + 1));
    // What is made instances of comes from elsewhere: nobody knows how many parts it has.
    let unknown = "(component (component $a (import \"x\" (component $x)) (instance (instantiate $x))) (component $e)
        (instance (instantiate $a (with \"x\" (component $e)))))";
    assert_eq!(size_of(unknown).parts, u64::MAX);
}

#[test]
fn what_is_no_package_is_told_from_what_is() {
    assert!(matches!(
        Contents::read(b""),
        Err(ContentsError::Malformed(_) | ContentsError::NoMetadata)
    ));
    assert!(matches!(
        Contents::read(b"#!/bin/sh\n"),
        Err(ContentsError::Malformed(_))
    ));
    let module = wat::parse_str("(module)").unwrap();
    assert!(matches!(
        Contents::read(&module),
        Err(ContentsError::CoreModule)
    ));
    assert!(matches!(lift(&module), Err(LiftError::NotAComponent)));
    assert!(matches!(
        lift(&component("", "")),
        Err(LiftError::NoMetadata)
    ));
    let wrong = component(&section(r#"{"name": "acme"}"#), "");
    assert!(matches!(lift(&wrong), Err(LiftError::Metadata(_))));
    let twice = wat::parse_str(format!("(component {0} {0})", section(METADATA))).unwrap();
    assert!(matches!(
        Contents::read(&twice),
        Err(ContentsError::SecondMetadata)
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn damaged_components_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let mut bytes = component(&section(METADATA), &section(METADATA));
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if cuts {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = Contents::read(&bytes);
        let _ = CodeSize::of(&bytes);
        if let Ok(lifted) = lift(&bytes) {
            prop_assert_eq!(lift(&lifted).unwrap(), lifted);
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut with_header = b"\0asm\x0d\0\x01\0".to_vec();
        with_header.extend_from_slice(&bytes);
        for bytes in [bytes, with_header] {
            let _ = Contents::read(&bytes);
        let _ = CodeSize::of(&bytes);
            let _ = lift(&bytes);
        }
    }
}
