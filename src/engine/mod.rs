//! Motion: threads, channels and the one loop that owns every state machine.
