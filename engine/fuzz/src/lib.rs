//! What several fuzz targets need: JSON as a tree, the same value in another spelling, scans run the plain way.
//!
//! In: values of the engine's reader, bundles. Out: what a property compares them with.
//! Knows nothing of the fuzzer.

pub mod json;
pub mod scan;
