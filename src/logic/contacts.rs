//! Who is a contact.
//!
//! A contact is a key. A name is what *we* call them, and a link is where they were reached last; somebody who only ever
//! called us has none. Contacts may learn our addresses while it still rings, so that a call stands the moment it is taken;
//! everybody else learns nothing before.

use std::{collections::HashSet, fmt};

use serde::{Deserialize, Serialize};
use sightline_protocol::{keys::Address, link::CallLink};

/// The longest name, in characters. It stands in one line.
pub const MAX_NAME_CHARS: usize = 64;

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
    #[error("somebody else is called {0} already; choose another name")]
    NameTaken(String),
    /// Nobody is meant.
    #[error("no contact has the name or key {0}; `sightline contacts` shows them all")]
    Nobody(String),
}

impl Contacts {
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

    /// Takes somebody in whom we are talking to. A name that they chose themselves and that does not do is left out.
    pub fn remember(&mut self, key: Address, called: Option<&str>, link: Option<CallLink>) {
        let known = self.get(key).is_some();
        let name = called.map(str::trim).filter(|name| !known && self.may_be_called(key, name).is_ok());
        let name = name.map(str::to_owned);
        self.take(Contact { key, name, link });
    }

    /// Somebody, where they are one.
    pub fn get(&self, key: Address) -> Option<&Contact> {
        self.list.iter().find(|known| known.key == key)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Nobody yet.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
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
