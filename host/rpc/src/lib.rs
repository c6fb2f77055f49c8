//! ironbark-rpc
