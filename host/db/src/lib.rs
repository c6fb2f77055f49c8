//! ironbark-db
