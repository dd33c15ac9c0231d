//! What stood in the way, in words.

use super::{CertificateSeen, Trouble};

/// A part of a sentence that begins with whoever is in trouble: “The relay …”.
pub fn trouble_in_words(trouble: &Trouble) -> String {
    match trouble {
        Trouble::NoSuchName => "has a name that nobody knows".to_owned(),
        Trouble::NoRoute => "is not to be reached: this computer has no way there".to_owned(),
        Trouble::Refused => "is not there: its computer answers, but nothing listens".to_owned(),
        Trouble::Silent => "does not answer".to_owned(),
        Trouble::Cut => "ends the connection without a word".to_owned(),
        Trouble::NotTls => "does not speak TLS".to_owned(),
        Trouble::WrongPin => "shows another certificate than the link names".to_owned(),
        Trouble::UnknownAuthority => {
            "shows a certificate for which nobody vouches that this computer trusts".to_owned()
        }
        Trouble::WrongName => "shows a certificate that is for another name".to_owned(),
        Trouble::NotToday => "shows a certificate that is not valid at this computer's time".to_owned(),
        Trouble::Proxy { why } => format!("is not reached: {why}"),
        Trouble::Stranger { said } => format!("is somebody else, who says: {said}"),
        Trouble::Code { code } => code_in_words(*code),
        Trouble::Other { text } => format!("is not reached: {text}"),
    }
}

/// What a STUN or TURN server means by a number.
fn code_in_words(code: u16) -> String {
    let meaning = match code {
        300 => "sends us to another server",
        400 => "does not understand the question",
        401 => "does not accept our credentials, or they have run out",
        403 => "forbids it",
        420 => "does not understand part of the question",
        437 => "still knows an older allocation of ours",
        438 => "says each time that the question comes too late",
        440 => "has no address of this version of IP",
        441 => "knows other credentials for what we hold",
        442 => "relays nothing of this kind",
        443 => "cannot send to that version of IP",
        486 => "gives us no more: we hold as many allocations as one may",
        500 => "has an error of its own",
        508 => "has no room left",
        _ => "refuses",
    };
    format!("{meaning} (code {code})")
}

/// When a certificate is valid, seen from this computer's clock; nothing where it is.
pub(super) fn not_today_in_words(certificate: &CertificateSeen, now_unix_ms: u64) -> Option<String> {
    let now = i64::try_from(now_unix_ms / 1000).ok()?;
    if now < certificate.not_before_unix {
        Some(format!("begins to be valid in {}", lapse(certificate.not_before_unix - now)))
    } else if now > certificate.not_after_unix {
        Some(format!("ended {} ago", lapse(now - certificate.not_after_unix)))
    } else {
        None
    }
}

/// So many seconds, roughly.
pub(super) fn lapse(seconds: i64) -> String {
    let (number, unit) = match seconds {
        ..120 => (seconds, "second"),
        120..7200 => (seconds / 60, "minute"),
        7200..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    if number == 1 { format!("1 {unit}") } else { format!("{number} {unit}s") }
}

/// A time as people want to read it.
pub(super) fn millis(ms: f64) -> String {
    if ms < 10.0 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [front @ .., last] => format!("{} and {last}", front.join(", ")),
    }
}
