# Everyday recipes. Each is one task of `cargo xtask`, which needs no other tool than cargo.

# Show the service at work
demo *args:
    cargo xtask demo {{args}}

# Run every test there is
test *args:
    cargo xtask test {{args}}

# Run the tests alone, without lints and documentation
quick *args:
    cargo xtask test --quick {{args}}

# What tests need, and what of it isn't here
needs:
    cargo xtask needs

# Build host and drivers
build:
    cargo xtask build

# Build the driver packages
drivers:
    cargo xtask drivers

# Formatting, lints, documentation, dependencies
lint:
    cargo xtask lint

# Measure
bench *args:
    cargo xtask bench -- {{args}}
