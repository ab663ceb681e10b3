//! Guesses what a misspelt word was meant to be.
//!
//! In: a word and the known words. Out: the nearest one, if it is near enough.
//! Changes nothing: a guess is only shown.

/// The known word that is fewest letters away; the first of equals, nothing if all are far.
pub(crate) fn meant<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let lower = written.to_lowercase();
    let allowed = lower.chars().count() / 3;
    known
        .into_iter()
        .filter(|word| word.len().abs_diff(lower.len()) <= allowed.saturating_mul(4))
        .map(|word| (strsim::osa_distance(&lower, &word.to_lowercase()), word))
        .filter(|&(distance, word)| distance <= allowed && word != written)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, word)| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_keyboard_is_understood() {
        let known = ["search", "fetch", "code_executor"];
        assert_eq!(meant("serach", known), Some("search".to_owned()));
        assert_eq!(meant("Search", known), Some("search".to_owned()));
        assert_eq!(meant("code-executor", known), Some("code_executor".to_owned()));
    }

    #[test]
    fn another_word_is_not_guessed_at() {
        assert_eq!(meant("mail", ["search", "fetch"]), None);
        assert_eq!(meant("x", ["y"]), None);
        assert_eq!(meant("", ["search"]), None);
    }
}
