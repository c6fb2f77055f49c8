//! ironbark-bench
