//! What Sightline's clients and server say to each other.
