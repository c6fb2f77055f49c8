//! The vendor guide shows the example as it is.

#[test]
fn the_guide_shows_the_example_that_is_compiled() {
    let guide = include_str!("../../../docs/vendor-guide.md");
    let code = include_str!("../examples/acme.rs");
    // The guide leaves out the example's heading.
    let body = code.split_once("\n\n").map_or(code, |(_, body)| body);
    assert!(
        guide.contains(body),
        "docs/vendor-guide.md and sdk/rust/examples/acme.rs differ: copy the example into the guide"
    );
    let metadata = include_str!("../examples/acme.json");
    assert!(
        guide.contains(metadata.trim_end()),
        "docs/vendor-guide.md and sdk/rust/examples/acme.json differ: copy the example into the guide"
    );
}
