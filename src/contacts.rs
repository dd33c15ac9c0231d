//! The list of contacts in the profile, for people to read and write as well. Who is one: [`crate::logic::contacts`].
//!
//! A list that is damaged is reported and never written over: it may be the only copy.

use sightline_protocol::{keys::Address, link::CallLink};

pub use crate::logic::contacts::{Contact, Contacts, NoSuchChange};
use crate::settings::{Profile, ProfileError};

const FILE: &str = "contacts.toml";

impl Contacts {
    /// The list of a profile; empty where there is none yet.
    pub fn load(profile: &Profile) -> Result<Self, ProfileError> {
        let Some((path, text)) = profile.read(FILE)? else { return Ok(Self::default()) };
        toml::from_str(&text).map_err(|error| ProfileError::DamagedSettings {
            path,
            reason: error.to_string().trim().to_owned(),
        })
    }

    /// Writes it, all or nothing.
    pub fn store(&self, profile: &Profile) -> Result<(), ProfileError> {
        profile.replace(FILE, &self.written())
    }

    fn written(&self) -> String {
        toml::to_string(self).expect("names, keys and links can be written")
    }
}

/// Takes somebody in whom we are talking to. A name that they chose themselves and that does not do is left out.
pub fn remember(
    profile: &Profile,
    key: Address,
    called: Option<&str>,
    link: Option<CallLink>,
) -> Result<(), ProfileError> {
    let mut contacts = Contacts::load(profile)?;
    contacts.remember(key, called, link);
    contacts.store(profile)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use sightline_protocol::keys::Identity;

    use super::*;

    fn contact(seed: u8, name: &str) -> Contact {
        let key = Identity::from_secret_bytes([seed; 32]).address();
        let server = "http://127.0.0.1:7480/".parse().unwrap();
        let link = Some(CallLink { server, address: key, token: None });
        Contact { key, name: Some(name.to_owned()), link }
    }

    fn profile() -> (tempfile::TempDir, Profile) {
        let folder = tempfile::tempdir().unwrap();
        let profile = Profile::at(Some(folder.path())).unwrap();
        (folder, profile)
    }

    #[test]
    fn contacts_are_kept() {
        let (_folder, profile) = profile();
        let mut contacts = Contacts::load(&profile).unwrap();
        assert_eq!(contacts, Contacts::default());
        contacts.add(contact(1, "Ada")).unwrap();
        contacts.add(Contact { name: None, link: None, ..contact(2, "") }).unwrap();
        contacts.store(&profile).unwrap();
        assert_eq!(Contacts::load(&profile).unwrap(), contacts);
        assert!(contacts.keys().contains(&contact(1, "").key));
        assert_eq!(contacts.remove("Ada").unwrap(), contact(1, "Ada"));
        assert_eq!(contacts.remove("Ada"), Err(NoSuchChange::Nobody("Ada".to_owned())));
        contacts.remove(&contact(2, "").key.to_string()).unwrap();
        contacts.store(&profile).unwrap();
        assert_eq!(Contacts::load(&profile).unwrap(), Contacts::default());
    }

    #[test]
    fn somebody_known_is_one_contact_and_keeps_what_is_not_new() {
        let mut contacts = Contacts::default();
        contacts.add(contact(1, "Ada")).unwrap();
        contacts.add(Contact { name: None, link: None, ..contact(1, "") }).unwrap();
        assert_eq!(contacts.iter().collect::<Vec<_>>(), [&contact(1, "Ada")]);
        assert_eq!(contacts.add(contact(2, "Ada")), Err(NoSuchChange::NameTaken("Ada".to_owned())));
        for name in ["", " Ada", "A\nda", &"a".repeat(65)] {
            assert_eq!(contacts.add(contact(3, name)), Err(NoSuchChange::BadName), "{name:?}");
        }
    }

    #[test]
    fn whom_we_talk_to_is_remembered_under_a_name_that_does() {
        let (_folder, profile) = profile();
        let (ada, eve) = (contact(1, "").key, contact(2, "").key);
        remember(&profile, ada, Some(" Ada "), None).unwrap();
        remember(&profile, ada, Some("Another"), contact(1, "").link).unwrap();
        remember(&profile, eve, Some("Ada"), None).unwrap();
        let contacts = Contacts::load(&profile).unwrap();
        let names: Vec<_> = contacts.iter().map(|contact| contact.name.as_deref()).collect();
        assert_eq!(names, [Some("Ada"), None], "nobody takes another's name");
        assert_eq!(contacts.iter().next().unwrap().link, contact(1, "").link);
    }

    #[test]
    fn a_damaged_list_is_reported_and_left_as_it_is() {
        let (folder, profile) = profile();
        let path = folder.path().join(FILE);
        let (ada, eve) = (contact(1, "").key, contact(2, "").link.unwrap());
        for text in [
            "contact = 7".to_owned(),
            "[[contact]]\nkey = \"short\"".to_owned(),
            "[[contacts]]\n".to_owned(),
            format!("[[contact]]\nkey = \"{ada}\"\nlink = \"{eve}\""),
            "[[contact".to_owned(),
        ] {
            fs::write(&path, &text).unwrap();
            let loaded = Contacts::load(&profile);
            assert!(matches!(loaded, Err(ProfileError::DamagedSettings { .. })), "{text}: {loaded:?}");
            assert!(remember(&profile, ada, None, None).is_err());
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_list_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let (folder, profile) = profile();
        remember(&profile, contact(1, "").key, None, None).unwrap();
        remember(&profile, contact(2, "").key, None, None).unwrap();
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(left, [FILE], "nothing else is left behind");
    }
}
