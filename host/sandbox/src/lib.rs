//! ironbark-sandbox
