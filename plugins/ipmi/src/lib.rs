//! ironbark-plugin-ipmi
