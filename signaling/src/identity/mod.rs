//! By what a server is known again: its certificate, where that comes from, and the folder that keeps it.

#[cfg(feature = "program")]
pub(crate) mod acme;
pub(crate) mod certificate;
pub(crate) mod data_folder;
