//! ironbark-drivers
