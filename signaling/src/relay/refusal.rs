//! Why a request is refused, and the code that says so.

use stun_types::attribute::AttributeType;

use super::Refused;
use super::stun::{Answer, Question};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    BadRequest,
    Unauthenticated,
    Forbidden,
    UnknownAttributes(Vec<AttributeType>),
    /// There is no allocation where one has to be, or there is one where none may be.
    Mismatch,
    StaleNonce,
    Family,
    WrongCredentials,
    Transport,
    PeerFamily,
    Quota,
    Capacity,
}

impl Refusal {
    pub(super) fn answer(&self, question: Question) -> Answer {
        let answer = Answer::error(question, self.code());
        match self {
            Self::UnknownAttributes(unknown) => answer.with_unknown(unknown),
            Self::BadRequest
            | Self::Unauthenticated
            | Self::Forbidden
            | Self::Mismatch
            | Self::StaleNonce
            | Self::Family
            | Self::WrongCredentials
            | Self::Transport
            | Self::PeerFamily
            | Self::Quota
            | Self::Capacity => answer,
        }
    }

    const fn code(&self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::UnknownAttributes(_) => 420,
            Self::Mismatch => 437,
            Self::StaleNonce => 438,
            Self::Family => 440,
            Self::WrongCredentials => 441,
            Self::Transport => 442,
            Self::PeerFamily => 443,
            Self::Quota => 486,
            Self::Capacity => 508,
        }
    }

    pub(super) fn count(&self, refused: &mut Refused) {
        let count = match self {
            Self::BadRequest => &mut refused.bad_request_400,
            Self::Unauthenticated => &mut refused.unauthenticated_401,
            Self::Forbidden => &mut refused.forbidden_403,
            Self::UnknownAttributes(_) => &mut refused.unknown_attribute_420,
            Self::Mismatch => &mut refused.mismatch_437,
            Self::StaleNonce => &mut refused.stale_nonce_438,
            Self::Family => &mut refused.family_440,
            Self::WrongCredentials => &mut refused.wrong_credentials_441,
            Self::Transport => &mut refused.transport_442,
            Self::PeerFamily => &mut refused.peer_family_443,
            Self::Quota => &mut refused.quota_486,
            Self::Capacity => &mut refused.capacity_508,
        };
        *count += 1;
    }
}
