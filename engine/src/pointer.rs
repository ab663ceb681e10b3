//! RFC 6901 pointers, written and read.
//!
//! In: tokens, or a pointer. Out: the other of both. Knows no document.

/// A pointer to a member or an element of what `pointer` leads to.
pub fn below(pointer: &str, token: &str) -> String {
    let mut pointer = pointer.to_owned();
    push(&mut pointer, token);
    pointer
}

/// Makes a pointer lead to a member or an element of what it leads to.
pub fn push(pointer: &mut String, token: &str) {
    pointer.push('/');
    pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
}

/// The pointer that these tokens make.
pub fn of<'t>(tokens: impl IntoIterator<Item = &'t str>) -> String {
    let mut pointer = String::new();
    tokens.into_iter().for_each(|token| push(&mut pointer, token));
    pointer
}

/// The tokens of a pointer; nothing if it is none.
pub(crate) fn tokens(pointer: &str) -> Option<Vec<String>> {
    let mut tokens = pointer.split('/');
    if !tokens.next()?.is_empty() {
        return None;
    }
    let unescaped = |token: &str| {
        let is_escape = |rest: &str| rest.starts_with('0') || rest.starts_with('1');
        let is_right = token.split('~').skip(1).all(is_escape);
        is_right.then(|| token.replace("~1", "/").replace("~0", "~"))
    };
    tokens.map(unescaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_is_written_is_read_again() {
        for names in [&[][..], &[""], &["a", "b"], &["a/b", "~", "~1", "~0/"], &["", "é"]] {
            assert_eq!(tokens(&of(names.iter().copied())).unwrap(), names);
        }
        assert_eq!(below("/a", "b~/c"), "/a/b~0~1c");
    }

    #[test]
    fn what_is_no_pointer_has_no_tokens() {
        for text in ["a", "a/b", "/~", "/~2", "/a/~b"] {
            assert_eq!(tokens(text), None, "{text}");
        }
    }
}
