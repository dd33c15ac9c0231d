//! Links as people paste them: with words around them, in brackets, broken over lines.

use std::str::FromStr;

use sightline_protocol::{
    limits::MAX_LINK_BYTES,
    link::{CallLink, LinkError, ServerAddress},
};

/// A pasted text longer than this is not searched.
const MAX_SEARCHED_BYTES: usize = 16 * MAX_LINK_BYTES;

/// The call link in a text.
pub fn call_link(text: &str) -> Result<CallLink, LinkError> {
    find(text)
}

/// The server in a text: its own link, or a call link of somebody at it.
pub fn server(text: &str) -> Result<ServerAddress, LinkError> {
    find::<ServerAddress>(text).or_else(|error| call_link(text).map(|link| link.server).map_err(|_| error))
}

fn find<T: FromStr<Err = LinkError>>(text: &str) -> Result<T, LinkError> {
    let whole = text.trim();
    let error = match whole.parse() {
        Ok(found) => return Ok(found),
        Err(error) => error,
    };
    if whole.len() > MAX_SEARCHED_BYTES {
        return Err(LinkError::TooLong);
    }
    // As a whole, broken by the lines of a letter.
    let unbroken: String = whole.split_whitespace().collect();
    let words =
        whole.split_whitespace().map(|word| word.trim_matches(is_around)).filter(|word| is_link(word));
    let mut tried = words.map(str::parse).chain([unbroken.trim_matches(is_around).parse()]);
    let found = tried.find(Result::is_ok);
    found.unwrap_or_else(|| {
        // Of one word that begins like a link its own trouble says more.
        let word =
            whole.split_whitespace().map(|word| word.trim_matches(is_around)).find(|word| is_link(word));
        Err(word.and_then(|word| word.parse::<T>().err()).unwrap_or(error))
    })
}

fn is_around(c: char) -> bool {
    matches!(
        c,
        '<' | '>'
            | '('
            | ')'
            | '['
            | ']'
            | '{'
            | '}'
            | '"'
            | '\''
            | '“'
            | '”'
            | '„'
            | '‘'
            | '’'
            | ','
            | '.'
            | ';'
            | '!'
            | '?'
    )
}

fn is_link(word: &str) -> bool {
    let begins = |with: &str| word.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with));
    begins("https://") || begins("http://") || begins("sightline:")
}

#[cfg(test)]
mod tests {
    use sightline_protocol::keys::Identity;

    use super::*;

    fn link() -> CallLink {
        let address = Identity::from_secret_bytes([7; 32]).address();
        CallLink { server: "https://a.example/".parse().unwrap(), address, token: None }
    }

    #[test]
    fn a_link_is_found_in_what_people_paste() {
        let text = link().to_string();
        let (head, tail) = text.split_at(30);
        for pasted in [
            text.clone(),
            format!("  {text}\n"),
            format!("<{text}>"),
            format!("Call me: {text}, any time!"),
            format!("\"{}\"", link().to_app_link()),
            format!("{head}\n{tail}"),
        ] {
            assert_eq!(call_link(&pasted), Ok(link()), "{pasted:?}");
            assert_eq!(server(&pasted), Ok(link().server), "{pasted:?}");
        }
    }

    #[test]
    fn what_is_no_link_is_refused_with_what_is_wrong() {
        assert_eq!(call_link(""), Err(LinkError::Empty));
        assert_eq!(call_link("hello there"), Err(LinkError::Broken));
        assert_eq!(call_link("see https://a.example/ please"), Err(LinkError::NoKey));
        assert_eq!(call_link(&"x ".repeat(100_000)), Err(LinkError::TooLong));
    }
}
