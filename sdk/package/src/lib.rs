//! ironbark-package
