//! ironbark-api
