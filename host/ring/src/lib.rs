//! ironbark-ring
