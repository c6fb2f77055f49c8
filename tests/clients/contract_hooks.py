"""What the description of the API can't say: what driver packages look like from outside."""

import schemathesis
from hypothesis import strategies as st

BEGIN = b"\0asm\x0d\0\x01\0"

schemathesis.openapi.media_type(
    "application/wasm",
    st.one_of(st.binary(max_size=64), st.binary(max_size=64).map(lambda rest: BEGIN + rest)),
)
