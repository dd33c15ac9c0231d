//! Keys: who somebody is, and how that is proved.
//!
//! An installation owns one Ed25519 key pair. The public half is its [`Address`]; the secret half is its
//! [`Identity`], which signs a server's challenge and from which the X25519 key for sealing is derived.
//!
//! One key, not two, because the address stands in every link, is read aloud and is compared by eye; a second
//! key would double it, and a signature binding the two would have to travel as well. The derivation is the
//! birational map between the two curves, as in libsodium's `crypto_sign_ed25519_pk_to_curve25519`. That one
//! key may serve both for signing and for key agreement was analysed for XEdDSA and by Thormarker ("On using
//! the same key pair for Ed25519 and an X25519 based KEM", 2021). The map forgets the sign of the point, so
//! the sealing binds both whole addresses as well (see `seal.rs`).

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::base64url::{self, BadBase64, serde_as_base64url};
use crate::random::{self, NoRandomness};

const SHORT_CHARS: usize = 8;

/// An installation's public key, which is its address.
///
/// Always a point of the curve in its one canonical spelling, and not one of the few weak points for which
/// anybody could sign.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address([u8; 32]);

impl Address {
    /// How many characters an address takes when written.
    pub const CHARS: usize = base64url::encoded_length(32);

    /// Takes the 32 bytes of a public key.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, AddressError> {
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| AddressError::NotAPoint)?;
        let canonical = key.to_edwards().compress().to_bytes();
        if key.is_weak() || canonical != bytes {
            return Err(AddressError::NotAPoint);
        }
        Ok(Self(bytes))
    }

    /// The 32 bytes of the public key.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first characters, for a log.
    pub fn short(&self) -> String {
        self.to_string().chars().take(SHORT_CHARS).collect()
    }

    /// Checks that the owner of this address signed `message`.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.key().verify_strict(message, &signature).map_err(|_| BadSignature)
    }

    /// The same key on the curve that Noise computes on.
    pub(crate) fn to_x25519(self) -> [u8; 32] {
        self.key().to_montgomery().to_bytes()
    }

    fn key(&self) -> VerifyingKey {
        VerifyingKey::from_bytes(&self.0).expect("an address was checked to be a point when it was made")
    }
}

/// A table of addresses can be asked for 32 bytes that need not be anybody's address.
impl Borrow<[u8; 32]> for Address {
    fn borrow(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({}…)", self.short())
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let bytes = base64url::decode_array(text).map_err(|e| match e {
            BadBase64::Length { found, .. } => AddressError::Length { found },
            BadBase64::Alphabet => AddressError::Alphabet,
        })?;
        Self::from_bytes(bytes)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a text or some bytes are not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Too few or too many characters.
    #[error(
        "an address has {} characters, and this one has {found}; it may have been cut when it was copied",
        Address::CHARS
    )]
    Length {
        /// How many there were.
        found: usize,
    },
    /// Characters that do not occur in an address.
    #[error("an address holds only letters, digits, - and _, and this one is spelt differently")]
    Alphabet,
    /// Not the public key of anybody.
    #[error("this is not anybody's address; a character may have changed on the way")]
    NotAPoint,
}

/// An installation's secret key. It is wiped from memory when dropped, and never printed.
pub struct Identity {
    key: SigningKey,
    address: Address,
}

impl Identity {
    /// Makes a new one.
    pub fn generate() -> Result<Self, NoRandomness> {
        let secret = Zeroizing::new(random::bytes()?);
        Ok(Self::from_secret_bytes(*secret))
    }

    /// The identity whose Ed25519 secret (the 32-byte seed) this is.
    pub fn from_secret_bytes(secret: [u8; 32]) -> Self {
        let secret = Zeroizing::new(secret);
        let key = SigningKey::from_bytes(&secret);
        let address = Address(key.verifying_key().to_bytes());
        Self { key, address }
    }

    /// The secret, to be stored where only its owner can read it.
    pub fn secret_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.key.to_bytes())
    }

    /// The address that belongs to it.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// Signs `message`.
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.key.sign(message).to_bytes())
    }

    /// The same secret for the curve that Noise computes on. Whoever multiplies by it clamps it first.
    pub(crate) fn x25519_secret(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.key.to_scalar_bytes())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({}…)", self.address.short())
    }
}

/// An Ed25519 signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

serde_as_base64url!(Signature, 64);

/// A signature that its supposed maker did not make, or made over something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not belong to this address and message")]
pub struct BadSignature;

#[cfg(test)]
mod tests {
    use curve25519_dalek::montgomery::MontgomeryPoint;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_derived_secret_belongs_to_the_derived_public_key(secret: [u8; 32]) {
            let identity = Identity::from_secret_bytes(secret);
            let public = MontgomeryPoint::mul_base_clamped(*identity.x25519_secret()).to_bytes();
            prop_assert_eq!(public, identity.address().to_x25519());
        }
    }

    #[test]
    fn the_derivation_is_libsodiums() {
        // The published vector of libsodium's `ed25519_convert` test.
        let identity = Identity::from_secret_bytes([
            0x42, 0x11, 0x51, 0xa4, 0x59, 0xfa, 0xea, 0xde, 0x3d, 0x24, 0x71, 0x15, 0xf9, 0x4a, 0xed, 0xae,
            0x42, 0x31, 0x81, 0x24, 0x09, 0x5a, 0xfa, 0xbe, 0x4d, 0x14, 0x51, 0xa5, 0x59, 0xfa, 0xed, 0xee,
        ]);
        let expected = [
            0xf1, 0x81, 0x4f, 0x0e, 0x8f, 0xf1, 0x04, 0x3d, 0x8a, 0x44, 0xd2, 0x5b, 0xab, 0xff, 0x3c, 0xed,
            0xca, 0xe6, 0xc2, 0x2c, 0x3e, 0xda, 0xa4, 0x8f, 0x85, 0x7a, 0xe7, 0x0d, 0xe2, 0xba, 0xae, 0x50,
        ];
        assert_eq!(identity.address().to_x25519(), expected);
    }
}
