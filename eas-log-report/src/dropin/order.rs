//! The order of names.

use std::cmp::Ordering;

use super::Rules;

/// How two names stand to each other.
pub(super) fn compare(a: &[u8], b: &[u8], rules: Rules) -> Ordering {
    match rules {
        Rules::Corrected => a.cmp(b),
        Rules::Compat => as_a_server_does(a, b),
    }
}

/// Close to how Windows orders names in English: hyphens and apostrophes are passed over, then come
/// punctuation, the signs of arithmetic, digits and letters, without regard to case. What is equal
/// that far stands with small letters first, and then by its bytes.
fn as_a_server_does(a: &[u8], b: &[u8]) -> Ordering {
    let (left, right) = (String::from_utf8_lossy(a), String::from_utf8_lossy(b));
    let weights = |text: &str| -> Vec<(u8, char)> { text.chars().filter_map(weight).collect() };
    let is_upper = |text: &str| -> Vec<bool> { text.chars().map(char::is_uppercase).collect() };
    weights(&left)
        .cmp(&weights(&right))
        .then_with(|| is_upper(&left).cmp(&is_upper(&right)))
        .then_with(|| a.cmp(b))
}

/// The group of a character and its place there; none if it is passed over.
fn weight(ch: char) -> Option<(u8, char)> {
    let group = match ch {
        '-' | '\'' => return None,
        '+' | '<' | '=' | '>' => 1,
        '0'..='9' => 2,
        _ if ch.is_ascii() && !ch.is_ascii_alphabetic() => 0,
        _ => 3,
    };
    // A character with several small forms sorts by the first.
    Some((group, ch.to_lowercase().next().unwrap_or(ch)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_order() {
        let sorted = |rules| {
            let mut names = [
                "z", "A_b", "a1", "co-op", "COOP", "Coop", "=x", "coo", "a\\b", "9", "ä", "a~",
            ];
            names.sort_by(|a, b| compare(a.as_bytes(), b.as_bytes(), rules));
            names.join(" ")
        };
        assert_eq!(
            sorted(Rules::Corrected),
            "9 =x A_b COOP Coop a1 a\\b a~ co-op coo z ä"
        );
        assert_eq!(
            sorted(Rules::Compat),
            "=x 9 a\\b A_b a~ a1 coo co-op Coop COOP z ä"
        );
    }
}
