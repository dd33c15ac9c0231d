//! Bytes as text: base64 in the URL alphabet, without padding, in its one canonical spelling.
//!
//! Two spellings of one key would be two addresses for one installation, so stray bits in the last character
//! are refused, as is padding.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Why a text is not the bytes that were expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadBase64 {
    #[error("it has {found} characters where {expected} are due")]
    Length { found: usize, expected: usize },
    #[error("it is not base64 in the URL alphabet without padding")]
    Alphabet,
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The same behind what `text` holds already.
pub(crate) fn encode_into(bytes: &[u8], text: &mut String) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
}

/// Whether this is the canonical spelling of some bytes.
pub(crate) fn is_valid(text: &str) -> bool {
    // Whole groups of four characters; only the last may be a shorter one.
    let mut waste = [0; 768];
    text.as_bytes().chunks(1024).all(|part| {
        matches!(URL_SAFE_NO_PAD.decode_slice(part, &mut waste), Ok(bytes) if encoded_length(bytes) == part.len())
    })
}

/// How many characters `bytes` bytes take.
pub(crate) const fn encoded_length(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

pub(crate) fn decode(text: &str) -> Result<Vec<u8>, BadBase64> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| BadBase64::Alphabet)
}

pub(crate) fn decode_array<const N: usize>(text: &str) -> Result<[u8; N], BadBase64> {
    let expected = encoded_length(N);
    let found = text.chars().count();
    if found != expected {
        return Err(BadBase64::Length { found, expected });
    }
    decode(text)?.try_into().map_err(|_| BadBase64::Alphabet)
}

/// Serde for a newtype around a byte array, as one base64url string.
macro_rules! serde_as_base64url {
    ($type:ident, $length:literal) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&$crate::base64url::encode(&self.0))
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                $crate::base64url::decode_array::<$length>(&text).map(Self).map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use serde_as_base64url;
