# Short names for the repository's own commands; `just` itself is never needed.

# Lists what there is.
default:
    @just --list --unsorted

# Builds all, starts an Envoy with the filter and shows every answer; `just run --help` for more.
run *options:
    envoy/demo {{ options }}

# Builds the filter as an OCI image, and says its digest and how to push it: `just image registry.example.org/toolgate:0.1.0`.
image *name:
    envoy/image {{ name }}

# Runs all tests, or the named steps: `just test filter envoy-1.40`.
test *steps:
    tests/run {{ steps }}

# The quick half, without Envoy: format, lints and native tests.
check:
    tests/run format lint unit corpus

# Formats all code.
format:
    cargo fmt --all

# Compares the proxy's CPU time and start with and without the filter, and measures the engine.
bench *options:
    tests/bench {{ options }}

# Fuzzes all targets or one, each for so many seconds: `just fuzz reader 600`; `just fuzz --help` for more.
fuzz *options:
    tests/fuzz {{ options }}

# What CI runs.
ci:
    .ci/run
