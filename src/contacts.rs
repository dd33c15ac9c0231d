//! Who is a contact: a list in the profile, for people to read and write as well.
//!
//! A contact is a key. A name is what *we* call them, and a link is where they were reached last; somebody who only ever
//! called us has none. Contacts may learn our addresses while it still rings, so that a call stands the moment it is taken;
//! everybody else learns nothing before.
//!
//! A list that is damaged is reported and never written over: it may be the only copy.

use std::{collections::HashSet, fmt};

use serde::{Deserialize, Serialize};
use sightline_protocol::{keys::Address, link::CallLink};

use crate::settings::{Profile, ProfileError};

const FILE: &str = "contacts.toml";
/// The longest name, in characters. It stands in one line.
const MAX_NAME_CHARS: usize = 64;

/// Somebody we know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Contact {
    /// Who they are.
    pub key: Address,
    /// What we call them.
    pub name: Option<String>,
    /// Where they are reached.
    pub link: Option<CallLink>,
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Contacts {
    #[serde(rename = "contact")]
    list: Vec<Contact>,
}

/// Why the list does not change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchChange {
    /// It is not a name.
    #[error("a name is one line of at most {MAX_NAME_CHARS} characters, and not empty")]
    BadName,
    /// Two people cannot be told apart by it.
    #[error("somebody else is called {0} already; choose another name with --name")]
    NameTaken(String),
    /// Nobody is meant.
    #[error("no contact has the name or key {0}; `sightline contacts` shows them all")]
    Nobody(String),
}

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

    /// In the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Contact> {
        self.list.iter()
    }

    /// Their keys.
    pub fn keys(&self) -> HashSet<Address> {
        self.list.iter().map(|contact| contact.key).collect()
    }

    /// Takes somebody in. Of somebody known, what is new takes the place of what was.
    pub fn add(&mut self, new: Contact) -> Result<(), NoSuchChange> {
        if let Some(name) = &new.name {
            self.may_be_called(new.key, name)?;
        }
        self.take(new);
        Ok(())
    }

    fn may_be_called(&self, key: Address, name: &str) -> Result<(), NoSuchChange> {
        if !is_name(name) {
            return Err(NoSuchChange::BadName);
        }
        let is_taken = |known: &Contact| known.name.as_deref() == Some(name) && known.key != key;
        if self.list.iter().any(is_taken) {
            return Err(NoSuchChange::NameTaken(name.to_owned()));
        }
        Ok(())
    }

    fn take(&mut self, new: Contact) {
        match self.list.iter_mut().find(|known| known.key == new.key) {
            Some(known) => {
                known.name = new.name.or(known.name.take());
                known.link = new.link.or(known.link.take());
            }
            None => self.list.push(new),
        }
    }

    /// Lets somebody go, by name or key.
    pub fn remove(&mut self, who: &str) -> Result<Contact, NoSuchChange> {
        let is_meant = |known: &Contact| known.name.as_deref() == Some(who) || known.key.to_string() == who;
        let place = self.list.iter().position(is_meant);
        place.map(|place| self.list.remove(place)).ok_or_else(|| NoSuchChange::Nobody(who.to_owned()))
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
    let known = contacts.iter().any(|contact| contact.key == key);
    let name = called.map(str::trim).filter(|name| !known && contacts.may_be_called(key, name).is_ok());
    let name = name.map(str::to_owned);
    contacts.take(Contact { key, name, link });
    contacts.store(profile)
}

impl fmt::Display for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or("(no name)");
        match &self.link {
            Some(link) => write!(f, "{name}  {link}"),
            None => write!(f, "{name}  {}", self.key),
        }
    }
}

fn is_name(name: &str) -> bool {
    name.trim() == name
        && !name.is_empty()
        && name.chars().count() <= MAX_NAME_CHARS
        && !name.chars().any(char::is_control)
}

/// As it stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    key: Address,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

impl TryFrom<Written> for Contact {
    type Error = String;

    fn try_from(Written { key, name, link }: Written) -> Result<Self, String> {
        let link: Option<CallLink> =
            link.map(|link| link.parse().map_err(|error| format!("link: {error}"))).transpose()?;
        if link.as_ref().is_some_and(|link| link.address != key) {
            return Err("the link is somebody else's: it has another key".to_owned());
        }
        if name.as_ref().is_some_and(|name| !is_name(name)) {
            return Err(NoSuchChange::BadName.to_string());
        }
        Ok(Self { key, name, link })
    }
}

impl From<Contact> for Written {
    fn from(Contact { key, name, link }: Contact) -> Self {
        Self { key, name, link: link.map(|link| link.to_string()) }
    }
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
