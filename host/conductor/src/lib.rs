//! ironbark-conductor
