//! ironbark-driver
