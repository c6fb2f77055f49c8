//! ironbark-plugin-fake
