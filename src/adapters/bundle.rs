//! Descriptions that give each medium a path of its own, made into ones with the one path that we speak on.
//!
//! Who offers cannot know whether the other side sends all media over one path, and may give each medium credentials and
//! candidates of its own; aiortc does. We do send all over one, and then the first medium's count and the others' are void
//! (RFC 9143). `webrtc` 0.21 refuses a description with more than one pair of credentials.

/// What the credentials and candidates of a path begin with.
const OF_A_PATH: [&str; 4] = ["a=ice-ufrag:", "a=ice-pwd:", "a=candidate:", "a=end-of-candidates"];

/// The description, with the path of the first of its bundled media alone.
pub(super) fn on_one_path(sdp: &str) -> String {
    let group = sdp.lines().find_map(|line| line.strip_prefix("a=group:BUNDLE "));
    let others: Vec<_> = group.unwrap_or_default().split_whitespace().skip(1).collect();
    let mut kept = String::with_capacity(sdp.len());
    let mut rest = sdp;
    while !rest.is_empty() {
        let end = rest.find("\nm=").map_or(rest.len(), |at| at + 1);
        let (section, after) = rest.split_at(end);
        let mid = section.lines().find_map(|line| line.strip_prefix("a=mid:"));
        let is_void = mid.is_some_and(|mid| others.contains(&mid.trim()));
        let is_kept = |line: &&str| !(is_void && OF_A_PATH.iter().any(|word| line.starts_with(word)));
        kept.extend(section.split_inclusive('\n').filter(is_kept));
        rest = after;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: &str = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";

    fn medium(kind: &str, mid: &str) -> String {
        format!(
            "m={kind} 9 X 96\r\na=mid:{mid}\r\na=ice-ufrag:u{mid}\r\na=ice-pwd:p{mid}\r\n\
             a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\na=setup:actpass\r\n"
        )
    }

    #[test]
    fn of_bundled_media_only_the_first_keeps_its_path() {
        let [audio, video] = [medium("audio", "0"), medium("video", "1")];
        let offer = format!("{SESSION}a=group:BUNDLE 0 1\r\n{audio}{video}");
        let bare = "m=video 9 X 96\r\na=mid:1\r\na=setup:actpass\r\n";
        assert_eq!(on_one_path(&offer), format!("{SESSION}a=group:BUNDLE 0 1\r\n{audio}{bare}"));

        let turned = format!("{SESSION}a=group:BUNDLE 1 0\r\n{audio}{video}");
        assert!(on_one_path(&turned).ends_with(&video));
        assert!(!on_one_path(&turned).contains("ice-ufrag:u0"));
    }

    #[test]
    fn what_is_not_bundled_stays_as_it_is() {
        let [audio, video, words] = [medium("audio", "0"), medium("video", "1"), medium("application", "2")];
        for untouched in [
            format!("{SESSION}{audio}{video}"),
            format!("{SESSION}a=group:BUNDLE 0\r\n{audio}{video}{words}"),
            format!("{SESSION}a=group:BUNDLE\r\n{audio}{video}"),
            "m=\nm=\n\nm=".to_owned(),
            "ü".to_owned(),
            String::new(),
        ] {
            assert_eq!(on_one_path(&untouched), untouched);
        }
    }
}
