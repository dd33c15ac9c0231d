//! What the relay is held to.
